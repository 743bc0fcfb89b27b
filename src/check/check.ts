/** The checker's public face: decide a Model, under bounds, with progress, and say what was found. */
import { type Model, traceOf, validate } from "../language/index.ts";
import { stepNumbers } from "./kernel.ts";
import { checkLeadsTo, type LeadsTo } from "./liveness.ts";
import { pathOf } from "./path.ts";
import { fewerSwitches } from "./replay.ts";
import type { BusyEntry, CheckResult, Outcome, Progress, SilentStep, Violation } from "./result.ts";
import { type Bounds, type Finding, type Prepared, prepare, Search, type SearchOptions } from "./search.ts";

export interface CheckOptions extends Bounds {
  /** Stop at the first violation instead of collecting `busy` and all violated properties over the whole space. */
  readonly first?: boolean;
  /** Explore the plain state space. */
  readonly noReduction?: boolean;
  /** Only these properties; assertions, ranges and deadlock are always checked. */
  readonly properties?: readonly string[];
  /** After a reduced search found a violation: look for a shorter trace in the plain space, up to this many states. Default 3,000,000. */
  readonly shorten?: number;
  readonly onProgress?: (progress: Progress) => void;
  /** Continue this search, made by `resume`. */
  readonly search?: Search;
  /** Called between pieces of work, with the running search: write a checkpoint here. */
  readonly onPause?: (search: Search) => void;
}

/** The model with only the wanted properties. */
function restricted(model: Model, names: readonly string[] | undefined): Model {
  if (names === undefined) return model;
  return { ...model, properties: model.properties.filter(({ name }) => names.includes(name)) };
}

const isLeadsTo = (property: Model["properties"][number]): property is LeadsTo => property.kind === "leads-to";

/** The search options that both the reduced and the plain search obey. */
function bounds(options: CheckOptions): SearchOptions {
  const { time, memory, depth, states, first, noReduction } = options;
  return {
    ...(time !== undefined && { time }),
    ...(memory !== undefined && { memory }),
    ...(depth !== undefined && { depth }),
    ...(states !== undefined && { states }),
    ...(first !== undefined && { first }),
    ...(noReduction !== undefined && { noReduction }),
  };
}

/** The work as a generator, so that one definition serves the blocking and the interruptible driver. Yields between pieces of work. */
export function* checking(model: Model, options: CheckOptions = {}): Generator<Search, CheckResult> {
  const wanted = restricted(validate(model), options.properties);
  const search = options.search ?? startSearch(wanted, options);
  yield* drive(search);
  const violations: Violation[] = [];
  for (const finding of search.findings.filter(({ kind }) => kind !== "sometimes"))
    violations.push(yield* violationOf(search, finding, options));
  const live = yield* liveness(wanted, search, options);
  violations.push(...live.violations);
  return resultOf(search, violations, live);
}

/** Make a search for a model; the checkpoint code resumes into one. */
export function startSearch(model: Model, options: CheckOptions = {}): Search {
  return new Search(prepare(restricted(model, options.properties), options.noReduction), bounds(options));
}

function* drive(search: Search): Generator<Search, void> {
  while (!search.done) {
    search.advance(8);
    yield search;
  }
}

const isReduced = ({ reductions }: Prepared): boolean =>
  reductions.symmetric.size > 0 || reductions.folded.some((labels) => labels.size > 0);

function* violationOf(search: Search, finding: Finding, options: CheckOptions): Generator<Search, Violation> {
  const { layout, model } = search.prepared;
  const kind = finding.kind as Violation["kind"];
  const found = traceOf(layout, pathOf(search, finding));
  if (!isReduced(search.prepared))
    return { kind, property: finding.property, trace: fewerSwitches(model, found, finding.property), shortest: true };
  const plain = new Search(prepare(model, true), {
    depth: found.steps.length,
    until: finding.property,
    states: options.shorten ?? 3_000_000,
    ...(options.time !== undefined && { time: options.time }),
  });
  yield* drive(plain);
  const shorter = plain.findings.find(({ property, kind: k }) => property === finding.property && k === finding.kind);
  const shortest = shorter !== undefined || plain.complete || (plain.reason?.includes("depth") ?? false);
  const trace = shorter === undefined ? found : traceOf(layout, pathOf(plain, shorter));
  return { kind, property: finding.property, trace: fewerSwitches(model, trace, finding.property), shortest };
}

interface Liveness {
  readonly violations: Violation[];
  readonly vacuous: string[];
  readonly reason: string | null;
}

