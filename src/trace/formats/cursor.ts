/** A line of a recording, and a place in it: what the readers of formats read with. It stands in a long text and is not cut out of that. */

import { bytesOf, NO_BYTES, stands, textOf } from "../bytes.ts";
import { type Interned, mixed } from "../interned.ts";

const BLANK = 32;
const TAB = 9;
const DASH = 45;
const UNDERSCORE = 95;

/** No number of a recorder's is larger: they have 64 bits. */
export const LARGEST = 2 ** 64;
/** More digits than a number keeps. */
const MOST_HEX = 13;

export class Cursor {
  /** The text that the line stands in, and where: up to before `end`. */
  bytes: Uint8Array = NO_BYTES;
  from = 0;
  end = 0;
  /** What comes next. */
  at = 0;
  /** A field was missing, or of another kind: it stays so for the rest of the line. */
  bad = false;

  set(bytes: Uint8Array, from: number, end: number): void {
    this.bytes = bytes;
    this.from = from;
    this.end = end;
    this.at = from;
    this.bad = false;
  }

  /** The whole line. */
  get line(): string {
    return textOf(this.bytes, this.from, this.end);
  }

  get isEmpty(): boolean {
    return this.from === this.end;
  }

  /** The character's code at a place; -1 beyond the line. */
  code(at: number): number {
    return at < this.end ? (this.bytes[at] as number) : -1;
  }

  /** Does a text stand at a place? */
  has(word: Uint8Array, at: number): boolean {
    return stands(word, this.bytes, at, this.end);
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
    while (i < this.end && isBlank(this.bytes[i] as number)) i++;
    this.at = i;
    return i - from;
  }

  /** Goes on behind letters, digits and underscores; says how many there were. */
  word(): number {
    const from = this.at;
    let i = from;
    while (i < this.end && isWord(this.bytes[i] as number)) i++;
    this.at = i;
    return i - from;
  }

  /** A decimal number; -1 when none comes next. What follows is not looked at. */
  digits(): number {
    const { bytes, end, at } = this;
    let i = at;
    let value = 0;
    for (; i < end; i++) {
      const digit = (bytes[i] as number) - 48;
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
    if (value > LARGEST) this.bad = true;
    this.#ends(from);
    return value;
  }

  /** Null for `-`. */
  hex(): number | null {
    const { bytes, end, at } = this;
    let i = at;
    if (this.code(i) === DASH) {
      this.at = i + 1;
      this.#ends(at);
      return null;
    }
    let value = 0;
    for (; i < end; i++) {
      const digit = hexDigit(bytes[i] as number);
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
    const { bytes, end, at: from } = this;
    let i = from;
    let hash = 0;
    for (; i < end; i++) {
      const code = bytes[i] as number;
      if (code === BLANK) break;
      hash = mixed(hash, code);
    }
    this.at = i;
    this.#ends(from);
    return words.hashed(bytes, from, i, hash);
  }

  /** A field ends at a blank or with the line. */
  #ends(from: number): void {
    const { at } = this;
    if (at === from || (at < this.end && (this.bytes[at] as number) !== BLANK)) this.bad = true;
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

/** Does a word occur in a line? */
export class Needle {
  readonly #word: Uint8Array;

  constructor(word: string) {
    this.#word = bytesOf(word);
  }

  in({ bytes, from, end }: Cursor): boolean {
    const first = this.#word[0];
    const last = end - this.#word.length;
    for (let at = from; at <= last; at++) {
      if (bytes[at] === first && stands(this.#word, bytes, at, end)) return true;
    }
    return false;
  }
}
