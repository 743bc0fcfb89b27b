/** What a check may use of the machine: memory, and threads that help it, started and stopped with a run of `check`. */
import { once } from "node:events";
import { existsSync } from "node:fs";
import { totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import { Helpers } from "../check/index.ts";
import { SeamlockError } from "../errors.ts";

/** The built worker, beside the built program; a source tree has none. */
const WORKER = new URL("./check-worker.js", import.meta.url);

/** Run `use` with so many helping threads; none: null. */
export async function withHelpers<T>(count: number, use: (helpers: Helpers | null) => Promise<T>): Promise<T> {
  if (count === 0) return use(null);
  if (WORKER.protocol !== "file:" || !existsSync(fileURLToPath(WORKER)))
    throw new SeamlockError("SL0008", "the part of the program that other threads run is not beside it", {
      hint: "install the package again",
    });
  const { Worker } = await import("node:worker_threads");
  const threads = Array.from({ length: count }, () => new Worker(WORKER));
  try {
    // A search waits for its helpers without looking at events, so they must be there before it starts.
    await Promise.all(threads.map((thread) => once(thread, "message")));
    return await use(new Helpers(threads));
  } finally {
    await Promise.all(threads.map((thread) => thread.terminate()));
  }
}

const MEGABYTE = 1024 * 1024;
/** What the program takes beside the states. */
const PROGRAM = 150 * MEGABYTE;

/**
 * The bound on the memory of a search: as asked for; else, where a control group bounds the process, what is left of that beside the
 * program, so that the search ends as inconclusive before the kernel kills it. No bound otherwise.
 *
 * @param asked megabytes
 */
export function memoryBound(
  asked: number | undefined,
  constrained = process.constrainedMemory(),
): { readonly memory?: number } {
  if (asked !== undefined) return { memory: asked * MEGABYTE };
  // Without a control group Node.js gives nothing, nought, or more than any machine has.
  if (!constrained || constrained >= totalmem()) return {};
  return { memory: Math.max(16 * MEGABYTE, Math.floor((constrained - PROGRAM) * 0.9)) };
}
