/** The breadth-first search: owns the arrays, grows them, keeps the levels, and remembers what the generated code reports. */
import { SeamlockError } from "../errors.ts";
import { initialState, isDeadlock, type Layout, layoutOf, type Model } from "../language/index.ts";
import { type Analysis, analyze } from "./analyze.ts";
import { foldedLabels } from "./fold.ts";
import { buildKernel, type Kernel, type Memory, type Reductions, stepNumbers } from "./kernel.ts";
import { type Packing, pack, packState, unpackState } from "./pack.ts";
import { foldedSuccessors } from "./path.ts";
import type { Progress } from "./result.ts";
import { symmetricTypes } from "./symmetry.ts";
import { type Pausing, uninterrupted, Watch } from "./watch.ts";

/** When to stop before everything was explored. */
export interface Bounds {
  /** Seconds. */
  readonly time?: number;
  /** Bytes of all state arrays together. */
  readonly memory?: number;
  /** Steps from the initial state. */
  readonly depth?: number;
  readonly states?: number;
}

export interface SearchOptions extends Bounds {
  /** The clock of the whole check; `time` is ignored then. */
  readonly watch?: Watch;
  /** Stop at the first violation. */
  readonly first?: boolean;
  readonly noReduction?: boolean;
  /** Stop when all of these are found again. */
  readonly until?: readonly Finding[];
}

/** A violation or witness as the search records it: the state, and for a fault the site in the generated code. */
export interface Finding {
  readonly kind: "always" | "assertion" | "range" | "deadlock" | "sometimes";
  readonly property: string;
  /** The state reached; for a fault, the state in which the failing step starts. */
  readonly id: number;
  readonly site: number | null;
}

/** A Model made ready to be searched. */
export interface Prepared {
  readonly model: Model;
  readonly layout: Layout;
  readonly analysis: Analysis;
  readonly packing: Packing;
  readonly reductions: Reductions;
}

/** Analyse a validated model and decide which reductions are sound for it. */
export const prepare = (model: Model, noReduction = false): Prepared => uninterrupted(preparing(model, noReduction));

/** The same, with pauses. */
export function* preparing(model: Model, noReduction = false): Pausing<Prepared> {
  const layout = layoutOf(model);
  yield;
  const analysis = yield* analyze(layout);
  const packing = pack(analysis);
  yield;
  const reductions: Reductions = noReduction
    ? { symmetric: new Set(), folded: layout.instances.map(() => new Set<number>()) }
    : { symmetric: symmetricTypes(model), folded: yield* foldedLabels(analysis) };
  yield;
  return { model, layout, analysis, packing, reductions };
}

const FIRST_CAPACITY = 1 << 14;
const FIRST_TABLE = 1 << 14;
const LOAD = 0.7;
/** Arrays are allocated far beyond need, since pages that are never touched cost nothing. */
const CAPACITY_GROWTH = 8;
const TABLE_GROWTH = 4;
const SLICE = 1 << 15;
const MAX_STATES = 2 ** 30;
/** Room for one batch of successors, beside those of the state expanded last. */
const SPARE = 256;

/** Breadth-first exploration that can be advanced piece by piece. */
export class Search {
  readonly prepared: Prepared;
  readonly kernel: Kernel;
  readonly memory: Memory;
  readonly findings: Finding[] = [];
  /** By level: the number of its first state. */
  readonly levels: number[] = [1];
  reason: string | null = null;
  readonly #options: SearchOptions;
  readonly #watch: Watch;
  readonly #startTime = Date.now();
  #spent = 0;
  #stop = false;

  constructor(prepared: Prepared, options: SearchOptions = {}) {
    this.prepared = prepared;
    this.#options = options;
    this.#watch = options.watch ?? new Watch(options.time);
    const words = prepared.packing.words;
    this.memory = {
      states: new Int32Array(FIRST_CAPACITY * words),
      parents: new Int32Array(FIRST_CAPACITY),
      table: new Int32Array(FIRST_TABLE),
      idBits: 26,
      head: 1,
      count: 1,
      limit: 0,
      transitions: 0,
    };
    this.kernel = buildKernel(prepared.analysis, prepared.packing, prepared.reductions, {
      fault: (site, id) => this.#fault(site, id),
      deadlock: (id) => this.#deadlock(id),
      violated: (property, id) => this.#found("always", property, id),
      witnessed: (property, id) => this.#found("sometimes", property, id),
    });
    this.#updateLimit();
    const numbers = stepNumbers(prepared.analysis);
    for (const { state, choices } of foldedSuccessors(prepared, initialState(prepared.layout))) {
      for (const { move } of choices) this.kernel.ran[numbers.get(move.id) as number] = 1;
      this.#insert(state);
    }
  }

