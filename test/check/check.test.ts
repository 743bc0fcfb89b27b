import { describe, expect, test } from "vitest";
import { enterAndZap } from "../../bench/models/enter-and-zap.ts";
import {
  check,
  checkAsync,
  checkpoint,
  fewerSwitches,
  isValid,
  prepare,
  replay,
  resume,
  Search,
  startSearch,
  verifyReduction,
  verifyReductionAsync,
} from "../../src/check/index.ts";
import { Watch } from "../../src/check/watch.ts";
import type { Model, Trace } from "../../src/language/index.ts";
import * as L from "../../src/language/index.ts";
import { type LockFault, peterson, tryLock, twoLocks, writeBack, xadd } from "./models.ts";
import { explore } from "./naive.ts";

const named = (model: Model, options = {}) =>
  Object.fromEntries(check(model, options).violations.map(({ property, trace }) => [property, trace.steps.length]));

describe("the reference model", () => {
  test.each([
    [1, 1, 2, 3_714, 7_522],
    [1, 2, 2, 40_843, 90_002],
    [2, 1, 2, 269_360, 805_512],
  ])("M(%i,%i,%i) has its known counts", (vcpus, pages, threshold, states, transitions) => {
    expect(check(enterAndZap({ vcpus, pages, threshold }), { noReduction: true })).toMatchObject({
      states,
      transitions,
      outcome: { kind: "holds" },
      reductions: [],
    });
  });

  test("M(2,1,6) has its known number of states, in less than 32 bytes each", () => {
    const result = check(enterAndZap({ vcpus: 2, pages: 1, threshold: 6 }), { noReduction: true });
    expect(result.states).toBe(1_324_368);
    expect(result.bytesPerState).toBeLessThan(32);
  });

  test("its reductions are computed, named, and right", () => {
    const report = verifyReduction(enterAndZap({ vcpus: 2, pages: 1, threshold: 2 }));
    expect(report.differences).toEqual([]);
    expect(report.reduced.reductions).toEqual(["fold (vcpu: 12 labels, zapper: 12 labels)", "symmetry (vcpu)"]);
    expect(report.reduced.states).toBeLessThan(report.plain.states / 10);
  });

  test("busy lists each resource with its holders", () => {
    const { busy } = check(enterAndZap({ vcpus: 2, pages: 1, threshold: 2 }));
    expect(busy).toContainEqual({
      process: "zapper",
      leaf: "tdh_mem_track",
      resource: "TDCS_EPOCH",
      status: null,
      holders: ["tdh_vp_enter"],
      unheld: false,
    });
    expect(busy).toContainEqual({
      process: "vcpu",
      leaf: "tdh_vp_enter",
      resource: "SEPT_TREE",
      status: null,
      holders: ["tdh_mem_page_aug", "tdh_mem_page_remove", "tdh_mem_range_block", "tdh_vp_enter"],
      unheld: false,
    });
    expect(busy.some(({ resource }) => resource === "TDR")).toBe(false);
  });
});

describe("what is known of a model before it runs", () => {
  test("a value that is assigned again does not hide that an earlier one was out of range", () => {
    const m = L.model("again");
    const p = m.process("p");
    const x = m.variable("x", L.intType(0, 3), 3);
    p.step("go", { do: [L.inc(x), L.set(x, 3)], next: "end" });
    p.idle("end");
    expect(named(m.build())).toEqual({ "range of x": 1 });
  });

  test.each(["plain", "of instances"])(
    "an element that never changes has its value, though others of its array change (%s)",
    (kind) => {
      const m = L.model("element");
      const p = m.process("p", 2);
      const list = m.array("list", L.intType(0, 3), kind === "plain" ? 2 : p, 2);
      const k = p.variable("k", L.intType(0, 1));
      const seen = m.variable("seen", L.intType(0, 3));
      p.step("look", { do: [L.set(list.at(0), 1), L.set(seen, list.at(k)), L.set(k, 1)], next: "look" });
      m.sometimes("the other", L.eq(seen, 2));
      const model = m.build();
      const { states, witnesses } = check(model, { noReduction: true });
      expect(states).toBe(explore(model).states);
      expect(witnesses).toHaveLength(1);
    },
  );

  test("values that follow from the label are computed, and steps they rule out never run", () => {
    const m = L.model("known");
    const p = m.process("p", 2);
    const mine = p.variable("mine", L.intType(0, 3));
    p.step("a", { when: L.eq(mine, 0), do: [L.set(mine, 2)], next: "b" });
    p.step("b", { when: L.eq(mine, 2), do: [L.set(mine, 0)], next: "a" });
    p.step("b", { when: L.eq(mine, 1), next: "a" });
    const search = new Search(prepare(m.build(), true)).finish();
    expect(search.states).toBe(4);
    expect(search.prepared.packing.bits).toBe(2);
    expect([1, 2, 3, 4].map((id) => search.state(id).join()).sort()).toEqual([
      "0,0,0,0",
      "0,0,1,2",
      "1,2,0,0",
      "1,2,1,2",
    ]);
    expect(check(m.build()).neverRan).toMatchObject([{ label: "b", alternative: 1 }]);
  });
});

