/** Pure functions over catalogs: users of a resource, contending pairs, differences between modules. */
export { type ContentionOptions, contendingPairs, contention, unlockedWalks } from "./contention.ts";
export { diffCatalogs, hasDifferences } from "./diff.ts";
export { hostContention, underHost } from "./exclusion.ts";
export {
  type Account,
  type Accounted,
  accountFor,
  type ContentionCause,
  contentionCauses,
  type Explanation,
} from "./explain.ts";
export { compareResources, isAncestor, type ResourceFacts, resourceFacts } from "./resources.ts";
export type {
  ContendDocument,
  ContendPair,
  DiffDocument,
  Exclusion,
  HostInfo,
  PathPair,
  RowChange,
  RowFacts,
  Unlocked,
} from "./schema.ts";
export { contendSchema, diffSchema, pairSchema, unlockedSchema } from "./schema.ts";
export { type ResourceUsers, resourceUsers } from "./users.ts";
