import { join } from "node:path";
import { type AsyncCheckOptions, type CheckOptions, type CheckResult, checkAsync } from "../../check/index.ts";
import { SeamlockError } from "../../errors.ts";
import type { Model } from "../../language/index.ts";
import { type Case, casesOf, parseMatrix, parseShard, type Shard, shardOf } from "../../model/index.ts";
import { renderSweepMarkdown, renderSweepText, type Sweep } from "../../report/index.ts";
import { checkDocument } from "../check-document.ts";
import { memoryBound, withHelpers, workersOption } from "../check-helpers.ts";
import { EXIT, type ExitStatus, type Io } from "../io.ts";
import { rendered } from "../json.ts";
import { type MadeBy, thisBuild } from "../made-by.ts";
import { matrixText } from "../matrices.ts";
import { bundledModules } from "../modules.ts";
import { type Format, formatOf, formatOption } from "../options.ts";
import { loadScenario } from "../scenarios.ts";
import {
  digestOf,
  type Filed,
  isOwn,
  prepareFolder,
  readFolders,
  readResult,
  resultName,
  type SweepResult,
  writeResult,
} from "../sweep-results.ts";
import { defineVerb } from "../verb.ts";

interface Options {
  readonly results?: string;
  readonly shard?: Shard;
  readonly time?: number;
  readonly memory?: number;
  readonly states?: number;
  readonly reduction: boolean;
  readonly workers?: number;
  readonly format: Format;
  readonly json?: boolean;
}

export const verb = defineVerb<Options>({
  examples: [
    ["sweep page-removal -d results", "every policy on every module version; run it again to go on where it stopped"],
    ["sweep page-removal -d part-2 --shard 2/5", "the second of five parts, on another machine"],
    ["sweep merge part-1 part-2 part-3 part-4 part-5 --format markdown", "the parts as one table"],
  ],
  configure(command) {
    command
      .argument("<matrix>", "bundled matrix, path of one, or `merge`")
      .argument("[folders...]", "for `merge`: the folders with the parts' results")
      .option(
        "-d, --results <folder>",
        "where results go, one file a check; those of this build that are there are not made again",
      )
      .option("--shard <i/n>", "only the i-th of n parts", parseShard)
      .option("--time <seconds>", "stop a check after so long", positive)
      .option("--memory <megabytes>", "stop a check when its states need more", positive)
      .option("--states <n>", "stop a check after so many states", positive)
      .addOption(workersOption())
      .option("--no-reduction", "explore plain state spaces")
      .addOption(formatOption());
  },
  async run(args, options, io) {
    const [name = "", folders] = args as unknown as [string | undefined, readonly string[] | undefined];
    if (name === "merge") return merged(folders ?? [], options, io);
    if ((folders ?? []).length > 0) throw usage(`\`${folders?.[0]}\` is one argument too many`);
    return swept(name, options, io);
  },
});

function usage(message: string): SeamlockError {
  return new SeamlockError("SL0004", message, { hint: "`seamlock sweep --help` shows what it takes" });
}

function positive(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw usage(`\`${text}\` is not a positive number`);
}

/** The matrix's own facts, which each result repeats. */
interface Whole {
  readonly name: string;
  readonly digest: string;
  readonly all: readonly Case[];
}

async function swept(name: string, options: Options, io: Io): Promise<ExitStatus> {
  const folder = options.results;
  if (folder === undefined) throw usage("--results is missing: the folder where results go");
  const { text, file } = await matrixText(name);
  const matrix = parseMatrix(text, file);
  const all = casesOf(matrix, bundledModules());
  const whole: Whole = { name: matrix.name, digest: digestOf(all), all };
  const mine = shardOf(all.length, options.shard ?? null);
  // A case that cannot be built is an error now, not after an hour.
  for (const i of mine) await loadCase(all[i] as Case);
  prepareFolder(folder);
  io.handleInterrupt();
  const done = await caseResults(whole, mine, { folder, options, io });
  const missing = mine.slice(done.length).map((i) => lineOf(all[i] as Case));
  const ways = { takenUp: 0, made: 0, madeAgain: 0 };
  for (const { way } of done) ways[way]++;
  const facts = { matrix: whole.name, cases: mine.length, missing, madeBy: thisBuild(), results: ways };
  return reported(facts, done, options, io);
}

