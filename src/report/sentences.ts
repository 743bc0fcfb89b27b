/** Sentences of a report, each derived from facts. */
import type { ContendPair, ResourceUsers, Unlocked } from "../analysis/index.ts";
import type { Catalog, Leaf } from "../catalog/index.ts";

/** What the sentences may speak of: the leaves in scope, their resources, and the contention among them. */
export interface ReportFacts {
  readonly catalog: Catalog;
  readonly leaves: readonly Leaf[];
  readonly resources: readonly ResourceUsers[];
  readonly contention: readonly ContendPair[];
  readonly unlocked: readonly Unlocked[];
}

export function tldr(_facts: ReportFacts): string[] {
  return [];
}
export function notes(_facts: ReportFacts): { leaf: string; sentences: string[] }[] {
  return [];
}
export function summary(facts: ReportFacts): { resource: string; sentences: string[] }[] {
  return facts.resources.map((r) => ({ resource: r.resource, sentences: [] }));
}
export function conclusion(_facts: ReportFacts): string[] {
  return [];
}
