/** Who is who among sorted instances whose part of a state takes several chunks of bits. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { constraintsOf } from "../../src/check/fairness.ts";
import { check, isValid } from "../../src/check/index.ts";
import { Numbering } from "../../src/check/live-numbering.ts";
import { packState } from "../../src/check/pack.ts";
import { prepare, Search } from "../../src/check/search.ts";
import * as L from "../../src/language/index.ts";

const MOST = 2 ** 14 - 1;

/** Three alike, each with three variables of 14 bits: at most 30 bits stay together. */
function wide(): L.Model {
  const m = L.model("wide");
  const p = m.process("p", 3);
  for (const name of ["a", "b", "c"]) {
    const x = p.variable(name, L.intType(0, MOST));
    p.step("go", { when: L.lt(x, MOST), do: [L.inc(x)], next: "go" });
  }
  return m.build();
}

test("sorting, and who may be said to be where, look at all of what an instance has", () => {
  const search = new Search(prepare(wide()));
  const { layout, packing } = search.prepared;
  const numbering = new Numbering(search.prepared, []);
  expect(packing.chunks[0]).toHaveLength(2);
  const few = fc.constantFrom(0, 1, MOST);
  fc.assert(
    fc.property(fc.array(fc.tuple(few, few, few), { minLength: 3, maxLength: 3 }), (values) => {
      const slots = Array.from(layout.slots, () => 0);
      for (const [i, { locals }] of layout.instances.entries())
        for (const [k, { slot }] of [...locals.values()].entries()) slots[slot] = values[i]?.[k] as number;
      const words = packState(packing, slots);
      const sorted = words.slice();
      search.store.canonical(sorted);
      const permutation = numbering.sorting(words);
      expect(numbering.given(words, permutation)).toEqual(sorted);
      expect(numbering.given(sorted, numbering.inverse(permutation))).toEqual(words);
      // Of those that are alike the first is said to be in the first place; the others stay where they are said to be.
      const inPlace = [0, 1, 2].map((place) => values[numbering.place(numbering.inverse(permutation), place)]?.join());
      for (let code = 0; code < 6; code++) {
        const who = numbering.numbered(code);
        const said = [0, 1, 2].map((place) => numbering.place(who, place));
        const alike = (place: number) => said.filter((_, other) => inPlace[other] === inPlace[place]);
        const expected = said.map(
          (_, place) => alike(place).sort()[inPlace.slice(0, place).filter((value) => value === inPlace[place]).length],
        );
        const settled = numbering.settled(who, sorted);
        expect([0, 1, 2].map((place) => numbering.place(settled, place))).toEqual(expected);
      }
    }),
    { endOnFailure: true },
  );
});

/** Three of one type and two of another, each at one of two labels. */
function two(): L.Model {
  const m = L.model("two");
  const fair = [3, 2].flatMap((count, i) => {
    const p = m.process(`p${i}`, count);
    p.step("a", { next: "b" }).step("b", { next: "a" });
    return [L.weakFair(p, { labels: ["a"] }), L.strongFair(p, { labels: ["b"] })];
  });
  m.eventually("never", false, fair);
  return m.build();
}

test("each of two types is sorted, and what is assumed of an instance goes with it", () => {
  const search = new Search(prepare(two()));
  const { layout, packing, model } = search.prepared;
  const [property] = model.properties as [L.Property & { kind: "leads-to" }];
  const constraints = constraintsOf(layout, property.fairness);
  const numbering = new Numbering(search.prepared, constraints);
  for (let places = 0; places < 2 ** 5; places++) {
    const slots = Array.from(layout.slots, () => 0);
    for (const [i, { pc }] of layout.instances.entries()) slots[pc] = (places >> i) & 1;
    const words = packState(packing, slots);
    const sorted = words.slice();
    search.store.canonical(sorted);
    const permutation = numbering.sorting(words);
    expect(numbering.given(words, permutation)).toEqual(sorted);
    for (const [bit, { assumption, index }] of constraints.entries()) {
      const moved = Math.log2(numbering.mask(permutation, 1 << bit));
      expect(constraints[moved]).toMatchObject({ assumption, index: numbering.place(permutation, index) });
    }
  }
});

test("a run goes round with all of two types that are sorted", () => {
  const model = two();
  const { trace, reductions } = check(model);
  expect(reductions).toContain("symmetry (p0, p1)");
  const { loop, steps } = trace as L.Trace;
  expect(isValid(model, trace as L.Trace)).toBe(true);
  const acting = new Set(
    steps.slice(loop as number).map(({ process, instance, label }) => `${process} ${instance} ${label}`),
  );
  expect(acting.size).toBe(10);
});
