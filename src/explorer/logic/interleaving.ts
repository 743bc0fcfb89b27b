/** Two calls, lock by lock, as a small model: how one of them comes to find a lock taken by the other. */
import type { ContendPair } from "../../analysis/index.ts";
import { type Acquisition, type CallEnd, type Leaf, releasedBefore } from "../../catalog/index.ts";
import {
  and,
  type BoolExpr,
  type BoolRef,
  boolType,
  type Model,
  type ModelBuilder,
  model,
  not,
  or,
  type ProcessBuilder,
  set,
} from "../../language/index.ts";
import { CallLock, type Held, LockSteps } from "../../model/index.ts";

/** Which locks the two calls have in common besides the one at which they meet. */
export type Sharing = "same-objects" | "this-lock-only";

/** One row that takes a lock, and the lock that it takes. */
interface Take {
  readonly row: Acquisition;
  readonly key: string;
}

/** The pair's rows in the two leaves. */
export interface Ends {
  readonly leafA: Leaf;
  readonly leafB: Leaf;
  readonly rowA: number;
  readonly rowB: number;
}

/** Finds the leaves and rows of a pair; null when the leaves are of another catalog. */
export function endsOf(leaves: readonly Leaf[], pair: ContendPair): Ends | null {
  const find = (name: string, variant: string | null): Leaf | undefined =>
    leaves.find((leaf) => leaf.name === name && leaf.variant === variant);
  const [leafA, leafB] = [find(pair.a, pair.variantA), find(pair.b, pair.variantB)];
  if (leafA === undefined || leafB === undefined) return null;
  const at = (leaf: Leaf, of: Pick<Acquisition, "resource" | "role" | "mode" | "when">): number =>
    leaf.acquisitions.findIndex(
      (row) => row.resource === of.resource && row.role === of.role && row.mode === of.mode && row.when === of.when,
    );
  const rowA = at(leafA, { resource: pair.resourceA, role: pair.roleA, mode: pair.modeA, when: pair.whenA });
  const rowB = at(leafB, { resource: pair.resourceB, role: pair.roleB, mode: pair.modeB, when: pair.whenB });
  return rowA < 0 || rowB < 0 ? null : { leafA, leafB, rowA, rowB };
}

/**
 * The model of a pair: each call takes its locks one by one, gives all back when it is refused, in the order that the catalog tells, and a
 * conditional lock is taken or not. Its one property says that the call that can be refused never is; the counterexample is the interleaving. Host priority is
 * left out: it refuses guests while nobody holds the lock, which is not what a pair is about.
 */
export function interleavingModel(pair: ContendPair, ends: Ends, sharing: Sharing): Model {
  const m = model("interleaving", `${pair.a} and ${pair.b} on ${pair.resource}`);
  const takes = { a: takesOf(ends.leafA), b: takesOf(ends.leafB) };
  const meeting = takes.a[ends.rowA]?.key ?? "";
  const rename = (key: string, at: number): string => {
    if (at === ends.rowB) return meeting;
    // A second lock of that name would be one lock taken twice.
    return key === meeting || sharing === "this-lock-only" ? `${key} of CPU 1` : key;
  };
  const b = takes.b.map((take, i) => ({ ...take, key: rename(take.key, i) }));
  const locks = locksOf(m, [...takes.a, ...b]);
  const first = callProcess(m, { name: "a", actor: "CPU 0", leaf: ends.leafA, takes: takes.a, locks });
  const second = callProcess(m, { name: "b", actor: "CPU 1", leaf: ends.leafB, takes: b, locks });
  const [loser, row] = pair.busyA || !pair.busyB ? [first, ends.rowA] : [second, ends.rowB];
  m.always(`never BUSY on ${meeting}`, not(loser.at(0, `busy ${row}`)));
  return m.allowDeadlock().build();
}

/** Rows that take a lock word, each with a name that is its own within the leaf. */
function takesOf(leaf: Leaf): Take[] {
  const seen = new Map<string, number>();
  return leaf.acquisitions.map((row) => {
    const name = row.role === null ? row.resource : `${row.resource} ${row.role}`;
    const times = (seen.get(name) ?? 0) + 1;
    seen.set(name, times);
    return { row, key: times === 1 ? name : `${name} ${times}` };
  });
}

function locksOf(m: ModelBuilder, takes: readonly Take[]): ReadonlyMap<string, CallLock> {
  const kinds = new Map(takes.map(({ key, row }) => [key, row.lock]));
  const one = { over: null, holders: 2, hostPriority: false };
  return new Map([...kinds].map(([resource, kind]) => [resource, new CallLock(m, { ...one, resource, kind })]));
}

interface Call {
  readonly name: string;
  readonly actor: string;
  readonly leaf: Leaf;
  readonly takes: readonly Take[];
  readonly locks: ReadonlyMap<string, CallLock>;
}

/**
 * One run of a leaf: `take i` for each row, before it `drop i j` for each lock that is given back by then, `busy i` when it is refused, and
 * at the end its locks in one of the orders in which a call that ends so gives them back.
 */
