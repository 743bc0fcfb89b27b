/** What checks may use of the machine: memory, and threads that help them, started and stopped with a run of `check` or `sweep`. */
import { once } from "node:events";
import { existsSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Worker } from "node:worker_threads";
import { Option } from "commander";
import { Helpers, partsFor } from "../check/index.ts";
import { SeamlockError } from "../errors.ts";

/** The built worker, beside the built program; a source tree has none. */
const WORKER = new URL("./check-worker.js", import.meta.url);

const isWorkerThere = (): boolean => WORKER.protocol === "file:" && existsSync(fileURLToPath(WORKER));

/** So many threads work on a large search when nobody says how many: what more bring was not measured. */
const MOST_BY_DEFAULT = 8;

/**
 * Run `use` with threads that help a search once it is large.
 *
 * @param workers how many threads in all; undefined: as many as there are processors, at most `MOST_BY_DEFAULT`
 * @param from how many states make a search large; undefined: as the engine has it
 */
export async function withHelpers<T>(
  workers: number | undefined,
  use: (helpers: Helpers | null) => Promise<T>,
  from?: number,
): Promise<T> {
  const count = (workers ?? Math.min(MOST_BY_DEFAULT, availableParallelism())) - 1;
  if (count === 0) return use(null);
  if (!isWorkerThere()) {
    // Run from source.
    if (workers === undefined) return use(null);
    throw new SeamlockError("SL0008", "the part of the program that other threads run is not beside it", {
      hint: "install the package again",
    });
  }
  let threads: readonly Worker[] = [];
  let isOver = false;
  const helpers = new Helpers(count, () => start(), from);
  const start = async () => {
    const { Worker } = await import("node:worker_threads");
    // Threads that began after the search has ended would keep the program alive.
    if (isOver) return threads;
    threads = Array.from({ length: count }, () => new Worker(WORKER));
    for (const thread of threads) whenEnded(thread, (why) => helpers.lose(why));
    await Promise.all(threads.map((thread) => once(thread, "message")));
    return threads;
  };
  try {
    return await use(helpers);
  } finally {
    isOver = true;
    await Promise.all(threads.map((thread) => thread.terminate()));
    if (threads.length > 0) collectGarbage();
  }
}

/** Say why, when a thread ends. Nothing else says it: a thread that was ended cannot, and an error of its own would end the program instead. */
function whenEnded(thread: Worker, say: (why: SeamlockError) => void): void {
  let cause: unknown = null;
  thread.on("error", (error) => {
    cause = error;
  });
  thread.on("exit", (status) => {
    const reason = cause instanceof Error ? cause.message : `it ended with status ${status}`;
    say(
      new SeamlockError("SL5101", `a thread that helps the search broke down: ${reason}`, {
        cause,
        hint: "run it again with `--workers 1`, which needs no other thread",
      }),
    );
  });
}

/** V8 does not count shared memory, so nothing makes it give back what a search that is over had, however much that is. */
function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}

/** The option of verbs that check: how many threads a search may use. */
export const workersOption = (): Option =>
  new Option(
    "--workers <n>",
    "explore with so many threads, at most 16, once there are many states; the result does not depend on it (default: all processors, at most 8)",
  ).argParser((text) => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= 1 && value <= 16) return value;
    throw new SeamlockError("SL0004", `\`${text}\` is no number of workers`, {
      hint: "give a whole number from 1 to 16",
    });
  });

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
): { readonly memory?: number; readonly parts?: number } {
  if (asked !== undefined) return { memory: asked * MEGABYTE, parts: partsFor(asked * MEGABYTE) };
  // Without a control group Node.js gives nothing, nought, or more than any machine has.
  if (!constrained || constrained >= totalmem()) return {};
  return { memory: Math.max(16 * MEGABYTE, Math.floor((constrained - PROGRAM) * 0.9)) };
}