/** Two users of two pages; `odd`: something treats page 0 in its own way. */
function pages(odd: "nothing" | "guard" | "start" | "order" | "property"): Model {
  const m = L.model("pages");
  const page = m.scalarSet("page", 2);
  const p = m.process("p", 2);
  const locked = m.array("locked", L.boolType, page, odd === "start" ? [true, false] : false);
  const dirty = m.array("dirty", L.boolType, 2);
  const k = p.variable("k", L.indexType(page));
  p.choose("out", { x: page }, ({ x }) => ({
    when: L.and(L.not(locked.at(x)), odd === "guard" ? L.eq(x, 0) : true),
    do: [L.set(locked.at(x), true), L.set(k, x)],
    next: "in",
  }));
  p.step("in", { do: [L.set(dirty.at(k), true)], next: "done" });
  p.step("in", {
    when: odd === "order" ? L.lt(k, 1) : true,
    do: [L.set(dirty.at(0), false), L.set(dirty.at(1), false)],
    next: "done",
  });
  p.step("done", { do: [L.set(locked.at(k), false), L.set(k, 0)], next: "out" });
  m.sometimes("both dirty", odd === "property" ? dirty.at(0) : L.and(dirty.at(0), dirty.at(1)));
  return m.build();
}

describe("symmetry of scalar sets", () => {
  test("pages that all steps treat alike are renumbered, though a variable is reset to page 0 where nobody uses it", () => {
    const { reduced, plain, differences } = verifyReduction(pages("nothing"));
    expect(differences).toEqual([]);
    expect(reduced.reductions).toContain("symmetry (p, page)");
    expect(reduced.states).toBeLessThan(plain.states / 2);
  });

  test.each(["guard", "start", "order", "property"] as const)("they are not when a %s tells them apart", (odd) => {
    const { reduced, differences } = verifyReduction(pages(odd));
    expect(differences).toEqual([]);
    expect(reduced.reductions.join()).not.toContain("page");
  });

  test("the reference model with two pages", () => {
    const { reduced, differences } = verifyReduction(enterAndZap({ vcpus: 1, pages: 2, threshold: 2 }));
    expect(differences).toEqual([]);
    expect(reduced.reductions).toContain("symmetry (page)");
  });
});

describe("symmetry of processes", () => {
  /** Three that try one lock; what is said of whoever works is said of all, or of the last one. */
  function tries(of: "all" | "one" | "one, in time", count = 3): L.Model {
    const m = L.model("tries");
    const p = m.process("p", count);
    const locked = m.variable("locked", L.boolType);
    p.step("out", { when: L.not(locked), do: [L.set(locked, true)], next: "in" });
    p.step("in", { do: [L.set(locked, false)], next: "out" });
    if (of === "all") m.always("nobody comes in", L.not(L.exists(p, (i) => p.at(i, "in"))));
    if (of === "one") m.always("the last never comes in", L.not(p.at(count - 1, "in")));
    if (of === "one, in time") m.leadsTo("the last comes in", p.at(2, "out"), p.at(2, "in"), [L.weakFair(p)]);
    return m.build();
  }

  test("they are renumbered where a property speaks of all", () => {
    const { reduced, differences } = verifyReduction(tries("all"));
    expect(differences).toEqual([]);
    expect(reduced).toMatchObject({ outcome: { kind: "violated" }, reductions: ["symmetry (p)"] });
  });

  test("where it speaks of one, the others are, if there are several", () => {
    const { reduced, differences } = verifyReduction(tries("one"));
    expect(differences).toEqual([]);
    expect(reduced).toMatchObject({ outcome: { kind: "violated" }, reductions: ["symmetry (p but 2)"] });
    expect(check(tries("one", 2)).reductions).toEqual([]);
  });

  // Progress is decided on runs in which each keeps its number.
  test("what one comes to in time is decided with each apart", () => {
    const { reduced, differences } = verifyReduction(tries("one, in time"));
    expect(differences).toEqual([]);
    expect(reduced.outcome.kind).toBe("violated");
  });
});

