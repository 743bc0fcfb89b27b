/** The matrix's facts: every two calls that conflict, with what a meeting costs. Small, so that the first page can carry it. */
import { type ContendPair, compareResources, verdictOf } from "../../analysis/index.ts";
import type { Catalog, Leaf } from "../../catalog/index.ts";
import { compareSeverity, entriesOf, type HostProfile, type HostSeverity } from "../../host/index.ts";
import { isExceptional, runStates } from "../../report/index.ts";
import { endId, entryId } from "./entry-id.ts";
import { exclusionTexts } from "./exclusions.ts";
import { bothNames } from "./lock-names.ts";

/** What a meeting of two calls can come to, worst first. `guest`: only a guest can be refused; `possible`: no host says more; `unjudged`: the profile names no guest that makes one of the two. */
export const OUTCOMES = [
  "lost",
  "error",
  "unknown",
  "warning",
  "retry",
  "guest",
  "possible",
  "unjudged",
  "excluded",
] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** Two calls on one resource. Entries are indices; so that thousands of them are small. */
export interface MapPair {
  readonly a: number;
  readonly b: number;
  readonly resource: string;
  readonly outcome: Outcome;
  /** Only where something out of the ordinary happened: a machine check, a CPU that goes offline. */
  readonly rare: boolean;
  /** OP_STATEs in which the two are legal; null: any. */
  readonly states: readonly string[] | null;
  /** Why it is excluded; empty where it is not. */
  readonly why: string;
}

/** An entry of the catalog as the matrix shows it. */
export interface MapEntry {
  readonly id: string;
  readonly side: Leaf["side"];
  /** The part of a TD's life in which it is called first. */
  readonly phase: string;
}

export interface ContentionMap {
  readonly entries: readonly MapEntry[];
  /** Phases in the order of a TD's life. */
  readonly phases: readonly string[];
  /** Locks on which some two conflict, in the order of reports. */
  readonly resources: readonly string[];
  readonly pairs: readonly MapPair[];
}

/** @param pairs those of the catalog, under the host where there is one */
export function contentionMap(
  catalog: Catalog,
  host: HostProfile | null,
  pairs: readonly ContendPair[],
): ContentionMap {
  const { phases, phaseOf } = host === null ? phasesByState(catalog) : phasesOfHost(catalog, host);
  const entries = catalog.leaves.map((leaf) => ({ id: entryId(leaf), side: leaf.side, phase: phaseOf(leaf) }));
  const at = new Map(entries.map(({ id }, i) => [id, i]));
  const index = (id: string): number => at.get(id) ?? -1;
  return {
    entries,
    phases,
    resources: [...new Set(pairs.map(({ resource }) => resource))].sort(compareResources),
    pairs: pairs.map((pair) => ({
      a: index(endId(pair, "a")),
      b: index(endId(pair, "b")),
      resource: pair.resource,
      states: pair.opStates,
      ...outcomeOf(pair, host !== null),
    })),
  };
}

const OF_SEVERITY: Readonly<Record<HostSeverity, Outcome>> = {
  "vm-dead": "lost",
  leak: "error",
  error: "error",
  unknown: "unknown",
  warning: "warning",
  retry: "retry",
  none: "guest",
};

/** What a pair can come to in ordinary operation; where it meets only out of the ordinary, what it comes to there. */
export function outcomeOf(pair: ContendPair, hosted: boolean): Pick<MapPair, "outcome" | "rare" | "why"> {
  const verdict = verdictOf(pair);
  if (verdict !== "possible")
    return { outcome: verdict === "excluded" ? "excluded" : "unjudged", rare: false, why: exclusion(pair) };
  if (!hosted || pair.paths.length === 0) return { outcome: "possible", rare: false, why: "" };
  const met = pair.paths.filter(({ possible }) => possible);
  const ordinary = met.filter(
    ({ a, b, endA, endB, late }) => !late && !isExceptional(a, endA) && !isExceptional(b, endB),
  );
  const rare = ordinary.length === 0;
  const severities = (rare ? met : ordinary).flatMap(({ endA, endB }): HostSeverity[] => [
    pair.sideA === "guest" || !endA.busy ? "none" : endA.severity,
    pair.sideB === "guest" || !endB.busy ? "none" : endB.severity,
  ]);
  const [worst = "none"] = severities.sort(compareSeverity);
  return { outcome: OF_SEVERITY[worst], rare, why: "" };
}

const REASONS = 3;

function exclusion({ excludedBy }: ContendPair): string {
  const why = exclusionTexts(excludedBy);
  return `${why.slice(0, REASONS).join("; ")}${why.length > REASONS ? `; and ${why.length - REASONS} more reasons` : ""}`;
}

interface Phases {
  readonly phases: readonly string[];
  readonly phaseOf: (leaf: Leaf) => string;
}

const IN_GUEST = "in the guest";
const NOT_CALLED = "not called by this host";

/** The first phase of the profile in which a path makes the call. */
function phasesOfHost(catalog: Catalog, host: HostProfile): Phases {
  const order = host.phases.map(({ name }) => name);
  const first = new Map<Leaf, number>();
  for (const path of host.paths) {
    for (const step of path.steps) {
      const at = Math.min(...(step.phases ?? path.phases).map((name) => order.indexOf(name)));
      for (const leaf of entriesOf(catalog, step.call, step.variant)) {
        first.set(leaf, Math.min(first.get(leaf) ?? order.length, at));
      }
    }
  }
  const guests = new Set((host.guest?.calls ?? []).flatMap((name) => entriesOf(catalog, name)));
  const phaseOf = (leaf: Leaf): string => {
    const at = first.get(leaf);
    return at !== undefined ? (order[at] ?? NOT_CALLED) : guests.has(leaf) ? IN_GUEST : NOT_CALLED;
  };
  return { phases: [...order, IN_GUEST, NOT_CALLED], phaseOf };
}

const BY_STATE = { build: "while a TD is built", run: "while a TD can run", any: "at any time" };

/** Without a host the module's own rule decides: in which OP_STATEs it takes the call. */
function phasesByState(catalog: Catalog): Phases {
  const running = runStates(catalog);
  const phaseOf = ({ side, opStates }: Leaf): string => {
    if (side === "guest") return IN_GUEST;
    if (opStates === null || running === null) return BY_STATE.any;
    return opStates.some((state) => running.has(state)) ? BY_STATE.run : BY_STATE.build;
  };
  return { phases: [BY_STATE.build, BY_STATE.run, IN_GUEST, BY_STATE.any], phaseOf };
}

/** What stands behind an outcome, in the words of its reader. */
export const OUTCOME_WORDS: Readonly<Record<Outcome, string>> = {
  lost: "can cost the VM",
  error: "an error, a wrong value or a leak",
  unknown: "outcome not known",
  warning: "a warning, or ignored",
  retry: "tried again",
  guest: "only the guest is refused",
  possible: "possible",
  unjudged: "not judged",
  excluded: "excluded",
};

/** A call with both names of the lock: `tdh_mem_track and tdh_vp_enter: tried again, on TDCS_EPOCH (epoch_lock)`. */
export function meetingWords(outcome: Outcome, rare: boolean, on: readonly string[]): string {
  const only = rare ? ", but only out of the ordinary" : "";
  return `${OUTCOME_WORDS[outcome]}${only}, on ${on.map(bothNames).join(", ")}`;
}
