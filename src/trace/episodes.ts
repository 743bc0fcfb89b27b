/** From the first BUSY of a call to its success: how often it was tried, and how long that took. */
import type { Call } from "./call.ts";

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
  entered: boolean;
}

/** A call that is not tried again for so long is given up. */
const PATIENCE = 1_000_000_000;
/** A try that comes so soon, in ns, is made by the loop that was refused; kicking vCPUs out takes longer. */
const MOMENT = 10_000;
const MOST = 1 << 14;

export class Episodes {
  readonly #running = new Map<string, Running>();
  /** By task: the keys of its episodes. */
  readonly #ended: (episode: Episode) => void;
  #enterLeaf: string;

  constructor(enterLeaf: string, ended: (episode: Episode) => void) {
    this.#enterLeaf = enterLeaf;
    this.#ended = ended;
  }

  /** Calls in the order of their ends. */
  see(call: Call, busy: boolean): void {
    if (call.status === null) return;
    if (this.#running.size === 0 && !busy) return;
    if (call.leaf === this.#enterLeaf && !busy) this.#entered(call.tid);
    const key = keyOf(call);
    const running = this.#running.get(key);
    if (busy) {
      if (running === undefined) this.#begin(key, call);
      else {
        running.tries += 1;
        if (isAtOnce(running, call)) running.atOnce += 1;
        running.entered = false;
        running.last = call;
      }
      return;
    }
    if (running === undefined) return;
    this.#running.delete(key);
    const success = /^0x[0-7]/.test(call.status);
    const tries = running.tries + 1;
    const atOnce = running.atOnce + Number(isAtOnce(running, call));
    this.#end({ ...running, tries, atOnce }, success ? "done" : "other", call.begin);
  }

  /** Ends those that have waited for long by now. */
  passed(time: number): void {
    for (const [key, running] of this.#running) {
      if (running.last.end > time - PATIENCE) continue;
      this.#running.delete(key);
      this.#end(running, "given-up", running.last.end);
    }
  }

  finish(): void {
    for (const running of this.#running.values()) this.#end(running, "open", running.last.end);
    this.#running.clear();
  }

  #begin(key: string, call: Call): void {
    if (this.#running.size >= MOST) {
      const [oldest, running] = this.#running.entries().next().value as [string, Running];
      this.#running.delete(oldest);
      this.#end(running, "open", running.last.end);
    }
    this.#running.set(key, { first: call, last: call, tries: 1, atOnce: 0, entered: false });
  }

  #entered(tid: number): void {
    for (const running of this.#running.values()) if (running.first.tid === tid) running.entered = true;
  }

  #end({ first, tries, atOnce }: Running, outcome: Episode["outcome"], end: number): void {
    const { leaf, td, vp, gpa, cpu, tid, begin } = first;
    this.#ended({ leaf, td, vp, gpa, cpu, tid, begin, end, tries, atOnce, outcome });
  }
}

function isAtOnce({ entered, last }: Running, { begin }: Call): boolean {
  return !entered && begin - last.end < MOMENT;
}

function keyOf({ tid, leaf, td, vp, gpa, page }: Call): string {
  return `${tid} ${leaf} ${td} ${vp} ${gpa} ${page}`;
}
