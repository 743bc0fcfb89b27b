/** The tokens of preprocessed C. */

/** What a token is; punctuators are told apart by their text. */
export type TokenKind = "word" | "number" | "string" | "character" | "punctuator" | "end";

/** The tokens of a piece of text, one array for each property; the last one is the end. */
export interface Tokens {
  readonly kinds: readonly TokenKind[];
  readonly texts: readonly string[];
  /** Offsets into the text. */
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  readonly lines: readonly number[];
  /** Macros were expanded: the offsets of what they made are none of the text's. */
  readonly expanded?: boolean;
}

/** C's binary operators by precedence, the loosest first. */
export const BINARY_OPERATORS: readonly (readonly string[])[] = [
  ["||"],
  ["&&"],
  ["|"],
  ["^"],
  ["&"],
  ["==", "!="],
  ["<", ">", "<=", ">="],
  ["<<", ">>"],
  ["+", "-"],
  ["*", "/", "%"],
];

const LONG = new Set(["<<=", ">>=", "..."]);
const PAIRS = new Set([
  ...["->", "++", "--", "<<", ">>", "<=", ">=", "==", "!=", "&&", "||"],
  ...["+=", "-=", "*=", "/=", "%=", "&=", "|=", "^="],
]);

const NEWLINE = 10;
const BACKSLASH = 92;

const isSpace = (c: number): boolean => c === 32 || (c >= 9 && c <= 13);
const isDigit = (c: number): boolean => c >= 48 && c <= 57;
const isWordPart = (c: number): boolean =>
  (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || c === 95 || isDigit(c) || c === 36;

/**
 * Splits `text` from `start` to `end`.
 *
 * @param line the number of the line on which `start` stands
 */
export function tokenize(text: string, start: number, end: number, line: number): Tokens {
  const kinds: TokenKind[] = [];
  const texts: string[] = [];
  const starts: number[] = [];
  const ends: number[] = [];
  const lines: number[] = [];
  const add = (kind: TokenKind, value: string, from: number, to: number): void => {
    kinds.push(kind);
    texts.push(value);
    starts.push(from);
    ends.push(to);
    lines.push(line);
  };
  let at = start;
  while (at < end) {
    const c = text.charCodeAt(at);
    if (isSpace(c)) {
      if (c === NEWLINE) line++;
      at++;
      continue;
    }
    if (c === BACKSLASH && /^\\\r?\n/.test(text.slice(at, at + 3))) {
      at++;
      continue;
    }
    const from = at;
    if (isWordPart(c) || (c === 46 && isDigit(text.charCodeAt(at + 1)))) {
      at = isDigit(c) || c === 46 ? endOfNumber(text, at, end) : endOfWord(text, at, end);
      const isNumber = isDigit(c) || c === 46;
      const value = text.slice(from, at);
      add(isNumber ? "number" : "word", isNumber ? value : canonical(value), from, at);
    } else if (c === 34 || c === 39) {
      const close = endOfLiteral(text, at, end);
      at = close < 0 ? at + 1 : close;
      // A quote that nothing closes is no literal; the parser finds it in its way.
      const kind = close < 0 ? "punctuator" : c === 34 ? "string" : "character";
      add(kind, text.slice(from, at), from, at);
    } else {
      at += lengthOfPunctuator(text, at);
      add("punctuator", text.slice(from, at), from, at);
    }
  }
  add("end", "", end, end);
  return { kinds, texts, starts, ends, lines };
}

/** Has `text`, from `start` to `end`, more tokens than `most`? Counted roughly, and only where it is long enough to have them. */
export function isLongerThan(most: number, text: string, start: number, end: number): boolean {
  if (end - start <= most) return false;
  const token = /\w+|[^\w\s]/g;
  token.lastIndex = start;
  let count = 0;
  while (count <= most && token.test(text) && token.lastIndex <= end) count++;
  return count > most;
}

const words = new Map<string, string>();

/** One string for all equal ones: comparing and looking up names is then quick. */
function canonical(word: string): string {
  const known = words.get(word);
  if (known !== undefined) return known;
  words.set(word, word);
  return word;
}

function endOfWord(text: string, start: number, end: number): number {
  let at = start + 1;
  while (at < end && isWordPart(text.charCodeAt(at))) at++;
  return at;
}

/** A number as the C preprocessor sees it: digits, letters, points, and a sign after an exponent's letter. */
function endOfNumber(text: string, start: number, end: number): number {
  let at = start + 1;
  const isHex = /^0[xX]/.test(text.slice(start, start + 2));
  while (at < end) {
    const c = text.charCodeAt(at);
    const isSign = (c === 43 || c === 45) && (isHex ? /[pP]/ : /[eE]/).test(text[at - 1] as string);
    if (!isWordPart(c) && c !== 46 && c !== 39 && !isSign) break;
    at++;
  }
  return at;
}

/** Just after the closing quote; -1 when the line ends first. */
function endOfLiteral(text: string, start: number, end: number): number {
  const quote = text.charCodeAt(start);
  for (let at = start + 1; at < end; at++) {
    const c = text.charCodeAt(at);
    if (c === quote) return at + 1;
    if (c === NEWLINE) return -1;
    if (c === BACKSLASH) at++;
  }
  return -1;
}

function lengthOfPunctuator(text: string, at: number): number {
  if (LONG.has(text.slice(at, at + 3))) return 3;
  return PAIRS.has(text.slice(at, at + 2)) ? 2 : 1;
}
