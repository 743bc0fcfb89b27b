/** Who can hold what a status is about: the rows of the leaf that report it, and the other ends of their pairs. */
import {
  type Acquisition,
  type Catalog,
  decodeStatus,
  type Leaf,
  type OtherBusy,
  parseStatus,
  releaseText,
} from "../../catalog/index.ts";
import type { HostProfile } from "../../host/index.ts";
import { contendingPairs } from "../contention.ts";
import { underHost, verdictOf } from "../exclusion.ts";
import { compareText } from "../resources.ts";
import type { ContendPair } from "../schema.ts";
import { callSites, type Sites } from "../sites.ts";
import type { ExplainDocument, StatusExplanation } from "./schema.ts";

/** A catalog with what is known of it under a host. */
export interface Context {
  readonly catalog: Catalog;
  readonly profile: HostProfile | null;
  readonly host: ExplainDocument["host"];
  /** The pairs under the host; of calls that it does not make, by the module's rules alone. */
  readonly pairsOf: (entries: readonly Leaf[]) => readonly ContendPair[];
  /** Does the host make one of these calls, or a guest in it? */
  readonly makes: (entries: readonly Leaf[]) => boolean;
}

/** A status, or all that share its upper half where the lower one is not known. */
export interface Wanted {
  readonly status: bigint;
  readonly upperOnly: boolean;
}

export type Holder = StatusExplanation["holders"][number];

/** The pairs are needed only for a BUSY: those of its calls, or once all when a log asks for those of many. */
export function contextOf(catalog: Catalog, profile: HostProfile | null): Context {
  let sites: Sites | null = null;
  const makes = (entries: readonly Leaf[]): boolean => {
    if (profile === null || entries.length === 0) return true;
    const known = sites ?? callSites(profile, catalog);
    sites = known;
    return entries.some(({ name, variant }) => known.of(name, variant).length > 0);
  };
  const pairsAmong = pairFinder(catalog);
  const hosted = new Map<readonly ContendPair[], readonly ContendPair[]>();
  return {
    catalog,
    profile,
    host: profile === null ? null : underHost(catalog, profile, []).info,
    makes,
    pairsOf(entries) {
      const pairs = pairsAmong(entries);
      if (profile === null || !makes(entries)) return pairs;
      const known = hosted.get(pairs) ?? underHost(catalog, profile, pairs).pairs;
      hosted.set(pairs, known);
      return known;
    },
  };
}

/** Past this share of the catalog's entries that were asked for one by one, all of its pairs are found at once. */
const MANY = 1 / 3;

/** Pairs with one of some entries on a side, in the order of all pairs; the same list for the same entries. */
function pairFinder(catalog: Catalog): (entries: readonly Leaf[]) => readonly ContendPair[] {
  const found = new Map<string, readonly ContendPair[]>();
  let all: readonly ContendPair[] | null = null;
  let asked = 0;
  return (entries) => {
    const names = new Set(entries.map(({ name }) => name));
    const key = [...names].sort().join(" ");
    const known = all ?? found.get(key);
    if (known !== undefined) return known;
    // Rows are compared by the names of their leaves, so all variants of a name belong to it.
    const leaves = catalog.leaves.filter(({ name }) => names.has(name));
    asked += leaves.length;
    if (asked > catalog.leaves.length * MANY) {
      all = contendingPairs(catalog);
      return all;
    }
    const pairs = contendingPairs(catalog, { leaves });
    found.set(key, pairs);
    return pairs;
  };
}

function isWanted(text: string, { status, upperOnly }: Wanted): boolean {
  const value = parseStatus(text);
  return upperOnly ? value >> 32n === status >> 32n : value === status;
}

/** Rows of a leaf whose lock, when busy, gives this status. */
export function rowsFor(leaf: Leaf, wanted: Wanted): readonly Acquisition[] {
  const same = (s: string | null): boolean => s !== null && isWanted(s, wanted);
  return leaf.acquisitions.filter(
    (row) =>
      same(row.busyStatus) ||
      same(row.hostPriorityStatus) ||
      same(row.hostPriorityExit?.detail ?? null) ||
      row.otherStatuses.some((other) => same(other.status)),
  );
}

/** Guest calls that end in this TD exit because the host has priority on a lock. The exit has nothing in its low half. */
export function callsEndingIn(catalog: Catalog, { status }: Wanted): readonly Leaf[] {
  return catalog.leaves.filter((leaf) =>
    leaf.acquisitions.some(
      ({ hostPriorityExit: exit }) => exit !== undefined && parseStatus(exit.status) >> 32n === status >> 32n,
    ),
  );
}

