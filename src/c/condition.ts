/** The conditions of `#if` and `#elif`: macros expanded, then arithmetic in 64 bits, as a compiler's preprocessor has it. */

import { type Budget, expandMacros, type Macro } from "./expand.ts";
import { parseInteger } from "./expressions.ts";
import { binary, chosen, type Integer, literal, natural, unary } from "./integers.ts";
import { BINARY_OPERATORS, type Tokens, tokenize } from "./lexer.ts";
import { LIMITS } from "./limits.ts";

/** What a condition may know of its surroundings. */
export interface Names {
  readonly isDefined: (name: string) => boolean;
  /** The macro of a name; null for a name that counts as 0. */
  readonly macro: (name: string) => Macro | null;
}

/**
 * Is a condition met?
 *
 * @param budget tokens that macros may still make
 * @returns null when it needs what only a compiler knows, is none, or is longer than a person writes
 */
export function evaluateCondition(text: string, names: Names, budget: Budget): boolean | null {
  if (text.length > LIMITS.condition) return null;
  const asked = answerDefined(tokenize(text, 0, text.length, 0), names.isDefined);
  const tokens = expandMacros(asked, names.macro, budget);
  if (tokens === null) return null;
  try {
    return new Evaluation(tokens).whole().value !== 0n;
  } catch (error) {
    if (error instanceof NoCondition) return null;
    throw error;
  }
}

/** `defined NAME` and `defined(NAME)` become 1 or 0, before any macro is expanded. */
function answerDefined(tokens: Tokens, isDefined: (name: string) => boolean): Tokens {
  const { texts, kinds } = tokens;
  const kept: number[] = [];
  const answers = new Map<number, string>();
  for (let i = 0; i < texts.length; i++) {
    kept.push(i);
    if (texts[i] !== "defined" || kinds[i] !== "word") continue;
    const isClosed = texts[i + 1] === "(" && texts[i + 3] === ")";
    const at = isClosed ? i + 2 : i + 1;
    if (kinds[at] !== "word") continue;
    answers.set(i, isDefined(texts[at] as string) ? "1" : "0");
    i = isClosed ? at + 1 : at;
  }
  if (answers.size === 0) return tokens;
  return {
    kinds: kept.map((i) => (answers.has(i) ? "number" : (kinds[i] as Tokens["kinds"][number]))),
    texts: kept.map((i) => answers.get(i) ?? (texts[i] as string)),
    starts: kept.map((i) => tokens.starts[i] as number),
    ends: kept.map((i) => tokens.ends[i] as number),
    lines: kept.map((i) => tokens.lines[i] as number),
  };
}

/** The tokens are no condition, or one that needs more than integers. */
class NoCondition extends Error {}

/** All values have 64 bits here, also those of comparisons. */
const wide = ({ value, isUnsigned }: Integer): Integer => literal(value, isUnsigned ? "unsigned long" : "long");
const NOTHING = literal(0n, "long");
const isTrue = ({ value }: Integer): boolean => value !== 0n;

/** Follows the tokens once. What `&&`, `||` and `?:` pass over is read, and not asked for a value. */
class Evaluation {
  private at = 0;
  private depth = 0;
  private readonly tokens: Tokens;

  constructor(tokens: Tokens) {
    this.tokens = tokens;
  }

  whole(): Integer {
    const value = this.conditional(true);
    if (this.tokens.kinds[this.at] !== "end") throw new NoCondition();
    return value;
  }

  private get text(): string {
    return this.tokens.texts[this.at] ?? "";
  }

  private expect(text: string): void {
    if (this.text !== text) throw new NoCondition();
    this.at++;
  }

  private deeper(read: () => Integer): Integer {
    if (++this.depth > LIMITS.conditionDepth) throw new NoCondition();
    const value = read();
    this.depth--;
    return value;
  }

  /** @param live is the value asked for? */
  private conditional(live: boolean): Integer {
    return this.deeper(() => this.choice(live));
  }

  private choice(live: boolean): Integer {
    const test = this.binary(0, live);
    if (this.text !== "?") return test;
    this.at++;
    const yes = this.conditional(live && isTrue(test));
    this.expect(":");
    const no = this.conditional(live && !isTrue(test));
    return this.known(isTrue(test) ? chosen(yes, no) : chosen(no, yes), live);
  }

  private binary(level: number, live: boolean): Integer {
    const operators = BINARY_OPERATORS[level];
    if (operators === undefined) return this.unary(live);
    let left = this.binary(level + 1, live);
    for (let operator = this.text; operators.includes(operator); operator = this.text) {
      this.at++;
      const isDecided = (operator === "&&" && !isTrue(left)) || (operator === "||" && isTrue(left));
      const right = this.binary(level + 1, live && !isDecided);
      left = this.known(binary(operator, left, right), live && !isDecided);
    }
    return left;
  }

  /** A value that is asked for must be one; what is passed over may be anything. */
  private known(value: Integer | null, live: boolean): Integer {
    if (value === null && live) throw new NoCondition();
    return value === null ? NOTHING : wide(value);
  }

  private unary(live: boolean): Integer {
    const { text } = this;
    const kind = this.tokens.kinds[this.at];
    this.at++;
    if (kind === "number") return number(text);
    if (kind === "character") return wide(natural(character(text)));
    // What is no macro is 0.
    if (kind === "word") return NOTHING;
    if (text === "(") {
      const value = this.conditional(live);
      this.expect(")");
      return value;
    }
    if (!["!", "-", "~", "+"].includes(text)) throw new NoCondition();
    const operand = this.deeper(() => this.unary(live));
    return this.known(unary(text, operand), live);
  }
}

const MOST = (1n << 63n) - 1n;

function number(text: string): Integer {
  const value = parseInteger(text);
  if (value === null || value >> 64n !== 0n) throw new NoCondition();
  const isUnsigned = value > MOST || /u/i.test(/[ul]*$/i.exec(text)?.[0] ?? "");
  return literal(value, isUnsigned ? "unsigned long" : "long");
}

const ESCAPES: Readonly<Record<string, number>> = {
  ...{ a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13, e: 27 },
  ...{ "\\": 92, "'": 39, '"': 34, "?": 63 },
};

/** The value of a literal of one character. */
function character(text: string): bigint {
  const one = /^'(?:([ -&(-[\]-~])|\\([abtnvfre\\'"?])|\\([0-7]{1,3})|\\x([0-9a-fA-F]{1,2}))'$/.exec(text);
  if (one === null) throw new NoCondition();
  const [, plain, named, octal, hex] = one;
  if (plain !== undefined) return BigInt(plain.charCodeAt(0));
  if (named !== undefined) return BigInt(ESCAPES[named] as number);
  return BigInt.asIntN(8, BigInt(octal !== undefined ? `0o${octal}` : `0x${hex}`));
}
