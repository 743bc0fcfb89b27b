/** Arguments and results as the kernel's own tracers print them: `td=0xffff…, gpa=0x1000, level=1 [PG_LEVEL_4K]`. */

import { bytesOf, NO_BYTES, stands } from "../bytes.ts";
import { NOTHING, type Operands } from "../call.ts";
import { Interned } from "../interned.ts";
import { type ArgumentKind, WRAPPERS } from "../wrappers.ts";
import { hexDigit, isBlank, isWord } from "./cursor.ts";
import type { Input } from "./input.ts";

/** What an argument of this name is, in any wrapper of any release; `pg_level` is what our perf probes call a level that counts from 1. */
const KIND_OF: ReadonlyMap<string, ArgumentKind> = new Map([
  ...[...WRAPPERS.values()].flatMap((one) =>
    one.arguments.filter(({ is }) => is !== "other").map(({ name, is }) => [name, is] as const),
  ),
  // Which of the two ways a level counts is seen by how it is printed.
  ["level", "level"],
  ["pg_level", "pg-level"],
  ["page", "page"],
  ["pfn", "pfn"],
]);

/** What a result is called: by our probes, by function_graph, by probes that others made. */
const RESULTS: ReadonlySet<string> = new Set(["status", "ret", "retval", "arg1"]);

const EQUALS = 61;
const CLOSES = 41;
const COMMA = 44;
const MINUS = 45;
const ZERO = 48;
const SEMICOLON = 59;
/** Of a lower-case `x`. */
const X = 120;
/** More than this is no number that is exact. */
const MOST_DIGITS = 13;
/** `0x` and 16 digits. */
const POINTER = 18;
/** A level that the kernel prints with its own name counts from 1. */
const ENUM = bytesOf(" [PG_LEVEL");

/** Why a line whose operands are damaged is not read. */
export const DAMAGED = "an operand is damaged";
export const TOLD_LESS = "others of its function say more";

/** What a list can tell of, a bit each. */
const TELLS: Readonly<Record<ArgumentKind | "result", number>> = {
  td: 1,
  "tdr-page": 1,
  vp: 2,
  gpa: 4,
  level: 8,
  "pg-level": 8,
  page: 16,
  pfn: 16,
  result: 32,
  other: 0,
};

