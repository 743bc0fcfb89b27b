/** What `src/cli/check-worker.ts` is in the built program, from source. */
import { parentPort } from "node:worker_threads";
import { register } from "tsx/esm/api";

register();
const { serve } = await import("../../src/check/index.ts");
parentPort.on("message", (task) => serve(task));
parentPort.postMessage("ready");
