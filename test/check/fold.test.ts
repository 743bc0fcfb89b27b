/** Which labels are folded: each condition of `fold.ts` by a small model that meets all others, and the folded search beside the plain one. */
import { describe, expect, test } from "vitest";
import { prepare, verifyReduction } from "../../src/check/index.ts";
import * as L from "../../src/language/index.ts";

/** p goes round two labels, of which q sees `go`; what p does at `x`, and q beside, is under question. */
class World {
  readonly m = L.model("fold");
  readonly p = this.m.process("p");
  readonly q = this.m.process("q");
  readonly turn = this.m.variable("turn", L.boolType);
  readonly s = this.m.variable("s", L.intType(0, 3));
  readonly c = this.m.variable("c", L.intType(0, 2));
  readonly list = this.m.array("list", L.boolType, 4);
  readonly k = this.p.variable("k", L.intType(0, 3));
  readonly j = this.p.variable("j", L.intType(-2, 1));
  readonly seen = this.q.variable("seen", L.intType(0, 3));

  /** A step of p at `x`. */
  x(...effects: L.Effect[]): this {
    return this.when(true, ...effects);
  }
  when(when: L.StepSpec["when"] & {}, ...effects: L.Effect[]): this {
    this.p.step("x", { when, do: effects, next: "go" });
    return this;
  }
  /** A step of q that is seen by nobody else, but for what it does. */
  beside(...effects: L.Effect[]): this {
    this.q.step("q", { do: effects, next: "q" });
    return this;
  }
  /** r fails to take R, whose lock may have another name, and may have met q, which holds it at `q`. */
  tries(
    object: L.IntLike = 0,
    hold: { object?: L.IntLike; when?: L.BoolExpr; resource?: string } = {},
    lock = "R",
  ): this {
    const meta: L.StepMeta = { leaf: "r", action: "acquire", resource: "R", lock, mode: "EXCLUSIVE", result: L.BUSY };
    this.m
      .process("r")
      .step("r", { next: "r", meta: { ...meta, object: typeof object === "number" ? L.int(object) : object } });
    this.q.holds("q", { resource: "R", mode: "EXCLUSIVE", leaf: "q", ...hold });
    return this;
  }
  build(): L.Model {
    const { p, q, turn } = this;
    q.step("q", { when: turn, do: [L.set(turn, false)], next: "q" });
    p.step("go", { when: L.not(turn), do: [L.set(turn, true)], next: "x" }).start("go");
    return this.m.build();
  }
}

const next = (x: L.IntRef): L.Effect => L.set(x, L.mod(L.add(x, 1), 4));

const foldedIn = (model: L.Model, process = 0): (string | undefined)[] => {
  const { reductions, layout } = prepare(model);
  return [...(reductions.folded[process] ?? [])].map((label) => layout.instances[process]?.type.labels[label]?.name);
};

type Case = [string, (world: World) => unknown];

