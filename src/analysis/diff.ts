/**
 * What differs between two modules: leaves, rows, and the contentions that appeared or disappeared because of it.
 *
 * Rows are matched by leaf, variant, resource and role, then by order. The published table names some leaves after their
 * handlers and says less about each row than an extracted catalog: names are brought to the dispatcher's by the
 * alias data, and what the table does not speak of (release, multiplicity, wording of a condition) is not compared.
 */
import { type Acquisition, type Catalog, dispatcherNames, type Leaf, releaseText } from "../catalog/index.ts";
import { compareSeverity, type HostProfile, type HostSeverity, worst } from "../host/index.ts";
import { comparePairs, contendingPairs } from "./contention.ts";
import { behaviourChanges } from "./diff-behaviour.ts";
import { causesOf, severityOfPair, type Variants } from "./diff-causes.ts";
import { orderChanges } from "./diff-orders.ts";
import { underHost } from "./exclusion.ts";
import { compareResources, compareText } from "./resources.ts";
import type { ContendPair, DiffDocument, LeafChange, OutcomeChange, RowChange, RowFacts } from "./schema.ts";

/**
 * The differences from `a` to `b` as `seamlock/diff@1`; swapped arguments give the mirror image.
 *
 * @param host only contentions that it leaves possible count
 */
export function diffCatalogs(a: Catalog, b: Catalog, host?: HostProfile): DiffDocument {
  const [before, after] = [normalised(a), normalised(b)];
  const precise = a.module.origin === "extracted" && b.module.origin === "extracted";
  const namesBefore = new Set(before.leaves.map((leaf) => leaf.name));
  const namesAfter = new Set(after.leaves.map((leaf) => leaf.name));
  const common = [...namesBefore].filter((name) => namesAfter.has(name)).sort(compareText);
  const leaves = {
    added: [...namesAfter].filter((name) => !namesBefore.has(name)).sort(compareText),
    removed: [...namesBefore].filter((name) => !namesAfter.has(name)).sort(compareText),
  };
  const entries = common.flatMap((name) => pairVariants(entriesOf(before, name), entriesOf(after, name), precise));
  const changed = entries.flatMap(([x, y]) => rowChanges(x, y, precise));
  const changes = precise ? entries.flatMap(([x, y]) => leafChanges(x, y)) : [];
  const possible = { before: possiblePairs(before, host), after: possiblePairs(after, host) };
  const pairs = { before: byCalls(possible.before, after), after: byCalls(possible.after, before) };
  const contention = contentionChanges(pairs);
  return {
    schema: "seamlock/diff@1",
    before: { ...a.module },
    after: { ...b.module },
    leaves,
    changed,
    leafChanges: changes,
    causes: causesOf({ leaves, variants: variantsOf(entries), changed, leafChanges: changes, contention }),
    behaviour: behaviourChanges(before, after, {
      before: [...pairs.before.values()],
      after: [...pairs.after.values()],
    }),
    constants: constantChanges(a, b),
    contention,
    host: host === undefined ? null : hostOutcomes(host, possible),
  };
}

function constantChanges({ constants: x }: Catalog, { constants: y }: Catalog): DiffDocument["constants"] {
  const changes = Object.entries(x).flatMap(([name, before]) => {
    const after = Object.hasOwn(y, name) ? y[name] : undefined;
    return after === undefined || after === before ? [] : [{ name, before, after }];
  });
  return changes.sort((p, q) => compareText(p.name, q.name));
}

/** What contentions come to under a host: the worst of all, and those that end otherwise with the other module. */
function hostOutcomes(
  { name }: HostProfile,
  { before, after }: Record<"before" | "after", readonly ContendPair[]>,
): DiffDocument["host"] {
  const [x, y] = [worstOutcomes(before), worstOutcomes(after)];
  const outcomes = [...x].flatMap(([key, { pair, severity }]): OutcomeChange[] => {
    const now = y.get(key)?.severity ?? severity;
    return now === severity ? [] : [{ a: pair.a, b: pair.b, resource: pair.resource, before: severity, after: now }];
  });
  const all = (of: typeof x): HostSeverity => worst([...of.values()].map(({ severity }) => severity));
  const weight = (one: OutcomeChange): HostSeverity => worst([one.before, one.after]);
  return {
    name,
    worst: { before: all(x), after: all(y) },
    outcomes: outcomes.sort((p, q) => compareSeverity(weight(p), weight(q))),
  };
}

/** By calls and resource: the worst that a host's paths come to, whatever the variants and roles. */
function worstOutcomes(
  pairs: readonly ContendPair[],
): Map<string, { readonly pair: ContendPair; readonly severity: HostSeverity }> {
  const found = new Map<string, { pair: ContendPair; severity: HostSeverity }>();
  for (const pair of pairs) {
    const key = `${pair.a} ${pair.b} ${pair.resource}`;
    const before = found.get(key);
    const severity = severityOfPair(pair);
    found.set(key, before === undefined ? { pair, severity } : { pair, severity: worst([before.severity, severity]) });
  }
  return found;
}

