/** One line of NDJSON whose values are plain: read where it stands, several times as fast as `JSON.parse` makes an object of it. */
import { bytesOf, NO_BYTES, stands, textOf } from "../bytes.ts";
import { Interned, mixed } from "../interned.ts";
import type { Cursor } from "./cursor.ts";

const QUOTE = 34;
const PLUS = 43;
const COMMA = 44;
const MINUS = 45;
const PERIOD = 46;
const ZERO = 48;
const NINE = 57;
const COLON = 58;
const OPENS_LIST = 91;
const BACKSLASH = 92;
const CLOSES_LIST = 93;
const OPENS = 123;
const CLOSES = 125;

/** So many digits are exact when they are added up. */
const MOST_DIGITS = 15;

const NONE = 0;
const TEXT = 1;
const NUMBER = 2;
const PAIR = 3;
const LITERAL = 4;

const LITERALS = ["null", "true", "false"].map(bytesOf);

/** What is no name of a field. */
const NO_NAME = -2;

/** The fields of an object with these names; others may be there, and are passed over. */
export class FlatObject {
  readonly #index: Interned<number>;
  /** By field: `"name":`. */
  readonly #labels: readonly Uint8Array[];
  /** By the field before, the first one's after nothing: the field that came next when it was last met. A writer has one order, or few. */
  readonly #next: Uint8Array;
  readonly #kinds: Uint8Array;
  readonly #from: Int32Array;
  readonly #to: Int32Array;
  readonly #hashes: Int32Array;
  readonly #numbers: Float64Array;
  readonly #seconds: Float64Array;
  #bytes: Uint8Array = NO_BYTES;
  #at = 0;
  #end = 0;
  #number = 0;
  #second = 0;
  #hash = 0;

  constructor(names: readonly string[]) {
    this.#index = new Interned((name) => names.indexOf(name));
    this.#labels = names.map((name) => bytesOf(`"${name}":`));
    this.#next = new Uint8Array(names.length + 1);
    this.#kinds = new Uint8Array(names.length);
    this.#from = new Int32Array(names.length);
    this.#to = new Int32Array(names.length);
    this.#hashes = new Int32Array(names.length);
    this.#numbers = new Float64Array(names.length);
    this.#seconds = new Float64Array(names.length);
  }

