/**
 * Changes a kernel in one place after the other and checks that the extraction changes exactly there.
 *
 *   npm run host-mutations -- KERNELS [--only WORD] [--kind KIND]
 *
 * KERNELS is the folder of kernel trees (scripts/get-kernels.sh); of the tree only what the rules name is copied. The changes and
 * what must become of each row are in scripts/host-mutations.yaml. Ends with 1 when one did something else.
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { bundledKernelRules, extractHost } from "../src/kernel/index.ts";
import { loadOracle } from "../test/kernel/oracle/oracle.ts";
import { judge, newDiagnostics } from "./host-mutations/judge.ts";
import { applyEdit, loadMutations, type Mutation } from "./host-mutations/mutations.ts";

const { values, positionals } = parseArgs({
  options: { only: { type: "string" }, kind: { type: "string" } },
  allowPositionals: true,
});
const [kernels] = positionals;
if (kernels === undefined) throw new Error("usage: npm run host-mutations -- KERNELS [--only WORD] [--kind KIND]");

const { kernel, mutations } = loadMutations();
const oracle = loadOracle(kernel);
const tree = join(kernels, kernel);
const copy = mkdtempSync(join(tmpdir(), "seamlock-mutations-"));
try {
  const { scope } = bundledKernelRules();
  for (const path of [...scope.folders, ...scope.files, "Makefile"])
    if (existsSync(join(tree, path))) {
      mkdirSync(dirname(join(copy, path)), { recursive: true });
      cpSync(join(tree, path), join(copy, path), { recursive: true });
    }
  run();
} finally {
  rmSync(copy, { recursive: true, force: true });
}

function run(): void {
  const before = extractHost(copy).profile;
  let wrong = 0;
  let done = 0;
  for (const mutation of mutations) {
    if (values.only !== undefined && !mutation.name.includes(values.only)) continue;
    if (values.kind !== undefined && mutation.kind !== values.kind) continue;
    done++;
    const after = mutated(mutation, () => extractHost(copy).profile);
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

/** Does something while the copy is mutated. */
function mutated<T>({ name, edits }: Mutation, action: () => T): T {
  const kept = new Map<string, string>();
  try {
    for (const edit of edits) {
      const path = join(copy, edit.file);
      const source = readFileSync(path, "utf8");
      if (!kept.has(path)) kept.set(path, source);
      try {
        writeFileSync(path, applyEdit(source, edit));
      } catch (error) {
        throw new Error(`${name}: ${edit.file}: ${edit.in}: ${(error as Error).message}`);
      }
    }
    return action();
  } finally {
    for (const [path, source] of kept) writeFileSync(path, source);
  }
}
