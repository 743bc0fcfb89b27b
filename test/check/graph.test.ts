/** The edges that liveness is decided on: their numbers are as wide as they need to be, and no wider. */
import { describe, expect, test } from "vitest";
import { emptyGraph } from "../../src/check/graph.ts";
import { check, isValid } from "../../src/check/index.ts";
import { preparingLiveness } from "../../src/check/live-reductions.ts";
import { edgesFor, type LeadsTo } from "../../src/check/liveness.ts";
import { Search } from "../../src/check/search.ts";
import { uninterrupted } from "../../src/check/watch.ts";
import * as L from "../../src/language/index.ts";

function graphOf(model: L.Model) {
  const properties = model.properties as LeadsTo[];
  const search = new Search(uninterrupted(preparingLiveness(model, properties, "keeping lengths"))).finish();
  return uninterrupted(edgesFor(search, properties, Number.POSITIVE_INFINITY)).graph;
}

/** The one run that is shown, which must be real. */
function shown(model: L.Model): L.Trace {
  const { trace, violations } = check(model, { noReduction: model.processes[0]?.count === 1 });
  expect(violations).toHaveLength(1);
  expect(isValid(model, trace as L.Trace)).toBe(true);
  return trace as L.Trace;
}

describe("numbers are as wide as the largest needs", () => {
  test.each([
    [256, 1],
    [257, 2],
  ])("%i kinds of edges: %i bytes", (labels, bytes) => {
    const m = L.model("round");
    const p = m.process("p");
    for (let i = 0; i < labels; i++) p.step(`${i}`, { next: `${(i + 1) % labels}` });
    // The last kind must be told from the first: else nobody seems to act at the last label.
    m.leadsTo("it ends", true, false, [L.strongFair(p, { labels: [`${labels - 1}`] })]);
    const model = m.build();
    expect(graphOf(model).kinds.BYTES_PER_ELEMENT).toBe(bytes);
    expect(shown(model)).toMatchObject({ loop: 0, steps: { length: labels } });
  });

  test("more than 65536 kinds of edges: each move with each permutation", () => {
    const m = L.model("many alike");
    const p = m.process("p", 7);
    p.step("a", { next: "b" }).step("b", { next: "a" });
    m.leadsTo("it ends", true, false, [L.strongFair(p, { labels: ["a"] }), L.strongFair(p, { labels: ["b"] })]);
    const model = m.build();
    const { kinds } = graphOf(model);
    expect(kinds.BYTES_PER_ELEMENT).toBe(4);
    expect(Math.max(...kinds)).toBeGreaterThan(65_536);
    const { loop, steps } = shown(model);
    expect(loop).toBe(0);
    expect(new Set(steps.map(({ instance, label }) => `${instance} ${label}`)).size).toBe(14);
  });

  test.each([
    [255, 1],
    [256, 2],
  ])("%i edges of one state: %i bytes", (edges, bytes) => {
    const m = L.model("broad");
    const p = m.process("p");
    const x = m.variable("x", L.intType(0, edges));
    p.choose("out", { c: edges }, ({ c }) => ({ do: [L.set(x, c)], next: "in" }));
    p.step("in", { next: "out" });
    m.leadsTo("it ends", true, L.eq(x, edges), [L.weakFair(p)]);
    const model = m.build();
    const { degrees } = graphOf(model);
    expect(degrees.BYTES_PER_ELEMENT).toBe(bytes);
    expect(Math.max(...degrees)).toBe(edges);
    expect(shown(model)).toMatchObject({ loop: 0, steps: { length: 2 } });
  });

  test.each([
    [4, 1],
    [5, 2],
    [8, 2],
    [9, 4],
    [15, 4],
    [40, null],
  ])("%i properties at once: marks of %s bytes", (count, bytes) => {
    const m = L.model("round");
    const p = m.process("p");
    const x = m.variable("x", L.intType(0, count - 1));
    p.step("go", { do: [L.set(x, L.mod(L.add(x, 1), count))], next: "go" });
    // Each is broken, holds, or is never asked for; by turns.
    for (let i = 0; i < count; i++)
      m.leadsTo(
        `${i}`,
        i % 3 === 2 ? L.bool(false) : L.eq(x, i),
        i % 3 === 0 ? L.bool(false) : L.eq(x, (i + 1) % count),
        [L.weakFair(p)],
      );
    const model = m.build();
    if (bytes !== null) expect(graphOf(model).marks.BYTES_PER_ELEMENT).toBe(bytes);
    const { violations, vacuous } = check(model);
    const names = (turn: number) => model.properties.map(({ name }) => name).filter((_, i) => i % 3 === turn);
    expect(violations.map(({ property }) => property)).toEqual(names(0));
    expect(vacuous).toEqual(names(2));
  });
});

test("what cannot be numbered is refused as if there were no memory for it", () => {
  const size = { states: 2, edges: 1, marks: 2, kinds: 2 ** 32, branching: 1 };
  expect(emptyGraph(size, false).kinds.BYTES_PER_ELEMENT).toBe(4);
  expect(() => emptyGraph({ ...size, kinds: 2 ** 32 + 1 }, false)).toThrow(RangeError);
  expect(() => emptyGraph({ ...size, edges: 2 ** 31 }, false)).toThrow(RangeError);
});

test("states without edges, more in a row than a batch has room for", () => {
  const m = L.model("fan");
  const p = m.process("p");
  const x = m.variable("x", L.intType(0, 999));
  p.choose("fan", { c: 1000 }, ({ c }) => ({ do: [L.set(x, c)], next: "end" }));
  p.idle("end");
  m.leadsTo("it comes to an odd number", true, L.eq(L.mod(x, 2), 1), [L.weakFair(p)]);
  const model = m.build();
  const { degrees, marks, targets } = graphOf(model);
  expect([...degrees.slice(1)]).toEqual([1000, ...Array.from({ length: 1000 }, () => 0)]);
  const marked = Array.from(targets, (target) => marks[target]);
  expect(marked).toEqual(Array.from({ length: 1000 }, (_, i) => (i % 2 === 1 ? 3 : 1)));
  expect(shown(model)).toMatchObject({ loop: null, steps: { length: 1 } });
});
