/** Models whose shape, not whose size, once kept the checker busy for ever. */
import { describe, expect, test } from "vitest";
import { check, checkAsync, verifyReduction } from "../../src/check/index.ts";
import * as L from "../../src/language/index.ts";

/** One state after another: the arrays are filled to the very last place before they grow. */
function chain(length: number): L.Model {
  const m = L.model("chain");
  const p = m.process("p");
  const x = p.variable("x", L.intType(0, length));
  p.step("go", { when: L.lt(x, length), do: [L.inc(x)], next: "go" });
  p.idle("go");
  m.eventually("the end", L.eq(p.local(0, x), length), [L.weakFair(p)]);
  return m.build();
}

/** Two processes that walk a row of labels nobody else sees, `width` ways from each to the next. */
function row(length: number, width: number, closed: boolean): L.Model {
  const m = L.model("row");
  const p = m.process("p", 2);
  const taken = m.variable("taken", L.boolType);
  p.step("take", { when: L.not(taken), do: [L.set(taken, true)], next: "0" });
  for (let i = 0; i < length; i++)
    for (let way = 0; way < width; way++) p.step(`${i}`, { next: i + 1 < length ? `${i + 1}` : "end" });
  p.step("end", { do: [L.set(taken, false)], next: "take" });
  if (closed) p.step(`${length - 1}`, { next: "0" });
  m.sometimes("taken", taken);
  return m.build();
}

describe("growth", () => {
  test("a search that fills its arrays exactly goes on", () => {
    const result = check(chain(60_000), { time: 20 });
    expect(result).toMatchObject({ states: 60_001, outcome: { kind: "holds" }, vacuous: [] });
  });

  test("it goes on beside other work, too", async () => {
    const result = await checkAsync(chain(60_000), { time: 20 });
    expect(result).toMatchObject({ states: 60_001, outcome: { kind: "holds" } });
  });
});

describe("every phase can be interrupted", () => {
  test("preparing the model", async () => {
    const controller = new AbortController();
    const checking = checkAsync(row(400, 20, false), { signal: controller.signal });
    controller.abort();
    expect(await checking).toMatchObject({ outcome: { kind: "inconclusive", reason: "interrupted" }, states: 0 });
    expect(check(chain(10), { time: 0 })).toMatchObject({
      outcome: { kind: "inconclusive", reason: "the time bound of 0 s was reached" },
      states: 0,
    });
  });

  test("deciding liveness", async () => {
    const controller = new AbortController();
    const result = await checkAsync(chain(60_000), {
      signal: controller.signal,
      onProgress({ frontier }) {
        if (frontier === 0) controller.abort();
      },
    });
    expect(result).toMatchObject({
      states: 60_001,
      outcome: { kind: "inconclusive", reason: "liveness was not decided: interrupted" },
    });
  });

  test("making a trace shortest", async () => {
    const controller = new AbortController();
    const m = L.model("late");
    const p = m.process("p", 3);
    const x = m.variable("x", L.intType(0, 40));
    const own = p.variable("own", L.bitsType(4));
    p.step("out", { when: L.lt(x, 40), do: [L.inc(x)], next: "0" });
    for (let i = 0; i < 6; i++) p.step(`${i}`, { do: [L.set(own, i)], next: i < 5 ? `${i + 1}` : "out" });
    p.idle("out");
    m.always("never", L.lt(x, 40));
    let before = 0;
    const result = await checkAsync(m.build(), {
      signal: controller.signal,
      onProgress({ depth }) {
        if (depth < before) controller.abort();
        before = depth;
      },
    });
    expect(result.violations).toMatchObject([{ property: "never", shortest: false }]);
    expect(result.reductions.length).toBeGreaterThan(0);
  });
});

describe("folding", () => {
  test.each([1, 3, 30])("a circle of %i safe labels is left at one of them", (length) => {
    const { reduced, differences } = verifyReduction(row(length, 1, true), { time: 20 });
    expect(differences).toEqual([]);
    expect(reduced).toMatchObject({ outcome: { kind: "holds" }, neverRan: [] });
    // A circle of one label cannot be folded at all.
    if (length > 1) expect(reduced.reductions[0]).toMatch(`fold (p: ${length - 1} labels`);
  });

  test("many ways through safe labels are not followed one by one", () => {
    const { reduced, differences } = verifyReduction(row(200, 3, false), { time: 20 });
    expect(differences).toEqual([]);
    expect(reduced.outcome.kind).toBe("holds");
  });

  test("a long row of safe labels is cut into pieces", () => {
    const { reduced, differences } = verifyReduction(row(1000, 1, false), { time: 20 });
    expect(differences).toEqual([]);
    expect(reduced.states).toBeLessThan(80);
  });

  test("processes that start at folded labels do not multiply", () => {
    const m = L.model("starts");
    const p = m.process("p", 12);
    const x = p.variable("x", L.intType(0, 9));
    for (let i = 0; i < 10; i++) p.step("choose", { do: [L.set(x, i)], next: "end" });
    p.idle("end");
    const result = check(m.build(), { states: 20_000, time: 20 });
    expect(result.outcome).toMatchObject({ kind: "inconclusive", reason: "the bound of 20000 states was reached" });
  });
});
