/** In which order a call takes its locks, and which of them it gives back before it takes others. */

import type { LeafFinal } from "./leaf-run.ts";
import { givenBack } from "./releases.ts";
import { chainKey, type HeldLock, type HeldOn, type RowContext } from "./row-context.ts";

/** The acquisitions of a row, on all paths. */
export interface RowEvents {
  readonly all: readonly HeldLock[];
}

export interface Orders {
  /** By row: its position among the rows that take a lock; null for one that takes none. */
  readonly taken: readonly (number | null)[];
  /** By row: rows of this position and later ones are taken only after it was given back, on every path that takes both. */
  readonly givenBack: readonly (number | null)[];
  /** By row: its position in the order in which locks are given back; null for one that is not. */
  readonly sequence: readonly (number | null)[];
  /** Rows that some paths take in one order and some in the other: of two, the one that {@link taken} has first stands first. */
  readonly inEither: readonly (readonly [first: number, second: number])[];
}

/**
 * Orders rows so that on every path an earlier one is taken before a later one. Where paths take two in different orders, the
 * one that stands first in the source comes first.
 *
 * @param rows in source order
 * @param paths the successful paths, each with what it holds
 * @param context of the leaf
 */
export function ordersOf(rows: readonly RowEvents[], paths: readonly HeldOn[], context: RowContext): Orders {
  const rowOf = (item: HeldLock): number => rows.findIndex(({ all }) => all.includes(item));
  const sequences = paths.map(({ final, held }) => sequenceOf(rowOf, final, held, context));
  const isTaken = rows.map(({ all }) => all.some((item) => item.mode !== "NO_LOCK"));
  const before = befores(rows.length, sequences);
  const taken = positions(before, isTaken);
  const ended = sequences.map((sequence) =>
    sequence.filter(({ end }) => end !== null).sort((a, b) => (a.end ?? 0) - (b.end ?? 0)),
  );
  const isEnded = rows.map((_, row) => ended.some((sequence) => sequence.some((one) => one.row === row)));
  const positionOf = (row: number) => taken[row] ?? -1;
  const back = rows.map((_, row) => {
    if (taken[row] == null) return null;
    const whileHeld = sequences.flatMap((sequence) =>
      sequence
        .filter((one) => one.row === row)
        .flatMap((one) =>
          sequence
            .filter((other) => other.at > one.at && other.at < (one.end ?? Number.POSITIVE_INFINITY))
            .map((other) => other.row),
        ),
    );
    return Math.max(positionOf(row), ...whileHeld.map(positionOf)) + 1;
  });
  const inEither = before.flatMap((earlier, row) =>
    [...earlier]
      .filter((other) => before[other]?.has(row) && positionOf(other) < positionOf(row))
      .map((other) => [other, row] as const),
  );
  return { taken, givenBack: back, sequence: positions(befores(rows.length, ended), isEnded), inEither };
}

/** By row: the rows that some sequence has before it. */
function befores(count: number, sequences: readonly (readonly Taken[])[]): readonly ReadonlySet<number>[] {
  const before = Array.from({ length: count }, () => new Set<number>());
  for (const sequence of sequences.map(firstOfEach))
    for (const [i, first] of sequence.entries())
      for (const later of sequence.slice(i + 1)) before[later.row]?.add(first.row);
  return before;
}

/** Of a row that the rounds of a loop take again, the first time: else the rows of a loop would be in all orders. */
const firstOfEach = (sequence: readonly Taken[]): readonly Taken[] =>
  sequence.filter(({ row }, i) => sequence.findIndex((other) => other.row === row) === i);

/** What a path takes of a row. */
export interface Taken {
  readonly row: number;
  /** Positions among the path's lock events: of the acquisition, and of the release. */
  readonly at: number;
  /** After all of them for what the TD exit gives back; null for what is never given back. */
  readonly end: number | null;
}

/**
 * What a path takes, in the order of taking.
 *
 * @param rowOf the row of a lock; -1 for one of none
 */
export function sequenceOf(
  rowOf: (item: HeldLock) => number,
  final: LeafFinal,
  held: readonly HeldLock[],
  context: RowContext,
): readonly Taken[] {
  const { events } = final;
  return held
    .filter((item) => item.mode !== "NO_LOCK")
    .map(
      (item): Taken => ({
        row: rowOf(item),
        at: events.indexOf(item.event),
        end: endOf(item, final, context),
      }),
    )
    .sort((a, b) => a.at - b.at);
}

function endOf(
  { event, release: where }: HeldLock,
  final: LeafFinal,
  { knowledge, handedOver }: RowContext,
): number | null {
  const release = givenBack(event, final, knowledge.rules);
  if (release) return final.events.indexOf(release);
  const position = where === null ? undefined : handedOver.positions.get(chainKey(where.evidence));
  return position === undefined ? null : final.events.length + position;
}

/**
 * Positions by a topological order: next comes what waits for the fewest others, which is for none but where rows wait for each other in a
 * circle; of several the first in the source. Two that paths have in both orders do not wait for each other: else they would hold up, and
 * so lose, the order of others on which all agree.
 */
function positions(after: readonly ReadonlySet<number>[], isTaken: readonly boolean[]): (number | null)[] {
  const result: (number | null)[] = isTaken.map(() => null);
  const left = new Set(isTaken.flatMap((taken, row) => (taken ? [row] : [])));
  const waits = (row: number, other: number) => after[row]?.has(other) === true && after[other]?.has(row) !== true;
  const waiting = isTaken.map((_, row) => [...left].filter((other) => waits(row, other)).length);
  for (let position = 0; left.size > 0; position++) {
    const next = [...left].reduce((a, b) => ((waiting[b] as number) < (waiting[a] as number) ? b : a));
    result[next] = position;
    left.delete(next);
    for (const row of left) if (waits(row, next)) (waiting[row] as number)--;
  }
  return result;
}
