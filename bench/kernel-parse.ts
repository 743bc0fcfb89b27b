/**
 * How much of a kernel's hypervisor the C reader understands: `tsx bench/kernel-parse.ts TREE… [--list]`.
 *
 * For each tree: functions in the folders of the rules, how many were read without losing a statement, and the processor time.
 * Exit status 1 when fewer than 99.5 % were.
 */
import { bundledKernelRules, readKernel } from "../src/kernel/index.ts";

const WANTED = 0.995;
const rules = bundledKernelRules();
const list = process.argv.includes("--list");
const used = () => (process.cpuUsage().user + process.cpuUsage().system) / 1000;

for (const tree of process.argv.slice(2).filter((word) => word !== "--list")) {
  const start = used();
  const program = readKernel(tree, rules);
  const functions = [...program.functions.values()]
    .flat()
    .filter((info) => rules.scope.folders.some((folder) => info.file.startsWith(`${folder}/`)));
  const lost = functions.filter((info) => program.ast(info)?.errors.length !== 0);
  const share = 1 - lost.length / functions.length;
  const percent = (share * 100).toFixed(2);
  console.log(`${tree}: ${functions.length} functions, ${percent} % read whole, ${Math.round(used() - start)} ms`);
  if (list) for (const { file: at, line, name } of lost) console.log(`  ${at}:${line} ${name}`);
  if (share < WANTED) process.exitCode = 1;
}
