/**
 * Which pairs of leaves can meet on one lock in conflicting modes.
 *
 * Two rows conflict when they can name the same lock word, not both are SHARED and neither is NO_LOCK. `possible` then
 * speaks of two calls that each are legal by the module's own tables at that moment; an illegal call can always provoke
 * a BUSY, because the module takes a TDR, TDCS or SEPT entry lock before it checks the state that the lock protects
 * (`check_any_td_state_map_tdcs_and_lock` in helpers.c; `sept_lock_acquire_host` before
 * `sept_state_is_seamcall_leaf_allowed` in the handlers). So a pair is excluded only when
 *
 * - `op-state`: both rows belong to the same TD and no OP_STATE allows both leaves. A caller that orders its calls
 *   rightly issues the second only after the first has changed the state, and has then ended.
 * - `sept-state`: two SEAMCALLs on one SEPT entry of which no state allows both, by the same reasoning. It is not said of
 *   TDCALLs: the guest does not know the entry's state, and may rightly call at any moment.
 * - `earlier-lock`: whoever comes second always stops at another lock, which both need first and which the one that
 *   holds this lock still holds.
 *
 * - `life-cycle`: one of the two makes the object out of a free page, and the other needs it made.
 *
 * The locks of TDR and TDVPR are the PAMT entry locks of those pages. A call that names a page in use (to reclaim it, to
 * read its metadata) can therefore meet them; such pairs carry the two names in `resourceA` and `resourceB`. Other
 * calls need the page to be free, or private memory of a TD, and so cannot rightly name a page that is in use as TDR or
 * TDVPR. In the same way a call on a large page takes as its target the PAMT entry that a call on a page inside that range
 * takes, SHARED, on its way.
 */
import type { Acquisition, Catalog, Leaf } from "../catalog/index.ts";
import { type ConflictingRows, canStopAt, firstStop, type Holder, holderOf } from "./masking.ts";
import {
  acceptsPage,
  canBeLarge,
  compareResources,
  compareText,
  creates,
  isAncestor,
  isPerTd,
  resourceFacts,
} from "./resources.ts";
import type { ContendDocument, ContendPair, Exclusion, Unlocked } from "./schema.ts";

export interface ContentionOptions {
  /** Only pairs with one of these entries on one side; all by default. */
  readonly leaves?: readonly Leaf[];
  /** Only pairs with one of these entries on the other side; all by default. */
  readonly against?: readonly Leaf[];
  /** Only pairs on these resources. */
  readonly resources?: readonly string[];
  /** Only pairs that are legal in this OP_STATE, or that no OP_STATE binds. */
  readonly opState?: string;
}

/**
 * Every conflicting pair of rows of the catalog as `seamlock/contend@1`, excluded ones too, with the reason.
 * Pairs stand by resource, then a, b, variants and roles; `a ≤ b`. `paths` is empty: that is the host's part.
 */
export function contention(catalog: Catalog, options: ContentionOptions = {}): ContendDocument {
  const pairs = contendingPairs(catalog, options);
  return {
    schema: "seamlock/contend@1",
    module: { ...catalog.module },
    host: null,
    opState: options.opState ?? null,
    pairs,
    unlocked: unlockedWalks(options.leaves ?? catalog.leaves, options.resources),
    assumptions: [...MODULE_ASSUMPTIONS],
  };
}

/** What every verdict about pairs of calls takes for granted. */
export const MODULE_ASSUMPTIONS: readonly string[] = [
  "Calls are legal by OP_STATE and SEPT state when issued; an illegal one can always provoke BUSY.",
  "A conditional lock can contend, but never shields a later one.",
  "Two page operands can name one page; TDs meet on pages, PAMT entries and global locks.",
  "Only calls on pages in use rightly name a TDR or TDVPR as a page.",
];

/** The pairs of {@link contention}, without the document around them. */
export function contendingPairs(catalog: Catalog, options: ContentionOptions = {}): ContendPair[] {
  const guestHolds = locksUnderGuest(catalog);
  const left = chosen(options.leaves);
  const right = chosen(options.against);
  const pairs: ContendPair[] = [];
  const entries = [...catalog.leaves].sort(compareEntries).map((leaf) => {
    return { holder: holderOf(leaf, guestHolds), isLeft: left(leaf), isRight: right(leaf) };
  });
  entries.forEach((a, i) => {
    for (const b of entries.slice(i)) {
      const wanted = (a.isLeft && b.isRight) || (b.isLeft && a.isRight);
      if (wanted) pairs.push(...pairsOf(a.holder, b.holder));
    }
  });
  return pairs.filter((pair) => matches(pair, options)).sort(comparePairs);
}

/** Is a leaf among the chosen entries? By name and variant, for they may come from another copy of the catalog. */
function chosen(entries: readonly Leaf[] | undefined): (leaf: Leaf) => boolean {
  if (entries === undefined) return () => true;
  const keys = new Set(entries.map(entryKey));
  return (leaf) => keys.has(entryKey(leaf));
}

