/**
 * Makes random files of macros, conditions and text, as a compiler's preprocessor reads them. Each line of text starts with a word of its
 * own; most macros take parameters, paste, name each other, and come and go.
 */

import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";

/** Names of macros for text: of values, and of calls by the number of their parameters. */
const PLAIN = ["M0", "M1", "M2", "M3"];
const CALLS = ["F0", "F1", "F2", "F3", "FV"];
/** Names of macros that are numbers, for conditions. */
const NUMBERS = ["N0", "N1", "N2", "N3"];
/** The same with one parameter. */
const RULES = ["R0", "R1"];

class Source {
  private readonly random;
  private readonly lines: string[] = [];
  private depth = 0;
  private marks = 0;
  /** How many parameters each macro of {@link CALLS} has now. */
  private readonly arity = new Map<string, number>();

  constructor(seed: number) {
    this.random = xoroshiro128plus(seed);
  }

  below(n: number): number {
    return uniformInt(this.random, 0, n - 1);
  }

  private one<T>(of: readonly T[]): T {
    return of[this.below(of.length)] as T;
  }

  private times(most: number, make: () => string): string[] {
    return Array.from({ length: this.below(most + 1) }, make);
  }

  make(count: number): string {
    for (const name of RULES) this.lines.push(`#define ${name}(x) (x)`);
    for (let i = 0; i < count; i++) this.line();
    while (this.depth > 0) this.end();
    return `${this.lines.join("\n")}\n`;
  }

  private line(): void {
    const kind = this.below(20);
    if (kind < 5) this.define();
    else if (kind < 7) this.number();
    else if (kind < 8) this.lines.push(`#undef ${this.one([...PLAIN, ...CALLS, ...NUMBERS])}`);
    else if (kind < 10 && this.depth < 3) this.begin();
    else if (kind < 12 && this.depth > 0) this.one([() => this.end(), () => this.turn()])();
    else this.text();
  }

  private begin(): void {
    const name = this.one([...NUMBERS, ...PLAIN, ...CALLS]);
    this.lines.push(
      this.one([`#ifdef ${name}`, `#ifndef ${name}`, `#if ${this.condition(3)}`, `# if ${this.condition(3)}`]),
    );
    this.depth++;
  }

  private turn(): void {
    this.lines.push(`#elif ${this.condition(2)}`);
  }

  private end(): void {
    if (this.below(2) === 0) this.lines.push("#else", this.mark());
    this.lines.push(this.one(["#endif", "#endif /* of it */"]));
    this.depth--;
  }

  private mark(): string {
    return `T${this.marks++} here`;
  }

  private text(): void {
    const between = this.one([" ", " /* no */ ", "\n "]);
    this.lines.push([`T${this.marks++}`, ...this.pieces(6, [])].join(between));
  }

  private define(): void {
    if (this.below(3) === 0) {
      this.lines.push(`#define ${this.one(PLAIN)} ${this.pieces(4, []).join(" ")}`);
      return;
    }
    const name = this.one(CALLS);
    const isVariadic = name === "FV";
    const count = isVariadic ? this.below(2) : this.below(4);
    const names = ["p", "q", "r"].slice(0, count);
    this.arity.set(name, count);
    const parameters = isVariadic ? [...names, "..."] : names;
    const used = isVariadic ? [...names, "__VA_ARGS__"] : names;
    const body = [...this.pieces(5, used), ...(isVariadic ? this.optional(used) : [])].join(" ");
    const split = this.below(4) === 0 ? "\\\n  " : "";
    this.lines.push(`#define ${name}(${parameters.join(", ")}) ${split}${body}`);
  }

