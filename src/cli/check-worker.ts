/** A thread that helps the checker. It says when it is there, and then serves one search after another. */
import { parentPort } from "node:worker_threads";
import { type HelperTask, serve } from "../check/index.ts";

parentPort?.on("message", (task: HelperTask) => serve(task));
parentPort?.postMessage("ready");
