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
}

/** Strings of which there are few: one copy of each is kept, apart from the text that it was read from. */
export class Names {
  readonly #known = new Map<string, string>();
  /** A hostile recording may have any number of them. */
  static readonly #MOST = 1 << 17;

  of(text: string): string {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    if (this.#known.size >= Names.#MOST) this.#known.clear();
    const own = copied(text);
    this.#known.set(own, own);
    return own;
  }
}

/** A slice of a long text keeps all of it in memory; this one does not. */
function copied(text: string): string {
  let own = "";
  for (let i = 0; i < text.length; i++) own += text[i];
  return own;
}

/** Statuses in the form of the catalog. */
export class Statuses {
  readonly #known = new Map<string, string | null>();

  /** `8000020000000092`, with `0x` or without, in any case; null when it is no 64-bit number. */
  of(text: string): string | null {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    if (this.#known.size >= 1 << 16) this.#known.clear();
    const digits = /^(?:0x)?([0-9a-f]{1,16})$/i.exec(text)?.[1];
    const status = digits === undefined ? null : `0x${digits.toUpperCase().padStart(16, "0")}`;
    this.#known.set(copied(text), status);
    return status;
  }
}

export const SUCCESS = "0x0000000000000000";