const FOLDED: Case[] = [
  ["what it does touches what is its own", (w) => w.x(next(w.k), L.set(w.list.at(w.k), true))],
  [
    "it counts on what all count on, in range, and nobody reads",
    (w) => {
      w.p.step("x", { do: [L.inc(w.c)], next: "y" }).step("y", { do: [L.dec(w.c)], next: "go" });
      w.q.step("q", { do: [L.inc(w.c)], next: "r" }).step("r", { do: [L.dec(w.c)], next: "q" });
    },
  ],
  [
    "it counts on what it alone counts on, and reads",
    (w) => {
      w.p.step("x", { do: [L.inc(w.c), L.set(w.k, w.c)], next: "y" }).step("y", { do: [L.dec(w.c)], next: "go" });
    },
  ],
  [
    "one of its alternatives can run, whatever the values",
    (w) => w.when(L.lt(w.k, 2), next(w.k)).when(L.ge(w.k, 2), next(w.k)),
  ],
  ["and where values are below zero", (w) => w.when(L.lt(w.j, -1), L.set(w.j, 1)).when(L.gt(w.j, -2), L.set(w.j, -2))],
  [
    "its guards are tried with as many values as are tried",
    (w) => {
      const wide = w.p.variable("wide", L.intType(0, 4095));
      w.when(L.lt(wide, 4095), L.set(wide, 4095)).when(L.eq(wide, 4095), L.set(wide, 0));
    },
  ],
  [
    "another asks of its label together with the next",
    (w) => w.x(next(w.k)).beside(L.set(w.seen, L.ite(w.p.at(0, "x", "go"), 1, 2))),
  ],
  ["it asks of its own label", (w) => w.x(L.set(w.k, L.ite(w.p.at(0, "x"), 1, 2)))],
  [
    "as many ways lead on as are generated",
    (w) => w.p.choose("x", { c: 24 }, ({ c }) => ({ do: [L.set(w.k, L.mod(c, 4))], next: "go" })),
  ],
  [
    "it changes what another holds that nobody fails to take",
    (w) => w.x(next(w.s)).tries(0, { resource: "other", when: L.eq(w.s, 1) }),
  ],
  [
    "it changes what another holds by the name of a resource whose lock is another one",
    (w) => w.x(next(w.s)).tries(0, { when: L.eq(w.s, 1) }, "lock"),
  ],
  [
    "it changes what it holds elsewhere",
    (w) => {
      w.x(next(w.k)).tries();
      w.p
        .holds("go", { resource: "R", mode: "EXCLUSIVE", object: 1 })
        .holds("x", { resource: "R", mode: "EXCLUSIVE", object: 1 });
      w.p.holds("then", { resource: "R", mode: "EXCLUSIVE", object: w.k });
      w.p.step("go", { when: L.not(w.turn), do: [L.set(w.turn, true)], next: "then" });
      w.p.step("then", { when: L.not(w.turn), do: [L.set(w.turn, true)], next: "go" });
    },
  ],
  [
    "it holds there what others take without failing",
    (w) => {
      w.x(next(w.k)).p.holds("x", { resource: "R", mode: "EXCLUSIVE" });
      const r = w.m.process("r");
      r.step("r", { when: w.turn, next: "s", meta: { action: "acquire", resource: "R", result: "ok" } });
      r.step("s", { when: w.turn, next: "r", meta: { action: "release", resource: "R" } });
    },
  ],
  [
    "it counts on what another counts on, and reads it elsewhere",
    (w) => {
      w.p.step("x", { do: [L.inc(w.c)], next: "y" });
      w.p.step("y", { do: [L.set(w.k, w.c), L.dec(w.c)], next: "go" });
      w.q.step("q", { do: [L.inc(w.c)], next: "r" }).step("r", { do: [L.dec(w.c)], next: "q" });
    },
  ],
  [
    "a property asks where another stands, by labels of the same numbers",
    (w) => {
      w.x(next(w.k)).m.sometimes("there", w.q.at(0, "r"));
      w.q.step("q", { when: w.turn, next: "r" }).step("r", { when: w.turn, next: "q" });
    },
  ],
  ["it and another write to what always has this value", (w) => w.x(next(w.k), L.set(w.s, 0)).beside(L.set(w.s, 0))],
  [
    "one alternative can always run, whatever many values the others look at",
    (w) => {
      const wide = w.p.variable("wide", L.intType(0, 9999));
      w.x(L.set(wide, 9999)).when(L.lt(wide, 5000), L.set(wide, 1));
    },
  ],
];

