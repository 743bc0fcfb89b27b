/** Sets of held locks, what two functions on one chain do to a CPU's interrupts, and which phases a call outlasts. */
import { describe, expect, test } from "vitest";
import { drop, type Held, type LockSet, lockSet, type Mode, NO_LOCKS, regard, take } from "../../src/kernel/locks.ts";
import { mayOverrun, type Transition, transitionsBelow } from "../../src/kernel/phases.ts";
import type { Row } from "../../src/kernel/rows.ts";
import { type Instance, number, type Value } from "../../src/kernel/values.ts";

const held = (lock: string, of: Instance = "self", mode: Mode = "exclusive", count = 1): Held => ({
  lock,
  of,
  mode,
  count,
});
const texts = (set: LockSet | null): string[] | null =>
  set === null ? null : set.held.map(({ lock, of, mode, count }) => `${lock} ${of} ${mode} ${count}`);

describe("a set of held locks", () => {
  test("is one object for equal sets, and others for other locks, modes, owners and counts", () => {
    expect(lockSet([held("a"), held("b")])).toBe(lockSet([held("b"), held("a")]));
    const all = [
      held("a"),
      held("b"),
      held("a", "all"),
      held("a", "self", "shared"),
      held("a", "self", "exclusive", 2),
    ];
    expect(new Set(all.map((one) => lockSet([one]).id)).size).toBe(all.length);
  });

  test("has each owner's lock apart", () => {
    const set = lockSet([held("a", "other"), held("a")]);
    expect(texts(drop(set, "a", "self"))).toEqual(["a other exclusive 1"]);
    expect(drop(lockSet([held("a", "other")]), "a", "self")).toBeNull();
    expect(texts(take(lockSet([held("a", "other")]), "a", "self", "shared", true))).toEqual([
      "a other exclusive 1",
      "a self shared 1",
    ]);
  });

  test("of which one of all is dropped has none for sure, and all are not one", () => {
    expect(texts(drop(lockSet([held("a", "all")]), "a", "self"))).toEqual([]);
    expect(drop(lockSet([held("a")]), "a", "all")).toBeNull();
    expect(texts(drop(lockSet([held("a", "all"), held("a")]), "a", "self"))).toEqual(["a all exclusive 1"]);
  });

  test("counts those that nest, up to a bound, and holds others once, in the mode in which they were taken last", () => {
    const twice = take(take(NO_LOCKS, "a", "self", "shared", true), "a", "self", "shared", true);
    expect(texts(twice)).toEqual(["a self shared 2"]);
    expect(texts(drop(twice, "a", "self"))).toEqual(["a self shared 1"]);
    let many = twice;
    for (let i = 0; i < 9; i++) many = take(many, "a", "self", "shared", true);
    expect(texts(many)).toEqual(["a self shared 3"]);
    const once = take(take(NO_LOCKS, "a", "self", "exclusive", false), "a", "self", "exclusive", false);
    expect(texts(once)).toEqual(["a self exclusive 1"]);
    expect(texts(take(once, "a", "self", "shared", false))).toEqual(["a self shared 1"]);
    expect(texts(drop(once, "a", "self"))).toEqual([]);
  });

  test("may be regarded as others'", () => {
    const set = lockSet([held("a", "each"), held("b")]);
    expect(texts(regard(set, "each", "all"))).toEqual(["a all exclusive 1", "b self exclusive 1"]);
    expect(regard(set, "other", "all")).toBe(set);
  });
});

