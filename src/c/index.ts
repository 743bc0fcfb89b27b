/**
 * Reads C: tokens, syntax trees, macros, an index of a tree's functions, and (`symbolic/`) what is known of values and memory on
 * the ways through a function. Knows no project; what a project's C needs stands in its `Dialect`.
 */

export type { Expr, FunctionAst, Stmt } from "./ast.ts";
export type { Dialect } from "./dialect.ts";
export { LIMITS } from "./limits.ts";
export { arithmetic, type FunctionInfo, Program, placed, type SourceFile, substitute } from "./program.ts";
export { Assumptions, type Guard } from "./symbolic/assumptions.ts";
export { type Condition, Conditions } from "./symbolic/conditions.ts";
export { invocationOf, Memory } from "./symbolic/memory.ts";
export { joinPaths, type Path } from "./symbolic/path.ts";
export {
  and,
  atomsOf,
  equal,
  FALSE,
  type Formula,
  idOf,
  isConst,
  not,
  num,
  or,
  ordering,
  pointee,
  reworded,
  type Sym,
  sameValue,
  sym,
  TRUE,
  textOf,
  truth,
  type Value,
  valueText,
  worded,
} from "./symbolic/values.ts";
export { baseText, binaryText, joinedText, memberText, unaryText } from "./text.ts";
export { ParameterWrites } from "./writes.ts";
