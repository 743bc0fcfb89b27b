/** Seeded runs of any Model, with statistics. The same seed gives the same runs for good. */
import {
  type Choice,
  faultName,
  initialState,
  isDeadlock,
  type Layout,
  layoutOf,
  type Model,
  type Trace,
  traceOf,
  validate,
} from "../language/index.ts";
import { compile, type Program } from "./compile.ts";
import { fairSchedule, prioritySchedule, randomOf, type Schedule, type ScheduleKind } from "./schedule.ts";

/** What a step costs, by its metadata's `action`; a step's own `cost` goes first. Units are the caller's. */
export interface CostModel {
  readonly byAction: Readonly<Record<string, number>>;
  readonly otherwise: number;
}

export interface SimulateOptions {
  readonly seed?: number;
  /** The first run's number and how many runs. */
  readonly firstRun?: number;
  readonly runs?: number;
  /** Steps per run at most. */
  readonly steps?: number;
  readonly schedule?: ScheduleKind;
  /** Priority schedule: number of priority changes, and steps in a row after which a process drops. */
  readonly changes?: number;
  readonly patience?: number;
  readonly costs?: CostModel;
  /** Keep the trace of the first run. */
  readonly trace?: boolean;
  /** Stop after the first violation. */
  readonly first?: boolean;
  readonly onProgress?: (progress: {
    readonly runs: number;
    readonly steps: number;
    readonly seconds: number;
  }) => boolean | undefined;
}

/** The parameters that repeat a run exactly. */
export interface Reproduce {
  readonly seed: number;
  readonly run: number;
  readonly steps: number;
  readonly schedule: ScheduleKind;
  readonly changes: number;
  readonly patience: number;
}

export interface SimulatedViolation {
  readonly property: string;
  readonly trace: Trace;
  readonly reproduce: Reproduce;
}

export interface BusyCount {
  readonly process: string;
  readonly leaf: string | null;
  readonly resource: string;
  readonly status: string | null;
  /** The holder's leaf, or its process type; null: nobody was seen to hold it. */
  readonly holder: string | null;
  readonly count: number;
}

/** How often a counter had which value when its process made a step with action "return". */
export interface CounterHistogram {
  readonly counter: string;
  readonly leaf: string | null;
  readonly histogram: Readonly<Record<string, number>>;
}

export interface SimulationResult {
  readonly runs: number;
  readonly steps: number;
  readonly seconds: number;
  /** One per property: the first run that violates it. */
  readonly violations: readonly SimulatedViolation[];
  /** Runs that ended with nobody able to run, every process idle. */
  readonly ended: number;
  readonly busy: readonly BusyCount[];
  readonly counters: readonly CounterHistogram[];
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
  readonly trace: Trace | null;
  /** Repeats the first run; with `run` one higher, the second, and so on. */
  readonly reproduce: Reproduce;
}

interface Parameters {
  readonly reproduce: Reproduce;
  readonly costs: CostModel;
}

const DEFAULT_COSTS: CostModel = { byAction: {}, otherwise: 1 };

/** What is added up over all runs. */
class Tally {
  steps = 0;
  ended = 0;
  cost = 0;
  readonly costs: Float64Array;
  readonly dwell: Float64Array[];
  readonly visits: Float64Array[];
  /** By leaf and counter: value to number of calls. */
  readonly histograms = new Map<string, Map<number, number>>();

  constructor(layout: Layout) {
    this.costs = new Float64Array(layout.instances.length);
    this.dwell = layout.instances.map((instance) => new Float64Array(instance.type.labels.length));
    this.visits = layout.instances.map((instance) => new Float64Array(instance.type.labels.length));
  }

  call(leaf: string | null, counter: string, value: number): void {
    const name = JSON.stringify([leaf, counter]);
    const histogram = this.histograms.get(name) ?? new Map<number, number>();
    this.histograms.set(name, histogram);
    histogram.set(value, (histogram.get(value) ?? 0) + 1);
  }
}

/** A move's metadata as the inner loop needs it. */
interface Prepared {
  readonly cost: Float64Array;
  readonly counters: readonly (readonly (readonly [string, number])[] | null)[];
  readonly returns: readonly boolean[];
  readonly owner: Int32Array;
  readonly next: Int32Array;
}

function prepareMoves({ moves, layout }: Program, costs: CostModel): Prepared {
  const metas = moves.map(({ move }) => move.step.meta);
  return {
    cost: Float64Array.from(metas, (meta) => meta.cost ?? costs.byAction[meta.action ?? ""] ?? costs.otherwise),
    counters: metas.map((meta) => (meta.counters === undefined ? null : Object.entries(meta.counters))),
    returns: metas.map((meta) => meta.action === "return"),
    owner: Int32Array.from(moves, ({ instance }) => layout.instances.indexOf(instance)),
    next: Int32Array.from(moves, ({ move }) => move.nextIndex),
  };
}