/** Locks for which guest calls end in a TD exit, because the host has priority. */
export function resourcesOfExit(leaves: readonly Leaf[]): StatusExplanation["resources"] {
  return leaves.flatMap(({ name: leaf, acquisitions }) =>
    acquisitions.flatMap(({ hostPriorityExit, resource, role, mode, when }) =>
      hostPriorityExit === undefined ? [] : [{ leaf, resource, role, mode, when }],
    ),
  );
}

/** Does the leaf give this status for something that is busy without a lock? */
export const isOtherBusy = (leaf: Leaf, wanted: Wanted): boolean =>
  leaf.otherBusy.some((busy) => sameBusy(busy, wanted));

/** A list of metadata fills a page at most: so many sequences of a header and one element. */
const MAX_POSITION = 4096n / 16n;

/** A status without an operand is the same whatever its low half carries; to an indexed one a position is added. */
function sameBusy(busy: OtherBusy, wanted: Wanted): boolean {
  if (busy.indexed && !wanted.upperOnly) {
    const position = wanted.status - parseStatus(busy.status);
    return position >= 0n && position < MAX_POSITION;
  }
  return isWanted(busy.status, busy.operand === null ? { ...wanted, upperOnly: true } : wanted);
}

/** What the leaves wanted: locks, and what else can be busy. */
export function resourcesOf(entries: readonly Leaf[], wanted: Wanted): StatusExplanation["resources"] {
  const found = entries.flatMap((leaf) => [
    ...rowsFor(leaf, wanted).map(({ resource, role, mode, when }) => ({ leaf: leaf.name, resource, role, mode, when })),
    ...leaf.otherBusy
      .filter((busy) => sameBusy(busy, wanted))
      .map(({ object, when }) => ({ leaf: leaf.name, resource: object, role: null, mode: null, when })),
  ]);
  return [...new Map(found.map((item) => [JSON.stringify(item), item])).values()];
}

/** By which rule {@link holdersOf} calls one holder more likely than another, in words. */
export const HOLDER_ORDER =
  "Most likely first: what the host leaves possible before what it excludes; then what stays locked while the guest runs, and vCPUs; then what takes the lock always; then by the number of the host's paths.";

/**
 * Who can hold what the status is about. Most likely first: possible under the host before impossible, the guest and vCPUs
 * before calls that end soon, unconditional before conditional, then by the number of host paths.
 */
export function holdersOf(context: Context, entries: readonly Leaf[], wanted: Wanted): Holder[] {
  const rows = new Set(entries.flatMap((leaf) => rowsFor(leaf, wanted).map((row) => rowKey(leaf.name, row))));
  if (rows.size === 0) return trackingHolders(context.catalog, entries, wanted);
  const sides = context
    .pairsOf(entries)
    .flatMap((pair) => [
      ...(pair.busyA && rows.has(sideKey(pair, "a")) ? [{ pair, holder: "b" as const }] : []),
      ...(pair.busyB && rows.has(sideKey(pair, "b")) ? [{ pair, holder: "a" as const }] : []),
    ]);
  const found = new Map<string, Holder>();
  for (const { pair, holder } of sides) {
    const facts = holderFacts(context.catalog, pair, holder);
    const key = JSON.stringify([facts.leaf, facts.variant, facts.resource, facts.mode]);
    const known = found.get(key);
    found.set(key, known === undefined ? facts : joined(known, facts));
  }
  const vcpus = vcpuLeaves(context.catalog);
  return [...found.values()].sort((x, y) => compareHolders(x, y, vcpus));
}

const possibleLeaves = (holders: readonly Holder[]): readonly string[] =>
  [...new Set(holders.filter((h) => h.possible).map((h) => h.leaf))].sort(compareText);

/** Versions of the module on which others can hold what one status is about, grouped by who. */
export class Elsewhere {
  private readonly byHolders = new Map<string, { modules: string[]; holders: string[] }>();

  /** @param barred leaves that the host had kept out on that version */
  add(
    context: Context,
    entries: readonly Leaf[],
    wanted: Wanted,
    here: readonly Holder[],
    barred: ReadonlySet<string>,
  ): void {
    const names = new Set(entries.map((leaf) => leaf.name));
    const same = context.catalog.leaves.filter((leaf) => names.has(leaf.name));
    if (same.length === 0) return;
    const found = possibleLeaves(holdersOf(context, same, wanted)).filter((leaf) => !barred.has(leaf));
    if (found.join() === possibleLeaves(here).join()) return;
    const group = this.byHolders.get(found.join()) ?? { modules: [], holders: found };
    group.modules.push(context.catalog.module.version);
    this.byHolders.set(found.join(), group);
  }

  groups(): StatusExplanation["elsewhere"] {
    return [...this.byHolders.values()];
  }
}

type RowIdentity = Pick<Acquisition, "resource" | "role" | "mode" | "when" | "busyStatus">;

