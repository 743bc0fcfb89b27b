import { findJsonFault, lineAndColumn } from "../../catalog/index.ts";
import {
  type CheckOptions,
  checkAsync,
  checkpoint,
  firstDifference,
  type Helpers,
  type ReductionReport,
  replay,
  resume,
  type Search,
  type TraceDifference,
  verifyReductionAsync,
} from "../../check/index.ts";
import { SeamlockError } from "../../errors.ts";
import { layoutOf, type Model, type Trace, traceOfDocument, validate } from "../../language/index.ts";
import { assumptions, renderTraceText, standings } from "../../report/index.ts";
import { thousands } from "../../text.ts";
import { checkDocument, traceDigest } from "../check-document.ts";
import { memoryBound, withHelpers, workersOption } from "../check-helpers.ts";
import { checkWritable, readBytes, readText, writeWhole } from "../files.ts";
import { EXIT, type ExitStatus, type Io, tellProgress } from "../io.ts";
import { jsonText } from "../json.ts";
import { buildWords, thisBuild } from "../made-by.ts";
import {
  type LoadedScenario,
  loadScenario,
  type ScenarioOptions,
  scenarioArguments,
  toldDoubts,
} from "../scenarios.ts";
import { defineVerb } from "../verb.ts";
import { checkText, exitOf } from "../verdict.ts";

