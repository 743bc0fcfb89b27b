/**
 * Makes docs/verdicts.md and data/verdicts.json from the bundled matrices: `npm run verdicts`.
 *
 *   npx tsx scripts/make-verdicts.ts [--check] [FOLDER]
 *
 * `--check` compares and writes nothing; the exit status is 1 when one of the two is out of date.
 *
 * Results are kept in FOLDER (default: dist.verdicts) as `seamlock sweep` leaves them, so that it goes on where it stopped; what another
 * engine made (src/cli/engine.ts) is made again, and standard error says how many were taken up and made. From nothing
 * it takes some forty minutes of two cores, with a sweep on each, and up to 16 GB of memory. The size of each verdict stands in its matrix. What the page says is the
 * same on every machine: seconds are left out. The notes are docs/verdicts-notes.md, written by hand.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type Catalog, parseCatalog } from "../src/catalog/index.ts";
import { buildWords, type MadeBy, sameBuild, thisBuild } from "../src/cli/made-by.ts";
import { readResult, type SweepResult } from "../src/cli/sweep-results.ts";
import { releaseAssertion } from "../src/model/index.ts";
import { busyStatus, runLength, type Sweep } from "../src/report/index.ts";
import { verdictsText } from "./verdicts-data.ts";

const root = join(import.meta.dirname, "..");
const words = process.argv.slice(2);
const folder = words.find((word) => word !== "--check") ?? join(root, "dist.verdicts");

/** As it was before the first sweep. */
const build = thisBuild();

/** The matrices, those that take longest first. */
const MATRICES = [
  "progress",
  "large-pages",
  "page-removal",
  "kick-protocol",
  "hosts",
  "dynamic-pamt",
  "locks-by-version",
  "locks",
] as const;
type Matrix = (typeof MATRICES)[number];

/** What `sweep --json` prints, as far as it is read here. */
interface Swept extends Pick<Sweep, "results"> {
  readonly madeBy: MadeBy;
  readonly rows: readonly { readonly file: string }[];
}

/** Sweep a matrix in a process of its own; what this engine made already is not made again. */
async function sweep(matrix: string): Promise<readonly SweepResult[]> {
  const own = join(folder, matrix);
  // As built: the same engine, and faster than from source. One thread each: there is a sweep for each core.
  const program = join(root, "dist", "cli.js");
  const child = spawn(process.execPath, [program, "sweep", matrix, "-d", own, "--workers", "1", "--json"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  const said = await text(child.stdout);
  const [status] = await exited;
  // 1: something breaks, 3: something was not decided. Both are for the tables to say.
  if (![0, 1, 3].includes(status as number)) throw new Error(`the sweep of ${matrix} ended with ${status}`);
  const { rows, results, madeBy } = JSON.parse(said) as Swept;
  // Sources that change meanwhile are another engine, and the page is to be of one.
  if (!sameBuild(madeBy, build))
    throw new Error(`${matrix} was made by ${buildWords(madeBy)}, not ${buildWords(build)}: run this again`);
  const { takenUp, made, madeAgain } = results;
  process.stderr.write(
    `${matrix}: ${takenUp} taken up, ${made} made, ${madeAgain} made again that another build had made\n`,
  );
  // What an earlier sweep left there stays there.
  return rows.map(({ file }) => readResult(join(own, file)) as SweepResult);
}

/** All matrices, as many at once as there are cores. */
async function sweepAll(): Promise<Readonly<Record<Matrix, readonly SweepResult[]>>> {
  const found: Partial<Record<Matrix, readonly SweepResult[]>> = {};
  const waiting = [...MATRICES];
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) found[next] = await sweep(next);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, lane));
  return found as Record<Matrix, readonly SweepResult[]>;
}

const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

const catalogs = new Map<string, Catalog>();

/** The catalog of a bundled module. */
function catalogOf(version: string): Catalog {
  const file = join(root, "data", "modules", `${version}.json`);
  const catalog = catalogs.get(version) ?? parseCatalog(readFileSync(file, "utf8"), file);
  catalogs.set(version, catalog);
  return catalog;
}

