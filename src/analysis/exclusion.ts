/**
 * What a hypervisor's own locking, life cycle and kicks leave of the module's contentions.
 *
 * For every pair of leaves that the module lets contend, each pair of places from which the host (or the guest inside
 * one of its vCPUs) issues the two is judged: can both be there at once, on the same object? A pair stays possible when
 * one pair of places does. The verdict is as precise as the profile: what it does not say keeps nobody apart.
 */
import { type Acquisition, type Catalog, decodeStatus, type Side } from "../catalog/index.ts";
import {
  clausesFor,
  clauseText,
  compareSeverity,
  type HostProfile,
  reachedOf,
  severityOf,
  worst,
} from "../host/index.ts";
import { type ContentionOptions, contention } from "./contention.ts";
import { creates, isPerTd, resourceFacts } from "./resources.ts";
import { rowsOfPairs } from "./rows.ts";
import { type Apart, keptApart, type Meeting, type MeetingKind } from "./sameness.ts";
import type { ContendDocument, ContendPair, Exclusion, HostInfo, PathPair } from "./schema.ts";
import { type CallSite, callSites, heldText, type Sites, siteName } from "./sites.ts";

/** {@link contention} under a host: `possible`, `excludedBy` and `paths` then speak of both. */
export function hostContention(catalog: Catalog, host: HostProfile, options: ContentionOptions = {}): ContendDocument {
  const document = Object.keys(options).length === 0 ? wholeContention(catalog) : contention(catalog, options);
  const { pairs, info } = underHost(catalog, host, document.pairs);
  const assumptions = [...document.assumptions, HOST_ASSUMPTION, ...(host.assumed ?? [])];
  return { ...document, host: info, pairs, assumptions };
}

/** A catalog is data that nobody changes, and several hosts are held against one. */
const WHOLE = new WeakMap<Catalog, ContendDocument>();

function wholeContention(catalog: Catalog): ContendDocument {
  const known = WHOLE.get(catalog) ?? contention(catalog);
  WHOLE.set(catalog, known);
  return known;
}

/** What every verdict under a host takes for granted beside {@link MODULE_ASSUMPTIONS}. */
export const HOST_ASSUMPTION = "The host makes only the calls of its profile, on its paths.";

/** The verdicts of a host over pairs of the module, in the same order. */
export function underHost(
  catalog: Catalog,
  host: HostProfile,
  pairs: readonly ContendPair[],
): { readonly pairs: ContendPair[]; readonly info: HostInfo } {
  const sites = callSites(host, catalog);
  const judge = judgeOf(catalog, sites);
  return {
    pairs: pairs.map((pair) => judged(pair, host, sites, judge)),
    info: { name: host.name, description: host.description, missing: [...sites.missing] },
  };
}

type Judge = (pair: ContendPair, a: CallSite, b: CallSite) => PathPair;

function judged(pair: ContendPair, host: HostProfile, sites: Sites, judge: Judge): ContendPair {
  const onlyLate = pair.excludedBy.length > 0 && pair.excludedBy.every((e) => e.kind === "op-state");
  if (!pair.possible && !onlyLate) return pair;
  const size = pageSize(pair, host);
  if (size !== null) return { ...pair, possible: false, excludedBy: [...pair.excludedBy, size] };
  const [left, right] = [sites.of(pair.a, pair.variantA), sites.of(pair.b, pair.variantB)];
  const missing = [
    ...(left.length === 0 ? [notMade(pair.a, pair.sideA)] : []),
    ...(right.length === 0 ? [notMade(pair.b, pair.sideB)] : []),
  ];
  if (missing.length > 0) {
    const each = missing.filter(({ what }, i) => missing.findIndex((one) => one.what === what) === i);
    return { ...pair, possible: false, excludedBy: [...pair.excludedBy, ...each] };
  }
  const paths = combinations(pair, left, right)
    .map(([a, b]) => judge(pair, a, b))
    .filter((p) => pair.possible || p.late)
    .sort(comparePaths);
  const possible = paths.some((p) => p.possible);
  const excludedBy = possible ? [] : [...pair.excludedBy, ...(pair.possible ? summed(paths) : [])];
  return { ...pair, possible, excludedBy, paths };
}

/** A host decides which SEAMCALLs are made; which TDCALLs is its profile's word for it, and any guest can make others. */
const notMade = (what: string, side: Side): Exclusion => ({
  kind: side === "guest" ? "not-named" : "not-called",
  what,
});

/** What is said of a pair: can it contend, or not, or does nobody say whether a guest makes one of the two? */
export type PairVerdict = "possible" | "excluded" | "not-judged";