const STORED: Case[] = [
  [
    "it changes what another fails to take, beside what that chooses",
    (w) => {
      const meta: L.StepMeta = { leaf: "r", action: "acquire", resource: "R", mode: "EXCLUSIVE", result: L.BUSY };
      const tried = w.m.array("tried", L.intType(0, 3), 2);
      w.x(next(tried.at(1))).q.holds("q", { resource: "R", mode: "EXCLUSIVE", leaf: "q", object: 2 });
      w.m.process("r").choose("r", { n: 2 }, ({ n }) => ({ next: "r", meta: { ...meta, object: tried.at(n) } }));
    },
  ],
  ["it reads what another writes", (w) => w.x(L.set(w.k, w.s)).beside(next(w.s))],
  [
    "it reads what another counts on",
    (w) => {
      w.x(L.set(w.k, w.c));
      w.q.step("q", { do: [L.inc(w.c)], next: "r" }).step("r", { do: [L.dec(w.c)], next: "q" });
    },
  ],
  ["its condition reads what another writes", (w) => w.x(L.when(L.eq(w.s, 1), [next(w.k)])).beside(next(w.s))],
  ["its guard reads what another writes", (w) => w.when(L.eq(w.s, 1), next(w.k)).when(L.ne(w.s, 1)).beside(next(w.s))],
  ["its index is what another writes", (w) => w.x(L.set(w.list.at(w.s), true)).beside(next(w.s))],
  [
    "it writes to an array what another writes",
    (w) => w.x(next(w.k), L.set(w.list.at(w.k), L.eq(w.s, 1))).beside(next(w.s)),
  ],
  [
    "it reads an array that another writes somewhere",
    (w) => w.x(L.set(w.k, L.ite(w.list.at(1), 1, 2))).beside(next(w.seen), L.set(w.list.at(w.seen), true)),
  ],
  ["it writes what another writes", (w) => w.x(L.set(w.s, 1)).beside(L.set(w.s, 2))],
  ["it writes what another counts on", (w) => w.x(L.set(w.s, 1)).beside(L.inc(w.s))],
  ["it writes what another reads", (w) => w.x(next(w.s)).beside(L.set(w.seen, w.s))],
  ["it writes what a property reads", (w) => w.x(next(w.s)).m.always("small", L.lt(w.s, 3))],
  [
    "it counts on what another reads",
    (w) => {
      w.p.step("x", { do: [L.inc(w.c)], next: "y" }).step("y", { do: [L.dec(w.c)], next: "go" });
      w.beside(L.set(w.seen, w.c));
    },
  ],
  [
    "it counts on what a property reads",
    (w) => {
      w.p.step("x", { do: [L.inc(w.c)], next: "y" }).step("y", { do: [L.dec(w.c)], next: "go" });
      w.m.sometimes("counted", L.eq(w.c, 1));
    },
  ],
  [
    "it counts on what another counts on, and reads it",
    (w) => {
      w.p.step("x", { do: [L.inc(w.c), L.set(w.k, w.c)], next: "y" }).step("y", { do: [L.dec(w.c)], next: "go" });
      w.q.step("q", { do: [L.inc(w.c)], next: "r" }).step("r", { do: [L.dec(w.c)], next: "q" });
    },
  ],
  [
    "it asks where another stands",
    (w) => {
      w.when(w.q.at(0, "q")).when(L.not(w.q.at(0, "q")));
      w.q.step("q", { do: [next(w.seen)], next: "r" }).step("r", { next: "q" });
    },
  ],
  ["another asks whether it stands there", (w) => w.x(next(w.k)).beside(L.set(w.seen, L.ite(w.p.at(0, "x"), 1, 2)))],
  ["a property asks whether it stands there", (w) => w.x(next(w.k)).m.sometimes("there", w.p.at(0, "x"))],
  [
    "it fails to take a lock",
    (w) => w.p.step("x", { next: "go", meta: { action: "acquire", resource: "R", result: L.BUSY } }),
  ],
  ["an assertion may fail", (w) => w.x(next(w.k), L.assertThat("small", L.lt(w.k, 3)))],
  ["a value may be out of range", (w) => w.x(L.inc(w.k))],
  ["an index may be out of range", (w) => w.x(next(w.k), L.set(w.m.array("two", L.boolType, 2).at(w.k), true))],
  ["one of its alternatives writes what another reads", (w) => w.x(next(w.k)).x(next(w.s)).beside(L.set(w.seen, w.s))],
  ["it may have to wait", (w) => w.when(L.lt(w.k, 3), next(w.k))],
  ["it may have to wait at a value between", (w) => w.when(L.lt(w.k, 2), next(w.k)).when(L.gt(w.k, 2), next(w.k))],
  ["it may have to wait at the lowest value", (w) => w.when(L.gt(w.j, -2), L.set(w.j, -2))],
  [
    "it may have to wait at some values together",
    (w) => w.when(L.or(L.lt(w.k, 3), L.gt(w.j, -2)), next(w.k), L.set(w.j, L.sub(-1, w.j))),
  ],
  [
    "its guards have more values than are tried",
    (w) => {
      const wide = w.p.variable("wide", L.intType(0, 4096));
      w.when(L.lt(wide, 4096), L.set(wide, 4096)).when(L.eq(wide, 4096), L.set(wide, 0));
    },
  ],
  [
    "too many ways lead on",
    (w) => w.p.choose("x", { c: 25 }, ({ c }) => ({ do: [L.set(w.k, L.mod(c, 4))], next: "go" })),
  ],
  [
    "something is held there that another fails to take",
    (w) => w.x(next(w.k)).tries().p.holds("x", { resource: "R", mode: "EXCLUSIVE" }),
  ],
  ...(["object", "when"] as const).map(
    (what): Case => [
      `it changes the ${what} of what it holds`,
      (w) => {
        const hold = { resource: "R", mode: "EXCLUSIVE", [what]: what === "when" ? L.eq(w.k, 1) : w.k };
        w.x(next(w.k)).tries().p.holds("x", hold).holds("go", hold);
      },
    ],
  ),
  [
    "it counts on what tells whether it holds",
    (w) => {
      const hold = { resource: "R", mode: "EXCLUSIVE", when: L.eq(w.c, 1) };
      w.tries().p.holds("x", hold).holds("y", hold);
      w.p.step("x", { do: [L.inc(w.c)], next: "y" }).step("y", { do: [L.dec(w.c)], next: "go" });
    },
  ],
  ["it changes the object of what another holds", (w) => w.x(next(w.s)).tries(1, { object: w.s })],
  ["it changes whether another holds", (w) => w.x(next(w.s)).tries(0, { when: L.eq(w.s, 1) })],
  [
    "it changes whether another holds a lock of another name",
    (w) => w.x(next(w.s)).tries(0, { resource: "lock", when: L.eq(w.s, 1) }, "lock"),
  ],
  ["whether another holds depends on where it stands", (w) => w.x(next(w.k)).tries(0, { when: w.p.at(0, "x") })],
  ["it changes what another fails to take", (w) => w.x(next(w.s)).tries(w.s, { object: 1 })],
  [
    "it counts on what tells whether another holds",
    (w) => {
      w.p.step("x", { do: [L.inc(w.c)], next: "y" }).step("y", { do: [L.dec(w.c)], next: "go" });
      w.tries(0, { when: L.eq(w.c, 1) });
    },
  ],
];

