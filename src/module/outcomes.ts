/** How the paths through a leaf end: which succeed, and what the others return. */

import { equal, isConst, num } from "../c/index.ts";
import type { LeafFinal } from "./leaf-run.ts";
import { chainKey, type RowContext } from "./row-context.ts";
import { isErrorValue } from "./status-domain.ts";

/**
 * The paths that count as success: entering the TD if the leaf does that, else returning success. A TDCALL that enters a VM of
 * its TD may do so for success, or to inject an exception: that counts where nothing else does, or where it locks what the
 * other paths do not. A status that is neither success nor an error ("already blocked", "an interrupt is pending") counts only
 * where nothing else does.
 */
export function successfulPaths({ run, leaf }: RowContext): LeafFinal[] {
  const unhurt = run.finals.filter((final) => !final.failure);
  const entries = unhurt.filter((final) => final.kind === "td-entry");
  if (entries.length > 0 && leaf.side === "host") return entries;
  const returns = unhurt.filter((final) => final.kind === "return" && !isError(final));
  const plain = returns.filter((final) => !(final.value?.t === "num" && final.value.v !== 0n));
  const locked = new Set(plain.flatMap(locksOf));
  const successes = [...plain, ...entries.filter((entry) => locksOf(entry).some((lock) => !locked.has(lock)))];
  if (successes.length > 0) return successes;
  if (entries.length > 0) return entries;
  return returns.length > 0 ? returns : unhurt.filter((final) => final.kind !== "return");
}

/** What a path locks, or walks unlocked, by where it does so. */
const locksOf = ({ events, skipped }: LeafFinal): string[] =>
  [...events, ...skipped].filter((event) => event.kind === "acquire").map((event) => chainKey(event.evidence));

/** Does a path return an error? */
export function isError(final: LeafFinal): boolean {
  const status = final.value;
  if (!status) return false;
  if (isErrorValue(status)) return true;
  if (status.t === "ite") return isError({ ...final, value: status.a }) && isError({ ...final, value: status.b });
  // An unknown status that is known not to be success.
  return status.t === "sym" && isConst(final.state.simplify(equal(status, num(0))), false);
}

/** Ascending, each once. */
export interface FailureStatus {
  readonly busy: readonly bigint[];
  readonly hostPriority: readonly bigint[];
}

/** What the leaf returns when an acquisition fails, by the acquisition's lock and place. */
export function failureStatuses({ run }: RowContext): Map<string, FailureStatus> {
  const result = new Map<string, FailureStatus>();
  for (const final of run.finals) {
    const { failure } = final;
    if (!failure) continue;
    const key = chainKey(failure.event.evidence);
    const entry = result.get(key) ?? { busy: [], hostPriority: [] };
    const status = final.value?.t === "num" && !isAnother(final.value, failure.outcome) ? [final.value.v] : [];
    const isPriority = /HOST_PRIORITY/.test(failure.outcome);
    result.set(key, {
      busy: isPriority ? entry.busy : ascending([...entry.busy, ...status]),
      hostPriority: isPriority ? ascending([...entry.hostPriority, ...status]) : entry.hostPriority,
    });
  }
  return result;
}

/** A leaf that goes on after a failure may end with a status that is about something else. */
const isAnother = ({ name }: { readonly name: string | null }, outcome: string): boolean =>
  name !== null && outcome.startsWith("TDX_") && name !== outcome;

export const ascending = (values: readonly bigint[]): bigint[] => [...new Set(values)].sort((a, b) => (a < b ? -1 : 1));