describe("a call is made after a later phase has begun", () => {
  const [runs, other] = [number(1n), number(2n)];
  const differing = new Map<string, Value>([["vm.state", runs]]);
  const lock = (...all: Held[]): LockSet => lockSet(all);
  const row = (atCall: LockSet, ...tests: readonly [fact: string, locks: LockSet][]): Row =>
    ({
      held: atCall.held,
      chain: [{ from: { tests: new Map(tests.map(([fact, locks], i) => [`${i}`, { fact, locks, line: i }])) } }],
    }) as unknown as Row;
  const begins = (locks: LockSet, fact = "vm.state", value = runs): Transition => ({ fact, value, locks });
  const a = lock(held("a"));
  const may = (one: Row, ...transitions: Transition[]): boolean =>
    mayOverrun(one, differing, transitions, new Set(["a", "b"]));

  test("unless a lock that is held from the test on keeps whoever begins it out", () => {
    expect(may(row(a, ["vm.state", a]), begins(a))).toBe(false);
    expect(may(row(a, ["vm.state", a]), begins(NO_LOCKS))).toBe(true);
    expect(may(row(a, ["vm.state", NO_LOCKS]), begins(a))).toBe(true);
    expect(may(row(NO_LOCKS, ["vm.state", a]), begins(a))).toBe(true);
    expect(may(row(a, ["vm.state", a]), begins(lock(held("b"))))).toBe(true);
    // One of several tests is enough, and each beginning counts.
    expect(may(row(a, ["vm.state", NO_LOCKS], ["vm.state", a]), begins(a))).toBe(false);
    expect(may(row(a, ["vm.state", a]), begins(a), begins(NO_LOCKS))).toBe(true);
  });

  test("not by a lock that both share, nor by one that belongs to somebody else", () => {
    const shared = lock(held("a", "self", "shared"));
    expect(may(row(shared, ["vm.state", shared]), begins(shared))).toBe(true);
    expect(may(row(shared, ["vm.state", shared]), begins(a))).toBe(false);
    expect(may(row(a, ["vm.state", a]), begins(shared))).toBe(false);
    const others = lock(held("a", "other"));
    expect(may(row(a, ["vm.state", a]), begins(others))).toBe(true);
    expect(may(row(a, ["vm.state", others]), begins(a))).toBe(true);
    expect(may(row(others, ["vm.state", others]), begins(others))).toBe(true);
    const own = lock(held("vcpu"));
    expect(may(row(own, ["vm.state", own]), begins(own))).toBe(true);
    const every = lock(held("vcpu", "all"));
    expect(may(row(own, ["vm.state", own]), begins(every))).toBe(false);
    expect(may(row(every, ["vm.state", every]), begins(own))).toBe(false);
    const another = lock(held("vcpu", "other"));
    expect(may(row(every, ["vm.state", every]), begins(another))).toBe(true);
    expect(may(row(another, ["vm.state", another]), begins(every))).toBe(true);
    const all = lock(held("a", "all"));
    expect(may(row(a, ["vm.state", a]), begins(all))).toBe(false);
    expect(may(row(all, ["vm.state", all]), begins(a))).toBe(false);
  });

  test("only where something on the way tests what tells the phases apart, and something in the tree begins it", () => {
    expect(may(row(NO_LOCKS), begins(NO_LOCKS))).toBe(false);
    expect(may(row(NO_LOCKS, ["vm.other", NO_LOCKS]), begins(NO_LOCKS))).toBe(false);
    expect(may(row(a, ["vm.other", a], ["vm.state", NO_LOCKS]), begins(a))).toBe(true);
    expect(may(row(NO_LOCKS, ["vm.state", NO_LOCKS]))).toBe(false);
    expect(may(row(NO_LOCKS, ["vm.state", NO_LOCKS]), begins(NO_LOCKS, "vm.state", other))).toBe(false);
    expect(may(row(NO_LOCKS, ["vm.state", NO_LOCKS]), begins(NO_LOCKS, "vm.other"))).toBe(false);
  });

  test("beginnings are found below an entry, each with the locks under which it stands", () => {
    const context = (id: number, stores: readonly Transition[], edges: readonly unknown[]): never =>
      ({
        id,
        stores: new Map(stores.map((one, i) => [`${i}`, one])),
        edges: new Map(edges.map((to, i) => [`${i}`, { to }])),
      }) as never;
    const below = context(2, [begins(a), begins(NO_LOCKS)], []);
    const found = transitionsBelow([context(1, [begins(a, "vm.other")], [below, below])]);
    expect(found.map(({ fact, locks }) => [fact, locks.id]).sort()).toEqual(
      [
        ["vm.other", a.id],
        ["vm.state", NO_LOCKS.id],
        ["vm.state", a.id],
      ].sort(),
    );
  });
});
