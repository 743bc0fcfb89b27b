/** Catalog, host profile and scenario → Model: the module's leaves, the host's paths and policies, the guests. */

export { buildModel, type Facts, hostOf } from "./build.ts";
export { CallLock } from "./call-locks.ts";
export { doubted, doubtsOf } from "./doubts.ts";
export { releaseAssertion } from "./entry-writes.ts";
export { type AttributeWrite, type Lineage, lineageOf, type PendingFault, type SeptWrite } from "./lineage.ts";
export { type Held, LockSteps } from "./lock-steps.ts";
export { type Case, casesOf, type Matrix, parseMatrix, parseShard, type Shard, shardOf } from "./matrix.ts";
export { POLICIES, type Policy } from "./remover.ts";
export { type Override, POLICY_NAMES, parametersOf, parseScenario, type Scenario, scenarioSchema } from "./scenario.ts";
