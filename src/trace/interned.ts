/** Words of a recording, of which there are few, found again where they stand: without cutting them out of the text. */

/** Words that were met last, by their hash. */
const SLOTS = 1 << 12;
/** A hostile recording may have any number of them, and of any length. */
const MOST = 1 << 17;
const LONGEST = 256;

/** What each word means; made once for each, from a copy that does not keep the text in memory. */
export class Interned<T> {
  readonly #make: (word: string) => T;
  readonly #known = new Map<string, { readonly word: string; readonly value: T }>();
  readonly #recent: ({ readonly word: string; readonly value: T } | undefined)[] = new Array(SLOTS).fill(undefined);

  constructor(make: (word: string) => T) {
    this.#make = make;
  }

  /** Of the word that stands between two places of a text. */
  of(text: string, from = 0, to = text.length): T {
    let hash = 0;
    for (let i = from; i < to; i++) hash = mixed(hash, text.charCodeAt(i));
    return this.hashed(text, from, to, hash);
  }

  /** As `of`, of a word whose characters are mixed already. */
  hashed(text: string, from: number, to: number, hash: number): T {
    const slot = (hash ^ (hash >>> 12)) & (SLOTS - 1);
    const recent = this.#recent[slot];
    if (recent !== undefined && stands(recent.word, text, from, to)) return recent.value;
    if (to - from > LONGEST) return this.#make(copied(text.slice(from, to)));
    const found = this.#find(text.slice(from, to));
    this.#recent[slot] = found;
    return found.value;
  }

  #find(slice: string): { readonly word: string; readonly value: T } {
    const known = this.#known.get(slice);
    if (known !== undefined) return known;
    if (this.#known.size >= MOST) this.#known.clear();
    const word = copied(slice);
    const made = { word, value: this.#make(word) };
    this.#known.set(word, made);
    return made;
  }
}

/** A hash with one more character: from 0 on, in the order of the word. */
export function mixed(hash: number, code: number): number {
  return (Math.imul(hash, 31) + code) | 0;
}

function stands(word: string, text: string, from: number, to: number): boolean {
  if (word.length !== to - from) return false;
  for (let i = 0; i < word.length; i++) if (word.charCodeAt(i) !== text.charCodeAt(from + i)) return false;
  return true;
}

/** A slice of a long text keeps all of it in memory; this one keeps one character more than it has. */
function copied(slice: string): string {
  return ` ${slice}`.slice(1);
}
