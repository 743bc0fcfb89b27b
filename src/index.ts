/**
 * seamlock as a library: what the TDX module does with its locks, as facts and as conclusions from them.
 *
 * Everything here also runs in a browser. The extractor, which reads source trees from disk, is `seamlock/extract`.
 *
 * Who contends with whom, and whether a removal of a page that gives up at the first BUSY gets through:
 *
 *     import { readFileSync } from "node:fs";
 *     import { check, contention, model, parseCatalog, renderTraceText } from "seamlock";
 *
 *     const read = (file) => readFileSync(file, "utf8");
 *     const catalog = parseCatalog(read("data/modules/1.5.05.json"), "1.5.05.json");
 *     for (const { a, b, resource, possible } of contention(catalog, { resources: ["TDCS_EPOCH"] }).pairs) {
 *       if (possible) console.log(`${a} and ${b} contend on ${resource}`);
 *     }
 *
 *     const policy = { path: "removal.policy", value: "fail-fast", from: "here" };
 *     const scenario = model.parseScenario(read("data/scenarios/page-removal.yaml"), "page-removal.yaml", [policy]);
 *     const needsNone = () => {
 *       throw new Error("this scenario names no host");
 *     };
 *     const built = model.buildModel(scenario, { catalog: () => catalog, host: needsNone });
 *     const { outcome, trace } = check.check(built, { first: true });
 *     console.log(outcome.kind);
 *     if (trace !== null) console.log(renderTraceText(trace));
 */
export * from "./analysis/index.ts";
export * from "./catalog/index.ts";
/** Exhaustive exploration of any model: verdicts, shortest counterexamples, fair cycles. */
export * as check from "./check/index.ts";
export { type Place, SeamlockError } from "./errors.ts";
/** Models and traces in other tools' languages: Promela, TLA+, Mermaid, Perfetto. */
export * as convert from "./export/index.ts";
export * from "./host/index.ts";
/** The modelling language: declare processes as labelled steps, check that a model is well formed, run and print it. */
export * as language from "./language/index.ts";
/** The lock kinds, bit by bit: as functions, on shared memory, and as models. */
export * as locks from "./locks/index.ts";
/** The module's leaves, the host's paths and the guests as one model, from a scenario. */
export * as model from "./model/index.ts";
export * from "./report/index.ts";
/** Seeded runs of any model, fair or adversarial. */
export * as simulation from "./simulate/index.ts";
/** Recordings of real hosts: what contended, who held the lock, and recordings of hosts that never were. */
export * as recordings from "./trace/index.ts";
