/** In which orders two versions of a call give their locks back: the usual one, and those of calls that end in some way. */
import { type Acquisition, type Leaf, ordersAmong, type ReleaseOrder, usualOrder } from "../catalog/index.ts";
import { compareText } from "./resources.ts";
import type { LeafChange } from "./schema.ts";

/** What differs of the orders of giving back; a name of a lock stands for the row of that resource and role in both. */
export type OrderChange = Pick<LeafChange, "field"> & { readonly before: string[]; readonly after: string[] };

/** Locks that both have, in the orders in which each gives them back; nothing where a catalog does not say. */
export function orderChanges(before: Leaf, after: Leaf): OrderChange[] {
  const [x, y] = [sideOf(before), sideOf(after)];
  if (x === null || y === null) return [];
  return [...usualChange(x, y), ...endChanges(x, y)];
}

/** A version's locks, by their names. */
interface Side {
  readonly told: readonly ReleaseOrder[];
  /** All that it gives back, in the usual order. */
  readonly usual: readonly string[];
  readonly rows: ReadonlyMap<string, Acquisition>;
  readonly names: ReadonlyMap<number, string>;
}

function sideOf({ acquisitions, releaseOrders = [] }: Leaf): Side | null {
  const locking = acquisitions.filter(({ release }) => release !== null);
  // Locks that go with a page have no place in the order.
  const given = locking.filter(({ release }) => release?.kind !== "page-removed");
  if (given.some(({ release }) => release?.sequence === undefined)) return null;
  const rows = new Map<string, Acquisition>();
  for (const row of locking) rows.set(freeName(rows, row), row);
  const turn = (row: Acquisition): number => row.release?.sequence ?? 0;
  const sorted = [...rows].filter(([, row]) => given.includes(row)).sort(([, a], [, b]) => turn(a) - turn(b));
  const names = new Map([...rows].flatMap(([name, { order }]) => (order == null ? [] : [[order, name] as const])));
  return { told: releaseOrders, usual: sorted.map(([name]) => name), rows, names };
}

/** `PAGE to-add`; the second of one name is `PAGE to-add (2)`. */
function freeName(taken: ReadonlyMap<string, unknown>, { resource, role }: Acquisition): string {
  const name = role === null ? resource : `${resource} ${role}`;
  for (let n = 2; ; n++) {
    const own = n === 2 ? name : `${name} (${n - 1})`;
    if (!taken.has(own)) return own;
  }
}

function usualChange(x: Side, y: Side): OrderChange[] {
  const [before, after] = [x.usual.filter((name) => y.rows.has(name)), y.usual.filter((name) => x.rows.has(name))];
  return before.join() === after.join() ? [] : [{ field: "release-order", before, after }];
}

/** Calls that end alike and hold the same of what both versions have. */
interface Way {
  readonly end: ReleaseOrder["end"];
  readonly refused: string | null;
  readonly held: readonly string[];
}

const FIELDS = [
  ["success", "success-orders"],
  ["busy", "busy-orders"],
  ["other", "other-orders"],
] as const;

/** What differs of the ways of which one of the two tells an order. */
function endChanges(x: Side, y: Side): OrderChange[] {
  const ways = new Map([...waysOf(x, y), ...waysOf(y, x)].map((way) => [JSON.stringify(way), way]));
  return FIELDS.flatMap(([end, field]): OrderChange[] => {
    const [before, after] = [new Set<string>(), new Set<string>()];
    for (const way of ways.values()) {
      if (way.end !== end) continue;
      const [mine, theirs] = [ordersOf(x, y, way), ordersOf(y, x, way)];
      if (mine.join() === theirs.join()) continue;
      for (const order of mine) before.add(order);
      for (const order of theirs) after.add(order);
    }
    return before.size === 0 ? [] : [{ field, before: [...before], after: [...after] }];
  });
}

function waysOf(side: Side, other: Side): Way[] {
  const named = (order: number): string[] => {
    const name = side.names.get(order);
    return name !== undefined && other.rows.has(name) ? [name] : [];
  };
  return side.told.flatMap(({ end, refused, locks }): Way[] => {
    const [at = null] = refused === undefined ? [] : named(refused);
    // What a lock's refusal leads to is nothing to compare where only one version has that lock.
    return end === "busy" && at === null ? [] : [{ end, refused: at, held: locks.flatMap(named).sort(compareText) }];
  });
}

/** The orders in which a version gives back what is held, whatever it holds besides that the other does not have. */
function ordersOf(side: Side, other: Side, { end, refused, held }: Way): string[] {
  const orderOf = (name: string): number => side.rows.get(name)?.order ?? -1;
  const positions = held.map(orderOf).sort((a, b) => a - b);
  const leftOut = [...side.names].flatMap(([order, name]) => (other.rows.has(name) ? [] : [order]));
  const way = { end, ...(refused !== null && { refused: orderOf(refused) }) };
  const turnOf = (order: number) => side.rows.get(side.names.get(order) ?? "")?.release?.sequence;
  const orders = ordersAmong(side.told, positions, way, leftOut) ?? [usualOrder(positions, turnOf)];
  const words = orders.map((order) => order.map((at) => side.names.get(at) ?? "").join(" then "));
  return words.map((one) => (refused === null ? one : `${refused} refused: ${one}`)).sort(compareText);
}
