/** From events to calls: beginnings and ends are matched, what is missing is noted, and what was lost is remembered as a gap. */
import { type Call, NOTHING, type Operands } from "./call.ts";
import { Gaps, WHILE } from "./gaps.ts";
import { Recent } from "./recent.ts";
import { mayInterrupt } from "./wrappers.ts";

interface Open {
  leaf: string;
  operands: Operands;
  begin: number;
  cpu: number;
  tid: number;
  losses: number;
}

/** What is known of a task. */
interface Task {
  /** Its open calls, the one that interrupts last. */
  readonly open: Open[];
  /** A task works for one VM, and mostly for one vCPU. */
  td: string | null;
  vp: string | null;
  /** When it was last heard of, but for calls that interrupt others. */
  heard: number;
}

/** Tasks, vCPUs and CPUs of which a hostile recording may have any number. */
const MOST_TASKS = 1 << 14;
const MOST_VCPUS = 1 << 16;
const MOST_CPUS = 1 << 13;
/** No machine has more calls that interrupt one another. */
const DEEPEST = 4;

export class Assembler {
  readonly #tasks: Recent<number, Task>;
  readonly #done: (call: Call) => void;
  readonly #chainOf: (cpu: number, chain: readonly string[]) => void;
  /** By CPU: when it was last heard of. */
  readonly #lastTime = new Float64Array(MOST_CPUS).fill(Number.NEGATIVE_INFINITY);
  /** Losses by CPU, to tell whether something was lost while a call was open. */
  readonly #losses = new Map<number, number>();
  #allLosses = 0;
  readonly #tdOfVp = new Recent<string, string>(MOST_VCPUS);
  readonly gaps = new Gaps();
  first = Number.POSITIVE_INFINITY;
  last = Number.NEGATIVE_INFINITY;
  /** Events that are known to be missing; at least one for every time that somebody said so. */
  lost = 0;
  /** Ends without a beginning, beginnings without an end. */
  headless = 0;
  endless = 0;
  /** A CPU's events come in the order of their times, but for so much. */
  late = 0;
  /** Tasks that were forgotten while they had a call open, as so many others were heard of since. */
  forgotten = 0;

