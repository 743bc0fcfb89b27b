/** Locks that no row has: rows are read off calls that succeed and find no lock busy, and others may take some that these do not. */

import type { LockMode, Site } from "../catalog/index.ts";
import type { AcquireEvent } from "./events.ts";
import type { LeafFinal } from "./leaf-run.ts";
import { isError } from "./outcomes.ts";
import { lockKey } from "./releases.ts";
import { chainBeforeWalk } from "./resources.ts";
import type { HeldLock, HeldOn, RowContext, RowTrouble } from "./row-context.ts";

/**
 * Says which they are. What a row has of the same lock, or of the same member at the same place, and that keeps others out as much, is
 * told: a walk may stop at another entry where the call fails, and which element of an array is meant may be known otherwise.
 *
 * @param told what each path holds that rows are read off
 * @param others what each other path holds
 */
export function reportUntold(
  told: readonly (readonly HeldLock[])[],
  others: readonly HeldOn[],
  { leaf, run, knowledge: { rules } }: RowContext,
  troubles: RowTrouble[],
): void {
  // Where the run was cut short, what is missing is said.
  if (run.troubles.length > 0) return;
  const lockOf = (event: AcquireEvent, mode: LockMode): string => `${lockKey(event.lock, rules)}|${mode}`;
  const placeOf = (event: AcquireEvent, mode: LockMode): string =>
    `${chainBeforeWalk(event, rules)}|${event.members.join(".")}|${mode}`;
  const known = new Set(told.flat().flatMap(({ event, mode }) => [lockOf(event, mode), placeOf(event, mode)]));
  const isTold = (event: AcquireEvent, mode: LockMode): boolean =>
    known.has(lockOf(event, mode)) || known.has(placeOf(event, mode));
  const reported = new Set<string>();
  for (const { final, held } of others) {
    for (const lock of held) {
      const { event, mode } = lock;
      const key = lockOf(event, mode);
      if (mode === "NO_LOCK" || isTold(event, mode) || isTold(event, "EXCLUSIVE") || reported.has(key)) continue;
      reported.add(key);
      troubles.push({
        what: "untold",
        message: `${leaf.name} takes the lock on ${inWords(lock)} only ${whereOf(final)}`,
        site: event.evidence.at(-1) as Site,
      });
    }
  }
}

const inWords = ({ resource, role, mode }: HeldLock): string =>
  `${resource}${role === null ? "" : ` (${role})`} in mode ${mode}`;

/** What tells a path from those that rows are read off. */
function whereOf(final: LeafFinal): string {
  if (isError(final)) return "where it fails";
  return final.failure === null ? "where it ends otherwise than in success" : "after it has found another one busy";
}
