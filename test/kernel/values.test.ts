/** Abstract values: whatever two numbers come to, the values that stand for them come to, too; and what is told apart that must be. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Atom,
  asInteger,
  binaryValue,
  countedBy,
  isNegative,
  NEGATIVES,
  number,
  ONE,
  POINTER,
  POSITIVE,
  TOP,
  TRUTH,
  unaryValue,
  union,
  unlike,
  type Value,
  ZERO,
} from "../../src/kernel/values.ts";

const BUSY = 0x80000200_00000000n;
const OTHER = 0x80000300_00000000n;
const STATUS_MASK = 0xffffffff_00000000n;
const signed = (n: bigint): bigint => BigInt.asIntN(64, n);

/** May a value be a number? */
const has = (value: Value, n: bigint): boolean => value.atoms.some((a) => stands(a, n));

function stands(a: Atom, n: bigint): boolean {
  if (a.kind === "number") return a.value === n;
  if (a.kind === "unlike") return n < 0n && BigInt.asUintN(64, n) >> 32n !== a.upper;
  return isNegative(a) ? n < 0n : n > 0n;
}

const NUMBERS = [
  0n,
  1n,
  2n,
  3n,
  -1n,
  -2n,
  1n << 40n,
  signed(BUSY),
  signed(BUSY | 0x7fn),
  signed(OTHER),
  signed(STATUS_MASK),
];
const VALUES = [TOP, NEGATIVES, POSITIVE, POINTER, TRUTH, unlike(BUSY), ...NUMBERS.map(number)];
const pair = fc
  .tuple(fc.constantFrom(...VALUES), fc.constantFrom(...VALUES), fc.constantFrom(...NUMBERS))
  .map(([a, b, n]) => [union(a, b), n] as const)
  .filter(([value, n]) => has(value, n));

const OPERATIONS: Readonly<Record<string, (a: bigint, b: bigint) => bigint>> = {
  "==": (a, b) => BigInt(a === b),
  "!=": (a, b) => BigInt(a !== b),
  "<": (a, b) => BigInt(a < b),
  ">": (a, b) => BigInt(a > b),
  "<=": (a, b) => BigInt(a <= b),
  ">=": (a, b) => BigInt(a >= b),
  "+": (a, b) => signed(a + b),
  "-": (a, b) => signed(a - b),
  "&": (a, b) => signed(a & b),
  "|": (a, b) => signed(a | b),
  "&&": (a, b) => BigInt(a !== 0n && b !== 0n),
  "||": (a, b) => BigInt(a !== 0n || b !== 0n),
};

describe("what an operation of two numbers gives lies in what it gives of values with them", () => {
  test.each(Object.keys(OPERATIONS))("a %s b", (op) => {
    fc.assert(
      fc.property(pair, pair, ([x, a], [y, b]) => {
        expect(has(binaryValue(op, x, y), (OPERATIONS[op] as (typeof OPERATIONS)[string])(a, b))).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  test("!a, -a, a++ and a--", () => {
    fc.assert(
      fc.property(pair, ([x, a]) => {
        expect(has(unaryValue("!", x), BigInt(a === 0n))).toBe(true);
        expect(has(unaryValue("-", x), signed(-a))).toBe(true);
        expect(has(countedBy("++", x), signed(a + 1n))).toBe(true);
        expect(has(countedBy("--", x), signed(a - 1n))).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("a value as an integer type keeps it", () => {
  const kept = (bits: number, n: bigint): bigint => {
    if (bits === 1) return BigInt(n !== 0n);
    return signed(bits < 0 ? BigInt.asIntN(-bits, n) : BigInt.asUintN(bits, n));
  };

  test.each([1, 8, -8, 16, -16, 32, -32, 64, -64])("has each number in it, of %d bits", (bits) => {
    fc.assert(
      fc.property(pair, fc.constantFrom(null, 1, 8, -8, 16, -16, 32, -32, 64, -64), ([x, a], from) => {
        // Of a type that it has, a value is one of its numbers.
        if (from !== null && kept(from, a) !== a) return;
        expect(has(asInteger(x, bits, from), kept(bits, a))).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });

  test("is what it is where the type has all numbers of its own", () => {
    expect(asInteger(NEGATIVES, -64, -32)).toBe(NEGATIVES);
    expect(asInteger(NEGATIVES, -32, -32)).toBe(NEGATIVES);
    expect(asInteger(POSITIVE, -32, 16)).toBe(POSITIVE);
    expect(asInteger(POSITIVE, 32, 16)).toBe(POSITIVE);
    expect(asInteger(NEGATIVES, -32, -64)).toBe(TOP);
    expect(asInteger(NEGATIVES, 32, -32)).toBe(POINTER);
    expect(asInteger(POSITIVE, -32, 32)).toBe(TOP);
    expect(asInteger(POSITIVE, 8, 8)).toBe(POSITIVE);
  });
});

describe("what must be told apart is", () => {
  const unbusy = unlike(BUSY | 0x7fn);

  test("a status that is no BUSY, with and without the mask of its upper half", () => {
    const masked = binaryValue("&", unbusy, number(STATUS_MASK));
    expect(binaryValue("==", masked, number(BUSY))).toBe(ZERO);
    expect(binaryValue("!=", unbusy, number(BUSY))).toBe(ONE);
    expect(binaryValue("==", masked, number(OTHER))).toBe(TRUTH);
  });

  test("signs of what bits are kept of", () => {
    expect(binaryValue("&", NEGATIVES, number(STATUS_MASK))).toBe(NEGATIVES);
    expect(binaryValue("&", POSITIVE, number(STATUS_MASK))).toBe(POINTER);
    expect(binaryValue("&", ZERO, TOP)).toBe(ZERO);
  });

  test("a counter's 0 and 1", () => {
    expect([ZERO, ONE, number(5n), POSITIVE, number(-1n)].map((value) => countedBy("++", value))).toEqual([
      ONE,
      POSITIVE,
      POSITIVE,
      POSITIVE,
      ZERO,
    ]);
    expect([number(2n), ONE, ZERO, number(-5n)].map((value) => countedBy("--", value))).toEqual([
      ONE,
      ZERO,
      NEGATIVES,
      NEGATIVES,
    ]);
  });

  test("one from what is less", () => {
    expect(binaryValue("<", POSITIVE, ONE)).toBe(ZERO);
    expect(binaryValue(">", ONE, POSITIVE)).toBe(ZERO);
    expect(binaryValue(">=", POSITIVE, ONE)).toBe(ONE);
    expect(binaryValue("<=", ONE, POSITIVE)).toBe(ONE);
    expect(binaryValue("<=", POSITIVE, ONE)).toBe(TRUTH);
  });
});
