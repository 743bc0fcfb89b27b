/** What the page and the worker that checks and simulates say to each other. */
import type { ContendPair } from "../../analysis/index.ts";
import type { Catalog, Leaf } from "../../catalog/index.ts";
import type { CheckResult, Progress } from "../../check/index.ts";
import type { HostProfile } from "../../host/index.ts";
import type { Override } from "../../model/index.ts";
import type { Standing } from "../../report/index.ts";
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

/** What a verdict is of, and what it rests on: everything that makes it one that can be quoted. */
export interface Proof {
  /** `page-removal on module 1.5.25 with 2 vCPUs and 2 pages, policy kick-first`. */
  readonly subject: string;
  readonly sentences: readonly string[];
  readonly properties: readonly Standing[];
  readonly assumptions: readonly string[];
  /** Every field of the scenario. */
  readonly parameters: Readonly<Record<string, string | number | boolean>>;
  /** Holes in the facts. */
  readonly doubts: readonly string[];
}

/** What a job found. */
export type Found =
  | {
      readonly kind: "check";
      readonly result: CheckResult;
      readonly note: string | null;
      /** Null where two calls meet: that run is shown, and proves nothing. */
      readonly proof: Proof | null;
    }
  | { readonly kind: "simulate"; readonly result: SimulationResult; readonly choice: SimulationChoice };

/** From the worker; one `done` or `failed` ends a job. */
export type Reply =
  | { readonly kind: "progress"; readonly progress: JobProgress }
  | { readonly kind: "done"; readonly found: Found }
  | { readonly kind: "failed"; readonly code: string | null; readonly message: string; readonly hint: string | null };
