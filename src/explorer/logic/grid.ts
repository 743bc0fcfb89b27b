/** The matrix as a table: a mark for each two entries. */
import type { Leaf } from "../../catalog/index.ts";
import { type Cell, cellKey, entryId, type Matrix } from "./matrix.ts";

/** What a cell shows. Equal marks are one object. */
export interface Mark {
  readonly verdict: Cell["verdict"] | "never";
  readonly sign: string;
}

const NEVER: Mark = { verdict: "never", sign: "·" };
const EXCLUDED: Mark = { verdict: "excluded", sign: "×" };
const possible = new Map<number, Mark>();

function markOf(cell: Cell | undefined): Mark {
  if (cell === undefined) return NEVER;
  if (cell.verdict === "excluded") return EXCLUDED;
  const count = cell.on.length;
  const mark = possible.get(count) ?? { verdict: "possible", sign: String(count) };
  possible.set(count, mark);
  return mark;
}

/** Rows of marks; rows and columns stand in the order of the entries. */
export function marksOf(entries: readonly Leaf[], matrix: Matrix): readonly (readonly Mark[])[] {
  const ids = entries.map(entryId);
  const rows: Mark[][] = ids.map(() => []);
  ids.forEach((a, r) => {
    for (let c = r; c < ids.length; c++) {
      const mark = markOf(matrix.get(cellKey(a, ids[c] as string)));
      (rows[r] as Mark[])[c] = mark;
      (rows[c] as Mark[])[r] = mark;
    }
  });
  return rows;
}
