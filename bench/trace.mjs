/**
 * What reading a recording costs: 10 million lines as bpftrace prints them, and fewer of each other form and of each way to be wrong, through
 * the built program.
 *
 *     npm run bench:trace [-- LINES [OTHERS]]
 *
 * Prints lines a second of processor time; how many times the time that Node takes to read the same file and cut it into lines; memory, and how
 * many times that of a recording of a tenth. Recordings are made in a temporary folder and removed.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ILL_FORMED, WELL_FORMED, writeInput } from "./trace-input.mjs";

const LINES = Number(process.argv[2] ?? 10_000_000);
const OTHERS = Number(process.argv[3] ?? LINES / 10);

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
const idle = Math.min(...[1, 2, 3].map(() => cost(READ, ["trace", "--help"]).seconds));
console.log("recording                        lines/s   x cutting lines      MB   x a tenth  status");
try {
  for (const name of [...WELL_FORMED, ...ILL_FORMED]) {
    const lines = name === "bpftrace" ? LINES : OTHERS;
    writeInput(name, lines / 10, file);
    const tenth = cost(READ, ["trace", file, "--json"]);
    writeInput(name, lines, file);
    const cutting = cost(CUT, [file]);
    const whole = cost(READ, ["trace", file, "--json"]);
    const seconds = whole.seconds - idle;
    const figures = [
      String(Math.round(lines / seconds)).padStart(11),
      (seconds / cutting.seconds).toFixed(1).padStart(14),
      whole.megabytes.toFixed(0).padStart(14),
      (whole.megabytes / tenth.megabytes).toFixed(2).padStart(10),
      String(whole.status).padStart(8),
    ];
    console.log(`${name.padEnd(29)}${figures.join("")}`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
