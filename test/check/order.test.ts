/** Which of several equally short runs is shown is decided by the states alone, not by the order in which a search meets them. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { check, checkpoint, Helpers, prepare, resume, Search, startSearch } from "../../src/check/index.ts";
import { preparingLiveness } from "../../src/check/live-reductions.ts";
import { checkLeadsTo, edgesFor, type LeadsTo } from "../../src/check/liveness.ts";
import { uninterrupted } from "../../src/check/watch.ts";
import * as L from "../../src/language/index.ts";
import { type Model, problems } from "../../src/language/index.ts";
import { tryLock, twoLocks, xadd } from "./models.ts";
import { findingsOf, keyOf, nameOf } from "./naive-findings.ts";
import { anyModel, isSmall } from "./random-model.ts";
import { anyQuestion } from "./random-question.ts";

const RUNS = Number(process.env["SEAMLOCK_RUNS"] ?? 40);

const threads: Worker[] = [];
/** By number of workers. */
const helpers: (Helpers | null)[] = [null, null];

beforeAll(async () => {
  for (let i = 0; i < 3; i++) threads.push(new Worker(new URL("./helper-thread.mjs", import.meta.url)));
  await Promise.all(threads.map((thread) => once(thread, "message")));
  helpers.push(new Helpers(threads.slice(0, 1)), new Helpers(threads.slice(1)));
}, 30_000);
afterAll(async () => {
  await Promise.all(threads.map((thread) => thread.terminate()));
});

const withWorkers = (workers: number) => {
  const team = helpers[workers] ?? null;
  return team === null ? {} : { helpers: team };
};

function compareWithNaive(model: Model, workers: number): void {
  const search = new Search(prepare(model, true), withWorkers(workers)).finish();
  const words = (id: number) => keyOf(search.store.words(id));
  const naive = findingsOf(search.prepared);
  const found = search.findings.map((finding): [string, string] => [nameOf(finding), words(finding.id)]);
  expect(Object.fromEntries(found)).toEqual(Object.fromEntries(naive.findings));
  const parents = uninterrupted(search.findParents(search.findings.map(({ id }) => id)));
  for (const [id, parent] of parents) expect(words(parent)).toBe(naive.parents.get(words(id)));
}

/** Flags that are set in any order: broad levels, each state found by many ways, and those with the least words last. */
function flags(count: number, more: (m: L.ModelBuilder, all: readonly L.BoolRef[]) => void): Model {
  const m = L.model("flags");
  const p = m.process("p");
  const all = Array.from({ length: count }, (_, i) => m.variable(`x${i}`, L.boolType));
  for (const x of all.toReversed()) p.step("set", { when: L.not(x), do: [L.set(x, true)], next: "set" });
  more(m, all);
  return m.build();
}

const howMany = (all: readonly L.BoolRef[]): L.IntExpr =>
  all.map((x): L.IntExpr => L.ite(x, 1, 0)).reduce((sum, one) => L.add(sum, one));

describe("the states that a search names", () => {
  test.each([1, 2, 3])(
    "are those of the naive explorer, with %i workers",
    (workers) => {
      fc.assert(
        fc.property(anyModel(), (model) => {
          fc.pre(problems(model).length === 0);
          fc.pre(isSmall(model));
          compareWithNaive(model, workers);
        }),
        { numRuns: RUNS, endOnFailure: true },
      );
    },
    120_000,
  );

  test.each([1, 2, 3])("are those of the naive explorer where much is met in one level, with %i workers", (workers) => {
    compareWithNaive(twoLocks(true), workers);
    for (const fault of ["wrong guard", "double release", "overflow"] as const)
      compareWithNaive(tryLock(3, fault), workers);
    compareWithNaive(xadd(3, 0xffff), workers);
    const many = flags(9, (m, all) => {
      m.always("few", L.lt(howMany(all), 5));
      m.sometimes("some, with the last", L.and(L.eq(howMany(all), 4), all.at(-1) as L.BoolRef));
    });
    compareWithNaive(many, workers);
  });

  test.each([1, 2, 3])("are compared word by word, without a sign, with %i workers", (workers) => {
    const m = L.model("words");
    const p = m.process("p");
    const [low, high, second] = ["low", "high", "second"].map((name) => m.variable(name, L.bitsType(16)));
    const go = (from: string, to: string, values: readonly number[]) =>
      p.step(from, {
        do: [low, high, second].map((x, i) => L.set(x as L.IntRef, values[i] as number)),
        next: to,
      });
    const middle = [
      [1, 0x8000, 0],
      [1, 1, 9],
      [2, 0x7000, 1],
      [1, 1, 3],
      [1, 1, 5],
    ];
    for (const values of middle) go("start", "middle", values);
    go("middle", "end", [0, 0, 0]);
    p.idle("end");
    m.always("never in the middle", L.not(p.at(0, "middle")));
    m.sometimes("at the end", p.at(0, "end"));
    const model = m.build();
    compareWithNaive(model, workers);
    const { trace } = check(model, { noReduction: true, ...withWorkers(workers) });
    expect(trace?.steps.map(({ alternative }) => alternative)).toEqual([3]);
  });
});

