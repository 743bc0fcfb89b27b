/** The checker's public face: decide a Model, under bounds, with progress, and say what was found. */
import { type Model, type ProcessType, type Trace, traceOf, validate } from "../language/index.ts";
import { stepNumbers } from "./analyze.ts";
import { NoRoom } from "./graph.ts";
import { preparingLiveness, type Reduced, sortedAlike, within } from "./live-reductions.ts";
import { checkLeadsTo, edgesFor, type LeadsTo, type LivenessResult, MOST_AT_ONCE } from "./liveness.ts";
import { pathOf } from "./path.ts";
import { regrouping } from "./replay.ts";
import type { BusyEntry, CheckResult, Outcome, Progress, SilentStep, Violation } from "./result.ts";
import { type Bounds, type Prepared, prepare, preparing, Search, type SearchOptions } from "./search.ts";
import type { Helpers } from "./team.ts";
import { type Pausing, Watch } from "./watch.ts";

export interface CheckOptions extends Bounds {
  /** Stop with the level in which the first violation was found instead of collecting `busy` and all violated properties over the whole space. */
  readonly first?: boolean;
  /** Explore the plain state space. */
  readonly noReduction?: boolean;
  /** Only these properties; assertions, ranges and deadlock are always checked. */
  readonly properties?: readonly string[];
  /** After a reduced search found a violation: look for a shorter trace in the plain space, up to this many states. Default 3,000,000; for runs that go round 10,000,000, or half as many again as the reduced search has. */
  readonly shorten?: number;
  /** Threads that work along. The result is the same. */
  readonly helpers?: Helpers;
  /** Among how many memories, of 4 GiB each at most, the states are divided. Default 1. */
  readonly parts?: number;
  readonly onProgress?: (progress: Progress) => void;
  /** Continue this search, made by `resume`. */
  readonly search?: Search;
  /**
   * Called between pieces of the search for states, and once when it is over, with that search: write a checkpoint here. Not called while
   * traces are shortened or liveness is decided.
   */
  readonly onPause?: (search: Search) => void;
}

/** So many states may a plain search have that makes runs shorter; one that must find loops is not stopped by their length, so it may have more. */
const [SHORTEN, SHORTEN_LASSOS] = [3_000_000, 10_000_000];
/** Or so many times the states on which it was found that they go round. */
const SHORTEN_FACTOR = 1.5;

/** The model with only the wanted properties. */
function restricted(model: Model, names: readonly string[] | undefined): Model {
  if (names === undefined) return model;
  return { ...model, properties: model.properties.filter(({ name }) => names.includes(name)) };
}

const isLeadsTo = (property: Model["properties"][number]): property is LeadsTo => property.kind === "leads-to";

/** The search options that both the reduced and the plain search obey. */
function bounds(options: CheckOptions, watch: Watch): SearchOptions {
  const { memory, held, depth, states, onceViolated, first, helpers, parts } = options;
  return {
    watch,
    ...(memory !== undefined && { memory }),
    ...(held !== undefined && { held }),
    ...(depth !== undefined && { depth }),
    ...(states !== undefined && { states }),
    ...(onceViolated !== undefined && { onceViolated }),
    ...(first !== undefined && { first }),
    ...(helpers !== undefined && { helpers }),
    ...(parts !== undefined && { parts }),
  };
}

/** What is held beside a search, once this one stays: what was held beside this one, and its own. */
const heldWith = ({ held = 0 }: CheckOptions, search: Search): number => held + search.bytes;

/** What all parts of one check share. */
interface Job {
  readonly options: CheckOptions;
  readonly watch: Watch;
  /** The search that is under way, or was last; null while the model is being prepared. */
  search: Search | null;
  /** The search for states, while it is under way. */
  main: Search | null;
}

/** What came out, and the search it came from; null: it never began. */
export interface Checked {
  readonly result: CheckResult;
  readonly search: Search | null;
}

/** The whole work, once for the blocking and the interruptible driver. */
function* checking(model: Model, job: Job): Pausing<Checked> {
  const { options, watch } = job;
  const wanted = restricted(validate(model), options.properties);
  const prepared = options.search?.prepared ?? (yield* untilStopped(preparing(wanted, options.noReduction), watch));
  if (prepared === null) return { result: unstarted(watch), search: null };
  const search = options.search ?? newSearch(prepared, bounds(options, watch), watch);
  if (search === null) return { result: unstarted(watch), search: null };
  job.main = search;
  yield* drive(search, job);
  job.main = null;
  const violations = yield* violationsOf(search, job);
  const live = yield* liveness(wanted, search, job);
  violations.push(...live.violations);
  const witnesses = yield* witnessesOf(search);
  return { result: resultOf(search, { violations, witnesses, live }, watch), search };
}

