/** The breadth-first search: owns the arrays, grows them, keeps the levels, and remembers what the generated code reports. */
import { initialState, isDeadlock, type Layout, layoutOf, type Model } from "../language/index.ts";
import { type Analysis, analyze, stepNumbers } from "./analyze.ts";
import { foldedLabels } from "./fold.ts";
import { compileKernel } from "./kernel.ts";
import type { KernelCode, Reductions } from "./kernel-memory.ts";
import { type Packing, pack, packState, unpackState } from "./pack.ts";
import { foldedSuccessors } from "./path.ts";
import type { Progress } from "./result.ts";
import { symmetricSets } from "./scalar-symmetry.ts";
import type { Event, SearchPlace, Space } from "./space.ts";
import { symmetricTypes } from "./symmetry.ts";
import { type Helpers, Store } from "./team.ts";
import { type Pausing, uninterrupted, Watch } from "./watch.ts";

/** When to stop before everything was explored. */
export interface Bounds {
  /** Seconds. */
  readonly time?: number;
  /** Bytes of all state arrays together. */
  readonly memory?: number;
  /** Bytes of these that another search holds meanwhile. */
  readonly held?: number;
  /** Steps from the initial state. */
  readonly depth?: number;
  readonly states?: number;
  /**
   * The bound of states of a search that has found a violation: its verdict stands, what else is violated may be unknown. The search ends with
   * the level in which it is exceeded.
   */
  readonly onceViolated?: number;
}

export interface SearchOptions extends Bounds {
  /** The clock of the whole check; `time` is ignored then. */
  readonly watch?: Watch;
  /** Stop with the level in which the first violation was found. */
  readonly first?: boolean;
  readonly noReduction?: boolean;
  /** Threads that work along. The result is the same, unless a bound ends it in the middle of a level. */
  readonly helpers?: Helpers;
  /** Among how many memories, of 4 GiB each at most, the states are divided. Default 1. */
  readonly parts?: number;
  /** Stop with the level in which the last of these was found again, or in which there were more states than that. */
  readonly until?: { readonly findings: readonly Finding[]; readonly states: number };
}

/** A violation or witness as the search records it. */
export interface Finding {
  readonly kind: "always" | "assertion" | "range" | "deadlock" | "sometimes";
  readonly property: string;
  /** The state reached; for a fault, the state in which the failing step starts. */
  readonly id: number;
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
    ? { symmetric: new Map(), scalar: [], folded: layout.instances.map(() => new Set<number>()) }
    : {
        symmetric: symmetricTypes(model),
        scalar: symmetricSets(analysis, packing),
        folded: yield* foldedLabels(analysis),
      };
  yield;
  return { model, layout, analysis, packing, reductions };
}

const SLICE = 1 << 15;

/** Breadth-first exploration that can be advanced piece by piece. */
export class Search {
  readonly prepared: Prepared;
  readonly code: KernelCode;
  readonly store: Store;
  /** What the levels that are done have met: level by level, in one level properties in the model's order, then what else there is. */
  readonly settled: Finding[] = [];
  /** The level that is being expanded: its states' distance from the start. */
  depth = 0;
  reason: string | null = null;
  transitions = 0;
  readonly #options: SearchOptions;
  readonly #watch: Watch;
  readonly #startTime = Date.now();
  #spent = 0;
  /** Those found since it went on last: of a level under way, another may turn out to be the least. */
  #parents = new Map<number, number>();
  #stop = false;
  #isResting = true;

  constructor(prepared: Prepared, options: SearchOptions = {}) {
    this.prepared = prepared;
    this.#options = options;
    this.#watch = options.watch ?? new Watch(options.time);
    const { helpers = null, parts = 1 } = options;
    const threads = 1 + (helpers?.count ?? 0);
    const { analysis, packing, reductions } = prepared;
    this.code = compileKernel(analysis, packing, reductions, { parts, threads });
    this.store = new Store(this.code, helpers);
    const numbers = stepNumbers(prepared.layout);
    for (const { state, choices } of foldedSuccessors(prepared, initialState(prepared.layout))) {
      for (const { move } of choices) this.store.noteRan(numbers.get(move.id) as number);
      this.store.insert(packState(prepared.packing, state));
    }
    this.store.beginLevel();
    this.#settle();
  }

  /** The states of a search in one memory. */
  get space(): Space {
    return this.store.single;
  }

  /** What was found; of a search that ended in the middle of a level, with what was met there. */
  get findings(): readonly Finding[] {
    return [...this.settled, ...this.#found(this.store.events())];
  }

  /** In an order that does not depend on that of the search, nor on how its code is laid out. */
  #found(events: readonly Event[]): Finding[] {
    const rank = ({ kind }: Event) => {
      const event = this.code.eventKinds[kind];
      return event?.kind === "property" ? event.property : this.prepared.model.properties.length + kind;
    };
    return [...events].sort((a, b) => rank(a) - rank(b)).map((event) => this.#findingOf(event));
  }

  /** A level is done: what it has met, at the least of its states. */
  #settle(): void {
    const events = this.store.events();
    this.settled.push(...this.#found(events));
    this.store.closeEvents(events);
    this.#stop = this.#isEnough;
  }

  get #isViolated(): boolean {
    return this.settled.some(({ kind }) => kind !== "sometimes");
  }

  get #isEnough(): boolean {
    const { first, until } = this.#options;
    const found = (wanted: Finding) =>
      this.settled.some(({ property, kind }) => property === wanted.property && kind === wanted.kind);
    return (first === true && this.#isViolated) || until?.findings.every(found) === true;
  }

