/** One thread of the stress run: acquires and releases one lock, and notes what its promises forbid. */
import { parentPort, workerData } from "node:worker_threads";
import { register } from "tsx/esm/api";

register();
const { execute, lockMemory, programFor, sharedWord } = await import("../../src/locks/index.ts");
const { lock, side, rounds, buffers } = workerData;
const word = sharedWord(lockMemory(lock.word, buffers.word), 0);
// inside[0]: writers, inside[1]: readers, inside[2]: broken promises, inside[3]: grants
const inside = new Int32Array(buffers.inside);
const modes = lock.kind === "sharex" || lock.kind === "sharex_hp" ? ["SHARED", "EXCLUSIVE"] : ["EXCLUSIVE"];

for (let round = 0; round < rounds; round++) {
  const mode = modes[round % modes.length];
  if (execute(programFor(lock, "acquire", mode, side), word).result !== "success") continue;
  const at = mode === "EXCLUSIVE" ? 0 : 1;
  const before = Atomics.add(inside, at, 1);
  const alone = at === 0 ? before === 0 && Atomics.load(inside, 1) === 0 : Atomics.load(inside, 0) === 0;
  if (!alone) Atomics.add(inside, 2, 1);
  Atomics.add(inside, 3, 1);
  Atomics.sub(inside, at, 1);
  if (execute(programFor(lock, "release", mode, side), word).result !== "success") Atomics.add(inside, 2, 1);
}
parentPort?.postMessage("done");
