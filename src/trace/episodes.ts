/** From the first BUSY of a call to its success: how often it was tried, and how long that took. */
import { type Call, isSuccess } from "./call.ts";
import { Recent } from "./recent.ts";

export interface Episode {
  readonly leaf: string;
  readonly td: string | null;
  readonly vp: string | null;
  readonly gpa: number | null;
  readonly cpu: number;
  readonly tid: number;
  /** When the call that was first refused began; when it ended, where its beginning is not recorded. */
  readonly begin: number;
  /** When the call that got through began; else, and where that is not recorded, when the last refused one ended. */
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

/** A task that has calls to get through. */
interface Trying {
  /** By the GPA or the page, in which they differ most. */
  readonly running: Map<number, Running[]>;
  /** How often it has entered a guest since it began to try. */
  entries: number;
}

/** A call that is not tried again for so long is given up. */
const PATIENCE = 1_000_000_000;
/** A try that comes so soon, in ns, is made by the loop that was refused; kicking vCPUs out takes longer. */
const MOMENT = 10_000;
/** Tasks that try at once. */
const MOST = 1 << 13;
/** Calls of a task on one GPA or page, and GPAs and pages, that it tries to get through at once. */
const MOST_OF_PLACE = 64;
const MOST_PLACES = 1 << 9;

export class Episodes {
  /** Tasks that have a call to get through. */
  readonly #trying: Recent<number, Trying>;
  readonly #ended: (episode: Episode) => void;
  readonly #enterLeaf: string;
  #looked = Number.NEGATIVE_INFINITY;
  /** Episodes whose end was not waited for, as there were too many at once. */
  forgotten = 0;

  constructor(enterLeaf: string, ended: (episode: Episode) => void) {
    this.#enterLeaf = enterLeaf;
    this.#ended = ended;
    this.#trying = new Recent(MOST, (_, trying) => {
      for (const running of trying.running.values()) for (const one of running) this.#forget(one);
    });
  }

  /** Calls in the order of their ends. */
  see(call: Call, busy: boolean): void {
    if (call.status === null) return;
    const trying = this.#trying.get(call.tid);
    if (trying === undefined) {
      if (busy) this.#begin(this.#startsTrying(call.tid), call);
      return;
    }
    if (!busy && call.leaf === this.#enterLeaf) trying.entries += 1;
    const list = trying.running.get(placeOf(call));
    const at = list === undefined ? -1 : list.findIndex(({ first }) => isSameCall(first, call));
    const running = list?.[at];
    if (list === undefined || running === undefined) {
      if (busy) this.#begin(trying, call);
      return;
    }
    if (running.last.end <= call.end - PATIENCE) {
      this.#leaves(trying, list, at);
      this.#end(running, "given-up", running.last.end);
      if (busy) this.#begin(this.#trying.get(call.tid) ?? this.#startsTrying(call.tid), call);
      return;
    }
    running.tries += 1;
    // The loop that was refused tries again, without its task having entered a guest in between.
    if (trying.entries === running.entries && call.begin - running.last.end < MOMENT) running.atOnce += 1;
    if (busy) {
      running.entries = trying.entries;
      running.last = call;
      return;
    }
    this.#leaves(trying, list, at);
    this.#end(running, isSuccess(call.status) ? "done" : "other", call.beginUnsure ? running.last.end : call.begin);
  }

  /** Ends those that have waited for long by now; looks for them now and then. */
  passed(time: number): void {
    if (time < this.#looked + PATIENCE / 8) return;
    this.#looked = time;
    for (const trying of [...this.#trying.values()]) {
      for (const list of [...trying.running.values()]) {
        for (let at = list.length - 1; at >= 0; at--) {
          const running = list[at] as Running;
          if (running.last.end > time - PATIENCE) continue;
          this.#leaves(trying, list, at);
          this.#end(running, "given-up", running.last.end);
        }
      }
    }
  }

  finish(): void {
    for (const trying of this.#trying.values()) {
      for (const list of trying.running.values()) {
        for (const running of list) this.#end(running, "open", running.last.end);
      }
    }
  }

  #startsTrying(tid: number): Trying {
    const trying = { running: new Map(), entries: 0 };
    this.#trying.set(tid, trying);
    return trying;
  }

  #begin(trying: Trying, call: Call): void {
    const running = { first: call, last: call, tries: 1, atOnce: 0, entries: trying.entries };
    const place = placeOf(call);
    const list = trying.running.get(place);
    if (list !== undefined) {
      if (list.length >= MOST_OF_PLACE) this.#forget(list.shift() as Running);
      list.push(running);
      return;
    }
    if (trying.running.size >= MOST_PLACES) {
      const [oldest, its] = trying.running.entries().next().value as [number, Running[]];
      trying.running.delete(oldest);
      for (const one of its) this.#forget(one);
    }
    trying.running.set(place, [running]);
  }

  /** One of a task's is over. */
  #leaves(trying: Trying, list: Running[], at: number): void {
    const [{ first }] = list.splice(at, 1) as [Running];
    if (list.length > 0) return;
    trying.running.delete(placeOf(first));
    if (trying.running.size === 0) this.#trying.delete(first.tid);
  }

  #forget(running: Running): void {
    this.forgotten += 1;
    this.#end(running, "open", running.last.end);
  }

  #end({ first, tries, atOnce }: Running, outcome: Episode["outcome"], end: number): void {
    const { leaf, td, vp, gpa, cpu, tid } = first;
    const begin = first.beginUnsure ? first.end : first.begin;
    // Of a recording that is out of order the later try may be the one that was printed first.
    this.#ended({ leaf, td, vp, gpa, cpu, tid, begin, end: Math.max(begin, end), tries, atOnce, outcome });
  }
}

const placeOf = ({ gpa, page }: Call): number => gpa ?? page ?? -1;

/** Of one task. */
const isSameCall = (a: Call, b: Call): boolean =>
  a.leaf === b.leaf && a.td === b.td && a.vp === b.vp && a.gpa === b.gpa && a.page === b.page;