/** The verdict on a pair, or on one pair of its paths. */
export function verdictOf({ possible, excludedBy }: Pick<ContendPair, "possible" | "excludedBy">): PairVerdict {
  if (possible) return "possible";
  return excludedBy.length > 0 && excludedBy.every(({ kind }) => kind === "not-named") ? "not-judged" : "excluded";
}

/** A range's PAMT entry is a call's target only when the page is as large as the range. */
function pageSize(pair: ContendPair, { pageSizes }: HostProfile): Exclusion | null {
  const size = resourceFacts(pair.resource).range;
  if (size === undefined || pageSizes === undefined || pageSizes.some((s) => s === size)) return null;
  return pair.resourceA === pair.resourceB ? null : { kind: "page-size", what: `no pages of ${size}` };
}

/** Every pair of sites; of a row against itself each only once. */
function combinations(
  pair: ContendPair,
  left: readonly CallSite[],
  right: readonly CallSite[],
): (readonly [CallSite, CallSite])[] {
  const mirrored =
    pair.a === pair.b &&
    pair.variantA === pair.variantB &&
    pair.resourceA === pair.resourceB &&
    pair.roleA === pair.roleB &&
    pair.modeA === pair.modeB;
  return left.flatMap((a, i) => right.slice(mirrored ? i : 0).map((b) => [a, b] as const));
}

/** What the two calls of a pair have in common when they meet on this lock. */
function meetingKind(pair: ContendPair, isOthers: boolean): MeetingKind {
  const { scope } = resourceFacts(pair.resource);
  if (pair.resourceA !== pair.resourceB) {
    if (isOthers) return "system";
    if (scope === "td") return "control-page";
    return scope === "vcpu" ? "vcpu-page" : "system";
  }
  if (scope === "page") return pair.resource === "PAGE" ? "page" : "system";
  if (scope === "package") return "package";
  if (!isPerTd(pair.resource) || isOthers) return "system";
  return scope === "vcpu" || scope === "sept-entry" ? scope : "td";
}

/** How the calls of a pair meet, as far as that is a matter of the module. */
function meetingsOf(catalog: Catalog): (pair: ContendPair) => Meeting {
  const rowsOf = rowsOfPairs(catalog);
  const hasPage = (name: string, variant: string | null): boolean =>
    catalog.leaves.some(
      (leaf) =>
        leaf.name === name && leaf.variant === variant && leaf.acquisitions.some((row) => row.resource === "PAGE"),
    );
  return (pair) => {
    const [rowsA, rowsB] = [rowsOf(pair, "a"), rowsOf(pair, "b")];
    const pageSide = pair.resourceA === pair.resourceB ? null : pair.resourceA === "PAGE" ? "a" : "b";
    // A row with a role may be about another TD than that of the path, such as the target of a service TD; a guest may name another, too.
    // The role of a page says what is done with it.
    const named = [...(pageSide === "a" ? [] : rowsA), ...(pageSide === "b" ? [] : rowsB)];
    const isOthers = named.some(({ role, td }) => role !== null || td === "other");
    const [user, variant] = pageSide === "a" ? [pair.b, pair.variantB] : [pair.a, pair.variantA];
    const makes = creates(user, pair.resource);
    return {
      kind: meetingKind(pair, isOthers),
      pageSide,
      otherPage: pageSide !== null && !makes && hasPage(user, variant),
      ownEntry: keepsForItsGuest(rowsA, rowsB) || keepsForItsGuest(rowsB, rowsA),
      onlyLate: !pair.possible,
    };
  };
}

/** May a guest's call take a lock that the entry by which it came in keeps until TD exit? */
function keepsForItsGuest(kept: readonly Acquisition[], taken: readonly Acquisition[]): boolean {
  return (
    kept.some((row) => row.release?.kind === "td-exit") &&
    taken.some((row) => row.side === "guest" && row.td !== "other")
  );
}

/**
 * Verdicts that were found before. What two steps of a profile are to each other has nothing to do with the module, but for
 * who can get which BUSY; so all modules share them, and documents share what nobody changes.
 */
const KNOWN = new WeakMap<HostProfile, Map<string, PathPair>>();

