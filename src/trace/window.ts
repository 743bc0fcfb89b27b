/** Calls of the recent past by the time of their end, in little memory however long the recording is. */
import type { Call } from "./call.ts";

/** Calls in the order of their ends. They come almost in that order, so that one finds its place from the end. */
export class ByEnd {
  #items: Call[] = [];
  #head = 0;

  get size(): number {
    return this.#items.length - this.#head;
  }

  get first(): Call | undefined {
    return this.#items[this.#head];
  }

  get last(): Call | undefined {
    return this.size === 0 ? undefined : this.#items.at(-1);
  }

  /** Counted from the oldest. */
  at(i: number): Call {
    return this.#items[this.#head + i] as Call;
  }

  add(call: Call): void {
    const items = this.#items;
    let i = items.length;
    items.push(call);
    for (; i > this.#head && (items[i - 1] as Call).end > call.end; i--) items[i] = items[i - 1] as Call;
    items[i] = call;
  }

  shift(): Call | undefined {
    const first = this.first;
    if (first === undefined) return undefined;
    this.#head += 1;
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return first;
  }

  /** The number of calls that ended before a time. */
  before(time: number): number {
    let low = 0;
    let high = this.size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.at(middle).end < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  dropBefore(time: number): void {
    while (this.first !== undefined && this.first.end < time) this.shift();
  }
}
