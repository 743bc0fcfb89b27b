/** Seeded, fair or adversarial runs of any Model. Knows nothing of what the Model is about. */
export type { CostModel, Reproduce, RunOptions } from "./options.ts";
export {
  type BusyCount,
  type CounterHistogram,
  mergeSimulations,
  type SimulatedViolation,
  type SimulationResult,
  type StretchCount,
} from "./result.ts";
export { randomOf, type ScheduleKind } from "./schedule.ts";
export {
  LONGEST_TRACE,
  type RunRange,
  type Runs,
  type RunsControl,
  type SimulateOptions,
  Simulator,
  simulate,
  type TimedTrace,
} from "./simulate.ts";
export { checkSize, LARGEST, type ModelSize, modelSize } from "./size.ts";
