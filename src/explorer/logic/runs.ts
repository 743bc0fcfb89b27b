/** What the page and the worker that checks say to each other. */
import type { ContendPair } from "../../analysis/index.ts";
import type { Catalog, Leaf } from "../../catalog/index.ts";
import type { CheckResult, Progress } from "../../check/index.ts";
import type { HostProfile } from "../../host/index.ts";
import type { Override } from "../../model/index.ts";
import type { ScenarioFile } from "../data.ts";

/** A scenario with chosen sizes and policy. */
export interface ScenarioJob {
  readonly kind: "scenario";
  readonly scenario: ScenarioFile;
  readonly overrides: readonly Override[];
  readonly catalog: Catalog;
  readonly host: HostProfile | null;
}

/** How two calls come to meet. */
export interface PairJob {
  readonly kind: "pair";
  readonly pair: ContendPair;
  readonly leaves: readonly Leaf[];
}

export type Job = ScenarioJob | PairJob;

/** To the worker. */
export type Request = { readonly kind: "start"; readonly job: Job } | { readonly kind: "cancel" };

/** From the worker; one `done` or `failed` ends a job. */
export type Reply =
  | { readonly kind: "progress"; readonly progress: Progress }
  | { readonly kind: "done"; readonly result: CheckResult; readonly note: string | null }
  | { readonly kind: "failed"; readonly code: string | null; readonly message: string; readonly hint: string | null };
