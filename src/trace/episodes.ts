/** From the first BUSY of a call to its success: how often it was tried, and how long that took. */
import { type Call, isSuccess } from "./call.ts";

export interface Episode {
  readonly leaf: string;
  readonly td: string | null;
  readonly vp: string | null;
  readonly gpa: number | null;
  readonly cpu: number;
  readonly tid: number;
  /** When the call that was first refused began. */
  readonly begin: number;
  /** When the call that got through began; else when the last try ended. */
  readonly end: number;
  readonly tries: number;
  /** Tries that followed the refused one within a moment, the task not having entered its guest in between: a loop, not a way back. */
  readonly atOnce: number;
  /** `given-up`: no further try within a second; `other`: a try ended in another error; `open`: the recording ended. */
  readonly outcome: "done" | "other" | "given-up" | "open";
}

interface Running {
  readonly first: Call;
  last: Call;
  tries: number;
  atOnce: number;
  /** How often its task had entered a guest at the last try. */
  entries: number;
}

interface Trying {
  calls: number;
  /** How often it has entered a guest since it began to try. */
  entries: number;
}

/** A call that is not tried again for so long is given up. */
const PATIENCE = 1_000_000_000;
/** A try that comes so soon, in ns, is made by the loop that was refused; kicking vCPUs out takes longer. */
const MOMENT = 10_000;
const MOST = 1 << 14;

export class Episodes {
  readonly #running = new Map<string, Running>();
  /** Tasks that have a call to get through. */
  readonly #trying = new Map<number, Trying>();
  readonly #ended: (episode: Episode) => void;
  readonly #enterLeaf: string;
  #looked = Number.NEGATIVE_INFINITY;

  constructor(enterLeaf: string, ended: (episode: Episode) => void) {
    this.#enterLeaf = enterLeaf;
    this.#ended = ended;
  }

  /** Calls in the order of their ends. */
  see(call: Call, busy: boolean): void {
    if (call.status === null) return;
    const trying = this.#trying.get(call.tid);
    if (trying === undefined && !busy) return;
    if (trying !== undefined && call.leaf === this.#enterLeaf && !busy) trying.entries += 1;
    const key = keyOf(call);
    let running = this.#running.get(key);
    if (running !== undefined && running.last.end <= call.end - PATIENCE) {
      this.#giveUp(key, running);
      running = undefined;
    }
    if (running === undefined) {
      if (busy) this.#begin(key, call);
      return;
    }
    running.tries += 1;
    const entries = trying?.entries ?? 0;
    // The loop that was refused tries again, without its task having entered a guest in between.
    if (entries === running.entries && call.begin - running.last.end < MOMENT) running.atOnce += 1;
    if (busy) {
      running.entries = entries;
      running.last = call;
      return;
    }
    this.#leaves(key, running);
    this.#end(running, isSuccess(call.status) ? "done" : "other", call.begin);
  }

  /** Ends those that have waited for long by now; looks for them now and then. */
  passed(time: number): void {
    if (time < this.#looked + PATIENCE / 8) return;
    this.#looked = time;
    for (const [key, running] of this.#running) {
      if (running.last.end <= time - PATIENCE) this.#giveUp(key, running);
    }
  }

  finish(): void {
    for (const running of this.#running.values()) this.#end(running, "open", running.last.end);
    this.#running.clear();
    this.#trying.clear();
  }

  #begin(key: string, call: Call): void {
    if (this.#running.size >= MOST) {
      const [oldest, running] = this.#running.entries().next().value as [string, Running];
      this.#leaves(oldest, running);
      this.#end(running, "open", running.last.end);
    }
    let trying = this.#trying.get(call.tid);
    if (trying === undefined) {
      trying = { calls: 0, entries: 0 };
      this.#trying.set(call.tid, trying);
    }
    trying.calls += 1;
    this.#running.set(key, { first: call, last: call, tries: 1, atOnce: 0, entries: trying.entries });
  }

  #giveUp(key: string, running: Running): void {
    this.#leaves(key, running);
    this.#end(running, "given-up", running.last.end);
  }

  #leaves(key: string, { first: { tid } }: Running): void {
    this.#running.delete(key);
    const trying = this.#trying.get(tid);
    if (trying === undefined) return;
    trying.calls -= 1;
    if (trying.calls === 0) this.#trying.delete(tid);
  }

  #end({ first, tries, atOnce }: Running, outcome: Episode["outcome"], end: number): void {
    const { leaf, td, vp, gpa, cpu, tid, begin } = first;
    this.#ended({ leaf, td, vp, gpa, cpu, tid, begin, end, tries, atOnce, outcome });
  }
}

function keyOf({ tid, leaf, td, vp, gpa, page }: Call): string {
  return `${tid} ${leaf} ${td} ${vp} ${gpa} ${page}`;
}