test("a search that a bound ends in the middle of a level tells what was met there", () => {
  const model = flags(18, (m, all) => m.always("few", L.lt(howMany(all), 9)));
  const search = startSearch(model, { noReduction: true, states: 110_000 }).finish();
  expect(search).toMatchObject({ depth: 8, reason: "the bound of 110000 states was reached", settled: [] });
  expect(search.findings).toMatchObject([{ property: "few" }]);
  expect(check(model, { noReduction: true, states: 110_000 })).toMatchObject({
    outcome: { kind: "violated" },
    violations: [{ property: "few", trace: { steps: { length: 9 } } }],
  });
});

describe("a search that is stopped ends with a level that is done", () => {
  const model = flags(18, (m, all) => {
    m.always("few", L.lt(howMany(all), 3));
    m.sometimes("never", L.lt(howMany(all), 0));
  });
  const never = { kind: "sometimes", property: "never", id: 0 } as const;

  /** States of up to nine flags; those of eight are expanded in several pieces. */
  const states = 155_382;
  test.each([1, 2, 3])("%i workers", (workers) => {
    const prepared = prepare(model, true);
    for (const bound of [{ onceViolated: 110_000 }, { until: { findings: [never], states: 110_000 } }])
      expect(new Search(prepared, { ...bound, ...withWorkers(workers) }).finish()).toMatchObject({
        states,
        depth: 9,
        reason: "the bound of 110000 states was reached",
      });
  });

  test("what it was stopped for is not called a bound", () => {
    const options = { noReduction: true, first: true, depth: 3 };
    expect(check(model, options).outcome).toEqual({ kind: "violated", property: "few", reason: null });
  });
});

test("parents sought in the middle of a level are sought again when it is done", () => {
  const prepared = prepare(
    flags(18, () => {}),
    true,
  );
  const [once, twice] = [new Search(prepared).finish(), new Search(prepared)];
  while (twice.depth < 8) twice.advance();
  twice.advance();
  expect(twice.depth).toBe(8);
  const next = Array.from({ length: 150 }, (_, i) => i * 100 + (twice.space.levels[8] as number) + 43_758);
  const found = (search: Search) => {
    const parents = uninterrupted(search.findParents(next));
    return next.map((id) => parents.get(id));
  };
  const before = found(twice);
  twice.finish();
  expect(found(twice)).toEqual(found(once));
  expect(before).not.toEqual(found(once));
});

describe("a checkpoint written in the middle of a level in which something was met", () => {
  const COUNT = 18;
  /** With half of the flags set there are so many states that their level is expanded in several pieces. */
  const model = flags(COUNT, (m, all) => {
    for (const k of [0, 1, 2, 4])
      m.always(`few, or not the last ${k}`, L.not(L.and(L.ge(howMany(all), COUNT / 2), ...all.slice(COUNT - k))));
  });
  const bytesOf = (search: Search) => new Uint8Array(Buffer.concat(checkpoint(search)));
  const named = (search: Search) => search.findings.map(({ property, id }) => [property, [...search.store.words(id)]]);

  test.each([
    [1, false],
    [2, false],
    [1, true],
    [2, true],
  ])("%i workers, ending with the first: %s", (workers, first) => {
    const options = { noReduction: true, first, ...withWorkers(workers) };
    const whole = startSearch(model, options).finish();
    const expected = [named(whole), whole.states, whole.transitions, whole.depth];
    const written: Uint8Array[] = [];
    const early = new Set<string>();
    const search = startSearch(model, options);
    while (!search.done) {
      search.advance();
      if (search.findings.length === search.settled.length) continue;
      written.push(bytesOf(search));
      for (const one of named(search)) early.add(JSON.stringify(one));
    }
    expect([named(search), search.states, search.transitions, search.depth]).toEqual(expected);
    // Some were already met at the least state, some only at others. In which order several threads meet them is chance.
    const final = new Set(named(whole).map((one) => JSON.stringify(one)));
    if (workers === 1) {
      expect([...early].some((one) => final.has(one))).toBe(true);
      expect([...early].some((one) => !final.has(one))).toBe(true);
    }
    for (const bytes of written) {
      const resumed = resume(model, bytes, options).finish();
      expect([named(resumed), resumed.states, resumed.transitions, resumed.depth]).toEqual(expected);
    }
  });
});