/** A search; null when there is not even the memory to begin it. */
function newSearch(prepared: Prepared, options: SearchOptions, watch: Watch): Search | null {
  try {
    return new Search(prepared, options);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    watch.stop("memory ran out");
    return null;
  }
}

/** Such work as far as the watch lets it go; null: stopped. */
function* untilStopped<T>(work: Pausing<T>, watch: Watch): Pausing<T | null> {
  for (;;) {
    const { value, done } = work.next();
    if (done) return value;
    if (watch.reason !== null) {
      // What other threads do for it ends, too.
      work.return(null as never);
      return null;
    }
    yield;
  }
}

/** Make a search for a model; the checkpoint code resumes into one. */
export function startSearch(model: Model, options: CheckOptions = {}): Search {
  const prepared = prepare(restricted(model, options.properties), options.noReduction);
  return new Search(prepared, bounds(options, new Watch(options.time)));
}

function* drive(search: Search, job: Job): Pausing<void> {
  job.search = search;
  do {
    if (!search.done) yield* search.advancing(8);
    if (job.watch.reason !== null) search.stop(job.watch.reason);
    yield;
  } while (!search.done);
}

const isFolded = ({ reductions }: Pick<Prepared, "reductions">): boolean =>
  reductions.folded.some((labels) => labels.size > 0);

/**
 * The violations found, with traces. Those of a folded search are made shortest by one plain search, as far as its bounds let it. Symmetry
 * alone keeps lengths: each run has its equals, step by step, among the states that stand for all.
 */
function* violationsOf(search: Search, job: Job): Pausing<Violation[]> {
  const { layout, model } = search.prepared;
  const findings = search.findings.filter(({ kind }) => kind !== "sometimes");
  // All at once, before each by itself: what leads to them is sought level by level.
  yield* search.findParents(search.findings.map(({ id }) => id));
  const traces: Trace[] = [];
  for (const finding of findings) traces.push(traceOf(layout, yield* pathOf(search, finding)));
  const plain = isFolded(search.prepared) ? yield* shortenedBy(search, traces, job) : null;
  // A deadlock at the depth bound is not met again, for states there are not expanded; but all before them were.
  const nothingShorter = plain !== null && (plain.complete || (plain.reason?.includes("depth") ?? false));
  const violations: Violation[] = [];
  for (const [i, finding] of findings.entries()) {
    const { kind, property } = finding;
    const shorter = plain?.findings.find((other) => other.property === property && other.kind === kind);
    const trace =
      plain === null || shorter === undefined ? (traces[i] as Trace) : traceOf(layout, yield* pathOf(plain, shorter));
    violations.push({
      kind: kind as Violation["kind"],
      property,
      trace: yield* regrouping(model, trace, property, job.watch),
      shortest: !isFolded(search.prepared) || shorter !== undefined || nothingShorter,
    });
  }
  return violations;
}

/** A plain search for the same violations; null: stopped before it began. */
function* shortenedBy(search: Search, traces: readonly Trace[], job: Job): Pausing<Search | null> {
  const { options, watch } = job;
  const { model } = search.prepared;
  const findings = search.findings.filter(({ kind }) => kind !== "sometimes");
  if (findings.length === 0) return null;
  const prepared = yield* untilStopped(preparing(model, true), watch);
  if (prepared === null) return null;
  const plain = newSearch(
    prepared,
    {
      watch,
      depth: Math.max(...traces.map(({ steps }) => steps.length)),
      until: { findings, states: options.shorten ?? SHORTEN },
      ...(options.memory !== undefined && { memory: options.memory }),
      held: heldWith(options, search),
      ...(options.helpers !== undefined && { helpers: options.helpers }),
    },
    watch,
  );
  if (plain === null) return null;
  yield* drive(plain, job);
  yield* plain.findParents(plain.findings.map(({ id }) => id));
  return plain;
}

interface Liveness {
  readonly violations: Violation[];
  readonly vacuous: string[];
  /** By name: those of which nothing is known. */
  readonly undecided: ReadonlySet<string>;
  readonly reason: string | null;
}

/**
 * A search on which liveness can be decided, reduced so far: the one that found the states, if it is reduced no further. Null, or with a reason:
 * it was stopped.
 */
