/** What a simulation is asked for. */
import type { ScheduleKind } from "./schedule.ts";

/**
 * What a step costs: its own `cost`, else by its leaf, else by its action, else `otherwise`. Units are the caller's. Time is the sum
 * of the costs of all actors' steps, since a run is one order of all of them.
 */
export interface CostModel {
  readonly byLeaf?: Readonly<Record<string, number>>;
  readonly byAction: Readonly<Record<string, number>>;
  readonly otherwise: number;
}

/** Every step costs 1. */
export const DEFAULT_COSTS: CostModel = { byAction: {}, otherwise: 1 };

/**
 * Timed schedule: how long a process stays at a label, on the whole, by what it can do there; the longest of its steps counts. The unit is
 * the time that one step inside a call takes.
 */
export interface Pauses {
  readonly byAction: Readonly<Record<string, number>>;
  /** At a label where the process may stay for ever. */
  readonly idle: number;
  /** A step that is made on behalf of no call. */
  readonly outside: number;
  readonly otherwise: number;
}

/** A guest runs for long, an idle caller rests, what is between calls takes a little longer than what is inside. */
export const DEFAULT_PAUSES: Pauses = { byAction: { "td-exit": 100, kick: 10 }, idle: 200, outside: 4, otherwise: 1 };

/** What decides a run, beside the model and its number. */
export interface RunOptions {
  readonly seed?: number;
  /** Steps per run at most. */
  readonly steps?: number;
  readonly schedule?: ScheduleKind;
  /** Priority schedule: number of priority changes, and steps in a row after which a process drops. */
  readonly changes?: number;
  readonly patience?: number;
  readonly costs?: CostModel;
  /** Stop after the first run with a violation. */
  readonly first?: boolean;
}

/** The parameters that repeat a run exactly. */
export interface Reproduce {
  readonly seed: number;
  readonly run: number;
  readonly steps: number;
  readonly schedule: ScheduleKind;
  readonly changes: number;
  readonly patience: number;
}

/** The same with every default filled in; the first run is number 0. */
export function reproduceOf(options: RunOptions): Reproduce {
  const { seed = 1, steps = 10_000, schedule = "fair", changes = 3, patience = 200 } = options;
  return { seed, run: 0, steps, schedule, changes, patience };
}
