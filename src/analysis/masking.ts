/**
 * Where two leaves that conflict on several locks really stop.
 *
 * A leaf takes its locks in source order, each by a single attempt, and gives up at the first that is busy. So A can stop at a
 * lock that B holds only if there is a moment at which B holds that lock and A has been able to pass all its own earlier
 * locks. Only acquisitions that every run makes can keep A from coming that far, and only on objects that are the same
 * because the lock in question is the same: the TDR of one SEPT entry's TD, but not another page operand.
 */
import { type Acquisition, type Leaf, type ReleaseOrder, releasedBefore } from "../catalog/index.ts";
import { resourceFacts, scopeImplies } from "./resources.ts";

/** A conflicting pair of rows: row `i` of A and row `j` of B, on `resource`. */
export interface ConflictingRows {
  readonly resource: string;
  readonly rowA: Acquisition;
  readonly rowB: Acquisition;
  readonly i: number;
  readonly j: number;
}

/** A leaf with what is held for it all the time: a TDCALL runs while its vCPU's entry holds its locks. */
export interface Holder {
  readonly leaf: Leaf;
  readonly base: readonly Acquisition[];
}

/** Pairs a leaf with the locks under which it runs. */
export function holderOf(leaf: Leaf, guestHolds: readonly Acquisition[]): Holder {
  return { leaf, base: leaf.side === "guest" ? guestHolds : [] };
}

type Who = "a" | "b";

/** Can `who` come as far as this lock while the other holds it? */
export function canStopAt(a: Holder, b: Holder, meeting: ConflictingRows, who: Who): boolean {
  const [comer, holder] = who === "a" ? [a, b] : [b, a];
  const [at, held] = who === "a" ? [meeting.i, meeting.j] : [meeting.j, meeting.i];
  const passed = [...comer.base, ...heldWhenReaching(comer.leaf, at)];
  const seen = seenBy(who, meeting);
  const passes = (before: readonly Acquisition[], locks: readonly Acquisition[]): boolean =>
    !before.some((mine) => locks.some((theirs) => meet(mine, theirs, seen)));
  if (momentsHolding(holder, held).some((locks) => passes(passed, locks))) return true;
  // What its own entry keeps for a guest is in the way of the guest's own call, too.
  const isOwnEntry = comer.leaf.side === "guest" && holder.leaf.acquisitions[held]?.release?.kind === "td-exit";
  return isOwnEntry && passes(heldWhenReaching(comer.leaf, at), insideGuest(holder.leaf));
}

/** The resource at which `who` stops when the other holds every lock that it is sure to take, and this one. */
export function firstStop(a: Holder, b: Holder, meeting: ConflictingRows, who: Who): string {
  const [comer, holder] = who === "a" ? [a, b] : [b, a];
  const at = who === "a" ? meeting.i : meeting.j;
  const theirs = [...holder.base, ...holder.leaf.acquisitions.filter((row) => row.when === null)];
  const seen = seenBy(who, meeting);
  const stops = (mine: Acquisition): boolean => theirs.some((row) => meet(mine, row, seen));
  const before = [...comer.base, ...comer.leaf.acquisitions.slice(0, at).filter((row) => row.when === null)];
  return before.find(stops)?.resource ?? comer.leaf.acquisitions[at]?.resource ?? meeting.resource;
}

/** Locks that the leaf is sure to hold when it tries row `at`. */
function heldWhenReaching(leaf: Leaf, at: number): readonly Acquisition[] {
  const row = leaf.acquisitions[at];
  return leaf.acquisitions
    .slice(0, at)
    .filter((earlier) => earlier.when === null && row !== undefined && !releasedBefore(earlier, row));
}

/**
 * The sets of locks that the leaf is sure to hold at each moment from taking row `at` until giving it back: when it fails after one of the
 * following acquisitions and gives back what goes before this row, when it succeeds and does so, and inside the guest for a lock that is
 * kept until TD exit. Moments at which it holds more need no look: who cannot come past fewer locks cannot come past these.
 */
function momentsHolding(holder: Holder, at: number): readonly (readonly Acquisition[])[] {
  return remembered(MOMENTS, holder, at, () => findMoments(holder, at));
}

/** Every leaf is compared with every other, so what depends on one of the two only is found once. */
const MOMENTS = new WeakMap<Holder, Map<number, readonly (readonly Acquisition[])[]>>();

function remembered<T>(memory: WeakMap<Holder, Map<number, T>>, holder: Holder, at: number, find: () => T): T {
  let of = memory.get(holder);
  if (of === undefined) {
    of = new Map();
    memory.set(holder, of);
  }
  let found = of.get(at);
  if (found === undefined) {
    found = find();
    of.set(at, found);
  }
  return found;
}

function findMoments(holder: Holder, at: number): readonly (readonly Acquisition[])[] {
  const rows = holder.leaf.acquisitions;
  const row = rows[at];
  if (row === undefined) return [];
  const failing = rows.slice(at).flatMap((later, k) => {
    if (k > 0 && releasedBefore(row, later)) return [];
    const sure = rows.slice(0, at + k + 1).filter((r) => r.when === null && !releasedBefore(r, later));
    const usual = sure.filter((other) => !hasEarlierTurn(other, row));
    return [usual, ...heldOtherwise(holder.leaf, sure, row, (end) => end !== "success")];
  });
  const { sure, usual } = heldAtLast(holder.leaf, row);
  const ends = [...failing, usual, ...heldOtherwise(holder.leaf, sure, row, (end) => end === "success")];
  const inside = row.release?.kind === "td-exit" ? [insideGuest(holder.leaf)] : [];
  return [...ends, ...inside].map((locks) => [...holder.base, ...locks]);
}