function judgeOf(catalog: Catalog, { profile }: Sites): Judge {
  const known = KNOWN.get(profile) ?? new Map<string, PathPair>();
  KNOWN.set(profile, known);
  const operandOf = operandNames(catalog);
  const meetingOf = meetingsOf(catalog);
  // Whether two sites are kept apart does not depend on who can get which BUSY.
  const found = new Map<string, Apart>();
  const apart = (a: CallSite, b: CallSite, meeting: Meeting, how: string): Apart => {
    const key = `${a.id} ${b.id} ${how}`;
    const known = found.get(key) ?? keptApart(a, b, meeting);
    found.set(key, known);
    return known;
  };
  const ends = new Map<string, PathPair["endA"]>();
  const end = (site: CallSite, busy: boolean, operand: string | null, barred: boolean): PathPair["endA"] => {
    const key = `${site.id} ${busy ? operand : "-"} ${barred}`;
    const known = ends.get(key) ?? pathEnd(site, busy, operand, barred);
    ends.set(key, known);
    return known;
  };
  return (pair, a, b) => {
    const meeting = meetingOf(pair);
    const how = howText(meeting);
    const [operandA, operandB] = [operandOf(pair.statusA), operandOf(pair.statusB)];
    const key = `${a.id} ${b.id} ${how} ${pair.busyA ? operandA : "-"} ${pair.busyB ? operandB : "-"}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    const verdict = apart(a, b, meeting, how);
    const path = pathPair(profile, verdict, [
      [a, end(a, pair.busyA, operandA, verdict.ofOneVm && b.entering)],
      [b, end(b, pair.busyB, operandB, verdict.ofOneVm && a.entering)],
    ]);
    known.set(key, path);
    return path;
  };
}

const howText = ({ kind, pageSide, otherPage, ownEntry, onlyLate }: Meeting): string =>
  `${kind}${pageSide ?? ""}${otherPage ? " other page" : ""}${ownEntry ? " own" : ""}${onlyLate ? " late" : ""}`;

type End = readonly [CallSite, PathPair["endA"]];

function pathPair({ assumed = [] }: HostProfile, apart: Apart, [[a, endA], [b, endB]]: readonly [End, End]): PathPair {
  return {
    a: siteName(a),
    b: siteName(b),
    possible: apart.excludedBy.length === 0,
    excludedBy: [...apart.excludedBy],
    endA,
    endB,
    severity: worst([endA.severity, endB.severity]),
    phases: [...apart.phases],
    unlike: [...apart.unlike],
    unlikePer: [...apart.unlikePer],
    late: apart.late,
    assumes: apart.assumes.filter((text) => !assumed.includes(text)),
  };
}

/** The operand ID of a busy status; null when the module does not say. */
function operandNames(catalog: Catalog): (status: string | null) => string | null {
  const names = new Map<string, string | null>();
  return (status) => {
    if (status === null) return null;
    const known = names.get(status);
    if (known !== undefined) return known;
    const id = decodeStatus(catalog, status).operand?.id ?? null;
    names.set(status, id);
    return id;
  };
}

function pathEnd(site: CallSite, busy: boolean, operand: string | null, barred: boolean): PathPair["endA"] {
  const clauses = busy ? clausesFor(site.onBusy, operand) : [];
  const severity = clauses.map((clause) => severityOf(clause, barred));
  return {
    function: site.path.function ?? null,
    held: site.held.map(heldText),
    busy,
    reaction: clauses.map(
      (clause) =>
        clauseText(clause) + (clause.on === undefined || operand !== null ? "" : ` (on ${clause.on.join(", ")})`),
    ),
    does: clauses.map((clause) => [...reachedOf(clause, barred)]),
    severity: busy && clauses.length === 0 ? "unknown" : worst(severity),
    exceptional: site.step.exceptional ?? site.path.exceptional ?? null,
  };
}

function comparePaths(x: PathPair, y: PathPair): number {
  return (
    Number(y.possible) - Number(x.possible) ||
    compareSeverity(x.severity, y.severity) ||
    (x.a < y.a ? -1 : x.a > y.a ? 1 : 0) ||
    (x.b < y.b ? -1 : x.b > y.b ? 1 : 0)
  );
}

/** The reasons of all the paths together; which phases of which path it were is in the paths. */
function summed(paths: readonly PathPair[]): Exclusion[] {
  const found = new Map<string, Exclusion>();
  for (const { excludedBy } of paths) {
    const [first] = excludedBy;
    // One reason per pair of paths is enough: a lock, if there is one, says more than a phase.
    const best = excludedBy.find((e) => e.kind === "host-lock" || e.kind === "kick") ?? first;
    if (best === undefined) continue;
    const reason = best.reason === "phases" ? { ...best, what: "their paths run in different phases" } : best;
    found.set(`${reason.kind} ${reason.what}`, reason);
  }
  return [...found.values()];
}
