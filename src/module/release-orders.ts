/** Orders in which calls give their locks back, of ends at which it is not always the one that the rows' `sequence` tells. */

import { ordersAmong, type ReleaseOrder, usualOrder } from "../catalog/index.ts";
import type { AcquireEvent, Failure } from "./events.ts";
import type { LeafFinal } from "./leaf-run.ts";
import { type Orders, type RowEvents, sequenceOf } from "./order.ts";
import { isError, triedAgain } from "./outcomes.ts";
import { chainBeforeWalk, isAncestors } from "./resources.ts";
import { chainKey, type HeldLock, type HeldOn, type RowContext } from "./row-context.ts";

/** How a call ends, without what it holds then. */
type End = Pick<ReleaseOrder, "end" | "refused">;

/** What ways through a leaf do that end alike and hold locks of the same rows. */
interface Alike {
  readonly end: End;
  /** The rows' positions in the order of taking, ascending. */
  readonly held: readonly number[];
  /** Each different order in which they give these back, by the same positions. */
  readonly orders: Map<string, readonly number[]>;
}

/**
 * The orders of all ends at which calls may have one that the rows do not tell, as {@link ordersAmong} looks them up.
 *
 * One lock is busy on a path at most: what a call gives back that finds two is not told.
 *
 * @param rows in source order
 * @param successes what rows are read off
 * @param others all other paths
 */
export function releaseOrdersOf(
  rows: readonly RowEvents[],
  orders: Orders,
  successes: readonly HeldOn[],
  others: readonly HeldOn[],
  context: RowContext,
): readonly ReleaseOrder[] {
  const { taken, sequence } = orders;
  const turns = new Map(taken.flatMap((at, row) => (at === null ? [] : [[at, sequence[row] ?? undefined] as const])));
  const found = new Map<string, Alike>();
  const note = (end: End, way: HeldOn, rowOf: (item: HeldLock) => number): void => {
    const kept = keptOn(way, end, rowOf, orders, context).map(({ row, end: at }) => ({ row: taken[row] ?? -1, at }));
    const held = kept.map(({ row }) => row).sort((a, b) => a - b);
    const key = JSON.stringify([end, held]);
    const alike: Alike = found.get(key) ?? { end, held, orders: new Map() };
    const order = kept.sort((a, b) => a.at - b.at).map(({ row }) => row);
    found.set(key, { ...alike, orders: alike.orders.set(order.join(" "), order) });
  };
  for (const way of successes) note({ end: "success" }, way, (item) => rows.findIndex(({ all }) => all.includes(item)));
  const match = new RowMatch(rows, context);
  const isReturn = successes.some(({ final }) => final.kind === "return");
  for (const way of others)
    for (const end of endsOf(way.final, isReturn, match, taken)) note(end, way, (item) => match.ofHeld(item));
  return untold([...found.values()], (at) => turns.get(at));
}

/**
 * How a path ends that rows are not read off. One that is refused a lock may go on without it, or get it at another try: then it ends as it
 * would without that. A refused try that no row has is told among other ends; one that several rows have, of each.
 *
 * @param isReturn does a call of this leaf that succeeds return, and not enter the TD?
 */
function endsOf(final: LeafFinal, isReturn: boolean, match: RowMatch, taken: Orders["taken"]): readonly End[] {
  const isFailing = isError(final) || final.kind === "td-exit" || (final.kind === "return" && !isReturn);
  if (!isFailing) return [{ end: "success" }];
  if (final.failure === null || triedAgain(final)) return [{ end: "other" }];
  const refused = match.ofTry(final.failure.event).flatMap((row) => taken[row] ?? []);
  return refused.length === 0 ? [{ end: "other" }] : refused.map((order) => ({ end: "busy", refused: order }));
}

/**
 * What a path gives back at its end, in the order of taking: all but that of which the rows say that it is given back before the last lock
 * that the path tries. A row that the rounds of a loop take again counts once.
 */
function keptOn(
  { final, held }: HeldOn,
  { refused }: End,
  rowOf: (item: HeldLock) => number,
  { taken, givenBack }: Orders,
  context: RowContext,
): { readonly row: number; readonly end: number }[] {
  const own = sequenceOf(rowOf, final, held, context).filter(({ row }) => row >= 0);
  const lastTried = refused ?? Math.max(-1, ...own.map(({ row }) => taken[row] ?? -1));
  // What a call gives back that is refused, and takes again at its next try, it does not hold in between.
  const failedAt = final.failure?.at ?? Number.POSITIVE_INFINITY;
  const isBefore = (row: number, end: number) =>
    own.some((other) => other.row === row && other.at >= failedAt && other.at > end);
  const kept = own.flatMap(({ row, end }) =>
    end === null || isBefore(row, end) || (givenBack[row] ?? 0) <= lastTried ? [] : [{ row, end }],
  );
  return kept.filter(({ row }, i) => kept.findIndex((other) => other.row === row) === i);
}

