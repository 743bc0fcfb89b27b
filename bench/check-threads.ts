/** Threads that help a bench's search, as the program starts them. */
import { once } from "node:events";
import { Helpers } from "../src/check/index.ts";

/**
 * Starts the threads that help one more; `script` is the built `check-worker`. Returns nothing when none are wanted: what only several workers
 * need is then not loaded. The process must end by `process.exit`, since the threads wait for work.
 */
export async function startHelpers(workers: number, script: string | URL): Promise<{ helpers?: Helpers }> {
  if (workers === 1) return {};
  const { Worker } = await import("node:worker_threads");
  const threads = Array.from({ length: workers - 1 }, () => new Worker(script));
  await Promise.all(threads.map((thread) => once(thread, "message")));
  return { helpers: new Helpers(threads) };
}
