import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import type { LockKind } from "../../src/catalog/index.ts";
import { sharedMemory, sharedWord } from "../../src/locks/index.ts";
import { newestLock } from "./bundled.ts";

/** Runs threads that contend for one word; counts grants and broken promises. */
async function stress(kind: LockKind, sides: readonly ("host" | "guest")[], rounds: number) {
  const lock = newestLock(kind);
  const memory = sharedMemory(lock.word);
  const inside = new Int32Array(new SharedArrayBuffer(16));
  const buffers = { word: memory.buffer, inside: inside.buffer };
  await Promise.all(
    sides.map(
      (side) =>
        new Promise<void>((resolve, reject) => {
          const worker = new Worker(new URL("./worker.mjs", import.meta.url), {
            workerData: { lock, side, rounds, buffers },
          });
          worker.on("error", reject);
          worker.on("exit", (code) => (code === 0 ? resolve() : reject(new Error(`a thread ended with ${code}`))));
        }),
    ),
  );
  return { broken: inside[2], grants: inside[3] ?? 0, left: sharedWord(memory, 0).load() };
}

describe("threads that really contend", () => {
  it.each([
    ["sharex", ["host", "host", "host"], 0n],
    ["sharex_hp", ["host", "host", "host"], 2n],
    ["sept_entry", ["host", "host", "guest", "guest"], 1n << 52n],
    ["mutex", ["host", "host"], 0n],
    ["bit", ["host", "host"], 0n],
  ] as const)("%s keeps its promises", { timeout: 60_000 }, async (kind, sides, priority) => {
    const { broken, grants, left } = await stress(kind, sides, 3000);
    expect(broken).toBe(0);
    expect(grants).toBeGreaterThan(0);
    // A host's refusal may be the last thing that happened.
    expect(left & ~priority).toBe(0n);
  });
});
