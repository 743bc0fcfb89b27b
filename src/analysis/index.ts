/** Pure functions over catalogs: users of a resource, contending pairs, differences between modules. */

export {
  type Account,
  type Accounted,
  accountFor,
  type ContentionCause,
  contentionCauses,
  type Explanation,
  parseExplanations,
} from "./account.ts";
export {
  type AllowEntry,
  type AllowList,
  allowSchema,
  allowText,
  type FailOn,
  type FindingGroup,
  failing,
  findingGroups,
  parseAllow,
  type Unaccepted,
  unaccepted,
} from "./allow.ts";
export {
  type ContentionOptions,
  contendingPairs,
  contention,
  MODULE_ASSUMPTIONS,
  unlockedWalks,
} from "./contention.ts";
export { type CounterWrap, counterWraps } from "./counter-wrap.ts";
export { diffCatalogs, hasDifferences } from "./diff.ts";
export { HOST_ASSUMPTION, hostContention, type PairVerdict, underHost, verdictOf } from "./exclusion.ts";
export { type ExplainOptions, explainLines, explainLog, logReader, returners } from "./explain/explain.ts";
export { HOLDER_ORDER } from "./explain/holders.ts";
export { type ExplainDocument, explainSchema, type StatusExplanation } from "./explain/schema.ts";
export { diffHosts, type HostDiffDocument, hostDiffSchema, hostsDiffer } from "./host-diff.ts";
export { factsOfCalls, type HostFact } from "./host-facts.ts";
export { keptPairs } from "./kept-pairs.ts";
export type { LogReader, LogReading } from "./log/reader.ts";
export { type Comparison, compareWithMet, type Met } from "./met.ts";
export { compareResources, isAncestor, type ResourceFacts, resourceFacts } from "./resources.ts";
export type {
  BehaviourChange,
  Cause,
  ContendDocument,
  ContendPair,
  DiffDocument,
  Exclusion,
  HostInfo,
  LeafChange,
  PathPair,
  RowChange,
  RowFacts,
  Unlocked,
} from "./schema.ts";
export { contendSchema, diffSchema, hostInfoSchema, pairSchema, unlockedSchema } from "./schema.ts";
export { type ResourceUsers, resourceUsers } from "./users.ts";
