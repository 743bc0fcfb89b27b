/**
 * Values of the small functions that work on a shared word, bit by bit: a bit is known, or it is the bit of a word that an
 * instruction found, or of an argument.
 */

/** Where an unknown bit comes from: the number of the step that found it, or the argument's name. */
export type Source = number | string;

export type Bit = 0 | 1 | { readonly source: Source; readonly bit: number; readonly flipped: boolean };

/** 64 bits, the least significant first. */
export type Bits = readonly Bit[];

/** A test of a word: its bits under the mask have a value. Or: the compare-exchange of a step stored its value. */
export type Atom =
  | { readonly kind: "match"; readonly source: Source; readonly mask: bigint; readonly value: bigint }
  | { readonly kind: "stored"; readonly step: number };

/** True when all atoms hold; with `not`, when one does not. */
export interface Truth {
  readonly all: readonly Atom[];
  readonly not: boolean;
}

export const TRUE: Truth = { all: [], not: false };
export const FALSE: Truth = { all: [], not: true };

const WIDTH = 64;
const ZEROS: Bits = Array.from({ length: WIDTH }, () => 0 as const);

/** A known number. */
export const numberBits = (value: bigint): Bits => ZEROS.map((_, i) => (((value >> BigInt(i)) & 1n) === 1n ? 1 : 0));

/** The lowest `width` bits of a word that is not known. */
export const unknownBits = (source: Source, width: number, lsb = 0): Bits =>
  ZEROS.map((zero, i) => (i < width ? { source, bit: lsb + i, flipped: false } : zero));

/** The number, when every bit is known. */
export function knownNumber(bits: Bits): bigint | null {
  let value = 0n;
  for (const [i, bit] of bits.entries()) {
    if (typeof bit === "object") return null;
    if (bit === 1) value |= 1n << BigInt(i);
  }
  return value;
}

export const sameBit = (a: Bit, b: Bit): boolean =>
  typeof a === "object" && typeof b === "object"
    ? a.source === b.source && a.bit === b.bit && a.flipped === b.flipped
    : a === b;

export const sameBits = (a: Bits, b: Bits): boolean => a.every((bit, i) => sameBit(bit, b[i] as Bit));

export const flipped = (bit: Bit): Bit =>
  typeof bit === "object" ? { ...bit, flipped: !bit.flipped } : bit === 0 ? 1 : 0;

/** `width` bits from `lsb` on, moved to the bottom. */
export const slice = (bits: Bits, lsb: number, width: number): Bits =>
  ZEROS.map((zero, i) => (i < width ? (bits[lsb + i] ?? zero) : zero));

/** A word with some of its bits replaced by the lowest ones of another. */
export const replaced = (bits: Bits, lsb: number, width: number, by: Bits): Bits =>
  bits.map((bit, i) => (i >= lsb && i < lsb + width ? (by[i - lsb] as Bit) : bit));

/** `a op b` of one bit each; null when it is neither known nor one of them. */
function bitwise(op: "&" | "|" | "^", a: Bit, b: Bit): Bit | null {
  if (typeof a !== "object") return withKnown(op, a, b);
  if (typeof b !== "object") return withKnown(op, b, a);
  if (!sameBit(a, b)) return null;
  return op === "^" ? 0 : a;
}

function withKnown(op: "&" | "|" | "^", known: 0 | 1, other: Bit): Bit {
  if (op === "&") return known === 0 ? 0 : other;
  if (op === "|") return known === 1 ? 1 : other;
  return known === 0 ? other : flipped(other);
}

/** An operator on two words; null where the result is not known bit by bit. */
export function combined(op: string, a: Bits, b: Bits): Bits | null {
  if (op === "&" || op === "|" || op === "^") {
    const bits = a.map((bit, i) => bitwise(op, bit, b[i] as Bit));
    return bits.every((bit) => bit !== null) ? (bits as Bits) : null;
  }
  if (op !== "<<" && op !== ">>") return null;
  const by = knownNumber(b);
  if (by === null || by >= 64n) return null;
  const distance = op === "<<" ? -Number(by) : Number(by);
  return ZEROS.map((zero, i) => a[i + distance] ?? zero);
}

/** Is a word equal to another? Null where that is not a test of single words. */
export function equality(a: Bits, b: Bits): Truth | null {
  const tests = new Map<Source, { mask: bigint; value: bigint }>();
  for (const [i, left] of a.entries()) {
    const right = b[i] as Bit;
    if (sameBit(left, right)) continue;
    if (typeof left === "object" && typeof right === "object") return null;
    if (typeof left !== "object" && typeof right !== "object") return FALSE;
    const [unknown, known] = typeof left === "object" ? [left, right as 0 | 1] : [right, left];
    if (typeof unknown !== "object") return null;
    const test = tests.get(unknown.source) ?? { mask: 0n, value: 0n };
    const at = 1n << BigInt(unknown.bit);
    const wanted = unknown.flipped ? 1 - known : known;
    if ((test.mask & at) !== 0n && ((test.value & at) !== 0n) !== (wanted === 1)) return FALSE;
    tests.set(unknown.source, { mask: test.mask | at, value: test.value | (wanted === 1 ? at : 0n) });
  }
  return { all: [...tests].map(([source, test]): Atom => ({ kind: "match", source, ...test })), not: false };
}

export const negated = ({ all, not }: Truth): Truth => ({ all, not: !not });

/** Is a word other than 0? Of a single bit that is: is it 1? */
export function nonZero(bits: Bits): Truth {
  const zero = equality(bits, ZEROS) ?? FALSE;
  const [only, ...more] = zero.all;
  if (only?.kind !== "match" || more.length > 0 || zero.not || (only.mask & (only.mask - 1n)) !== 0n)
    return negated(zero);
  return { all: [{ ...only, value: only.value ^ only.mask }], not: false };
}