interface Options extends ScenarioOptions {
  readonly time?: number;
  readonly memory?: number;
  readonly depth?: number;
  readonly states?: number;
  readonly first?: boolean;
  readonly reduction: boolean;
  readonly verifyReduction?: boolean;
  readonly workers?: number;
  readonly checkpoint?: string;
  readonly checkpointEvery: number;
  readonly resume?: string;
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
      .option("--memory <megabytes>", "stop when the states need more (default: what there is; 4096 at most)", positive)
      .option("--depth <steps>", "stop at this distance from the start", positive)
      .option("--states <n>", "stop after so many states", positive)
      .option("--first", "stop with the first violation: at the end of the level in which it was found")
      .addOption(workersOption())
      .option("--checkpoint <file>", "keep the search in this file, to be taken up again with --resume")
      .option("--checkpoint-every <seconds>", "how often the file is written", positive, 60)
      .option("--resume <file>", "go on from what --checkpoint wrote, with the same scenario and options")
      .option("--no-reduction", "explore the plain state space")
      .option("--verify-reduction", "explore both spaces and compare")
      .option("--replay <file>", "play the trace of a check@1 document on this scenario instead");
  },
  async run([name = ""], options, io) {
    const loaded = await loadScenario(name, options);
    toldDoubts(loaded, io);
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

function boundsOf({ time, memory, depth, states, first, reduction }: Options): CheckOptions {
  return {
    ...(time !== undefined && { time }),
    ...memoryBound(memory),
    ...(depth !== undefined && { depth }),
    ...(states !== undefined && { states }),
    ...(first && { first }),
    noReduction: !reduction,
  };
}

async function checked(loaded: LoadedScenario, options: Options, io: Io): Promise<ExitStatus> {
  io.handleInterrupt();
  let shown = 0;
  if (options.checkpoint !== undefined) checkWritable(options.checkpoint);
  const keep = keeper(options, io);
  const result = await withHelpers(options.workers, (helpers) =>
    checkAsync(loaded.model, {
      ...boundsOf(options),
      ...(helpers !== null && { helpers }),
      ...(options.resume !== undefined && { search: resumed(loaded.model, options.resume, options, helpers) }),
      signal: io.signal,
      onPause: keep,
      onProgress(progress) {
        if (!io.errIsTerminal || progress.seconds < shown + 1) return;
        shown = progress.seconds;
        const { states, statesPerSecond, frontier, depth } = progress;
        tellProgress(
          io,
          `\r${thousands(states)} states, ${thousands(Math.round(statesPerSecond))} a second, ${thousands(frontier)} waiting, depth ${depth}   `,
        );
      },
    }),
  );
  if (shown > 0) io.err("\n");
  const reproduce = `seamlock check ${loaded.reproduce}${options.reduction ? "" : " --no-reduction"}`;
  if (options.json) {
    const asked = { properties: standings(loaded, result), assumptions: assumptions(loaded) };
    io.out(jsonText({ ...checkDocument(loaded, result, reproduce), ...asked }));
  } else io.out(checkText(loaded, result, reproduce));
  return exitOf(loaded, result, io.signal.aborted);
}

/** Writes the checkpoint now and then, and when the search is over or stopped. A disk that is full meanwhile costs the checkpoint, not the search. */
function keeper({ checkpoint: file, checkpointEvery }: Options, io: Io): (search: Search) => void {
  let written = performance.now();
  const build = file === undefined ? "" : buildWords(thisBuild());
  return (search) => {
    if (file === undefined || (!search.done && performance.now() - written < checkpointEvery * 1000)) return;
    try {
      writeWhole(file, checkpoint(search, build));
    } catch (error) {
      if (!(error instanceof SeamlockError)) throw error;
      io.err(
        `warning[${error.code}]: ${error.message}; the search goes on, and the file stays as it was\n  --> ${file}\n`,
      );
    }
    written = performance.now();
  };
}

/** @throws SeamlockError SL4103 with the file as its place */
function resumed(model: Model, file: string, options: Options, helpers: Helpers | null): Search {
  const bytes = readBytes(file);
  try {
    const bounds = { ...boundsOf(options), ...(helpers !== null && { helpers }) };
    return resume(validate(model), bytes, bounds, buildWords(thisBuild()));
  } catch (error) {
    if (!(error instanceof SeamlockError)) throw error;
    throw new SeamlockError(error.code, error.message, {
      place: { file },
      ...(error.hint !== null && { hint: error.hint }),
      cause: error,
    });
  }
}

async function verified(loaded: LoadedScenario, options: Options, io: Io): Promise<ExitStatus> {
  io.handleInterrupt();
  const report = await verifyReductionAsync(loaded.model, { ...boundsOf(options), signal: io.signal });
  const { reduced, plain, expectedStates, differences, unexplored } = report;
  if (options.json)
    io.out(
      jsonText({
        ...checkDocument(loaded, reduced, `seamlock check ${loaded.reproduce} --verify-reduction`),
        plainStates: plain.states,
        expectedStates,
        differences,
        unexplored,
      }),
    );
  else io.out(comparison(report));
  if (io.signal.aborted) return EXIT.interrupted;
  if (unexplored !== null) return EXIT.inconclusive;
  return differences.length > 0 ? EXIT.finding : exitOf(loaded, reduced, false);
}

function comparison({ reduced, plain, differences, unexplored }: ReductionReport): string {
  const states = `${thousands(reduced.states)} states reduced, ${thousands(plain.states)} plain.`;
  if (unexplored !== null) return `${states}\nNothing can be said of the reductions: ${unexplored}.\n`;
  if (differences.length === 0) return `${states}\nThe reductions are right.\n`;
  return `${states}\nThe reductions are wrong:\n${differences.map((line) => `  ${line}\n`).join("")}`;
}

async function replayed(loaded: LoadedScenario, file: string, options: Options, io: Io): Promise<ExitStatus> {
  const { trace, parameters, digest } = await traceOf(file);
  const model = validate(loaded.model);
  layoutOf(model);
  // On its own scenario a trace must be a run, step by step; on another one it is played as far as it goes.
  if (JSON.stringify(parameters) === JSON.stringify(loaded.parameters))
    refuseOther(file, firstDifference(model, trace));
  if (digest !== null && digest !== traceDigest(parameters, trace)) throw changed(file, "its digest is another one");
  const played = replay(model, trace);
  if (options.json)
    io.out(jsonText({ schema: "seamlock/replay@1", ...played, trace: played.trace.steps, of: trace.steps.length }));
  else {
    const end =
      played.stuck === null
        ? "every step can be made"
        : `stuck after ${played.completed} of ${trace.steps.length} steps: ${played.stuck}`;
    io.out(
      `${renderTraceText(played.trace, loaded.catalog)}\n${end}\n${played.violated.map((name) => `violated: ${name}\n`).join("")}`,
    );
  }
  return played.violated.length > 0 ? EXIT.finding : EXIT.done;
}

/** @throws SeamlockError SL4215 when there is a difference */
function refuseOther(file: string, difference: TraceDifference | null): void {
  if (difference === null) return;
  const { step, field, found, expected } = difference;
  const where = step === null ? field : `trace[${step}].${field}`;
  throw changed(
    file,
    expected === undefined
      ? `${where} is ${JSON.stringify(found)}, which the model cannot do there`
      : `${where} is ${JSON.stringify(found)}, but the model's run has ${JSON.stringify(expected)} there`,
  );
}

function changed(file: string, how: string): SeamlockError {
  return new SeamlockError("SL4215", `the trace is not the run of its scenario: ${how}`, {
    place: { file },
    hint: "it was changed, or another version of seamlock wrote it: make it again with `seamlock check ... --json`",
  });
}

interface Recorded {
  readonly trace: Trace;
  /** What the trace is a run of, as its document says; null where it does not say. */
  readonly parameters: unknown;
  readonly digest: string | null;
}

async function traceOf(file: string): Promise<Recorded> {
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
  const { parameters = null, traceDigest: digest } = document as Record<string, unknown>;
  return { trace, parameters, digest: typeof digest === "string" ? digest : null };
}
