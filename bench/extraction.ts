/**
 * What an extraction takes, of the program that users get. Every round runs each command once, one after the other, so that a machine
 * that slows down slows all of them. Medians are compared with the targets, and with `node -e 0` of the same rounds. Memory is the
 * peak that the kernel saw for the process.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";

/** Reports the peak of the process itself, in kilobytes, and its processor time as its last line on standard error. */
const REPORT = `data:text/javascript,process.on("exit",()=>{const{maxRSS:m,userCPUTime:u,systemCPUTime:s}=process.resourceUsage();process.stderr.write("\\nPEAK "+m+" "+(u+s)/1000)})`;

/** What is measured. */
export interface Extraction {
  /** The program's arguments: a verb and the tree. */
  readonly args: readonly string[];
  readonly tree: string;
  /** Milliseconds when nothing is cached, and when nothing has changed. */
  readonly targets: { readonly cold: number; readonly unchanged: number };
  readonly rounds: number;
}

interface Result {
  readonly milliseconds: number;
  readonly processor: number;
  readonly megabytes: number;
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] as number;
const verdict = (value: number, target: number) => `target ${target}  ${value <= target ? "ok" : "MISSED"}`;

/** Measures, and prints what it found. */
export function benchExtraction({ args, tree, targets, rounds }: Extraction): void {
  const home = mkdtempSync(join(tmpdir(), "seamlock-bench-"));
  const coldHome = join(home, "cold");
  const warmHome = join(home, "warm");
  const verb = args.slice(0, -1).filter((word) => word !== tree);
  const extract = [join(import.meta.dirname, "../dist/cli.js"), ...args];
  const commands = [
    { name: "node -e 0", args: ["-e", "0"], cache: warmHome, target: null },
    { name: `${verb.join(" ")}, nothing cached`, args: extract, cache: coldHome, target: targets.cold },
    { name: `${verb.join(" ")}, unchanged`, args: extract, cache: warmHome, target: targets.unchanged },
  ];
  const run = ({ args: words, cache }: (typeof commands)[number]): Result => {
    rmSync(coldHome, { recursive: true, force: true });
    const start = performance.now();
    const { status, stderr } = spawnSync(process.execPath, ["--import", REPORT, ...words], {
      env: { ...process.env, XDG_CACHE_HOME: cache },
      stdio: ["ignore", "ignore", "pipe"],
      encoding: "utf8",
    });
    const milliseconds = performance.now() - start;
    // 3: the tree has places that were not understood; the work was done all the same.
    if (status !== 0 && status !== 3) throw new Error(`exit status ${status}: ${stderr}`);
    const [, peak, processor] = /PEAK (\d+) ([\d.]+)$/.exec(stderr) ?? [];
    return { milliseconds, processor: Number(processor), megabytes: Number(peak) / 1024 };
  };
  try {
    const found = commands.map(() => [] as Result[]);
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
    const of = (i: number, what: keyof Result): number[] => (found[i] as Result[]).map((result) => result[what]);
    for (const [i, { name, target }] of commands.entries()) {
      const ms = median(of(i, "milliseconds"));
      const ratio = median(of(i, "processor")) / median(of(0, "processor"));
      const judged = target === null ? "" : verdict(Math.round(ms), target);
      console.log(
        `${name.padEnd(28)} ${ms.toFixed(0).padStart(6)} ms  processor x${ratio.toFixed(1).padEnd(5)} ${judged}`,
      );
    }
    for (const [i, { name, target }] of commands.entries()) {
      const most = Math.max(...of(i, "megabytes"));
      const judged = target === null ? "" : verdict(Math.round(most), 400);
      console.log(`${name.padEnd(28)} ${most.toFixed(0).padStart(6)} MB at most  ${judged}`);
    }
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}
