import { SeamlockError } from "../../errors.ts";
import {
  mergeSimulations,
  type ScheduleKind,
  type SimulateOptions,
  type SimulationResult,
  simulate,
} from "../../simulate/index.ts";
import { EXIT, type ExitStatus, type Io } from "../io.ts";
import { jsonText } from "../json.ts";
import { collect } from "../options.ts";
import { type LoadedScenario, loadScenario, type ScenarioOptions, scenarioArguments } from "../scenarios.ts";
import { defineVerb } from "../verb.ts";
import { simulateDocument, simulateText } from "../verdict.ts";

interface Options extends ScenarioOptions {
  readonly seed: number;
  readonly run: number;
  readonly runs: number;
  readonly steps: number;
  readonly schedule: ScheduleKind;
  readonly cost?: readonly string[];
  readonly trace?: boolean;
  readonly first?: boolean;
  readonly json?: boolean;
}

export const verb = defineVerb<Options>({
  examples: [
    ["simulate page-removal --policy fail-fast --seed 1", "a hundred runs; who was BUSY against whom, and how often"],
    ["simulate page-removal --policy retry-n --retries 3 --schedule priority", "an adversary chooses who runs"],
    ["simulate zero-step --runs 1 --trace", "one run, step by step"],
  ],
  configure(command) {
    scenarioArguments(command)
      .option("--seed <n>", "the same seed gives the same runs for good", whole, 1)
      .option("--run <n>", "number of the first run", whole, 0)
      .option("--runs <n>", "how many runs", whole, 100)
      .option("--steps <n>", "steps per run at most", whole, 10_000)
      .option("--schedule <kind>", "fair: any process is as likely; priority: an adversary", schedule, "fair")
      .option(
        "--cost <action=n>",
        "cost of steps with this action (acquire, release, effect, …; default 1); may be given again",
        collect,
      )
      .option("--trace", "show the first run")
      .option("--first", "stop at the first violation");
  },
  async run([name = ""], options, io) {
    const loaded = await loadScenario(name, options);
    const result = await simulated(loaded, options, io);
    const reproduce = `seamlock simulate ${loaded.reproduce} --seed ${options.seed} --run ${options.run} --runs ${options.runs} --steps ${options.steps} --schedule ${options.schedule}`;
    io.out(
      options.json ? jsonText(simulateDocument(loaded, result, reproduce)) : simulateText(loaded, result, reproduce),
    );
    return exitOf(result, io);
  },
});

function exitOf({ violations }: SimulationResult, io: Io): ExitStatus {
  if (io.signal.aborted) return EXIT.interrupted;
  return violations.length > 0 ? EXIT.finding : EXIT.done;
}

function whole(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new SeamlockError("SL0004", `\`${text}\` is not a whole number`, {
    hint: "`seamlock simulate --help` shows what it takes",
  });
}

function schedule(text: string): ScheduleKind {
  if (text === "fair" || text === "priority") return text;
  throw new SeamlockError("SL0004", `there is no schedule \`${text}\``, { hint: "there are fair and priority" });
}

function costsOf(words: readonly string[] = []): NonNullable<SimulateOptions["costs"]> {
  const byAction = Object.fromEntries(
    words.map((word) => {
      const [action = "", value = ""] = word.split("=");
      return [action, whole(value)];
    }),
  );
  return { byAction, otherwise: 1 };
}

/** Runs are made in pieces, so that Ctrl-C is heard between them and what there is gets printed. */
async function simulated(loaded: LoadedScenario, options: Options, io: Io): Promise<SimulationResult> {
  io.handleInterrupt();
  const parts: SimulationResult[] = [];
  const began = Date.now();
  // Pieces grow, since each compiles the model again.
  let piece = 16;
  for (let done = 0; done < options.runs && !io.signal.aborted; done += piece, piece *= 2) {
    const { seed, steps, first = false } = options;
    const runs = Math.min(piece, options.runs - done);
    parts.push(
      simulate(loaded.model, {
        seed,
        firstRun: options.run + done,
        runs,
        steps,
        schedule: options.schedule,
        first,
        trace: options.trace === true && done === 0,
        costs: costsOf(options.cost),
      }),
    );
    if (io.errIsTerminal && Date.now() - began > 1000) io.err(`\r${done + runs} of ${options.runs} runs   `);
    if (first && parts.at(-1)?.violations.length) break;
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  const [head, ...rest] = parts;
  if (head === undefined) return simulate(loaded.model, { seed: options.seed, runs: 0 });
  return { ...mergeSimulations([head, ...rest]), seconds: (Date.now() - began) / 1000 };
}
