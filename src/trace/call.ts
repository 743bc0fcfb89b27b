/** One host call as a recording shows it. */

/** What a call was given, as far as the recording says. */
export interface Operands {
  /** The TD: the frame number of its TDR page in hexadecimal, or the kernel's pointer to its `struct tdx_td`; one form in one recording. */
  readonly td: string | null;
  /** The vCPU: the frame number of its TDVPR page, or the kernel's pointer to its `struct tdx_vp`. */
  readonly vp: string | null;
  readonly gpa: number | null;
  /** The level of the Secure EPT entry, as the module counts: 0 for 4 KB. */
  readonly level: number | null;
  /**
   * The page that the call names: its frame number; below zero where only the address of its `struct page` is known, which tells pages apart
   * but cannot be compared with a frame number.
   */
  readonly page: number | null;
}

export const NOTHING: Operands = { td: null, vp: null, gpa: null, level: null, page: null };

/** Times are in nanoseconds of the recording's clock. */
export interface Call extends Operands {
  /** As the catalog names it. */
  readonly leaf: string;
  readonly begin: number;
  /** Infinite while the call is open. */
  readonly end: number;
  readonly cpu: number;
  /** The kernel's number of the task; -1 when the recording does not say. */
  readonly tid: number;
  /** `0x` and 16 upper-case digits; null when the recording does not show it. */
  readonly status: string | null;
  /** The recording does not show the beginning, or the end: the time is a bound. */
  readonly beginUnsure: boolean;
  readonly endUnsure: boolean;
  /** The functions that led to it, innermost first, where they were recorded. */
  chain: readonly string[] | null;
  /** Was it looked at already? */
  settled: boolean;
}

export const SUCCESS = "0x0000000000000000";

/** A status in the form of the catalog, of `8000020000000092`, with `0x` or without, in any case; null when it is no 64-bit number. */
export function statusOf(word: string): string | null {
  const digits = /^(?:0x)?([0-9a-f]{1,16})$/i.exec(word)?.[1];
  if (digits === undefined) return null;
  const status = `0x${digits.toUpperCase().padStart(16, "0")}`;
  // Most are this one, and one text is compared with itself at once.
  return status === SUCCESS ? SUCCESS : status;
}

/** Did the call do what it was asked for? Warnings and the reasons why a guest was left count as that. */
export function isSuccess(status: string): boolean {
  return status === SUCCESS || status.charCodeAt(2) < 56;
}