  #insert(state: readonly number[]): void {
    const words = packState(this.prepared.packing, state);
    this.kernel.canonical(words);
    this.kernel.insert(this.memory, words);
  }

  #record(finding: Finding): void {
    if (this.findings.some((known) => known.property === finding.property && known.kind === finding.kind)) return;
    this.findings.push(finding);
    if (finding.kind === "sometimes") return;
    const { first, until } = this.#options;
    const found = (wanted: Finding) =>
      this.findings.some(({ property, kind }) => property === wanted.property && kind === wanted.kind);
    if (first || until?.every(found)) this.#stop = true;
  }

  #found(kind: "always" | "sometimes", property: number, id: number): void {
    this.#record({ kind, property: this.prepared.model.properties[property]?.name ?? "", id, site: null });
  }

  #fault(index: number, id: number): void {
    const site = this.kernel.faultSites[index];
    if (site === undefined) return;
    const kind = site.kind === "assertion" ? "assertion" : "range";
    this.#record({ kind, property: kind === "assertion" ? site.name : `range of ${site.name}`, id, site: index });
  }

  #deadlock(id: number): void {
    if (this.findings.some(({ kind }) => kind === "deadlock")) return;
    // The generated code only knows that nothing came out; the interpreter has the last word.
    if (isDeadlock(this.prepared.layout, this.state(id)))
      this.#record({ kind: "deadlock", property: "deadlock", id, site: null });
  }

  /** A stored state's slots. */
  state(id: number): number[] {
    const { packing } = this.prepared;
    return unpackState(packing, this.memory.states, id * packing.words);
  }

  get states(): number {
    return this.memory.count - 1;
  }
  get depth(): number {
    return this.levels.length - 1;
  }
  get done(): boolean {
    return this.#stop || this.reason !== null || this.memory.head >= this.memory.count;
  }
  /** Was everything explored? */
  get complete(): boolean {
    return this.memory.head >= this.memory.count;
  }
  get seconds(): number {
    return this.#spent + (Date.now() - this.#startTime) / 1000;
  }

  /** Bytes of the arrays in use. */
  get bytes(): number {
    const { states, parents, table } = this.memory;
    const used = this.memory.count;
    void states;
    void parents;
    return used * (this.prepared.packing.words + 1) * 4 + table.byteLength;
  }

  progress(): Progress {
    const seconds = this.seconds;
    const { count, head, transitions } = this.memory;
    return {
      states: count - 1,
      transitions,
      depth: this.depth,
      frontier: count - head,
      seconds,
      statesPerSecond: seconds > 0 ? (count - 1) / seconds : 0,
    };
  }

  /** Expand up to `slices` pieces of the frontier. */
  advance(slices = 1): void {
    for (let i = 0; i < slices && !this.done; i++) {
      this.#grow();
      if (this.reason !== null) return;
      const { memory } = this;
      const levelEnd = this.#levelEnd();
      this.kernel.run(memory, Math.min(levelEnd, memory.head + SLICE));
      if (memory.head === levelEnd && memory.count > levelEnd) this.#nextLevel(levelEnd);
      this.#checkBounds();
    }
  }

  /** The end of the level that is being expanded: fixed when its first state is. */
  #end = 0;
  #levelEnd(): number {
    if (this.#end === 0) this.#end = this.memory.count;
    return this.#end;
  }

  #nextLevel(first: number): void {
    this.levels.push(first);
    this.#end = this.memory.count;
    const { depth } = this.#options;
    if (depth !== undefined && this.depth >= depth) this.reason = `the depth bound of ${depth} steps was reached`;
  }

  #checkBounds(): void {
    const { states } = this.#options;
    if (this.done) return;
    this.reason = this.#watch.reason;
    if (states !== undefined && this.states > states) this.reason = `the bound of ${states} states was reached`;
  }

  /** Explore to the end, or to a bound. */
  finish(): this {
    while (!this.done) this.advance(64);
    return this;
  }

  /** Interrupt: the result will be inconclusive. */
  stop(reason: string): void {
    if (!this.done) this.reason = reason;
  }

  /** How many states the table can take. */
  get #tableRoom(): number {
    return Math.floor(this.memory.table.length * LOAD);
  }

  #updateLimit(): void {
    const { memory, kernel } = this;
    memory.limit = Math.min(memory.parents.length, this.#tableRoom) - SPARE - kernel.branching;
  }

  /** Make room for more states when the arrays are nearly full. */
  #grow(): void {
    this.#updateLimit();
    const { memory } = this;
    while (memory.count >= memory.limit) {
      if (memory.count >= MAX_STATES) {
        this.reason = `more than ${MAX_STATES} states`;
        return;
      }
      try {
        if (this.#tableRoom <= memory.parents.length) this.#growTable();
        else this.#growStates();
      } catch (error) {
        if (error instanceof SeamlockError) throw error;
        this.reason = "memory ran out";
        return;
      }
      if (this.reason !== null) return;
      this.#updateLimit();
    }
  }

  #growTable(): void {
    const { memory } = this;
    const size = memory.table.length * TABLE_GROWTH;
    if (this.#overBudget((size - memory.table.length) * 4)) return;
    memory.table = new Int32Array(0);
    memory.table = new Int32Array(size);
    // A larger table holds larger numbers: fewer bits of the hash fit beside them.
    memory.idBits = Math.max(26, Math.ceil(Math.log2(size)));
    this.kernel.rehash(memory);
  }

  #growStates(): void {
    const { memory, prepared } = this;
    if (this.#overBudget(0)) return;
    const words = prepared.packing.words;
    const longest = Math.floor((2 ** 32 - 1) / words);
    const capacity = Math.min(memory.parents.length * CAPACITY_GROWTH, longest);
    if (capacity === memory.parents.length) throw new RangeError("the array of states cannot grow");
    memory.states = enlarged(memory.states, capacity * words, memory.count * words);
    memory.parents = enlarged(memory.parents, capacity, memory.count);
  }

  #overBudget(more: number): boolean {
    const { memory } = this.#options;
    if (memory === undefined || this.bytes + more <= memory) return false;
    this.reason = `the memory bound of ${memory} bytes was reached`;
    return true;
  }

  /** Take up a search that was written to a checkpoint. */
  restore(
    saved: {
      readonly head: number;
      readonly count: number;
      readonly transitions: number;
      readonly levels: readonly number[];
      readonly levelEnd: number;
      readonly seconds: number;
      readonly findings: readonly Finding[];
      readonly ran: readonly number[];
      readonly busy: readonly number[];
    },
    states: Int32Array<ArrayBuffer>,
    parents: Int32Array<ArrayBuffer>,
  ): void {
    const { memory } = this;
    Object.assign(memory, { states, parents, head: saved.head, count: saved.count, transitions: saved.transitions });
    let size = FIRST_TABLE;
    while (size * LOAD < saved.count + SPARE + this.kernel.branching) size *= TABLE_GROWTH;
    memory.table = new Int32Array(size);
    memory.idBits = Math.max(26, Math.ceil(Math.log2(size)));
    this.kernel.rehash(memory);
    this.kernel.ran.set(saved.ran);
    this.kernel.busy.set(saved.busy);
    this.findings.splice(0, Infinity, ...saved.findings);
    this.levels.splice(0, Infinity, ...saved.levels);
    this.#spent = saved.seconds;
    this.#end = saved.levelEnd;
    this.#updateLimit();
  }

  /** The number of the first state of the level after the one that is being expanded. */
  get levelEnd(): number {
    return this.#levelEnd();
  }
}

function enlarged(old: Int32Array, length: number, used: number): Int32Array<ArrayBuffer> {
  const fresh = new Int32Array(length);
  fresh.set(old.subarray(0, used));
  return fresh;
}
