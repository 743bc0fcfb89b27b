/**
 * Changes of source trees that must be seen: of the small module of the tests, each with all that it may change; of the lock primitives
 * of real modules; of a real kernel, each with what must become of its rows. None may be missed.
 */
import { spawn } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Part, progress } from "./program.ts";

const ROOT = join(import.meta.dirname, "../..");
/** Changes of the fixture, each with everything that it changes in the catalog. */
const FIXTURE_TESTS = ["test/module/mutations.test.ts", "test/module/silence.test.ts", "test/module/held.test.ts"];
/** Releases whose primitives differ: without host priority, the first with it, the newest. */
const MODULES = ["1.0.03", "1.5.05", "1.5.25"];
/** As many changes of the kernel as take some minutes; `npm run host-mutations` makes all. */
const KERNEL_KINDS = ["mode", "gate"];

/** What one campaign says: its text, and its changes and those that were missed. */
interface Campaign {
  readonly what: string;
  readonly changes: number;
  readonly missed: number;
  readonly lines: readonly string[];
}

function output(command: string, args: readonly string[]): Promise<string> {
  const child = spawn(command, args, { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.on("data", (chunk) => (text += chunk));
  return new Promise((resolve) => child.on("close", () => resolve(text)));
}

/** A campaign of a script whose last line tells both numbers. */
async function scripted(what: string, script: string, args: readonly string[]): Promise<Campaign> {
  const text = await output("npx", ["tsx", script, ...args]);
  const [, changes, missed] = /(\d+) (?:changes|mutations), (\d+) (?:unseen|not as expected)\s*$/.exec(text) ?? [];
  if (changes === undefined) return { what, changes: 0, missed: 1, lines: [`${what}: ended without figures`] };
  const lines = text.split("\n").filter((line) => /^(unseen|WRONG)/.test(line));
  return { what, changes: Number(changes), missed: Number(missed), lines };
}

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly { readonly assertionResults: readonly { status: string; fullName: string }[] }[];
}

/** Each test is one change, or a few of one kind. */
async function ofTheFixture(): Promise<Campaign> {
  const what = "the small module";
  const file = join(tmpdir(), `seamlock-ordeal-${process.pid}.json`);
  await output("npx", ["vitest", "run", "--maxWorkers=1", "--reporter=json", `--outputFile=${file}`, ...FIXTURE_TESTS]);
  const report = JSON.parse(readFileSync(file, "utf8")) as Report;
  rmSync(file, { force: true });
  const failed = report.testResults.flatMap(({ assertionResults }) =>
    assertionResults.filter(({ status }) => status === "failed").map(({ fullName }) => fullName),
  );
  return {
    what,
    changes: report.numPassedTests + report.numFailedTests,
    missed: report.numFailedTests,
    lines: failed,
  };
}

/**
 * @param trees folder of module trees; null when there is none
 * @param kernels folder of kernel trees; null when there is none
 */
export async function mutatedTrees(trees: string | undefined, kernels: string | undefined): Promise<Part> {
  const campaigns: Campaign[] = [];
  const run = async (made: Promise<Campaign>): Promise<void> => {
    const campaign = await made;
    progress(`mutations of ${campaign.what}: ${campaign.changes}, ${campaign.missed} missed`);
    campaigns.push(campaign);
  };
  await run(ofTheFixture());
  for (const version of trees === undefined ? [] : MODULES)
    await run(
      scripted(`the primitives of ${version}`, "scripts/mutate-primitives.ts", [join(trees as string, version)]),
    );
  if (kernels !== undefined)
    for (const kind of KERNEL_KINDS)
      await run(scripted(`a kernel (${kind})`, "scripts/host-mutations.ts", [kernels, "--kind", kind]));
  const left = [...(trees === undefined ? ["no module trees"] : []), ...(kernels === undefined ? ["no kernels"] : [])];
  return {
    name: "mutations of trees",
    figures: [
      ...campaigns.map(({ what, changes, missed }) => `${what}: ${changes - missed} seen, ${missed} missed`),
      ...left.map((text) => `${text}, left out`),
    ],
    faults: campaigns.flatMap(({ what, missed, lines }) =>
      missed === 0 ? [] : [`${what}: ${missed} missed`, ...lines],
    ),
  };
}