describe("a label", () => {
  const worlds = (cases: readonly Case[]) =>
    cases.map(([name, fill]) => {
      const world = new World();
      fill(world);
      return [name, world.build()] as const;
    });

  test.each(worlds(FOLDED))("is folded where %s", (_, model) => {
    expect(L.problems(model)).toEqual([]);
    expect(foldedIn(model)).toContain("x");
    expect(verifyReduction(model).differences).toEqual([]);
  });

  test.each(worlds(STORED))("is stored where %s", (_, model) => {
    expect(L.problems(model)).toEqual([]);
    expect(foldedIn(model)).not.toContain("x");
    expect(verifyReduction(model).differences).toEqual([]);
  });
});

test.each([
  [48, 0],
  [49, 1],
])("of a way of %i labels %i are stored", (length, stored) => {
  const { m, p, k, turn, q } = new World();
  for (let i = 0; i < length; i++) p.step(`${i}`, { do: [next(k)], next: i + 1 < length ? `${i + 1}` : "go" });
  p.step("go", { when: L.not(turn), do: [L.set(turn, true)], next: "0" }).start("go");
  q.step("q", { when: turn, do: [L.set(turn, false)], next: "q" });
  const folded = foldedIn(m.build());
  expect(folded).toHaveLength(length - stored);
  expect(folded.includes("0")).toBe(stored === 0);
});

test.each([
  [8, true],
  [9, false],
])("where %i processes start with two ways each, the labels where they start are folded: %s", (count, isFolded) => {
  const m = L.model("starts");
  const p = m.process("p", count);
  const k = p.variable("k", L.intType(0, 1));
  p.step("start", { next: "then" }).step("start", { do: [L.set(k, 1)], next: "then" });
  p.step("then", { do: [L.set(k, 0)], next: "end" }).idle("end");
  expect(foldedIn(m.build())).toEqual(isFolded ? ["then", "start"] : ["then"]);
});
