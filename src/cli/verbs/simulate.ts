import { availableParallelism } from "node:os";
import { SeamlockError } from "../../errors.ts";
import { toMermaid, toPerfetto } from "../../export/index.ts";
import type { Model, Trace } from "../../language/index.ts";
import { busyStatus } from "../../report/index.ts";
import {
  type CostModel,
  LONGEST_TRACE,
  type RunOptions,
  type RunRange,
  type ScheduleKind,
  type SimulationResult,
  Simulator,
} from "../../simulate/index.ts";
import { didYouMean, shellWord, thousands } from "../../text.ts";
import { RECORD_FORMATS, type RecordFormat } from "../../trace/index.ts";
import { EXIT, type ExitStatus } from "../io.ts";
import { jsonText } from "../json.ts";
import { collect, outputOption, wholeNumber } from "../options.ts";
import { recordRuns } from "../record-runs.ts";
import {
  type LoadedScenario,
  loadScenario,
  type ScenarioOptions,
  scenarioArguments,
  toldDoubts,
} from "../scenarios.ts";
import { type Made, makeRuns } from "../simulate-runs.ts";
import { busyRows, type Shown, type Simulation, simulateDocument, simulateText } from "../simulation.ts";
import { defineVerb } from "../verb.ts";

const FORMATS = ["text", "json", "mermaid", "perfetto"] as const;

interface Options extends ScenarioOptions {
  readonly seed: number;
  readonly run: number;
  readonly runs: number;
  readonly steps: number;
  readonly schedule?: ScheduleKind;
  readonly workers?: number;
  readonly cost?: readonly string[];
  readonly show?: string;
  readonly trace?: boolean;
  readonly first?: boolean;
  readonly format: (typeof FORMATS)[number];
  readonly json?: boolean;
  readonly record?: RecordFormat;
  readonly lose: number;
  readonly culprits?: string;
  readonly output?: string;
}

const SCHEDULES =
  "fair: any process is as likely; priority: an adversary; timed: as on a machine, where guests run for long";

/** Seeds and run numbers are mixed as 32-bit numbers. */
const LARGEST_NUMBER = 2 ** 32 - 1;

export const verb = defineVerb<Options>({
  examples: [
    ["simulate page-removal --policy fail-fast --seed 1", "a hundred runs; who was BUSY against whom, and how"],
    ["simulate page-removal --policy retry-n --retries 3 --schedule priority", "an adversary chooses who runs"],
    ["simulate page-removal --policy kick-on-busy --runs 10000 --cost kick=50", "how long vCPUs are kept out"],
    ["simulate zero-step --runs 1 --trace", "one run, step by step"],
    ["simulate page-removal --show 1 --format perfetto", "the most frequent BUSY, for ui.perfetto.dev"],
    [
      "simulate page-removal --record bpftrace -o rec.txt",
      "what a host would have printed; --culprits tells who held what",
    ],
  ],
  configure(command) {
    scenarioArguments(command)
      .option("--seed <n>", "the same seed gives the same runs for good", wholeNumber(LARGEST_NUMBER), 1)
      .option("--run <n>", "number of the first run", wholeNumber(LARGEST_NUMBER), 0)
      .option("--runs <n>", "how many runs", wholeNumber(LARGEST_NUMBER, 1), 100)
      .option("--steps <n>", "steps per run at most", wholeNumber(), 10_000)
      .option("--schedule <kind>", SCHEDULES, schedule)
      .option(
        "--workers <n>",
        "threads; the result does not depend on how many (default: all processors)",
        wholeNumber(1024, 1),
      )
      .option(
        "--cost <what=n>",
        "cost of the steps of a leaf or an action (acquire, release, effect, kick, …; default 1); may be given again",
        collect,
      )
      .option("--first", "stop at the first violation")
      .option(
        "--show <what>",
        "traces: `violation`, a row of the BUSY table (`1`), `all` of them, `run` (the first as it went), `none` (default: the first violation, and a row of each resource)",
      )
      .option("--trace", "the same as --show run")
      .option("-f, --format <format>", "text, json, or one trace as mermaid or perfetto", format, "text")
      .option(
        "--record <form>",
        `write the runs as a host would have recorded them: ${RECORD_FORMATS.join(", ")}`,
        form,
      )
      .option("--lose <percent>", "with --record: so many of a hundred events are lost", wholeNumber(99), 0)
      .option("--culprits <file>", "with --record: write who really held what was busy")
      .addOption(outputOption("the recording"));
  },
  async run([name = ""], options, io) {
    refuseWithoutRecord(options);
    refuseWithRecord(options);
    const loaded = await loadScenario(name, options);
    const runOptions = runOptionsOf(options, costsOf(loaded.model, options.cost));
    if (options.record !== undefined) return recordRuns(loaded, runOptions, { ...options, record: options.record }, io);
    const simulator = new Simulator(loaded.model, runOptions);
    const wanted = { model: loaded.model, options: runOptions, firstRun: options.run, runs: options.runs };
    const made = await makeRuns(simulator, wanted, options.workers ?? availableParallelism(), io);
    io.out(output(simulationOf(simulator, loaded, made, options), options));
    const status = toldDoubts(loaded, io);
    return status === EXIT.done || made.interrupted ? exitOf(made) : status;
  },
});

