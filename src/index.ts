/**
 * seamlock as a library: what the TDX module does with its locks, as facts and as conclusions from them.
 *
 * Everything here also runs in a browser. The extractor, which reads source trees from disk, is `seamlock/extract`.
 */
export * from "./analysis/index.ts";
export * from "./catalog/index.ts";
export { type Place, SeamlockError } from "./errors.ts";
export * from "./host/index.ts";
/** The modelling language: declare processes as labelled steps, check that a model is well formed, run and print it. */
export * as language from "./language/index.ts";
export * from "./report/index.ts";
