/** The second thread of an extraction: the same program, run on the leaves that the first thread leaves to it. */

import { parentPort, workerData } from "node:worker_threads";
import { Program } from "../c/index.ts";
import { analyseLeaves } from "./leaf-analysis.ts";
import { readDispatchers } from "./leaves.ts";
import { Primitives } from "./primitives.ts";
import { RULES } from "./rules.ts";
import { readTables } from "./tables.ts";
import type { HelperTask } from "./threads.ts";

const { files, counter } = workerData as HelperTask;
const program = new Program(files, RULES.preprocess);
const share = analyseLeaves(
  program,
  RULES,
  readDispatchers(program, RULES),
  new Primitives(program, RULES),
  readTables(program, RULES),
  () => Atomics.add(counter, 0, 1),
);
parentPort?.postMessage(share);
