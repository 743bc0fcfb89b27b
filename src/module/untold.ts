/** Locks that only a call takes that goes on after it has found another one busy: rows are read off calls that find none busy. */

import type { Site } from "../catalog/index.ts";
import type { AcquireEvent } from "./events.ts";
import type { LeafFinal } from "./leaf-run.ts";
import { isError } from "./outcomes.ts";
import { lockInWords, lockKey } from "./releases.ts";
import type { HeldLock, RowContext, RowTrouble } from "./row-context.ts";

/**
 * Says which they are.
 *
 * @param held what each successful path that finds no lock busy holds
 */
export function reportUntold(
  held: readonly (readonly HeldLock[])[],
  context: RowContext,
  troubles: RowTrouble[],
): void {
  // Where the run was cut short, what is missing is said.
  if (context.run.troubles.length > 0) return;
  const { rules } = context.knowledge;
  const told = new Map<string, Set<string>>();
  for (const { event, mode } of held.flat()) {
    const key = lockKey(event.lock, rules);
    told.set(key, (told.get(key) ?? new Set()).add(mode));
  }
  const isTold = ({ lock, mode }: AcquireEvent): boolean => {
    const modes = told.get(lockKey(lock, rules));
    return modes !== undefined && (modes.has(mode) || modes.has("EXCLUSIVE"));
  };
  const reported = new Set<AcquireEvent>();
  for (const final of context.run.finals.filter(goesOn)) {
    for (const event of final.events) {
      if (event.kind !== "acquire" || reported.has(event) || isTold(event)) continue;
      reported.add(event);
      troubles.push({
        what: "taken-after-busy",
        message: `${context.leaf.name} takes ${lockInWords(event, final, context)} only after it has found another one busy`,
        site: event.evidence.at(-1) as Site,
      });
    }
  }
}

const goesOn = (final: LeafFinal): boolean =>
  final.failure !== null && (final.kind === "td-entry" || (final.kind === "return" && !isError(final)));
