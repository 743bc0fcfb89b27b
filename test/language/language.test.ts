import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { check } from "../../src/check/index.ts";
import * as L from "../../src/language/index.ts";

const codes = (m: L.ModelBuilder) => L.problems(m.build()).map(({ code }) => code);
const tiny = () => {
  const m = L.model("tiny");
  const p = m.process("p");
  return { m, p, x: m.variable("x", L.intType(0, 3)), flag: m.variable("flag", L.boolType) };
};

describe("docs/language.md", () => {
  test("its examples build valid models that check as it says", async () => {
    const text = readFileSync("docs/language.md", "utf8");
    const blocks = [...text.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code as string);
    expect(blocks.length).toBe(2);
    const code = blocks.join("\n").replace(/^import .*$/m, "");
    const run = new Function("L", `${code}; return { counterLock, wordModel };`) as (
      language: typeof L,
    ) => Record<"counterLock" | "wordModel", L.Model>;
    const { counterLock, wordModel } = run(L);
    expect(check(counterLock).violations.map(({ property }) => property)).toEqual(["the first caller gets in"]);
    expect(check(wordModel).outcome.kind).toBe("holds");
  });

  test("it fits on a page", () => {
    expect(readFileSync("docs/language.md", "utf8").split("\n").length).toBeLessThan(130);
  });
});

describe("validator", () => {
  test("a sound model has no problems", () => {
    const { m, p, x } = tiny();
    p.step("a", { when: L.lt(x, 3), do: [L.inc(x)], next: "a" }).idle("a");
    expect(codes(m)).toEqual([]);
  });

  test.each<[string, string, (t: ReturnType<typeof tiny>) => void]>([
    ["SL4002", "a name twice", ({ m, p }) => [m.variable("x", L.boolType), p.step("a", { next: "a" })]],
    ["SL4002", "a local that hides a global", ({ p }) => [p.variable("x", L.boolType), p.step("a", { next: "a" })]],
    [
      "SL4003",
      "an unknown variable",
      ({ p }) => p.step("a", { when: { op: "var", sort: "bool", name: "y", index: null }, next: "a" }),
    ],
    [
      "SL4014",
      "an operation that there is not",
      ({ p, x }) => p.step("a", { when: { op: "constructor", sort: "bool", a: x, b: x } as never, next: "a" }),
    ],
    ["SL4004", "sorts that differ", ({ p, x, flag }) => p.step("a", { when: L.eq(x, flag), next: "a" })],
    [
      "SL4004",
      "an enum given a number",
      ({ m, p }) => p.step("a", { do: [L.set(m.variable("e", L.enumOf("E", ["u", "v"]).$type), 1)], next: "a" }),
    ],
    ["SL4005", "a constant outside the type", ({ p, x }) => p.step("a", { do: [L.set(x, 4)], next: "a" })],
    [
      "SL4005",
      "an initial value outside the type",
      ({ m, p }) => [m.variable("y", L.intType(0, 1), 2), p.step("a", { next: "a" })],
    ],
    ["SL4006", "an unknown label", ({ p }) => p.step("a", { next: "b" })],
    ["SL4007", "a label never reached", ({ p }) => p.step("a", { next: "a" }).step("b", { next: "a" })],
    ["SL4008", "a label without steps", ({ p }) => p.step("a", { next: "b" }).holds("b")],
    ["SL4009", "an unknown process", ({ m, p }) => [m.always("z", L.at("q", 0, "a")), p.step("a", { next: "a" })]],
    [
      "SL4010",
      "an array without index",
      ({ m, p }) =>
        p.step("a", {
          do: [L.set({ op: "var", sort: "int", name: m.array("v", L.intType(0, 1), 2).name, index: null }, 1)],
          next: "a",
        }),
    ],
    ["SL4011", "self in a property", ({ m, p, x }) => [m.always("z", L.eq(x, L.self)), p.step("a", { next: "a" })]],
    [
      "SL4012",
      "bounds the wrong way round",
      ({ m, p }) => [m.variable("y", L.intType(2, 1)), p.step("a", { next: "a" })],
    ],
    ...([1, 3] as const).flatMap((size): [string, string, (t: ReturnType<typeof tiny>) => void][] => [
      [
        "SL4012",
        `an array of ${size} indexed by a process type of two`,
        ({ m, p }) => {
          const two = m.process("two", 2).idle("stay");
          m.array("v", L.boolType, { name: two.name, size });
          p.step("a", { next: "a" });
        },
      ],
      [
        "SL4012",
        `an array of ${size} indexed by a scalar set of two, of a process`,
        ({ m, p }) => {
          p.array("v", L.boolType, { ...m.scalarSet("two", 2), size });
          p.step("a", { next: "a" });
        },
      ],
      [
        "SL4012",
        `a choice among ${size} of a set of two`,
        ({ m, p }) => p.choose("a", { i: { ...m.scalarSet("two", 2), size } }, () => ({ next: "a" })),
      ],
      [
        "SL4012",
        `something for all ${size} of a set of two`,
        ({ m, p }) => {
          m.always(
            "z",
            L.forall({ ...m.scalarSet("two", 2), size }, () => L.eq(1, 1)),
          );
          p.step("a", { next: "a" });
        },
      ],
    ]),
    [
      "SL4009",
      "a choice of an unknown set",
      ({ p }) => p.choose("a", { i: { name: "q", size: 2 } }, () => ({ next: "a" })),
    ],
    [
      "SL4013",
      "an index outside the array",
      ({ m, p }) => p.step("a", { do: [L.set(m.array("v", L.intType(0, 1), 2).at(2), 1)], next: "a" }),
    ],
  ])("%s: %s", (code, _, make) => {
    const t = tiny();
    make(t);
    expect(codes(t.m)).toContain(code);
    expect(() => L.validate(t.m.build())).toThrow(/model tiny/);
  });
});

