/** Does a condition, as the catalog words it, hold in a run? It is read as the C that it is. */

import { computed, type Run } from "./random-oracle.ts";

/** Null where the run does not tell: of inputs that it has not read, or writes, and of words that are no C of these programs. */
type Known = bigint | null;

const TOKEN = /\s*(->|&&|\|\||[=!<>]=|\w+|[-+!<>&|?:().,[\]])/y;

/** @returns null where it cannot be told */
export function holds(text: string, run: Run): boolean | null {
  const tokens = tokensOf(text);
  if (tokens === null) return null;
  const reader = new Reader(tokens, run);
  const value = reader.conditional();
  if (!reader.isAtEnd || value === null) return null;
  return value !== 0n;
}

function tokensOf(text: string): string[] | null {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const found = TOKEN.exec(text);
    if (found === null) return null;
    tokens.push(found[1] as string);
  }
  return tokens;
}

const LEVELS: readonly (readonly string[])[] = [
  ["||"],
  ["&&"],
  ["|"],
  ["&"],
  ["==", "!="],
  ["<", ">", "<=", ">="],
  ["+"],
];

const CONSTANTS: Readonly<Record<string, bigint>> = { true: 1n, false: 0n, TDX_SUCCESS: 0n };

class Reader {
  private readonly tokens: readonly string[];
  private readonly run: Run;
  private at = 0;

  constructor(tokens: readonly string[], run: Run) {
    this.tokens = tokens;
    this.run = run;
  }

  get isAtEnd(): boolean {
    return this.at === this.tokens.length;
  }

  conditional(): Known {
    const test = this.binary(0);
    if (!this.takes("?")) return test;
    const yes = this.conditional();
    this.takes(":");
    const no = this.conditional();
    return test === null ? null : test !== 0n ? yes : no;
  }

  private takes(token: string): boolean {
    if (this.tokens[this.at] !== token) return false;
    this.at++;
    return true;
  }

  private binary(level: number): Known {
    const operators = LEVELS[level];
    if (operators === undefined) return this.unary();
    let left = this.binary(level + 1);
    for (;;) {
      const op = operators.find((one) => this.takes(one));
      if (op === undefined) return left;
      left = operate(op, left, this.binary(level + 1));
    }
  }

  private unary(): Known {
    if (this.takes("!")) {
      const value = this.unary();
      return value === null ? null : value === 0n ? 1n : 0n;
    }
    if (this.takes("(")) {
      const value = this.conditional();
      this.takes(")");
      return value;
    }
    return this.name();
  }

  private name(): Known {
    const first = this.tokens[this.at++];
    if (first === undefined || !/^\w/.test(first)) return null;
    if (/^\d/.test(first)) return BigInt(first);
    if (Object.hasOwn(CONSTANTS, first)) return CONSTANTS[first] as bigint;
    if (this.takes("(")) return this.answer(first);
    let path = first;
    for (;;) {
      const isMember = this.takes("->") || this.takes(".");
      if (!isMember) break;
      path += `.${this.tokens[this.at++]}`;
    }
    const { inputs, written } = this.run;
    const places = [
      path,
      path.replace(/^tdcs_ptr\./, "tdcs."),
      path.replace(/^tdcs_ptr\./, `page(${inputs.get("flags")}).`),
    ];
    // Which of its values is meant is not said of what the run writes.
    if (places.some((place) => written.has(place))) return null;
    return places.map((place) => inputs.get(place)).find((value) => value !== undefined) ?? null;
  }

  private answer(callee: string): Known {
    const args: Known[] = [];
    while (!this.takes(")") && !this.isAtEnd) {
      args.push(this.conditional());
      this.takes(",");
    }
    return args.includes(null) ? null : (this.run.answers.get(`${callee}(${args.join(",")})`) ?? null);
  }
}

function operate(op: string, a: Known, b: Known): Known {
  if (op === "&&") return a === 0n || b === 0n ? 0n : a === null || b === null ? null : 1n;
  if (op === "||")
    return (a !== null && a !== 0n) || (b !== null && b !== 0n) ? 1n : a === null || b === null ? null : 0n;
  return a === null || b === null ? null : computed(op, a, b);
}
