/** Several threads, and several memories, say what one says: verdict, traces step by step, busy, steps that never ran, number of states. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { enterAndZap } from "../../bench/models/enter-and-zap.ts";
import {
  type CheckOptions,
  type CheckResult,
  check,
  checkAsync,
  checkpoint,
  Helpers,
  type HelperTask,
  isValid,
  resume,
  type Search,
  startSearch,
} from "../../src/check/index.ts";
import { SHARED } from "../../src/check/kernel-memory.ts";
import type { Space } from "../../src/check/space.ts";
import * as L from "../../src/language/index.ts";
import { type Model, problems } from "../../src/language/index.ts";
import { bundledModel, type Settings } from "./bundled.ts";
import { peterson, tryLock, twoLocks, xadd } from "./models.ts";
import { anyModel, isSmall } from "./random-model.ts";

const threads: Worker[] = [];
let two: Helpers;
let three: Helpers;

beforeAll(async () => {
  for (let i = 0; i < 3; i++) threads.push(new Worker(new URL("./helper-thread.mjs", import.meta.url)));
  await Promise.all(threads.map((thread) => once(thread, "message")));
  two = new Helpers(threads.slice(0, 1));
  three = new Helpers(threads.slice(1));
}, 30_000);
afterAll(async () => {
  await Promise.all(threads.map((thread) => thread.terminate()));
});

/** All that does not depend on how the search was divided, which is all but what it took. */
const essence = ({ seconds: _, bytesPerState: __, ...rest }: CheckResult) => rest;

function compare(model: Model, options: CheckOptions): void {
  const alone = check(model, options);
  for (const how of [{ helpers: two }, { helpers: three }, { parts: 2 }, { helpers: two, parts: 3 }]) {
    const together = check(model, { ...options, ...how });
    expect(essence(together)).toEqual(essence(alone));
    for (const { trace } of together.violations) expect(isValid(model, trace)).toBe(true);
  }
}

/** The model with a property for each label: nobody comes there, in turns as something that must hold and as something to be witnessed. */
function everywhere(model: Model): Model {
  const labels = model.processes.flatMap((p) => p.labels.map(({ name }) => ({ p, name })));
  const properties = labels.map(({ p, name }, i): L.Property => {
    const there = L.exists({ name: p.name, size: p.count }, (instance) => L.at(p.name, instance, name));
    return i % 3 === 0
      ? { kind: "sometimes", name: `${p.name} at ${name}`, expr: there }
      : { kind: "always", name: `no ${p.name} at ${name}`, expr: L.not(there) };
  });
  return { ...model, properties: [...model.properties, ...properties] };
}

/** The model with a property of one caller alone, so that the search for states may not sort them; that for liveness may. */
const oneApart = (model: Model): Model => ({
  ...model,
  properties: [...model.properties, { kind: "always", name: "one apart", expr: L.not(L.at("caller", 0, "leave")) }],
});

test.each<[string, Model]>([
  ["a sound lock", tryLock(3)],
  ["a lock that lets two in", tryLock(3, "wrong guard")],
  ["a lock given back twice", tryLock(3, "double release")],
  ["a counter that overflows", tryLock(3, "overflow")],
  ["a deadlock", twoLocks(true)],
  ["an assertion", xadd(3, 0xffff)],
  ["liveness", peterson(true)],
  ["liveness where a property of states tells the callers apart", oneApart(tryLock(3, "missing release"))],
  ["everything violated", everywhere(tryLock(3, "wrong guard"))],
  ["enter and zap", enterAndZap({ vcpus: 2, pages: 1, threshold: 1 })],
  ["enter and zap, everything violated", everywhere(enterAndZap({ vcpus: 2, pages: 1, threshold: 1 }))],
])("%s", (_, model) => {
  compare(model, { noReduction: true });
  compare(model, {});
});

test.each<[string, CheckOptions]>([
  ["the first violation", { first: true }],
  ["a bound once violated", { onceViolated: 300 }],
  ["a depth", { depth: 12 }],
  ["few states to make traces shorter", { shorten: 2000 }],
])("%s ends all at the same level", (_, options) => {
  for (const model of [everywhere(enterAndZap({ vcpus: 2, pages: 1, threshold: 1 })), tryLock(3, "double release")]) {
    compare(model, { ...options, noReduction: true });
    compare(model, options);
  }
});