/** What breaks, as verbs with the lengths of their runs, or that nothing does; any property but one is named beside the verdict. */
function verdict({ module, outcome, violations, states, vacuous }: SweepResult): string {
  const isCut = outcome.kind === "violated" && outcome.reason !== null;
  const size = `${isCut ? "ended at " : ""}${states.toLocaleString("en")} states`;
  // A property whose premise no run meets holds, and says nothing.
  if (outcome.kind === "holds") return `holds, ${size}${vacuous.length > 0 ? "; its premise is never met" : ""}`;
  if (outcome.kind === "inconclusive") return `inconclusive: ${outcome.reason}`;
  const shutsDown = module === null ? null : releaseAssertion(catalogOf(module));
  const verb = (property: string): string => (property === shutsDown ? "shuts the module down" : "breaks");
  const length = ({ steps, loop, shortest }: SweepResult["violations"][number]) =>
    `${shortest ? "" : "at most "}${runLength(steps, loop ?? null)}`;
  return `${violations.map((one) => `${verb(one.property)} in ${length(one)}`).join(", ")}, ${size}`;
}

/** The size at which a verdict was made, as its parameters have it. */
function sizeOf({ parameters }: SweepResult): string {
  const of = (name: string, unit: string): string[] => {
    const n = parameters[name];
    return n === undefined ? [] : [`${n} ${unit}${n === 1 ? "" : "s"}`];
  };
  return [...of("vcpus", "vCPU"), ...of("pages", "page")].join(", ");
}

/** Why some are smaller than their matrix's size; each reason once. */
function smaller(all: readonly SweepResult[]): string {
  const notes = [...new Set(all.flatMap(({ sizeNote }) => sizeNote ?? []))];
  return notes
    .map((note) => {
      const sizes = [...new Set(all.filter((one) => one.sizeNote === note).map(sizeOf))];
      return `${sizes.join("; ")}: ${note}.\n\n`;
    })
    .join("");
}

const column = ({ policy, setting }: SweepResult): string =>
  policy === "retry-n" ? `retry-n ${/retries=(\d+)/.exec(setting)?.[1]}` : String(policy);

/** One row a module, one column a policy. */
function byModule(all: readonly SweepResult[]): string {
  const policies = [...new Set(all.map(column))];
  const modules = [...new Set(all.map(({ module }) => String(module)))];
  const cell = (module: string, policy: string): string => {
    const found = all.find((result) => result.module === module && column(result) === policy);
    return found === undefined ? "not checked" : verdict(found);
  };
  return table(
    ["policy", ...modules],
    policies.map((policy) => [policy, ...modules.map((module) => cell(module, policy))]),
  );
}

/** Who is refused what in the scenario of a bundled module, the statuses by its names. */
function busy(result: SweepResult | undefined): string {
  if (result === undefined) throw new Error("a verdict of page-removal that the page shows is missing");
  const catalog = catalogOf(String(result.module));
  const rows = result.busy.map(({ leaf, process, resource, holders, unheld, status }) => [
    `\`${leaf ?? process}\``,
    `\`${resource}\``,
    [...holders.map((holder) => `\`${holder}\``), ...(unheld ? ["nobody in sight"] : [])].join(", "),
    status === null ? "" : `\`${busyStatus(catalog, status).replaceAll("|", "\\|")}\``,
  ]);
  return table(["call", "resource", "held by", "status"], rows);
}

/** What breaks first, and how much more does. */
function brokenIn({ violations: [first, ...more] }: SweepResult): string {
  if (first === undefined) return "";
  return more.length === 0 ? first.property : `${first.property} (and ${more.length} more)`;
}

const list = (all: readonly SweepResult[]): string =>
  smaller(all) +
  table(
    ["command", "size", "verdict", "property"],
    all.map((result) => [
      `\`${result.reproduce}\``,
      sizeOf(result),
      verdict({ ...result, violations: result.violations.slice(0, 1) }),
      brokenIn(result),
    ]),
  );

