/** Per resource what the tables do not show: what a running TD leaves, what is held long, who keeps whom apart, other versions. */
import {
  type ContendPair,
  type HostInfo,
  isAncestor,
  type ResourceUsers,
  resourceFacts,
  type Unlocked,
} from "../analysis/index.ts";
import { bundledRelease, type Catalog, type Leaf } from "../catalog/index.ts";
import { ancestorsLater, lockElsewhere } from "./history.ts";
import { asFarAsKnown } from "./provenance.ts";
import type { ConclusionRow } from "./schema.ts";
import { runStates } from "./tldr.ts";
import { callNames, count, folded, foldedCalls, groupBy, kindName, list } from "./words.ts";

/** What the sentences may speak of. */
export interface SummaryFacts {
  readonly catalog: Catalog;
  readonly leaves: readonly Leaf[];
  readonly resources: readonly ResourceUsers[];
  readonly contention: readonly ContendPair[];
  readonly unlocked: readonly Unlocked[];
  readonly host: HostInfo | null;
  readonly rows: readonly ConclusionRow[];
}

/** A few sentences per resource, in the order of the report's resources. */
export function summaries(facts: SummaryFacts): { resource: string; sentences: string[] }[] {
  return facts.resources.map((users) => ({
    resource: users.resource,
    sentences: [
      ...usage(users, facts),
      ...onRunningTd(users, facts),
      ...hiddenPriority(users.resource, facts),
      ...outcome(users, facts),
      ...otherKinds(users.resource, facts),
    ],
  }));
}

/** What TDCALLs take of the report's resources, by number, and which of the others those out of scope take, in one sentence. */
export function guestSummary({
  catalog,
  leaves,
  resources,
}: Pick<SummaryFacts, "catalog" | "leaves" | "resources">): string | null {
  if (!leaves.some((leaf) => leaf.side === "guest")) return null;
  const takes = (of: readonly Leaf[], resource: string): readonly string[] =>
    of
      .filter(
        (leaf) =>
          leaf.side === "guest" && leaf.acquisitions.some((a) => a.resource === resource && a.mode !== "NO_LOCK"),
      )
      .map((l) => l.name);
  const free = resources
    .map(({ resource }, i) => ({ resource, i }))
    .filter(({ resource }) => takes(leaves, resource).length === 0);
  if (free.length === 0) return null;
  const others = free
    .map(({ resource, i }) => ({ i, names: callNames(takes(catalog.leaves, resource)) }))
    .filter(({ names }) => names.length > 0);
  const rest = groupBy(others, ({ names }) => list(names)).map(
    ([names, of]) => `${names} ${list(of.map(({ i }) => `(${i + 1})`))}`,
  );
  const taken = resources.flatMap((_, i) => (free.some((one) => one.i === i) ? [] : [i + 1]));
  const theirs = taken.length === 0 ? "no lock" : `only ${numberRanges(taken)}`;
  return `TDCALLs take ${theirs}${rest.length === 0 ? "" : `, out of scope ${list(rest)}`}.`;
}

/** `(1) to (6), (8) and (9)`. */
function numberRanges(numbers: readonly number[]): string {
  const runs: number[][] = [];
  for (const n of numbers) {
    const last = runs.at(-1);
    if (last !== undefined && last.at(-1) === n - 1) last.push(n);
    else runs.push([n]);
  }
  return list(runs.flatMap((run) => (run.length > 2 ? [`(${run[0]}) to (${run.at(-1)})`] : run.map((n) => `(${n})`))));
}

function usage({ shared, exclusive }: ResourceUsers, { catalog }: SummaryFacts): string[] {
  if (exclusive.length > 0 || shared.length === 0) return [];
  return [`Only SHARED${asFarAsKnown(catalog.module.origin)}, so that nobody is refused.`];
}