  #findingOf({ kind, id }: Event): Finding {
    const event = this.code.eventKinds[kind];
    if (event?.kind === "fault") {
      const { kind: fault, name } = event.site;
      return { kind: fault, property: fault === "assertion" ? name : `range of ${name}`, id };
    }
    if (event?.kind === "property") {
      const property = this.prepared.model.properties[event.property];
      return { kind: property?.kind === "sometimes" ? "sometimes" : "always", property: property?.name ?? "", id };
    }
    // The generated code only knows that nothing came out; the interpreter has the last word.
    if (!isDeadlock(this.prepared.layout, this.state(id))) throw new Error(`state ${id} is no deadlock`);
    return { kind: "deadlock", property: "deadlock", id };
  }

  /** A stored state's slots. */
  state(id: number): number[] {
    return unpackState(this.prepared.packing, this.store.words(id), 0);
  }

  /**
   * Find out how the search came to some states: by number, that of the state before; an initial state has none. No such links are kept
   * while it searches, so the levels before are expanded again, each once however many states are asked for.
   */
  *findParents(ids: readonly number[]): Pausing<ReadonlyMap<number, number>> {
    const deepest = ids.reduce((most, id) => Math.max(most, this.store.levelOf(id)), 0);
    let wanted: readonly number[] = [];
    for (let level = deepest; level > 0; level--) {
      wanted = [...new Set([...wanted, ...ids.filter((id) => this.store.levelOf(id) === level)])];
      const unknown = wanted.filter((id) => !this.#parents.has(id));
      const found = yield* this.store.parents(level, unknown);
      for (const [i, id] of unknown.entries()) {
        if (found[i] === 0) throw new Error(`no state leads to state ${id} of the search`);
        this.#parents.set(id, found[i] as number);
      }
      wanted = wanted.map((id) => this.#parents.get(id) as number);
    }
    return this.#parents;
  }

  get states(): number {
    return this.store.states;
  }
  /** States found but not expanded. */
  get frontier(): number {
    return this.store.frontier;
  }
  get done(): boolean {
    return this.#stop || this.reason !== null || this.complete;
  }
  /** Was everything explored? */
  get complete(): boolean {
    return this.frontier === 0;
  }
  get seconds(): number {
    return this.#spent + (Date.now() - this.#startTime) / 1000;
  }

  /** Bytes of the arrays in use. */
  get bytes(): number {
    return this.store.bytes;
  }

  progress(): Progress {
    const seconds = this.seconds;
    const { states, transitions, depth, frontier } = this;
    return {
      states,
      transitions,
      depth,
      frontier,
      seconds,
      statesPerSecond: seconds > 0 ? states / seconds : 0,
    };
  }

  /** May its states be read? Not while other threads are at work. */
  get isResting(): boolean {
    return this.#isResting;
  }

  /** Expand up to `slices` pieces of the frontier. */
  advance(slices = 1): void {
    uninterrupted(this.advancing(slices));
  }

  /** The same; it pauses while it waits long for other threads. A search that was given up in such a pause cannot go on. */
  *advancing(slices = 1): Pausing<void> {
    for (let i = 0; i < slices && !this.done; i++) {
      this.#isResting = false;
      yield* this.#expand();
      this.#isResting = true;
      if (this.reason !== null) return;
      if (this.store.levelDone) this.#endLevel();
      this.#checkBounds();
    }
  }

  *#expand(): Pausing<void> {
    this.#parents = new Map();
    try {
      const { memory, held = 0 } = this.#options;
      const made = yield* this.store.run(SLICE, memory === undefined ? null : { memory, held });
      if (typeof made === "string") this.reason = made;
      else this.transitions += made;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.reason = "memory ran out";
    }
  }

  #endLevel(): void {
    this.#settle();
    if (this.frontier === 0) return;
    this.depth++;
    this.store.beginLevel();
    const { depth, onceViolated = Infinity, until } = this.#options;
    if (this.done) return;
    if (depth !== undefined && this.depth >= depth) this.reason = `the depth bound of ${depth} steps was reached`;
    // Between two levels, where it does not matter in which order states were found.
    else this.#boundStates(Math.min(this.#isViolated ? onceViolated : Infinity, until?.states ?? Infinity));
  }

  #boundStates(bound: number): void {
    if (this.states > bound) this.reason = `the bound of ${bound} states was reached`;
  }

  #checkBounds(): void {
    if (this.done) return;
    this.reason = this.#watch.reason;
    this.#boundStates(this.#options.states ?? Infinity);
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

  /** Take up a search that was written to a checkpoint; `records` by part. */
  restore(
    saved: {
      readonly parts: readonly SearchPlace[];
      readonly transitions: number;
      readonly depth: number;
      readonly seconds: number;
      readonly findings: readonly Finding[];
      readonly events: readonly Event[];
      readonly ran: readonly number[];
      readonly busy: readonly number[];
      readonly met: readonly number[];
    },
    records: readonly Uint8Array[],
  ): void {
    this.store.restore(saved.parts, records);
    this.store.restoreFlags(saved);
    this.store.restoreEvents(saved.events);
    this.settled.splice(0, Infinity, ...saved.findings);
    this.#stop = this.#isEnough;
    this.transitions = saved.transitions;
    this.depth = saved.depth;
    this.#spent = saved.seconds;
  }
}
