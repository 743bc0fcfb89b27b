/** The lock kinds of the TDX module, bit by bit: each primitive written once, run sequentially, on shared memory, or explored. */
export { layoutOf, primitive, primitivesOf } from "./definitions.ts";
export {
  apply,
  execute,
  fieldsOf,
  type LockMemory,
  lockMemory,
  type Outcome,
  sharedMemory,
  sharedWord,
  type Word,
  wordOf,
} from "./execute.ts";
export { type LockSpec, lockModel } from "./model.ts";
export type {
  Branch,
  Field,
  FieldName,
  FieldValues,
  Instruction,
  LockKind,
  LockResult,
  Primitive,
  Step,
  WordLayout,
} from "./primitive.ts";
