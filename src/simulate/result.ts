/** What runs add up to, and how the sums of several sets of runs become one. */
import type { Trace } from "../language/index.ts";
import type { Reproduce } from "./options.ts";

export interface SimulatedViolation {
  readonly property: string;
  /** How many runs ended so; the rest speaks of the first of them. */
  readonly runs: number;
  /** How long that run was. */
  readonly steps: number;
  /** A run that ends in the same violation, without the steps that have no part in it; null when it is not asked for or too long. */
  readonly trace: Trace | null;
  readonly reproduce: Reproduce;
}

/** A failed try-acquire against one holder. */
export interface BusyCount {
  readonly process: string;
  readonly leaf: string | null;
  readonly resource: string;
  readonly status: string | null;
  /** The holder's leaf, or its process type; null: nobody was seen to hold it. */
  readonly holder: string | null;
  readonly holderProcess: string | null;
  readonly count: number;
  /** The run that met it after the fewest steps, and how many. */
  readonly soonest: { readonly run: number; readonly steps: number };
}

/** How often a counter of a leaf's call had which value when the call returned. */
export interface CounterHistogram {
  readonly counter: string;
  readonly leaf: string | null;
  readonly histogram: Readonly<Record<string, number>>;
}

/** Stretches of one name (`begins` and `ends` of steps) that ended in one way; `as` null: the run ended first. */
export interface StretchCount {
  readonly process: string;
  readonly stretch: string;
  readonly as: string | null;
  readonly count: number;
  /** Of all of them, and of the longest. */
  readonly cost: number;
  readonly longest: number;
  /** How many cost at most 1, 2, 4, 8, … and more than the bound before. */
  readonly durations: Readonly<Record<string, number>>;
  /** By counter that is told of the stretch: how many had which value. */
  readonly counters: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

export interface SimulationResult {
  readonly runs: number;
  readonly steps: number;
  readonly seconds: number;
  /** One per property: the first run that violates it. */
  readonly violations: readonly SimulatedViolation[];
  /** Runs that ended with nobody able to run, every process idle. */
  readonly ended: number;
  /** In the order of process, leaf, resource, holder. */
  readonly busy: readonly BusyCount[];
  readonly counters: readonly CounterHistogram[];
  readonly stretches: readonly StretchCount[];
  /** Total cost of all steps, and of each process instance's own. */
  readonly cost: number;
  readonly costByInstance: Readonly<Record<string, number>>;
  /** By instance and label: the cost that passed while it stood there. */
  readonly dwell: readonly {
    readonly instance: string;
    readonly label: string;
    readonly cost: number;
    readonly visits: number;
  }[];
  /** The first run as it went, if it is asked for. */
  readonly trace: Trace | null;
  /** Repeats the first run; with `run` one higher, the second, and so on. */
  readonly reproduce: Reproduce;
}

type Histogram = Readonly<Record<string, number>>;

/**
 * Add up the results of runs that were shared out, for instance among workers. The sum does not depend on how they were shared out, nor
 * on the order of the results, as long as costs are whole numbers.
 */
export function mergeSimulations(results: readonly [SimulationResult, ...SimulationResult[]]): SimulationResult {
  const sorted = [...results].sort((a, b) => a.reproduce.run - b.reproduce.run);
  const [first] = sorted as [SimulationResult];
  const sum = (of: (result: SimulationResult) => number) => sorted.reduce((total, result) => total + of(result), 0);
  const violations = new Map<string, SimulatedViolation>();
  for (const violation of sorted.flatMap((result) => result.violations)) {
    const known = violations.get(violation.property);
    violations.set(
      violation.property,
      known === undefined ? violation : { ...known, runs: known.runs + violation.runs },
    );
  }
  const costByInstance = Object.fromEntries(
    Object.keys(first.costByInstance).map((name) => [name, sum((result) => result.costByInstance[name] ?? 0)]),
  );
  return {
    ...first,
    runs: sum(({ runs }) => runs),
    steps: sum(({ steps }) => steps),
    seconds: Math.max(...sorted.map(({ seconds }) => seconds)),
    ended: sum(({ ended }) => ended),
    cost: sum(({ cost }) => cost),
    costByInstance,
    violations: [...violations.values()],
    busy: mergeBusy(sorted.flatMap(({ busy }) => busy)),
    dwell: mergeBy(
      sorted.flatMap(({ dwell }) => dwell),
      ({ instance, label }) => [instance, label],
      (a, b) => ({ ...a, cost: a.cost + b.cost, visits: a.visits + b.visits }),
    ),
    counters: mergeBy(
      sorted.flatMap(({ counters }) => counters),
      ({ counter, leaf }) => [leaf, counter],
      (a, b) => ({ ...a, histogram: addHistograms(a.histogram, b.histogram) }),
    ),
    stretches: mergeBy(
      sorted.flatMap(({ stretches }) => stretches),
      ({ process, stretch, as }) => [process, stretch, as],
      addStretches,
    ),
  };
}

/** Counts of one site added up, and sites in their stated order. */
export function mergeBusy(items: readonly BusyCount[]): BusyCount[] {
  return mergeBy(
    items,
    ({ process, leaf, resource, status, holder, holderProcess }) => [
      process,
      leaf,
      resource,
      holder,
      holderProcess,
      status,
    ],
    (a, b) => ({ ...a, count: a.count + b.count, soonest: sooner(a.soonest, b.soonest) }),
  );
}

type Soonest = BusyCount["soonest"];
const sooner = (a: Soonest, b: Soonest): Soonest =>
  a.steps < b.steps || (a.steps === b.steps && a.run <= b.run) ? a : b;

function addStretches(a: StretchCount, b: StretchCount): StretchCount {
  const names = [...new Set([...Object.keys(a.counters), ...Object.keys(b.counters)])].sort();
  return {
    ...a,
    count: a.count + b.count,
    cost: a.cost + b.cost,
    longest: Math.max(a.longest, b.longest),
    durations: addHistograms(a.durations, b.durations),
    counters: Object.fromEntries(
      names.map((name) => [name, addHistograms(a.counters[name] ?? {}, b.counters[name] ?? {})]),
    ),
  };
}

/** Items of the same key added up, in the order of their keys. */
function mergeBy<T>(items: readonly T[], key: (item: T) => readonly (string | null)[], add: (a: T, b: T) => T): T[] {
  const merged = new Map<string, T>();
  for (const item of items) {
    const name = JSON.stringify(key(item));
    const known = merged.get(name);
    merged.set(name, known === undefined ? item : add(known, item));
  }
  return [...merged].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, item]) => item);
}

function addHistograms(a: Histogram, b: Histogram): Record<string, number> {
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort((x, y) => Number(x) - Number(y));
  return Object.fromEntries(names.map((name) => [name, (a[name] ?? 0) + (b[name] ?? 0)]));
}
