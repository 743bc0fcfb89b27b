/** A table of those that were met of late, of a bounded size, however many there are. */

/**
 * A map that forgets those that were not asked for longest, many at a time.
 *
 * Two halves: what is asked for goes into the younger one; when that is full it becomes the older one, and what was left in
 * the older one is forgotten. So each step costs the same, which taking the first out of a `Map` again and again does not.
 */
export class Recent<K, V> {
  readonly #half: number;
  readonly #forgot: (key: K, value: V) => void;
  #young = new Map<K, V>();
  #old = new Map<K, V>();
  /** How many were forgotten. */
  forgotten = 0;

  /** `most`: how many are kept; `forgot` is told of each that no longer is. */
  constructor(most: number, forgot: (key: K, value: V) => void = () => {}) {
    this.#half = most / 2;
    this.#forgot = forgot;
  }

  get(key: K): V | undefined {
    const young = this.#young.get(key);
    if (young !== undefined || this.#old.size === 0) return young;
    const value = this.#old.get(key);
    if (value === undefined) return undefined;
    this.#old.delete(key);
    this.set(key, value);
    return value;
  }

  set(key: K, value: V): void {
    this.#young.set(key, value);
    this.#old.delete(key);
    if (this.#young.size < this.#half) return;
    const gone = this.#old;
    this.#old = this.#young;
    this.#young = new Map();
    this.forgotten += gone.size;
    for (const [one, its] of gone) this.#forgot(one, its);
  }

  delete(key: K): void {
    if (!this.#young.delete(key)) this.#old.delete(key);
  }

  *values(): Generator<V> {
    yield* this.#old.values();
    yield* this.#young.values();
  }
}
