/** Sends every verb the signals of Ctrl-C and of a service manager while it works: it must end, soon, and say that it was ended. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { finished, type Part, progress, start, within } from "./program.ts";

/** More processor time than this after a signal is a fault, in seconds of a machine on which `seamlock --version` takes {@link EMPTY}. */
const MOST = 1;
const EMPTY = 0.075;
/** So long it may take by the clock, on a machine that is busy with other things. */
const PATIENCE = 30_000;
const MOMENTS = [0.1, 0.5, 0.9];

interface Work {
  readonly args: readonly string[];
  /** It ends when it is told to, and with that is done. */
  readonly isService?: boolean;
}

/** What a shell gives for a run that was interrupted, or ended by a service manager. */
const STOPPED = [130, 143];

/** Something to do for every verb, as much as it can take. */
async function works(tree: string | undefined, kernel: string | undefined, folder: string): Promise<Work[]> {
  const recording = join(folder, "recording");
  const recorded = ["simulate", "page-removal", "--policy", "fail-fast", "--runs", "20", "--record", "bpftrace"];
  writeFileSync(recording, (await finished(recorded)).out.repeat(20));
  const log = join(folder, "log");
  writeFileSync(
    log,
    Array.from(
      { length: 200_000 },
      (_, i) => `[ ${i}.0] SEAMCALL TDH_MEM_PAGE_REMOVE failed: 0x8000020000000092\n`,
    ).join(""),
  );
  return [
    { args: ["report"] },
    { args: ["report", "--format", "html", "-o", join(folder, "report.html")] },
    { args: ["contend", "--json"] },
    { args: ["diff", "1.5.05", "1.5.25", "--json"] },
    { args: ["explain", log] },
    { args: ["check", "page-removal", "--policy", "kick-on-busy", "--vcpus", "3", "--pages", "2"] },
    {
      args: ["check", "page-removal", "--policy", "kick-on-busy", "--vcpus", "2", "--pages", "2", "--verify-reduction"],
    },
    { args: ["simulate", "page-removal", "--runs", "100000"] },
    { args: ["sweep", "page-removal", "-d", join(folder, "sweep")] },
    { args: ["export", "td-build", "--to", "tla"] },
    { args: ["explore", "--port", "0"], isService: true },
    { args: ["catalog", "--json"] },
    { args: ["trace", recording] },
    { args: ["record", "--host", "linux-7.3"] },
    { args: ["host", "lint", "linux-7.3"] },
    { args: ["host", "show", "linux-7.3"] },
    ...["modules", "leaves", "resources", "scenarios", "policies"].map((verb) => ({ args: [verb] })),
    { args: ["completion", "bash"] },
    { args: ["help", "check"] },
    ...(tree === undefined ? [] : [{ args: ["extract", tree, "--no-cache"] }]),
    ...(kernel === undefined ? [] : [{ args: ["host", "extract", kernel, "--no-cache"] }]),
  ];
}

export async function signalled(tree: string | undefined, kernel: string | undefined): Promise<Part> {
  const folder = mkdtempSync(join(tmpdir(), "seamlock-signals-"));
  const faults: string[] = [];
  let sent = 0;
  let worst = { seconds: 0, what: "" };
  try {
    const most = MOST * Math.max(1, (await emptyRun()) / EMPTY);
    for (const { args, isService } of await works(tree, kernel, folder)) {
      progress(`signals: ${args.join(" ")}`);
      const { span, status: whole } = await undisturbed(args);
      for (const signal of ["SIGINT", "SIGTERM"] as const) {
        for (const moment of MOMENTS) {
          const running = start(args);
          if (await within(moment * span, running.ended)) continue;
          const before = processorTime(running.child.pid);
          running.child.kill(signal);
          sent++;
          const isOver = await within(PATIENCE, running.ended);
          if (!isOver) running.child.kill("SIGKILL");
          const { used, status } = await running.ended;
          // At the very end it may be too late for a signal; what is not done must not look as if it were.
          const isHonest = status === null || STOPPED.includes(status) || status === (isService ? 0 : whole);
          if (!isHonest) faults.push(`${args.join(" ")}: status ${status} after ${signal}`);
          // What a signal ends at once says nothing of what it took.
          const seconds = isOver ? Math.max(0, (used?.seconds ?? before) - before) : PATIENCE / 1000;
          if (seconds > worst.seconds) worst = { seconds, what: args.join(" ") };
          if (seconds > most)
            faults.push(
              `${args.join(" ")}: ${seconds.toFixed(1)} s of processor time after ${signal}, not ${most.toFixed(1)}`,
            );
        }
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return {
    name: "signals",
    figures: [
      `${sent} sent, to every verb; the slowest end took ${worst.seconds.toFixed(1)} s of processor time (${worst.what})`,
    ],
    faults,
  };
}

/** Processor time of a run that does next to nothing, in seconds: the least of three. */
async function emptyRun(): Promise<number> {
  const runs: number[] = [];
  for (let i = 0; i < 3; i++) runs.push((await finished(["--version"])).used?.seconds ?? Number.POSITIVE_INFINITY);
  return Math.min(...runs);
}

/** What a running process has taken so far, in seconds; where the system does not tell, more than it can have. */
function processorTime(pid: number | undefined): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** How long the work takes, in milliseconds, up to a limit; and how it ends, null where it takes longer. */
async function undisturbed(args: readonly string[]): Promise<{ span: number; status: number | null }> {
  const running = start(args);
  const before = performance.now();
  const isDone = await within(4000, running.ended);
  running.child.kill("SIGKILL");
  const { status } = await running.ended;
  return { span: performance.now() - before, status: isDone ? status : null };
}
