/** Seeded, fair or adversarial runs of any Model. Knows nothing of what the Model is about. */
export { randomOf, type ScheduleKind } from "./schedule.ts";
export {
  type BusyCount,
  type CostModel,
  type CounterHistogram,
  mergeSimulations,
  type Reproduce,
  type SimulatedViolation,
  type SimulateOptions,
  type SimulationResult,
  simulate,
} from "./simulate.ts";
