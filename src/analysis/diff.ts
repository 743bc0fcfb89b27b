/**
 * What differs between two modules: leaves, rows, and the contentions that appeared or disappeared because of it.
 *
 * Rows are matched by leaf, variant, resource and role, then by order. The published table names some leaves after their
 * handlers and says less about each row than an extracted catalog: names are brought to the dispatcher's by the
 * alias data, and what the table does not speak of (release, multiplicity, wording of a condition) is not compared.
 */
import { type Acquisition, type Catalog, dispatcherNames, type Leaf } from "../catalog/index.ts";
import { comparePairs, contendingPairs } from "./contention.ts";
import { behaviourChanges } from "./diff-behaviour.ts";
import { compareResources, compareText } from "./resources.ts";
import type { ContendPair, DiffDocument, RowChange, RowFacts } from "./schema.ts";

/** The differences from `a` to `b` as `seamlock/diff@1`; swapped arguments give the mirror image. */
export function diffCatalogs(a: Catalog, b: Catalog): DiffDocument {
  const [before, after] = [normalised(a), normalised(b)];
  const precise = a.module.origin === "extracted" && b.module.origin === "extracted";
  const namesBefore = new Set(before.leaves.map((leaf) => leaf.name));
  const namesAfter = new Set(after.leaves.map((leaf) => leaf.name));
  const common = [...namesBefore].filter((name) => namesAfter.has(name)).sort(compareText);
  return {
    schema: "seamlock/diff@1",
    before: { ...a.module },
    after: { ...b.module },
    leaves: {
      added: [...namesAfter].filter((name) => !namesBefore.has(name)).sort(compareText),
      removed: [...namesBefore].filter((name) => !namesAfter.has(name)).sort(compareText),
    },
    changed: common.flatMap((name) => leafChanges(entriesOf(before, name), entriesOf(after, name), precise)),
    behaviour: behaviourChanges(before, after),
    contention: contentionChanges(before, after),
  };
}

/** True when {@link diffCatalogs} found anything: the command's exit status 1. */
export function hasDifferences(diff: DiffDocument): boolean {
  const { leaves, changed, behaviour, contention } = diff;
  const lists = [leaves.added, leaves.removed, changed, behaviour, contention.appeared, contention.disappeared];
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

/** Changes of one leaf. An entry without a variant stands for each variant that the other side tells apart. */
function leafChanges(before: readonly Leaf[], after: readonly Leaf[], precise: boolean): RowChange[] {
  const variants = pairVariants(before, after);
  return variants.flatMap(([x, y]) => rowChanges(x, y, precise));
}

type EntryPair = readonly [Leaf | null, Leaf | null];

function pairVariants(before: readonly Leaf[], after: readonly Leaf[]): readonly EntryPair[] {
  const onlyBefore = sole(before);
  const onlyAfter = sole(after);
  if (onlyBefore !== null && onlyAfter === null) return after.map((y): EntryPair => [onlyBefore, y]);
  if (onlyAfter !== null && onlyBefore === null) return before.map((x): EntryPair => [x, onlyAfter]);
  const variants = [...new Set([...before, ...after].map((leaf) => leaf.variant))];
  variants.sort((x, y) => compareText(x ?? "", y ?? ""));
  const find = (side: readonly Leaf[], variant: string | null): Leaf | null =>
    side.find((leaf) => leaf.variant === variant) ?? null;
  return variants.map((variant): EntryPair => [find(before, variant), find(after, variant)]);
}

/** The entry of a leaf that has no variants. */
function sole(entries: readonly Leaf[]): Leaf | null {
  const [first] = entries;
  return entries.length === 1 && first !== undefined && first.variant === null ? first : null;
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
  return core && x.when === y.when && x.times === y.times && x.release?.at === y.release?.at;
}

function rowFacts(row: Acquisition): RowFacts {
  const { lock, mode, when, side, times, object } = row;
  return {
    lock,
    mode,
    when,
    side,
    times,
    release: row.release?.at ?? null,
    object,
    evidence: row.evidence.map((s) => ({ ...s })),
  };
}

/** Possible contentions of one side that the other does not have. Conditions and statuses do not make another contention. */
function contentionChanges(before: Catalog, after: Catalog): DiffDocument["contention"] {
  const left = possiblePairs(before, after);
  const right = possiblePairs(after, before);
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

/** By a key that ignores a variant which the other catalog does not tell apart. */
function possiblePairs(catalog: Catalog, other: Catalog): Map<string, ContendPair> {
  const variants = new Set(other.leaves.map((leaf) => `${leaf.name} ${leaf.variant ?? ""}`));
  const entry = (name: string, variant: string | null): string => {
    const full = `${name} ${variant ?? ""}`;
    return variants.has(full) ? full : name;
  };
  const found = new Map<string, ContendPair>();
  for (const pair of contendingPairs(catalog)) {
    if (!pair.possible) continue;
    const a = [entry(pair.a, pair.variantA), pair.resourceA, pair.roleA ?? "", pair.modeA].join("|");
    const b = [entry(pair.b, pair.variantB), pair.resourceB, pair.roleB ?? "", pair.modeB].join("|");
    const key = [a, b].sort(compareText).join("\n");
    if (!found.has(key)) found.set(key, pair);
  }
  return found;
}
