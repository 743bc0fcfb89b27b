/** The second thread of an extraction: the same, run on the leaves that the first thread leaves to it. */

import { parentPort, workerData } from "node:worker_threads";
import { Extraction, Work } from "./extraction.ts";
import type { HelperTask } from "./threads.ts";

const { files, counters } = workerData as HelperTask;
const work = new Work(counters);
const extraction = new Extraction(files);
const next = () => work.next(extraction.table.leaves.length);
parentPort?.postMessage(extraction.analyse(next, (steps) => work.spend(steps)));