/** True when {@link diffCatalogs} found anything: the command's exit status 1. */
export function hasDifferences(diff: DiffDocument): boolean {
  const { leaves, changed, leafChanges: others, behaviour, constants, contention, host } = diff;
  const facts = [leaves.added, leaves.removed, changed, others, behaviour, constants];
  const lists = [...facts, contention.appeared, contention.disappeared, host?.outcomes ?? []];
  return lists.some((list) => list.length > 0);
}

/** The catalog with every leaf under the dispatcher's names; an alias of two leaves becomes an entry of each. */
function normalised(catalog: Catalog): Catalog {
  const leaves = catalog.leaves.flatMap((leaf) =>
    dispatcherNames(catalog.module.version, leaf.name).map((ref) => ({
      ...leaf,
      name: ref.leaf,
      variant: ref.variant ?? leaf.variant,
    })),
  );
  return { ...catalog, leaves };
}

function entriesOf(catalog: Catalog, name: string): readonly Leaf[] {
  return catalog.leaves.filter((leaf) => leaf.name === name);
}

type EntryPair = readonly [Leaf | null, Leaf | null];

/**
 * Entries of one leaf side by side. An entry without a variant stands for each variant that the other side tells apart; of two
 * extractions only for the one that it is most alike: the others are new, or gone.
 */
function pairVariants(before: readonly Leaf[], after: readonly Leaf[], precise: boolean): readonly EntryPair[] {
  const onlyBefore = sole(before);
  const onlyAfter = sole(after);
  if (onlyBefore !== null && onlyAfter === null) {
    const same = precise ? mostAlike(onlyBefore, after) : null;
    return after.map((y): EntryPair => [same === null || y === same ? onlyBefore : null, y]);
  }
  if (onlyAfter !== null && onlyBefore === null) {
    const same = precise ? mostAlike(onlyAfter, before) : null;
    return before.map((x): EntryPair => [x, same === null || x === same ? onlyAfter : null]);
  }
  const variants = [...new Set([...before, ...after].map((leaf) => leaf.variant))];
  variants.sort((x, y) => compareText(x ?? "", y ?? ""));
  const find = (side: readonly Leaf[], variant: string | null): Leaf | null =>
    side.find((leaf) => leaf.variant === variant) ?? null;
  return variants.map((variant): EntryPair => [find(before, variant), find(after, variant)]);
}

/** The entry whose rows differ least; the first of several. */
function mostAlike(leaf: Leaf, others: readonly Leaf[]): Leaf | null {
  const far = others.map((other) => rowChanges(leaf, other, true).length);
  return others[far.indexOf(Math.min(...far))] ?? null;
}

/** Variants of leaves that both sides have, which only one of them tells apart. */
function variantsOf(entries: readonly EntryPair[]): Variants {
  const only = (mine: 0 | 1, other: 0 | 1): Variants["added"] =>
    entries.flatMap((pair) => {
      const leaf = pair[mine];
      return pair[other] === null && leaf !== null ? [{ leaf: leaf.name, variant: leaf.variant }] : [];
    });
  return { added: only(1, 0), removed: only(0, 1) };
}

/** The entry of a leaf that has no variants. */
function sole(entries: readonly Leaf[]): Leaf | null {
  const [first] = entries;
  return entries.length === 1 && first !== undefined && first.variant === null ? first : null;
}

/** What differs of an entry beside its rows: states, statuses of no lock, and the orders in which it gives locks back. */
function leafChanges(before: Leaf | null, after: Leaf | null): LeafChange[] {
  if (before === null || after === null) return [];
  const leaf = after.name;
  const variant = before.variant ?? after.variant;
  const change = (
    field: LeafChange["field"],
    x: readonly string[] | null,
    y: readonly string[] | null,
  ): LeafChange[] => {
    if (JSON.stringify(x) === JSON.stringify(y)) return [];
    return [{ leaf, variant, field, before: x === null ? null : [...x], after: y === null ? null : [...y] }];
  };
  return [
    ...change("op-states", before.opStates, after.opStates),
    ...change("sept-states", before.septStates, after.septStates),
    ...change("other-busy", otherBusy(before), otherBusy(after)),
    ...orderChanges(before, after).map((one) => ({ leaf, variant, ...one })),
  ];
}

function otherBusy({ otherBusy: busy }: Leaf): readonly string[] {
  return [...new Set(busy.map(({ name, status }) => `${name} (${status})`))].sort(compareText);
}

function rowChanges(before: Leaf | null, after: Leaf | null, precise: boolean): RowChange[] {
  const entry = before ?? after;
  if (entry === null) return [];
  const variant = before?.variant ?? after?.variant ?? null;
  const left = grouped(before?.acquisitions ?? []);
  const right = grouped(after?.acquisitions ?? []);
  const keys = [...new Set([...left.keys(), ...right.keys()])].sort(compareKeys);
  return keys.flatMap((key) =>
    matchRows(left.get(key) ?? [], right.get(key) ?? [], precise).map(([x, y]): RowChange => {
      const row = x ?? y;
      return {
        leaf: entry.name,
        variant,
        resource: row?.resource ?? "",
        role: row?.role ?? null,
        before: x === null ? null : rowFacts(x),
        after: y === null ? null : rowFacts(y),
      };
    }),
  );
}