/** Each lock once for the modules whose promises are the same. */
function byVersion(all: readonly SweepResult[]): string {
  const broken = ({ violations }: SweepResult): string =>
    violations.map(({ property, steps }) => `${property} (${steps} steps)`).join("; ") || "nothing";
  const rows = new Map<string, string[]>();
  for (const result of all) {
    const key = JSON.stringify([`\`${result.scenario}\``, broken(result)]);
    rows.set(key, [...(rows.get(key) ?? []), String(result.module)]);
  }
  return table(
    ["lock", "modules", "what breaks"],
    [...rows].map(([key, modules]) => {
      const [lock, what] = JSON.parse(key) as [string, string];
      return [lock, modules.join(", "), what];
    }),
  );
}

const optionsOf = ([first]: readonly SweepResult[]): string =>
  ["vcpus", "pages"].map((name) => `--${name} ${first?.parameters[name]}`).join(" ");
const results = await sweepAll();
const sizesOf = (all: readonly SweepResult[]): string => [...new Set(all.map(sizeOf))].join("; ");

const removal = results["page-removal"];
const kick = results["kick-protocol"];
const locks = results["locks"];
const versions = results["locks-by-version"];
const progress = results["progress"];
const hosts = results["hosts"];
const large = results["large-pages"];
const pamt = results["dynamic-pamt"];
const of = (module: string) => removal.find((one) => one.policy === "fail-fast" && one.module === module);
const notes = readFileSync(join(root, "docs", "verdicts-notes.md"), "utf8");
const page = `# Verdicts

Made by \`npm run verdicts\` from the matrices in data/matrices; do not edit. Seconds are left out, since they differ from run to run; states are those of the reduced search.

A search that found a violation may end before everything was explored (\`ended at\`; \`--states\` in its command): what it says breaks does break, what else does may not have been found.

## Removal of pages: ${sizesOf(removal)}

Each verdict: \`seamlock check page-removal --module M --policy P ${optionsOf(removal)}\` (for \`retry-n\`, \`--retries N\`). \`breaks\`: a removal fails; \`shuts the module down\`: a guest releases a SEPT entry whose lock was wiped.

${byModule(removal)}

## Who can be BUSY, 1.5.05, fail-fast

${busy(of("1.5.05"))}

## Who can be BUSY, 1.5.25, fail-fast

${busy(of("1.5.25"))}

## The kick protocol, one part left out or changed at a time

${list(kick)}

## Who gets through in the end

A violation is a run that comes to a loop, none in fewer steps; how to read it stands below.

${list(progress)}

## Does a BUSY end the VM while the TD runs?

The host's own paths, two at a time, as its profile states them.

${list(hosts.filter(({ scenario }) => scenario === "td-build"))}

## What follows from a BUSY under a host

A guest that keeps meeting host priority is thrown out of its TD after HP_LOCK_TIMEOUT; what the host does then is a fact of its profile.

${list(hosts.filter(({ scenario }) => scenario === "page-fault-in"))}

Does TDH.MEM.TRACK, made as the host's profile says, ever return TDX_PREVIOUS_TLB_EPOCH_BUSY, which no host takes for a BUSY?

${list(hosts.filter(({ scenario }) => scenario === "page-removal"))}

## Pages of 2 MB

${list(large)}

## Dynamic PAMT

${list(pamt)}

## The locks of each version

A host and two guests on one lock, as each module's own tree has it: \`seamlock check LOCK --module M --hosts 1 --guests 2\` (sharex-hp: \`--set width=3\`). 2.0.18-read was read by hand: its two guests' functions look at host priority first, as those of 1.5.34 do, and how it writes entries is not known; \`check\` ends with exit status 3 on it.

${byVersion(versions)}

## The locks, one atomic instruction at a time

${list(locks)}

${notes.trimEnd()}
`;
const files = {
  [join(root, "docs", "verdicts.md")]: page,
  [join(root, "data", "verdicts.json")]: verdictsText({
    "page-removal": removal,
    "kick-protocol": kick,
    progress,
    hosts,
  }),
};
for (const [file, content] of Object.entries(files)) {
  if (!words.includes("--check")) writeFileSync(file, content);
  else if (readFileSync(file, "utf8") !== content) {
    process.stderr.write(`${file} is out of date; run npm run verdicts\n`);
    process.exitCode = 1;
  }
}
