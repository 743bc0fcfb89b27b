/** How the paths through a leaf end: which succeed, and what the others return. */

import { equal, isConst, num } from "../c/index.ts";
import type { Site } from "../catalog/index.ts";
import { type Failure, isTriedAgain } from "./events.ts";
import type { LeafFinal } from "./leaf-run.ts";
import { chainKey, type RowContext } from "./row-context.ts";
import { constantsIn, isErrorValue } from "./status-domain.ts";

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

/** What becomes of a call when one acquisition fails; numbers ascending, each once. */
export interface FailureStatus {
  readonly busy: readonly bigint[];
  readonly hostPriority: readonly bigint[];
  /** The TD exit in which host priority ends the call by itself. */
  readonly exit: LeafFinal["exit"];
  /** Paths that end with one of {@link busy}, and those that go on to success. */
  readonly ended: readonly LeafFinal[];
  readonly wentOn: readonly LeafFinal[];
  /** A try that nothing depends on: the call ends well all the same. */
  readonly isSkipped: boolean;
}

const NOTHING: FailureStatus = { busy: [], hostPriority: [], exit: null, ended: [], wentOn: [], isSkipped: false };

/** Is a constant a status of BUSY class that only calls end with that find a lock busy? */
type IsBusy = (status: { readonly name: string | null; readonly v: bigint }) => boolean;

/** What the leaf returns when acquisitions fail; undefined where none of these does. */
export type Failures = (events: readonly Failure["event"][], evidence: readonly Site[]) => FailureStatus | undefined;

/**
 * What the leaf returns when an acquisition fails, or a promotion, at a place: all that do there, but those that are other rows'.
 *
 * @param rows the acquisitions of each row, of calls that succeed
 */
export function failureStatuses(
  { run, knowledge }: RowContext,
  rows: readonly (readonly Failure["event"][])[],
): Failures {
  // What calls end with that find no lock busy is about something else.
  const usual = new Set(
    run.finals.flatMap(({ failure, value }) => (failure ? [] : constantsIn(value).map(({ v }) => v))),
  );
  const tellsBusy: IsBusy = ({ name, v }) => name !== null && knowledge.rules.busyStatuses.test(name) && !usual.has(v);
  const ofRows = new Set(rows.flat());
  const finals = new Map<string, LeafFinal[]>();
  for (const final of run.finals) {
    if (!final.failure) continue;
    const key = chainKey(final.failure.event.evidence);
    finals.set(key, [...(finals.get(key) ?? []), final]);
  }
  return (events, evidence) => {
    const here = finals.get(chainKey(evidence)) ?? [];
    const own = here.filter(({ failure }) => failure && (events.includes(failure.event) || !ofRows.has(failure.event)));
    const some = own.length > 0 ? own : here;
    return some.length === 0 ? undefined : failureOf(some, tellsBusy);
  };
}

function failureOf(all: readonly LeafFinal[], tellsBusy: IsBusy): FailureStatus {
  const finals = all.filter((final) => !triedAgain(final));
  const isPriority = ({ failure }: LeafFinal) => /HOST_PRIORITY/.test(failure?.outcome ?? "");
  const wentOn = finals.filter((final) => !isPriority(final) && isSuccess(final));
  // Then what such a call returns is about something else.
  if (wentOn.length > 0 && !finals.some((final) => namesItsFailure(final, tellsBusy)))
    return { ...NOTHING, wentOn, isSkipped: wentOn.some(({ value }) => value?.t === "num") };
  // A caller may say it with another status of BUSY class; of a leaf that goes on, that may be about something else.
  const isOther = wentOn.length === 0 && !finals.some((final) => statusesOf(final).length > 0);
  const statusesIn = (final: LeafFinal) => (isOther ? busyIn(final, tellsBusy) : statusesOf(final));
  const told = finals.filter((final) => statusesIn(final).length > 0);
  const statuses = (of: readonly LeafFinal[]) => ascending(of.flatMap(statusesIn));
  const ended = told.filter((final) => !isPriority(final));
  return {
    busy: statuses(ended),
    hostPriority: statuses(told.filter(isPriority)),
    exit: finals.find((final) => isPriority(final) && final.exit !== null)?.exit ?? null,
    ended,
    wentOn,
    isSkipped: false,
  };
}

/** A status that is not known counts: what follows the failure decides it. */
const isSuccess = (final: LeafFinal): boolean => final.kind === "return" && final.value !== null && !isError(final);

/** Did a path get the lock (or its promotion) all the same, by another try? Then it says nothing of what follows when it does not. */
export const triedAgain = ({ failure, events }: LeafFinal): boolean =>
  failure !== null && events.slice(failure.at).some((event) => isTriedAgain(failure, event));

/** The constant statuses that a path ends with after a failure, but those that are about something else. */
const statusesOf = ({ value, failure }: LeafFinal): readonly bigint[] =>
  constantsIn(value).flatMap((one) => (isErrorValue(one) && !isAnother(one, failure?.outcome ?? "") ? [one.v] : []));

/** The statuses of BUSY class that a path ends with. */
const busyIn = ({ value }: LeafFinal, tellsBusy: IsBusy): readonly bigint[] =>
  constantsIn(value).flatMap((one) => (tellsBusy(one) ? [one.v] : []));

/** Does a path end with the very status that the primitive gave, or with one of BUSY class where that gives no status? */
const namesItsFailure = ({ value, failure }: LeafFinal, tellsBusy: IsBusy): boolean =>
  constantsIn(value).some((one) => (isStatus(failure?.outcome) ? one.name === failure?.outcome : tellsBusy(one)));

const isStatus = (outcome = ""): boolean => outcome.startsWith("TDX_");

/** A leaf that goes on after a failure may end with a status that is about something else. */
const isAnother = ({ name }: { readonly name: string | null }, outcome: string): boolean =>
  name !== null && isStatus(outcome) && name !== outcome;

export const ascending = (values: readonly bigint[]): bigint[] => [...new Set(values)].sort((a, b) => (a < b ? -1 : 1));
