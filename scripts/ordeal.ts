/**
 * What a week of hostile use would find, in one command: `npm run ordeal [-- PART...]`. Prints figures, and fails on the first kind of fault.
 *
 * SEAMLOCK_TREES and SEAMLOCK_KERNELS name folders of module and kernel trees; parts that need one say that they were left out.
 */
import { join } from "node:path";
import { seeded } from "./ordeal/faults.ts";
import { killedChecks, killedSweeps } from "./ordeal/kills.ts";
import type { Part } from "./ordeal/program.ts";
import { signalled } from "./ordeal/signals.ts";

const trees = process.env["SEAMLOCK_TREES"];
const kernels = process.env["SEAMLOCK_KERNELS"];
const seed = Number(process.env["SEED"] ?? 1);

const PARTS: Readonly<Record<string, () => Promise<Part>>> = {
  signals: () => signalled(trees && join(trees, "1.5.25"), kernels && join(kernels, "7.3")),
  kills: () => killedChecks(100, seed),
  sweeps: () => killedSweeps(50, seed),
  seeded,
};

const wanted = process.argv.slice(2);
let failed = 0;
for (const name of wanted.length > 0 ? wanted : Object.keys(PARTS)) {
  const part = PARTS[name];
  if (part === undefined) throw new Error(`no part ${name}; there are ${Object.keys(PARTS).join(", ")}`);
  const { figures, faults } = await part();
  console.log(`${faults.length === 0 ? "pass" : "FAIL"}  ${name}: ${figures.join("; ")}`);
  for (const fault of faults) console.log(`      ${fault}`);
  failed += faults.length;
}
process.exitCode = failed === 0 ? 0 : 1;