  /** False: it is no object, or one with blanks, escapes or values within values; `JSON.parse` has to say. */
  read({ bytes, from, end }: Cursor): boolean {
    this.#bytes = bytes;
    this.#at = from;
    this.#end = end;
    this.#kinds.fill(NONE);
    if (!this.#skip(OPENS)) return false;
    let field = -1;
    do {
      field = this.#field(field);
      if (field === NO_NAME) return false;
    } while (this.#skip(COMMA));
    return this.#skip(CLOSES) && this.#at === end;
  }

  has(field: number): boolean {
    return this.#kinds[field] !== NONE;
  }

  /** Is there a value, other than `null`? */
  isGiven(field: number): boolean {
    return this.#kinds[field] !== NONE && this.#kinds[field] !== LITERAL;
  }

  isText(field: number): boolean {
    return this.#kinds[field] === TEXT;
  }

  /** What a word means that is a field's text. */
  meaning<T>(field: number, words: Interned<T>): T {
    return words.hashed(this.#bytes, this.from(field), this.to(field), this.#hashes[field] as number);
  }

  /** Where the text of a field stands in the line's. */
  from(field: number): number {
    return this.#from[field] as number;
  }

  to(field: number): number {
    return this.#to[field] as number;
  }

  /** NaN when the field is no number. */
  number(field: number): number {
    return this.#kinds[field] === NUMBER ? (this.#numbers[field] as number) : Number.NaN;
  }

  /** The numbers of a list of two; NaN when it is none. */
  first(field: number): number {
    return this.#kinds[field] === PAIR ? (this.#numbers[field] as number) : Number.NaN;
  }

  second(field: number): number {
    return this.#kinds[field] === PAIR ? (this.#seconds[field] as number) : Number.NaN;
  }

  /** A natural number; null when the field is none. */
  natural(field: number): number | null {
    const value = this.number(field);
    const small = value | 0;
    // V8 keeps a number that comes out of an array of floats as one, and all that is done with it is slow then.
    if (small === value && small >= 0) return small;
    return Number.isSafeInteger(value) && value >= 0 ? value : null;
  }

  /** Reads `"name":value` and gives the field's place, or -1 for another name; `before` is that of the field before. */
  #field(before: number): number {
    const field = this.#name(before);
    if (field === NO_NAME) return NO_NAME;
    const at = this.#at;
    const kind = this.#value();
    if (kind === NONE) return NO_NAME;
    if (field < 0) return field;
    this.#kinds[field] = kind;
    if (kind === TEXT) {
      this.#from[field] = at + 1;
      this.#to[field] = this.#at - 1;
      this.#hashes[field] = this.#hash;
    } else {
      this.#numbers[field] = this.#number;
      this.#seconds[field] = this.#second;
    }
    return field;
  }

  /** `"name":` */
  #name(before: number): number {
    const expected = this.#next[before + 1] as number;
    if (this.#label(this.#labels[expected] as Uint8Array)) return expected;
    const from = this.#at + 1;
    if (!this.#string()) return NO_NAME;
    const field = this.#index.hashed(this.#bytes, from, this.#at - 1, this.#hash);
    if (!this.#skip(COLON)) return NO_NAME;
    if (field >= 0) this.#next[before + 1] = field;
    return field;
  }

  #label(label: Uint8Array): boolean {
    if (!stands(label, this.#bytes, this.#at, this.#end)) return false;
    this.#at += label.length;
    return true;
  }

  /** The kind of the value that comes next. */
  #value(): number {
    const code = this.#code();
    if (code === QUOTE) return this.#string() ? TEXT : NONE;
    if (code === OPENS_LIST) return this.#pair() ? PAIR : NONE;
    if (code === MINUS || (code >= ZERO && code <= NINE)) return this.#plainNumber() ? NUMBER : NONE;
    return this.#literal();
  }

  /** `"text"` without escapes. */
  #string(): boolean {
    if (!this.#skip(QUOTE)) return false;
    const bytes = this.#bytes;
    const end = this.#end;
    let hash = 0;
    for (let i = this.#at; i < end; i++) {
      const code = bytes[i] as number;
      if (code === QUOTE) {
        this.#at = i + 1;
        this.#hash = hash;
        return true;
      }
      if (code === BACKSLASH || code < 32) return false;
      hash = mixed(hash, code);
    }
    return false;
  }

  #pair(): boolean {
    if (!this.#skip(OPENS_LIST) || !this.#plainNumber()) return false;
    const first = this.#number;
    if (!this.#skip(COMMA) || !this.#plainNumber()) return false;
    this.#second = this.#number;
    this.#number = first;
    return this.#skip(CLOSES_LIST);
  }

  #plainNumber(): boolean {
    const bytes = this.#bytes;
    const from = this.#at;
    let value = 0;
    let i = from;
    for (; i < this.#end; i++) {
      const digit = (bytes[i] as number) - 48;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    this.#at = i;
    this.#number = value;
    const digits = i - from;
    const isPlain = digits === 1 || (digits > 1 && digits <= MOST_DIGITS && (bytes[from] as number) !== ZERO);
    return isPlain && !isOfNumber(this.#code()) ? true : this.#anyNumber(from);
  }

  /** `-1`, `1.5` or `1e9`, which are seldom. */
  #anyNumber(from: number): boolean {
    while (this.#at < this.#end && isOfNumber(this.#code())) this.#at += 1;
    const word = textOf(this.#bytes, from, this.#at);
    if (!/^-?(0|[1-9]\d*)(\.\d+)?(e[+-]?\d+)?$/i.test(word)) return false;
    this.#number = Number(word);
    return true;
  }

  #literal(): number {
    for (const word of LITERALS) {
      if (!stands(word, this.#bytes, this.#at, this.#end)) continue;
      this.#at += word.length;
      return LITERAL;
    }
    return NONE;
  }

  #code(): number {
    return this.#at < this.#end ? (this.#bytes[this.#at] as number) : -1;
  }

  #skip(code: number): boolean {
    if (this.#code() !== code) return false;
    this.#at += 1;
    return true;
  }
}

const isOfNumber = (code: number): boolean =>
  (code >= ZERO && code <= NINE) || code === PERIOD || code === MINUS || code === PLUS || (code | 32) === 101;
