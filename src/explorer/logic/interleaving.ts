/** Two calls, lock by lock, as a small model: how one of them comes to find a lock taken by the other. */
import type { ContendPair } from "../../analysis/index.ts";
import type { Acquisition, Leaf, ReleasePlace } from "../../catalog/index.ts";
import {
  type BoolRef,
  boolType,
  type Model,
  type ModelBuilder,
  model,
  not,
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
 * The model of a pair: each call takes its locks one by one, gives all back when it is refused, and a conditional lock is taken or
 * not. Its one property says that the call that can be refused never is; the counterexample is the interleaving. Host priority is
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

/** One run of a leaf: `take i` for each row, `busy i` when it is refused, then `give i` in the order in which locks are given back. */
function callProcess(m: ModelBuilder, call: Call): ProcessBuilder {
  const p = m.process(call.name);
  const held = call.takes.map((_, i) => p.variable(`held${i}`, boolType));
  const meta = { actor: call.actor, leaf: call.leaf.name };
  const steps = lockSteps(p, call, held);
  const order = releaseOrder(call.takes);
  const give = (n: number): string => (n < order.length ? `give ${n}` : "end");
  const labels: string[] = ["end"];
  call.takes.forEach(({ row, key }, i) => {
    const here = `take ${i}`;
    const next = i + 1 < call.takes.length ? `take ${i + 1}` : give(0);
    const note = (text: string) => ({ next, meta: { ...meta, action: "effect", note: text } });
    labels.push(here);
    if (row.mode === "NO_LOCK") {
      p.step(here, note(`walks ${key} without its lock`));
      return;
    }
    steps.attempt(here, call.leaf, lockOf(key, row), { granted: next, busy: `busy ${i}` });
    if (row.when !== null) p.step(here, note(`not: ${row.when}`));
    labels.push(`busy ${i}`);
    p.step(`busy ${i}`, { next: give(0), meta: { ...meta, action: "effect", note: "gives back what it holds" } });
  });
  order.forEach((i, n) => {
    const { row, key } = call.takes[i] as Take;
    const mine = held[i] as BoolRef;
    labels.push(give(n));
    steps.giveBack(give(n), call.leaf, lockOf(key, row), { next: give(n + 1), when: mine });
    p.step(give(n), { when: not(mine), next: give(n + 1), meta: { ...meta, action: "effect", note: "not held" } });
  });
  for (const label of labels) {
    p.holds(
      label,
      ...call.takes.flatMap(({ key, row }, i) =>
        row.mode === "NO_LOCK"
          ? []
          : [{ resource: key, mode: row.mode, leaf: call.leaf.name, when: held[i] as BoolRef }],
      ),
    );
  }
  p.idle("end");
  return p.start(call.takes.length === 0 ? "end" : "take 0");
}

/** Rows by the moment at which they are given back; at one moment, last taken first. */
function releaseOrder(takes: readonly Take[]): number[] {
  const last: readonly ReleasePlace["kind"][] = ["leaf-exit", "before-td-entry", "td-exit"];
  return takes
    .map(({ row }, i) => ({ i, at: last.indexOf(row.release?.kind ?? "leaf-exit"), locks: row.mode !== "NO_LOCK" }))
    .filter(({ locks }) => locks)
    .sort((x, y) => x.at - y.at || y.i - x.i)
    .map(({ i }) => i);
}

/** The row of a take, under the name of the lock that it takes here. */
const lockOf = (resource: string, row: Acquisition): Held => ({ row: { ...row, resource }, object: 0 });

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