describe("seeded faults", () => {
  test("the sound lock holds", () => {
    const result = check(tryLock(3));
    expect(result).toMatchObject({ outcome: { kind: "holds" }, vacuous: [], neverRan: [] });
    expect(result.witnesses.map(({ property }) => property)).toEqual(["one inside"]);
    expect(result.busy).toEqual([
      { process: "caller", leaf: "call", resource: "LOCK", status: "0x80", holders: ["call"], unheld: false },
    ]);
  });

  test.each<[LockFault, Record<string, number>]>([
    ["missing release", { "the lock comes back": 5 }],
    ["wrong guard", { "at most one inside": 4, alone: 5 }],
    ["lost flag", { "at most one inside": 4, alone: 5 }],
    ["no lock", { "at most one inside": 4, alone: 5 }],
    ["double release", { "at most one inside": 9, alone: 10 }],
    ["overflow", { "range of inside": 4 }],
  ])("%s is found with a shortest trace", (fault, expected) => {
    for (const noReduction of [true, false]) {
      const result = check(tryLock(2, fault), { noReduction });
      expect(result.outcome.kind).toBe("violated");
      const lengths = Object.fromEntries(
        result.violations
          .filter(({ kind }) => kind !== "leads-to")
          .map(({ property, trace }) => [property, trace.steps.length]),
      );
      const { "the lock comes back": _, ...safety } = expected;
      expect(lengths).toEqual(safety);
      for (const { trace } of result.violations) expect(isValid(tryLock(2, fault), trace)).toBe(true);
    }
  });

  test("locks in opposite order deadlock after two steps; in the same order they do not", () => {
    expect(named(twoLocks(true))).toEqual({ deadlock: 2 });
    expect(check(twoLocks(false)).outcome.kind).toBe("holds");
  });

  test("Peterson's algorithm is right, starvation included; without its turn it is not", () => {
    expect(check(peterson()).outcome).toEqual({ kind: "holds", property: null, reason: null });
    expect(named(peterson(true))).toMatchObject({ exclusion: 6 });
  });

  test("writing back a whole word loses a bit", () => {
    expect(named(writeBack(true))).toEqual({ "the request stays": 3 });
    expect(check(writeBack(false)).outcome.kind).toBe("holds");
  });

  test("a 16-bit word wraps around", () => {
    expect(named(xadd(2, 0xffff))).toEqual({ "no carry": 2 });
    expect(check(xadd(2, 1)).outcome.kind).toBe("holds");
  });

  test("only the wanted properties are checked", () => {
    expect(named(tryLock(2, "wrong guard"), { properties: [] })).toEqual({ alone: 5 });
  });

  test("`first` stops early and still finds a shortest one", () => {
    const result = check(tryLock(3, "wrong guard"), { first: true });
    expect(result.violations.map(({ property, trace }) => [property, trace.steps.length])).toEqual([
      ["at most one inside", 4],
    ]);
  });
});

test("symmetry alone keeps lengths, so that no plain search is made for a shorter trace", () => {
  const model = tryLock(3, "wrong guard");
  const [reduced, plain] = [check(model, { shorten: 0 }), check(model, { noReduction: true })];
  expect(reduced.reductions).toEqual(["symmetry (caller)"]);
  const lengths = ({ violations }: typeof plain) =>
    violations.map(({ property, trace, shortest }) => [property, trace.steps.length, shortest]);
  expect(lengths(reduced)).toEqual(lengths(plain));
});

