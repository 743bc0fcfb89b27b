/** Seeded runs in pieces, so that a worker hears a cancel between them. */
import type { Model } from "../../language/index.ts";
import { mergeSimulations, type ScheduleKind, type SimulationResult, simulate } from "../../simulate/index.ts";

/** What the page lets be chosen. */
export interface SimulationChoice {
  readonly seed: number;
  readonly runs: number;
  /** Steps of one run at most. */
  readonly steps: number;
  readonly schedule: ScheduleKind;
}

/** A seed, and runs that can be looked at step by step. */
export const USUAL_CHOICE: SimulationChoice = { seed: 1, runs: 100, steps: 1000, schedule: "fair" };

/** Beyond these a page would be busy for hours; the command line has no such limits. */
export const LARGEST = { seed: 0xffff_ffff, runs: 1_000_000, steps: 100_000 } as const;

/** The choice that an address makes; what is no whole number, or too large, counts as not chosen. */
export function simulationChoice(params: Readonly<Record<string, string>>): SimulationChoice {
  const whole = (name: keyof typeof LARGEST, least: number): number => {
    const text = params[name] ?? "";
    const value = Number(text);
    const fits = /^\d+$/.test(text) && value >= least && value <= LARGEST[name];
    return fits ? value : USUAL_CHOICE[name];
  };
  const schedule = params["schedule"] === "priority" ? "priority" : "fair";
  return { seed: whole("seed", 0), runs: whole("runs", 1), steps: whole("steps", 1), schedule };
}

export interface SimulationProgress {
  /** Runs that were made, of `all`. */
  readonly runs: number;
  readonly all: number;
  readonly steps: number;
}

interface Control {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: SimulationProgress) => void;
}

/** How long a piece takes, in milliseconds: a cancel waits no longer than that and one run. */
const PIECE = 150;

/**
 * Makes the runs, or as many as there is time for until the signal. The runs are the same however they fall into pieces. The result
 * keeps the trace of the first run.
 */
export async function simulateInPieces(
  model: Model,
  choice: SimulationChoice,
  { signal, onProgress }: Control,
): Promise<SimulationResult> {
  const began = performance.now();
  let sum = piece(model, choice, 0);
  onProgress({ runs: sum.runs, all: choice.runs, steps: sum.steps });
  while (sum.runs < choice.runs) {
    // A worker hears messages only between its tasks.
    await new Promise((resolve) => setTimeout(resolve, 0));
    if (signal.aborted) break;
    sum = mergeSimulations([sum, piece(model, choice, sum.runs)]);
    onProgress({ runs: sum.runs, all: choice.runs, steps: sum.steps });
  }
  return { ...sum, seconds: (performance.now() - began) / 1000 };
}

/** Runs from the one with this number on, at least one. */
function piece(model: Model, { seed, runs, steps, schedule }: SimulationChoice, firstRun: number): SimulationResult {
  const until = performance.now() + PIECE;
  return simulate(model, {
    seed,
    firstRun,
    runs: runs - firstRun,
    steps,
    schedule,
    trace: firstRun === 0,
    onProgress: () => performance.now() < until,
  });
}
