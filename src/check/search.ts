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
  /** The bound of states of a search that has found a violation: its verdict stands, what else is violated may be unknown. */
  readonly onceViolated?: number;
}

export interface SearchOptions extends Bounds {
  /** The clock of the whole check; `time` is ignored then. */
  readonly watch?: Watch;
  /** Stop at the first violation. */
  readonly first?: boolean;
  readonly noReduction?: boolean;
  /** Threads that work along. The result is the same but for which of several shortest traces is shown. */
  readonly helpers?: Helpers;
  /** Stop when all of these are found again. */
  readonly until?: readonly Finding[];
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
    ? { symmetric: new Set(), scalar: [], folded: layout.instances.map(() => new Set<number>()) }
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
  readonly findings: Finding[] = [];
  /** The level that is being expanded: its states' distance from the start. */
  depth = 0;
  reason: string | null = null;
  transitions = 0;
  readonly #options: SearchOptions;
  readonly #watch: Watch;
  readonly #startTime = Date.now();
  #spent = 0;
  /** Those found so far. */
  readonly #parents = new Map<number, number>();
  #stop = false;

  constructor(prepared: Prepared, options: SearchOptions = {}) {
    this.prepared = prepared;
    this.#options = options;
    this.#watch = options.watch ?? new Watch(options.time);
    const helpers = options.helpers ?? null;
    this.code = compileKernel(prepared.analysis, prepared.packing, prepared.reductions, {
      parts: 1 + (helpers?.count ?? 0),
    });
    this.store = new Store(this.code, helpers);
    const numbers = stepNumbers(prepared.layout);
    for (const { state, choices } of foldedSuccessors(prepared, initialState(prepared.layout))) {
      for (const { move } of choices) this.store.noteRan(numbers.get(move.id) as number);
      this.store.insert(packState(prepared.packing, state));
    }
    this.store.beginLevel();
    this.#takeEvents();
  }

  /** The states of a search that no other thread helps. */
  get space(): Space {
    return this.store.single;
  }

  #record(finding: Finding): void {
    // The parts of a divided search may find the same thing, on the same level.
    if (this.findings.some(({ property, kind }) => property === finding.property && kind === finding.kind)) return;
    this.findings.push(finding);
    if (finding.kind === "sometimes") return;
    const { first, until } = this.#options;
    const found = (wanted: Finding) =>
      this.findings.some(({ property, kind }) => property === wanted.property && kind === wanted.kind);
    if (first || until?.every(found)) this.#stop = true;
  }

  #takeEvents(): void {
    for (const { kind, id } of this.store.events()) this.#record(this.#findingOf({ kind, id }));
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

  /** Expand up to `slices` pieces of the frontier. */
  advance(slices = 1): void {
    for (let i = 0; i < slices && !this.done; i++) {
      this.#expand();
      if (this.reason !== null) return;
      this.#takeEvents();
      if (this.store.levelDone && this.frontier > 0) this.#nextLevel();
      this.#checkBounds();
    }
  }

  #expand(): void {
    try {
      const { memory, held = 0 } = this.#options;
      const made = this.store.run(SLICE, memory === undefined ? null : { memory, held });
      if (typeof made === "string") this.reason = made;
      else this.transitions += made;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.reason = "memory ran out";
    }
  }

  #nextLevel(): void {
    this.depth++;
    this.store.beginLevel();
    const { depth } = this.#options;
    if (depth !== undefined && this.depth >= depth) this.reason = `the depth bound of ${depth} steps was reached`;
  }

  #checkBounds(): void {
    const { states, onceViolated } = this.#options;
    if (this.done) return;
    this.reason = this.#watch.reason;
    const isViolated = this.findings.some(({ kind }) => kind !== "sometimes");
    const bound = Math.min(states ?? Infinity, isViolated ? (onceViolated ?? Infinity) : Infinity);
    if (this.states > bound) this.reason = `the bound of ${bound} states was reached`;
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
      readonly ran: readonly number[];
      readonly busy: readonly number[];
      readonly met: readonly number[];
    },
    records: readonly Uint8Array[],
  ): void {
    this.store.parts.forEach((space, i) => {
      space.restore(records[i] as Uint8Array, saved.parts[i] as SearchPlace);
    });
    this.store.restoreFlags(saved);
    this.findings.splice(0);
    for (const finding of saved.findings) this.#record(finding);
    this.transitions = saved.transitions;
    this.depth = saved.depth;
    this.#spent = saved.seconds;
  }
}