function* searchForLiveness(
  model: Model,
  search: Search,
  job: Job,
  { reduced, held, states }: { readonly reduced: Reduced; readonly held: readonly Search[]; readonly states?: number },
): Pausing<Search | null> {
  const { options, watch } = job;
  const fitting = yield* untilStopped(preparingLiveness(model, model.properties.filter(isLeadsTo), reduced), watch);
  if (fitting === null) return null;
  const isFit = within(search.prepared.reductions, fitting.reductions);
  // Edges are looked up all over the states, so these must lie in one memory.
  if (isFit && search.store.parts.length === 1) return search;
  const prepared = isFit ? search.prepared : fitting;
  const { parts: _, onceViolated: __, ...rest } = bounds(options, watch);
  const bytes = held.reduce((sum, other) => sum + other.bytes, options.held ?? 0);
  const bound = states === undefined ? {} : { states: Math.min(states, options.states ?? Infinity) };
  const own = newSearch(prepared, { ...rest, ...bound, held: bytes, first: false }, watch);
  if (own !== null) yield* drive(own, job);
  return own;
}

/** Decide the properties of liveness; runs through folded steps are made shortest on states that are not folded, if these are not too many. */
function* liveness(model: Model, search: Search, job: Job): Pausing<Liveness> {
  const { options, watch } = job;
  const properties = model.properties.filter(isLeadsTo);
  const violations: Violation[] = [];
  const vacuous: string[] = [];
  const undecided = new Set(properties.map(({ name }) => name));
  const stoppedBy = (reason: string): Liveness => ({
    violations,
    vacuous,
    undecided,
    reason: `liveness was not decided: ${reason}`,
  });
  if (
    properties.length === 0 ||
    search.reason !== null ||
    (options.first && search.findings.some(({ kind }) => kind !== "sometimes"))
  )
    return { violations, vacuous, undecided, reason: null };
  try {
    const groups = options.noReduction ? [properties] : yield* untilStopped(sortedAlike(model, properties), watch);
    if (groups === null) return stoppedBy(watch.reason as string);
    for (const group of groups) {
      const own = yield* fitForLiveness({ ...model, properties: group }, search, job);
      const reason = own === null ? watch.reason : own.reason;
      if (own === null || reason !== null) return stoppedBy(reason as string);
      const held = own === search ? [search] : [search, own];
      const shortest = !isFolded(own.prepared);
      const stopped = yield* decide(own, group, job, held, ({ name }, { trace, vacuous: isVacuous }) => {
        undecided.delete(name);
        if (isVacuous) vacuous.push(name);
        if (trace !== null) violations.push({ kind: "leads-to", property: name, trace, shortest });
      });
      if (stopped !== null) return stoppedBy(stopped);
      yield* shortenLassos({ ...model, properties: group }, held, violations, job);
    }
  } catch (error) {
    if (error instanceof NoRoom) return stoppedBy(`the memory bound of ${options.memory} bytes was reached`);
    if (error instanceof RangeError) return stoppedBy("memory ran out");
    throw error;
  }
  return { violations, vacuous, undecided, reason: null };
}

/** Called with each property as soon as it is decided: what comes after may be stopped. */
type Decided = (property: LeadsTo, result: LivenessResult) => void;

/** Decide properties on a search that fits; `held`: the searches that there are. Returns why that was not done to the end; null: it was. */
function* decide(
  own: Search,
  properties: readonly LeadsTo[],
  { options, watch }: Job,
  held: readonly Search[],
  decided: Decided,
): Pausing<string | null> {
  const bytes = held.reduce((sum, search) => sum + search.bytes, options.held ?? 0);
  const room = (options.memory ?? Infinity) - bytes;
  for (let first = 0; first < properties.length; first += MOST_AT_ONCE) {
    const some = properties.slice(first, first + MOST_AT_ONCE);
    if ((yield* untilStopped(decideTogether(own, some, room, decided), watch)) === null) return watch.reason;
  }
  return null;
}

/** Those that can be decided on the same edges. */
function* decideTogether(
  search: Search,
  properties: readonly LeadsTo[],
  room: number,
  decided: Decided,
): Pausing<"done"> {
  const edges = yield* edgesFor(search, properties, room);
  for (const [number, property] of properties.entries())
    decided(property, yield* checkLeadsTo(search, edges, property, number));
  return "done";
}

