/** Seeded runs of any Model, with statistics. The same seed gives the same runs for good. */
import { type Choice, layoutOf, type Model, type Trace, traceOf, validate } from "../language/index.ts";
import { type BusySite, type CompiledModel, compile } from "./compile.ts";
import { DEFAULT_COSTS, type Reproduce, type RunOptions, reproduceOf } from "./options.ts";
import type { BusyCount, SimulatedViolation, SimulationResult } from "./result.ts";
import { Runner } from "./runner.ts";
import { type Ending, shrink } from "./shrink.ts";
import { checkSize } from "./size.ts";
import { Tally } from "./tally.ts";

/** A trace of more steps is not made: nobody could read it, and its description would fill the memory. */
export const LONGEST_TRACE = 100_000;

export interface SimulateOptions extends RunOptions {
  /** The first run's number and how many runs. */
  readonly firstRun?: number;
  readonly runs?: number;
  /** Keep the trace of the first run. */
  readonly trace?: boolean;
  readonly onProgress?: (progress: {
    readonly runs: number;
    readonly steps: number;
    readonly seconds: number;
  }) => boolean | undefined;
}

/** Follows runs as they are made. */
export interface RunsControl {
  /** Asked now and then with the steps made so far; true ends the run that goes on. */
  readonly stop?: (steps: number) => boolean;
  /** After each run, with the number of runs and steps so far; false: no more runs. */
  readonly onRun?: (runs: number, steps: number) => boolean | undefined;
}

/** Runs by number. */
export interface RunRange {
  readonly first: number;
  readonly count: number;
}

const NOBODY: RunRange = { first: 0, count: 0 };

/** A run, and when each of its steps was made: a unit is what a step inside a call takes, where the schedule keeps time, else one step. */
export interface TimedTrace {
  readonly trace: Trace;
  readonly times: readonly number[];
}

/** The first steps of a run. */
interface Prefix {
  readonly run: number;
  readonly steps: number;
}

/** How many runs are looked at for others that end in the same way, how many are tried, and how much later they may end so. */
const LOOKED_AT = 64;
const TRIED = 4;
const FARTHER = 4;

/** The sums of some runs; `stopped`: how many steps the last one, which is not among them, had made when it was told to stop. */
export interface Runs {
  readonly result: SimulationResult;
  readonly stopped: { readonly run: number; readonly steps: number } | null;
}

/** A model made ready to be run, any number of times. */
export class Simulator {
  readonly #program: CompiledModel;
  readonly #runner: Runner;
  readonly #options: RunOptions;
  readonly reproduce: Reproduce;

  /** @throws SeamlockError SL40xx when the model is none · SL5201 when it is too large */
  constructor(model: Model, options: RunOptions = {}) {
    checkSize(model);
    this.#program = compile(layoutOf(validate(model)));
    this.#runner = new Runner(this.#program);
    this.#options = options;
    this.reproduce = reproduceOf(options);
  }

