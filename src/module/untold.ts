/** Locks that no row has: rows are read off calls that succeed and find no lock busy, and others may take some that these do not. */

import type { LockMode, Site } from "../catalog/index.ts";
import type { LeafFinal } from "./leaf-run.ts";
import { isError } from "./outcomes.ts";
import { lockKey } from "./releases.ts";
import { chainBeforeWalk } from "./resources.ts";
import type { HeldLock, HeldOn, RowContext, RowTrouble } from "./row-context.ts";

/**
 * Says which they are. What a row has of the same lock, or of the same member at the same place, and that keeps others out as much, is
 * told: a walk may stop at another entry where the call fails, and which element of an array is meant may be known otherwise. A try that
 * rows have of the lock, but not at its place, is said by itself, since what a call ends with when it is busy there is no row's.
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
  const lockOf = ({ event }: HeldLock, mode: LockMode): string => `${lockKey(event.lock, rules)}|${mode}`;
  const placeOf = ({ event }: HeldLock, evidence: readonly Site[] = event.evidence): string =>
    `${chainBeforeWalk({ evidence }, rules)}|${event.members.join(".")}`;
  const triesOf = (lock: HeldLock): readonly Try[] =>
    [lock.event.evidence, ...(lock.promotion === null ? [] : [lock.promotion])].map((evidence) => ({
      place: placeOf(lock, evidence),
      site: evidence.at(-1) as Site,
    }));
  const all = told.flat();
  const locks = new Set(all.flatMap((lock) => [lockOf(lock, lock.mode), `${placeOf(lock)}|${lock.mode}`]));
  const places = new Set(all.flatMap((lock) => triesOf(lock).map(({ place }) => place)));
  const isTold = (lock: HeldLock): boolean =>
    [lock.mode, "EXCLUSIVE" as const].some(
      (mode) => locks.has(lockOf(lock, mode)) || locks.has(`${placeOf(lock)}|${mode}`),
    );
  const reported = new Set<string>();
  const report = (what: "untold" | "untold-try", key: string, message: string, site: Site): void => {
    if (reported.has(key)) return;
    reported.add(key);
    troubles.push({ what, message: `${leaf.name} ${message}`, site });
  };
  for (const { final, held } of others) {
    for (const lock of held) {
      if (lock.mode === "NO_LOCK") continue;
      const [where, tries] = [whereOf(final), isAnotherTry(lock, final) ? [] : triesOf(lock)];
      const key = lockOf(lock, lock.mode);
      if (!isTold(lock) && !reported.has(key)) {
        report("untold", key, `takes the lock on ${inWords(lock)} only ${where}`, lock.event.evidence.at(-1) as Site);
        reported.add(placeOf(lock));
      }
      for (const { place, site } of tries)
        if (!places.has(place))
          report("untold-try", place, `tries the lock on ${inWords(lock)} here only ${where}`, site);
    }
  }
}

/** Where a lock is tried, or its promotion. */
interface Try {
  readonly place: string;
  readonly site: Site;
}

/** Is it tried again after it was busy? What follows is told where it was tried first. */
const isAnotherTry = ({ event }: HeldLock, { failure }: LeafFinal): boolean => failure?.event.lock === event.lock;

const inWords = ({ resource, role, mode }: HeldLock): string =>
  `${resource}${role === null ? "" : ` (${role})`} in mode ${mode}`;

/** What tells a path from those that rows are read off. */
function whereOf(final: LeafFinal): string {
  if (isError(final)) return "where it fails";
  return final.failure === null ? "where it ends otherwise than in success" : "after it has found another one busy";
}
