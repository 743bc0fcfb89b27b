/** In which order a call takes its locks, and which of them it gives back before it takes others. */

import type { LeafFinal } from "./leaf-run.ts";
import { givenBack } from "./releases.ts";
import type { Held } from "./row-context.ts";
import type { ExtractionRules } from "./rules.ts";

/** The acquisitions of a row, on all paths. */
export interface RowEvents {
  readonly all: readonly Held[];
}

export interface Orders {
  /** By row: its position among the rows that take a lock; null for one that takes none. */
  readonly taken: readonly (number | null)[];
  /** By row: rows of this position and later ones are taken only after it was given back, on every path that takes both. */
  readonly givenBack: readonly (number | null)[];
}

/**
 * Orders rows so that on every path an earlier one is taken before a later one. Where paths take two in different orders, the
 * one that stands first in the source comes first.
 *
 * @param rows in source order
 * @param paths the successful paths, each with what it holds
 */
export function ordersOf(
  rows: readonly RowEvents[],
  paths: readonly { readonly final: LeafFinal; readonly held: readonly Held[] }[],
  rules: ExtractionRules,
): Orders {
  const sequences = paths.map(({ final, held }) => sequenceOf(rows, final, held, rules));
  const after = rows.map(() => new Set<number>());
  for (const taken of sequences)
    for (const [i, first] of taken.entries())
      for (const later of taken.slice(i + 1)) if (later.row !== first.row) after[later.row]?.add(first.row);
  const taken = positions(
    after,
    rows.map(({ all }) => all.some((item) => item.mode !== "NO_LOCK")),
  );
  const positionOf = (row: number) => taken[row] ?? -1;
  const back = rows.map((_, row) => {
    if (taken[row] == null) return null;
    const whileHeld = sequences.flatMap((sequence) =>
      sequence
        .filter((one) => one.row === row)
        .flatMap((one) =>
          sequence.filter((other) => other.at > one.at && other.at < one.end).map((other) => other.row),
        ),
    );
    return Math.max(positionOf(row), ...whileHeld.map(positionOf)) + 1;
  });
  return { taken, givenBack: back };
}

interface Taken {
  readonly row: number;
  /** Positions among the path's lock events: of the acquisition, and of the release. */
  readonly at: number;
  readonly end: number;
}

function sequenceOf(
  rows: readonly RowEvents[],
  final: LeafFinal,
  held: readonly Held[],
  rules: ExtractionRules,
): readonly Taken[] {
  const { events } = final;
  return held
    .filter((item) => item.mode !== "NO_LOCK")
    .map((item): Taken => {
      const release = givenBack(item.event, final, rules);
      const end = release ? events.indexOf(release) : events.length;
      return { row: rows.findIndex(({ all }) => all.includes(item)), at: events.indexOf(item.event), end };
    })
    .sort((a, b) => a.at - b.at);
}

/** Positions by a topological order; of those that could be next, and where all wait for each other, the first in the source. */
function positions(after: readonly ReadonlySet<number>[], isTaken: readonly boolean[]): (number | null)[] {
  const result: (number | null)[] = isTaken.map(() => null);
  const left = new Set(isTaken.flatMap((taken, row) => (taken ? [row] : [])));
  for (let position = 0; left.size > 0; position++) {
    const isFree = (row: number) => ![...left].some((other) => other !== row && after[row]?.has(other));
    const next = [...left].find(isFree) ?? Math.min(...left);
    result[next] = position;
    left.delete(next);
  }
  return result;
}
