/**
 * How much of what was read by hand the bundled profiles of kernels have: `npm run host-recall [-- KERNELS]`.
 *
 * Of each kernel that was read path by path (test/kernel/oracle): recall and precision by pairs of call and lock set, and in how much of
 * what was found phases, overruns and reactions agree; then each difference. With KERNELS, the folder of kernel trees
 * (scripts/get-kernels.sh), the trees are extracted instead. Ends with 1 when recall is below 0.98, agreement below 95 %, or something
 * came out that must not.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type HostProfile, parseHost } from "../src/host/index.ts";
import { extractHost } from "../src/kernel/index.ts";
import { compare, comparisonText } from "../test/kernel/oracle/compare.ts";
import { loadOracle, READ_KERNELS } from "../test/kernel/oracle/oracle.ts";

const RECALL = 0.98;
const AGREEMENT = 0.95;

const [kernels] = process.argv.slice(2);

function profileOf(kernel: string): HostProfile {
  if (kernels !== undefined) return extractHost(join(kernels, kernel)).profile;
  const file = join(import.meta.dirname, `../data/hosts/linux-${kernel}.yaml`);
  return parseHost(readFileSync(file, "utf8"), file).profile;
}

for (const kernel of READ_KERNELS) {
  const result = compare(loadOracle(kernel), profileOf(kernel));
  process.stdout.write(`${comparisonText(kernel, result)}\n`);
  const { phases, overruns, reaction } = result.agreeing;
  const least = Math.min(phases, overruns, reaction) / result.found;
  if (result.recall < RECALL || least < AGREEMENT || result.forbidden.length > 0) process.exitCode = 1;
}
