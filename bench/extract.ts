/** What extraction of a module takes: `npm run bench:extract -- TREE [ROUNDS]`. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { benchExtraction } from "./extraction.ts";

const tree = process.argv[2] ?? (process.env["SEAMLOCK_TREES"] && join(process.env["SEAMLOCK_TREES"], "1.5.25"));
if (!tree || !existsSync(tree)) {
  console.error("usage: npm run bench:extract -- TREE [ROUNDS]; or set SEAMLOCK_TREES to a folder of trees by version");
  process.exit(2);
}
benchExtraction({
  args: ["extract", tree, "--json"],
  tree,
  targets: { cold: 2000, unchanged: 300 },
  rounds: Number(process.argv[3] ?? 9),
});
