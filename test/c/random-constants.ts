/** Makes random headers of constants: macros and enumerators that use each other, with the literals, casts and operators that headers use. */

import { Dice } from "../dice.ts";

/** Types that casts name, as a tree declares them. */
export const TYPES = `typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed int s32;
typedef signed long long s64;
typedef u16 half_t;
`;

const OPERATORS = ["||", "&&", "|", "^", "&", "==", "!=", "<", ">", "<=", ">=", "<<", ">>", "+", "-", "*", "/", "%"];

/** Macros with parameters; what most of them make depends on what stands around their use, and on how their arguments are written. */
const MACROS = `#define BIT(n) (1ULL << (n))
#define MASK(high, low) (((~0ULL) >> (63 - (high))) & ~(BIT(low) - 1))
#define FLAG(n) (u64)(1ULL << (n))
#define TWICE(x) x * 2
#define PLUS(x, y) x + y
#define LESS(x) (x - 1)
#define EITHER(x, y) x ? y : 3
#define INVERSE(x) ~x
#define AS(type, x) ((type)(x))
#define SIZE(x) sizeof(x)
#define SAME(x) x
#define OUTER(x) (SAME(x) + TWICE(x))
#define USE(macro, x) macro(x)
#define PAIR 5, 6
#define SUM(x, y) (x - y)
#define SUM_OF(x) SUM(x)
#define UP << 1
#define DOWN - 1
`;

class Header extends Dice {
  private readonly lines: string[] = [];
  readonly names: string[] = [];

  make(count: number): string {
    this.lines.push(MACROS);
    while (this.names.length < count) {
      if (this.below(3) > 0) this.macro();
      else this.enumeration();
    }
    return `${this.lines.join("\n")}\n`;
  }

  private macro(): void {
    const body = this.pick([this.literal(), `(${this.value(3)})`, this.value(2), `-${this.literal()}`, this.call(1)]);
    const name = `M${this.names.length}`;
    this.lines.push(`#define ${name} ${body}`);
    this.names.push(name);
  }

  private enumeration(): void {
    const entries = Array.from({ length: 1 + this.below(4) }, (_, i) => {
      const name = `E${this.names.length + i}`;
      return this.below(2) === 0
        ? name
        : `${name} = ${this.pick([this.small(), this.small(), `(s32)(${this.value(2)})`, this.value(2)])}`;
    });
    this.lines.push(`enum { ${entries.join(", ")} };`);
    for (const entry of entries) this.names.push(entry.split(" ")[0] as string);
  }

  private small(): string {
    return this.pick([
      "0",
      "-1",
      "-5",
      "3",
      "0x10",
      "017",
      "BIT(3)",
      "1 << 4",
      "-2147483648",
      "2147483647",
      "0x7fffffff",
    ]);
  }

  private literal(): string {
    const n = this.pick([0, 1, 2, 3, 7, 8, 31, 32, 63, 100, 255, 4096, 2147483647, 2147483648, 4294967295, 4294967296]);
    const big = this.pick(["0xffffffffffffffff", "0x8000000000000000", "9223372036854775807", "18446744073709551615u"]);
    if (this.below(12) === 0) return big;
    const digits = this.pick([
      `${n}`,
      `0x${n.toString(16)}`,
      `0X${n.toString(16).toUpperCase()}`,
      `0${n.toString(8)}`,
      `0b${n.toString(2)}`,
    ]);
    return digits + this.pick(["", "", "", "U", "L", "UL", "ull", "LL", "u"]);
  }

  /** A macro's call, its arguments mostly without parentheses. */
  private call(depth: number): string {
    const inner = (): string => this.value(depth);
    return this.pick([
      () => `TWICE(${inner()})`,
      () => `PLUS(${inner()}, ${inner()})`,
      () => `LESS(${inner()})`,
      () => `EITHER(${inner()}, ${inner()})`,
      () => `INVERSE(${inner()})`,
      () => `AS(${this.pick(["u8", "s32", "unsigned long"])}, ${inner()})`,
      () => `SIZE(${this.pick(["u8", "half_t", "int [3]"])})`,
      () => `OUTER(${inner()})`,
      () => `USE(${this.pick(["TWICE", "SAME", "BIT", "LESS"])}, ${this.below(20)})`,
      () => `USE(SUM_OF, PAIR)`,
      () => `FLAG(${this.below(64)})`,
      () => `${this.below(9)} UP`,
      () => `(${inner()}) DOWN`,
    ])();
  }

  private value(depth: number): string {
    if (depth === 0 || this.below(6) === 0)
      return this.pick([this.literal(), this.literal(), this.names.length > 0 ? this.pick(this.names) : "1"]);
    const inner = (): string => this.value(depth - 1);
    const type = this.pick([
      "u8",
      "u16",
      "u32",
      "u64",
      "s32",
      "s64",
      "half_t",
      "int",
      "unsigned",
      "unsigned long",
      "long",
      "unsigned char",
      "uint8_t",
      "signed char",
      "_Bool",
      "short unsigned int",
    ]);
    return this.pick([
      () => `${inner()} ${this.pick(OPERATORS)} ${inner()}`,
      () => `(${inner()}) ${this.pick(OPERATORS)} ${inner()}`,
      () => `(${inner()}) ${this.pick(["<<", ">>"])} ${this.below(40)}`,
      () => `${this.pick(["!", "-", "~", "+"])}(${inner()})`,
      () => `(${type})${this.pick([this.literal(), `(${inner()})`])}`,
      () => `(${inner()} ? ${inner()} : ${inner()})`,
      () => `BIT(${this.below(64)})`,
      () => `sizeof(${type}${this.pick(["", "", " *", " const", "[2][0x3]", "[BIT(3)]", "[(M0 & 3) + 1]"])})`,
      () => `sizeof ${this.pick(["(u16)", "(half_t *[2])"])}`,
      () => `MASK(${32 + this.below(32)}, ${this.below(32)})`,
      () => this.call(depth - 1),
    ])();
  }
}

/** A header, and the names that it gives values. */
export function randomHeader(
  seed: number,
  count: number,
): { readonly text: string; readonly names: readonly string[] } {
  const header = new Header(seed);
  return { text: header.make(count), names: header.names };
}
