/**
 * What reading a recording costs: 10 million lines as bpftrace prints them, and fewer of each other form and of each way to be wrong, through
 * the built program.
 *
 *     npm run bench:trace [-- LINES [OTHERS]]
 *
 * Each is read twice: whole, and the first fifth of it. The difference is what the lines cost, without what a start costs, and how far memory
 * grows. Processor times are told beside that of `node -e 0`, since machines differ, and of Node reading the same file and cutting it into
 * lines. Recordings are made in a temporary folder and removed. Ends with 1 when a target is missed.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ILL_FORMED, WELL_FORMED, writeInput } from "./trace-input.mjs";

const LINES = Number(process.argv[2] ?? 10_000_000);
const OTHERS = Number(process.argv[3] ?? LINES / 20);
/** 400,000 lines a second where `node -e 0` takes 65 ms: so many lines in its time. */
const LINES_A_START = 26_000;
/** Of the memory that a fifth takes: what V8 leaves lying about differs so much from run to run. */
const MOST_MEMORY = 1.3;
/** What a fifth is divided by. */
const PARTS = 5;

const PROGRAM = new URL("../dist/cli.js", import.meta.url).href;
const USAGE =
  'process.on("exit", () => { const u = process.resourceUsage(); process.stderr.write("\\n" + JSON.stringify([(u.userCPUTime + u.systemCPUTime) / 1e6, u.maxRSS / 1024])); });';
const CUT = `${USAGE} import { openSync, readSync } from "node:fs"; const file = openSync(process.argv[2], "r"); const buffer = Buffer.allocUnsafe(1 << 18); let rest = ""; let n = 0;
  for (let read; (read = readSync(file, buffer)) > 0; ) { const text = rest + buffer.latin1Slice(0, read); let from = 0; for (let at; (at = text.indexOf("\\n", from)) >= 0; from = at + 1) n += text.slice(from, at).length; rest = text.slice(from); }`;
const READ = `process.argv.splice(1, 1, "dist/cli.js"); ${USAGE} await import(${JSON.stringify(PROGRAM)});`;

/** Seconds of processor time and megabytes of a process of its own, which says at its end what it took. */
function cost(script, args) {
  const run = spawnSync(process.execPath, ["--input-type=module", "-e", script, "seamlock", ...args], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  const [seconds, megabytes] = JSON.parse(run.stderr.trim().split("\n").at(-1));
  return { seconds, megabytes, status: run.status };
}

const folder = mkdtempSync(join(tmpdir(), "seamlock-bench-"));
const file = join(folder, "recording.txt");
const NOTHING = `${USAGE}`;
const start = Math.min(...[1, 2, 3, 4, 5].map(() => cost(NOTHING, []).seconds));
const verdict = (isMet) => (isMet ? "ok" : "MISSED");
let missed = 0;
console.log(
  `node -e 0: ${(start * 1000).toFixed(0)} ms of processor time; targets: ${LINES_A_START} well-formed lines in that time; memory at most ${MOST_MEMORY} x that of a fifth`,
);
console.log(
  "recording                        lines/s   a node -e 0            x cutting   MB   x a fifth          exit",
);
try {
  for (const name of [...WELL_FORMED, ...ILL_FORMED]) {
    const lines = name === "bpftrace" ? LINES : OTHERS;
    writeInput(name, lines / PARTS, file);
    const part = cost(READ, ["trace", file, "--json"]);
    writeInput(name, lines, file);
    const cutting = cost(CUT, [file]);
    const whole = cost(READ, ["trace", file, "--json"]);
    const second = (lines - lines / PARTS) / (whole.seconds - part.seconds);
    const isFast = second * start >= LINES_A_START;
    const growth = whole.megabytes / part.megabytes;
    const isTarget = WELL_FORMED.includes(name);
    missed += Number(isTarget && !isFast) + Number(growth > MOST_MEMORY);
    const figures = [
      String(Math.round(second)).padStart(11),
      String(Math.round(second * start)).padStart(14),
      (isTarget ? verdict(isFast) : "").padStart(8),
      (lines / second / (cutting.seconds - start)).toFixed(1).padStart(11),
      whole.megabytes.toFixed(0).padStart(6),
      growth.toFixed(2).padStart(11),
      verdict(growth <= MOST_MEMORY).padStart(8),
      String(whole.status).padStart(6),
    ];
    console.log(`${name.padEnd(29)}${figures.join("")}`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(missed === 0 ? "every target is met" : `${missed} targets are missed`);
process.exitCode = Number(missed > 0);