/** What a sweep is made with. */
interface Making {
  readonly folder: string;
  readonly options: Options;
  readonly io: Io;
}

/** Those of the cases, one after the other; fewer when interrupted. */
async function caseResults(whole: Whole, mine: readonly number[], making: Making): Promise<readonly Made[]> {
  const { io } = making;
  const done: Made[] = [];
  const checked: Checked = new Map();
  for (const [n, i] of mine.entries()) {
    if (io.signal.aborted) break;
    const one = await caseResult(whole, i, making, checked);
    if (one === null) break;
    done.push(one);
    if (io.errIsTerminal) io.err(`${n + 1} of ${mine.length}: ${one.result.reproduce}: ${one.result.outcome.kind}\n`);
  }
  return done;
}

function boundsOf({ time, memory, states, reduction }: Options): CheckOptions {
  return {
    ...(time !== undefined && { time }),
    ...memoryBound(memory),
    ...(states !== undefined && { states }),
    noReduction: !reduction,
  };
}

const loadCase = ({ options: { scenario = "", ...options }, set }: Case) =>
  loadScenario(scenario, { ...options, ...(set.length > 0 && { set }) });

/** So many states make a check of a sweep large: to start threads, end them, and collect what they shared takes as long as a smaller one gains. */
const LARGE = 1_000_000;

/** With threads of its own: those that have helped one search keep its memory for as long as they run. */
const checkHelped = (model: Model, options: AsyncCheckOptions, workers: number | undefined): Promise<CheckResult> =>
  withHelpers(workers, (helpers) => checkAsync(model, { ...options, ...(helpers !== null && { helpers }) }), LARGE);

/** What was found in this sweep, by the model: many module versions differ in nothing that a scenario shows. */
type Checked = Map<string, CheckResult>;

/** How a result came into its folder: it was there; it was not; it was, made by another build. */
type Way = keyof Sweep["results"];

/** A result in its folder. */
interface Made extends Filed {
  readonly way: Way;
}

/** The result of this build that is there already, or a new one; null when interrupted. */
async function caseResult(
  whole: Whole,
  i: number,
  { folder, options, io }: Making,
  known: Checked,
): Promise<Made | null> {
  const one = whole.all[i] as Case;
  const loaded = await loadCase(one);
  const bounds = { ...boundsOf(options), ...(one.onceViolated !== undefined && { onceViolated: one.onceViolated }) };
  const digest = digestOf([bounds, loaded.model, loaded.doubts]);
  // The name shows only so much of the command, and many modules have the same model.
  const name = resultName(loaded.reproduce, digestOf([digest, loaded.parameters, loaded.reproduce]));
  const file = join(folder, name);
  const matrix = { name: whole.name, digest: whole.digest, cases: whole.all.length, case: i };
  const earlier = readResult(file);
  if (earlier !== null && isOwn(earlier)) {
    const result = { ...earlier, matrix, sizeNote: one.because ?? null };
    const isSame = JSON.stringify(result) === JSON.stringify(earlier);
    return { name, result: isSame ? earlier : writeResult(file, result), way: "takenUp" };
  }
  const checked =
    known.get(digest) ?? (await checkHelped(loaded.model, { ...bounds, signal: io.signal }, options.workers));
  if (io.signal.aborted) return null;
  known.set(digest, checked);
  const reproduce = `seamlock check ${loaded.reproduce}${options.reduction ? "" : " --no-reduction"}${boundWords(one, checked)}`;
  const result = writeResult(file, {
    ...checkDocument(loaded, checked, reproduce),
    schema: "seamlock/sweep-result@1",
    matrix,
    module: (loaded.parameters["module"] as string | undefined) ?? null,
    host: one.options.host ?? null,
    setting: settingOf(one),
    sizeNote: one.because ?? null,
    madeBy: thisBuild(),
  });
  return { name, result, way: earlier === null ? "made" : "madeAgain" };
}