function entryKey(leaf: Leaf): string {
  return `${leaf.name} ${leaf.variant ?? ""}`;
}

/**
 * What a running guest's vCPU holds all the time: the locks that the entering leaf keeps until TD exit. Of several such
 * leaves, or variants, only what all of them keep is sure.
 */
export function locksUnderGuest(catalog: Catalog): readonly Acquisition[] {
  const kept = catalog.leaves
    .filter((leaf) => leaf.side === "host")
    .map((leaf) => leaf.acquisitions.filter((a) => a.release?.kind === "td-exit" && a.when === null))
    .filter((rows) => rows.length > 0);
  const [first = [], ...others] = kept;
  const alike = (x: Acquisition, y: Acquisition): boolean =>
    x.resource === y.resource && x.role === y.role && x.mode === y.mode;
  const sure = first.filter((row) => others.every((rows) => rows.some((other) => alike(row, other))));
  // The TD that entry names is the guest's own.
  return sure.map((row) => (row.td === "named" ? { ...row, td: "own" } : row));
}

function pairsOf(a: Holder, b: Holder): ContendPair[] {
  const pairs: ContendPair[] = [];
  const self = a.leaf === b.leaf;
  a.leaf.acquisitions.forEach((rowA, i) => {
    b.leaf.acquisitions.forEach((rowB, j) => {
      // Of a leaf against itself, (i, j) and (j, i) are the same pair.
      if (self && j < i) return;
      const resource = meetingPlace({ leaf: a.leaf, row: rowA, index: i }, { leaf: b.leaf, row: rowB, index: j });
      if (resource !== null && conflict(rowA, rowB)) pairs.push(pairOf(a, b, { resource, rowA, rowB, i, j }));
    });
  });
  return pairs;
}

/** Do the modes conflict? A NO_LOCK walker conflicts with nothing at the lock. */
export function conflict(a: Acquisition, b: Acquisition): boolean {
  if (a.mode === "NO_LOCK" || b.mode === "NO_LOCK") return false;
  return a.mode === "EXCLUSIVE" || b.mode === "EXCLUSIVE";
}

/** One row of a leaf. */
interface LeafRow {
  readonly leaf: Leaf;
  readonly row: Acquisition;
  readonly index: number;
}

/** The resource on which two rows can name one lock word; null when they cannot. */
function meetingPlace(a: LeafRow, b: LeafRow): string | null {
  if (a.row.resource === b.row.resource) return maybeOneWord(a.row, b.row) ? a.row.resource : null;
  return pageMeets(a, b) ?? pageMeets(b, a);
}

/** A bit lock's word is one of a structure that may have several: other members are other words, elements of one array may be the same. */
function maybeOneWord(a: Acquisition, b: Acquisition): boolean {
  return a.word === undefined || b.word === undefined || a.word.join(".") === b.word.join(".");
}

/** The resource whose lock is the PAMT entry that `page`, a row of class PAGE, may name; null when there is none. */
function pageMeets({ leaf, row }: LeafRow, other: LeafRow): string | null {
  const { resource } = other.row;
  if (row.resource !== "PAGE") return null;
  if (isAncestor(resource)) {
    const below = targetOf(other);
    return below === "PAGE" && canBeLarge(leaf.name, row.role, resource) ? resource : null;
  }
  const sameLevel = resourceFacts(resource).backing === resourceFacts(row.resource).backing;
  const state = creates(other.leaf.name, resource) ? "free" : "used";
  return sameLevel && acceptsPage(row.role, state) ? resource : null;
}

/**
 * What a PAMT walk was on the way to when it took this ancestor: the next row that is none. One taken EXCLUSIVE is the walk's
 * own target, the entry of a range that is split into pages.
 */
function targetOf({ leaf, row, index }: LeafRow): string | null {
  if (row.mode === "EXCLUSIVE") return null;
  return leaf.acquisitions.slice(index + 1).find((row) => !isAncestor(row.resource))?.resource ?? null;
}

function pairOf(a: Holder, b: Holder, meeting: ConflictingRows): ContendPair {
  const { resource, rowA, rowB } = meeting;
  const opStates = commonOpStates(a.leaf, b.leaf, meeting);
  const busyA = canStopAt(a, b, meeting, "a");
  const busyB = canStopAt(a, b, meeting, "b");
  const stopsA = firstStop(a, b, meeting, "a");
  const stopsB = firstStop(a, b, meeting, "b");
  const maskedBy = busyA || busyB ? null : ([stopsA, stopsB].find((r) => r !== resource) ?? stopsA);
  const excludedBy = exclusions(a.leaf, b.leaf, meeting, opStates, maskedBy);
  return {
    a: a.leaf.name,
    b: b.leaf.name,
    variantA: a.leaf.variant,
    variantB: b.leaf.variant,
    resource,
    modeA: rowA.mode,
    modeB: rowB.mode,
    whenA: rowA.when,
    whenB: rowB.when,
    conditionA: rowA.condition ?? null,
    conditionB: rowB.condition ?? null,
    statusA: rowA.busyStatus,
    statusB: rowB.busyStatus,
    opStates: opStates === null ? null : [...opStates],
    possible: excludedBy.length === 0,
    excludedBy,
    paths: [],
    resourceA: rowA.resource,
    resourceB: rowB.resource,
    roleA: rowA.role,
    roleB: rowB.role,
    sideA: rowA.side,
    sideB: rowB.side,
    priorityStatusA: rowA.hostPriorityStatus,
    priorityStatusB: rowB.hostPriorityStatus,
    stopsA,
    stopsB,
    busyA,
    busyB,
    maskedBy,
  };
}

