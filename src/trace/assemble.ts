/** From events to calls: beginnings and ends are matched, what is missing is noted, and what was lost is remembered as a gap. */
import { type Call, NOTHING, type Operands } from "./call.ts";
import { mayInterrupt } from "./wrappers.ts";

/** A stretch of time in which events of a CPU were lost; `cpu` null: of any. */
export interface Gap {
  readonly cpu: number | null;
  readonly from: number;
  /** Infinite as long as nothing was heard of that CPU again. */
  to: number;
}

/** Who made an event, and when. */
export interface At {
  readonly time: number;
  readonly cpu: number;
  /** -1 when the recording does not say. */
  readonly tid: number;
}

interface Open {
  leaf: string;
  operands: Operands;
  begin: number;
  cpu: number;
  tid: number;
  losses: number;
}

/** Calls and CPUs of which a hostile recording may have any number. */
const MOST_OPEN = 1 << 14;
const MOST_LEARNED = 1 << 16;
const MOST_CPUS = 1 << 13;

const UNBOUND: Operands = NOTHING;

export class Assembler {
  /** By task: its open calls, the one that interrupts last. */
  readonly #open = new Map<number, Open[]>();
  readonly #done: (call: Call) => void;
  readonly #chainOf: (cpu: number, chain: readonly string[]) => void;
  readonly #lastTime = new Map<number, number>();
  /** Losses by CPU, to tell whether something was lost while a call was open. */
  readonly #losses = new Map<number, number>();
  readonly #gapAt = new Map<number, Gap>();
  #everywhere: Gap | null = null;
  #allLosses = 0;
  #somewhere: () => boolean = () => false;
  readonly #tdOfVp = new Map<string, string>();
  readonly #tdOfTask = new Map<number, string>();
  readonly gaps: Gap[] = [];
  first = Number.POSITIVE_INFINITY;
  last = Number.NEGATIVE_INFINITY;
  /** Events that are known to be missing; at least one for every time that somebody said so. */
  lost = 0;
  /** Ends without a beginning, beginnings without an end. */
  headless = 0;
  endless = 0;

  constructor(done: (call: Call) => void, chainOf: (cpu: number, chain: readonly string[]) => void) {
    this.#done = done;
    this.#chainOf = chainOf;
  }

  /** A call that was recorded as a whole. */
  call(at: At, leaf: string, begin: number, operands: Operands, status: string | null): void {
    this.#seen(at);
    if (begin < this.first) this.first = begin;
    this.#finish(leaf, begin, at, operands, status, false, false);
  }

  begin(at: At, leaf: string, operands: Operands): void {
    this.#seen(at);
    const key = taskOf(at);
    let stack = this.#open.get(key);
    if (stack === undefined) {
      this.#makeRoom();
      stack = [];
      this.#open.set(key, stack);
    }
    // Only an interrupt begins a call while another of the same task is going on: else that one's end was lost.
    while (stack.length > 0 && (!mayInterrupt(leaf) || stack.at(-1)?.leaf === leaf || stack.length > 3)) {
      this.#cutShort(stack.pop() as Open, at.time);
    }
    stack.push({
      leaf,
      operands,
      begin: at.time,
      cpu: at.cpu,
      tid: at.tid,
      losses: this.#lossesOf(at.cpu),
    });
  }

  /** `begin`: when the call began, where the end says so. */
  end(at: At, leaf: string, status: string | null, begin: number | null = null, operands: Operands = UNBOUND): void {
    this.#seen(at);
    const key = taskOf(at);
    const stack = this.#open.get(key);
    const index = stack === undefined ? -1 : stack.findLastIndex((one) => one.leaf === leaf);
    if (stack === undefined || index < 0) {
      this.headless += 1;
      const from = begin ?? this.#boundOf(at);
      this.#finish(leaf, from, at, operands, status, begin === null, false);
      return;
    }
    while (stack.length > index + 1) this.#cutShort(stack.pop() as Open, at.time);
    const open = stack.pop() as Open;
    if (stack.length === 0) this.#open.delete(key);
    this.#finish(leaf, begin ?? open.begin, at, merged(open.operands, operands), status, false, false);
  }