function callProcess(m: ModelBuilder, call: Call): ProcessBuilder {
  const { leaf, takes } = call;
  const p = m.process(call.name);
  const held = takes.map((_, i) => p.variable(`held${i}`, boolType));
  const steps = lockSteps(p, call, held);
  const effect = (note: string) => ({ actor: call.actor, leaf: leaf.name, action: "effect", note });
  const locks = takes.flatMap((take, i) => (isLock(take) ? [{ i, lock: lockOf(take), mine: held[i] as BoolRef }] : []));
  const labels: string[] = [];
  const at = (label: string): string => {
    labels.push(label);
    return label;
  };
  /** Where row `i` begins: with what is given back before it. Adds the steps of that. */
  const begin = (i: number): string =>
    locks
      .filter(({ i: j }) => isDroppedAt(takes, j, i))
      .reduce((next, { i: j, lock, mine }) => {
        const label = at(`drop ${i} ${j}`);
        steps.giveBack(label, leaf, lock, { next, when: mine });
        if (lock.row.when !== null) p.step(label, { when: not(mine), next, meta: effect("not held") });
        return label;
      }, `take ${i}`);
  /** Adds the steps from `label` on, by which a call ends in some way. */
  const leave = (label: string, end: CallEnd): void => {
    at(label);
    waysOut(call, held, end).forEach(({ isNext, when }, n) => {
      const giving = at(`${label} ${n}`);
      p.step(label, { when, next: giving, meta: effect("gives back what it holds") });
      for (const { i, lock, mine } of locks)
        steps.giveBack(giving, leaf, lock, { next: giving, when: and(mine, isNext(i)) });
      p.idle(giving);
    });
  };
  const beginnings = takes.map((_, i) => begin(i));
  takes.forEach(({ row, key }, i) => {
    const here = at(`take ${i}`);
    const next = beginnings[i + 1] ?? "done";
    if (row.mode === "NO_LOCK") {
      p.step(here, { next, meta: effect(`walks ${key} without its lock`) });
      return;
    }
    steps.attempt(here, leaf, lockOf({ row, key }), { granted: next, busy: `busy ${i}` });
    if (row.when !== null) p.step(here, { next, meta: effect(`not: ${row.when}`) });
    leave(`busy ${i}`, { end: "busy", refused: row });
  });
  leave("done", { end: "success" });
  for (const label of labels)
    p.holds(
      label,
      ...locks.map(({ lock: { row }, mine }) => ({
        resource: row.resource,
        mode: row.mode,
        leaf: leaf.name,
        when: mine,
      })),
    );
  return p.start(beginnings[0] ?? "done");
}

const isLock = ({ row }: Take): boolean => row.mode !== "NO_LOCK";

/** Is the lock of row `j` given back when row `i` is about to take its own, and not earlier? */
function isDroppedAt(takes: readonly Take[], j: number, i: number): boolean {
  const [mine, taking] = [takes[j]?.row, takes[i]?.row];
  if (mine === undefined || taking === undefined || j >= i || !releasedBefore(mine, taking)) return false;
  return !takes.slice(j + 1, i).some(({ row }) => releasedBefore(mine, row));
}

/** An order in which locks are given back. */
interface WayOut {
  /** When a call goes this way. */
  readonly when: BoolExpr;
  /** When the lock of a row that is held is the next to go. */
  readonly isNext: (row: number) => BoolExpr;
}

/**
 * How a call that ends so gives back what it holds, as `releaseOrders` of src/catalog looks it up for one call: by those entries of this end
 * that have all that is held and the least else; where none has all of it, in the usual order.
 */
function waysOut({ takes, leaf }: Call, held: readonly BoolRef[], end: CallEnd): readonly WayOut[] {
  const locks = takes.flatMap((take, i) => (isLock(take) ? [i] : []));
  const none = (rows: readonly number[]): BoolExpr => and(...rows.map((i) => not(held[i] as BoolRef)));
  const refused = end.end === "busy" ? end.refused.order : undefined;
  const told = (leaf.releaseOrders ?? [])
    .filter((one) => one.end === end.end && one.refused === refused)
    .map((one) => one.locks.map((order) => locks.find((i) => takes[i]?.row.order === order) ?? -1));
  const hasAll = (order: readonly number[]): BoolExpr => none(locks.filter((i) => !order.includes(i)));
  const turn = (i: number): number | undefined => takes[i]?.row.release?.sequence;
  const later = (i: number): readonly number[] => locks.filter((j) => j > i);
  // One without a turn goes when all that were taken later are gone, and before all that were taken earlier.
  const turnless = locks.filter((i) => turn(i) === undefined);
  const isUsual = (i: number): BoolExpr => {
    const mine = turn(i);
    if (mine === undefined) return none(later(i));
    const earlier = locks.filter((j) => (turn(j) ?? Infinity) < mine);
    return and(none(earlier), ...turnless.map((j) => not(and(held[j] as BoolRef, none(later(j))))));
  };
  return [
    ...told.map((order) => ({
      when: and(
        hasAll(order),
        ...told.filter((other) => other.length < order.length).map((other) => not(hasAll(other))),
      ),
      isNext: (i: number) => none(order.slice(0, order.indexOf(i))),
    })),
    { when: not(or(...told.map(hasAll))), isNext: isUsual },
  ];
}

/** The row of a take, under the name of the lock that it takes here. */
const lockOf = ({ key, row }: Take): Held => ({ row: { ...row, resource: key }, object: 0 });

/** The steps on a call's locks, which also note what it holds. */
function lockSteps(p: ProcessBuilder, { takes, locks, actor }: Call, held: readonly BoolRef[]): LockSteps {
  const of = ({ resource }: Acquisition) => locks.get(resource) as CallLock;
  const mine = ({ resource }: Acquisition) => held[takes.findIndex(({ key }) => key === resource)] as BoolRef;
  const words = {
    attempt(row: Acquisition) {
      const attempt = of(row).attempt(row.mode, row.side);
      return { ...attempt, take: [...attempt.take, set(mine(row), true)] };
    },
    release: (row: Acquisition) => [...of(row).release(row.mode), set(mine(row), false)],
    indexed: () => false,
    leavesOut: () => false,
  };
  return new LockSteps(p, words, actor);
}
