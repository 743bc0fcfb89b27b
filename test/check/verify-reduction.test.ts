/** What comparing with the plain space tells of reductions that are wrong: each thing that can differ, by a model in which little else does. */
import { afterEach, expect, test, vi } from "vitest";
import { verifyReduction } from "../../src/check/index.ts";
import * as L from "../../src/language/index.ts";

/** By instance, in the layout's order: the labels to fold, sound or not; and the instances of the first type to sort. */
const wrong: { folded: readonly (readonly number[])[]; sorted: readonly number[] } = { folded: [], sorted: [] };

vi.mock("../../src/check/fold.ts", () => ({
  *foldedLabels({ layout }: { layout: L.Layout }) {
    return layout.instances.map((_, i) => new Set(wrong.folded[i]));
  },
}));
vi.mock("../../src/check/symmetry.ts", async (original) => ({
  ...(await original<object>()),
  symmetricTypes: () => new Map(wrong.sorted.length > 0 ? [[0, wrong.sorted]] : []),
}));

afterEach(() => {
  wrong.folded = [];
  wrong.sorted = [];
});

/** p goes from `a` to `b` and back; q looks on. */
function world(fill: (m: L.ModelBuilder, p: L.ProcessBuilder, q: L.ProcessBuilder) => void): L.Model {
  const m = L.model("wrong");
  const [p, q] = [m.process("p"), m.process("q")];
  p.step("a", { next: "b" }).step("b", { next: "a" });
  q.step("a", { next: "a" });
  fill(m, p, q);
  return L.validate(m.build());
}
const BUSY: L.StepMeta = { leaf: "q", action: "acquire", resource: "R", mode: "EXCLUSIVE", result: L.BUSY };

const FOLDED: [string, L.Model, string[]][] = [
  [
    "a holder is not met",
    world((_, p, q) => {
      p.holds("b", { resource: "R", mode: "EXCLUSIVE" });
      q.step("a", { next: "a", meta: BUSY });
    }),
    ["busy"],
  ],
  [
    "a violation is not met",
    world((m, p) => m.always("never", L.not(p.at(0, "b")))),
    ["outcome", "violated", "trace lengths"],
  ],
  [
    "one of two violations is not met",
    world((m, p) => m.always("never", L.not(p.at(0, "b"))).always("no", false)),
    ["violated", "trace lengths"],
  ],
  ["a witness is not met", world((m, p) => m.sometimes("there", p.at(0, "b"))), ["vacuous"]],
  ["a step does not run", world((_, p, q) => q.step("a", { when: p.at(0, "b"), next: "a" })), ["never ran"]],
  [
    "states are not reached",
    world((_, p, q) => q.step("a", { when: p.at(0, "b"), next: "c" }).step("c", { next: "c" })),
    ["never ran", "1 states that should be kept were not reached by the reduced search", "states"],
  ],
];

test.each(FOLDED)("where a label is folded that is not to be, and %s, this is told", (_, model, expected) => {
  expect(verifyReduction(model).differences).toEqual([]);
  wrong.folded = [[1]];
  const { differences, unexplored } = verifyReduction(model);
  expect(differences.map((text) => text.replace(/: .*/, ""))).toEqual(expected);
  expect(unexplored).toBeNull();
});

test("states that no run comes to are told", () => {
  const m = L.model("first");
  const p = m.process("p", 2);
  p.step("a", { when: L.eq(p.self, 0), next: "b" }).idle("a", "b");
  const model = L.validate(m.build());
  expect(verifyReduction(model).differences).toEqual([]);
  wrong.sorted = [0, 1];
  expect(verifyReduction(model)).toMatchObject({ expectedStates: 2, differences: ["states: reduced 3, plain 2"] });
});
