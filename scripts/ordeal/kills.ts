/**
 * Kills checks and sweeps at random moments with a signal that cannot be handled, takes them up again, and compares what they say in the
 * end with what an undisturbed run says.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Ended, finished, type Part, progress, random, sleep, start } from "./program.ts";

/** Checks with a long search, with traces to be shortened, and with liveness to be decided. */
const CHECKS: readonly (readonly string[])[] = [
  ["page-removal", "--policy", "kick-on-busy", "--vcpus", "1", "--pages", "2"],
  ["page-removal", "--policy", "retry-n", "--vcpus", "2", "--pages", "1"],
  ["page-removal", "--policy", "retry-forever", "--vcpus", "1", "--pages", "1", "--set", "progress=true"],
  ["lock/sharex-hp", "--hosts", "2", "--guests", "2"],
];

/** A verdict without what a clock says. */
function verdictOf({ out }: Ended): string {
  const { seconds: _, ...rest } = JSON.parse(out) as Record<string, unknown>;
  return JSON.stringify(rest);
}

/** Kills `rounds` checks, each up to three times, and resumes them. */
export async function killedChecks(rounds: number, seed: number): Promise<Part> {
  const next = random(seed);
  const faults: string[] = [];
  let kills = 0;
  let resumed = 0;
  const folder = mkdtempSync(join(tmpdir(), "seamlock-kills-"));
  const whole = new Map<number, { verdict: string; milliseconds: number }>();
  try {
    for (let round = 0; round < rounds; round++) {
      const which = round % CHECKS.length;
      if (round % 10 === 0) progress(`killed checks: ${round} of ${rounds}`);
      const args = ["check", ...(CHECKS[which] as readonly string[]), "--json"];
      if (!whole.has(which)) {
        const before = performance.now();
        const verdict = verdictOf(await finished(args));
        whole.set(which, { verdict, milliseconds: performance.now() - before });
      }
      const { verdict, milliseconds } = whole.get(which) as { verdict: string; milliseconds: number };
      const file = join(folder, `${round}.checkpoint`);
      for (let attempt = 0; ; attempt++) {
        const resume = existsSync(file);
        if (resume) resumed++;
        const running = start([
          ...args,
          ...["--checkpoint", file, "--checkpoint-every", "0.02"],
          ...(resume ? ["--resume", file] : []),
        ]);
        if (attempt < 3) {
          await sleep(next() * milliseconds);
          if (running.child.kill("SIGKILL")) kills++;
        }
        const ended = await running.ended;
        if (ended.signal === "SIGKILL") continue;
        if (ended.out === "")
          faults.push(`${args.join(" ")}: ${ended.err.split("\n")[0]} (seed ${seed}, round ${round})`);
        else if (verdictOf(ended) !== verdict)
          faults.push(`${args.join(" ")}: another verdict (seed ${seed}, round ${round})`);
        break;
      }
      rmSync(file, { force: true });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return {
    name: "killed checks",
    figures: [`${rounds} checks, ${kills} kills, ${resumed} taken up again`],
    faults,
  };
}

/** Kills one sweep `kills` times in all, going on after each, until it is done; again until all kills are spent. */
export async function killedSweeps(kills: number, seed: number): Promise<Part> {
  const next = random(seed);
  const faults: string[] = [];
  const folder = mkdtempSync(join(tmpdir(), "seamlock-sweeps-"));
  // Without what a clock says, and how many results were there already.
  const table = ({ out }: Ended): string =>
    JSON.stringify(JSON.parse(out), (key, value) => (["seconds", "results"].includes(key) ? 0 : value));
  try {
    const args = ["sweep", "locks", "--json"];
    const before = performance.now();
    const whole = table(await finished([...args, "-d", join(folder, "whole")]));
    const milliseconds = performance.now() - before;
    let spent = 0;
    for (let round = 0; spent < kills; round++) {
      const results = join(folder, String(round));
      progress(`killed sweeps: ${spent} of ${kills}`);
      for (let attempt = 0; ; attempt++) {
        const running = start([...args, "-d", results]);
        if (attempt < 5 && spent < kills) {
          await sleep(next() * milliseconds);
          if (running.child.kill("SIGKILL")) spent++;
        }
        const ended = await running.ended;
        if (ended.signal === "SIGKILL") continue;
        if (ended.out === "" || table(ended) !== whole)
          faults.push(`sweep: another table (seed ${seed}, round ${round})`);
        break;
      }
    }
    return { name: "killed sweeps", figures: [`${spent} kills`], faults };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
