/**
 * What reading a recording costs: 10 million lines as bpftrace prints them, and fewer of each other form and of each way to be wrong, through
 * the built program.
 *
 *     npm run bench:trace [-- LINES [OTHERS]]
 *
 * While it is read, each fifth of the file is noted: the processor time so far, and what is left of the heap after a full collection, whose
 * own time is taken off. Speed is that of all but the first fifth, without what a start and V8's warming up cost. Memory grows
 * with the file if more is left after the last fifth than after the first; the peak of the process says little of it, since V8 collects only once
 * a heap has become several times as large as what was left of it before. Processor times are told beside that of `node -e 0`, since machines
 * differ, and of Node reading the same file and cutting it into lines. Recordings are made in a temporary folder and removed. Ends with 1 when a target
 * is missed.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ILL_FORMED, WELL_FORMED, writeInput } from "./trace-input.mjs";

const LINES = Number(process.argv[2] ?? 10_000_000);
const OTHERS = Number(process.argv[3] ?? LINES / 20);
/** 400,000 lines a second where `node -e 0` takes 65 ms: so many lines in its time. */
const LINES_A_START = 26_000;
/** What is left of the heap after the last fifth, of what is left after the first. */
const MOST_GROWTH = 1.2;
/** Megabytes of a process, however long the file is. */
const MOST_PEAK = 300;
const PARTS = 5;

const PROGRAM = new URL("../dist/cli.js", import.meta.url).href;
/** Says at the end what the process took. */
const USAGE = `
  const seconds = () => { const u = process.resourceUsage(); return (u.userCPUTime + u.systemCPUTime) / 1e6; };
  const notes = [];
  let collecting = 0;
  process.on("exit", () => {
    const megabytes = process.resourceUsage().maxRSS / 1024;
    process.stderr.write("\\n" + JSON.stringify({ seconds: seconds() - collecting, megabytes, notes }));
  });`;
/** Notes each fifth of the file's bytes as they are read. */
const NOTING = `
  import fs from "node:fs";
  import { syncBuiltinESMExports } from "node:module";
  const [size] = process.argv.splice(2, 1).map(Number);
  const plain = fs.readSync;
  let bytes = 0;
  fs.readSync = (...given) => {
    const read = plain(...given);
    bytes += read;
    if (bytes < (size * (notes.length + 1)) / ${PARTS}) return read;
    const before = seconds();
    gc();
    notes.push({ seconds: before - collecting, live: process.memoryUsage().heapUsed / 2 ** 20 });
    collecting += seconds() - before;
    return read;
  };
  syncBuiltinESMExports();`;
const CUT = `${USAGE} import { openSync, readSync } from "node:fs"; const file = openSync(process.argv[2], "r"); const buffer = Buffer.allocUnsafe(1 << 18); let rest = ""; let n = 0;
  for (let read; (read = readSync(file, buffer)) > 0; ) { const text = rest + buffer.latin1Slice(0, read); let from = 0; for (let at; (at = text.indexOf("\\n", from)) >= 0; from = at + 1) n += text.slice(from, at).length; rest = text.slice(from); }`;
const READ = `${USAGE} ${NOTING} process.argv.splice(1, 1, "dist/cli.js"); await import(${JSON.stringify(PROGRAM)});`;

/** Runs a script in a process of its own, which says at its end what it took: seconds of processor time, megabytes, and what was noted. */
function cost(script, args) {
  const run = spawnSync(process.execPath, ["--expose-gc", "--input-type=module", "-e", script, "seamlock", ...args], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  return { ...JSON.parse(run.stderr.trim().split("\n").at(-1)), status: run.status };
}

const folder = mkdtempSync(join(tmpdir(), "seamlock-bench-"));
const file = join(folder, "recording.txt");
const start = Math.min(...[1, 2, 3, 4, 5].map(() => cost(USAGE, []).seconds));
const verdict = (isMet) => (isMet ? "ok" : "MISSED");
let missed = 0;
console.log(
  `node -e 0: ${(start * 1000).toFixed(0)} ms of processor time; targets: ${LINES_A_START} well-formed lines in that time; left of the heap at the end at most ${MOST_GROWTH} x what is after a fifth; at most ${MOST_PEAK} MB in all`,
);
console.log(
  "recording                        lines/s   a node -e 0            x cutting   left MB   x a fifth            peak MB            exit",
);
try {
  for (const name of [...WELL_FORMED, ...ILL_FORMED]) {
    const lines = name === "bpftrace" ? LINES : OTHERS;
    writeInput(name, lines, file);
    const cutting = cost(CUT, [file]);
    const { seconds, megabytes, notes, status } = cost(READ, [String(statSync(file).size), "trace", file, "--json"]);
    const [first, last] = [notes[0], notes[PARTS - 1]];
    const speed = (lines - lines / PARTS) / (seconds - first.seconds);
    const isFast = speed * start >= LINES_A_START;
    const growth = last.live / first.live;
    const isTarget = WELL_FORMED.includes(name);
    const isBounded = growth <= MOST_GROWTH;
    const isSmall = megabytes <= MOST_PEAK;
    missed += Number(isTarget && !isFast) + Number(!isBounded) + Number(!isSmall);
    const figures = [
      String(Math.round(speed)).padStart(11),
      String(Math.round(speed * start)).padStart(14),
      (isTarget ? verdict(isFast) : "").padStart(8),
      (lines / speed / (cutting.seconds - start)).toFixed(1).padStart(11),
      last.live.toFixed(1).padStart(10),
      growth.toFixed(2).padStart(12),
      verdict(isBounded).padStart(8),
      megabytes.toFixed(0).padStart(11),
      verdict(isSmall).padStart(8),
      String(status).padStart(8),
    ];
    console.log(`${name.padEnd(29)}${figures.join("")}`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(missed === 0 ? "every target is met" : `${missed} targets are missed`);
process.exitCode = Number(missed > 0);
