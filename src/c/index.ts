/**
 * Reads C: tokens, syntax trees, macros, an index of a tree's functions, and (`symbolic/`) what is known of values and memory on
 * the paths through a function. Knows no project; what a project's C needs stands in its `Dialect`, what its calls mean in the
 * `Settings` and `Domain`s that it gives to `runFunction`.
 */

export type { CallExpr, Expr, FunctionAst, Stmt } from "./ast.ts";
export type { Dialect } from "./dialect.ts";
export { fileText } from "./file-text.ts";
export { LIMITS } from "./limits.ts";
export { type FunctionInfo, Program, placed, type SourceFile, substitute } from "./program.ts";
export type { Guard } from "./symbolic/assumptions.ts";
export { Conditions, type Distinction } from "./symbolic/conditions.ts";
export { Domain, type LoopAdvice } from "./symbolic/domain.ts";
export { Effects } from "./symbolic/effects.ts";
export type {
  Call,
  Evaluated,
  Frame,
  IfStmt,
  LoopStmt,
  LoopTest,
  Lvalue,
  Settings,
  Trouble,
} from "./symbolic/engine.ts";
export {
  isCountedLike,
  isInstanceOf,
  keyWithoutElements,
  pointersTo,
  pointerTo,
  readFrom,
  sourcesOfLocation,
  stepsOf,
  wayTo,
} from "./symbolic/locations.ts";
export { UNROLL } from "./symbolic/loops.ts";
export { runFunction } from "./symbolic/machine.ts";
export type { ShortText, ValueNames } from "./symbolic/names.ts";
export { joinPaths, type Path } from "./symbolic/path.ts";
export { sourceText } from "./symbolic/source-text.ts";
export type { AbstractState } from "./symbolic/state.ts";
export {
  and,
  atomsOf,
  equal,
  type Formula,
  idOf,
  isConst,
  type Location,
  not,
  num,
  or,
  reworded,
  type Step,
  sym,
  type Test,
  TRUE,
  textOf,
  truth,
  type Value,
  valueText,
} from "./symbolic/values.ts";
export { joinedText, pointeeText, unaryText } from "./text.ts";
export { Types } from "./types.ts";
export {
  calleeOf,
  expressionsIn,
  expressionsOf,
  type InitializerPlace,
  partsOf,
  placesIn,
  statementsIn,
  statementsOf,
  within,
} from "./walk.ts";
export { ParameterWrites } from "./writes.ts";
