/**
 * What extraction takes, of the program that users get: `npm run bench:extract -- TREE [ROUNDS]`.
 *
 * Every round runs each command once, one after the other, so that a machine that slows down slows all of them. Medians are
 * compared with the targets, and with `node -e 0` of the same rounds. Memory is the peak that the kernel saw for the process.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";

const tree = process.argv[2] ?? (process.env["SEAMLOCK_TREES"] && join(process.env["SEAMLOCK_TREES"], "1.5.25"));
const rounds = Number(process.argv[3] ?? 9);
if (!tree || !existsSync(tree)) {
  console.error("usage: npm run bench:extract -- TREE [ROUNDS]; or set SEAMLOCK_TREES to a folder of trees by version");
  process.exit(2);
}

const cli = join(import.meta.dirname, "../dist/cli.js");
const home = mkdtempSync(join(tmpdir(), "seamlock-bench-"));
const coldHome = join(home, "cold");
const warmHome = join(home, "warm");
/** Reports the peak of the process itself, in kilobytes, as its last line on standard error. */
const REPORT_PEAK = `data:text/javascript,process.on("exit",()=>process.stderr.write("\\nPEAK "+process.resourceUsage().maxRSS))`;

interface Command {
  readonly name: string;
  readonly args: readonly string[];
  readonly cache: string;
  readonly target: number | null;
}

const extract = [cli, "extract", tree, "--json"];
const commands: readonly Command[] = [
  { name: "node -e 0", args: ["-e", "0"], cache: warmHome, target: null },
  { name: "extract, nothing cached", args: extract, cache: coldHome, target: 2000 },
  { name: "extract, nothing changed", args: extract, cache: warmHome, target: 300 },
];

function run({ args, cache }: Command): { readonly milliseconds: number; readonly megabytes: number } {
  rmSync(coldHome, { recursive: true, force: true });
  const start = performance.now();
  const { status, stderr } = spawnSync(process.execPath, ["--import", REPORT_PEAK, ...args], {
    env: { ...process.env, XDG_CACHE_HOME: cache },
    stdio: ["ignore", "ignore", "pipe"],
    encoding: "utf8",
  });
  const milliseconds = performance.now() - start;
  // 3: the tree has places that were not understood; the work was done all the same.
  if (status !== 0 && status !== 3) throw new Error(`exit status ${status}: ${stderr}`);
  return { milliseconds, megabytes: Number(/PEAK (\d+)$/.exec(stderr)?.[1]) / 1024 };
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] as number;
const verdict = (value: number, target: number) => `target ${target}  ${value <= target ? "ok" : "MISSED"}`;

try {
  const found = commands.map(() => [] as ReturnType<typeof run>[]);
  for (let round = -1; round < rounds; round++) {
    for (const [i, command] of commands.entries()) {
      const result = run(command);
      // The first round fills the file cache and the warm cache.
      if (round >= 0) found[i]?.push(result);
    }
  }
  console.log(
    `node ${process.version}, ${cpus().length} x ${cpus()[0]?.model}, ${rounds} alternating rounds, medians of ${tree}`,
  );
  const time = found.map((results) => median(results.map((r) => r.milliseconds)));
  const memory = found.map((results) => Math.max(...results.map((r) => r.megabytes)));
  for (const [i, { name, target }] of commands.entries()) {
    const ms = time[i] as number;
    console.log(
      `${name.padEnd(26)} ${ms.toFixed(0).padStart(6)} ms  x${(ms / (time[0] as number)).toFixed(1).padEnd(5)} ${target === null ? "" : verdict(ms, target)}`,
    );
  }
  for (const [i, { name, target }] of commands.entries())
    console.log(
      `${name.padEnd(26)} ${(memory[i] as number).toFixed(0).padStart(6)} MB at most  ${target === null ? "" : verdict(memory[i] as number, 400)}`,
    );
} finally {
  rmSync(home, { recursive: true, force: true });
}