/**
 * The OP_STATEs in which both are legal, when one TD's OP_STATE binds both: the resource is one TD's, and each leaf means the
 * TD that its table speaks of (a row with a role may be about another TD, such as the target of a service TD, and a page that is named has
 * one).
 */
function commonOpStates(a: Leaf, b: Leaf, { resource, rowA, rowB }: ConflictingRows): readonly string[] | null {
  const sameTd = isPerTd(resource) && isOfTable(a, rowA) && isOfTable(b, rowB);
  if (!sameTd) return null;
  if (a.opStates === null || b.opStates === null) return a.opStates ?? b.opStates;
  const inB = new Set(b.opStates);
  return a.opStates.filter((state) => inB.has(state));
}

/** Is the row about the TD of which the leaf's OP_STATEs are? Those of a TDCALL that names another TD are of that one. */
function isOfTable({ side, acquisitions }: Leaf, { role, td }: Acquisition): boolean {
  if (role !== null) return false;
  const whose = side === "host" ? "named" : acquisitions.some((row) => row.td === "other") ? "other" : "own";
  return (td ?? whose) === whose;
}

function exclusions(
  a: Leaf,
  b: Leaf,
  { rowA, rowB, resource }: ConflictingRows,
  opStates: readonly string[] | null,
  maskedBy: string | null,
): Exclusion[] {
  const found: Exclusion[] = [];
  if (opStates?.length === 0) {
    found.push({ kind: "op-state", what: `no OP_STATE allows both ${a.name} and ${b.name}` });
  }
  const bothHost = rowA.side === "host" && rowB.side === "host";
  if (resource === "SEPT_ENTRY" && bothHost && disjoint(a.septStates, b.septStates)) {
    found.push({ kind: "sept-state", what: `no SEPT entry state allows both ${a.name} and ${b.name}` });
  }
  const makers = [a, b].filter((leaf) => creates(leaf.name, resource));
  if (makers.length === 1 && rowA.resource === rowB.resource) {
    found.push({
      kind: "life-cycle",
      reason: "creation",
      what: `${makers[0]?.name} makes the ${resource} out of a free page`,
    });
  }
  if (maskedBy !== null) {
    found.push({ kind: "earlier-lock", what: maskedBy });
  }
  return found;
}

function disjoint(a: readonly string[] | null, b: readonly string[] | null): boolean {
  if (a === null || b === null) return false;
  const inB = new Set(b);
  return !a.some((state) => inB.has(state));
}

/** The NO_LOCK rows of `leaves`, each with the locks under which the leaf walks. */
export function unlockedWalks(leaves: readonly Leaf[], resources: readonly string[] | undefined): Unlocked[] {
  return leaves.flatMap((leaf) =>
    leaf.acquisitions.flatMap((row, i): Unlocked[] => {
      if (row.mode !== "NO_LOCK" || (resources !== undefined && !resources.includes(row.resource))) return [];
      const before = leaf.acquisitions.slice(0, i);
      const held = before.filter(
        (a) => a.mode === "EXCLUSIVE" && a.when === null && a.role === null && isPerTd(a.resource),
      );
      const coveredBy = [...new Set(held.map((a) => a.resource))];
      return [
        { leaf: leaf.name, variant: leaf.variant, resource: row.resource, role: row.role, when: row.when, coveredBy },
      ];
    }),
  );
}

function matches(pair: ContendPair, { resources, opState }: ContentionOptions): boolean {
  const named = [pair.resource, pair.resourceA, pair.resourceB];
  if (resources !== undefined && !named.some((r) => resources.includes(r))) return false;
  return opState === undefined || pair.opStates === null || pair.opStates.includes(opState);
}

function compareEntries(a: Leaf, b: Leaf): number {
  return compareText(a.name, b.name) || compareText(a.variant ?? "", b.variant ?? "");
}

/** The order of pairs in every document. */
export function comparePairs(x: ContendPair, y: ContendPair): number {
  return (
    compareResources(x.resource, y.resource) ||
    compareText(x.a, y.a) ||
    compareText(x.b, y.b) ||
    compareText(x.variantA ?? "", y.variantA ?? "") ||
    compareText(x.variantB ?? "", y.variantB ?? "") ||
    compareText(x.roleA ?? "", y.roleA ?? "") ||
    compareText(x.roleB ?? "", y.roleB ?? "") ||
    compareText(x.resourceA, y.resourceA) ||
    compareText(x.resourceB, y.resourceB)
  );
}