/** Liveness needs the plain state space: symmetry mixes up who is starved, and folding hides steps that fairness speaks of. */
function* liveness(model: Model, search: Search, options: CheckOptions): Generator<Search, Liveness> {
  const properties = model.properties.filter(isLeadsTo);
  const nothing = { violations: [], vacuous: [], reason: null };
  if (
    properties.length === 0 ||
    search.reason !== null ||
    (options.first && search.findings.some(({ kind }) => kind !== "sometimes"))
  )
    return nothing;
  let plain = search;
  if (isReduced(search.prepared)) {
    plain = new Search(prepare({ ...model, properties, deadlock: false }, true), bounds({ ...options, first: false }));
    yield* drive(plain);
  }
  if (plain.reason !== null) return { ...nothing, reason: `liveness was not decided: ${plain.reason}` };
  const violations: Violation[] = [];
  const vacuous: string[] = [];
  for (const property of properties) {
    const { trace, vacuous: empty } = checkLeadsTo(plain, property);
    if (empty) vacuous.push(property.name);
    if (trace !== null) violations.push({ kind: "leads-to", property: property.name, trace, shortest: false });
    yield plain;
  }
  return { violations, vacuous, reason: null };
}

function outcomeOf(violations: readonly Violation[], reason: string | null): Outcome {
  const [first] = violations;
  if (first !== undefined) return { kind: "violated", property: first.property, reason };
  return reason === null
    ? { kind: "holds", property: null, reason: null }
    : { kind: "inconclusive", property: null, reason };
}

function resultOf(search: Search, found: readonly Violation[], live: Liveness): CheckResult {
  const { layout, model } = search.prepared;
  const violations = [...found].sort(
    (a, b) =>
      Number(a.kind === "leads-to") - Number(b.kind === "leads-to") || a.trace.steps.length - b.trace.steps.length,
  );
  const witnessed = search.findings.filter(({ kind }) => kind === "sometimes");
  const unwitnessed = model.properties.filter(
    ({ kind, name }) => kind === "sometimes" && !witnessed.some(({ property }) => property === name),
  );
  const reason = search.reason ?? live.reason;
  return {
    outcome: outcomeOf(violations, reason),
    violations,
    witnesses: witnessed.map((finding) => ({
      property: finding.property,
      trace: traceOf(layout, pathOf(search, finding)),
    })),
    vacuous: search.reason === null ? [...unwitnessed.map(({ name }) => name), ...live.vacuous] : live.vacuous,
    states: search.states,
    transitions: search.memory.transitions,
    depth: search.depth,
    seconds: search.seconds,
    exact: true,
    reductions: reductionNames(search.prepared),
    busy: busyEntries(search),
    neverRan: silentSteps(search),
    trace: violations[0]?.trace ?? null,
    bytesPerState: search.bytes / Math.max(1, search.states),
    frontier: search.memory.count - search.memory.head,
  };
}

function reductionNames({ reductions, layout }: Prepared): string[] {
  const names: string[] = [];
  const folded = layout.model.processes.flatMap((type, typeIndex) => {
    const first = layout.instances.findIndex((instance) => instance.typeIndex === typeIndex);
    const size = reductions.folded[first]?.size ?? 0;
    return size > 0 ? [`${type.name}: ${size} labels`] : [];
  });
  if (folded.length > 0) names.push(`fold (${folded.join(", ")})`);
  for (const typeIndex of reductions.symmetric) names.push(`symmetry (${layout.model.processes[typeIndex]?.name})`);
  return names;
}

function busyEntries({ kernel }: Search): BusyEntry[] {
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
  kernel.busySites.forEach((site, i) => {
    if (kernel.busy[i] === 0) return;
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

function silentSteps(search: Search): SilentStep[] {
  const { layout, analysis } = search.prepared;
  const numbers = stepNumbers(analysis);
  const seen = new Set<number>();
  return layout.moves.flatMap((move) => {
    const number = numbers.get(move.id) as number;
    if (seen.has(number) || search.kernel.ran[number] !== 0) return [];
    seen.add(number);
    const { leaf = null, action, resource, result, note } = move.step.meta;
    const words = [action, resource, result, note].filter((word) => word !== undefined);
    return [
      { process: move.type.name, label: move.label.name, alternative: move.stepIndex, leaf, note: words.join(" ") },
    ];
  });
}

/** Decide a model; returns when done or when a bound is reached. */
export function check(model: Model, options: CheckOptions = {}): CheckResult {
  const work = checking(model, options);
  for (;;) {
    const { value, done } = work.next();
    if (done) return value;
    options.onProgress?.(value.progress());
    options.onPause?.(value);
  }
}

/** The same, giving way to other work between pieces, and ending as inconclusive when `signal` is aborted. */
export async function checkAsync(
  model: Model,
  options: CheckOptions & { readonly signal?: AbortSignal } = {},
): Promise<CheckResult> {
  const work = checking(model, options);
  for (;;) {
    const { value, done } = work.next();
    if (done) return value;
    options.onProgress?.(value.progress());
    options.onPause?.(value);
    await new Promise((resolve) => setTimeout(resolve, 0));
    if (options.signal?.aborted) value.stop("interrupted");
  }
}
