/** What is added up while runs are made. */
import type { Layout, StepMeta } from "../language/index.ts";
import type { CompiledModel } from "./compile.ts";
import type { CostModel } from "./options.ts";
import { type CounterHistogram, mergeBusy, type SimulationResult, type StretchCount } from "./result.ts";

/** A process type's counters and stretches, by number. */
interface Measures {
  readonly counters: readonly string[];
  readonly stretches: readonly string[];
  /** By stretch: the counters that are told of it. */
  readonly reports: readonly (readonly number[])[];
  /** By leaf: the counters that some step on its behalf adds to. */
  readonly byLeaf: ReadonlyMap<string | null, readonly number[]>;
}

/** A move's metadata as the inner loop needs it; null for most moves. */
interface Events {
  readonly counts: readonly (readonly [counter: number, by: number])[];
  /** Counters of the call that returns with this step. */
  readonly returns: readonly number[];
  readonly leaf: string | null;
  readonly begins: number;
  readonly ends: number;
  readonly as: string | null;
}

/** Sums of one stretch and ending. */
interface StretchTally {
  count: number;
  cost: number;
  longest: number;
  readonly durations: Map<number, number>;
  readonly counters: Map<string, Map<number, number>>;
}

const raise = (histogram: Map<number, number>, value: number) => histogram.set(value, (histogram.get(value) ?? 0) + 1);

function within<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}

/** The smallest power of two that is no less. */
const bucketOf = (cost: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, cost)));

function measuresOf(metas: readonly StepMeta[]): Measures {
  const reported = metas.flatMap(({ ends }) => ends?.reports ?? []);
  const counters = [...new Set([...reported, ...metas.flatMap(({ counters = {} }) => Object.keys(counters))])].sort();
  const names = metas.flatMap(({ begins, ends }) => [begins, ends?.stretch]);
  const stretches = [...new Set(names.filter((name) => name !== undefined))].sort();
  const reports = stretches.map((name) => {
    const told = metas.flatMap(({ ends }) => (ends?.stretch === name ? (ends.reports ?? []) : []));
    return [...new Set(told)].sort().map((counter) => counters.indexOf(counter));
  });
  const leaves = [...new Set(metas.map(({ leaf = null }) => leaf))];
  const byLeaf = leaves.map((leaf) => {
    const mine = metas.filter((meta) => (meta.leaf ?? null) === leaf);
    return [leaf, counters.flatMap((name, i) => (mine.some((meta) => meta.counters?.[name] !== undefined) ? [i] : []))];
  });
  return { counters, stretches, reports, byLeaf: new Map(byLeaf as [string | null, number[]][]) };
}

function eventsOf(meta: StepMeta, measures: Measures): Events | null {
  const leaf = meta.leaf ?? null;
  const counts = Object.entries(meta.counters ?? {}).map(
    ([name, by]) => [measures.counters.indexOf(name), by] as const,
  );
  const returns = meta.action === "return" ? (measures.byLeaf.get(leaf) ?? []) : [];
  const begins = meta.begins === undefined ? -1 : measures.stretches.indexOf(meta.begins);
  const ends = meta.ends === undefined ? -1 : measures.stretches.indexOf(meta.ends.stretch);
  if (counts.length === 0 && returns.length === 0 && begins < 0 && ends < 0) return null;
  return { counts, returns, leaf, begins, ends, as: meta.ends?.as ?? null };
}

function costOf(meta: StepMeta, { byLeaf = {}, byAction, otherwise }: CostModel): number {
  return meta.cost ?? byLeaf[meta.leaf ?? ""] ?? byAction[meta.action ?? ""] ?? otherwise;
}

