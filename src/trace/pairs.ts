/** The pairs of calls that can meet at a lock; each catalog's are made once, since that takes longer than reading many a recording. */
import { type ContendPair, contendingPairs } from "../analysis/index.ts";
import type { Catalog } from "../catalog/index.ts";

const MADE = new WeakMap<Catalog, readonly ContendPair[]>();

export function pairsOf(catalog: Catalog): readonly ContendPair[] {
  const known = MADE.get(catalog);
  if (known !== undefined) return known;
  const made = contendingPairs(catalog);
  MADE.set(catalog, made);
  return made;
}
