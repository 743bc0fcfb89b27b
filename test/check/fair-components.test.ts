/** Components in which sorted instances change places: what is fair to one is asked of each, wherever it stands. */
import { expect, test } from "vitest";
import { check } from "../../src/check/index.ts";
import * as L from "../../src/language/index.ts";

/**
 * One changes its number, past that of another who does not and could end it at any time, so that they change places when sorted. `rounds`: the
 * numbers that are gone round, one round after the other.
 */
function passing(rounds: readonly (readonly number[])[], strength = L.weakFair): L.Model {
  const m = L.model("passing");
  const p = m.process("p", 2);
  const round = m.variable("round", L.intType(0, rounds.length - 1));
  const [taken, done] = [m.variable("taken", L.boolType), m.variable("done", L.boolType)];
  const k = p.variable("k", L.intType(0, 9));
  p.step("start", { when: L.not(taken), do: [L.set(taken, true), L.set(k, 5)], next: "go" });
  p.step("start", { when: taken, next: "go" });
  p.step("go", { when: L.eq(k, 5), do: [L.set(done, true)], next: "go" });
  for (const [i, numbers] of rounds.entries()) {
    for (const [at, number] of numbers.entries()) {
      const next = numbers[(at + 1) % numbers.length] as number;
      p.step("go", { when: L.and(L.eq(round, i), L.eq(k, number)), do: [L.set(k, next)], next: "go" });
    }
    if (i > 0) p.step("go", { when: L.and(L.eq(round, i - 1), L.eq(k, 0)), do: [L.set(round, i)], next: "go" });
  }
  m.eventually("it is done", done, [strength(p)]);
  return m.build();
}

test.each([
  [[[0, 9]]],
  [
    [
      [0, 9, 8],
      [0, 9],
    ],
  ],
  [
    [
      [0, 9, 8, 7],
      [0, 9],
    ],
  ],
  [
    [
      [0, 9],
      [0, 9, 8],
    ],
  ],
  [
    [
      [0, 9, 1, 8],
      [0, 9],
      [0, 9, 8],
    ],
  ],
])("one that others pass again and again, and that could act, does: %j", (rounds) => {
  const model = passing(rounds);
  expect(check(model)).toMatchObject({ outcome: { kind: "holds" }, reductions: ["symmetry (p)"] });
  expect(check(passing(rounds, L.strongFair)).outcome.kind).toBe("holds");
  expect(check(model, { noReduction: true }).outcome.kind).toBe("holds");
});

/** Two that could end it in turns: at any time one of them, at no time both. */
function byTurns(strength: typeof L.weakFair): L.Model {
  const m = L.model("by turns");
  const [isFirst, done] = [m.variable("first", L.boolType), m.variable("done", L.boolType)];
  const clock = m.process("clock", 1);
  clock.step("go", { do: [L.set(isFirst, L.not(isFirst))], next: "go" });
  const enders = [isFirst, L.not(isFirst)].map((when, i) => {
    const p = m.process(`ender ${i}`, 1);
    p.step("go", { when, do: [L.set(done, true)], next: "go" });
    return p;
  });
  m.eventually(
    "it is done",
    done,
    [clock, ...enders].map((p) => strength(p)),
  );
  return m.build();
}

test("of weak constraints each must be able to run all the time, not one or the other", () => {
  expect(check(byTurns(L.weakFair)).outcome.kind).toBe("violated");
  expect(check(byTurns(L.strongFair)).outcome.kind).toBe("holds");
});