/** A search on which all of a model's properties of liveness can be decided, reduced as far as is sound. */
const fitForLiveness = (model: Model, search: Search, job: Job): Pausing<Search | null> =>
  searchForLiveness(model, search, job, { reduced: job.options.noReduction ? "not" : "all", held: [search] });

/** Put runs with shortest stems in the place of those that a folded search found, as far as the bounds of one without folding let it. */
function* shortenLassos(model: Model, held: readonly Search[], violations: Violation[], job: Job): Pausing<void> {
  const { options } = job;
  const broken = model.properties.filter(({ name }) =>
    violations.some(({ property, shortest }) => property === name && !shortest),
  );
  if (broken.length === 0) return;
  const folded = held.at(-1) as Search;
  const states = options.shorten ?? Math.max(SHORTEN_LASSOS, Math.floor(SHORTEN_FACTOR * folded.states));
  try {
    const other = yield* searchForLiveness({ ...model, properties: broken }, folded, job, {
      reduced: "keeping lengths",
      held,
      states,
    });
    if (other === null || other.reason !== null) return;
    yield* decide(other, broken.filter(isLeadsTo), job, [...held, other], ({ name }, { trace }) => {
      if (trace === null) throw new Error(`${name} is broken with folding and holds without`);
      const i = violations.findIndex(({ property }) => property === name);
      violations[i] = { kind: "leads-to", property: name, trace, shortest: true };
    });
  } catch (error) {
    // What was found stands.
    if (!(error instanceof RangeError)) throw error;
  }
}

function outcomeOf(violations: readonly Violation[], reason: string | null): Outcome {
  const [first] = violations;
  if (first !== undefined) return { kind: "violated", property: first.property, reason };
  return reason === null
    ? { kind: "holds", property: null, reason: null }
    : { kind: "inconclusive", property: null, reason };
}

/** Stopped before the search could begin. */
function unstarted(watch: Watch): CheckResult {
  return {
    outcome: outcomeOf([], watch.reason),
    violations: [],
    witnesses: [],
    vacuous: [],
    undecided: [],
    states: 0,
    transitions: 0,
    depth: 0,
    seconds: watch.seconds,
    reductions: [],
    busy: [],
    neverRan: [],
    trace: null,
    bytesPerState: 0,
    frontier: 1,
  };
}

function* witnessesOf(search: Search): Pausing<CheckResult["witnesses"]> {
  const witnesses: CheckResult["witnesses"][number][] = [];
  for (const finding of search.findings) {
    if (finding.kind !== "sometimes") continue;
    const trace = traceOf(search.prepared.layout, yield* pathOf(search, finding));
    witnesses.push({ property: finding.property, trace });
  }
  return witnesses;
}

interface Found extends Pick<CheckResult, "violations" | "witnesses"> {
  readonly live: Liveness;
}

function resultOf(search: Search, found: Found, watch: Watch): CheckResult {
  const { model } = search.prepared;
  const { live, witnesses } = found;
  const violations = [...found.violations].sort(
    (a, b) =>
      Number(a.kind === "leads-to") - Number(b.kind === "leads-to") || a.trace.steps.length - b.trace.steps.length,
  );
  const unwitnessed = model.properties.filter(
    ({ kind, name }) => kind === "sometimes" && !witnesses.some(({ property }) => property === name),
  );
  const reason = search.reason ?? live.reason;
  return {
    outcome: outcomeOf(violations, reason),
    violations,
    witnesses,
    vacuous: search.reason === null ? [...unwitnessed.map(({ name }) => name), ...live.vacuous] : live.vacuous,
    undecided: [...live.undecided],
    states: search.states,
    transitions: search.transitions,
    depth: search.depth,
    seconds: Math.max(search.seconds, watch.seconds),
    reductions: reductionNames(search.prepared),
    busy: busyEntries(search),
    neverRan: silentSteps(search),
    trace: violations[0]?.trace ?? null,
    bytesPerState: search.bytes / Math.max(1, search.states),
    frontier: search.frontier,
  };
}

/** `vcpu`, or `vcpu but 0` when that one is not among those that are alike. */
function alikeName({ name, count }: ProcessType, instances: readonly number[]): string {
  const apart = Array.from({ length: count }, (_, i) => i).filter((instance) => !instances.includes(instance));
  return apart.length === 0 ? name : `${name} but ${apart.join(" and ")}`;
}

