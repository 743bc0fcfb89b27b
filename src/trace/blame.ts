/**
 * Who held the lock that a call found busy.
 *
 * A call that returns BUSY met somebody who held a lock in a conflicting mode at a moment between its beginning and its end. So the
 * one who held it is among the calls that were in flight then and take such a lock on the same object, and the guests that ran then and may
 * take it by a TDCALL. The recording shows who was in flight, the catalog what each takes. Where only one is left, and nothing that could
 * be another is missing from the recording, that one is certain.
 */
import type { Call } from "./call.ts";
import type { Holder, Holders } from "./holders.ts";
import { DIFFERENT, type Relation, relate, SAME } from "./objects.ts";
import type { Spans } from "./spans.ts";
import { ENTER } from "./wrappers.ts";

/**
 * - `certain`: no other can have been it, by the recording and the catalog.
 * - `likely`: others can, but less.
 * - `possible`: one of several that are as likely, or the recording lacks what would tell.
 * - `none`: nobody is known who can have been it.
 */
export const CERTAINTIES = ["certain", "likely", "possible", "none"] as const;
export type Certainty = (typeof CERTAINTIES)[number];

/** Somebody who may have held it. */
export type Culprit =
  | {
      readonly kind: "call";
      readonly call: Call;
      readonly holder: Holder;
      /** Is it surely the same object? */
      readonly sameObject: boolean;
    }
  /** A TDCALL of a guest: of one of these runs of vCPUs. */
  | { readonly kind: "guest"; readonly runs: readonly Call[]; readonly leaves: readonly string[] };

/** Why nobody is named for certain, or nobody at all. */
export type Doubt =
  /** Events were lost around that time. */
  | "lost"
  /** It is too near to the beginning or the end of the recording. */
  | "edge"
  /** The recording does not watch every call that can hold it. */
  | "unwatched"
  /** The recording does not show when a call began or ended. */
  | "unsure"
  /** The operands do not tell whether it is the same object. */
  | "object"
  /** More than one was in flight. */
  | "several"
  /** The module of this catalog does not return that status for a lock. */
  | "status"
  /** So many calls were in flight that not all were looked at. */
  | "crowded"
  /** A guest gave way to host priority for so long that the TD was left. */
  | "host-priority";

export interface Blame {
  readonly busy: Call;
  /** The resources that the status may be about; the one of the first culprit where there is one. */
  readonly resources: readonly string[];
  readonly certainty: Certainty;
  /** Most likely first. */
  readonly culprits: readonly Culprit[];
  /** So many of the first are as likely as the first one: what is recorded does not tell between them. */
  readonly asLikely: number;
  /** Is it sure that it was one of the culprits? */
  readonly oneOfThese: boolean;
  readonly doubts: readonly Doubt[];
}

/** What was going on beside a call. */
export interface Around {
  /** Calls, and runs of guests. */
  readonly inFlight: readonly Call[];
  readonly lost: boolean;
  readonly edge: boolean;
  /** So many were in flight that not all are here. */
  readonly crowded: boolean;
  /** Does the recording watch this leaf? */
  readonly watches: (leaf: string) => boolean;
}

interface Candidate {
  readonly call: Call;
  readonly holder: Holder;
  readonly relation: Relation;
  readonly likelihood: number;
}

/** What blame goes by. */
export interface Facts {
  readonly holders: Holders;
  readonly spans: Spans;
  /** Times are no more exact than this, in ns. */
  readonly tolerance: number;
}

