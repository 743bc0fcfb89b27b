/** The second thread of an extraction: the same, run on the leaves that the first thread leaves to it. */

import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { Extraction, Work } from "./extraction.ts";
import type { HelperTask } from "./threads.ts";

const { files, counters, locks } = workerData as HelperTask;
// It begins with what does not need the lock primitives: until then the first thread has found them.
const work = new Work(["statuses", "whole"], counters);
const extraction = new Extraction(files, () => receiveMessageOnPort(locks)?.message ?? null);
parentPort?.postMessage(
  extraction.analyse(
    () => work.next(extraction),
    (steps) => work.spend(steps),
  ),
);
