/**
 * A second thread for the leaves of a module. It reads the same sources and takes leaves from the same counter; what it does
 * not finish, the first thread does.
 */

import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { LIMITS, type SourceFile } from "../c/index.ts";
import { type Extraction, type Job, jobsOf, type Share, type Work } from "./extraction.ts";

/** What the helper is given. */
export interface HelperTask {
  readonly files: readonly SourceFile[];
  readonly counters: Work["counters"];
  /** On which the lock primitives come, once the first thread has found them. */
  readonly locks: MessagePort;
}

/** The second thread. */
export interface Helper {
  /** What it found, once it has no more to do; null when it failed. */
  readonly share: Promise<Share | null>;
  /** Gives it the lock primitives of the tree, which it else finds itself. */
  give(locks: Extraction["locks"]): void;
  stop(): void;
}

/** The built worker, beside the built extractor; a source tree has none, and there one thread does all. */
const WORKER = new URL("./extract-worker.js", import.meta.url);

/** Starts the helper; null where there is no second processor, no built worker, or a tree so large that both would take too much memory. */
export function startHelper(files: readonly SourceFile[], { counters }: Work): Helper | null {
  if (availableParallelism() < 2 || WORKER.protocol !== "file:" || !existsSync(fileURLToPath(WORKER))) return null;
  if (files.reduce((bytes, { source }) => bytes + source.length, 0) > LIMITS.sharedBytes) return null;
  const { port1, port2 } = new MessageChannel();
  const workerData: HelperTask = { files, counters, locks: port2 };
  const worker = new Worker(WORKER, { workerData, transferList: [port2] });
  // A thread that cannot start or breaks down costs time only.
  const share = new Promise<Share | null>((resolve) => {
    worker.once("message", resolve);
    worker.once("error", () => resolve(null));
    worker.once("exit", () => resolve(null));
  });
  return {
    share,
    give: (locks) => port1.postMessage(locks),
    stop: () => {
      port1.close();
      void worker.terminate();
    },
  };
}

/**
 * Analyses all leaves, and reads their statuses and the whole tree, here and in the helper.
 *
 * @returns null when that takes too many steps
 */
export async function analyseAll(extraction: Extraction, work: Work, helper: Helper | null): Promise<Share[] | null> {
  helper?.give(extraction.locks);
  const spend = (steps: number) => work.spend(steps);
  const mine = extraction.analyse(() => work.next(extraction), spend);
  const theirs = work.isTooMuch ? null : await helper?.share;
  const shares = theirs ? [mine, theirs] : [mine];
  // What a helper took and did not finish.
  const done = new Set<Job>(shares.flatMap((share) => share.entries.map(([index]) => index)));
  for (const wide of ["statuses", "whole"] as const) if (shares.some((share) => share[wide] !== null)) done.add(wide);
  const left = jobsOf(extraction).filter((job) => !done.has(job));
  if (left.length > 0 && !work.isTooMuch)
    shares.push(extraction.analyse(() => (work.isTooMuch ? null : (left.shift() ?? null)), spend));
  return work.isTooMuch ? null : shares;
}
