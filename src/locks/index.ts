/**
 * The lock kinds of a module, bit by bit, from the programs in its catalog: run sequentially, on shared memory, or explored under every
 * interleaving.
 */
export {
  apply,
  ENTRY_WRITES,
  type EntryWrite,
  entryWritesOf,
  execute,
  fieldsOf,
  type Outcome,
  type Word,
  wordOf,
} from "../catalog/index.ts";
export { type Lock, lockOf, narrowed, programFor } from "./lock.ts";
export { type LockSpec, lockModel } from "./model.ts";
export { type LockMemory, lockMemory, sharedMemory, sharedWord } from "./shared-word.ts";