export function blame(busy: Call, around: Around, facts: Facts): Blame {
  const { holders } = facts;
  const status = busy.status ?? "";
  const refusal = holders.refusal(busy.leaf, status);
  if (refusal === null) {
    const doubt: Doubt = holders.isHostPriority(status) ? "host-priority" : "status";
    return { busy, resources: [], certainty: "none", culprits: [], asLikely: 0, oneOfThese: false, doubts: [doubt] };
  }
  const found: Candidate[] = [];
  const running: Call[] = [];
  const guestsCan = refusal.guests.length > 0;
  for (const call of around.inFlight) {
    if (call === busy || isOfOneTask(call, busy)) continue;
    const rows = refusal.byLeaf.get(call.leaf);
    const best = rows === undefined ? null : bestOf(busy, call, rows, facts);
    if (best !== null) found.push(best);
    if (guestsCan && call.leaf === ENTER.leaf && sameTd(call, busy)) running.push(call);
  }
  const guests: Culprit[] =
    running.length === 0
      ? []
      : [{ kind: "guest", runs: latestFirst(running), leaves: [...new Set(refusal.guests.map(({ leaf }) => leaf))] }];
  found.sort((a, b) => b.likelihood - a.likelihood || b.call.begin - a.call.begin || a.call.cpu - b.call.cpu);
  const calls = found.map(
    ({ call, holder, relation }): Culprit => ({ kind: "call", call, holder, sameObject: relation === SAME }),
  );
  const guestFirst = guests.length > 0 && (found[0]?.likelihood ?? 0) < GUEST;
  const culprits = guestFirst ? [...guests, ...calls] : [...calls, ...guests];
  const asLikely = clearlyFirst([...found.map(({ likelihood }) => likelihood), ...guests.map(() => GUEST)]);
  const unwatched = !refusal.leaves.every(around.watches);
  const unsure = isUnsure(busy) || found.some(({ call }) => isUnsure(call)) || running.some(isUnsure);
  const missing: Doubt[] = [
    ...(around.lost ? ["lost" as const] : []),
    ...(around.edge ? ["edge" as const] : []),
    ...(around.crowded ? ["crowded" as const] : []),
    ...(unwatched ? ["unwatched" as const] : []),
    ...(unsure ? ["unsure" as const] : []),
  ];
  const doubts: Doubt[] = [
    ...missing,
    ...(found.some(({ relation }) => relation !== SAME) ? ["object" as const] : []),
    ...(culprits.length > 1 ? ["several" as const] : []),
  ];
  const oneOfThese = culprits.length > 0 && missing.length === 0;
  return {
    busy,
    resources: resourcesOf(culprits[0], refusal.resources, refusal.guests),
    certainty: certaintyOf(culprits, doubts, found, asLikely),
    culprits,
    asLikely,
    oneOfThese,
    doubts,
  };
}

/** How likely a TDCALL of a running guest is, among the candidates' likelihoods. */
const GUEST = 0.25;
/** How much more likely one must be than the next to be told as likely. */
const CLEARLY = 1.5;

/** How many are not clearly less likely than the first. */
function clearlyFirst(likelihoods: readonly number[]): number {
  const most = Math.max(...likelihoods);
  return likelihoods.filter((one) => most <= CLEARLY * one).length;
}

function certaintyOf(
  culprits: readonly Culprit[],
  doubts: readonly Doubt[],
  found: readonly Candidate[],
  asLikely: number,
): Certainty {
  if (culprits.length === 0) return "none";
  if (doubts.length === 0) return "certain";
  if (asLikely > 1 || (culprits[0]?.kind === "call" && found[0]?.relation !== SAME)) return "possible";
  return "likely";
}

function resourcesOf(first: Culprit | undefined, all: readonly string[], guests: readonly Holder[]): readonly string[] {
  if (first === undefined) return all;
  return first.kind === "call" ? [first.holder.at] : [...new Set(guests.map(({ at }) => at))];
}

function bestOf(busy: Call, call: Call, rows: readonly Holder[], facts: Facts): Candidate | null {
  let best: Candidate | null = null;
  for (const holder of rows) {
    // Most are of another object; that is found out fastest.
    const relation = relate(holder.identity, busy, call);
    if (relation === DIFFERENT || !facts.holders.couldHold(holder, call.status)) continue;
    const likelihood = likelihoodOf(busy, call, holder, relation, facts);
    if (best === null || likelihood > best.likelihood) best = { call, holder, relation, likelihood };
  }
  return best;
}

/** From 0 to 1: by whether it is the same object, whether the call surely takes the lock, and when it holds it. */
function likelihoodOf(busy: Call, call: Call, holder: Holder, relation: Relation, facts: Facts): number {
  const { holders, spans, tolerance } = facts;
  const object = relation === SAME ? 1 : 0.3;
  const taken = holder.always ? 1 : 0.5;
  const refused = call.status !== null && holders.isBusy(call.status);
  return object * taken * spans.fit(busy, call, holder, refused, tolerance);
}

/** So long after, its end was not seen: it goes on, or what its CPU printed since comes late. */
const isOpen = ({ end }: Call): boolean => end === Number.POSITIVE_INFINITY;

const isUnsure = (call: Call): boolean => call.beginUnsure || call.endUnsure || isOpen(call);

/**
 * A task makes one call after the other, and one that interrupts another does so outside the module: two of its calls meet only by times that are
 * not exact.
 */
const isOfOneTask = (a: Call, b: Call): boolean => a.tid > 0 && a.tid === b.tid;

function sameTd(run: Call, busy: Call): boolean {
  return run.td === null || busy.td === null || run.td === busy.td;
}

function latestFirst(runs: readonly Call[]): Call[] {
  return [...runs].sort((a, b) => b.begin - a.begin || a.cpu - b.cpu);
}
