/**
 * seamlock as a library: what the TDX module does with its locks, as facts and as conclusions from them.
 *
 * Everything here also runs in a browser. The extractor, which reads source trees from disk, is `seamlock/extract`.
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
