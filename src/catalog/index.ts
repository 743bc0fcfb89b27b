/** What one version of the TDX module does, as facts: types, schema, loading, names, status codes. */
export { aliasesOf, allAliases, dispatcherNames, type LeafRef } from "./aliases.ts";
export { bundledRelease, NO_VERSION } from "./bundled-release.ts";
export { type Condition, conditionSchema, type Term, testsOf } from "./conditions.ts";
export { ENTRY_WRITES, type EntryWrite, type EntryWriteName, entryWriteName, entryWritesOf } from "./entry-writes.ts";
export { findJsonFault, lineAndColumn } from "./json.ts";
export { isKnownPrimitive, primitiveName, primitiveText, servesRow } from "./known-primitives.ts";
export { LEAF_NAME, leafName, resolveLeaf, sideOf, spelledName } from "./leaves.ts";
export { readOwnCatalog } from "./own-catalog.ts";
export { parseCatalog } from "./parse.ts";
export type {
  AtomicInstruction,
  Behaviour,
  BitSource,
  FieldName,
  FieldTest,
  FieldValues,
  LockProgram,
  LockResult,
  LockWord,
  OtherAtomic,
  ProgramBranch,
  ProgramStep,
  SeptWriter,
  WriterStep,
} from "./programs.ts";
export { catalogOfReading, type Reading, readingSchema } from "./reading.ts";
export {
  type CallEnd,
  ordersAmong,
  releasedBefore,
  releaseOrders,
  releasePlace,
  releaseText,
  usualOrder,
} from "./release.ts";
export {
  apply,
  branchTaken,
  execute,
  fieldsOf,
  type Outcome,
  testHolds,
  type Word,
  wordOf,
} from "./run-program.ts";
export {
  catalogSchema,
  leafSchema,
  lockKindSchema,
  lockModeSchema,
  moduleInfoSchema,
  modulesSchema,
  sideSchema,
  siteSchema,
  statusSchema,
} from "./schema.ts";
export { serializeCatalog, serializeJson } from "./serialize.ts";
export { sourceUrl } from "./source-url.ts";
export { type DecodedStatus, decodeStatus, formatStatus, parseStatus, statusText } from "./status.ts";
export {
  type Acquisition,
  type BitField,
  type Catalog,
  type Coverage,
  type Diagnostic,
  type Leaf,
  type LockDefinition,
  type LockKind,
  type LockMode,
  type LockPrimitive,
  type ModuleInfo,
  type Operand,
  type OtherBusy,
  type PageSize,
  placeText,
  RESOURCES,
  type Release,
  type ReleaseOrder,
  type ReleasePlace,
  type Severity,
  type Side,
  type Site,
  type StatusDetail,
  type StatusPart,
  type StatusSource,
  type TdOf,
} from "./types.ts";
export { type Versions, versionsOf, versionVariant } from "./variants.ts";
