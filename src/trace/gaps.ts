/** Stretches of time in which events were lost. */

/** What ends later than this after another call may still be printed before it; and so near to its edges a recording may lack others. */
export const WHILE = 100_000_000;

/** CPUs of which a hostile recording may have any number. */
const MOST_OPEN = 1 << 13;
/** Of any CPU. */
const ANYWHERE = -1;

export class Gaps {
  /** By CPU: when a gap began that nothing has ended so far. */
  readonly #open = new Map<number, number>();
  /** No gap that is open began earlier. */
  #earliest = Number.POSITIVE_INFINITY;
  /** Gaps that have ended, joined where they overlap, in the order of time. */
  #ended: { from: number; to: number }[] = [];
  #somewhere: () => boolean = () => false;

  /** Something is missing on a CPU from a time on, or, null, on any, until it is heard of again. */
  begins(cpu: number | null, from: number): void {
    // Of too many CPUs it is not kept apart which one it was.
    const key = cpu === null || this.#open.size >= MOST_OPEN ? ANYWHERE : cpu;
    if (this.#open.has(key)) return;
    this.#open.set(key, from);
    this.#earliest = Math.min(this.#earliest, from);
  }

  /** Something is missing, and all that is known is that it was between two times. */
  within(from: number, to: number): void {
    this.#joins(from, to);
  }

  /** Something is missing and nothing says where: it can be anywhere as long as `missing` says so. */
  somewhere(missing: () => boolean): void {
    this.#somewhere = missing;
  }

  /** An event of a CPU has come. */
  heard(cpu: number, time: number): void {
    if (this.#open.size === 0) return;
    const from = this.#open.get(cpu);
    if (from !== undefined) this.#end(cpu, from, time);
    const anywhere = this.#open.get(ANYWHERE);
    if (anywhere !== undefined && time > anywhere) this.#end(ANYWHERE, anywhere, time);
    if (this.#open.size === 0) this.#earliest = Number.POSITIVE_INFINITY;
  }

  /** May something that was lost have happened between two times? */
  between(from: number, to: number): boolean {
    if (this.#earliest <= to || this.#somewhere()) return true;
    let [low, high] = [0, this.#ended.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ended[middle] as { to: number }).to < from) low = middle + 1;
      else high = middle;
    }
    const gap = this.#ended[low];
    return gap !== undefined && gap.from <= to;
  }

  /** Forgets gaps that ended before a time. */
  forgetBefore(time: number): void {
    const first = this.#ended.findIndex(({ to }) => to >= time);
    if (first !== 0) this.#ended = first < 0 ? [] : this.#ended.slice(first);
    this.#earliest = Number.POSITIVE_INFINITY;
    for (const from of this.#open.values()) this.#earliest = Math.min(this.#earliest, from);
  }

  #end(cpu: number, from: number, to: number): void {
    this.#open.delete(cpu);
    this.#joins(from, Math.max(from, to));
  }

  #joins(from: number, to: number): void {
    const joined = { from, to };
    for (let last = this.#ended.at(-1); last !== undefined && last.to >= joined.from; last = this.#ended.at(-1)) {
      joined.from = Math.min(joined.from, last.from);
      joined.to = Math.max(joined.to, last.to);
      this.#ended.pop();
    }
    this.#ended.push(joined);
  }
}
