/** The matrix as a table: a mark for each two entries. */
import type { Outcome } from "./map.ts";
import { type Cell, type ContentionMatrix, cellKey } from "./matrix.ts";

/** What a cell shows. Equal marks are one object. */
export interface Mark {
  /** Names of its style: the outcome, and `rare`. */
  readonly kind: string;
  readonly sign: string;
}

/** A letter for each outcome: meaning never rests on colour. */
export const SIGNS: Readonly<Record<Outcome | "never", string>> = {
  lost: "L",
  error: "E",
  unknown: "?",
  warning: "W",
  retry: "R",
  guest: "G",
  possible: "●",
  unjudged: "–",
  excluded: "×",
  never: "·",
};

const marks = new Map<string, Mark>();

function markOf(cell: Cell | undefined): Mark {
  const outcome = cell?.outcome ?? "never";
  const rare = cell?.rare === true;
  const kind = rare ? `${outcome} rare` : outcome;
  const known = marks.get(kind) ?? { kind, sign: rare ? `(${SIGNS[outcome]})` : SIGNS[outcome] };
  marks.set(kind, known);
  return known;
}

/** Rows of marks; rows and columns stand in the order of the ids. */
export function marksOf(ids: readonly string[], matrix: ContentionMatrix): readonly (readonly Mark[])[] {
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
