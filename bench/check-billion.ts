/**
 * A model of a billion states, explored exactly and whole within the memory of a machine with 16 GB: M(2,3,8), two vCPUs and three pages with
 * a zero-step threshold of 8.
 *
 *     npm run bench:billion -- [--workers N] [--memory 16000]
 *
 * As many threads as there are processors, in as many memories of 4 GiB as the bound allows. Memory in megabytes, as for `check --memory`: the
 * search ends as inconclusive before it needs more. Ends with 1 when it did, or there were fewer states.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { parseArgs } from "node:util";
import { buildChecker } from "./check-build.ts";

const { values } = parseArgs({
  options: {
    workers: { type: "string", default: String(availableParallelism()) },
    memory: { type: "string", default: "16000" },
  },
});
const bytes = Number(values.memory) * 1e6;
const print = (line: string) => process.stdout.write(`${line}\n`);

interface Said {
  readonly outcome: string;
  readonly states: number;
  readonly transitions: number;
  readonly depth: number;
  readonly bytesPerState: number;
  readonly seconds: number;
  readonly cpu: number;
  /** In units of 1024 bytes. */
  readonly maxResident: number;
}

const directory = mkdtempSync(join(tmpdir(), "seamlock-bench-"));
try {
  const script = await buildChecker(directory);
  print(`M(2,3,8), plain, ${values.workers} workers, at most ${values.memory} MB for the states`);
  const words = [script, "2", "3", "8", "plain", values.workers, String(bytes)];
  const child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "inherit"] });
  const said = (await json(child.stdout)) as Said;
  const isWhole = said.outcome === "holds" && said.states >= 1e9;
  print(
    `  ${said.outcome}: ${said.states.toLocaleString("en")} states, ${said.transitions.toLocaleString("en")} steps`,
  );
  print(`  ${said.depth} levels, ${said.bytesPerState.toFixed(1)} bytes a state`);
  print(`  ${((1024 * said.maxResident) / 1e9).toFixed(1)} GB resident at most (target 16)`);
  print(`  ${said.seconds.toFixed(0)} s, ${said.cpu.toFixed(0)} s of processor time`);
  print(isWhole ? "  a billion states: ok" : "  a billion states: MISSED");
  process.exitCode = isWhole ? 0 : 1;
} finally {
  rmSync(directory, { recursive: true, force: true });
}
