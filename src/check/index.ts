/** Exhaustive exploration of any Model: verdicts, shortest counterexamples, fair cycles. Knows nothing of what the Model is about. */
export { type AsyncCheckOptions, type CheckOptions, check, checkAsync, startSearch } from "./check.ts";
export { checkpoint, resume } from "./checkpoint.ts";
export {
  fewerSwitches,
  firstDifference,
  isValid,
  moveOf,
  type Replay,
  replay,
  type TraceDifference,
} from "./replay.ts";
export type { BusyEntry, CheckResult, Outcome, Progress, SilentStep, Violation } from "./result.ts";
export { type Bounds, type Prepared, prepare, Search, type SearchOptions } from "./search.ts";
export { type Helper, Helpers, type HelperTask, partsFor, serve } from "./team.ts";
export { type ReductionReport, verifyReduction, verifyReductionAsync } from "./verify-reduction.ts";