function reductionNames({ reductions, layout }: Prepared): string[] {
  const names: string[] = [];
  const folded = layout.model.processes.flatMap((type, typeIndex) => {
    const first = layout.instances.findIndex((instance) => instance.typeIndex === typeIndex);
    const size = reductions.folded[first]?.size ?? 0;
    return size > 0 ? [`${type.name}: ${size} labels`] : [];
  });
  if (folded.length > 0) names.push(`fold (${folded.join(", ")})`);
  const alike = [
    ...[...reductions.symmetric].map(([typeIndex, instances]) =>
      alikeName(layout.model.processes[typeIndex] as ProcessType, instances),
    ),
    ...reductions.scalar.map(({ name }) => name),
  ];
  if (alike.length > 0) names.push(`symmetry (${alike.join(", ")})`);
  return names;
}

function busyEntries({ code, store }: Search): BusyEntry[] {
  const entries = new Map<
    string,
    {
      process: string;
      leaf: string | null;
      resource: string;
      status: string | null;
      holders: string[];
      unheld: boolean;
    }
  >();
  const { busy } = store;
  code.busySites.forEach((site, i) => {
    if (busy[i] === 0) return;
    const name = JSON.stringify([site.process, site.leaf, site.resource, site.status]);
    const entry = entries.get(name) ?? {
      process: site.process,
      leaf: site.leaf,
      resource: site.resource,
      status: site.status,
      holders: [],
      unheld: false,
    };
    if (site.holder === null) entry.unheld = true;
    else if (!entry.holders.includes(site.holder)) entry.holders.push(site.holder);
    entries.set(name, entry);
  });
  for (const entry of entries.values()) entry.holders.sort();
  return [...entries.values()];
}

/** Raise flags of steps until no twin differs from its twin. */
function spread(ran: Uint8Array, twins: readonly (readonly [number, number])[]): void {
  for (let changed = true; changed; ) {
    changed = false;
    for (const [a, b] of twins) {
      if (ran[a] === ran[b]) continue;
      ran[a] = ran[b] = 1;
      changed = true;
    }
  }
}

function silentSteps(search: Search): SilentStep[] {
  const { layout } = search.prepared;
  const numbers = stepNumbers(layout);
  const { ran } = search.store;
  // What one step did under one numbering of a symmetric set, its twin did under another.
  for (const { twins } of search.prepared.reductions.scalar) spread(ran, twins);
  const seen = new Set<number>();
  return layout.moves.flatMap((move) => {
    const number = numbers.get(move.id) as number;
    if (seen.has(number) || ran[number] !== 0) return [];
    seen.add(number);
    const { leaf = null, action, resource, result, note } = move.step.meta;
    const words = [action, resource, result, note].filter((word) => word !== undefined);
    return [
      { process: move.type.name, label: move.label.name, alternative: move.stepIndex, leaf, note: words.join(" ") },
    ];
  });
}

function report({ search, main, options }: Job): void {
  if (search === null || !search.isResting) return;
  options.onProgress?.(search.progress());
  if (search === main) options.onPause?.(search);
}

/** Decide a model; returns when done or when a bound is reached. */
export const check = (model: Model, options: CheckOptions = {}): CheckResult => checkAndKeep(model, options).result;

/** The same, and the search with all its states. */
export function checkAndKeep(model: Model, options: CheckOptions): Checked {
  const job: Job = { options, watch: new Watch(options.time), search: null, main: null };
  const work = checking(model, job);
  for (;;) {
    const { value, done } = work.next();
    if (done) return value;
    report(job);
  }
}

/** Other work waits at most about this long, in milliseconds; giving way itself takes a millisecond or more. */
const TURN = 20;

/** Options of a check that gives way to other work. */
export interface AsyncCheckOptions extends CheckOptions {
  /** Ends the check as inconclusive when it is aborted. */
  readonly signal?: AbortSignal;
}

/** {@link check}, giving way to other work now and then. */
export const checkAsync = async (model: Model, options: AsyncCheckOptions = {}): Promise<CheckResult> =>
  (await checkAndKeepAsync(model, options)).result;

/** {@link checkAndKeep}, giving way to other work now and then. */
export async function checkAndKeepAsync(model: Model, options: AsyncCheckOptions): Promise<Checked> {
  const job: Job = { options, watch: new Watch(options.time), search: null, main: null };
  const work = checking(model, job);
  let turn = Date.now();
  for (;;) {
    if (options.signal?.aborted) job.watch.stop("interrupted");
    const { value, done } = work.next();
    if (done) return value;
    report(job);
    if (Date.now() - turn < TURN) continue;
    await new Promise((resolve) => setTimeout(resolve, 0));
    turn = Date.now();
  }
}
