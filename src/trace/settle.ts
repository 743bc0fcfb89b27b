/**
 * Calls in their order, and beside each what else was going on: once everything that can have been printed late is there.
 *
 * CPUs print into buffers of their own, and a call is often printed when it ends. So a call is looked at only when the recording is a while
 * past its end; what ended still longer ago is forgotten. Memory depends on how much happens in that while, not on the recording.
 */
import type { Assembler } from "./assemble.ts";
import type { Around } from "./blame.ts";
import type { Call } from "./call.ts";
import { ByEnd } from "./window.ts";
import { ENTER } from "./wrappers.ts";

/** What ends later than this after another call may still be printed before it; and so near to its edges a recording may lack others. */
export const WHILE = 100_000_000;

/** Calls that last longer are looked for one by one. */
const LONG = 1_000_000;

/** However many calls come in the while: the oldest are looked at early then. */
const MOST = 1 << 19;
const MOST_VCPUS = 1 << 14;

export interface SettleOptions {
  /** Times are no more exact than this. */
  readonly tolerance: number;
  readonly settled: (call: Call, around: () => Around) => void;
  readonly watches: (leaf: string) => boolean;
  /** From when on the recording is known to have run, and until when; null: from its first event, and to its last. */
  readonly began: () => number | null;
  readonly ended: () => number | null;
}

export class Settler {
  readonly #assembler: Assembler;
  readonly #options: SettleOptions;
  /** Not looked at so far. */
  readonly #coming = new ByEnd();
  /** Looked at, and still of use to others; without the runs of guests. */
  readonly #past = new ByEnd();
  readonly #long = new ByEnd();
  /** By vCPU: its last runs. */
  readonly #runs = new Map<string | number, ByEnd>();
  #drained = Number.NEGATIVE_INFINITY;
  #forgotten = Number.NEGATIVE_INFINITY;
  /** Calls that came too late to be told in their order. */
  late = 0;
  /** Calls that were looked at before the while had passed, since there were too many. */
  hurried = 0;

  constructor(assembler: Assembler, options: SettleOptions) {
    this.#assembler = assembler;
    this.#options = options;
  }