test("a model is plain data, and building it twice gives the same", () => {
  const build = () => {
    const { m, p, x } = tiny();
    p.step("a", {
      when: L.forall(2, (i) => L.exists(2, (j) => L.ne(i, j))),
      do: [
        L.set(
          x,
          L.count(3, (i) => L.lt(i, 2)),
        ),
      ],
      next: "a",
    });
    return m.build();
  };
  expect(structuredClone(build())).toEqual(build());
});

test("a model prints as text", () => {
  const { m, p, x, flag } = tiny();
  p.step("a", {
    when: L.and(flag, L.lt(x, 3)),
    do: [L.inc(x), L.when(flag, [L.set(flag, false)])],
    next: "b",
    meta: { leaf: "leaf", action: "effect" },
  }).idle("b");
  m.always("small", L.le(x, 3));
  expect(L.printModel(m.build())).toMatchInlineSnapshot(`
    "model tiny
    var x: 0..3 = 0
    var flag: bool = false

    process p[1] from a
      a:
        [flag ∧ (x < 3)] x := x + 1; if flag { flag := false } → b   # leaf effect
      b: idle

    always small: x ≤ 3
    "
  `);
});

test("expressions are total, and intervals contain their values", () => {
  const { m, p, x } = tiny();
  const v = m.array("v", L.intType(-3, 5), 3);
  p.step("a", { next: "a" });
  const layout = L.layoutOf(m.build());
  const exprs = [
    L.div(x, 0),
    L.mod(x, 0),
    L.div(v.at(0), 2),
    L.mod(v.at(0), 2),
    L.mul(v.at(1), -2),
    L.sub(x, v.at(2)),
    v.at(L.add(x, 2)),
    L.wrap(L.sub(x, 3), 4),
    L.shl(x, 2),
    L.shr(L.int(9), x),
    L.bxor(x, 5),
    L.bor(x, 4),
    L.bnot(x, 4),
    L.ite(L.lt(x, 2), v.at(0), 7),
    L.count(3, (i) => L.lt(v.at(i), 0)),
  ];
  const scope = { model: layout.model, process: null, params: {} };
  for (const expr of exprs) {
    const [low, high] = L.rangeOf(scope, expr);
    const ir = L.lower({ layout, instance: null, params: {}, constants: new Map() }, expr);
    const [irLow, irHigh] = L.irRange(ir);
    for (let n = 0; n < 4 * 9 * 9 * 9; n++) {
      const state = [
        n % 4,
        0,
        (Math.floor(n / 4) % 9) - 3,
        (Math.floor(n / 36) % 9) - 3,
        (Math.floor(n / 324) % 9) - 3,
        0,
      ];
      const value = L.evaluate({ layout, state, instance: null, params: {} }, expr);
      expect(
        value >= low && value <= high && value >= irLow && value <= irHigh,
        `${L.printExpr(layout.model, expr)} = ${value} in ${low}..${high}`,
      ).toBe(true);
    }
  }
});
