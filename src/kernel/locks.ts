/** Sets of held locks: equal sets are one object. */

import type { Instance } from "./values.ts";

export type Mode = "exclusive" | "shared";

/** One lock that is held. */
export interface Held {
  /** The name of its class. */
  readonly lock: string;
  readonly of: Instance;
  readonly mode: Mode;
  /** How often it was taken, for those that nest. */
  readonly count: number;
}

/** Locks that are held together, in a stated order. */
export interface LockSet {
  readonly id: number;
  readonly held: readonly Held[];
}

const MAX_COUNT = 3;

const sets = new Map<string, LockSet>();

/** The key of a lock among others: its class, and whose it is. */
export const heldKey = ({ lock, of }: Pick<Held, "lock" | "of">): string => `${lock} ${of}`;

function interned(held: readonly Held[]): LockSet {
  const sorted = [...held].sort((a, b) => (heldKey(a) < heldKey(b) ? -1 : 1));
  const key = sorted.map((h) => `${heldKey(h)} ${h.mode} ${h.count}`).join("|");
  const known = sets.get(key);
  if (known !== undefined) return known;
  const made = { id: sets.size, held: sorted };
  sets.set(key, made);
  return made;
}

export const NO_LOCKS = interned([]);

export function lockSet(held: readonly Held[]): LockSet {
  return interned(held);
}

export function find(set: LockSet, lock: string, of: Instance): Held | null {
  return set.held.find((h) => h.lock === lock && h.of === of) ?? null;
}

/** The set with a lock taken; one that is held already is counted when it `nests`, else it stays. */
export function take(set: LockSet, lock: string, of: Instance, mode: Mode, nests: boolean): LockSet {
  const before = find(set, lock, of);
  if (before === null) return interned([...set.held, { lock, of, mode, count: 1 }]);
  if (!nests) return mode === before.mode ? set : interned(set.held.map((h) => (h === before ? { ...h, mode } : h)));
  const count = Math.min(MAX_COUNT, before.count + 1);
  return interned(set.held.map((h) => (h === before ? { ...h, count } : h)));
}

/** The set with a lock dropped; null when it is not held. One of all of them that is dropped leaves none for sure. */
export function drop(set: LockSet, lock: string, of: Instance): LockSet | null {
  const before = find(set, lock, of) ?? find(set, lock, "all");
  if (before === null) return null;
  if (before.count > 1) return interned(set.held.map((h) => (h === before ? { ...h, count: h.count - 1 } : h)));
  return interned(set.held.filter((h) => h !== before));
}

/** The set with a lock's instance changed. */
export function regard(set: LockSet, from: Instance, to: Instance): LockSet {
  if (!set.held.some((h) => h.of === from)) return set;
  return interned(set.held.map((h) => (h.of === from ? { ...h, of: to } : h)));
}

export function without(set: LockSet, keep: (held: Held) => boolean): LockSet {
  return interned(set.held.filter(keep));
}