  /** Makes the runs `first`, `first + 1`, …; traces are not made. */
  runs(first: number, count: number, control: RunsControl = {}): Runs {
    const began = Date.now();
    const tally = new Tally(this.#program, this.#options.costs ?? DEFAULT_COSTS);
    const violations = new Map<string, SimulatedViolation>();
    let stopped: Runs["stopped"] = null;
    for (let run = first; run < first + count; run++) {
      const reproduce = { ...this.reproduce, run };
      const made = tally.steps;
      const stop = control.stop === undefined ? {} : { stop: (n: number) => control.stop?.(made + n) ?? false };
      const end = this.#runner.run(reproduce, { tally, ...stop });
      if (end.stopped) {
        stopped = { run, steps: end.length };
        break;
      }
      if (end.violated !== null) {
        const { length: steps, violated: property } = end;
        const known = violations.get(property) ?? { property, runs: 0, steps, trace: null, reproduce };
        violations.set(property, { ...known, runs: known.runs + 1 });
      }
      const more = control.onRun?.(tally.runs, tally.steps);
      if (more === false || (this.#options.first && violations.size > 0)) break;
    }
    const result = {
      ...tally.result(),
      seconds: (Date.now() - began) / 1000,
      violations: [...violations.values()],
      trace: null,
      reproduce: { ...this.reproduce, run: first },
    };
    return { result, stopped };
  }

  /** A run as it went, or its first steps; null when it is longer than {@link LONGEST_TRACE}. */
  trace(run: number, steps = this.reproduce.steps): Trace | null {
    const codes = this.#codes(run, steps);
    return codes === null ? null : this.#described(codes);
  }

  /** A run as it went, with the time of each step by the schedule's clock; null when it is longer than {@link LONGEST_TRACE}. */
  timedTrace(run: number): TimedTrace | null {
    const times: number[] = [];
    const codes = this.#codes(run, this.reproduce.steps, (time) => times.push(time));
    return codes === null ? null : { trace: this.#described(codes), times: times.slice(0, codes.length) };
  }

  /** A short run that ends in the violation; null when the one found is longer than {@link LONGEST_TRACE}. */
  violationTrace({ property, steps, reproduce }: SimulatedViolation, among: RunRange = NOBODY): Trace | null {
    return this.#shrunk({ run: reproduce.run, steps }, { kind: "violation", property }, among);
  }

  /** A short run whose last step is this failed try-acquire; null when the one found is longer than {@link LONGEST_TRACE}. */
  busyTrace(busy: BusyCount, among: RunRange = NOBODY): Trace | null {
    const sites = this.#program.busySites.flatMap((site, i) => (isSite(site, busy) ? [i] : []));
    return this.#shrunk(busy.soonest, { kind: "busy", sites }, among);
  }

  /** What is left of a run when it is shrunk depends on the run, so a few are tried and the shortest is taken. */
  #shrunk(known: Prefix, ending: Ending, { first, count }: RunRange): Trace | null {
    const found = [known];
    for (let run = first; run < first + Math.min(count, LOOKED_AT) && found.length < TRIED; run++) {
      const steps = run === known.run ? null : this.#stepsUntil(run, ending, FARTHER * known.steps);
      if (steps !== null) found.push({ run, steps });
    }
    const shrunk = found.flatMap(({ run, steps }) => {
      const codes = this.#codes(run, steps);
      return codes === null ? [] : [shrink(this.#program, codes, ending)];
    });
    const [best] = shrunk.sort((a, b) => a.length - b.length);
    return best === undefined ? null : this.#described(best);
  }

  /** After how many steps a run ends so for the first time; null when it does not within `most`. */
  #stepsUntil(run: number, ending: Ending, most: number): number | null {
    const { busy } = this.#program;
    const reproduce = { ...this.reproduce, run, steps: Math.min(most, this.reproduce.steps) };
    busy.steps.fill(Number.POSITIVE_INFINITY);
    busy.at.fill(0);
    let made = 0;
    const record = () => {
      busy.at[1] = ++made;
    };
    const end = this.#runner.run(reproduce, { record });
    if (ending.kind === "violation") return end.violated === ending.property ? end.length : null;
    const steps = Math.min(...ending.sites.map((site) => busy.steps[site] as number));
    return Number.isFinite(steps) ? steps : null;
  }

  #codes(run: number, steps: number, at?: (time: number) => void): number[] | null {
    const codes: number[] = [];
    const stop = () => codes.length > LONGEST_TRACE;
    const record = (code: number, time: number) => {
      codes.push(code);
      at?.(time);
    };
    this.#runner.run({ ...this.reproduce, run }, { record, stop: (n) => n >= steps || stop() });
    return steps > LONGEST_TRACE && stop() ? null : codes.slice(0, steps);
  }

  #described(codes: readonly number[]): Trace {
    const choices = codes.map((code): Choice => this.#program.moves[code] as Choice);
    return traceOf(this.#program.layout, choices);
  }
}

function isSite({ holder, ...site }: BusySite, busy: BusyCount): boolean {
  return (
    site.process === busy.process &&
    site.leaf === busy.leaf &&
    site.resource === busy.resource &&
    site.status === busy.status &&
    (holder?.process ?? null) === busy.holderProcess &&
    (holder === null ? null : (holder.leaf ?? holder.process)) === busy.holder
  );
}

/**
 * Run a model.
 *
 * @throws SeamlockError SL40xx when the model is none · SL5201 when it is too large
 */
export function simulate(model: Model, options: SimulateOptions = {}): SimulationResult {
  const { firstRun = 0, runs = 1, trace = false, onProgress } = options;
  const simulator = new Simulator(model, options);
  const began = Date.now();
  const onRun = (made: number, steps: number) =>
    onProgress?.({ runs: made, steps, seconds: (Date.now() - began) / 1000 });
  const { result } = simulator.runs(firstRun, runs, { onRun });
  return {
    ...result,
    violations: result.violations.map((found) => ({
      ...found,
      trace: simulator.violationTrace(found, { first: firstRun, count: runs }),
    })),
    trace: trace && runs > 0 ? simulator.trace(firstRun) : null,
  };
}