  /** Something is missing before the next event of this CPU; null: of some CPU. */
  loss(cpu: number | null, count: number): void {
    this.lost += Math.max(1, count);
    if (cpu === null) {
      this.#allLosses += 1;
      if (this.#everywhere !== null) return;
      this.#everywhere = { cpu, from: this.last, to: Number.POSITIVE_INFINITY };
      this.gaps.push(this.#everywhere);
      return;
    }
    this.#losses.set(cpu, (this.#losses.get(cpu) ?? 0) + 1);
    this.#gapBegins(cpu);
  }

  #gapBegins(cpu: number): void {
    if (this.#gapAt.has(cpu) || this.#gapAt.size >= MOST_CPUS) return;
    const gap: Gap = {
      cpu,
      from: this.#lastTime.get(cpu) ?? Number.NEGATIVE_INFINITY,
      to: Number.POSITIVE_INFINITY,
    };
    this.#gapAt.set(cpu, gap);
    this.gaps.push(gap);
  }

  /** What a CPU did before its next event is not in the recording: its ring was full, and the oldest is gone. */
  unheard(cpu: number): void {
    if (!this.#lastTime.has(cpu)) this.#gapBegins(cpu);
  }

  /** Something is missing and nothing says where; as long as `missing` says so, it can be anywhere. */
  lossSomewhere(missing: () => boolean): void {
    this.#somewhere = missing;
  }

  /** The functions that led to the last call of a CPU, innermost first. */
  chain(cpu: number, functions: readonly string[]): void {
    this.#chainOf(cpu, functions);
  }

  /** Calls that have not ended so far. */
  *openCalls(): Generator<Call> {
    for (const stack of this.#open.values()) {
      for (const open of stack) {
        yield this.#callOf(
          open.leaf,
          open.begin,
          Number.POSITIVE_INFINITY,
          open,
          open.operands,
          null,
          false,
          this.#lostSince(open),
        );
      }
    }
  }

  /** Forgets gaps that ended before a time. */
  forgetBefore(time: number): void {
    if (this.gaps.length > 0 && (this.gaps[0] as Gap).to < time) {
      const kept = this.gaps.filter(({ to }) => to >= time);
      this.gaps.length = 0;
      this.gaps.push(...kept);
    }
  }

  /** Was something lost that may have happened then? */
  lostBetween(from: number, to: number): boolean {
    return this.#somewhere() || this.gaps.some((gap) => gap.from <= to && gap.to >= from);
  }

  #seen({ time, cpu }: At): void {
    if (time < this.first) this.first = time;
    if (time > this.last) this.last = time;
    const gap = this.#gapAt.get(cpu);
    if (gap !== undefined) {
      gap.to = time;
      this.#gapAt.delete(cpu);
    }
    if (this.#everywhere !== null && time > this.#everywhere.from) {
      this.#everywhere.to = time;
      this.#everywhere = null;
    }
    if (this.#lastTime.size < MOST_CPUS || this.#lastTime.has(cpu)) this.#lastTime.set(cpu, time);
  }

  #lossesOf(cpu: number): number {
    return this.#allLosses + (this.#losses.get(cpu) ?? 0);
  }

  #lostSince({ cpu, losses }: Open): boolean {
    return this.#lossesOf(cpu) !== losses;
  }

  /** Before an end without a beginning: the call cannot have begun before the last event of its CPU, unless that is another's. */
  #boundOf({ cpu }: At): number {
    const gap = this.gaps.findLast((one) => one.cpu === cpu);
    return gap?.from ?? Number.NEGATIVE_INFINITY;
  }

  #cutShort(open: Open, time: number): void {
    this.endless += 1;
    this.#finish(open.leaf, open.begin, { ...open, time }, open.operands, null, false, true);
  }

  #makeRoom(): void {
    if (this.#open.size < MOST_OPEN) return;
    const [key, stack] = this.#open.entries().next().value as [number, Open[]];
    this.#open.delete(key);
    for (const open of stack) this.#cutShort(open, this.last);
  }

  #finish(
    leaf: string,
    begin: number,
    at: At,
    operands: Operands,
    status: string | null,
    beginUnsure: boolean,
    endUnsure: boolean,
  ): void {
    this.#done(this.#callOf(leaf, begin, at.time, at, operands, status, beginUnsure, endUnsure));
  }

  #callOf(
    leaf: string,
    begin: number,
    end: number,
    { cpu, tid }: { readonly cpu: number; readonly tid: number },
    { td, vp, gpa, level, page }: Operands,
    status: string | null,
    beginUnsure: boolean,
    endUnsure: boolean,
  ): Call {
    const its = td ?? this.#tdOf(vp, tid);
    if (td !== null) this.#learn(td, vp, tid);
    return { leaf, begin, end, cpu, tid, status, td: its, vp, gpa, level, page, beginUnsure, endUnsure, chain: null };
  }

  /** A vCPU belongs to one TD, and a task works for one VM. */
  #tdOf(vp: string | null, tid: number): string | null {
    return (vp === null ? undefined : this.#tdOfVp.get(vp)) ?? (tid > 0 ? (this.#tdOfTask.get(tid) ?? null) : null);
  }

  #learn(td: string, vp: string | null, tid: number): void {
    if (vp !== null && this.#tdOfVp.get(vp) !== td && this.#tdOfVp.size < MOST_LEARNED) this.#tdOfVp.set(vp, td);
    if (tid > 0 && this.#tdOfTask.get(tid) !== td && this.#tdOfTask.size < MOST_LEARNED) this.#tdOfTask.set(tid, td);
  }
}

/** An idle task has number 0 on every CPU. */
function taskOf({ cpu, tid }: At): number {
  return tid > 0 ? tid : -2 - cpu;
}

function merged(known: Operands, more: Operands): Operands {
  if (more === UNBOUND) return known;
  return {
    td: known.td ?? more.td,
    vp: known.vp ?? more.vp,
    gpa: known.gpa ?? more.gpa,
    level: known.level ?? more.level,
    page: known.page ?? more.page,
  };
}
