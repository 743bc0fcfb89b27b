/**
 * Compares the checker with SPIN and TLC on every bundled scenario at small sizes: distinct states of the plain state space, and which
 * properties are violated. `npm run agree` prints a table, writes it to docs/agreement.md when both were there, and ends with 1 on a difference.
 *
 *   npm run agree -- [--only WORD]
 *
 * What a peer said about an export is kept in dist.agreement by a digest of the export, of the peer's program and of how it is asked (scripts/peers.ts),
 * so that a run which is started again makes only what has changed; remove the folder to make all of it.
 *
 * SEAMLOCK_TLC is TLC's class path (scripts/peers.ts). Without it, or without SPIN, that column says so and the page is not written.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { bundledModules } from "../src/cli/modules.ts";
import { loadScenario } from "../src/cli/scenarios.ts";
import { toPromela, toTla } from "../src/export/index.ts";
import { casesOf, parseMatrix } from "../src/model/index.ts";
import { keptAnswer } from "./kept.ts";
import { hasSpin, own, type Said, spin, spinIdentity, tlc, tlcClassPath, tlcIdentity } from "./peers.ts";

const root = join(import.meta.dirname, "..");
const file = join(root, "scripts", "agree.yaml");
const { values } = parseArgs({ options: { only: { type: "string" } } });
const withSpin = hasSpin();
const classPath = tlcClassPath();

const identities = {
  spin: withSpin ? spinIdentity() : "",
  tlc: classPath === null ? "" : tlcIdentity(classPath),
};

/** What a peer says about this export: kept from an earlier run, or asked for now. */
const once = (peer: keyof typeof identities, exported: unknown, ask: () => Promise<Said>): Promise<Said> =>
  keptAnswer(join(root, "dist.agreement"), peer, [exported, identities[peer]], ask);

const same = (a: Said, b: Said): boolean =>
  a.states === b.states && JSON.stringify(a.violated) === JSON.stringify(b.violated);

function cell(mine: Said, theirs: Said | null): string {
  if (theirs === null) return "not run";
  return same(mine, theirs) ? "same" : `DIFFERS: ${theirs.states} states; ${theirs.violated.join(", ") || "holds"}`;
}

async function compare(scenario: string, options: Parameters<typeof loadScenario>[1]): Promise<string[]> {
  const { model, reproduce } = await loadScenario(scenario, options);
  const mine = own(model);
  const theirs = [
    withSpin ? await once("spin", toPromela(model), () => spin(model, mine.states)) : null,
    classPath === null ? null : await once("tlc", toTla(model), () => tlc(model, classPath)),
  ];
  const verdict = mine.violated.length === 0 ? "holds" : mine.violated.join("; ");
  return [`\`${reproduce}\``, mine.states.toLocaleString("en"), verdict, ...theirs.map((said) => cell(mine, said))];
}

const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
const HEAD = ["seamlock check --no-reduction …", "states", "violated", "SPIN", "TLC"];

const rows: string[][] = [];
for (const { options, set } of casesOf(parseMatrix(readFileSync(file, "utf8"), file), bundledModules())) {
  const { scenario = "", ...rest } = options;
  const shown = [scenario, ...Object.values(rest), ...set].join(" ");
  if (values.only !== undefined && !shown.includes(values.only)) continue;
  const row = await compare(scenario, { ...rest, set });
  rows.push(row);
  process.stdout.write(`${line(row)}\n`);
}

const differ = rows.filter((row) => row.some((text) => text.startsWith("DIFFERS")));
process.stdout.write(`${rows.length} scenarios, ${differ.length} differ\n`);
if (!withSpin) process.stdout.write("SPIN or gcc is not installed: not run\n");
if (classPath === null) process.stdout.write("SEAMLOCK_TLC is not set: TLC not run\n");
if (rows.length === 0 || differ.length > 0) process.exitCode = 1;
else if (withSpin && classPath !== null && values.only === undefined) {
  const notes = readFileSync(join(root, "docs", "agreement-notes.md"), "utf8");
  const table = [HEAD, HEAD.map(() => "---"), ...rows].map(line).join("\n");
  writeFileSync(
    join(root, "docs", "agreement.md"),
    `# The checker, SPIN and TLC\n\nMade by \`npm run agree\` from scripts/agree.yaml and docs/agreement-notes.md; do not edit.\n\n${notes.trim()}\n\n## What was compared\n\n${table}\n`,
  );
}