/** What of the users is left in the OP_STATEs in which the TD can be entered; a refused call holds its lock for a moment. */
function onRunningTd({ resource, shared, exclusive }: ResourceUsers, { catalog, leaves }: SummaryFacts): string[] {
  const run = runStates(catalog);
  if (run === null || exclusive.length === 0 || shared.length === 0 || resourceFacts(resource).scope !== "td")
    return [];
  const takes = leaves.filter((leaf) =>
    leaf.acquisitions.some((a) => a.resource === resource && a.mode === "EXCLUSIVE"),
  );
  const bound = takes.filter((leaf) => leaf.opStates !== null);
  if (bound.length === 0 || bound.some((leaf) => leaf.opStates?.some((state) => run.has(state)))) return [];
  const unbound = new Set(takes.filter((leaf) => leaf.opStates === null).map(({ name }) => name)).size;
  const rest = unbound === 0 ? "" : `, but for ${count(unbound, "call")} bound to no OP_STATE`;
  const init = bound.find((leaf) => leaf.name === "tdh_vp_init");
  const hotplug =
    init === undefined
      ? ""
      : `, also tdh_vp_init_apicid() for vCPU hotplug (refused unless ${list(init.opStates ?? [], "or")})`;
  return [`On a running TD only SHARED${rest}; the others are refused, but hold it for a moment${hotplug}.`];
}

const TIMEOUT = "TDX_HOST_PRIORITY_BUSY_TIMEOUT";

/** The TDCALL dispatcher hides from the guest that host priority is why it was refused: where a call of the host can have that. */
function hiddenPriority(resource: string, { catalog, leaves, contention }: SummaryFacts): string[] {
  const isHosts =
    leaves.some((leaf) => leaf.side === "host" && leaf.acquisitions.some((a) => a.resource === resource)) ||
    contention.some(
      (pair) =>
        pair.resource === resource &&
        [pair.sideA, pair.sideB].includes("host") &&
        !pair.excludedBy.some(({ kind }) => kind === "not-called"),
    );
  if (!isHosts) return [];
  const hidden = leaves.some(
    (leaf) =>
      leaf.side === "guest" && leaf.acquisitions.some((a) => a.resource === resource && a.hostPriorityStatus !== null),
  );
  if (!hidden) return [];
  const dispatcher = catalog.behaviours.find(({ name }) => name === "host-priority-timeout");
  if (dispatcher?.variant === null) {
    const { function: name, evidence } = dispatcher;
    return [
      `What a guest sees where host priority is why is not known: nobody has read this tree's ${name} (${evidence.file}:${evidence.line}).`,
    ];
  }
  if (dispatcher?.variant !== "busy-then-exit") return [];
  // A note on tdh_vp_enter() says what becomes of it, where that call is in the report.
  const told = leaves.some(({ otherBusy }) => otherBusy.some(({ name }) => name === TIMEOUT));
  const after = told ? "" : `; past HP_LOCK_TIMEOUT tdh_vp_enter() returns ${TIMEOUT}`;
  return [`A guest sees plain TDX_OPERAND_BUSY even when host priority is why${after}.`];
}

/** Who can still meet is in the conclusion; here is who is kept apart by what, in names. */
function outcome(users: ResourceUsers, facts: SummaryFacts): string[] {
  const pairs = facts.contention.filter((p) => p.resource === users.resource && p.resourceA === p.resourceB);
  if (pairs.length === 0) return users.exclusive.length === 0 ? [] : ["No two of these calls conflict on it."];
  const excluded = pairs.filter((p) => !p.possible);
  const possible = pairs.filter((p) => p.possible);
  if (facts.host === null) return [...module(possible, excluded)];
  const run = runStates(facts.catalog);
  if (run === null && possible.length === 0) return [];
  const groups = groupBy(excluded.flatMap(keptApartBy), ({ by }) => by)
    .map(([by, of]) => ({ by, of, running: of.filter(({ pair, a, b }) => a !== b && runs(pair, run)) }))
    .sort((x, y) => y.running.length - x.running.length || y.of.length - x.of.length);
  // What keeps building and taking down apart matters less, and what is avoided altogether stands in the conclusion.
  if (!groups.some(({ running }) => running.length > 0)) return [];
  const told = new Set<ContendPair>();
  const apart = groups.map(({ by, running }) => {
    const isNew = running.filter(({ pair }) => !told.has(pair));
    for (const { pair } of running) told.add(pair);
    return { by, whom: between(isNew) };
  });
  // Of whom a lock keeps apart is said last, so that nobody takes it to be of the next one, too.
  const ordered = [...apart.filter(({ whom }) => whom === ""), ...apart.filter(({ whom }) => whom !== "")];
  return ordered.length === 0 ? [] : [`Kept apart by ${list(ordered.map(({ by, whom }) => `${by}${whom}`))}.`];
}