/** Reads lists of `name=value`. */
export class Arguments {
  readonly #kinds = new Interned<ArgumentKind | "result" | null>(
    (name) => KIND_OF.get(name) ?? (RESULTS.has(name) ? "result" : null),
  );
  // The next value: where it stands, and what it is.
  #bytes: Uint8Array = NO_BYTES;
  #at = 0;
  #end = 0;
  #kind: ArgumentKind | "result" | null = null;
  #from = 0;
  #isHex = false;
  #number = 0;
  /** A value of a name that is known is missing, does not end as a number does, or is none that such an operand has. */
  #isDamaged = false;
  #told = 0;

  /** The operands in a stretch of text; null when one is damaged: what is left of it would be taken for another object. */
  operands(bytes: Uint8Array, from: number, end: number, { names }: Input): Operands | null {
    this.#start(bytes, from, end);
    let td: string | null = null;
    let vp: string | null = null;
    let gpa: number | null = null;
    let level: number | null = null;
    let page: number | null = null;
    while (this.#next()) {
      switch (this.#kind) {
        case "td":
        case "tdr-page":
          this.#isDamaged ||= !this.#isPointer();
          td = names.of(bytes, this.#from, this.#at);
          break;
        case "vp":
          this.#isDamaged ||= !this.#isPointer();
          vp = names.of(bytes, this.#from, this.#at);
          break;
        case "gpa":
          gpa = this.#exact();
          break;
        case "level":
          level = this.#level(stands(ENUM, bytes, this.#at, this.#end));
          break;
        case "pg-level":
          level = this.#level(true);
          break;
        case "pfn":
          page = this.#exact();
          break;
        case "page":
          page = this.#page();
          break;
        default:
      }
    }
    if (this.#isDamaged) return null;
    if (td === null && vp === null && gpa === null && level === null && page === null) return NOTHING;
    return { td, vp, gpa, level, page };
  }

  /** The last result in a stretch of text; null when there is none, or it is none of the module's. */
  status(bytes: Uint8Array, from: number, end: number, { statuses }: Input): string | null {
    this.#start(bytes, from, end);
    let status: string | null = null;
    while (this.#next()) {
      if (this.#kind !== "result") continue;
      // Only zero and errors of the kernel's own are printed in decimal.
      status = this.#isHex || this.#number === 0 ? statuses.of(bytes, this.#from, this.#at) : null;
    }
    // What is left of a number is another status.
    return this.#isDamaged ? null : status;
  }

  /** What the last list told of. */
  get told(): number {
    return this.#told;
  }

  /** Was a value of the last list damaged? */
  get isDamaged(): boolean {
    return this.#isDamaged;
  }

  #start(bytes: Uint8Array, from: number, end: number): void {
    this.#isDamaged = false;
    this.#told = 0;
    this.#bytes = bytes;
    this.#at = from;
    this.#end = end;
  }

  /** Goes on to the next value that has a name that is known. */
  #next(): boolean {
    const bytes = this.#bytes;
    const end = this.#end;
    const first = this.#at;
    for (let i = first; i < end; i++) {
      if ((bytes[i] as number) !== EQUALS) continue;
      let name = i;
      while (name > first && isWord(bytes[name - 1] as number)) name--;
      this.#at = i + 1;
      const kind = name === i ? null : this.#kinds.of(bytes, name, i);
      if (kind !== null) {
        this.#kind = kind;
        this.#told |= TELLS[kind];
        this.#isDamaged ||= !this.#value() || (this.#at < end && !isAfterValue(bytes[this.#at] as number));
        return true;
      }
      i = this.#at - 1;
    }
    this.#at = end;
    return false;
  }

  /** Reads `0x1f`, `17` or `-1`. */
  #value(): boolean {
    const bytes = this.#bytes;
    const from = this.#at;
    this.#from = from;
    this.#isHex = (bytes[from] as number) === ZERO && (bytes[from + 1] as number) === X;
    const isNegative = (bytes[from] as number) === MINUS;
    const digits = from + (this.#isHex ? 2 : Number(isNegative));
    const base = this.#isHex ? 16 : 10;
    let value = 0;
    let i = digits;
    for (; i < this.#end; i++) {
      const digit = hexDigit(bytes[i] as number);
      if (digit < 0 || digit >= base) break;
      value = value * base + digit;
    }
    this.#number = isNegative ? -value : value;
    this.#at = Math.max(digits, i);
    return i > digits;
  }

  /** A pointer of the kernel's: 16 digits. */
  #isPointer(): boolean {
    return this.#isHex && this.#at - this.#from === POINTER;
  }

  #exact(): number {
    this.#isDamaged ||= this.#at - this.#from > MOST_DIGITS + 2;
    return this.#number;
  }

  #level(fromOne: boolean): number {
    const level = this.#number - Number(fromOne);
    this.#isDamaged ||= level < 0 || level > 5;
    return level;
  }

  /** The kernel's array of `struct page` has 64 bytes for each frame; where it begins is not known, so that the number is no frame's. */
  #page(): number | null {
    const digits = this.#at - this.#from - 2;
    if (!this.#isHex || digits < 12 || digits > 16) {
      this.#isDamaged = true;
      return null;
    }
    // The last eleven digits: more are the same for all, and would not be exact.
    let low = 0;
    for (let i = this.#at - 11; i < this.#at; i++) low = low * 16 + hexDigit(this.#bytes[i] as number);
    return -1 - Math.floor(low / 64);
  }
}

const isAfterValue = (code: number): boolean =>
  isBlank(code) || code === COMMA || code === CLOSES || code === SEMICOLON;