test.each<[string, Settings]>([
  ["page-removal", { vcpus: "2", pages: "1", "removal.policy": "fail-fast" }],
  ["page-removal", { vcpus: "1", pages: "1", "removal.policy": "retry-n", "removal.retries": "1" }],
  ["page-resize", { vcpus: "1", pages: "1", "removal.policy": "kick-on-busy", progress: "true" }],
  ["page-fault-in", { vcpus: "1", pages: "1", progress: "true" }],
  ["zero-step", { pages: "1" }],
  ["td-teardown", {}],
])("%s %j", (name, settings) => {
  compare(bundledModel(name, "1.5.05", settings), {});
});

test("threads that were asked to help another search are not waited for", () => {
  const model = subsets(17);
  const [one, other] = [0, 1].map(() => startSearch(model, { noReduction: true, helpers: two })) as [Search, Search];
  while (!one.done || !other.done) {
    one.advance();
    other.advance();
  }
  for (const search of [one, other]) expect(search).toMatchObject({ states: 2 ** 17, transitions: 17 * 2 ** 16 });
});

test("the reference model has its known counts", () => {
  const model = enterAndZap({ vcpus: 2, pages: 1, threshold: 2 });
  expect(check(model, { noReduction: true, helpers: two })).toMatchObject({ states: 269_360, transitions: 805_512 });
});

/** Flags that are set in any order: broad levels, each state found by many ways. */
function subsets(flags: number): Model {
  const m = L.model("subsets");
  const p = m.process("p");
  const all = Array.from({ length: flags }, (_, i) => m.variable(`x${i}`, L.boolType));
  for (const x of all) p.step("set", { when: L.not(x), do: [L.set(x, true)], next: "set" });
  p.idle("set");
  m.always("not all", L.not(L.and(...all)));
  return m.build();
}

/** A binary tree: each step leads to a new state. */
function tree(levels: number): Model {
  const m = L.model("tree");
  const p = m.process("p");
  const x = m.variable("x", L.intType(0, 2 ** levels - 2));
  for (const child of [1, 2]) {
    const when = L.lt(x, 2 ** (levels - 1) - 1);
    p.step("go", { when, do: [L.set(x, L.add(L.mul(x, 2), child))], next: "go" });
  }
  p.idle("go");
  return m.build();
}

test.each<[string, Model, object]>([
  ["the boxes", subsets(17), { states: 2 ** 17, transitions: 17 * 2 ** 16, depth: 17 }],
  ["the index", tree(18), { states: 2 ** 18 - 1, transitions: 2 ** 18 - 2, depth: 17 }],
])("a level for which %s are too small", (_, model, counts) => {
  for (const how of [{ helpers: two }, { helpers: three }, { helpers: two, parts: 2 }, { parts: 3 }]) {
    const search = startSearch(model, { noReduction: true, ...how });
    while (!search.done) {
      search.advance();
      for (const space of search.store.parts) expect(space.count).toBeLessThanOrEqual(space.control(SHARED.capacity));
    }
    expect(search).toMatchObject({ ...counts, reason: null });
    expect(indexed(search)).toEqual(search.store.parts.map(({ count }) => count - 1));
  }
});

/** By memory: how many states are found by their words, under their own numbers. */
const indexed = ({ store }: Search): number[] =>
  store.parts.map((space) => {
    let found = 0;
    for (let id = 1; id < space.count; id++) found += Number(space.find(space.words(id)) === id);
    return found;
  });

test("states have numbers without gaps, level by level", () => {
  const search = startSearch(subsets(17), { noReduction: true, helpers: three });
  while (!search.done) {
    search.advance();
    const { space, depth } = search;
    // Of subsets, a state's level is the number of its flags; each level is counted.
    for (const [level, first] of space.levels.entries())
      for (const id of [first, (space.levels[level + 1] ?? space.control(SHARED.levelEnd)) - 1])
        expect(search.state(id).reduce((sum, x) => sum + x, 0)).toBe(level);
    expect(space.levels).toHaveLength(depth + 1);
  }
  const { levels, count } = search.space;
  const sizes = levels.map((first, i) => (levels[i + 1] ?? count) - first);
  const binomial = (k: number): number => (k === 0 ? 1 : (binomial(k - 1) * (18 - k)) / k);
  expect(sizes).toEqual(Array.from({ length: 18 }, (_, k) => binomial(k)));
});

