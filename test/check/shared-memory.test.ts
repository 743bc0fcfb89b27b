/** Threads that work in one memory, driven by hand from one thread: what may happen between two of their steps happens there. */
import { describe, expect, test } from "vitest";
import { check, checkpoint, Helpers, prepare, resume, Search, startSearch } from "../../src/check/index.ts";
import { BLOCK, chunkOf, reserveOf, SHARED } from "../../src/check/kernel-memory.ts";
import { Space } from "../../src/check/space.ts";
import { type HelperTask, serve } from "../../src/check/team.ts";
import { uninterrupted } from "../../src/check/watch.ts";
import type { Model } from "../../src/language/index.ts";
import * as L from "../../src/language/index.ts";

/** Helpers that never come: the code is for so many threads, and the test takes their place. */
const absent = (count: number) => new Helpers(count, () => new Promise(() => {}));

/** Flags that are set in any order. */
function flags(count: number): Model {
  const m = L.model("flags");
  const p = m.process("p");
  const all = Array.from({ length: count }, (_, i) => m.variable(`x${i}`, L.boolType));
  for (const x of all) p.step("set", { when: L.not(x), do: [L.set(x, true)], next: "set" });
  p.idle("set");
  m.sometimes("all", L.and(...all));
  return m.build();
}

/** One for each thread. */
function spacesOf(search: Search): Space[] {
  const { space, code } = search;
  return Array.from({ length: code.threads }, (_, thread) =>
    thread === 0 ? space : new Space(code, space.memory, thread),
  );
}

function finishByHand(search: Search, work: (spaces: readonly Space[]) => void): void {
  const { space, code, store } = search;
  const spaces = spacesOf(search);
  while (space.frontier > 0) {
    expect(uninterrupted(store.grow(null))).toBeNull();
    while (!space.levelDone && !space.isFull) {
      space.beginTurn(1 << 20);
      work(spaces);
      expect(space.count).toBeLessThanOrEqual(space.control(SHARED.capacity) + 1);
      space.endTurn(code.eventKinds.length);
    }
    if (space.levelDone) space.beginLevel();
  }
}

const allFound = ({ space }: Search): void => {
  for (let id = 1; id < space.count; id++) expect(space.find(space.words(id))).toBe(id);
};

test("several threads that work one after the other find each state once", () => {
  for (const threads of [2, 5, 16]) {
    const search = new Search(prepare(flags(12), true), { helpers: absent(threads - 1) });
    finishByHand(search, (spaces) => {
      for (const one of spaces.toReversed()) one.work(true);
    });
    expect(search.states).toBe(2 ** 12);
    allFound(search);
  }
});

test("an index that was filled by many threads, share by share, in any order, has every state once", () => {
  const search = new Search(prepare(flags(14), true), { helpers: absent(15) });
  finishByHand(search, (spaces) => {
    for (const one of spaces) one.work(true);
  });
  const spaces = spacesOf(search);
  search.space.grow();
  // So many shares that there are states on the border of two.
  const shares = 1000;
  for (let share = shares - 1; share >= 0; share--) spaces[share % spaces.length]?.refill(share, shares);
  search.space.refilled();
  allFound(search);
  const { table, groups, idBits } = SHARED;
  const [at, mask] = [search.space.control(table) / 4, 2 ** search.space.control(idBits) - 1];
  const slots = search.space.ints.subarray(at, at + 4 * search.space.control(groups));
  const ids = [...slots].filter((slot) => slot !== 0).map((slot) => slot & mask);
  expect(ids.sort((a, b) => a - b)).toEqual(Array.from({ length: 2 ** 14 }, (_, i) => i + 1));
});

test("states that get another number at the end of a turn are reported under it", () => {
  const m = L.model("two");
  const p = m.process("p");
  const x = m.variable("x", L.intType(0, 400));
  // The first thread takes some states, and the second one the last, of which the reported one comes.
  for (let to = 1; to <= 100; to++) p.step("go", { when: L.eq(x, 0), do: [L.set(x, to)], next: "go" });
  for (const by of [100, 200, 300])
    p.step("go", { when: L.and(L.gt(x, 0), L.le(x, 100)), do: [L.set(x, L.add(x, by))], next: "go" });
  p.idle("go");
  m.always("not the last", L.ne(x, 400));
  const search = new Search(prepare(m.build(), true), { helpers: absent(1) });
  const [one, other] = spacesOf(search) as [Space, Space];
  uninterrupted(search.store.grow(null));
  for (let level = 0; level < 2; level++) {
    one.beginTurn(10);
    one.work(true);
    one.beginTurn(1 << 20);
    other.work(true);
    const before = one.count;
    one.endTurn(search.code.eventKinds.length);
    if (level === 1) expect(before - one.count).toBeGreaterThan(BLOCK / 2);
    if (level === 0) one.beginLevel();
  }
  for (const { id } of search.store.events()) {
    expect(search.state(id)).toContain(400);
    expect(id).toBeLessThan(one.count);
  }
  expect(search.store.events()).toHaveLength(1);
});

