/** Locks that a path keeps, gives back in another mode than it holds, or does not hold. */

import { isInstanceOf, type Location, valueText, wayTo } from "../c/index.ts";
import type { Site } from "../catalog/index.ts";
import type { LockEvent, ReleaseEvent } from "./events.ts";
import type { LeafFinal } from "./leaf-run.ts";
import { isError } from "./outcomes.ts";
import {
  givenBack,
  givenBackWhereNoted,
  type Held,
  handedOverKey,
  handOverField,
  isCountedOtherwise,
  lockInWords,
  lockKey,
  partingSite,
  reportMode,
} from "./releases.ts";
import { chainKey, type RowContext, type RowTrouble } from "./row-context.ts";

/** A lock that a failing path keeps is a finding about the module, or a limit of this analysis: either way it is said. */
export function reportLeaks(context: RowContext, troubles: RowTrouble[]): void {
  const reported = new Set<Location>();
  for (const final of context.run.finals) {
    const leaves = final.kind === "td-exit" && context.leaf.side === "guest";
    if (!leaves && (final.kind !== "return" || (!final.failure && !isError(final)))) continue;
    for (const event of final.events) {
      if (event.kind !== "acquire" || reported.has(event.lock)) continue;
      if (givenBack(event, final, context.knowledge.rules) ?? givenBackWhereNoted(event, final, context)) continue;
      reported.add(event.lock);
      troubles.push({
        what: leaves ? "not-released" : "leaked-on-error",
        message: `${context.leaf.name} may keep ${lockInWords(event, final, context)} ${leaves ? "when it leaves the TD" : howOf(final)}`,
        site: event.evidence.at(-1) as Site,
      });
    }
  }
}

const howOf = ({ failure, value }: LeafFinal): string =>
  failure
    ? `when ${failure.outcome} is returned for another lock`
    : `when it returns ${value ? valueText(value) : "an error"}`;

/** Locks that a path gives back in another mode than it holds them in, or without holding them. */
export function reportReleases(context: RowContext, troubles: RowTrouble[]): void {
  const { rules } = context.knowledge;
  const reported = new Set<string>();
  for (const { events } of context.run.finals) {
    const held = new Map<string, Held>();
    const given = new Map<string, ReleaseEvent>();
    for (const event of events) {
      const key = lockKey(event.lock, rules);
      if (event.kind === "acquire") held.set(key, { mode: event.mode, since: event.evidence });
      else if (event.kind === "promote") held.set(key, { mode: "EXCLUSIVE", since: event.evidence });
      else if (event.kind === "demote") held.set(key, { mode: "SHARED", since: event.evidence });
      else if (event.kind !== "release") continue;
      else {
        const lock = held.get(key);
        if (lock !== undefined) {
          reportMode(lock, event, context, troubles);
          held.delete(key);
        } else if (!isHeldBefore(event, events, context)) {
          const place = chainKey(event.evidence);
          if (reported.has(place)) continue;
          reported.add(place);
          troubles.push({
            what: "released-unheld",
            message: `${context.leaf.name} gives a lock back that it does not hold`,
            site: partingSite(given.get(key)?.evidence ?? [], event.evidence),
          });
        }
        given.set(key, event);
      }
    }
  }
}

/** Does the exit from the TD give such a lock back, so that the entry has taken it? Where no exit is known, which is told, it may have. */
function isHandedOver(lock: Location, { knowledge: { rules }, handedOver: { releases } }: RowContext): boolean {
  const field = handOverField(wayTo(lock), rules);
  return field !== null && releases.has(handedOverKey(field, lock));
}

/**
 * Was a lock taken by the entry into the TD, and not by the path itself, or is it one of an array of which some element was taken? What a loop gives back was taken
 * by one: whether in as many rounds is not known, so that another path's acquisition is enough.
 */
function isHeldBefore(event: ReleaseEvent, events: readonly LockEvent[], context: RowContext): boolean {
  const {
    run,
    knowledge: { rules },
  } = context;
  const key = lockKey(event.lock, rules);
  const isOwn = events.some((other) => other.kind === "acquire" && lockKey(other.lock, rules) === key);
  if (!isOwn && isHandedOver(event.lock, context)) return true;
  const isOf = ({ state }: LeafFinal) =>
    run.finals.some(({ events: of }) => of.some((o) => o.kind === "acquire" && isCountedOtherwise(o, event, state)));
  const isOfArray = wayTo(event.lock).some((step) => step.kind === "element");
  if (isOfArray && event.loops.length > 0 && run.finals.some(isOf)) return true;
  return events.some(
    (other) => other.kind === "acquire" && lockKey(other.lock, rules) !== key && isInstanceOf(event.lock, other.lock),
  );
}