/** The same search, complete, with its states numbered otherwise: within each level the other way round. */
function renumbered(search: Search): Search {
  const { space, prepared, transitions, depth, store } = search;
  const { recordBytes } = store.code;
  const all = space.records();
  const records = new Uint8Array(all.length);
  for (const [level, first] of space.levels.entries()) {
    const end = space.levels[level + 1] ?? space.count;
    for (let id = first; id < end; id++) {
      const to = first + end - 1 - id;
      records.set(all.subarray((id - 1) * recordBytes, id * recordBytes), (to - 1) * recordBytes);
    }
  }
  const other = new Search(prepared);
  const [ran, busy, met] = [[...store.ran], [...store.busy], [...store.met]];
  const saved = { parts: store.places, transitions, depth, seconds: 0, findings: [], events: [], ran, busy, met };
  other.restore(saved, [records]);
  return other;
}

test("which run that goes round is shown does not depend on how states are numbered", () => {
  const counts = { loops: 0, ends: 0, differently: 0 };
  const shown = (search: Search, property: LeadsTo) => {
    const edges = uninterrupted(edgesFor(search, [property], Number.POSITIVE_INFINITY));
    return uninterrupted(checkLeadsTo(search, edges, property, 0));
  };
  fc.assert(
    fc.property(anyQuestion, fc.constantFrom("all", "not"), ({ model, property }, reduced) => {
      fc.pre(isSmall(model));
      const search = new Search(uninterrupted(preparingLiveness(model, [property], reduced))).finish();
      const other = renumbered(search);
      if ([...search.space.records()].join() !== [...other.space.records()].join()) counts.differently++;
      const result = shown(search, property);
      expect(shown(other, property)).toEqual(result);
      if (result.trace !== null) counts[result.trace.loop === null ? "ends" : "loops"]++;
    }),
    { numRuns: 3 * RUNS },
  );
  expect(Object.values(counts).every((count) => count > 5)).toBe(true);
});

/** A process that starts at `start`, and goes on from each label to these, in this order. A label that comes first has the lesser words. */
function ways(next: Readonly<Record<string, readonly string[]>>): L.Model {
  const m = L.model("ways");
  const p = m.process("p");
  for (const [label, targets] of Object.entries(next)) for (const target of targets) p.step(label, { next: target });
  m.leadsTo("it ends", p.at(0, "start"), false, [L.weakFair(p)]);
  return m.build();
}

test.each([
  ["all are equally near", { start: ["c", "a", "b", "d"], a: ["b"], b: ["d"], c: ["a"], d: ["c"] }],
  ["each is a loop of its own", { start: ["a", "b"], a: ["a"], b: ["b"] }],
  ["each is a loop of its own, met the other way round", { start: ["b", "a"], a: ["a"], b: ["b"] }],
  ["others are farther", { start: ["b", "a"], a: ["c"], b: ["a", "d"], c: ["d"], d: ["b"] }],
])("of the states of loops that are the nearest the least is come to, where %s", (_, next) => {
  const { trace } = check(ways(next), { noReduction: true });
  expect(trace?.loop).toBe(1);
  expect(trace?.steps.slice(0, 2).map(({ label }) => label)).toEqual(["start", "a"]);
});

test("edges are found by several threads as by one", () => {
  const model = flags(15, (m, all) => {
    m.eventually("all are set", L.and(...all), []);
  });
  const [property] = model.properties as [LeadsTo];
  const results = [1, 2, 3].map((workers) => {
    const prepared = uninterrupted(preparingLiveness(model, [property], "not"));
    const search = new Search(prepared, withWorkers(workers)).finish();
    const { graph, code } = uninterrupted(edgesFor(search, [property], Number.POSITIVE_INFINITY));
    const words = (id: number) => keyOf(search.store.words(id));
    const edges = new Map<string, string>();
    for (let id = 1; id < graph.starts.length; id++) {
      const start = graph.starts[id] as number;
      const of = Array.from({ length: graph.degrees[id] as number }, (_, i) => start + i);
      const ends = of.map((edge) => `${graph.kinds[edge]} to ${words(graph.targets[edge] as number)}`);
      edges.set(words(id), `${graph.marks[id]}: ${ends.join(", ")}`);
    }
    expect(code.edges.length).toBe(15);
    return edges;
  });
  expect(results[0]?.size).toBe(2 ** 15);
  expect(results[1]).toEqual(results[0]);
  expect(results[2]).toEqual(results[0]);
});

test("findings of one level are in the order of the model's properties, before assertions and deadlocks", () => {
  const m = L.model("ordered");
  const p = m.process("p");
  const x = m.variable("x", L.intType(0, 9));
  for (const to of [1, 2, 3]) p.step("go", { when: L.eq(x, 0), do: [L.set(x, to)], next: "go" });
  p.step("go", { when: L.eq(x, 0), do: [L.assertThat("claim", false)], next: "go" });
  for (const not of [3, 1, 2]) m.always(`not ${not}`, L.ne(x, not));
  const search = new Search(prepare(m.build(), true)).finish();
  expect(search.findings.map(({ property }) => property)).toEqual(["not 3", "not 1", "not 2", "claim", "deadlock"]);
});