test("the states of a part lie all over its index", () => {
  const { store } = startSearch(subsets(18), { noReduction: true, parts: 2 }).finish();
  for (const space of store.parts) {
    const table = space.control(SHARED.table) / 4;
    const groups = space.control(SHARED.groups);
    const slots = space.ints.subarray(table, table + 4 * groups);
    // Whichever bit of the place is looked at, about half of the states have it.
    const having = new Array<number>(Math.log2(groups)).fill(0);
    for (const [slot, content] of slots.entries())
      if (content !== 0)
        for (let bit = 0; bit < having.length; bit++)
          having[bit] = (having[bit] as number) + (((slot >> 2) >> bit) & 1);
    for (const count of having) expect(Math.abs(count / space.count - 0.5)).toBeLessThan(0.05);
  }
});

test("a large index of several memories lies at the end of its memory, over the one before", () => {
  const search = startSearch(subsets(21), { noReduction: true, helpers: two, parts: 2 });
  const sizes = new Set<number>();
  while (!search.done) {
    search.advance();
    for (const space of search.store.parts) {
      const [table, bytes] = [space.control(SHARED.table), 16 * space.control(SHARED.groups)];
      expect(table).toBeGreaterThanOrEqual(space.address(space.control(SHARED.capacity) + 1));
      if (bytes < 2 ** 22) continue;
      sizes.add(bytes);
      expect(table + bytes).toBe(2 ** 32 - 64);
    }
  }
  expect([...sizes]).toEqual([2 ** 22, 2 ** 25]);
  const { parts } = search.store;
  expect(search).toMatchObject({ states: 2 ** 21, transitions: 21 * 2 ** 20, reason: null });
  expect(parts.map(entered)).toEqual(parts.map(({ count }) => count - 1));
  expect(indexed(search)).toEqual(parts.map(({ count }) => count - 1));
});

/** How many slots of an index are taken. */
function entered(space: Space): number {
  const table = space.control(SHARED.table) / 4;
  return space.ints
    .subarray(table, table + 4 * space.control(SHARED.groups))
    .reduce((sum, slot) => sum + Number(slot !== 0), 0);
}

test.each([
  [200_000, 1],
  [1_500_000, 1],
  [1_500_000, 2],
])("a search that ended at %i bytes, in %i memories, loses nothing", (memory, parts) => {
  const model = subsets(18);
  const bounded = startSearch(model, { noReduction: true, helpers: two, parts, memory }).finish();
  expect(bounded.reason).toMatch(/memory bound/);
  expect(bounded.bytes).toBeLessThanOrEqual(memory);
  const bytes = new Uint8Array(Buffer.concat(checkpoint(bounded)));
  // By how many threads it is taken up does not matter.
  for (const how of [{ helpers: two }, { helpers: three }, {}])
    expect(check(model, { search: resume(model, bytes, { noReduction: true, ...how }) })).toMatchObject({
      outcome: { kind: "violated" },
      states: 2 ** 18,
      transitions: 18 * 2 ** 17,
      violations: [{ property: "not all", shortest: true }],
    });
});

test.each([
  [650_000, 1],
  [1_400_000, 1],
  [4_500_000, 1],
  [4_500_000, 3],
])("a bound of %i bytes is made full use of, in %i memories", (memory, parts) => {
  for (const how of [{}, { helpers: two }]) {
    const { reason, bytes } = startSearch(subsets(20), { noReduction: true, memory, parts, ...how }).finish();
    expect(reason).toMatch(/memory bound/);
    expect(bytes).toBeLessThanOrEqual(memory);
    // Threads take numbers of states in blocks, and what is left of these is not used.
    expect(bytes).toBeGreaterThan(0.7 * memory);
  }
});

test("a bound counts what is held beside the search, too", () => {
  const { reason, bytes } = startSearch(subsets(20), { noReduction: true, memory: 1_400_000, held: 700_000 }).finish();
  expect([reason, bytes <= 700_000, bytes > 500_000]).toEqual([expect.stringMatching(/memory bound/), true, true]);
});

test("a search that has more than the bound when it is taken up again ends there", () => {
  const model = subsets(18);
  const options = { noReduction: true, memory: 650_000 };
  const bounded = startSearch(model, options).finish();
  const again = resume(model, new Uint8Array(Buffer.concat(checkpoint(bounded))), { ...options, memory: 500_000 });
  expect(again.finish().reason).toMatch(/memory bound of 500000 bytes/);
  expect(again.states).toBe(bounded.states);
});

test("random models", () => {
  fc.assert(
    fc.property(anyModel(), (model) => {
      fc.pre(problems(model).length === 0);
      fc.pre(isSmall(model));
      compare(model, { noReduction: true });
      compare(model, {});
    }),
    { numRuns: Number(process.env["SEAMLOCK_RUNS"] ?? 25), endOnFailure: true },
  );
}, 60_000);