/** A check that its own bound ended ends there again. */
const boundWords = ({ onceViolated }: Case, { states, frontier }: CheckResult): string =>
  onceViolated !== undefined && frontier > 0 && states > onceViolated ? ` --states ${onceViolated}` : "";

function settingOf({ options: { scenario, module, policy, ...rest }, set }: Case): string {
  return [...Object.entries(rest).map(([name, value]) => `${name}=${value}`), ...set].join(" ");
}

const lineOf = ({ options: { scenario, ...rest }, set }: Case): string =>
  [
    scenario,
    ...Object.entries(rest).map(([name, value]) => `--${name} ${value}`),
    ...set.map((s) => `--set ${s}`),
  ].join(" ");

function merged(folders: readonly string[], options: Options, io: Io): ExitStatus {
  if (folders.length === 0) throw usage("merge needs the folders to merge");
  const filed = readFolders(folders);
  const [first] = filed;
  if (first === undefined) {
    throw new SeamlockError("SL4306", `there is no result in ${folders.join(", ")}`, {
      hint: "give the folders that `seamlock sweep … --results` wrote",
    });
  }
  if (options.results !== undefined) {
    prepareFolder(options.results);
    for (const { name, result } of filed) writeResult(join(options.results, name), result);
  }
  const { name, cases } = first.result.matrix;
  const present = new Set(filed.map(({ result }) => result.matrix.case));
  const missing = Array.from({ length: cases }, (_, i) => i).filter((i) => !present.has(i));
  const facts = {
    matrix: name,
    cases,
    missing: missing.map((i) => `case ${i + 1} of ${cases}`),
    madeBy: first.result.madeBy as MadeBy,
    results: { takenUp: filed.length, made: 0, madeAgain: 0 },
  };
  return reported(facts, filed, options, io);
}

/** What a sweep or a merge is, beside its rows. */
type Facts = Omit<Sweep, "rows"> & { readonly madeBy: MadeBy };

function reported(facts: Facts, filed: readonly Filed[], options: Options, io: Io): ExitStatus {
  const { matrix, cases, missing, madeBy, results } = facts;
  const rows = filed.map(({ name, result }) => ({ file: name, ...summaryOf(result) }));
  const document = { schema: "seamlock/sweep@1" as const, matrix, cases, madeBy, results, rows, missing };
  io.out(
    rendered<typeof document & Sweep>(document, formatOf(options), {
      text: renderSweepText,
      markdown: renderSweepMarkdown,
    }),
  );
  if (io.signal.aborted) return EXIT.interrupted;
  const kinds = new Set(rows.map(({ outcome }) => outcome.kind));
  const doubted = rows.some(({ doubts }) => doubts.length > 0);
  if (missing.length > 0 || doubted || kinds.has("inconclusive")) return EXIT.inconclusive;
  return kinds.has("violated") ? EXIT.finding : EXIT.done;
}

function summaryOf(result: SweepResult) {
  const { scenario, module, host, policy, setting, parameters, outcome, doubts, trace } = result;
  const { states, transitions, depth, seconds, reductions, busy, vacuous, violations, reproduce } = result;
  return {
    scenario,
    module,
    host,
    policy,
    setting,
    parameters,
    outcome,
    doubts,
    steps: trace === null ? null : trace.length,
    states,
    transitions,
    depth,
    seconds,
    reductions,
    busy,
    vacuous,
    violations,
    reproduce,
  };
}
