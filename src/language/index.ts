/** The modelling language: a Model as plain data, its builders, validator, printer and interpreter, and the Trace of a run. */
export * from "./build.ts";
export * from "./emit.ts";
export * from "./expr.ts";
export * from "./holds.ts";
export * from "./interpret.ts";
export * from "./layout.ts";
export * from "./lower.ts";
export { canonicalExpr } from "./params.ts";
export * from "./print.ts";
export * from "./range.ts";
export { traceOfDocument } from "./read-trace.ts";
export * from "./trace.ts";
export * from "./types.ts";
export * from "./validate.ts";
export * from "./walk.ts";
