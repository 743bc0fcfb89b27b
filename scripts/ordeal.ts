/**
 * What a week of hostile use would find, in one command: `npm run ordeal [-- PART...]`. Prints the figures of each part, and fails when one
 * has a fault.
 *
 * SEAMLOCK_TREES and SEAMLOCK_KERNELS name folders of module and kernel trees; what needs one says that it was left out. SECONDS is the
 * processor time of strange input for each reader (20), SEED the start of all that is random (1). All of it takes about half an hour on two
 * idle cores, an hour or more on busy ones, most of it kills and strange input.
 */
import { join } from "node:path";
import { damaged } from "./ordeal/damaged.ts";
import { seeded } from "./ordeal/faults.ts";
import { heaviest } from "./ordeal/heaviest.ts";
import { strangeInputs } from "./ordeal/inputs.ts";
import { killedChecks, killedSweeps } from "./ordeal/kills.ts";
import { mutatedTrees } from "./ordeal/mutations.ts";
import { type Part, worst } from "./ordeal/program.ts";
import { signalled } from "./ordeal/signals.ts";

const trees = process.env["SEAMLOCK_TREES"];
const kernels = process.env["SEAMLOCK_KERNELS"];
const seed = Number(process.env["SEED"] ?? 1);
const seconds = Number(process.env["SECONDS"] ?? 20);
const tree = trees && join(trees, "1.5.25");
const kernel = kernels && join(kernels, "7.3");

const PARTS: Readonly<Record<string, () => Promise<Part>>> = {
  damaged: () => damaged(seed),
  seeded,
  signals: () => signalled(tree, kernel),
  heaviest: () => heaviest(tree, kernel),
  mutations: () => mutatedTrees(trees, kernels),
  kills: () => killedChecks(100, seed),
  sweeps: () => killedSweeps(50, seed),
  inputs: () => strangeInputs(seconds, seed),
};

const wanted = process.argv.slice(2);
const begun = Date.now();
let failed = 0;
for (const name of wanted.length > 0 ? wanted : Object.keys(PARTS)) {
  const part = PARTS[name];
  if (part === undefined) throw new Error(`no part ${name}; there are ${Object.keys(PARTS).join(", ")}`);
  const { name: title, figures, faults } = await part();
  console.log(
    `${faults.length === 0 ? "pass" : "FAIL"}  ${title}\n${figures.map((line) => `      ${line}`).join("\n")}`,
  );
  for (const fault of faults) console.log(`   !  ${fault}`);
  failed += faults.length;
}
const { megabytes, seconds: time } = worst;
if (megabytes.most > 0)
  console.log(
    `most of any run: ${megabytes.most} MB (${megabytes.of}); ${time.most.toFixed(1)} s of processor time (${time.of})`,
  );
console.log(
  `${failed === 0 ? "no fault" : `${failed} faults`}, in ${Math.round((Date.now() - begun) / 60_000)} minutes`,
);
process.exitCode = failed === 0 ? 0 : 1;
