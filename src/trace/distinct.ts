/** Counts of distinct things, of which a hostile recording may have any number. */

/** So many are told one by one; no host has as many. */
export const MOST_DISTINCT = 1 << 14;

/** How often each of them came; those beyond the bound are counted together. */
export class Counts<K> {
  readonly #counts = new Map<K, number>();
  /** How often some came that are not told one by one. */
  others = 0;

  add(key: K): void {
    const known = this.#counts.get(key);
    if (known === undefined && this.#counts.size >= MOST_DISTINCT) this.others += 1;
    else this.#counts.set(key, (known ?? 0) + 1);
  }

  get all(): ReadonlyMap<K, number> {
    return this.#counts;
  }
}

/** So many are remembered that came last. */
const SLOTS = 1 << 8;

/** How many different ones there are, up to the bound. */
export class Distinct<K> {
  readonly #known = new Set<K>();
  /** The one that came last with each hint. */
  readonly #last: (K | undefined)[] = new Array(SLOTS).fill(undefined);
  isFull = false;

  /** `hint`: a number with which mostly the same one comes; only speed depends on it. */
  add(key: K, hint = 0): void {
    const slot = hint & (SLOTS - 1);
    if (key === this.#last[slot]) return;
    this.#last[slot] = key;
    if (this.#known.size < MOST_DISTINCT) this.#known.add(key);
    else if (!this.isFull) this.isFull = !this.#known.has(key);
  }

  get size(): number {
    return this.#known.size;
  }
}

/** How often durations came, by the smallest power of two, in ns, that is no less. */
export class Histogram {
  readonly #counts: number[] = [];

  add(time: number): void {
    const exponent = exponentOf(time);
    this.#counts[exponent] = (this.#counts[exponent] ?? 0) + 1;
  }

  /** By the upper bound. */
  plain(): Record<string, number> {
    const bounds: Record<string, number> = {};
    // Those that never came are holes, which forEach leaves out.
    this.#counts.forEach((count, exponent) => {
      bounds[2 ** exponent] = count;
    });
    return bounds;
  }
}

function exponentOf(time: number): number {
  if (time <= 1) return 0;
  const whole = Math.ceil(time) - 1;
  return whole < 2 ** 31 ? 32 - Math.clz32(whole) : Math.ceil(Math.log2(time));
}
