/** A thread that helps `check-once`. */
import { parentPort } from "node:worker_threads";
import { type HelperTask, serve } from "../src/check/index.ts";

parentPort?.on("message", (task: HelperTask) => serve(task));
parentPort?.postMessage("ready");
