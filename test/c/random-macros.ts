/**
 * Makes random files of macros, conditions and text, as a compiler's preprocessor reads them. Each line of text starts with a word of its
 * own; most macros take parameters, paste, name each other, and come and go.
 */

import { Dice } from "../dice.ts";

/** Names of macros for text: of values, and of calls by the number of their parameters. */
const PLAIN = ["M0", "M1", "M2", "M3"];
const CALLS = ["F0", "F1", "F2", "F3", "FV"];
/** Names of macros that are numbers, for conditions. */
const NUMBERS = ["N0", "N1", "N2", "N3"];
/** The same with one parameter. */
const RULES = ["R0", "R1"];

class Source extends Dice {
  private readonly lines: string[] = [];
  private depth = 0;
  private marks = 0;
  /** How many parameters each macro of {@link CALLS} has now. */
  private readonly arity = new Map<string, number>();

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
    else if (kind < 8) this.lines.push(`#undef ${this.pick([...PLAIN, ...CALLS, ...NUMBERS])}`);
    else if (kind < 10 && this.depth < 3) this.begin();
    else if (kind < 12 && this.depth > 0) this.pick([() => this.end(), () => this.turn()])();
    else this.text();
  }

  private begin(): void {
    const name = this.pick([...NUMBERS, ...PLAIN, ...CALLS]);
    this.lines.push(
      this.pick([`#ifdef ${name}`, `#ifndef ${name}`, `#if ${this.condition(3)}`, `# if ${this.condition(3)}`]),
    );
    this.depth++;
  }

  private turn(): void {
    this.lines.push(`#elif ${this.condition(2)}`);
  }

  private end(): void {
    if (this.below(2) === 0) this.lines.push("#else", this.mark());
    this.lines.push(this.pick(["#endif", "#endif /* of it */"]));
    this.depth--;
  }

  private mark(): string {
    return `T${this.marks++} here`;
  }

  private text(): void {
    const between = this.pick([" ", " /* no */ ", "\n "]);
    this.lines.push([`T${this.marks++}`, ...this.pieces(6, [])].join(between));
  }

  private define(): void {
    if (this.below(3) === 0) {
      this.lines.push(`#define ${this.pick(PLAIN)} ${this.pieces(4, []).join(" ")}`);
      return;
    }
    const name = this.pick(CALLS);
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
    const pasted = [`${this.pick([...used, "M", "a"])} ## ${inner}`, `${inner} ## ${this.pick([...used, "0", "b"])}`];
    return [this.pick([whole, whole, `# ${whole}`, ...pasted]), ...this.pieces(2, used)];
  }

  /** What a body or a line of text is made of. */
  private pieces(most: number, parameters: readonly string[]): string[] {
    return this.times(most, () => this.piece(parameters, 2));
  }

  private piece(parameters: readonly string[], depth: number): string {
    const kind = this.below(12);
    if (kind < 3 && parameters.length > 0) return this.pick(parameters);
    if (kind === 3 && parameters.length > 0) return `# ${this.pick(parameters)}`;
    if (kind === 4 && parameters.length > 0) return this.pasted(parameters);
    if (kind < 7) return this.pick(PLAIN);
    if (kind < 10) return depth > 0 ? this.call(parameters, depth - 1) : this.pick(CALLS);
    return this.pick(["a", "b", "7", "+", "->", "( a )", "[ b ]", '"text"', "'c'", "M", "F"]);
  }

  private pasted(parameters: readonly string[]): string {
    const [left, right] = [this.pick([...parameters, "M", "F", "a"]), this.pick([...parameters, "0", "1", "b", "M0"])];
    return `${left} ## ${right}`;
  }

  private call(parameters: readonly string[], depth: number): string {
    const name = this.pick(CALLS);
    const count = (this.arity.get(name) ?? this.below(3)) + (name === "FV" ? this.below(3) : 0);
    const args = Array.from({ length: count }, () => this.times(2, () => this.piece(parameters, depth)).join(" "));
    return `${this.pick([name, name, name, "M0"])}${this.pick(["", " "])}(${args.join(",")})`;
  }

  private number(): void {
    if (this.below(3) === 0) this.lines.push(`#define ${this.pick(RULES)}(x) (${this.condition(1)} + (x))`);
    else this.lines.push(`#define ${this.pick(NUMBERS)} ${this.pick([this.literal(), `(${this.condition(2)})`])}`);
  }

  private literal(): string {
    const n = this.pick([0, 1, 2, 3, 7, 8, 31, 32, 63, 255, 4096, 2147483647, 2147483648, 4294967295, 4294967296]);
    const suffix = this.pick(["", "", "", "U", "L", "UL", "ull", "LL"]);
    return `${this.pick([`${n}`, `0x${n.toString(16)}`, `0X${n.toString(16).toUpperCase()}`, `0${n.toString(8)}`])}${suffix}`;
  }

  private condition(depth: number): string {
    if (depth === 0 || this.below(5) === 0)
      return this.pick([
        this.literal(),
        this.pick(NUMBERS),
        `defined ${this.pick([...NUMBERS, ...CALLS])}`,
        `defined(${this.pick([...NUMBERS, ...PLAIN])})`,
        "UNKNOWN",
        `${this.pick(RULES)}(${this.literal()})`,
        "'a'",
      ]);
    const inner = () => this.condition(depth - 1);
    const operator = this.pick([
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
    return this.pick([
      () => `${inner()} ${operator} ${inner()}`,
      () => `(${inner()}) ${operator} ${inner()}`,
      () => `${this.pick(["!", "-", "~", "+", "! "])}${this.pick([this.literal(), `(${inner()})`])}`,
      () => `(${inner()} ? ${inner()} : ${inner()})`,
    ])();
  }
}

/** A file of about so many lines. */
export const randomFile = (seed: number, lines: number): string => new Source(seed).make(lines);