describe("bounds", () => {
  test("of several reasons to stop the first is told", () => {
    const watch = new Watch(0);
    watch.stop("interrupted");
    watch.stop("memory ran out");
    expect(watch.reason).toBe("interrupted");
  });

  const model = enterAndZap({ vcpus: 2, pages: 1, threshold: 2 });

  test("`onceViolated` ends a search that found a violation, and no other", () => {
    const small = enterAndZap({ vcpus: 1, pages: 2, threshold: 2 });
    const options = { onceViolated: 20_000, noReduction: true };
    const never: L.Property = { kind: "always", name: "never", expr: L.bool(false) };
    const violated = check({ ...small, properties: [...small.properties, never] }, options);
    expect(violated.outcome).toEqual({
      kind: "violated",
      property: "never",
      reason: "the bound of 20000 states was reached",
    });
    expect(violated.states).toBeGreaterThan(20_000);
    expect(violated.frontier).toBeGreaterThan(0);
    expect(check(small, options)).toMatchObject({ outcome: { kind: "holds" }, states: 40_843 });
  });
  test.each([
    [{ depth: 20 }, "the depth bound of 20 steps was reached"],
    [{ states: 10_000 }, "the bound of 10000 states was reached"],
    [{ memory: 200_000 }, "the memory bound of 200000 bytes was reached"],
    [{ time: 0 }, "the time bound of 0 s was reached"],
  ])("%o ends as inconclusive", (bounds, reason) => {
    const result = check(model, { ...bounds, noReduction: true });
    expect(result.outcome).toEqual({ kind: "inconclusive", property: null, reason });
    expect(result.frontier).toBeGreaterThan(0);
    expect(result.states).toBeLessThan(269_360);
  });

  test("memory is that of all searches at a time: the plain one has what the reduced one leaves", () => {
    const small = enterAndZap({ vcpus: 1, pages: 2, threshold: 2 });
    // A state takes 5 bytes, and an index that is as full as it gets 4.2 for each.
    const memory = 10 * check(small, { noReduction: true }).states;
    expect(check(small, { noReduction: true, memory }).outcome.reason).toBeNull();
    const reason = `the plain state space was not explored whole: the memory bound of ${memory} bytes was reached`;
    expect(verifyReduction(small, { memory }).unexplored).toBe(reason);
    expect(verifyReduction(small, { memory: 2 * memory }).unexplored).toBeNull();
  });

  test("Ctrl-C is heard while the two spaces are compared, too", async () => {
    const model = enterAndZap({ vcpus: 2, pages: 1, threshold: 2 });
    let looks = 0;
    const until = (most: number) => ({
      get aborted() {
        return ++looks > most;
      },
    });
    const compare = (most: number) => verifyReductionAsync(model, { signal: until(most) as AbortSignal });
    expect(await compare(Number.POSITIVE_INFINITY)).toMatchObject({ unexplored: null, plain: { states: 269_360 } });
    // The last looks are those of the comparison, one every 32,768 states.
    const most = looks - 3;
    looks = 0;
    expect(await compare(most)).toMatchObject({ unexplored: "the comparison was interrupted", differences: [] });
    expect(looks).toBe(most + 1);
  });

  test("a violation found before a bound is still a violation", () => {
    expect(check(tryLock(2, "wrong guard"), { depth: 5 }).outcome.kind).toBe("violated");
  });

  test("an interrupted search says so", async () => {
    const controller = new AbortController();
    const result = await checkAsync(model, {
      noReduction: true,
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    expect(result.outcome).toMatchObject({ kind: "inconclusive", reason: "interrupted" });
  });

  test("progress is reported", () => {
    const seen: number[] = [];
    check(model, { noReduction: true, onProgress: ({ states }) => seen.push(states) });
    expect(seen.length).toBeGreaterThan(1);
    expect(seen.toSorted((a, b) => a - b)).toEqual(seen);
  });
});

describe("checkpoints", () => {
  const model = enterAndZap({ vcpus: 2, pages: 1, threshold: 2 });
  const bytesOf = (search: Parameters<typeof checkpoint>[0]) => new Uint8Array(Buffer.concat(checkpoint(search)));

  test("a resumed search ends with the same result", () => {
    const whole = check(model, { noReduction: true });
    const search = startSearch(model, { noReduction: true });
    search.advance(70);
    const resumed = resume(model, bytesOf(search), { noReduction: true });
    const result = check(model, { noReduction: true, search: resumed });
    const { seconds: _a, bytesPerState: _b, ...rest } = result;
    const { seconds: _c, bytesPerState: _d, ...expected } = whole;
    expect(rest).toEqual(expected);
  });

  test("a checkpoint of something else is refused", () => {
    const bytes = bytesOf(startSearch(model));
    expect(() => resume(tryLock(2), bytes)).toThrow(/another model/);
    expect(() => resume(model, bytes.subarray(0, bytes.length - 4))).toThrow(/damaged/);
    expect(() => resume(model, new Uint8Array())).toThrow(/empty/);
  });

  test.each(["symmetric", "scalar", "folded"])(
    "a checkpoint of a search that was reduced otherwise is refused (%s)",
    (kind) => {
      const m = L.model("reduced");
      const page = m.scalarSet("page", 2);
      const flag = m.array("flag", L.boolType, kind === "scalar" ? page : 1);
      const p = m.process("p", kind === "symmetric" ? 2 : 1);
      p.choose("a", { x: kind === "scalar" ? page : 1 }, ({ x }) => ({ do: [L.set(flag.at(x), true)], next: "a" }));
      if (kind === "folded") {
        p.step("a", { when: flag.at(0), next: "b" }).step("b", { next: "a" });
        m.process("q").step("q", { when: flag.at(0), do: [L.set(flag.at(0), false)], next: "q" });
      }
      const reduced = m.build();
      const { symmetric, scalar, folded } = prepare(reduced).reductions;
      const sizes = { symmetric: symmetric.size, scalar: scalar.length, folded: folded[0]?.size };
      expect(sizes).toEqual({ symmetric: 0, scalar: 0, folded: 0, [kind]: 1 });
      const bytes = bytesOf(startSearch(reduced));
      expect(resume(reduced, bytes).done).toBe(false);
      expect(() => resume(reduced, bytes, { noReduction: true })).toThrow(/other options/);
    },
  );

  test("a checkpoint of another build is refused", () => {
    const search = startSearch(model, { noReduction: true });
    const bytes = new Uint8Array(Buffer.concat(checkpoint(search, "one build")));
    expect(resume(model, bytes, { noReduction: true }, "one build").done).toBe(false);
    for (const build of [undefined, "another"])
      expect(() => resume(model, bytes, { noReduction: true }, build)).toThrow(/another build \(one build; this one/);
    expect(() => resume(model, bytesOf(search), { noReduction: true }, "another")).toThrow(/another build/);
  });

  test("a checkpoint with any bit changed is refused", () => {
    const search = startSearch(model);
    search.advance(3);
    const bytes = bytesOf(search);
    const positions = [0, 4, 9, 60, bytes.length >> 1, bytes.length - 33, bytes.length - 1];
    for (const at of [...positions, ...Array.from({ length: 200 }, (_, i) => (i * 7919) % bytes.length)]) {
      const damaged = bytes.slice();
      damaged[at] = (damaged[at] as number) ^ (1 << (at % 8));
      expect(() => resume(model, damaged), `byte ${at}`).toThrow(/damaged|no checkpoint/);
    }
  });

  test("pauses are told of the search for states only, and of its end", () => {
    // Its trace is shortened in a second search, of the plain space.
    const broken = tryLock(3, "wrong guard");
    const seen = new Set<unknown>();
    let last: Uint8Array | null = null;
    const whole = check(broken, {
      onPause(search) {
        seen.add(search);
        if (search.done) last = bytesOf(search);
      },
    });
    expect(whole).toMatchObject({ outcome: { kind: "violated" }, reductions: [expect.anything()] });
    expect(seen.size).toBe(1);
    const again = check(broken, { search: resume(broken, last as unknown as Uint8Array) });
    expect({ ...again, seconds: 0, bytesPerState: 0 }).toEqual({ ...whole, seconds: 0, bytesPerState: 0 });
  });

  test("a search that was to stop at the first violation does so when it is taken up again", () => {
    const wrong = tryLock(2, "wrong guard");
    const search = startSearch(wrong, { first: true });
    while (!search.done) search.advance();
    expect(resume(wrong, bytesOf(search), { first: true }).done).toBe(true);
  });
});

describe("traces", () => {
  test("a trace replays on its model, and shows where another one differs", () => {
    const { trace } = check(tryLock(2, "wrong guard"));
    expect(replay(tryLock(2, "wrong guard"), trace as Trace)).toMatchObject({
      stuck: null,
      violated: ["at most one inside"],
    });
    const other = replay(tryLock(2), trace as Trace);
    expect(other.violated).toEqual([]);
  });

  test("a changed trace is not valid", () => {
    const { trace } = check(tryLock(2, "wrong guard"));
    const [first, ...rest] = (trace as Trace).steps;
    expect(
      isValid(tryLock(2, "wrong guard"), {
        ...(trace as Trace),
        steps: [{ ...(first as Trace["steps"][0]), state: { locked: false } }, ...rest],
      }),
    ).toBe(false);
    expect(isValid(tryLock(2), trace as Trace)).toBe(false);
  });

  test("context switches are reduced without changing the length", () => {
    const model = tryLock(2, "wrong guard");
    const { trace } = check(model);
    const again = fewerSwitches(model, trace as Trace, "at most one inside");
    const switches = again.steps.filter(({ actor }, i) => i > 0 && actor !== again.steps[i - 1]?.actor).length;
    expect(again.steps.length).toBe(4);
    expect(switches).toBe(1);
  });
});
