/**
 * The pairs of calls that can meet at a lock, worked out once for each catalog: for those who ask again and again of catalogs that nobody
 * changes. It takes longer than reading many a recording.
 */
import type { Catalog } from "../catalog/index.ts";
import { contendingPairs } from "./contention.ts";
import type { ContendPair } from "./schema.ts";

const MADE = new WeakMap<Catalog, readonly ContendPair[]>();

/** All pairs of `contention`, of a catalog that does not change any more. */
export function keptPairs(catalog: Catalog): readonly ContendPair[] {
  const known = MADE.get(catalog);
  if (known !== undefined) return known;
  const made = contendingPairs(catalog);
  MADE.set(catalog, made);
  return made;
}
