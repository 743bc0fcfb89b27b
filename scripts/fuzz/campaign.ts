/** A reader under strange input for so many seconds, in a process of its own that may end or hang. */
import { fork } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Message } from "./worker.ts";

/** An input that takes longer hangs, however busy the machine is. */
const HANG_SECONDS = 120;

/** On a busy machine a target's seconds of processor time may take so many times as long. */
const PATIENCE = 10;

/** What came of the inputs of one target. */
export interface Tally {
  inputs: number;
  faults: number;
  /** Processor time of all inputs, in seconds. */
  spent: number;
  slowest: { number: number; seconds: number };
  readonly statuses: Map<number, number>;
}

function keep(target: string, seed: number, number: number, folder: string, what: string): void {
  const place = join("fuzz-found", `${target}-${seed}-${number}`);
  mkdirSync(place, { recursive: true });
  cpSync(folder, join(place, "files"), { recursive: true });
  writeFileSync(join(place, "what.txt"), `${what}\n`);
}

/** How long a target is fed: seconds of processor time, from when its first worker is ready. */
class Span {
  #begun = Number.POSITIVE_INFINITY;
  readonly #seconds: number;
  readonly #tally: Tally;

  constructor(seconds: number, tally: Tally) {
    this.#seconds = seconds;
    this.#tally = tally;
  }

  begin(): void {
    this.#begun = Math.min(this.#begun, Date.now());
  }

  get isOver(): boolean {
    return this.#tally.spent >= this.#seconds || Date.now() - this.#begun > PATIENCE * this.#seconds * 1000;
  }
}

/** Runs one worker until the time is over, it hangs, or it ends by itself; gives the number of the next input, or null at the end. */
function session(
  target: string,
  seed: number,
  folder: string,
  first: number,
  span: Span,
  tally: Tally,
): Promise<number | null> {
  const child = fork(join(import.meta.dirname, "worker.ts"), [target, String(seed), folder, String(first)], {
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
    if (message.kind === "ready") {
      isReady = true;
      span.begin();
    }
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
      tally.spent += message.seconds;
      for (const status of message.statuses) tally.statuses.set(status, (tally.statuses.get(status) ?? 0) + 1);
      if (message.seconds > tally.slowest.seconds) tally.slowest = { number: message.number, seconds: message.seconds };
    }
  });
  const watch = setInterval(() => {
    hung = isReady && Date.now() - begun > HANG_SECONDS * 1000;
    if (hung || span.isOver) child.kill("SIGKILL");
  }, 200);
  return new Promise((resolve) => {
    child.on("close", (code) => {
      clearInterval(watch);
      const { isOver } = span;
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

/**
 * Feeds one target for so many seconds of processor time. What is at fault is printed and kept in `fuzz-found/`.
 *
 * @returns how many inputs there were, how many at fault, and how they ended
 */
export async function fuzzed(name: string, seconds: number, seed: number): Promise<Tally> {
  const folder = mkdtempSync(join(tmpdir(), "seamlock-fuzz-"));
  const tally: Tally = { inputs: 0, faults: 0, spent: 0, slowest: { number: 0, seconds: 0 }, statuses: new Map() };
  const span = new Span(seconds, tally);
  for (let next: number | null = 0; next !== null; )
    next = await session(name, seed, join(folder, "work"), next, span, tally);
  rmSync(folder, { recursive: true, force: true });
  return tally;
}
