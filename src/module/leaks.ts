/** Locks that a path keeps, or gives back in another mode than it holds. */

import { type Location, valueText } from "../c/index.ts";
import type { LockMode, Site } from "../catalog/index.ts";
import { isError } from "./outcomes.ts";
import { givenBack, givenBackWhereNoted, lockKey } from "./releases.ts";
import type { RowContext, RowTrouble } from "./row-context.ts";

/** A lock that a failing path keeps is a finding about the module, or a limit of this analysis: either way it is said. */
export function reportLeaks(context: RowContext, troubles: RowTrouble[]): void {
  const reported = new Set<Location>();
  for (const final of context.run.finals) {
    if (final.kind !== "return" || (!final.failure && !isError(final))) continue;
    for (const event of final.events) {
      if (event.kind !== "acquire" || reported.has(event.lock)) continue;
      if (givenBack(event, final, context.knowledge.rules) ?? givenBackWhereNoted(event, final, context)) continue;
      reported.add(event.lock);
      const how = final.failure
        ? `when ${final.failure.outcome} is returned for another lock`
        : `when it returns ${final.value ? valueText(final.value) : "an error"}`;
      troubles.push({
        what: "leaked-on-error",
        message: `${context.leaf.name} may keep ${event.text} locked ${how}`,
        site: event.evidence.at(-1) as Site,
      });
    }
  }
}

/** A lock that is given back in another mode than it is held in leaves the lock's counters wrong. */
export function reportModes(context: RowContext, troubles: RowTrouble[]): void {
  const reported = new Set<string>();
  for (const { events } of context.run.finals) {
    const held = new Map<string, LockMode>();
    for (const event of events) {
      const key = lockKey(event.lock, context.knowledge.rules);
      if (event.kind === "acquire") held.set(key, event.mode);
      else if (event.kind === "promote") held.set(key, "EXCLUSIVE");
      else if (event.kind === "demote") held.set(key, "SHARED");
      else if (event.kind === "release") {
        const mode = held.get(key);
        held.delete(key);
        const site = event.evidence.at(-1) as Site;
        const place = `${site.file}:${site.line}`;
        if (mode === undefined || event.mode === null || event.mode === mode || reported.has(place)) continue;
        reported.add(place);
        troubles.push({
          what: "released-as",
          message: `${context.leaf.name} holds a lock as ${mode} and gives it back as ${event.mode}`,
          site,
        });
      }
    }
  }
}
