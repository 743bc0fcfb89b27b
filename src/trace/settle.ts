/**
 * Calls in their order, and beside each what else was going on: once everything that can have been printed late is there.
 *
 * CPUs print into buffers of their own, and a call is often printed when it ends. So a call is looked at only when the recording is a while
 * past its end; what ended still longer ago is forgotten. Memory depends on how much happens in that while, not on the recording.
 */
import type { Assembler } from "./assemble.ts";
import type { Around } from "./blame.ts";
import type { Call } from "./call.ts";
import { WHILE } from "./gaps.ts";
import { ByEnd, Kept, Steps, search, Wanted } from "./window.ts";
import { ENTER } from "./wrappers.ts";

/** However many calls come in the while: the oldest are looked at early then. So many are 1.3 million a second, more than is recorded. */
const MOST = 1 << 17;
/** Calls are looked at many at a time: what is open meanwhile is gone through once for all of them. */
const BATCH = 1 << 10;
/** More than a person looks at. */
const MOST_AROUND = 400;
/** These are looked for in so much time first, then in four times as much, and so on: most episodes last far longer than it takes to find them. */
const FIRST_AROUND = 1_000_000;
const MOST_TDS = 256;
const MOST_VCPUS = 1 << 14;
const MOST_CPUS = 1 << 13;

export interface SettleOptions {
  /** Times are no more exact than this. */
  readonly tolerance: number;
  /** `hurried`: before the while had passed. */
  readonly settled: (call: Call, hurried: boolean) => void;
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
  /** These, and those that were looked at and are still of use to others. */
  readonly #kept = new Kept(ENTER.leaf);
  readonly #runsOfTd = new Wanted(new Set(), "own");
  readonly #allOfTd = new Wanted(null, "own");
  readonly #steps = new Steps();
  /** By TD. */
  readonly #vcpus = new Map<string, Vcpus>();
  #vcpuCount = 0;
  /** By CPU. */
  readonly #lastOf: Call[] = [];
  readonly #before: Call[] = [];
  /** Calls that have no end so far and began before the last of those that are being looked at ended. */
  #open: readonly Call[] = [];
  /** Calls that have come since some were looked at. */
  #arrived = 0;
  #drained = Number.NEGATIVE_INFINITY;
  /** No call that was looked at ended later. */
  #settledTo = Number.NEGATIVE_INFINITY;
  #forgotten = Number.NEGATIVE_INFINITY;
  /** Calls that came too late to be told in their order. */
  late = 0;
  /** Calls that were looked at before the while had passed, since there were too many. */
  hurried = 0;
  /** How often so many calls were in flight at once that not all were looked at. */
  crowded = 0;
  /** Runs of TDs and vCPUs that are too many to tell how long each was out of its guest. */
  unfollowed = 0;

  constructor(assembler: Assembler, options: SettleOptions) {
    this.#assembler = assembler;
    this.#options = options;
  }