describe("room", () => {
  test.each([2, 3, 16])("is left for what each of %i threads has begun", (threads) => {
    const search = new Search(prepare(flags(40), true), { helpers: absent(threads - 1) });
    uninterrupted(search.store.grow(null));
    const { space, code } = search;
    const left = space.control(SHARED.capacity) - space.control(SHARED.limit);
    expect(left).toBeGreaterThanOrEqual(threads * (code.chunk * code.branching + BLOCK));
    expect(space.isFull).toBe(false);
  });

  test("of several memories there is room for a piece of each", () => {
    const branching = 40;
    const code = { together: true, branching, batch: 256, chunk: chunkOf(branching) };
    const of = (parts: number) => reserveOf({ ...code, parts });
    expect(of(5) - of(4)).toBe(code.chunk * branching);
  });

  test.each([9, 20])("an index grows as far as a memory reaches, and no farther, with %i words", (words) => {
    // A record of more than 29 bytes: what an index is rounded up by counts.
    const m = L.model("long");
    const p = m.process("p");
    for (let i = 0; i < words; i++) {
      const x = m.variable(`x${i}`, L.bitsType(32));
      p.step("go", { do: [L.set(x, 1)], next: "go" });
      p.step("go", { do: [L.set(x, 0xffff_ffff)], next: "go" });
    }
    const { space } = new Search(prepare(m.build(), true));
    expect(space.code.recordBytes).toBeGreaterThan(29);
    while (!space.isAtEnd) space.grow();
    expect(space.memory.buffer.byteLength).toBeGreaterThan(0xfff0_0000);
  });
});

test("a search for one state alone, which takes no bytes, is taken up again", () => {
  const m = L.model("one");
  m.process("p").idle("there");
  const model = m.build();
  const bytes = new Uint8Array(Buffer.concat(checkpoint(startSearch(model).finish())));
  expect(check(model, { search: resume(model, bytes) })).toMatchObject({ states: 1, outcome: { kind: "holds" } });
});

describe("a thread that helps", () => {
  test("looks for growth that it was not told of", () => {
    const search = new Search(prepare(flags(4), true), { helpers: absent(1) });
    const { space, code } = search;
    const { buffer } = space.memory;
    space.grow();
    const helper = new Space(code, space.memory, 1);
    let grown = 0;
    // As V8 leaves a memory that grew while it was on its way to a thread.
    Object.defineProperty(space.memory, "buffer", { configurable: true, get: () => buffer });
    Object.defineProperty(space.memory, "grow", { configurable: true, value: (pages: number) => (grown += pages + 1) });
    helper.noticeGrowth();
    expect(grown).toBe(1);
    for (const name of ["buffer", "grow"]) Reflect.deleteProperty(space.memory, name);
    helper.noticeGrowth();
    expect(grown).toBe(1);
  });

  test("and cannot begin says so instead of leaving the search to wait", () => {
    const { code, space } = new Search(prepare(flags(4), true), { helpers: absent(1) });
    const signal = new Int32Array(new SharedArrayBuffer(16));
    const task = { code: { ...code, module: {} }, memories: [space.memory], thread: 1, signal } as HelperTask;
    const [turn, what, done, failed] = [0, 1, 2, 3];
    signal[what] = 1;
    signal[turn] = 1;
    expect(() => serve(task)).toThrow();
    expect([signal[done], signal[failed]]).toEqual([1, 1]);
  });

  test("and has failed is not asked again", () => {
    const posted: HelperTask[] = [];
    const helpers = new Helpers([{ postMessage: (task) => posted.push(task) }]);
    helpers.lose(new Error("lost"));
    expect(helpers.areThere()).toBe(false);
  });
});
