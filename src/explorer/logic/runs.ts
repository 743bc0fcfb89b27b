/** What the page and the worker that checks and simulates say to each other. */
import type { ContendPair } from "../../analysis/index.ts";
import type { Catalog, Leaf } from "../../catalog/index.ts";
import type { CheckResult, Progress } from "../../check/index.ts";
import type { HostProfile } from "../../host/index.ts";
import type { Override } from "../../model/index.ts";
import type { SimulationResult } from "../../simulate/index.ts";
import type { ScenarioFile } from "../data.ts";
import type { SimulationChoice, SimulationProgress } from "./simulation.ts";

/** A scenario with chosen sizes and policy. */
interface ChosenScenario {
  readonly scenario: ScenarioFile;
  readonly overrides: readonly Override[];
  readonly catalog: Catalog;
  readonly host: HostProfile | null;
}

/** Explores all states of a scenario. */
export interface CheckJob extends ChosenScenario {
  readonly kind: "check";
}

/** Makes seeded runs of a scenario. */
export interface SimulateJob extends ChosenScenario {
  readonly kind: "simulate";
  readonly choice: SimulationChoice;
}

/** How two calls come to meet. */
export interface PairJob {
  readonly kind: "pair";
  readonly pair: ContendPair;
  readonly leaves: readonly Leaf[];
}

export type Job = CheckJob | SimulateJob | PairJob;

/** To the worker. */
export type Request = { readonly kind: "start"; readonly job: Job } | { readonly kind: "cancel" };

/** How far a job is. */
export type JobProgress =
  | { readonly kind: "check"; readonly progress: Progress }
  | { readonly kind: "simulate"; readonly progress: SimulationProgress };

/** What a job found. */
export type Found =
  | { readonly kind: "check"; readonly result: CheckResult; readonly note: string | null }
  | { readonly kind: "simulate"; readonly result: SimulationResult; readonly choice: SimulationChoice };

/** From the worker; one `done` or `failed` ends a job. */
export type Reply =
  | { readonly kind: "progress"; readonly progress: JobProgress }
  | { readonly kind: "done"; readonly found: Found }
  | { readonly kind: "failed"; readonly code: string | null; readonly message: string; readonly hint: string | null };