/** Can both calls of the pair be legal while a TD runs? A source without a table of OP_STATEs forbids none of them. */
function runs(pair: ContendPair, run: ReadonlySet<string> | null): boolean {
  return run === null || pair.opStates?.some((state) => run.has(state)) === true;
}

function module(possible: readonly ContendPair[], excluded: readonly ContendPair[]): string[] {
  const named = (pairs: readonly ContendPair[]): number => new Set(pairs.map(({ a, b }) => `${a} ${b}`)).size;
  const left =
    possible.length === 0
      ? "No two of these calls can contend"
      : `${count(named(possible), "pair")} of calls can contend`;
  if (excluded.length === 0) return [`${left}.`];
  const why = groupBy(excluded, (p) => p.excludedBy[0]?.kind ?? "").map(
    ([kind, of]) => `${named(of)} where ${REASONS[kind] ?? "other rules hold"}`,
  );
  return [`${left}; ruled out: ${list(why)}.`];
}

const REASONS: Readonly<Record<string, string>> = {
  "op-state": "no OP_STATE allows both",
  "sept-state": "no SEPT entry state allows both",
  "earlier-lock": "they always meet at an earlier lock",
  "life-cycle": "one of them makes the object",
};

interface KeptApart {
  readonly by: string;
  readonly a: string;
  readonly b: string;
  readonly pair: ContendPair;
}

/** The host's locks that keep a pair apart on some pair of paths. */
function keptApartBy(pair: ContendPair): KeptApart[] {
  const locks = pair.excludedBy.filter((e) => e.kind === "host-lock" || e.kind === "kick").map((e) => e.what);
  return [...new Set(locks)].map((by) => ({ by, a: pair.a, b: pair.b, pair }));
}

/** ` (mem_range_block from mem_sept_add/page_aug)`: what one call is kept from, or a few names that say it. */
function between(of: readonly KeptApart[]): string {
  const [hub] = of.flatMap(({ a, b }) => [a, b]).filter((name) => of.every(({ a, b }) => a === name || b === name));
  if (hub !== undefined) {
    const others = new Set(of.map(({ a, b }) => (a === hub ? b : a)));
    return ` (${foldedCalls([hub])} from ${foldedCalls([...others])})`;
  }
  const groups = groupBy(of, ({ b }) => b).map(([b, same]) => ({ b, a: [...new Set(same.map(({ a }) => a))].sort() }));
  const folded = groupBy(groups, ({ a }) => a.join("\n")).map(([, same]) => ({
    a: same[0]?.a ?? [],
    b: same.map(({ b }) => b),
  }));
  if (folded.length === 0 || folded.length > 2) return "";
  return ` (${folded.map(({ a, b }) => `${foldedCalls(a)} from ${foldedCalls(b)}`).join("; ")})`;
}

function otherKinds(resource: string, { catalog }: SummaryFacts): string[] {
  const { before, after } = lockElsewhere(resource, bundledRelease(catalog.module));
  const named = (value: string): string => kindName(value as Parameters<typeof kindName>[0]);
  return [
    ...(before === null ? [] : [`Up to ${before.until}: ${named(before.value)}.`]),
    ...(after === null ? [] : [`From ${after.since} on: ${named(after.value)}.`]),
  ];
}

/** The footnote that stands for all rows of PAMT entries above a page. */
export function ancestorNote(catalog: Catalog, pageSizes: readonly string[] | undefined): string {
  const exclusive = catalog.leaves.filter((leaf) =>
    leaf.acquisitions.some((a) => isAncestor(a.resource) && a.mode === "EXCLUSIVE"),
  );
  const names = [...new Set(exclusive.map(({ name }) => name))];
  const only4k = pageSizes?.every((size) => size === "4K") === true;
  const large = `Only calls on 2M or 1G pages conflict${only4k ? " (4K hosts: none)" : ""}`;
  const others = names.length === 0 ? "" : `, and ${folded(names)}()`;
  const later = ancestorsLater(bundledRelease(catalog.module));
  const since = later === null ? "" : `, from ${later.since} on also ${folded(later.calls)}()`;
  return `whoever names a page by HPA also holds the 2M and 1G PAMT entries above it, SHARED, as long as the page (--pamt). ${large}${others}${since}.`;
}