  add(call: Call): void {
    if (call.end < this.#drained) this.late += 1;
    this.#coming.add(call);
    if (call.leaf === ENTER.leaf) this.#runsOf(call).add(call);
    else if (call.end - call.begin > LONG) this.#long.add(call);
    const safe = this.#assembler.last - WHILE;
    if (safe > this.#drained + WHILE / 16) this.#drain(safe);
    if (this.#coming.size <= MOST) return;
    this.hurried += 1;
    this.#settle(this.#coming.shift() as Call, true);
  }

  get tolerance(): number {
    return this.#options.tolerance;
  }

  /** Time that the vCPUs of a TD were out of the guest between two moments, added up; null when no run of them is known. */
  timeOut(td: string | null, from: number, to: number): number | null {
    let vcpus = 0;
    let inside = 0;
    for (const runs of this.#runs.values()) {
      const { last } = runs;
      if (last === undefined || td === null || last.td !== td) continue;
      vcpus += 1;
      for (let i = runs.before(from); i < runs.size && runs.at(i).begin <= to; i++) {
        inside += Math.min(to, runs.at(i).end) - Math.max(from, runs.at(i).begin);
      }
    }
    return vcpus === 0 ? null : Math.max(0, vcpus * (to - from) - inside);
  }

  /** Calls that ended before this one, or with it, and were in flight beside it: those that end later find it in their turn. */
  *beside(call: Call): Generator<Call> {
    for (let i = this.#past.size - 1; i >= 0 && this.#past.at(i).end > call.begin; i--) yield this.#past.at(i);
    for (const runs of this.#runs.values()) {
      const { last } = runs;
      if (last === undefined || last === call || last.td !== call.td) continue;
      for (let i = runs.before(call.begin); i < runs.size && runs.at(i).begin < call.end; i++) {
        if (call.leaf !== ENTER.leaf || runs.at(i).end <= call.end) yield runs.at(i);
      }
    }
  }

  /** The functions that led to the last call of a CPU, told after it. */
  lastOf(cpu: number, chain: readonly string[]): void {
    for (let i = this.#coming.size - 1; i >= 0; i--) {
      const call = this.#coming.at(i);
      if (call.cpu !== cpu) continue;
      call.chain = chain;
      return;
    }
  }

  /** The recording is over. */
  finish(): void {
    this.#drain(Number.POSITIVE_INFINITY);
  }

  #drain(until: number): void {
    for (let first = this.#coming.first; first !== undefined && first.end < until; first = this.#coming.first) {
      this.#coming.shift();
      this.#settle(first, false);
    }
    this.#drained = until;
    const forgotten = until - WHILE;
    this.#forgotten = forgotten;
    this.#past.dropBefore(forgotten);
    this.#long.dropBefore(forgotten);
    this.#assembler.forgetBefore(forgotten);
    for (const [vcpu, runs] of this.#runs) {
      runs.dropBefore(forgotten);
      if (runs.size === 0) this.#runs.delete(vcpu);
    }
  }

  #settle(call: Call, hurried: boolean): void {
    this.#options.settled(call, () => this.#around(call, hurried));
    if (call.leaf !== ENTER.leaf) this.#past.add(call);
    if (this.#past.size > MOST) this.#forgotten = Math.max(this.#forgotten, this.#past.shift()?.end ?? 0);
  }

  #around(call: Call, hurried: boolean): Around {
    const { tolerance, watches, began, ended } = this.#options;
    const from = call.begin - tolerance;
    const to = call.end + tolerance;
    const { first, last } = this.#assembler;
    const early = from < this.#forgotten || from < (began() ?? first) + WHILE;
    return {
      calls: this.#callsBetween(from, to),
      runs: this.#runsBetween(from, to),
      lost: this.#assembler.lostBetween(from, to),
      edge: hurried || early || to > (ended() ?? last) - WHILE,
      watches,
    };
  }

  *#callsBetween(from: number, to: number): Generator<Call> {
    for (let i = this.#past.size - 1; i >= 0 && this.#past.at(i).end >= from; i--) {
      if (this.#past.at(i).begin <= to) yield this.#past.at(i);
    }
    for (let i = 0; i < this.#coming.size && this.#coming.at(i).end <= to + LONG; i++) {
      const one = this.#coming.at(i);
      if (one.begin <= to && one.end >= from && one.leaf !== ENTER.leaf) yield one;
    }
    for (let i = this.#long.before(to + LONG); i < this.#long.size; i++) {
      const one = this.#long.at(i);
      if (one.begin <= to && one.end > to + LONG) yield one;
    }
    for (const open of this.#assembler.openCalls()) {
      if (open.begin <= to && open.leaf !== ENTER.leaf) yield open;
    }
  }

  #runsBetween(from: number, to: number): Call[] {
    const found: Call[] = [];
    for (const runs of this.#runs.values()) {
      for (let i = runs.before(from); i < runs.size && runs.at(i).begin <= to; i++) found.push(runs.at(i));
    }
    for (const open of this.#assembler.openCalls()) {
      if (open.begin <= to && open.leaf === ENTER.leaf) found.push(open);
    }
    return found;
  }

  #runsOf(call: Call): ByEnd {
    const vcpu = call.tid > 0 ? call.tid : (call.vp ?? -call.cpu);
    let runs = this.#runs.get(vcpu);
    if (runs !== undefined) return runs;
    if (this.#runs.size >= MOST_VCPUS) {
      const [oldest] = this.#runs.keys();
      this.#runs.delete(oldest as string);
    }
    runs = new ByEnd();
    this.#runs.set(vcpu, runs);
    return runs;
  }
}
