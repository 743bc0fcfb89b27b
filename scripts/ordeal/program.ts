/** The built program as somebody else's process: started, watched, killed. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";

export const BIN = join(import.meta.dirname, "../../dist/cli.js");

/** What a process took: its peak of memory, and its processor time, of all its threads. */
export interface Used {
  readonly megabytes: number;
  readonly seconds: number;
}

/** Tells on a pipe of its own what the process took so far, where each of its threads ends: what is told last is of all of it. */
const TELL_USED = `data:text/javascript,import{writeSync}from"node:fs";process.on("exit",()=>{const u=process.resourceUsage();writeSync(3,JSON.stringify({megabytes:Math.round(u.maxRSS/1024),seconds:(u.userCPUTime+u.systemCPUTime)/1e6})+'%5Cn')})`;

/** The most that any run so far took. */
export const worst = { megabytes: { most: 0, of: "" }, seconds: { most: 0, of: "" } };

function note(used: Used, of: string): void {
  if (used.megabytes > worst.megabytes.most) worst.megabytes = { most: used.megabytes, of };
  if (used.seconds > worst.seconds.most) worst.seconds = { most: used.seconds, of };
}

export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
  /** Null where it was ended by a signal. */
  readonly used: Used | null;
}

/** A run of the command line. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

/** Starts the program. */
export function start(args: readonly string[], options: { cwd?: string; input?: string } = {}): Running {
  const child = spawn(process.execPath, ["--import", TELL_USED, BIN, ...args], {
    cwd: options.cwd,
    stdio: ["pipe", "pipe", "pipe", "pipe"],
  });
  let out = "";
  let err = "";
  let told = "";
  child.stdout?.on("data", (chunk) => (out += chunk));
  child.stderr?.on("data", (chunk) => (err += chunk));
  child.stdio[3]?.on("data", (chunk) => (told += chunk));
  child.stdin?.on("error", () => {});
  child.stdin?.end(options.input ?? "");
  const ended = new Promise<Ended>((resolve) => {
    child.on("close", (status, signal) => {
      const last = told.trimEnd().split("\n").at(-1);
      const used = last ? (JSON.parse(last) as Used) : null;
      if (used !== null) note(used, args.join(" "));
      resolve({ status, signal, out, err, used });
    });
  });
  return { child, ended };
}

/** Runs it to its end. */
export const finished = (args: readonly string[], options: { cwd?: string; input?: string } = {}): Promise<Ended> =>
  start(args, options).ended;

export const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Is the promise settled within so long? What waits leaves no timer behind. */
export async function within(milliseconds: number, promise: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), milliseconds);
  });
  const isInTime = await Promise.race([promise.then(() => true), late]);
  clearTimeout(timer);
  return isInTime;
}

/** A small generator of numbers, so that a campaign can be run again: mulberry32. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** What one part of the ordeal found. */
export interface Part {
  readonly name: string;
  /** Figures, as lines. */
  readonly figures: readonly string[];
  /** What must not be; empty when all is well. */
  readonly faults: readonly string[];
}

/** Says on standard error how far a part is; on a terminal in one line. */
export function progress(text: string): void {
  process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${text}` : `${text}\n`);
}
