/** What extraction of a hypervisor takes: `npm run bench:host -- TREE [ROUNDS]`. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { benchExtraction } from "./extraction.ts";

const tree = process.argv[2] ?? (process.env["SEAMLOCK_KERNELS"] && join(process.env["SEAMLOCK_KERNELS"], "7.3"));
if (!tree || !existsSync(tree)) {
  console.error("usage: npm run bench:host -- TREE [ROUNDS]; or set SEAMLOCK_KERNELS to a folder of trees by version");
  process.exit(2);
}
benchExtraction({
  args: ["host", "extract", tree, "--json"],
  tree,
  targets: { cold: 6000, unchanged: 400 },
  rounds: Number(process.argv[3] ?? 5),
});