function exitOf({ result, interrupted }: Made): ExitStatus {
  if (interrupted) return EXIT.interrupted;
  return result.violations.length > 0 ? EXIT.finding : EXIT.done;
}

function output(simulation: Simulation, options: Options): string {
  if (options.json || options.format === "json") return jsonText(simulateDocument(simulation));
  if (options.format === "text") return simulateText(simulation);
  const { catalog } = simulation.loaded;
  const [shown] = simulation.shown;
  if (shown === undefined) {
    if (simulation.made.interrupted) return "";
    throw nothingToShow(options.show ?? "run");
  }
  return options.format === "mermaid"
    ? toMermaid(shown.trace, (status) => busyStatus(catalog, status))
    : jsonText(toPerfetto(shown.trace));
}

function schedule(text: string): ScheduleKind {
  if (text === "fair" || text === "priority" || text === "timed") return text;
  throw new SeamlockError("SL0004", `there is no schedule \`${text}\``, {
    hint: didYouMean(text, ["fair", "priority", "timed"], "there are fair, priority and timed"),
  });
}

function form(text: string): RecordFormat {
  const found = RECORD_FORMATS.find((name) => name === text);
  if (found !== undefined) return found;
  throw new SeamlockError("SL0004", `there is no form \`${text}\` of a recording`, {
    hint: didYouMean(text, RECORD_FORMATS, `there are ${RECORD_FORMATS.join(", ")}`),
  });
}

function format(text: string): Options["format"] {
  const found = FORMATS.find((name) => name === text);
  if (found !== undefined) return found;
  throw new SeamlockError("SL0004", `there is no format \`${text}\``, {
    hint: didYouMean(text, FORMATS, `there are ${FORMATS.join(", ")}`),
  });
}

/** What only a recording has. */
function refuseWithoutRecord({ record, lose, culprits, output }: Options): void {
  if (record !== undefined) return;
  const given = { lose: lose === 0 ? undefined : lose, culprits, output };
  const name = (["lose", "culprits", "output"] as const).find((option) => given[option] !== undefined);
  if (name === undefined) return;
  throw new SeamlockError("SL0004", `--${name} is for --record, which is not given`, {
    hint: name === "output" ? "without --record, the result goes to standard output" : "give --record, too",
  });
}

/** What is of a result; a recording is the runs themselves, in a form of its own. */
function refuseWithRecord({ record, show, trace, first, json, format: form }: Options): void {
  if (record === undefined) return;
  const given = { show, trace, first, json, format: form === "text" ? undefined : form };
  const name = (["show", "trace", "first", "json", "format"] as const).find((option) => given[option] !== undefined);
  if (name === undefined) return;
  throw new SeamlockError("SL0004", `--${name} is for what is told of runs, and --record writes the runs themselves`, {
    hint: "leave one of the two out; `--record ndjson` writes JSON, a line an event",
  });
}

/** `tdh_mem_track=50`, `acquire=3`: leaves, in any spelling, and actions of the model's steps. */
function costsOf(model: Model, words: readonly string[] = []): CostModel {
  const metas = model.processes.flatMap(({ labels }) => labels.flatMap(({ steps }) => steps.map(({ meta }) => meta)));
  const leaves = new Set(metas.flatMap(({ leaf }) => leaf ?? []));
  const actions = new Set<string>(metas.flatMap(({ action }) => action ?? []));
  const leafNamed = (word: string) => word.toLowerCase().replaceAll(".", "_");
  const costs = words.map((word) => {
    const [, what, cost] = /^([^=]+)=(\d+)$/.exec(word) ?? [];
    if (what === undefined)
      throw new SeamlockError("SL0004", `--cost takes a leaf or an action and a whole number, not \`${word}\``, {
        hint: "for instance --cost tdh_mem_track=50 --cost acquire=3",
      });
    if (leaves.has(leafNamed(what))) return [leafNamed(what), Number(cost)] as const;
    if (actions.has(what)) return [what, Number(cost)] as const;
    const known = [...actions, ...leaves].sort();
    throw new SeamlockError("SL0004", `--cost: no step of the scenario is one of \`${what}\``, {
      hint: didYouMean(what, known, `there are ${known.join(", ")}`),
    });
  });
  const isLeaf = (what: string) => leaves.has(what);
  return {
    byLeaf: Object.fromEntries(costs.filter(([what]) => isLeaf(what))),
    byAction: Object.fromEntries(costs.filter(([what]) => !isLeaf(what))),
    otherwise: 1,
  };
}