  constructor(done: (call: Call) => void, chainOf: (cpu: number, chain: readonly string[]) => void) {
    this.#done = done;
    this.#chainOf = chainOf;
    this.#tasks = new Recent(MOST_TASKS, (_, task) => {
      if (task.open.length > 0) this.forgotten += 1;
      for (const open of task.open) this.#cutShort(task, open, this.last);
    });
  }

  // Who made an event, and when: `tid` is -1 when the recording does not say.

  /** A call that was recorded as a whole, at its end. */
  call(
    time: number,
    cpu: number,
    tid: number,
    leaf: string,
    begin: number,
    operands: Operands,
    status: string | null,
  ): void {
    const task = this.#taskOf(cpu, tid);
    this.#seen(time, cpu, leaf, task);
    if (begin < this.first) this.first = begin;
    this.#done(this.#callOf(task, leaf, begin, time, cpu, tid, operands, status, false, false));
  }

  begin(time: number, cpu: number, tid: number, leaf: string, operands: Operands): void {
    const task = this.#taskOf(cpu, tid);
    this.#seen(time, cpu, leaf, task);
    const { open } = task;
    // Only an interrupt begins a call while another of the same task is going on: else that one's end was lost.
    while (open.length > 0 && (open.length >= DEEPEST || !mayInterrupt(leaf) || open.at(-1)?.leaf === leaf)) {
      this.#cutShort(task, open.pop() as Open, time);
    }
    open.push({ leaf, operands, begin: time, cpu, tid, losses: this.#lossesOf(cpu) });
  }

  /** `begin`: when the call began, where the end says so. */
  end(
    time: number,
    cpu: number,
    tid: number,
    leaf: string,
    status: string | null,
    begin: number | null = null,
    operands: Operands = NOTHING,
  ): void {
    const task = this.#taskOf(cpu, tid);
    const { open: stack, heard } = task;
    this.#seen(time, cpu, leaf, task);
    let index = stack.length - 1;
    while (index >= 0 && (stack[index] as Open).leaf !== leaf) index--;
    if (index >= 0 && !isEndOf(stack[index] as Open, time, operands)) index = -1;
    if (index < 0) {
      this.headless += 1;
      // A task makes one call after the other. A task without a number is not known to be one.
      const bound = tid > 0 && heard <= time ? heard : Number.NEGATIVE_INFINITY;
      if (!mayInterrupt(leaf)) while (stack.length > 0) this.#cutShort(task, stack.shift() as Open, time);
      this.#done(this.#callOf(task, leaf, begin ?? bound, time, cpu, tid, operands, status, begin === null, false));
      return;
    }
    while (stack.length > index + 1) this.#cutShort(task, stack.pop() as Open, time);
    const open = stack.pop() as Open;
    const all = merged(open.operands, operands);
    this.#done(this.#callOf(task, leaf, begin ?? open.begin, time, cpu, tid, all, status, false, false));
  }

  /** Something is missing before the next event of this CPU; null: of some CPU. */
  loss(cpu: number | null, count: number): void {
    this.lost += Math.max(1, count);
    if (cpu === null) {
      this.#allLosses += 1;
      this.gaps.begins(null, this.last);
      return;
    }
    if (this.#losses.size < MOST_CPUS || this.#losses.has(cpu)) {
      this.#losses.set(cpu, (this.#losses.get(cpu) ?? 0) + 1);
    } else this.#allLosses += 1;
    this.gaps.begins(cpu, this.#lastTime[cpu] ?? Number.NEGATIVE_INFINITY);
  }

  /** What a CPU did before its next event is not in the recording: its ring was full, and the oldest is gone. */
  unheard(cpu: number): void {
    const heard = this.#lastTime[cpu] ?? Number.NEGATIVE_INFINITY;
    if (heard === Number.NEGATIVE_INFINITY) this.gaps.begins(cpu, heard);
  }

  /** The functions that led to the last call of a CPU, innermost first. */
  chain(cpu: number, functions: readonly string[]): void {
    this.#chainOf(cpu, functions);
  }

  /** Calls that have not ended so far. */
  *openCalls(): Generator<Call> {
    for (const task of this.#tasks.values()) {
      for (const open of task.open) {
        const { leaf, begin, cpu, tid, operands } = open;
        const unsure = this.#lossesOf(cpu) !== open.losses;
        yield this.#callOf(task, leaf, begin, Number.POSITIVE_INFINITY, cpu, tid, operands, null, false, unsure);
      }
    }
  }

  /** Takes note of when an event came, and of whom. */
  #seen(time: number, cpu: number, leaf: string, task: Task): void {
    if (time < this.first) this.first = time;
    if (time > this.last) this.last = time;
    this.gaps.heard(cpu, time);
    if (cpu < MOST_CPUS) {
      const before = this.#lastTime[cpu] as number;
      if (time < before - this.late) this.#goesBack(before, time);
      this.#lastTime[cpu] = time;
    }
    if (!mayInterrupt(leaf)) task.heard = time;
  }

  /** One of two times of a CPU is damaged, or its clock was set: what happened around either is not all known. */
  #goesBack(from: number, to: number): void {
    this.gaps.within(to - WHILE, to + WHILE);
    this.gaps.within(from - WHILE, from + WHILE);
  }

  #taskOf(cpu: number, tid: number): Task {
    // An idle task has number 0 on every CPU.
    const key = tid > 0 ? tid : -2 - cpu;
    const known = this.#tasks.get(key);
    if (known !== undefined) return known;
    const task: Task = { open: [], td: null, vp: null, heard: Number.NEGATIVE_INFINITY };
    this.#tasks.set(key, task);
    return task;
  }

  #lossesOf(cpu: number): number {
    return this.#allLosses + (this.#losses.get(cpu) ?? 0);
  }

  #cutShort(task: Task, { leaf, begin, cpu, tid, operands }: Open, time: number): void {
    this.endless += 1;
    // What tells that it is over may have been told a wrong time.
    const end = time < begin ? this.last : time;
    this.#done(this.#callOf(task, leaf, begin, end, cpu, tid, operands, null, false, true));
  }

  #callOf(
    task: Task,
    leaf: string,
    begin: number,
    end: number,
    cpu: number,
    tid: number,
    { td, vp, gpa, level, page }: Operands,
    status: string | null,
    beginUnsure: boolean,
    endUnsure: boolean,
  ): Call {
    // A vCPU belongs to one TD, and a task works for one VM; an idle task is none of those.
    const its = td ?? (vp === null ? undefined : this.#tdOfVp.get(vp)) ?? (tid > 0 ? task.td : null);
    if (td !== null) this.#learn(task, td, vp);
    return {
      leaf,
      begin,
      end,
      cpu,
      tid,
      status,
      td: its,
      vp,
      gpa,
      level,
      page,
      beginUnsure,
      endUnsure,
      chain: null,
      settled: false,
    };
  }

  #learn(task: Task, td: string, vp: string | null): void {
    if (vp !== null && (vp !== task.vp || td !== task.td)) {
      task.vp = vp;
      if (this.#tdOfVp.get(vp) !== td) this.#tdOfVp.set(vp, td);
    }
    task.td = td;
  }
}

/** What comes before a beginning, or names another TD or vCPU than that did, is not its end, or one of the two is damaged. */
function isEndOf({ begin, operands }: Open, time: number, { td, vp }: Operands): boolean {
  return time >= begin && isOrUnknown(td, operands.td) && isOrUnknown(vp, operands.vp);
}

const isOrUnknown = (a: string | null, b: string | null): boolean => a === b || a === null || b === null;

/** Does one say nothing that the other does not? */
function isPartOf(some: Operands, all: Operands): boolean {
  return (
    (some.td === null || some.td === all.td) &&
    (some.vp === null || some.vp === all.vp) &&
    (some.gpa === null || some.gpa === all.gpa) &&
    (some.level === null || some.level === all.level) &&
    (some.page === null || some.page === all.page)
  );
}

/** What both say; where they differ, what was said first. */
function merged(known: Operands, more: Operands): Operands {
  if (more === NOTHING) return known;
  if (known === NOTHING || isPartOf(known, more)) return more;
  if (isPartOf(more, known)) return known;
  return {
    td: known.td ?? more.td,
    vp: known.vp ?? more.vp,
    gpa: known.gpa ?? more.gpa,
    level: known.level ?? more.level,
    page: known.page ?? more.page,
  };
}
