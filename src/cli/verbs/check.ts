import { findJsonFault, lineAndColumn } from "../../catalog/index.ts";
import { type CheckOptions, checkAsync, replay, verifyReduction } from "../../check/index.ts";
import { SeamlockError } from "../../errors.ts";
import { layoutOf, type Trace, traceOfDocument, validate } from "../../language/index.ts";
import { renderTraceText } from "../../report/index.ts";
import { withHelpers } from "../check-helpers.ts";
import { readText } from "../files.ts";
import { EXIT, type ExitStatus, type Io } from "../io.ts";
import { jsonText } from "../json.ts";
import { type LoadedScenario, loadScenario, type ScenarioOptions, scenarioArguments } from "../scenarios.ts";
import { defineVerb } from "../verb.ts";
import { checkDocument, checkText, exitOf } from "../verdict.ts";

interface Options extends ScenarioOptions {
  readonly time?: number;
  readonly memory?: number;
  readonly depth?: number;
  readonly states?: number;
  readonly first?: boolean;
  readonly reduction: boolean;
  readonly verifyReduction?: boolean;
  readonly workers?: number;
  readonly replay?: string;
  readonly json?: boolean;
}

export const verb = defineVerb<Options>({
  examples: [
    [
      "check page-removal --module 1.5.05 --policy kick-on-busy --vcpus 1",
      "does this way of handling BUSY always get through?",
    ],
    [
      "check page-removal --policy retry-n --retries 5 --vcpus 1",
      "the shortest way in which five more tries are not enough",
    ],
    [
      "check page-removal --policy kick-first --vcpus 1 --set removal.kick.waits=false",
      "what the kick protocol depends on",
    ],
    ["check lock/sharex-hp --hosts 1 --guests 2", "the lock itself, one atomic instruction at a time"],
  ],
  configure(command) {
    scenarioArguments(command)
      .option("--time <seconds>", "stop after so long", positive)
      .option("--memory <megabytes>", "stop when the states need more", positive)
      .option("--depth <steps>", "stop at this distance from the start", positive)
      .option("--states <n>", "stop after so many states", positive)
      .option("--first", "stop at the first violation")
      .option("--workers <n>", "explore with so many threads, at most 16; default 1", workers)
      .option("--no-reduction", "explore the plain state space")
      .option("--verify-reduction", "explore both spaces and compare")
      .option("--replay <file>", "play the trace of a check@1 document on this scenario instead");
  },
  async run([name = ""], options, io) {
    const loaded = await loadScenario(name, options);
    if (options.replay !== undefined) return replayed(loaded, options.replay, options, io);
    if (options.verifyReduction) return verified(loaded, options, io);
    return checked(loaded, options, io);
  },
});

function positive(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new SeamlockError("SL0004", `\`${text}\` is not a positive number`, {
    hint: "`seamlock check --help` shows what it takes",
  });
}

function workers(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= 16) return value;
  throw new SeamlockError("SL0004", `\`${text}\` is no number of workers`, {
    hint: "give a whole number from 1 to 16",
  });
}

function boundsOf({ time, memory, depth, states, first, reduction }: Options): CheckOptions {
  return {
    ...(time !== undefined && { time }),
    ...(memory !== undefined && { memory: memory * 1024 * 1024 }),
    ...(depth !== undefined && { depth }),
    ...(states !== undefined && { states }),
    ...(first && { first }),
    noReduction: !reduction,
  };
}

async function checked(loaded: LoadedScenario, options: Options, io: Io): Promise<ExitStatus> {
  io.handleInterrupt();
  let shown = 0;
  const result = await withHelpers((options.workers ?? 1) - 1, (helpers) =>
    checkAsync(loaded.model, {
      ...boundsOf(options),
      ...(helpers !== null && { helpers }),
      signal: io.signal,
      onProgress(progress) {
        if (!io.errIsTerminal || progress.seconds < shown + 1) return;
        shown = progress.seconds;
        const { states, statesPerSecond, frontier, depth } = progress;
        io.err(
          `\r${states.toLocaleString("en")} states, ${Math.round(statesPerSecond).toLocaleString("en")} a second, ${frontier.toLocaleString("en")} waiting, depth ${depth}   `,
        );
      },
    }),
  );
  if (shown > 0) io.err("\n");
  const reproduce = `seamlock check ${loaded.reproduce}${options.reduction ? "" : " --no-reduction"}`;
  io.out(options.json ? jsonText(checkDocument(loaded, result, reproduce)) : checkText(loaded, result, reproduce));
  return exitOf(result, io.signal.aborted);
}

function verified(loaded: LoadedScenario, options: Options, io: Io): ExitStatus {
  const report = verifyReduction(loaded.model, boundsOf(options));
  const { reduced, plain, expectedStates, differences } = report;
  if (options.json)
    io.out(
      jsonText({
        ...checkDocument(loaded, reduced, `seamlock check ${loaded.reproduce} --verify-reduction`),
        plainStates: plain.states,
        expectedStates,
        differences,
      }),
    );
  else {
    const verdict =
      differences.length === 0
        ? "The reductions are right."
        : `The reductions are wrong:\n${differences.map((line) => `  ${line}`).join("\n")}`;
    io.out(
      `${reduced.states.toLocaleString("en")} states reduced, ${plain.states.toLocaleString("en")} plain.\n${verdict}\n`,
    );
  }
  return differences.length > 0 ? EXIT.finding : exitOf(reduced, false);
}

async function replayed(loaded: LoadedScenario, file: string, options: Options, io: Io): Promise<ExitStatus> {
  const trace = await traceOf(file);
  const model = validate(loaded.model);
  layoutOf(model);
  const played = replay(model, trace);
  if (options.json)
    io.out(jsonText({ schema: "seamlock/replay@1", ...played, trace: played.trace.steps, of: trace.steps.length }));
  else {
    const end =
      played.stuck === null
        ? "every step can be made"
        : `stuck after ${played.completed} of ${trace.steps.length} steps: ${played.stuck}`;
    io.out(
      `${renderTraceText(played.trace)}\n${end}\n${played.violated.map((name) => `violated: ${name}\n`).join("")}`,
    );
  }
  return played.violated.length > 0 ? EXIT.finding : EXIT.done;
}

async function traceOf(file: string): Promise<Trace> {
  const text = await readText(file);
  const hint = "give a document that `seamlock check ... --json` wrote for a violated property";
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    const fault = findJsonFault(text);
    const place = fault === null ? { file } : { file, ...lineAndColumn(text, fault.offset) };
    throw new SeamlockError("SL4213", `not JSON: ${fault?.message ?? "nothing can be read"}`, { place, hint, cause });
  }
  const trace = traceOfDocument(document);
  if (trace === null) throw new SeamlockError("SL4213", "the document has no trace", { place: { file }, hint });
  return trace;
}