  /** What stands in a body only where variable arguments are given. */
  private optional(used: readonly string[]): string[] {
    if (this.below(2) === 0) return [];
    const pieces = this.pieces(3, used);
    const whole = `__VA_OPT__(${pieces.join(" ")})`;
    // A compiler forgets at times to paste what an argument begins or ends with.
    const inner = `__VA_OPT__(a ${[...pieces, this.pasted(used)].join(" ")} M)`;
    const pasted = [`${this.one([...used, "M", "a"])} ## ${inner}`, `${inner} ## ${this.one([...used, "0", "b"])}`];
    return [this.one([whole, whole, `# ${whole}`, ...pasted]), ...this.pieces(2, used)];
  }

  /** What a body or a line of text is made of. */
  private pieces(most: number, parameters: readonly string[]): string[] {
    return this.times(most, () => this.piece(parameters, 2));
  }

  private piece(parameters: readonly string[], depth: number): string {
    const kind = this.below(12);
    if (kind < 3 && parameters.length > 0) return this.one(parameters);
    if (kind === 3 && parameters.length > 0) return `# ${this.one(parameters)}`;
    if (kind === 4 && parameters.length > 0) return this.pasted(parameters);
    if (kind < 7) return this.one(PLAIN);
    if (kind < 10) return depth > 0 ? this.call(parameters, depth - 1) : this.one(CALLS);
    return this.one(["a", "b", "7", "+", "->", "( a )", "[ b ]", '"text"', "'c'", "M", "F"]);
  }

  private pasted(parameters: readonly string[]): string {
    const [left, right] = [this.one([...parameters, "M", "F", "a"]), this.one([...parameters, "0", "1", "b", "M0"])];
    return `${left} ## ${right}`;
  }

  private call(parameters: readonly string[], depth: number): string {
    const name = this.one(CALLS);
    const count = (this.arity.get(name) ?? this.below(3)) + (name === "FV" ? this.below(3) : 0);
    const args = Array.from({ length: count }, () => this.times(2, () => this.piece(parameters, depth)).join(" "));
    return `${this.one([name, name, name, "M0"])}${this.one(["", " "])}(${args.join(",")})`;
  }

  private number(): void {
    if (this.below(3) === 0) this.lines.push(`#define ${this.one(RULES)}(x) (${this.condition(1)} + (x))`);
    else this.lines.push(`#define ${this.one(NUMBERS)} ${this.one([this.literal(), `(${this.condition(2)})`])}`);
  }

  private literal(): string {
    const n = this.one([0, 1, 2, 3, 7, 8, 31, 32, 63, 255, 4096, 2147483647, 2147483648, 4294967295, 4294967296]);
    const suffix = this.one(["", "", "", "U", "L", "UL", "ull", "LL"]);
    return `${this.one([`${n}`, `0x${n.toString(16)}`, `0X${n.toString(16).toUpperCase()}`, `0${n.toString(8)}`])}${suffix}`;
  }

  private condition(depth: number): string {
    if (depth === 0 || this.below(5) === 0)
      return this.one([
        this.literal(),
        this.one(NUMBERS),
        `defined ${this.one([...NUMBERS, ...CALLS])}`,
        `defined(${this.one([...NUMBERS, ...PLAIN])})`,
        "UNKNOWN",
        `${this.one(RULES)}(${this.literal()})`,
        "'a'",
      ]);
    const inner = () => this.condition(depth - 1);
    const operator = this.one([
      "||",
      "&&",
      "|",
      "^",
      "&",
      "==",
      "!=",
      "<",
      ">",
      "<=",
      ">=",
      "<<",
      ">>",
      "+",
      "-",
      "*",
      "/",
      "%",
    ]);
    return this.one([
      () => `${inner()} ${operator} ${inner()}`,
      () => `(${inner()}) ${operator} ${inner()}`,
      () => `${this.one(["!", "-", "~", "+", "! "])}${this.one([this.literal(), `(${inner()})`])}`,
      () => `(${inner()} ? ${inner()} : ${inner()})`,
    ])();
  }
}

/** A file of about so many lines. */
export const randomFile = (seed: number, lines: number): string => new Source(seed).make(lines);
