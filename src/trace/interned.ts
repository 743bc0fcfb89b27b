/** Words of a recording, of which there are few, found again where they stand: without making a text of them. */
import { bytesOf, stands, textOf } from "./bytes.ts";

/** Words that were met last, by their hash. */
const SLOTS = 1 << 12;
/** A hostile recording may have any number of them, and of any length. */
const MOST = 1 << 17;
const LONGEST = 256;

interface Known<T> {
  readonly bytes: Uint8Array;
  readonly value: T;
}

/** What each word means; made once for each. */
export class Interned<T> {
  readonly #make: (word: string) => T;
  readonly #known = new Map<string, Known<T>>();
  readonly #recent: (Known<T> | undefined)[] = new Array(SLOTS).fill(undefined);

  constructor(make: (word: string) => T) {
    this.#make = make;
  }

  /** Of the word that stands between two places. */
  of(bytes: Uint8Array, from: number, to: number): T {
    let hash = 0;
    for (let i = from; i < to; i++) hash = mixed(hash, bytes[i] as number);
    return this.hashed(bytes, from, to, hash);
  }

  ofText(word: string): T {
    return this.of(bytesOf(word), 0, word.length);
  }

  /** As `of`, of a word whose characters are mixed already. */
  hashed(bytes: Uint8Array, from: number, to: number, hash: number): T {
    const slot = (hash ^ (hash >>> 12)) & (SLOTS - 1);
    const recent = this.#recent[slot];
    if (recent !== undefined && recent.bytes.length === to - from && stands(recent.bytes, bytes, from, to)) {
      return recent.value;
    }
    const word = textOf(bytes, from, to);
    if (to - from > LONGEST) return this.#make(word);
    const found = this.#find(word);
    this.#recent[slot] = found;
    return found.value;
  }

  #find(word: string): Known<T> {
    const known = this.#known.get(word);
    if (known !== undefined) return known;
    if (this.#known.size >= MOST) this.#known.clear();
    const made = { bytes: bytesOf(word), value: this.#make(word) };
    this.#known.set(word, made);
    return made;
  }
}

/** A hash with one more character: from 0 on, in the order of the word. */
export function mixed(hash: number, code: number): number {
  return (Math.imul(hash, 31) + code) | 0;
}