/**
 * Those orders that are needed to look all of them up: first of calls that hold the most, for calls that hold less are looked up among
 * them, too, unless they have entries of their own. An end at which every call has the usual order needs none; of any other all are told,
 * the usual ones too: who leaves locks out asks for all that a call may hold with what is left, and is to find no guess among them.
 */
function untold(ways: readonly Alike[], turnOf: (at: number) => number | undefined): readonly ReleaseOrder[] {
  const told: ReleaseOrder[] = [];
  const isAll = ({ orders }: Alike, known: readonly (readonly number[])[]): boolean =>
    known.length === orders.size && known.every((order) => orders.has(order.join(" ")));
  const ofEnd = (end: End) => ways.filter((way) => way.end.end === end.end && way.end.refused === end.refused);
  for (const way of [...ways].sort((a, b) => b.held.length - a.held.length)) {
    const { end, held, orders } = way;
    if (ofEnd(end).every((other) => isAll(other, [usualOrder(other.held, turnOf)]))) continue;
    if (isAll(way, ordersAmong(told, held, end) ?? [])) continue;
    told.push(...[...orders.values()].map((locks): ReleaseOrder => ({ ...end, locks })));
  }
  return told.sort(byEnd);
}

const ENDS: readonly ReleaseOrder["end"][] = ["success", "busy", "other"];

/** Success first, then by the refused lock; of one end those of the most locks first, and else by the first lock that differs. */
function byEnd(a: ReleaseOrder, b: ReleaseOrder): number {
  const differs = a.locks.findIndex((lock, i) => lock !== b.locks[i]);
  return (
    ENDS.indexOf(a.end) - ENDS.indexOf(b.end) ||
    (a.refused ?? 0) - (b.refused ?? 0) ||
    b.locks.length - a.locks.length ||
    (a.locks[differs] ?? 0) - (b.locks[differs] ?? 0)
  );
}

/** Finds the rows of what paths take that rows are not read off. */
class RowMatch {
  readonly #rows: readonly RowEvents[];
  readonly #context: RowContext;
  readonly #places: readonly ReadonlySet<string>[];

  constructor(rows: readonly RowEvents[], context: RowContext) {
    this.#rows = rows;
    this.#context = context;
    this.#places = rows.map(({ all }) => new Set(all.map(({ event }) => this.#placeOf(event))));
  }

  /** The row of a lock, -1 where none is surely its: by what was taken, else by where; a page has its role only where the call succeeds. */
  ofHeld({ event, resource }: HeldLock): number {
    const same = this.#rowsWhere(({ all }) => all.some((item) => item.event === event));
    const alike =
      same.length > 0 ? same : this.#rowsWhere((_, row) => this.#places[row]?.has(this.#placeOf(event)) === true);
    const named = alike.filter((row) => this.#resourceOf(row) === resource);
    const level = alike.filter((row) => isAncestors(this.#resourceOf(row)) === isAncestors(resource));
    return named[0] ?? (level.length === 1 ? (level[0] as number) : -1);
  }

  /** The rows of a try, or of a promotion, by where it stands; none where no row is read off a call that succeeds at it. */
  ofTry(event: Failure["event"]): readonly number[] {
    const key = chainKey(event.evidence);
    const isTry = (item: HeldLock): boolean =>
      event.kind === "acquire"
        ? chainKey(item.event.evidence) === key && item.event.mode === event.mode
        : item.promotion !== null && chainKey(item.promotion) === key;
    return this.#rowsWhere(({ all }) => all.some(isTry));
  }

  #rowsWhere(test: (row: RowEvents, at: number) => boolean): readonly number[] {
    return this.#rows.flatMap((row, at) => (test(row, at) ? [at] : []));
  }

  readonly #resourceOf = (row: number): string => this.#rows[row]?.all[0]?.resource ?? "";

  readonly #placeOf = (event: AcquireEvent): string =>
    `${chainBeforeWalk(event, this.#context.knowledge.rules)}|${event.members.join(".")}|${event.mode}|${event.side}`;
}
