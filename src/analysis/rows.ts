/** The rows of a catalog that a pair is of. */
import type { Acquisition, Catalog } from "../catalog/index.ts";
import type { ContendPair } from "./schema.ts";

/**
 * Finds the rows of a side of a pair. A pair is a document, which names a row by what tells it from others; where it tells two of one leaf
 * from each other by nothing, it is of both.
 */
export function rowsOfPairs(catalog: Catalog): (pair: ContendPair, side: "a" | "b") => readonly Acquisition[] {
  const rows = new Map<string, Acquisition[]>();
  for (const { name, variant, acquisitions } of catalog.leaves)
    for (const row of acquisitions) {
      const key = keyOf(name, variant, row);
      const alike = rows.get(key);
      if (alike === undefined) rows.set(key, [row]);
      else alike.push(row);
    }
  return (pair, side) => {
    const { a, b, variantA, variantB, resourceA, resourceB, roleA, roleB, modeA, modeB, whenA, whenB } = pair;
    const key =
      side === "a"
        ? keyOf(a, variantA, { resource: resourceA, role: roleA, mode: modeA, when: whenA })
        : keyOf(b, variantB, { resource: resourceB, role: roleB, mode: modeB, when: whenB });
    return rows.get(key) ?? [];
  };
}

const keyOf = (
  leaf: string,
  variant: string | null,
  { resource, role, mode, when }: Pick<Acquisition, "resource" | "role" | "mode" | "when">,
): string => JSON.stringify([leaf, variant, resource, role, mode, when]);