/** A host keeps time. */
function scheduleOf({ schedule: kind, record }: Options): ScheduleKind {
  return kind ?? (record === undefined ? "fair" : "timed");
}

function runOptionsOf(options: Options, costs: CostModel): RunOptions {
  const { seed, steps, first = false } = options;
  return { seed, steps, schedule: scheduleOf(options), first, costs };
}

function simulationOf(simulator: Simulator, loaded: LoadedScenario, made: Made, options: Options): Simulation {
  const words = (run: number, runs: number, more: readonly string[]) =>
    [
      `seamlock simulate ${loaded.reproduce} --seed ${options.seed} --run ${run} --runs ${runs}`,
      `--steps ${made.cutAt ?? options.steps} --schedule ${scheduleOf(options)}`,
      ...(options.cost ?? []).map((cost) => `--cost ${shellWord(cost)}`),
      ...more,
    ].join(" ");
  const how = [
    ...(options.first ? ["--first"] : []),
    ...(options.show === undefined ? [] : [`--show ${shellWord(options.show)}`]),
    ...(options.trace ? ["--trace"] : []),
  ];
  const { result } = made;
  return {
    loaded,
    made,
    costs: costsOf(loaded.model, options.cost),
    shown: shownOf(simulator, made, options).map((shown) => ({
      ...shown,
      asked: options.show !== undefined || shown.asked,
    })),
    reproduce: words(options.run, result.runs, how),
    reproduceRun: (run) => words(run, 1, ["--trace"]),
  };
}

/** The traces that are asked for, in the order in which they are shown. */
function shownOf(simulator: Simulator, { result, interrupted }: Made, options: Options): Shown[] {
  const among = { first: options.run, count: result.runs };
  const rows = busyRows(result).map((busy, i) => ({ busy, row: i + 1 }));
  const violations = () => result.violations.slice(0, 1).flatMap((found) => shownViolation(simulator, found, among));
  const busy = (some: typeof rows) => some.flatMap((one) => shownBusy(simulator, one, among));
  const run = () => runShown(simulator, options.run);
  const what = options.trace && options.show === undefined ? "run" : options.show;
  const firstOfEach = rows.filter(
    ({ busy: { resource } }, i) => i === rows.findIndex((r) => r.busy.resource === resource),
  );
  switch (what) {
    case undefined:
      return isOneTrace(options)
        ? [violations, () => busy(rows.slice(0, 1)), run].reduce<Shown[]>(
            (found, make) => (found.length > 0 ? found : make()),
            [],
          )
        : [...violations(), ...busy(firstOfEach)];
    case "none":
      return [];
    case "run":
      return run();
    case "violation":
      return violations();
    case "all":
      return [...violations(), ...busy(rows)];
    default: {
      const found = rows.filter(({ row }) => String(row) === what);
      if (found.length === 0 && !interrupted) throw nothingToShow(what);
      return busy(found);
    }
  }
}

const isOneTrace = ({ format: form, json }: Options): boolean => !json && (form === "mermaid" || form === "perfetto");

const shownViolation = (
  simulator: Simulator,
  violation: SimulationResult["violations"][number],
  among: RunRange,
): Shown[] =>
  withTrace(simulator.violationTrace(violation, among), (trace) => ({
    kind: "violation",
    violation,
    trace,
    asked: false,
  }));

const shownBusy = (
  simulator: Simulator,
  { busy, row }: { readonly busy: SimulationResult["busy"][number]; readonly row: number },
  among: RunRange,
): Shown[] =>
  withTrace(simulator.busyTrace(busy, among), (trace) => ({ kind: "busy", busy, row, trace, asked: false }));

function withTrace(trace: Trace | null, shown: (trace: Trace) => Shown): Shown[] {
  return trace === null ? [] : [shown(trace)];
}

function runShown(simulator: Simulator, run: number): Shown[] {
  const trace = simulator.trace(run);
  if (trace !== null) return [{ kind: "run", run, trace, asked: true }];
  throw new SeamlockError("SL0004", `run ${run} has more than ${thousands(LONGEST_TRACE)} steps, too many to show`, {
    hint: `give --steps ${LONGEST_TRACE} or fewer`,
  });
}

function nothingToShow(what: string): SeamlockError {
  return new SeamlockError("SL0004", `there is nothing to show for \`${what}\``, {
    hint: "--show takes `violation`, a row of the BUSY table, `all`, `run` or `none`",
  });
}
