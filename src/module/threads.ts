/**
 * A second thread for the leaves of a module. It reads the same sources and takes leaves from the same counter; what it does
 * not finish, the first thread does.
 */

import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { Worker } from "node:worker_threads";
import { LIMITS, type SourceFile } from "../c/index.ts";
import type { Share } from "./leaf-analysis.ts";

/** What the helper is given. */
export interface HelperTask {
  readonly files: readonly SourceFile[];
  readonly counter: Int32Array;
}

/** The second thread. */
export interface Helper {
  /** The index of the next leaf that nobody has. */
  next(): number;
  /** What it found, once it has no more to do; null when it failed. */
  readonly share: Promise<Share | null>;
  stop(): void;
}

/** A number that no leaf has. */
const NO_LEAF = 1 << 30;

/** The built worker, beside the built extractor; a source tree has none, and there one thread does all. */
const WORKER = new URL("./extract-worker.js", import.meta.url);

/** Starts the helper; null where there is no second processor or no built worker. */
export function startHelper(files: readonly SourceFile[]): Helper | null {
  if (availableParallelism() < 2 || WORKER.protocol !== "file:" || !existsSync(fileURLToPath(WORKER))) return null;
  const counter = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(WORKER, { workerData: { files, counter } satisfies HelperTask });
  // A thread that cannot start or breaks down costs time only.
  const share = new Promise<Share | null>((resolve) => {
    worker.once("message", resolve);
    worker.once("error", () => resolve(null));
    worker.once("exit", () => resolve(null));
  });
  return { next: () => Atomics.add(counter, 0, 1), share, stop: () => void worker.terminate() };
}

/**
 * Runs `analyse` here and, when there is a helper, there too, until each of `count` leaves is done.
 *
 * @param analyse takes leaves by the index that its argument gives, until that is `count` or more
 * @returns null when that took too long: no leaf is begun after the limit
 */
export async function shared(
  helper: Helper | null,
  count: number,
  analyse: (next: () => number) => Share,
): Promise<Share[] | null> {
  const end = performance.now() + LIMITS.analysis;
  const isLate = () => performance.now() > end;
  const mine = analyse(untilLate(helper?.next ?? counting(0), isLate));
  if (isLate()) return null;
  const theirs = await helper?.share;
  const shares = theirs ? [mine, theirs] : [mine];
  const done = new Set(shares.flatMap((share) => share.entries.map(([index]) => index)));
  const left = Array.from({ length: count }, (_, i) => i).filter((i) => !done.has(i));
  if (left.length === 0) return shares;
  const rest = counting(0);
  const last = analyse(untilLate(() => left[rest()] ?? count, isLate));
  return isLate() ? null : [...shares, last];
}

const untilLate =
  (next: () => number, isLate: () => boolean): (() => number) =>
  () =>
    isLate() ? NO_LEAF : next();

function counting(from: number): () => number {
  let next = from;
  return () => next++;
}

/** The newest Node.js of which it is known that its V8 has the flag. */
const NEWEST_KNOWN = 24;

/**
 * Makes V8 optimise later. One extraction is over before optimised code pays for its making, which takes a third of the
 * processor time otherwise. The whole process is affected: for a program that extracts once.
 */
export function tuneForOneExtraction(): void {
  if (Number.parseInt(process.versions.node, 10) <= NEWEST_KNOWN) setFlagsFromString("--interrupt-budget=2000000");
}
