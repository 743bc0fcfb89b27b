/**
 * Changes a kernel in one place after the other and checks that the extraction changes exactly there.
 *
 *   npm run host-mutations -- KERNELS [--only WORD]… [--kind KIND] [--from NUMBER]
 *
 * KERNELS is the folder of kernel trees (scripts/get-kernels.sh); of the tree only what the rules name is copied. The changes and
 * what must become of each row are in scripts/host-mutations.yaml. Ends with 1 when one did something else.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { extractHost } from "../src/kernel/index.ts";
import { loadOracle } from "../test/kernel/oracle/oracle.ts";
import { mutated, withCopy } from "./host-mutations/copy.ts";
import { judge, newDiagnostics } from "./host-mutations/judge.ts";
import { loadMutations } from "./host-mutations/mutations.ts";

const { values, positionals } = parseArgs({
  options: {
    only: { type: "string", multiple: true },
    kind: { type: "string" },
    from: { type: "string", default: "1" },
  },
  allowPositionals: true,
});
const [kernels] = positionals;
if (kernels === undefined)
  throw new Error("usage: npm run host-mutations -- KERNELS [--only WORD] [--kind KIND] [--from NUMBER]");

const { kernel, mutations } = loadMutations();
const oracle = loadOracle(kernel);
withCopy(join(kernels, kernel), run);

function run(copy: string): void {
  const before = extractHost(copy).profile;
  let wrong = 0;
  let done = 0;
  for (const mutation of mutations.slice(Number(values.from) - 1)) {
    if (values.only?.some((word) => mutation.name.includes(word)) === false) continue;
    if (values.kind !== undefined && mutation.kind !== values.kind) continue;
    done++;
    const after = mutated(copy, mutation, () => extractHost(copy).profile);
    const faults = judge(mutation, before, after, oracle);
    const news = newDiagnostics(before, after);
    if (faults.length > 0) wrong++;
    process.stdout.write(`${faults.length === 0 ? "as expected" : "WRONG"}  ${mutation.kind}: ${mutation.name}\n`);
    for (const fault of faults) process.stdout.write(`    ${fault}\n`);
    for (const message of news) process.stdout.write(`    diagnostic: ${message}\n`);
  }
  process.stdout.write(`${done} mutations, ${wrong} not as expected\n`);
  if (done === 0 || wrong > 0) process.exitCode = 1;
}
