/**
 * What the second thread of an extraction and V8's later optimisation bring: `npm run bench:extract-ways -- TREE [ROUNDS]`.
 *
 * The built library extracts the tree with and without each, in processes of their own, one after the other in every round. What
 * brings neither time nor processor time is to go.
 */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const tree = process.argv[2] ?? (process.env["SEAMLOCK_TREES"] && join(process.env["SEAMLOCK_TREES"], "1.5.25"));
const rounds = Number(process.argv[3] ?? 5);
const DIST = join(import.meta.dirname, "../dist");
const WORKER = "extract-worker.js";
/** As src/module/threads.ts sets it. */
const LATER = "--interrupt-budget=2000000";

interface Took {
  readonly milliseconds: number;
  readonly processor: number;
}

function extraction(folder: string, flags: readonly string[], root: string): Took {
  const library = pathToFileURL(join(folder, "extract.js")).href;
  const code = `const { extractTree } = await import(${JSON.stringify(library)}); await extractTree({ tree: ${JSON.stringify(root)} });
    const { userCPUTime, systemCPUTime } = process.resourceUsage(); console.log((userCPUTime + systemCPUTime) / 1000)`;
  const start = performance.now();
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, "--input-type=module", "-e", code], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(stderr);
  return { milliseconds: performance.now() - start, processor: Number(stdout) };
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] as number;

function bench(root: string): void {
  const alone = mkdtempSync(join(tmpdir(), "seamlock-bench-"));
  try {
    // Without the built worker there is one thread.
    cpSync(DIST, alone, { recursive: true, filter: (path) => !path.endsWith(WORKER) });
    const ways = [
      { name: "one thread", folder: alone, flags: [] },
      { name: "one thread, later optimisation", folder: alone, flags: [LATER] },
      { name: "two threads", folder: DIST, flags: [] },
      { name: "two threads, later optimisation", folder: DIST, flags: [LATER] },
    ];
    const took = ways.map(() => [] as Took[]);
    for (let round = 0; round < rounds; round++)
      for (const [i, { folder, flags }] of ways.entries()) took[i]?.push(extraction(folder, flags, root));
    console.log(`node ${process.version}, ${cpus().length} x ${cpus()[0]?.model}, medians of ${rounds} rounds`);
    for (const [i, { name }] of ways.entries()) {
      const of = (what: keyof Took): string =>
        median((took[i] ?? []).map((one) => one[what]))
          .toFixed(0)
          .padStart(6);
      console.log(`${name.padEnd(32)} ${of("milliseconds")} ms  processor ${of("processor")} ms`);
    }
  } finally {
    rmSync(alone, { recursive: true, force: true });
  }
}

if (!tree || !existsSync(tree)) {
  console.error(
    "usage: npm run bench:extract-ways -- TREE [ROUNDS]; or set SEAMLOCK_TREES to a folder of trees by version",
  );
  process.exitCode = 2;
} else bench(tree);
