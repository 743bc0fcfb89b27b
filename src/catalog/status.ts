/** 64-bit completion statuses, read with the names that a catalog has for them. */
import { SeamlockError } from "../errors.ts";
import type { Catalog, Operand } from "./types.ts";

/** A completion status taken apart. The layout is `api_error_code_t` of the module's `tdx_api_defs.h`. */
export interface DecodedStatus {
  /** `0x` and 16 upper-case digits. */
  readonly status: string;
  /** The catalog's name for class and code, `TDX_OPERAND_BUSY`; null when it has none. */
  readonly name: string | null;
  /** The named status without operand; null when there is no name. */
  readonly base: string | null;
  /** Bit 63. */
  readonly error: boolean;
  /** Bit 62: the call will not succeed when repeated. */
  readonly nonRecoverable: boolean;
  /** Bit 61: the TD cannot go on. */
  readonly fatal: boolean;
  /** Bit 60: the host can do something about it. */
  readonly hostRecoverabilityHint: boolean;
  /** Bits 47:40. */
  readonly class: number;
  /** Bits 39:32, which of its class. */
  readonly code: number;
  /** Bits 31:0. */
  readonly detail: number;
  /**
   * `detail` as an operand of the catalog; null when it is none, and of 0 where the source makes the status without an operand.
   * Some statuses carry other details there.
   */
  readonly operand: Operand | null;
}

/**
 * Decodes a status.
 *
 * @param status hex, with or without `0x`, underscores and case ignored
 * @throws SeamlockError SL2101 when it is not a 64-bit hex number
 */
export function decodeStatus(catalog: Catalog, status: string): DecodedStatus {
  const raw = parseStatus(status);
  const name = statusName(catalog, raw);
  const detail = Number(raw & 0xffff_ffffn);
  return {
    status: formatStatus(raw),
    name: name?.[0] ?? null,
    base: name?.[1] ?? null,
    error: bit(raw, 63n),
    nonRecoverable: bit(raw, 62n),
    fatal: bit(raw, 61n),
    hostRecoverabilityHint: bit(raw, 60n),
    class: Number((raw >> 40n) & 0xffn),
    code: Number((raw >> 32n) & 0xffn),
    detail,
    operand: detail === 0 && !namesRegister(catalog, name?.[0]) ? null : operandOf(catalog, detail),
  };
}

/**
 * Reads the text of a status.
 *
 * @throws SeamlockError SL2101 when it is not a 64-bit hex number
 */
export function parseStatus(text: string): bigint {
  const digits = text.trim().replace(/^0x/i, "").replaceAll("_", "");
  if (!/^[0-9a-fA-F]{1,16}$/.test(digits)) {
    const hint = "a status is a hex number of up to 16 digits, such as 0x8000020000000092";
    throw new SeamlockError("SL2101", `"${text}" is not a status`, { hint });
  }
  return BigInt(`0x${digits}`);
}

/** `0x` and 16 upper-case digits. */
export function formatStatus(raw: bigint): string {
  return `0x${raw.toString(16).toUpperCase().padStart(16, "0")}`;
}

/** `TDX_OPERAND_BUSY | SEPT_TREE`, as a person writes it; the number where there is no name. */
export function statusText(catalog: Catalog, status: string): string {
  const decoded = decodeStatus(catalog, status);
  if (decoded.name === null) return decoded.status;
  if (decoded.operand !== null) return `${decoded.name} | ${decoded.operand.id}`;
  return decoded.detail === 0 ? decoded.name : `${decoded.name} | ${decoded.detail}`;
}

function bit(raw: bigint, n: bigint): boolean {
  return ((raw >> n) & 1n) === 1n;
}

/** Class and code tell the name; the flag bits above may be set on top of it, as for a fatal error. */
function statusName(catalog: Catalog, raw: bigint): readonly [string, string] | null {
  const entries = Object.entries(catalog.statusCodes);
  const key = (value: bigint): bigint => (value >> 32n) & 0xffffn;
  const exact = entries.find(([, value]) => BigInt(value) >> 32n === raw >> 32n);
  return exact ?? entries.find(([, value]) => key(BigInt(value)) === key(raw)) ?? null;
}

/** Is 0 in the low half RAX, the operand of that number? Not of a status that the source makes without an operand only. */
function namesRegister({ statuses = [] }: Catalog, name: string | undefined): boolean {
  const own = statuses.filter(({ status }) => status === name);
  return own.length === 0 || own.some(({ parts }) => parts.some(({ is }) => is === "operand"));
}

function operandOf(catalog: Catalog, detail: number): Operand | null {
  const found = Object.entries(catalog.operandIds).find(([, number]) => number === detail);
  return found === undefined ? null : { id: found[0], number: found[1] };
}