/**
 * What of some locks the leaf is still sure to hold just before it gives `row` back, in each order that the catalog lists beside the usual
 * one, of calls that end in one of some ways. A call that fails sooner holds less than `sure`; its own moment is made from a smaller one.
 */
function heldOtherwise(
  { releaseOrders = [] }: Leaf,
  sure: readonly Acquisition[],
  row: Acquisition,
  isEnd: (end: ReleaseOrder["end"]) => boolean,
): readonly (readonly Acquisition[])[] {
  return releaseOrders.flatMap(({ end, locks }) => {
    const at = locks.indexOf(row.order ?? -1);
    const before = locks.slice(0, at);
    return at < 0 || !isEnd(end) ? [] : [sure.filter(({ order }) => !before.includes(order ?? -1))];
  });
}

/** What a leaf that enters the TD is sure to hold while the guest runs. */
const insideGuest = ({ acquisitions }: Leaf): Acquisition[] =>
  acquisitions.filter((row) => row.when === null && row.release?.kind === "td-exit");

/**
 * The locks that the leaf is sure to hold when it succeeds and gives back `row`: of all that it is sure to have taken before, and has not
 * given back for one that it takes later, those that do not usually go first, whenever it took them.
 */
function heldAtLast({ acquisitions }: Leaf, row: Acquisition): Record<"sure" | "usual", readonly Acquisition[]> {
  const taken = acquisitions.filter((other) => other.when === null && !releasedBefore(row, other));
  return {
    sure: taken.filter((other) => !goesEarlier(other, row)),
    usual: taken.filter((other) => !givenBackFirst(other, row)),
  };
}

/** Does the leaf give `first` back before `row`, where the catalog tells their order? */
function givenBackFirst(first: Acquisition, row: Acquisition): boolean {
  const [mine, theirs] = [first.release, row.release];
  if (mine == null || theirs == null) return false;
  return goesEarlier(first, row) || (!goesEarlier(row, first) && hasEarlierTurn(first, row));
}

/** Does the leaf give `first` back before it takes some lock, and `row` only after? */
function goesEarlier({ release: first }: Acquisition, { release: row }: Acquisition): boolean {
  return first?.order !== undefined && row?.order !== undefined && first.order < row.order;
}

/** Does `first` usually go before `row`? What else there is stands in the leaf's `releaseOrders`. */
function hasEarlierTurn(first: Acquisition, row: Acquisition): boolean {
  const [mine, theirs] = [first.release?.sequence, row.release?.sequence];
  return mine !== undefined && theirs !== undefined && mine < theirs;
}

/** A meeting from the side of the one that comes: its row, and that of the one that holds. */
interface Seen {
  readonly resource: string;
  readonly mine: Acquisition;
  readonly theirs: Acquisition;
}

function seenBy(who: Who, { resource, rowA, rowB }: ConflictingRows): Seen {
  return who === "a" ? { resource, mine: rowA, theirs: rowB } : { resource, mine: rowB, theirs: rowA };
}

/** Do two rows of a pair that meets as `seen` conflict, and surely on the same object? */
function meet(mine: Acquisition, theirs: Acquisition, seen: Seen): boolean {
  // By far the most pairs end here.
  if (mine.resource !== theirs.resource) return false;
  if (mine.mode === "NO_LOCK" || theirs.mode === "NO_LOCK") return false;
  if (mine.mode === "SHARED" && theirs.mode === "SHARED") return false;
  const { scope } = resourceFacts(mine.resource);
  if (scope === "system") return true;
  const outer = resourceFacts(seen.resource).scope;
  // A TD has one TDR, one TDCS, one SEPT tree: whatever the object at which the two meet is called, its TD's are the same for both.
  if (scope === "td" && scopeImplies(outer, "td") && ofOneTd(mine, seen.mine) && ofOneTd(theirs, seen.theirs)) {
    return true;
  }
  // A row that may be about another TD than the one on which the two meet says nothing of that TD's locks.
  if (!sayAlike(mine, seen.mine) || !sayAlike(theirs, seen.theirs)) return false;
  // Of a TD's vCPUs, entries and pages a call may take several: the lock at which it meets the other is not one that it had before.
  if (scope !== "td" && mine.resource === seen.mine.resource) return false;
  const roles = [mine.role, theirs.role, seen.mine.role, seen.theirs.role];
  return roles.every((role) => role === null) && scopeImplies(outer, scope);
}

/** Are two rows of one leaf about the same TD, as far as the catalog says? */
function ofOneTd(x: Acquisition, y: Acquisition): boolean {
  return x.td != null && x.td === y.td;
}

/** Does the catalog say the same of two rows' TDs, or of both nothing? */
function sayAlike(x: Acquisition, y: Acquisition): boolean {
  return (x.td ?? null) === (y.td ?? null);
}
