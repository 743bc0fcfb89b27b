/** Integers as C computes with them: of 32 or 64 bits, with a sign or without, on a machine whose `long` has 64. */

import type { IntegerType } from "./ast.ts";

/** A value after C's promotions: its type is `int` or a wider one. */
export interface Integer {
  readonly value: bigint;
  readonly bits: 32 | 64;
  readonly isUnsigned: boolean;
}

/** The type of a value after C's promotions. */
export type IntegerKind = Omit<Integer, "value">;
type Kind = IntegerKind;

/** What comparisons give, and what narrower types are promoted to. */
export const INT: IntegerKind = { bits: 32, isUnsigned: false };
const KINDS: Readonly<Record<IntegerType, Kind>> = {
  unsigned: { bits: 32, isUnsigned: true },
  long: { bits: 64, isUnsigned: false },
  "unsigned long": { bits: 64, isUnsigned: true },
};

function wrapped(value: bigint, { bits, isUnsigned }: Kind): Integer {
  return { value: isUnsigned ? BigInt.asUintN(bits, value) : BigInt.asIntN(bits, value), bits, isUnsigned };
}

/** Null where a type with a sign overflows: what comes out is undefined. */
function exact(value: bigint, kind: Kind): Integer | null {
  const result = wrapped(value, kind);
  return kind.isUnsigned || result.value === value ? result : null;
}

const fits = (value: bigint, kind: Kind): boolean => wrapped(value, kind).value === value;
const truth = (isTrue: boolean): Integer => wrapped(isTrue ? 1n : 0n, INT);

/** A literal of a type; one of which no type is known has the first that holds it. */
export function literal(value: bigint, type: IntegerType | undefined): Integer {
  if (type !== undefined) return wrapped(value, KINDS[type]);
  return natural(value);
}

/** An enumerator is an `int` where it fits one. */
export function natural(value: bigint): Integer {
  const kinds = [INT, KINDS.unsigned, KINDS.long];
  return wrapped(value, kinds.find((kind) => fits(value, kind)) ?? KINDS["unsigned long"]);
}

/** The bits of a value as one of 64. */
export const bitsOf = ({ value }: Integer): bigint => BigInt.asUintN(64, value);

/** `op a`; null for an operator that is none of these, and where what comes out is undefined. */
export function unary(op: string, a: Integer): Integer | null {
  if (op === "+") return a;
  if (op === "-") return exact(-a.value, a);
  if (op === "~") return wrapped(~a.value, a);
  return op === "!" ? truth(a.value === 0n) : null;
}

/** The type that two values have in common. */
export function commonKind(a: Kind, b: Kind): Kind {
  if (a.bits === b.bits) return { bits: a.bits, isUnsigned: a.isUnsigned || b.isUnsigned };
  return a.bits > b.bits ? a : b;
}

/** Of a choice's two values the one that is taken, in the type that they have in common. */
export function chosen(value: Integer, other: Integer | null): Integer | null {
  if (other === null) return value.value < 0n ? null : value;
  return wrapped(value.value, commonKind(value, other));
}

/** `a op b`; null for an operator that is none, and where what comes out is undefined. */
export function binary(op: string, a: Integer, b: Integer): Integer | null {
  if (op === "&&") return truth(a.value !== 0n && b.value !== 0n);
  if (op === "||") return truth(a.value !== 0n || b.value !== 0n);
  if (op === "<<" || op === ">>") return shifted(op, a, b.value);
  const kind = commonKind(a, b);
  const [x, y] = [wrapped(a.value, kind).value, wrapped(b.value, kind).value];
  switch (op) {
    case "+":
      return exact(x + y, kind);
    case "-":
      return exact(x - y, kind);
    case "*":
      return exact(x * y, kind);
    case "/":
      return y === 0n ? null : exact(x / y, kind);
    case "%":
      return y === 0n ? null : exact(x % y, kind);
    case "&":
      return wrapped(x & y, kind);
    case "|":
      return wrapped(x | y, kind);
    case "^":
      return wrapped(x ^ y, kind);
    case "==":
      return truth(x === y);
    case "!=":
      return truth(x !== y);
    case "<":
      return truth(x < y);
    case ">":
      return truth(x > y);
    case "<=":
      return truth(x <= y);
    case ">=":
      return truth(x >= y);
    default:
      return null;
  }
}

/** A one that is shifted to the sign, `1 << 31`, is what compilers make of it. */
function shifted(op: "<<" | ">>", a: Integer, by: bigint): Integer | null {
  if (by < 0n || by >= BigInt(a.bits)) return null;
  return wrapped(op === "<<" ? a.value << by : a.value >> by, a);
}