test("bounds end it as inconclusive", () => {
  const model = enterAndZap({ vcpus: 2, pages: 1, threshold: 2 });
  for (const bounds of [{ depth: 20 }, { states: 10_000 }, { memory: 200_000 }, { time: 0 }])
    expect(check(model, { ...bounds, noReduction: true, helpers: two })).toMatchObject({
      outcome: { kind: "inconclusive", property: null },
    });
});

test("a checkpoint of a search under way is taken up by any number of threads", () => {
  const model = enterAndZap({ vcpus: 2, pages: 1, threshold: 2 });
  for (const parts of [1, 2]) {
    const search = startSearch(model, { noReduction: true, helpers: two, parts });
    search.advance(70);
    expect(search.done).toBe(false);
    const bytes = new Uint8Array(Buffer.concat(checkpoint(search)));
    for (const how of [{ helpers: three }, {}])
      expect(check(model, { search: resume(model, bytes, { noReduction: true, ...how }) })).toMatchObject({
        states: 269_360,
        transitions: 805_512,
      });
  }
});

describe("threads that are started when a search gets large", () => {
  const model = enterAndZap({ vcpus: 2, pages: 2, threshold: 1 });
  const alone = check(model, { noReduction: true });

  /** What a check ends with, and how often it asked for threads. */
  async function asking(start: () => Promise<Worker[]>, checked: Model = model) {
    // The thread serves one search at a time.
    two.stop();
    let asked = 0;
    const helpers = new Helpers(1, () => {
      asked++;
      return start();
    });
    const result = await checkAsync(checked, { noReduction: true, helpers });
    helpers.stop();
    return { asked, result: essence(result) };
  }

  test("help it from then on", async () => {
    expect(alone.states).toBeGreaterThan(1_000_000);
    expect(await asking(async () => threads.slice(0, 1))).toEqual({ asked: 1, result: essence(alone) });
  });
  test("are not asked for a small one", async () => {
    const small = subsets(10);
    const result = essence(check(small, { noReduction: true }));
    expect(await asking(async () => threads.slice(0, 1), small)).toEqual({ asked: 0, result });
  });
  test("and cannot be started: then it goes on alone", async () => {
    expect(await asking(() => Promise.reject(new Error("no threads")))).toEqual({ asked: 1, result: essence(alone) });
  });
  test("and are there too late", async () => {
    expect(await asking(() => new Promise(() => {}))).toEqual({ asked: 1, result: essence(alone) });
  });
});

describe("a thread that is lost", () => {
  const model = subsets(17);
  /** Threads that are not what they seem, and what says so. */
  const lost = (postMessage: (task: HelperTask) => void) => {
    const helpers: Helpers = new Helpers([{ postMessage }]);
    return { helpers, lose: () => setTimeout(() => helpers.lose(new Error("gone")), 250) };
  };

  test("while it finds states ends the search with what its owner says, and the next one goes on alone", async () => {
    const { helpers, lose } = lost(() => lose());
    await expect(checkAsync(model, { noReduction: true, helpers })).rejects.toThrow("gone");
    expect(await checkAsync(model, { noReduction: true, helpers })).toMatchObject({ states: 2 ** 17 });
  });
  test("while it finds edges does so, too", async () => {
    two.stop();
    const { helpers, lose } = lost((task) => ("graph" in task ? lose() : threads[0]?.postMessage(task)));
    await expect(checkAsync(peterson(true), { noReduction: true, helpers })).rejects.toThrow("gone");
  });
  test("is waited for until that is known: meanwhile nothing of the search is read, and nobody else has its help", async () => {
    two.stop();
    const late: HelperTask[] = [];
    const helpers = new Helpers([{ postMessage: (task) => void late.push(task) }]);
    let search: Search | null = null;
    const resting: boolean[] = [];
    const work = checkAsync(model, {
      noReduction: true,
      helpers,
      onPause: (of) => {
        search = of;
        resting.push(of.isResting);
      },
    });
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect([late.length, helpers.areThere()]).toEqual([1, false]);
    expect(await checkAsync(tryLock(3), { noReduction: true, helpers })).toMatchObject({ reductions: [] });
    expect(late).toHaveLength(1);
    threads[0]?.postMessage(late[0]);
    expect(essence(await work)).toEqual(essence(check(model, { noReduction: true })));
    expect([search === null, resting.every(Boolean)]).toEqual([false, true]);
    helpers.stop();
  });
});