function grouped(rows: readonly Acquisition[]): Map<string, Acquisition[]> {
  const groups = new Map<string, Acquisition[]>();
  for (const row of rows) {
    const key = `${row.resource}\n${row.role ?? ""}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  return groups;
}

function compareKeys(a: string, b: string): number {
  const [resourceA = "", roleA = ""] = a.split("\n");
  const [resourceB = "", roleB = ""] = b.split("\n");
  return compareResources(resourceA, resourceB) || compareText(roleA, roleB);
}

type RowPair = readonly [Acquisition | null, Acquisition | null];

/** Rows that differ. Equal rows are paired first, so that one inserted row shows as one; the rest pair up in order. */
function matchRows(
  before: readonly Acquisition[],
  after: readonly Acquisition[],
  precise: boolean,
): readonly RowPair[] {
  const restAfter = [...after];
  const restBefore = before.filter((x) => {
    const at = restAfter.findIndex((y) => sameRow(x, y, precise));
    if (at < 0) return true;
    restAfter.splice(at, 1);
    return false;
  });
  const count = Math.max(restBefore.length, restAfter.length);
  return Array.from({ length: count }, (_, i): RowPair => [restBefore[i] ?? null, restAfter[i] ?? null]);
}

function sameRow(x: Acquisition, y: Acquisition, precise: boolean): boolean {
  const core = x.lock === y.lock && x.mode === y.mode && x.side === y.side;
  if (!precise) return core && (x.when === null) === (y.when === null);
  return (
    core &&
    x.when === y.when &&
    x.times === y.times &&
    releaseText(x.release) === releaseText(y.release) &&
    x.busyStatus === y.busyStatus &&
    x.hostPriorityStatus === y.hostPriorityStatus &&
    (x.promotion === null) === (y.promotion === null) &&
    x.promotedSizes?.join() === y.promotedSizes?.join() &&
    x.busyWhen === y.busyWhen &&
    x.hostPriorityExit?.detail === y.hostPriorityExit?.detail &&
    JSON.stringify(statusesOf(x)) === JSON.stringify(statusesOf(y))
  );
}

const statusesOf = (row: Acquisition): string[] => row.otherStatuses.map(({ status }) => status);

function rowFacts(row: Acquisition): RowFacts {
  const { lock, mode, when, side, times, object } = row;
  return {
    lock,
    mode,
    when,
    condition: row.condition ?? null,
    side,
    times,
    release: releaseText(row.release),
    object,
    status: row.busyStatus,
    priorityStatus: row.hostPriorityStatus,
    otherStatuses: statusesOf(row),
    promoted: row.promotion !== null,
    evidence: row.evidence.map((s) => ({ ...s })),
  };
}

type Pairs = ReadonlyMap<string, ContendPair>;

/** Possible contentions of one side that the other does not have. Modes, conditions, statuses and roles do not make another contention. */
function contentionChanges({
  before: left,
  after: right,
}: Record<"before" | "after", Pairs>): DiffDocument["contention"] {
  return {
    appeared: [...right]
      .filter(([key]) => !left.has(key))
      .map(([, pair]) => pair)
      .sort(comparePairs),
    disappeared: [...left]
      .filter(([key]) => !right.has(key))
      .map(([, pair]) => pair)
      .sort(comparePairs),
  };
}

function possiblePairs(catalog: Catalog, host: HostProfile | undefined): ContendPair[] {
  const pairs = contendingPairs(catalog);
  const all = host === undefined ? pairs : underHost(catalog, host, pairs).pairs;
  return all.filter(({ possible }) => possible);
}

/**
 * By a key that ignores a variant which the other catalog does not tell apart, and roles: what an object is called in a call depends on
 * which others the call has (TDH.MEM.PAGE.PROMOTE locks the entry that it merges in every version, but up to 1.5.16 those below, too).
 */
function byCalls(pairs: readonly ContendPair[], other: Catalog): Pairs {
  const variants = new Set(other.leaves.map((leaf) => `${leaf.name} ${leaf.variant ?? ""}`));
  const entry = (name: string, variant: string | null): string => {
    const full = `${name} ${variant ?? ""}`;
    return variants.has(full) ? full : name;
  };
  const found = new Map<string, ContendPair>();
  for (const pair of pairs) {
    const a = [entry(pair.a, pair.variantA), pair.resourceA].join("|");
    const b = [entry(pair.b, pair.variantB), pair.resourceB].join("|");
    const key = [a, b].sort(compareText).join("\n");
    if (!found.has(key)) found.set(key, pair);
  }
  return found;
}