/** Adds up steps; one for any number of runs of one program. */
export class Tally {
  runs = 0;
  steps = 0;
  ended = 0;
  cost = 0;
  readonly #program: CompiledModel;
  readonly #layout: Layout;
  readonly #price: Float64Array;
  readonly #events: readonly (Events | null)[];
  readonly #measures: readonly Measures[];
  readonly #pcs: Int32Array;
  readonly #costs: Float64Array;
  readonly #dwell: readonly Float64Array[];
  readonly #visits: readonly Float64Array[];
  readonly #since: Float64Array;
  /** By instance: what each counter has reached in the call that goes on. */
  readonly #calls: readonly Float64Array[];
  /** By instance and stretch: when it began, below zero while it does not run, and what each counter has reached in it. */
  readonly #began: readonly Float64Array[];
  readonly #reached: readonly (readonly Float64Array[])[];
  readonly #histograms = new Map<string, Map<number, number>>();
  readonly #stretches = new Map<string, StretchTally>();

  constructor(program: CompiledModel, costs: CostModel) {
    const { layout, moves } = program;
    this.#program = program;
    this.#layout = layout;
    const types = layout.movesAt.map((labels) => measuresOf(labels.flat().map(({ step }) => step.meta)));
    this.#measures = layout.instances.map(({ typeIndex }) => types[typeIndex] as Measures);
    this.#price = Float64Array.from(moves, ({ move }) => costOf(move.step.meta, costs));
    this.#events = moves.map(({ move }) => eventsOf(move.step.meta, types[move.typeIndex] as Measures));
    this.#pcs = Int32Array.from(layout.instances, ({ pc }) => pc);
    const labels = () => layout.instances.map(({ type }) => new Float64Array(type.labels.length));
    this.#costs = new Float64Array(layout.instances.length);
    this.#since = new Float64Array(layout.instances.length);
    this.#dwell = labels();
    this.#visits = labels();
    this.#calls = this.#measures.map(({ counters }) => new Float64Array(counters.length));
    this.#began = this.#measures.map(({ stretches }) => new Float64Array(stretches.length));
    this.#reached = this.#measures.map(({ counters, stretches }) =>
      stretches.map(() => new Float64Array(counters.length)),
    );
    program.busy.counts.fill(0);
    program.busy.steps.fill(Number.POSITIVE_INFINITY);
  }

  begin(run: number): void {
    this.runs++;
    this.#since.fill(this.cost);
    for (const calls of this.#calls) calls.fill(0);
    for (const began of this.#began) began.fill(-1);
    this.#program.busy.at[0] = run;
  }

  /** Instance `i` is about to make the move. */
  step(code: number, i: number, state: Int32Array, number: number): void {
    const price = this.#price[code] as number;
    this.steps++;
    const now = this.cost + price;
    this.cost = now;
    (this.#costs as Float64Array)[i] = (this.#costs[i] as number) + price;
    const label = state[this.#pcs[i] as number] as number;
    const dwell = this.#dwell[i] as Float64Array;
    const visits = this.#visits[i] as Float64Array;
    dwell[label] = (dwell[label] as number) + now - (this.#since[i] as number);
    visits[label] = (visits[label] as number) + 1;
    this.#since[i] = now;
    this.#program.busy.at[1] = number;
    const events = this.#events[code];
    if (events !== null && events !== undefined) this.#meet(events, i, now - price);
  }

  #meet(events: Events, i: number, before: number): void {
    const began = this.#began[i] as Float64Array;
    const reached = this.#reached[i] as readonly Float64Array[];
    if (events.begins >= 0 && (began[events.begins] as number) < 0) {
      began[events.begins] = before;
      reached[events.begins]?.fill(0);
    }
    const calls = this.#calls[i] as Float64Array;
    for (const [counter, by] of events.counts) {
      calls[counter] = (calls[counter] as number) + by;
      for (const values of reached) values[counter] = (values[counter] as number) + by;
    }
    for (const counter of events.returns) {
      const name = JSON.stringify([events.leaf, this.#measures[i]?.counters[counter]]);
      raise(
        within(this.#histograms, name, () => new Map()),
        calls[counter] as number,
      );
      calls[counter] = 0;
    }
    if (events.ends >= 0) this.#close(i, events.ends, events.as);
  }

  #close(i: number, stretch: number, as: string | null): void {
    const began = this.#began[i] as Float64Array;
    const from = began[stretch] as number;
    if (from < 0) return;
    began[stretch] = -1;
    const { counters, stretches, reports } = this.#measures[i] as Measures;
    const name = JSON.stringify([this.#layout.instances[i]?.type.name, stretches[stretch], as]);
    const tally = within(
      this.#stretches,
      name,
      (): StretchTally => ({ count: 0, cost: 0, longest: 0, durations: new Map(), counters: new Map() }),
    );
    const cost = this.cost - from;
    tally.count++;
    tally.cost += cost;
    tally.longest = Math.max(tally.longest, cost);
    raise(tally.durations, bucketOf(cost));
    for (const counter of reports[stretch] ?? []) {
      const histogram = within(tally.counters, counters[counter] as string, () => new Map());
      raise(histogram, this.#reached[i]?.[stretch]?.[counter] ?? 0);
    }
  }

  /** The run is over; what still goes on is cut off. */
  end(): void {
    this.#began.forEach((began, i) => {
      for (let stretch = 0; stretch < began.length; stretch++) this.#close(i, stretch, null);
    });
  }

  result(): Omit<SimulationResult, "seconds" | "violations" | "trace" | "reproduce"> {
    const { runs, steps, ended, cost } = this;
    return {
      runs,
      steps,
      ended,
      busy: this.#busy(),
      counters: this.#counters(),
      stretches: this.#stretchCounts(),
      cost,
      costByInstance: Object.fromEntries(
        this.#layout.instances.map(({ display }, i) => [display, this.#costs[i] as number]),
      ),
      dwell: this.#dwells(),
    };
  }

  #busy() {
    const { busySites, busy } = this.#program;
    const met = busySites.flatMap(({ holder, ...site }, i) => {
      const count = busy.counts[i] as number;
      if (count === 0) return [];
      const soonest = { run: busy.runs[i] as number, steps: busy.steps[i] as number };
      return [
        {
          ...site,
          holder: holder === null ? null : (holder.leaf ?? holder.process),
          holderProcess: holder?.process ?? null,
          count,
          soonest,
        },
      ];
    });
    return mergeBusy(met);
  }

  #counters(): CounterHistogram[] {
    return inOrder(this.#histograms).map(([name, histogram]) => {
      const [leaf, counter] = JSON.parse(name) as [string | null, string];
      return { counter, leaf, histogram: plain(histogram) };
    });
  }

  #stretchCounts(): StretchCount[] {
    return inOrder(this.#stretches).map(([name, { durations, counters, ...sums }]) => {
      const [process, stretch, as] = JSON.parse(name) as [string, string, string | null];
      const byCounter = Object.fromEntries([...counters].map(([counter, histogram]) => [counter, plain(histogram)]));
      return { process, stretch, as, ...sums, durations: plain(durations), counters: byCounter };
    });
  }

  #dwells() {
    const found = this.#layout.instances.flatMap((instance, i) =>
      instance.type.labels.flatMap((label, l) => {
        const visits = this.#visits[i]?.[l] ?? 0;
        if (visits === 0) return [];
        return [{ instance: instance.display, label: label.name, cost: this.#dwell[i]?.[l] ?? 0, visits }];
      }),
    );
    const key = ({ instance, label }: (typeof found)[number]) => JSON.stringify([instance, label]);
    return found.sort((a, b) => (key(a) < key(b) ? -1 : 1));
  }
}

const inOrder = <T>(map: ReadonlyMap<string, T>): [string, T][] => [...map].sort(([a], [b]) => (a < b ? -1 : 1));

const plain = (histogram: ReadonlyMap<number, number>): Record<string, number> =>
  Object.fromEntries([...histogram].sort(([a], [b]) => a - b));
