/** Decides liveness where every state is a loop by itself. */
import { parentPort } from "node:worker_threads";
import { register } from "tsx/esm/api";

register();
const { check } = await import("../../src/check/index.ts");
const L = await import("../../src/language/index.ts");
const m = L.model("many loops");
const p = m.process("p");
for (let i = 0; i < 18; i++) {
  const x = m.variable(`x${i}`, L.boolType);
  p.step("set", { when: L.not(x), do: [L.set(x, true)], next: "set" });
}
p.step("set", { next: "set" });
m.leadsTo("it ends", true, false, []);
const { states, trace } = check(m.build(), { noReduction: true });
parentPort.postMessage({ states, loop: trace.loop, steps: trace.steps.length });
