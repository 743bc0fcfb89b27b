/**
 * Strange input for a reader, for so many seconds: `npm run fuzz -- TARGET|all [SECONDS] [SEED]`.
 *
 * An input is at fault that ends the program, hangs, is refused without a code, is called a bug, or sends control characters to
 * the terminal. Each is kept in `fuzz-found/TARGET-SEED-NUMBER/`, with the command line; the same seed and number make it again.
 */
import { fork } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TARGETS } from "./fuzz/targets.ts";
import type { Message } from "./fuzz/worker.ts";

/** An input that takes longer hangs, however busy the machine is. */
const HANG_SECONDS = 120;

interface Tally {
  inputs: number;
  faults: number;
  slowest: { number: number; seconds: number };
  readonly statuses: Map<number, number>;
}

function keep(target: string, seed: number, number: number, folder: string, what: string): void {
  const place = join("fuzz-found", `${target}-${seed}-${number}`);
  mkdirSync(place, { recursive: true });
  cpSync(folder, join(place, "files"), { recursive: true });
  writeFileSync(join(place, "what.txt"), `${what}\n`);
}

/** Runs one worker until the time is over, it hangs, or it ends by itself; gives the number of the next input, or null at the end. */
function session(
  target: string,
  seed: number,
  folder: string,
  first: number,
  until: number,
  tally: Tally,
): Promise<number | null> {
  const child = fork(join(import.meta.dirname, "fuzz/worker.ts"), [target, String(seed), folder, String(first)], {
    execArgv: ["--import", "tsx"],
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let current = first;
  let begun = Date.now();
  let hung = false;
  let err = "";
  let isReady = false;
  child.stderr?.on("data", (chunk) => (err = (err + chunk).slice(-2000)));
  child.on("message", (message: Message) => {
    if (message.kind === "ready") isReady = true;
    if (message.kind === "begun") {
      current = message.number;
      begun = Date.now();
    } else if (message.kind === "fault") {
      tally.faults++;
      console.log(
        `      ${target} ${seed} ${message.number}: seamlock ${message.command.join(" ")}\n        ${message.fault.split("\n").slice(0, 4).join("\n        ")}`,
      );
      keep(target, seed, message.number, folder, `seamlock ${message.command.join(" ")}\n${message.fault}`);
    } else if (message.kind === "ended") {
      tally.inputs++;
      for (const status of message.statuses) tally.statuses.set(status, (tally.statuses.get(status) ?? 0) + 1);
      if (message.seconds > tally.slowest.seconds) tally.slowest = { number: message.number, seconds: message.seconds };
    }
  });
  const watch = setInterval(() => {
    hung = isReady && Date.now() - begun > HANG_SECONDS * 1000;
    if (hung || (isReady && Date.now() > until)) child.kill("SIGKILL");
  }, 200);
  return new Promise((resolve) => {
    child.on("close", (code) => {
      clearInterval(watch);
      const isOver = Date.now() > until;
      if (hung || !isOver) {
        tally.faults++;
        const what = hung ? `hangs: more than ${HANG_SECONDS} s` : `ended the program (${code}): ${err}`;
        console.log(`      ${target} ${seed} ${current}: ${what}`);
        keep(target, seed, current, folder, what);
      }
      resolve(isOver || !isReady ? null : current + 1);
    });
  });
}

const [wanted = "all", seconds = "60", seedText = "1"] = process.argv.slice(2);
const names = wanted === "all" ? Object.keys(TARGETS) : wanted.split(",");
const unknown = names.filter((name) => !(name in TARGETS));
if (unknown.length > 0 || !(Number(seconds) > 0) || !Number.isInteger(Number(seedText)))
  throw new Error(`usage: npm run fuzz -- TARGET|all [SECONDS] [SEED]; targets: ${Object.keys(TARGETS).join(", ")}`);

let faults = 0;
for (const name of names) {
  const folder = mkdtempSync(join(tmpdir(), "seamlock-fuzz-"));
  const tally: Tally = { inputs: 0, faults: 0, slowest: { number: 0, seconds: 0 }, statuses: new Map() };
  const until = Date.now() + Number(seconds) * 1000;
  for (let next: number | null = 0; next !== null; )
    next = await session(name, Number(seedText), join(folder, "work"), next, until, tally);
  rmSync(folder, { recursive: true, force: true });
  const ends = [...tally.statuses].sort(([a], [b]) => a - b).map(([status, count]) => `${count} of status ${status}`);
  console.log(
    `${tally.faults === 0 ? "pass" : "FAIL"}  ${name}: ${tally.inputs} inputs, ${tally.faults} faults; ${ends.join(", ")}; slowest ${tally.slowest.seconds.toFixed(1)} s of processor time (number ${tally.slowest.number})`,
  );
  faults += tally.faults + (tally.inputs === 0 ? 1 : 0);
}
process.exitCode = faults === 0 ? 0 : 1;
