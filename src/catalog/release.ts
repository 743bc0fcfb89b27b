/** Where a lock is given back in one word, as people read it and as catalogs had it before there was a field for its kind; and when. */
import type { Acquisition, Leaf, Release, ReleaseOrder, ReleasePlace } from "./types.ts";

/** Where a lock is given back, for people: the kind, or the function's name; null where it is not known to be given back. */
export const releaseText = (release: Release | null | undefined): string | null =>
  !release ? null : release.kind === "function" ? release.function : release.kind;

type NamedKind = Exclude<ReleasePlace["kind"], "function">;
const NAMED: readonly NamedKind[] = ["leaf-exit", "iteration-end", "before-td-entry", "td-exit", "page-removed"];

/** One of the words of {@link ReleasePlace}, or the name of the function that gives the lock back. */
export function releasePlace(at: string): ReleasePlace & Pick<Release, "at"> {
  const kind = NAMED.find((word) => word === at);
  return kind === undefined ? { kind: "function", function: at, at } : { kind, at };
}

/**
 * Does a call give `row` back before it takes `later`? Where the catalog does not say so it is taken as still held, which can
 * only hide a contention behind an earlier one of the same two calls.
 */
export function releasedBefore(row: Acquisition, later: Acquisition): boolean {
  const [released, taken] = [row.release?.order, later.order];
  return released !== undefined && taken !== undefined && taken !== null && released <= taken;
}

/** How a call ends: well, refused at a busy lock, or otherwise, as most errors do. */
export type CallEnd =
  | { readonly end: "success" | "other" }
  | { readonly end: "busy"; readonly refused: Pick<Acquisition, "order"> };

/**
 * The orders in which a call of a leaf may give back what it holds when it ends in some way.
 *
 * @param rows what it holds, in the order of taking; what the caller has made of a row may stand for it as long as it has its `order`
 * @param leftOut rows that the caller leaves out, so that nobody knows which of them the call holds besides: the orders are those of all
 *   calls that hold these rows and any of those
 * @returns at least one order, each as positions in `rows`
 */
export function releaseOrders(
  { releaseOrders: told = [] }: Pick<Leaf, "releaseOrders">,
  rows: readonly Acquisition[],
  { end, ...more }: CallEnd,
  leftOut: readonly Acquisition[] = [],
): readonly (readonly number[])[] {
  const positions = rows.map(({ order }) => order ?? -1);
  const refused = "refused" in more ? { refused: more.refused.order ?? -1 } : {};
  const unknown = leftOut.flatMap(({ order }) => order ?? []);
  const among = ordersAmong(told, positions, { end, ...refused }, unknown);
  if (among !== null) return among.map((order) => order.map((position) => positions.indexOf(position)));
  return [
    usualOrder(
      rows.map((_, i) => i),
      (i) => rows[i]?.release?.sequence,
    ),
  ];
}

/**
 * The orders that the entries of {@link Leaf.releaseOrders} tell of what is held; null where they tell nothing.
 *
 * @param held locks, by their position in the order of taking
 * @param leftOut those that may be held, too, or not. A call that holds more of them than another is told by the same entries or by
 *   larger ones, so that of each entry the call with the most is looked at
 */
export function ordersAmong(
  told: readonly ReleaseOrder[],
  held: readonly number[],
  { end, refused }: Pick<ReleaseOrder, "end" | "refused">,
  leftOut: readonly number[] = [],
): readonly (readonly number[])[] | null {
  const ofEnd = told.filter((one) => one.end === end && one.refused === refused);
  const holding = ofEnd.filter(({ locks }) => held.every((lock) => locks.includes(lock)));
  if (holding.length === 0) return null;
  const calls = holding.map(({ locks }) => locks.filter((lock) => held.includes(lock) || leftOut.includes(lock)));
  const orders = calls.flatMap((call) =>
    ofTheFewest(holding, call).map(({ locks }) => locks.filter((lock) => held.includes(lock))),
  );
  return orders.filter((order, i) => orders.findIndex((other) => other.join() === order.join()) === i);
}

/** Of some entries those that have all of these locks, and of them those of the fewest. */
function ofTheFewest(told: readonly ReleaseOrder[], held: readonly number[]): readonly ReleaseOrder[] {
  const holding = told.filter(({ locks }) => held.every((lock) => locks.includes(lock)));
  const fewest = Math.min(...holding.map(({ locks }) => locks.length));
  return holding.filter(({ locks }) => locks.length === fewest);
}

/**
 * The order in which locks are given back where nothing else is told: by their turns (`sequence`). One without a turn goes when all that
 * were taken later are gone.
 *
 * @param held in the order of taking
 */
export function usualOrder<T>(held: readonly T[], turnOf: (lock: T) => number | undefined): readonly T[] {
  const left = [...held];
  const order: T[] = [];
  for (let last = left.at(-1); last !== undefined; last = left.at(-1)) {
    const turn = (lock: T): number => turnOf(lock) ?? Infinity;
    const next = turnOf(last) === undefined ? last : left.reduce((a, b) => (turn(b) < turn(a) ? b : a), last);
    order.push(next);
    left.splice(left.indexOf(next), 1);
  }
  return order;
}