/** How a run ended. `path` holds the codes of its moves. */
interface RunEnd {
  readonly length: number;
  readonly violated: string | null;
}

class Runner {
  readonly tally: Tally;
  readonly #program: Program;
  readonly #prepared: Prepared;
  readonly #state: Int32Array;
  readonly #able: Int32Array;
  readonly #start: readonly number[];
  readonly #since: Float64Array;
  /** By instance: counters since its last return. */
  readonly #counting: Map<string, number>[];
  path = new Int32Array(1 << 12);

  constructor(program: Program, costs: CostModel) {
    const { layout } = program;
    this.#program = program;
    this.#prepared = prepareMoves(program, costs);
    this.tally = new Tally(layout);
    this.#start = initialState(layout);
    this.#state = new Int32Array(layout.slots.length);
    this.#able = new Int32Array(Math.max(1, program.moves.length));
    this.#since = new Float64Array(layout.instances.length);
    this.#counting = layout.instances.map(() => new Map());
  }

  run(schedule: Schedule, below: (n: number) => number, steps: number): RunEnd {
    const { layout } = this.#program;
    const state = this.#state;
    const able = this.#able;
    state.set(this.#start);
    for (const counting of this.#counting) counting.clear();
    this.#since.fill(this.tally.cost);
    let choices = 0;
    const canRun = (i: number): boolean => {
      choices = this.#program.enabled(i, state, able);
      return choices > 0;
    };
    const initially = this.#program.violated(state);
    if (initially > 0) return { length: 0, violated: layout.model.properties[initially - 1]?.name ?? "" };
    for (let length = 0; length < steps; length++) {
      const i = schedule.next(canRun);
      if (i < 0) return this.#stuck(length);
      choices = this.#program.enabled(i, state, able);
      const code = able[choices === 1 ? 0 : below(choices)] as number;
      this.#remember(length, code);
      this.#account(code, i, state);
      const fault = this.#program.fire(code, state);
      if (fault > 0) return { length: length + 1, violated: faultName(this.#program.faults[fault - 1] as never) };
      const broken = this.#program.violated(state);
      if (broken > 0) return { length: length + 1, violated: layout.model.properties[broken - 1]?.name ?? "" };
    }
    return { length: steps, violated: null };
  }

  #stuck(length: number): RunEnd {
    const { layout } = this.#program;
    if (layout.model.deadlock && isDeadlock(layout, [...this.#state])) return { length, violated: "deadlock" };
    this.tally.ended++;
    return { length, violated: null };
  }

  #remember(at: number, code: number): void {
    if (at === this.path.length) {
      const longer = new Int32Array(at * 2);
      longer.set(this.path);
      this.path = longer;
    }
    this.path[at] = code;
  }

  #account(code: number, i: number, state: Int32Array): void {
    const { tally } = this;
    const { cost, counters, returns } = this.#prepared;
    const price = cost[code] as number;
    tally.steps++;
    tally.cost += price;
    (tally.costs as Float64Array)[i] = (tally.costs[i] as number) + price;
    const label = state[this.#program.layout.instances[i]?.pc as number] as number;
    const dwell = tally.dwell[i] as Float64Array;
    const visits = tally.visits[i] as Float64Array;
    dwell[label] = (dwell[label] as number) + tally.cost - (this.#since[i] as number);
    visits[label] = (visits[label] as number) + 1;
    this.#since[i] = tally.cost;
    const counted = counters[code];
    if (counted !== null || returns[code]) this.#count(code, i, counted ?? []);
  }

  #count(code: number, i: number, counted: readonly (readonly [string, number])[]): void {
    const counting = this.#counting[i] as Map<string, number>;
    for (const [name, by] of counted) counting.set(name, (counting.get(name) ?? 0) + by);
    if (!this.#prepared.returns[code]) return;
    const leaf = this.#program.moves[code]?.move.step.meta.leaf ?? null;
    for (const [name, value] of counting) {
      this.tally.call(leaf, name, value);
      counting.set(name, 0);
    }
  }

  /** The last run as a trace. */
  trace(length: number): Trace {
    const choices = Array.from(this.path.subarray(0, length), (code): Choice => this.#program.moves[code] as Choice);
    return traceOf(this.#program.layout, choices);
  }
}

function parametersOf(options: SimulateOptions): Parameters {
  const { seed = 1, firstRun = 0, steps = 10_000, schedule = "fair", changes = 3, patience = 200 } = options;
  return {
    reproduce: { seed, run: firstRun, steps, schedule, changes, patience },
    costs: options.costs ?? DEFAULT_COSTS,
  };
}

/** Run a model. */
export function simulate(model: Model, options: SimulateOptions = {}): SimulationResult {
  const layout = layoutOf(validate(model));
  const program = compile(layout);
  const { reproduce, costs } = parametersOf(options);
  const runner = new Runner(program, costs);
  const violations = new Map<string, SimulatedViolation>();
  const began = Date.now();
  const seconds = () => (Date.now() - began) / 1000;
  let trace: Trace | null = null;
  let runs = 0;
  for (; runs < (options.runs ?? 1); runs++) {
    const run = reproduce.run + runs;
    const random = randomOf(reproduce.seed, run);
    const schedule =
      reproduce.schedule === "fair"
        ? fairSchedule(random, layout.instances.length)
        : prioritySchedule(random, layout.instances.length, reproduce);
    const end = runner.run(schedule, (n) => random.below(n), reproduce.steps);
    if (options.trace && runs === 0) trace = runner.trace(end.length);
    if (end.violated !== null && !violations.has(end.violated)) {
      violations.set(end.violated, {
        property: end.violated,
        trace: runner.trace(end.length),
        reproduce: { ...reproduce, run },
      });
    }
    if (
      options.onProgress?.({ runs: runs + 1, steps: runner.tally.steps, seconds: seconds() }) === false ||
      (options.first && violations.size > 0)
    ) {
      runs++;
      break;
    }
  }
  return {
    ...summary(program, runner.tally),
    runs,
    seconds: seconds(),
    violations: [...violations.values()],
    trace,
    reproduce,
  };
}

function summary(
  program: Program,
  tally: Tally,
): Pick<SimulationResult, "steps" | "ended" | "busy" | "counters" | "cost" | "costByInstance" | "dwell"> {
  const { layout } = program;
  const busy = program.busySites.flatMap(({ holder, ...site }, i) => {
    const count = program.busyCounts[i] as number;
    return count === 0 ? [] : [{ ...site, holder: holder === null ? null : (holder.leaf ?? holder.process), count }];
  });
  const counters = [...tally.histograms].map(([name, histogram]) => {
    const [leaf, counter] = JSON.parse(name) as [string | null, string];
    return { counter, leaf, histogram: Object.fromEntries([...histogram].sort(([a], [b]) => a - b)) };
  });
  const dwell = layout.instances.flatMap((instance, i) =>
    instance.type.labels.flatMap((label, l) => {
      const visits = tally.visits[i]?.[l] ?? 0;
      return visits === 0
        ? []
        : [{ instance: instance.display, label: label.name, cost: tally.dwell[i]?.[l] ?? 0, visits }];
    }),
  );
  const costByInstance = Object.fromEntries(
    layout.instances.map((instance, i) => [instance.display, tally.costs[i] as number]),
  );
  return { steps: tally.steps, ended: tally.ended, busy, counters, cost: tally.cost, costByInstance, dwell };
}

/** Add up the results of runs that were shared out, for instance among workers. Order them by first run, so that the sum is always the same. */
export function mergeSimulations(results: readonly [SimulationResult, ...SimulationResult[]]): SimulationResult {
  const sorted = [...results].sort((a, b) => a.reproduce.run - b.reproduce.run);
  const [first] = sorted as [SimulationResult];
  const sum = (of: (result: SimulationResult) => number) => sorted.reduce((total, result) => total + of(result), 0);
  const violations = new Map<string, SimulatedViolation>();
  for (const violation of sorted.flatMap((result) => result.violations))
    if (!violations.has(violation.property)) violations.set(violation.property, violation);
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
    busy: mergeBy(
      sorted.flatMap(({ busy }) => busy),
      ({ count, ...rest }) => rest,
      (a, b) => ({ ...a, count: a.count + b.count }),
    ),
    dwell: mergeBy(
      sorted.flatMap(({ dwell }) => dwell),
      ({ instance, label }) => ({ instance, label }),
      (a, b) => ({ ...a, cost: a.cost + b.cost, visits: a.visits + b.visits }),
    ),
    counters: mergeBy(
      sorted.flatMap(({ counters }) => counters),
      ({ counter, leaf }) => ({ counter, leaf }),
      (a, b) => ({ ...a, histogram: mergeHistograms(a.histogram, b.histogram) }),
    ),
  };
}

function mergeBy<T>(items: readonly T[], key: (item: T) => unknown, add: (a: T, b: T) => T): T[] {
  const merged = new Map<string, T>();
  for (const item of items) {
    const name = JSON.stringify(key(item));
    const known = merged.get(name);
    merged.set(name, known === undefined ? item : add(known, item));
  }
  return [...merged.values()];
}

function mergeHistograms(
  a: Readonly<Record<string, number>>,
  b: Readonly<Record<string, number>>,
): Record<string, number> {
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort((x, y) => Number(x) - Number(y));
  return Object.fromEntries(names.map((name) => [name, (a[name] ?? 0) + (b[name] ?? 0)]));
}