/** Bits of integer types, negative ones for those with a sign; 1 for truth values. */
const TYPES: Readonly<Record<string, number>> = {
  ...{ char: -8, "signed char": -8, short: -16, int: -32, long: -64, "long long": -64, signed: -32 },
  ...{ "unsigned char": 8, "unsigned short": 16, unsigned: 32, "unsigned long": 64, "unsigned long long": 64 },
  ...{ s8: -8, s16: -16, s32: -32, s64: -64, u8: 8, u16: 16, u32: 32, u64: 64 },
  ...{ __s8: -8, __s16: -16, __s32: -32, __s64: -64, __u8: 8, __u16: 16, __u32: 32, __u64: 64 },
  ...{ int8_t: -8, int16_t: -16, int32_t: -32, int64_t: -64, uint8_t: 8, uint16_t: 16, uint32_t: 32, uint64_t: 64 },
  ...{ size_t: 64, ssize_t: -64, uintptr_t: 64, intptr_t: -64, _Bool: 1, bool: 1 },
};

/** Addresses are numbers without a sign. */
const POINTER = 64;

/** Words of a type in the order of {@link TYPES}: `long unsigned int` is `unsigned long`. */
function normal(type: string): string {
  const words = type.split(/\s+/).filter((word) => word !== "");
  const isPlain = words.every((word) => /^(?:signed|unsigned|char|short|int|long)$/.test(word));
  if (!isPlain || words.length < 2) return words.join(" ");
  const rest = words.filter((word) => word !== "unsigned" && word !== "signed" && word !== "int");
  if (words.includes("unsigned")) return ["unsigned", ...rest].join(" ");
  return words.includes("signed") && rest[0] === "char" ? "signed char" : rest.join(" ") || "int";
}

/**
 * Bits of an integer type, negative ones for one with a sign; 1 for truth values, null for a type that is no integer or not known.
 *
 * @param alias what a name of a type stands for; null for one that is not known
 */
export function bitsOfType(type: string, alias: (name: string) => string | null): number | null {
  const name = meantBy(type, alias);
  return Object.hasOwn(TYPES, name) ? (TYPES[name] as number) : null;
}

/** The same, and those of pointers. */
function bitsOfValue(type: string, alias: (name: string) => string | null): number | null {
  return meantBy(type, alias).endsWith("*") ? POINTER : bitsOfType(type, alias);
}

/** The type that a name of one stands for; a name that stands for none that is known as it is. */
function meantBy(type: string, alias: (name: string) => string | null): string {
  let name = normal(type);
  for (let links = 0; links < 8 && !Object.hasOwn(TYPES, name) && !name.endsWith("*"); links++) {
    const meant = alias(name);
    if (meant === null) break;
    name = normal(meant);
  }
  return name;
}

/**
 * A value as another type has it; null for a type that is not known, unless all integer types hold the value.
 *
 * @param alias what a name of a type stands for; null for one that is not known
 */
export function converted(
  a: Integer,
  type: string | undefined,
  alias: (name: string) => string | null,
): Integer | null {
  const bits = bitsOfValue(type ?? "", alias);
  // A truth value would be neither more nor less than it.
  if (bits === null) return a.value === 0n || a.value === 1n ? wrapped(a.value, INT) : null;
  if (bits === 1) return truth(a.value !== 0n);
  const width = Math.abs(bits);
  const value = bits > 0 ? BigInt.asUintN(width, a.value) : BigInt.asIntN(width, a.value);
  return wrapped(value, promoted(bits));
}

function promoted(bits: number): Kind {
  return Math.abs(bits) < 32 ? INT : { bits: Math.abs(bits) as 32 | 64, isUnsigned: bits > 0 };
}

/** The type that a value of a type has in a computation; null for a type that is not known. `alias`: as for {@link converted}. */
export function kindOf(type: string, alias: (name: string) => string | null): IntegerKind | null {
  const bits = bitsOfValue(type, alias);
  return bits === null ? null : promoted(bits);
}

/** The bytes of a type; null for one that is not known. `alias`: as for {@link converted}. */
export function sizeOf(type: string, alias: (name: string) => string | null): Integer | null {
  const bits = bitsOfValue(type, alias);
  return bits === null ? null : literal(BigInt(Math.ceil(Math.abs(bits) / 8)), "unsigned long");
}

/** `a op b` on 64-bit unsigned integers; null for an operator that is none or for a division by zero. */
export function arithmetic(op: string, a: bigint, b: bigint): bigint | null {
  const wrap = (v: bigint) => BigInt.asUintN(64, v);
  switch (op) {
    case "+":
      return wrap(a + b);
    case "-":
      return wrap(a - b);
    case "*":
      return wrap(a * b);
    case "/":
      return b === 0n ? null : a / b;
    case "%":
      return b === 0n ? null : a % b;
    case "<<":
      return b < 64n ? wrap(a << b) : 0n;
    case ">>":
      return a >> b;
    case "&":
      return a & b;
    case "|":
      return a | b;
    case "^":
      return a ^ b;
    case "==":
      return a === b ? 1n : 0n;
    case "!=":
      return a !== b ? 1n : 0n;
    case "<":
      return a < b ? 1n : 0n;
    case ">":
      return a > b ? 1n : 0n;
    case "<=":
      return a <= b ? 1n : 0n;
    case ">=":
      return a >= b ? 1n : 0n;
    case "&&":
      return a !== 0n && b !== 0n ? 1n : 0n;
    case "||":
      return a !== 0n || b !== 0n ? 1n : 0n;
    default:
      return null;
  }
}
