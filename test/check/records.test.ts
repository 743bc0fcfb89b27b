/** States as they are stored: every bit of them, found again, on the right level, with a state before them. */
import { describe, expect, test } from "vitest";
import { check, isValid, prepare, Search } from "../../src/check/index.ts";
import { instanceSlots } from "../../src/check/pack.ts";
import * as L from "../../src/language/index.ts";
import { keyOf } from "./naive-findings.ts";

/** One process that fills its variables with ones, in any order; together they have as many bits. */
function filling(bits: number): L.Model {
  const m = L.model("filling");
  const p = m.process("p");
  const widths = Array.from({ length: Math.ceil(bits / 7) }, (_, i) => Math.min(7, bits - 7 * i));
  widths.forEach((width, i) => {
    const x = m.variable(`x${i}`, L.bitsType(width));
    p.step("fill", { when: L.eq(x, 0), do: [L.set(x, 2 ** width - 1)], next: "fill" });
  });
  p.idle("fill");
  return m.build();
}

test.each([1, 7, 8, 9, 15, 16, 17, 23, 24, 25, 31, 32, 33, 41, 50, 57, 63, 64, 65, 77])("%i bits", (bits) => {
  const search = new Search(prepare(filling(bits), true)).finish();
  const variables = Math.ceil(bits / 7);
  expect(search.states).toBe(2 ** variables);
  expect(search.prepared.packing.bits).toBe(bits);
  expect(search.code.recordBytes).toBeLessThanOrEqual(Math.ceil(bits / 8) + search.code.words - 1);
  const seen = new Set<string>();
  for (let id = 1; id <= search.states; id++) {
    const state = search.state(id);
    seen.add(state.join());
    expect(search.space.find(search.space.words(id))).toBe(id);
    expect(search.store.levelOf(id)).toBe(state.filter((value) => value > 0).length);
  }
  expect(seen.size).toBe(search.states);
});

describe("how a search came to its states", () => {
  /** Ever more ways, each to a property that is violated, two steps from the start. */
  function fan(ways: number): L.Model {
    const m = L.model("fan");
    const p = m.process("p");
    const x = m.variable("x", L.intType(0, ways));
    const y = m.variable("y", L.boolType);
    p.step("first", { next: "choose" });
    for (let i = 1; i <= ways; i++) {
      p.step("choose", { do: [L.set(x, i)], next: "then" });
      m.always(`not ${i}`, L.not(L.and(L.eq(x, i), y)));
    }
    p.step("then", { do: [L.set(y, true)], next: "end" });
    p.idle("end");
    return m.build();
  }

  test.each([true, false])("more states of one level than are sought at once (noReduction: %s)", (noReduction) => {
    const model = fan(70);
    const { violations } = check(model, { noReduction });
    expect(violations.length).toBe(70);
    for (const { property, trace, shortest } of violations) {
      expect([property, isValid(model, trace), trace.steps.length, shortest]).toEqual([property, true, 3, true]);
      expect(`not ${trace.steps[1]?.alternative}`).toBe(property.replace(/\d+/, (n) => String(Number(n) - 1)));
    }
  });

  test("every state's parent is the least that leads to it, and only states that were expanded are asked", () => {
    const model = filling(60);
    const layout = L.layoutOf(model);
    const search = new Search(prepare(model, true));
    search.advance(3);
    const ids = Array.from({ length: search.states }, (_, i) => i + 1);
    const wordsOf = (id: number) => keyOf(search.store.words(id));
    const work = search.findParents(ids);
    let step = work.next();
    while (!step.done) step = work.next();
    const parents = step.value;
    expect(search.frontier).toBeGreaterThan(0);
    for (const id of ids) {
      const state = search.state(id);
      const before = ids.filter((other) =>
        L.enabledMoves(layout, search.state(other)).some(
          ({ instance, move }) => L.apply(layout, search.state(other), instance, move).state.join() === state.join(),
        ),
      );
      const least = before.reduce(
        (best, other) => (wordsOf(other) < wordsOf(best) ? other : best),
        before[0] as number,
      );
      expect(parents.get(id)).toBe(least);
    }
    expect(search.states).toBe(ids.length);
  });
});

test("the slots of an instance: its program counter, its variables with all their elements, and its own of each array by process", () => {
  const m = L.model("two kinds");
  const q = m.process("q", 2);
  const p = m.process("p", 3);
  m.array("of q", L.boolType, q);
  m.array("of p", L.boolType, p);
  m.array("of nobody", L.boolType, 2);
  const single = p.variable("single", L.boolType);
  p.array("several", L.boolType, 2);
  p.step("begin", { do: [L.set(single, true)], next: "end" });
  p.idle("end");
  q.idle("stay");
  const layout = L.layoutOf(m.build());
  const named = (type: number) =>
    instanceSlots(layout, type).map((slots) => slots.map((slot) => layout.slots[slot]?.display));
  expect(named(1)).toEqual(
    [0, 1, 2].map((i) => [`p[${i}]`, `p[${i}].single`, `p[${i}].several[0]`, `p[${i}].several[1]`, `of p[${i}]`]),
  );
  expect(named(0)).toEqual([0, 1].map((i) => [`q[${i}]`, `of q[${i}]`]));
});
