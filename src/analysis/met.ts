/** What the analysis leaves possible, held against what the runs of a model met. */
import { compareResources, compareText } from "./resources.ts";
import type { ContendPair, Exclusion } from "./schema.ts";

/** A BUSY that some run of a model meets: the leaf that was refused, the lock, and the leaves that held it then. */
export interface Met {
  readonly leaf: string | null;
  readonly resource: string;
  readonly holders: readonly string[];
}

/** Two leaves on one lock, `a ≤ b`, over all variants and roles. */
export interface Comparison {
  readonly a: string;
  readonly b: string;
  readonly resource: string;
  /** Does the analysis leave it possible? */
  readonly possible: boolean;
  /** Does some run meet it? */
  readonly met: boolean;
  /** Why the analysis excludes it; empty when it does not, or when it does not know of such a pair at all. */
  readonly excludedBy: readonly Exclusion[];
}

/**
 * Every pair of leaves on a lock that the analysis leaves possible or that some run meets, by resource, then a, b. The two sources agree
 * where `possible` equals `met`.
 */
export function compareWithMet(pairs: readonly ContendPair[], met: readonly Met[]): Comparison[] {
  const rows = new Map<string, Comparison>();
  for (const { a, b, resource, possible, excludedBy } of pairs) {
    const key = keyOf(a, b, resource);
    const before = rows.get(key);
    if (before?.possible === true) continue;
    const reasons = possible ? [] : [...(before?.excludedBy ?? []), ...excludedBy];
    rows.set(key, { a, b, resource, possible, met: false, excludedBy: distinct(reasons) });
  }
  for (const { leaf, resource, holders } of met) {
    for (const holder of leaf === null ? [] : holders) {
      const [a, b] = [leaf as string, holder].sort(compareText) as [string, string];
      const own = keyOf(a, b, resource);
      // Two calls that both name a page as a target page meet on PAGE, also when it is in use as a TDR or TDVPR.
      const page = keyOf(a, b, "PAGE");
      const key = !rows.has(own) && rows.has(page) ? page : own;
      const before = rows.get(key) ?? { a, b, resource, possible: false, excludedBy: [] };
      rows.set(key, { ...before, met: true });
    }
  }
  return [...rows.values()]
    .filter((row) => row.possible || row.met)
    .sort((x, y) => compareResources(x.resource, y.resource) || compareText(x.a, y.a) || compareText(x.b, y.b));
}

const keyOf = (a: string, b: string, resource: string): string => `${a} ${b} ${resource}`;

function distinct(exclusions: readonly Exclusion[]): Exclusion[] {
  return [...new Map(exclusions.map((one) => [`${one.kind} ${one.what}`, one])).values()];
}