/** What tells a row of a leaf from the others, as far as a pair knows it. */
const rowKey = (leaf: string, { resource, role, mode, when, busyStatus }: RowIdentity): string =>
  JSON.stringify([leaf, resource, role, mode, when, busyStatus]);

function sideKey(pair: ContendPair, side: "a" | "b"): string {
  const [leaf, resource, role, mode, when, busyStatus] =
    side === "a"
      ? ([pair.a, pair.resourceA, pair.roleA, pair.modeA, pair.whenA, pair.statusA] as const)
      : ([pair.b, pair.resourceB, pair.roleB, pair.modeB, pair.whenB, pair.statusB] as const);
  return rowKey(leaf, { resource, role, mode, when, busyStatus });
}

function holderFacts(catalog: Catalog, pair: ContendPair, side: "a" | "b"): Holder {
  const [leaf, variant, mode, when, condition, own] =
    side === "a"
      ? [pair.a, pair.variantA, pair.modeA, pair.whenA, pair.conditionA, pair.resourceA]
      : [pair.b, pair.variantB, pair.modeB, pair.whenB, pair.conditionB, pair.resourceB];
  const entry = catalog.leaves.find((l) => l.name === leaf && l.variant === variant);
  const row = entry?.acquisitions.find((r) => r.resource === own && r.mode === mode && r.when === when);
  const ends = pair.paths
    .filter((p) => p.possible)
    .map((p) => (side === "a" ? { name: p.a, end: p.endA } : { name: p.b, end: p.endB }));
  const rare = ends.filter(({ end }) => end.exceptional !== null);
  const paths = [...ends.filter((one) => !rare.includes(one)), ...rare].map(({ name }) => name);
  const held = releaseText(row?.release);
  const { resource, possible } = pair;
  const judged = verdictOf(pair) !== "not-judged";
  const more = { possible, judged, paths: [...new Set(paths)], barred: false };
  return { leaf, variant, resource, mode, when, condition, held, ...more };
}

function joined(x: Holder, y: Holder): Holder {
  const paths = [...new Set([...x.paths, ...y.paths])];
  const possible = x.possible || y.possible;
  return { ...x, ...either(x, y), possible, judged: possible || (x.judged && y.judged), paths };
}

/** When one of the two takes the lock; always, where one always does. */
function either(x: Holder, y: Holder): Pick<Holder, "when" | "condition"> {
  if (x.when === y.when) return x;
  if (x.when === null || y.when === null) return { when: null, condition: null };
  const trees = [x.condition, y.condition].filter((tree) => tree !== null);
  return { when: `${x.when} || ${y.when}`, condition: trees.length === 2 ? { is: "any", of: trees } : null };
}

/** What is busy without a lock is the count of vCPUs in the guest: whoever brings them there. */
function trackingHolders(catalog: Catalog, entries: readonly Leaf[], wanted: Wanted): Holder[] {
  const name = decodeStatus(catalog, wanted.status.toString(16)).name;
  if (name !== "TDX_PREVIOUS_TLB_EPOCH_BUSY" || !entries.some((leaf) => isOtherBusy(leaf, wanted))) return [];
  return catalog.leaves.flatMap((leaf): Holder[] => {
    const row = leaf.acquisitions.find((r) => r.resource === "TDCS_EPOCH" && r.mode === "SHARED");
    if (row === undefined || !entersGuest(leaf)) return [];
    const { name: holder, variant } = leaf;
    const always = {
      when: null,
      condition: null,
      held: "td-exit",
      possible: true,
      judged: true,
      paths: [],
      barred: false,
    };
    return [{ leaf: holder, variant, resource: "TDCS_EPOCH", mode: row.mode, ...always }];
  });
}

/** Does the leaf leave something locked while the guest runs? */
export const entersGuest = (leaf: Leaf): boolean => leaf.acquisitions.some((row) => row.release?.kind === "td-exit");

/** The leaves that only a vCPU makes: the one that enters the guest, and the guest's own. */
export function vcpuLeaves(catalog: Catalog): ReadonlySet<string> {
  const entering = catalog.leaves.filter((leaf) => leaf.side === "host" && entersGuest(leaf));
  return new Set([...catalog.leaves.filter((leaf) => leaf.side === "guest"), ...entering].map((leaf) => leaf.name));
}

function compareHolders(x: Holder, y: Holder, vcpus: ReadonlySet<string>): number {
  const long = (h: Holder): number => Number(h.held === "td-exit") * 2 + Number(vcpus.has(h.leaf));
  return (
    Number(y.possible) - Number(x.possible) ||
    long(y) - long(x) ||
    Number(x.when !== null) - Number(y.when !== null) ||
    y.paths.length - x.paths.length ||
    compareText(x.leaf, y.leaf)
  );
}
