/**
 * A second thread for the leaves of a module. It reads the same sources and takes leaves from the same counter; what it does
 * not finish, the first thread does.
 */

import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { Worker } from "node:worker_threads";
import type { SourceFile } from "../c/index.ts";
import type { Extraction, Job, Share, Work } from "./extraction.ts";

/** What the helper is given. */
export interface HelperTask {
  readonly files: readonly SourceFile[];
  readonly counters: Work["counters"];
}

/** The second thread. */
export interface Helper {
  /** What it found, once it has no more to do; null when it failed. */
  readonly share: Promise<Share | null>;
  stop(): void;
}

/** The built worker, beside the built extractor; a source tree has none, and there one thread does all. */
const WORKER = new URL("./extract-worker.js", import.meta.url);

/** Starts the helper; null where there is no second processor or no built worker. */
export function startHelper(files: readonly SourceFile[], { counters }: Work): Helper | null {
  if (availableParallelism() < 2 || WORKER.protocol !== "file:" || !existsSync(fileURLToPath(WORKER))) return null;
  const worker = new Worker(WORKER, { workerData: { files, counters } satisfies HelperTask });
  // A thread that cannot start or breaks down costs time only.
  const share = new Promise<Share | null>((resolve) => {
    worker.once("message", resolve);
    worker.once("error", () => resolve(null));
    worker.once("exit", () => resolve(null));
  });
  return { share, stop: () => void worker.terminate() };
}

/**
 * Analyses all leaves, and reads their statuses, here and in the helper.
 *
 * @returns null when that takes too many steps
 */
export async function analyseAll(extraction: Extraction, work: Work, helper: Helper | null): Promise<Share[] | null> {
  const count = extraction.table.leaves.length;
  const spend = (steps: number) => work.spend(steps);
  const mine = extraction.analyse(() => work.next(count), spend);
  const theirs = work.isTooMuch ? null : await helper?.share;
  const shares = theirs ? [mine, theirs] : [mine];
  // What a helper took and did not finish.
  const done = new Set<Job>(shares.flatMap((share) => share.entries.map(([index]) => index)));
  if (shares.some(({ statuses }) => statuses !== null)) done.add("statuses");
  const left = (["statuses", ...Array.from({ length: count }, (_, i) => i)] as Job[]).filter((job) => !done.has(job));
  if (left.length > 0 && !work.isTooMuch)
    shares.push(extraction.analyse(() => (work.isTooMuch ? null : (left.shift() ?? null)), spend));
  return work.isTooMuch ? null : shares;
}

/** The newest Node.js of which it is known that its V8 has the flag. */
const NEWEST_KNOWN = 24;

/**
 * Makes V8 optimise later. One extraction is over before optimised code pays for its making, which takes a quarter of
 * the processor time otherwise (`npm run bench:extract-ways`). The whole process is affected: for a program that extracts once.
 */
export function tuneForOneExtraction(): void {
  if (Number.parseInt(process.versions.node, 10) <= NEWEST_KNOWN) setFlagsFromString("--interrupt-budget=2000000");
}
