/** In which order the matrix's rows and columns stand. */
import type { ContentionMap, MapEntry } from "./map.ts";
import { type ContentionMatrix, cellKey, compareOutcomes, isPossible } from "./matrix.ts";

/** The orders, with what they are called. */
export const ORDERS = [
  ["phase", "by phase of the TD's life"],
  ["worst", "worst first"],
  ["name", "by name"],
] as const;
export type Order = (typeof ORDERS)[number][0];

/** The entries in an order; entries that are alike in it stay as they stood. */
export function ordered(
  entries: readonly MapEntry[],
  order: Order,
  matrix: ContentionMatrix,
  { phases }: ContentionMap,
): readonly MapEntry[] {
  if (order === "name") return [...entries].sort((x, y) => (x.id < y.id ? -1 : 1));
  if (order === "phase") return [...entries].sort((x, y) => phases.indexOf(x.phase) - phases.indexOf(y.phase));
  const cells = new Map(
    entries.map((entry) => [
      entry,
      entries
        .flatMap((other) => matrix.get(cellKey(entry.id, other.id)) ?? [])
        .filter(isPossible)
        .sort(compareOutcomes),
    ]),
  );
  return [...entries].sort((x, y) => {
    const [mine, theirs] = [cells.get(x) ?? [], cells.get(y) ?? []];
    const [first, second] = [mine[0], theirs[0]];
    if (first === undefined || second === undefined) return theirs.length - mine.length;
    const alike = (cells: typeof mine): number =>
      cells.filter((cell) => compareOutcomes(cell, cells[0] ?? cell) === 0).length;
    return compareOutcomes(first, second) || alike(theirs) - alike(mine);
  });
}
