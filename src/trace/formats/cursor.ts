/** A line of a recording, and a place in it: what the readers of formats read with. It stands in a long text and is not cut out of that. */

import { type Interned, mixed } from "../interned.ts";

const BLANK = 32;
const TAB = 9;
const DASH = 45;
const UNDERSCORE = 95;

/** More digits than a number keeps. */
const MOST_HEX = 13;

export class Cursor {
  /** The text that the line stands in, and where: up to before `end`. */
  text = "";
  from = 0;
  end = 0;
  /** What comes next. */
  at = 0;
  /** A field was missing, or of another kind: it stays so for the rest of the line. */
  bad = false;

  set(text: string, from: number, end: number): void {
    this.text = text;
    this.from = from;
    this.end = end;
    this.at = from;
    this.bad = false;
  }

  /** The whole line. */
  get line(): string {
    return this.text.slice(this.from, this.end);
  }

  get isEmpty(): boolean {
    return this.from === this.end;
  }

  /** The character's code at a place; -1 beyond the line. */
  code(at: number): number {
    return at < this.end ? this.text.charCodeAt(at) : -1;
  }

  /** Does a text stand at a place? */
  has(word: string, at: number): boolean {
    return at + word.length <= this.end && this.text.startsWith(word, at);
  }

  /** Goes on behind a character, if it comes next. */
  skip(code: number): boolean {
    if (this.code(this.at) !== code) return false;
    this.at += 1;
    return true;
  }

  /** Goes on behind blanks; says how many there were. */
  blanks(): number {
    const from = this.at;
    let i = from;
    while (i < this.end && isBlank(this.text.charCodeAt(i))) i++;
    this.at = i;
    return i - from;
  }

  /** Goes on behind letters, digits and underscores; says how many there were. */
  word(): number {
    const from = this.at;
    let i = from;
    while (i < this.end && isWord(this.text.charCodeAt(i))) i++;
    this.at = i;
    return i - from;
  }

  /** A decimal number; -1 when none comes next. What follows is not looked at. */
  digits(): number {
    const { text, end, at } = this;
    let i = at;
    let value = 0;
    for (; i < end; i++) {
      const digit = text.charCodeAt(i) - 48;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    this.at = i;
    return i === at ? -1 : value;
  }

  // Fields that one blank parts from each other.

  decimal(): number {
    const from = this.at;
    const value = this.digits();
    this.#ends(from);
    return value;
  }

  /** Null for `-`. */
  hex(): number | null {
    const { text, end, at } = this;
    let i = at;
    if (this.code(i) === DASH) {
      this.at = i + 1;
      this.#ends(at);
      return null;
    }
    let value = 0;
    for (; i < end; i++) {
      const digit = hexDigit(text.charCodeAt(i));
      if (digit < 0) break;
      value = value * 16 + digit;
    }
    if (i - at > MOST_HEX) this.bad = true;
    this.at = i;
    this.#ends(at);
    return value;
  }

  /** Goes on behind a field and its blank; gives what the word means that it is. */
  meaning<T>(words: Interned<T>): T {
    const { text, end, at: from } = this;
    let i = from;
    let hash = 0;
    for (; i < end; i++) {
      const code = text.charCodeAt(i);
      if (code === BLANK) break;
      hash = mixed(hash, code);
    }
    this.at = i;
    this.#ends(from);
    return words.hashed(text, from, i, hash);
  }

  /** A field ends at a blank or with the line. */
  #ends(from: number): void {
    const { at } = this;
    if (at === from || (at < this.end && this.text.charCodeAt(at) !== BLANK)) this.bad = true;
    this.at = at + 1;
  }
}

export function isBlank(code: number): boolean {
  return code === BLANK || code === TAB;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

export function isWord(code: number): boolean {
  return isDigit(code) || ((code | 32) >= 97 && (code | 32) <= 122) || code === UNDERSCORE;
}

/** The value of a hexadecimal digit; -1 when it is none. */
export function hexDigit(code: number): number {
  if (isDigit(code)) return code - 48;
  const letter = code | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}

/** Does a word occur in lines of a text, one after the other? Goes through the text once for all of them. */
export class Needle {
  readonly #word: string;
  #text = "";
  #next = -1;

  constructor(word: string) {
    this.#word = word;
  }

  in({ text, from, end }: Cursor): boolean {
    if (text !== this.#text || this.#next < from) {
      this.#text = text;
      const next = text.indexOf(this.#word, from);
      this.#next = next < 0 ? Number.POSITIVE_INFINITY : next;
    }
    return this.#next + this.#word.length <= end;
  }
}