  add(call: Call): void {
    if (call.end < this.#drained) this.late += 1;
    this.#coming.add(call);
    this.#kept.add(call);
    if (call.leaf === ENTER.leaf) this.#ran(call);
    if (call.cpu < MOST_CPUS) this.#lastOf[call.cpu] = call;
    this.#arrived += 1;
    if (this.#arrived < BATCH) return;
    this.#arrived = 0;
    const safe = this.#assembler.last - WHILE;
    if (safe > this.#drained + WHILE / 16) this.#drain(safe);
    if (this.#coming.size > MOST) this.#hurry();
  }

  get tolerance(): number {
    return this.#options.tolerance;
  }

  /**
   * Time that the vCPUs of a TD were out of the guest between two moments, added up; null when no run of them is known, or it is too long ago.
   */
  timeOut(td: string | null, from: number, to: number): number | null {
    const vcpus = td === null ? undefined : this.#vcpus.get(td);
    if (vcpus === undefined || vcpus.areMore || from < this.#forgotten) return null;
    const before: Call[] = [];
    const after: Call[] = [];
    const runs = this.#runsOfTd;
    if (!this.#inFlight(from, from, runs, td, before) || !this.#inFlight(to, to, runs, td, after)) return null;
    const running = new Set<string | number>(vcpus.lastEnd.keys());
    let inside = vcpus.ranBy(to) - vcpus.ranBy(from);
    for (const call of before) {
      if (isRunOf(call, td) && call.end > from && Number.isFinite(call.begin)) inside -= from - call.begin;
    }
    for (const call of after) {
      if (!isRunOf(call, td)) continue;
      running.add(vcpuOf(call));
      if (call.end > to) inside += Number.isFinite(call.begin) ? to - call.begin : to - from;
    }
    return Math.max(0, running.size * (to - from) - inside);
  }

  /** What the host did for a TD between two moments, as far as it is kept: the first calls and runs, in the order of their beginnings. */
  around(td: string | null, from: number, to: number): Call[] {
    let its: Call[];
    // Nothing is kept that ended before it.
    const first = Math.max(from, this.#forgotten);
    let until = Number.isFinite(first) ? first : to;
    let isWhole: boolean;
    do {
      until = Math.min(to, until + Math.max(FIRST_AROUND, 3 * (until - first)));
      const found: Call[] = [];
      isWhole = this.#inFlight(from, until, this.#allOfTd, td, found);
      its = found.filter((call) => call.td === td || call.td === null);
    } while (isWhole && until < to && its.length < MOST_AROUND);
    return firstOf(its, MOST_AROUND)
      .sort((a, b) => a.begin - b.begin || a.cpu - b.cpu)
      .slice(0, MOST_AROUND);
  }

  /** What was in flight beside a call and has been looked at before it. The list is good until the next call is looked at. */
  before(call: Call, wanted: Wanted): readonly Call[] {
    const found = this.#before;
    found.length = 0;
    if (!this.#kept.past(call, this.#settledTo, wanted, this.#steps, found)) this.crowded += 1;
    return found;
  }

  /** The functions that led to the last call of a CPU, told after it. */
  lastOf(cpu: number, chain: readonly string[]): void {
    const call = this.#lastOf[cpu];
    if (call !== undefined) call.chain = chain;
  }

  /** The recording is over. */
  finish(): void {
    this.#drain(Number.POSITIVE_INFINITY);
  }

  #drain(until: number): void {
    this.#open = this.#openBefore(until);
    for (let first = this.#coming.first; first !== undefined && first.end < until; first = this.#coming.first) {
      this.#settle(false);
    }
    this.#drained = until;
    const forgotten = until - WHILE;
    this.#forgotten = forgotten;
    this.#kept.dropBefore(forgotten);
    this.#assembler.gaps.forgetBefore(forgotten);
    for (const [td, vcpus] of this.#vcpus) {
      this.#vcpuCount -= vcpus.forgetBefore(forgotten);
      if (vcpus.lastEnd.size === 0) this.#vcpus.delete(td);
    }
  }

  #hurry(): void {
    this.#open = this.#openBefore(Number.POSITIVE_INFINITY);
    for (let i = 0; i < BATCH; i++) this.#settle(true);
    this.hurried += BATCH;
  }

  #openBefore(until: number): Call[] {
    const found: Call[] = [];
    for (const call of this.#assembler.openCalls()) if (call.begin <= until + this.tolerance) found.push(call);
    return found;
  }

  /** Looks at the call that ended first. */
  #settle(hurried: boolean): void {
    const call = this.#coming.shift() as Call;
    this.#steps.earn();
    if (call.end > this.#settledTo) this.#settledTo = call.end;
    this.#options.settled(call, hurried);
    call.settled = true;
    if (call.leaf === ENTER.leaf && call.td !== null) this.#vcpus.get(call.td)?.ran(call);
    if (this.#kept.size - this.#coming.size > MOST) this.#forgetMore(call.end);
  }

  /** There are too many: the older half of the time goes, or, if they crowd at its end, all that was looked at. */
  #forgetMore(until: number): void {
    for (const time of [(Math.max(this.#forgotten, until - 2 * WHILE) + until) / 2, until + 1]) {
      if (this.#kept.size - this.#coming.size <= MOST / 2) return;
      this.#forgotten = time;
      this.#kept.dropBefore(time);
    }
  }

  /** What was going on beside a call that is being looked at. */
  aroundOf(call: Call, hurried: boolean, wanted: Wanted): Around {
    const { tolerance, watches, began, ended } = this.#options;
    const from = call.begin - tolerance;
    const to = call.end + tolerance;
    const { first, last } = this.#assembler;
    const early = from < this.#forgotten || from < (began() ?? first) + WHILE;
    const inFlight: Call[] = [];
    const whole = this.#inFlight(from, to, wanted, call.td, inFlight);
    if (!whole) this.crowded += 1;
    return {
      inFlight,
      lost: this.#assembler.gaps.between(from, to),
      edge: hurried || early || to > (ended() ?? last) - WHILE,
      crowded: !whole,
      watches,
    };
  }

  /** Adds what is known to have been in flight at a moment between two, and all that is open; false: not all of it was looked at. */
  #inFlight(from: number, to: number, wanted: Wanted, td: string | null, found: Call[]): boolean {
    if (!this.#kept.between(from, to, wanted, td, this.#steps, found)) return false;
    for (const open of this.#open) {
      if (!this.#steps.take()) return false;
      if (open.begin <= to) found.push(open);
    }
    return true;
  }

  #ran(run: Call): void {
    if (run.td === null) return;
    let vcpus = this.#vcpus.get(run.td);
    if (vcpus === undefined) {
      if (this.#vcpus.size >= MOST_TDS) {
        this.unfollowed += 1;
        return;
      }
      vcpus = new Vcpus();
      this.#vcpus.set(run.td, vcpus);
    }
    const vcpu = vcpuOf(run);
    const known = vcpus.lastEnd.get(vcpu);
    if (known === undefined) {
      if (this.#vcpuCount >= MOST_VCPUS) {
        vcpus.areMore = true;
        this.unfollowed += 1;
        return;
      }
      this.#vcpuCount += 1;
    }
    if (known === undefined || run.end > known) vcpus.lastEnd.set(vcpu, run.end);
  }
}

/** Calls that began first: at least so many of them, more when some began at one time. Sorting all would take long. */
function firstOf(calls: Call[], most: number): Call[] {
  if (calls.length <= most) return calls;
  const latest = Float64Array.from(calls, ({ begin }) => begin).sort()[most - 1] as number;
  return calls.filter(({ begin }) => begin <= latest);
}

const isRunOf = (call: Call, td: string | null): boolean => call.leaf === ENTER.leaf && call.td === td;

/** What is known of the vCPUs of a TD. */
class Vcpus {
  /** When the last run of each ended. */
  readonly lastEnd = new Map<string | number, number>();
  /** There are more of them than are kept. */
  areMore = false;
  /** When runs ended, in the order of time, and how long all up to there lasted together. */
  #ends: number[] = [];
  #sums: number[] = [];
  #forgotten = 0;

  /** A run that was looked at: they come in the order of their ends, or late. */
  ran({ begin, end }: Call): void {
    this.#sums.push((this.#sums.at(-1) ?? this.#forgotten) + (Number.isFinite(begin) ? end - begin : 0));
    this.#ends.push(Math.max(end, this.#ends.at(-1) ?? end));
  }

  /** How long the runs that ended by a time lasted together. */
  ranBy(time: number): number {
    const after = search(0, this.#ends.length, (i) => (this.#ends[i] as number) <= time);
    return after === 0 ? this.#forgotten : (this.#sums[after - 1] as number);
  }

  /** Says how many vCPUs are gone: those that ran no later. */
  forgetBefore(time: number): number {
    const before = search(0, this.#ends.length, (i) => (this.#ends[i] as number) < time);
    if (before > this.#ends.length / 2) {
      this.#forgotten = this.#sums[before - 1] as number;
      this.#ends = this.#ends.slice(before);
      this.#sums = this.#sums.slice(before);
    }
    let gone = 0;
    for (const [vcpu, end] of this.lastEnd) {
      if (end >= time) continue;
      this.lastEnd.delete(vcpu);
      gone += 1;
    }
    return gone;
  }
}

/** A vCPU is a task of its VM. */
function vcpuOf({ tid, vp, cpu }: Call): string | number {
  return tid > 0 ? tid : (vp ?? -cpu);
}
