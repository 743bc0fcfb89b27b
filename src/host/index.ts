/** What a hypervisor does around its SEAMCALLs, as facts: HostProfile types, schema, loading, lint. */
export { isBundledHost } from "./bundled-host.ts";
export { compareHosts, type HostDifference, hostCheckSchema } from "./compare.ts";
export { entriesOf, type HostFinding, lintHost } from "./lint.ts";
export { checkKind, invalidField, type LoadedHost, parseHost } from "./parse.ts";
export {
  clausesFor,
  clauseText,
  compareSeverity,
  type HostSeverity,
  reachedOf,
  SEVERITIES,
  severityOf,
  worst,
} from "./reactions.ts";
export {
  type BusyClause,
  busyClauseSchema,
  type Extracted,
  exitSchema,
  guestSchema,
  type HostLock,
  type HostPath,
  type HostPlace,
  type HostProfile,
  type HostStep,
  heldLockSchema,
  hostDiagnosticSchema,
  hostLintSchema,
  hostSchema,
  hostsSchema,
  type LockUse,
  type Phase,
  removalSchema,
} from "./schema.ts";
export { serializeHost } from "./serialize.ts";
export { KERNEL_SOURCES, type KernelSource, kernelSourceUrl, originOf } from "./source-url.ts";
export { heldAt } from "./uses.ts";
export {
  hasSharedMode,
  isEndless,
  isKick,
  LOCK_KINDS,
  LOCK_SCOPES,
  type LockScope,
  type Reaction,
  reactionOf,
  type TdExit,
} from "./vocabulary.ts";
export { readYaml, type YamlFile } from "./yaml.ts";
