/** Whose TD the object of a lock is. */

import { idOf, type Location, readFrom, sourcesOfLocation, type Value, wayTo } from "../c/index.ts";
import type { TdOf } from "../catalog/index.ts";
import { handOverField } from "./releases.ts";
import type { HeldLock, RowContext } from "./row-context.ts";

/** What is told of an acquisition before it is told whose it is. */
type Item = Pick<HeldLock, "event" | "resource">;

/**
 * Whose TD the object of a lock is; null for what is no TD's, undefined where it cannot be told: what is reached by none of the TDRs that a
 * call locks, though it locks one that need not be its TD's.
 *
 * A guest's TD is its own unless the object is reached by the page of a TDR that the call locks: then it is another one, since no TD locks
 * its own TDR, or what the entry left leads to it. A host's call names a TD; one reached by the page of a second TDR is another one.
 *
 * @param held what a path holds, in order
 */
export function tdOf(item: Item, held: readonly Item[], { leaf, knowledge }: RowContext): TdOf | null | undefined {
  if (!knowledge.rules.tdResources.includes(item.resource)) return null;
  const own = inputsOf(item.event.object);
  const tdrs = held.filter(({ resource }) => resource === "TDR");
  const at = tdrs.findIndex(
    ({ event }) => event === item.event || [...inputsOf(event.object)].some((id) => own.has(id)),
  );
  if (leaf.side === "guest") {
    if (at >= 0) return "other";
    const isLeft = handOverField(wayTo(item.event.object), knowledge.rules) !== null;
    return tdrs.length === 0 || isLeft ? "own" : undefined;
  }
  if (at > 0) return "other";
  return at === 0 || tdrs.length < 2 ? "named" : undefined;
}

const known = new WeakMap<Location, ReadonlySet<string>>();

/** The unknown values that lead to a location: what the leaf was given, and what it read. */
function inputsOf(at: Location): ReadonlySet<string> {
  let inputs = known.get(at);
  if (inputs === undefined) {
    inputs = new Set([...sourcesOfLocation(at)].filter(isInput).map(idOf));
    known.set(at, inputs);
  }
  return inputs;
}

const isInput = (value: Value): boolean =>
  value.t === "sym" && readFrom(value) === null && (value.origin === null || value.origin.how === "fresh");
