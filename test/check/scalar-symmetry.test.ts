/** Which scalar sets are renumbered: each condition of `scalar-symmetry.ts` by a small model, and the renumbered search beside the plain one. */
import { describe, expect, test } from "vitest";
import { prepare, verifyReduction } from "../../src/check/index.ts";
import * as L from "../../src/language/index.ts";

/** One p takes a page and gives it back, q does something beside. */
class World {
  readonly m: L.ModelBuilder = L.model("pages");
  readonly page = this.m.scalarSet("page", 2);
  readonly p = this.m.process("p");
  readonly q = this.m.process("q");
  readonly locked = this.m.array("locked", L.boolType, this.page);
  readonly dirty = this.m.array("dirty", L.boolType, this.page);
  readonly n = this.m.variable("n", L.intType(0, 3));
  readonly k = this.p.variable("k", L.indexType(this.page));
  readonly j = this.q.variable("j", L.indexType(this.page, true), 2);

  constructor() {
    const { p, q, page, locked, dirty, k, j } = this;
    p.choose("out", { x: page }, ({ x }) => ({
      when: L.not(locked.at(x)),
      do: [L.set(locked.at(x), true), L.set(k, x)],
      next: "in",
    }));
    p.step("in", { do: [L.set(locked.at(k), false), L.set(k, 0)], next: "out" });
    q.choose("q", { x: page }, ({ x }) => ({
      when: dirty.at(x),
      do: [L.set(dirty.at(x), false), L.set(j, x)],
      next: "q",
    }));
    q.choose("q", { x: page }, ({ x }) => ({ when: L.not(dirty.at(x)), do: [L.set(dirty.at(x), true)], next: "q" }));
  }
  /** A step of p while it has a page. */
  in(when: L.BoolLike, ...effects: L.Effect[]): this {
    this.p.step("in", { when, do: effects, next: "in" });
    return this;
  }
  /** A variable of p that is one of the pages at any time but at the start. */
  second(): L.IntRef {
    const other = this.p.variable("other", L.indexType(this.page));
    this.p.start("begin").choose("begin", { x: this.page }, ({ x }) => ({ do: [L.set(other, x)], next: "out" }));
    return other;
  }
  /** A step of q. */
  beside(when: L.BoolLike, ...effects: L.Effect[]): this {
    this.q.step("q", { when, do: effects, next: "q" });
    return this;
  }
  /** For each page in turn, what is done with it. */
  each(effects: (i: number) => L.Effect[]): this {
    return this.beside(true, ...effects(0), ...effects(1));
  }
  /** q fails to take R, which p may hold while it has a page. */
  tries(object: L.IntExpr, hold: { object?: L.IntLike; when?: L.BoolExpr }, label = "in"): this {
    this.q.step("q", {
      next: "q",
      meta: { leaf: "q", action: "acquire", resource: "R", mode: "EXCLUSIVE", result: L.BUSY, object },
    });
    this.p.holds(label, { resource: "R", mode: "EXCLUSIVE", leaf: "p", ...hold });
    return this;
  }
}

type Case = [string, (world: World) => unknown];

const ALIKE: Case[] = [
  ["all are treated alike, though a variable is reset where it is not used", () => {}],
  ["a loop over them is unrolled", (w) => w.each((i) => [L.set(w.dirty.at(i), false)])],
  [
    "a loop of two effects over them is unrolled",
    (w) => w.each((i) => [L.set(w.dirty.at(i), false), L.set(w.locked.at(i), w.locked.at(i))]),
  ],
  [
    "each has a step of its own",
    (w) => w.beside(w.dirty.at(0), L.set(w.dirty.at(0), false)).beside(w.dirty.at(1), L.set(w.dirty.at(1), false)),
  ],
  [
    "each has a step of its own, which runs for some",
    (w) =>
      w
        .beside(L.and(w.dirty.at(0), w.locked.at(0)), L.set(w.dirty.at(1), false))
        .beside(L.and(w.dirty.at(1), w.locked.at(1)), L.set(w.dirty.at(0), false)),
  ],
  [
    "two variables are compared",
    (w) => {
      const other = w.second();
      w.in(L.eq(w.k, other), L.set(w.n, 1)).in(L.ne(other, w.k), L.set(w.n, 2));
    },
  ],
  [
    "one of two is chosen by what is so of it",
    (w) =>
      w
        .beside(L.ne(w.dirty.at(0), w.dirty.at(1)), L.set(w.j, L.ite(w.dirty.at(0), 0, 1)))
        .beside(L.ne(w.dirty.at(0), w.dirty.at(1)), L.set(w.j, L.ite(w.dirty.at(1), 1, 0))),
  ],
  [
    "an array of as many is indexed by something else in a guard",
    (w) => {
      const bits = w.m.array("bits", L.boolType, 2);
      w.beside(L.not(bits.at(L.mod(w.n, 2))), L.set(w.n, 1), L.set(bits.at(0), true));
    },
  ],
  [
    "an array of as many is indexed by something else in a value",
    (w) => {
      const bits = w.m.array("bits", L.boolType, 2);
      w.beside(true, L.set(w.n, L.ite(bits.at(L.mod(w.n, 2)), 1, 2)), L.set(bits.at(0), true));
    },
  ],
  [
    "an array of as many is indexed by something else when it is changed",
    (w) => w.beside(true, L.set(w.m.array("bits", L.boolType, 2).at(L.mod(w.n, 2)), true), L.set(w.n, 1)),
  ],
  ["a variable is always one of them, and nobody looks at it", (w) => void w.p.variable("unused", L.indexType(w.page))],
  [
    "one that one has chosen is looked at by another",
    (w) => {
      const chosen = w.m.variable("chosen", L.indexType(w.page, true), 2);
      w.p.choose("out", { x: w.page }, ({ x }) => ({ do: [L.set(chosen, x)], next: "out" }));
      w.beside(L.eq(chosen, w.j), L.set(w.n, 1));
    },
  ],
  [
    "each is compared with one",
    (w) =>
      w.p.choose("in", { x: w.page }, ({ x }) => ({
        when: L.ne(x, w.k),
        do: [L.set(w.dirty.at(x), true)],
        next: "in",
      })),
  ],
  [
    "they are counted",
    (w) => w.beside(true, L.set(w.n, L.add(L.ite(w.dirty.at(0), 1, 0), L.ite(w.dirty.at(1), 1, 0)))),
  ],
  [
    "a property speaks of all",
    (w) => w.m.sometimes("all", L.and(w.dirty.at(0), w.dirty.at(1))).always("some", L.or(w.dirty.at(1), w.dirty.at(0))),
  ],
  ["one that is held is tried", (w) => w.tries(w.j, { object: w.k })],
  ["whether it is held depends on it", (w) => w.tries(w.j, { object: w.k, when: w.dirty.at(w.k) })],
];

const APART: Case[] = [
  ["a guard names one", (w) => w.in(w.locked.at(0), L.set(w.n, 1))],
  ["a guard compares with one", (w) => w.in(L.eq(w.k, 0), L.set(w.n, 1))],
  ["a guard compares with another than one", (w) => w.in(L.ne(w.k, 0), L.set(w.n, 1))],
  ["a guard asks for order", (w) => w.in(L.lt(w.k, 1), L.set(w.n, 1))],
  [
    "something changes between two that look at it",
    (w) =>
      w.beside(
        true,
        L.set(w.locked.at(0), L.eq(w.n, 1)),
        L.when(L.eq(w.n, 0), [L.set(w.n, 1)]),
        L.set(w.locked.at(1), L.eq(w.n, 1)),
      ),
  ],
  [
    "something is set between two that look at it",
    (w) =>
      w.beside(
        true,
        L.when(L.eq(w.n, 1), [L.set(w.locked.at(0), true)]),
        L.set(w.n, 1),
        L.when(L.eq(w.n, 1), [L.set(w.locked.at(1), true)]),
      ),
  ],
  [
    "the same is done with each at a label of its own",
    (w) => {
      const r = w.m.process("r");
      r.step("first", { next: "one" }).step("first", { next: "two" });
      r.step("one", { when: w.dirty.at(0), next: "first" }).step("two", { when: w.dirty.at(1), next: "first" });
    },
  ],
  ...[0, 1].map(
    (i): Case => [
      `within a step a variable is ${i} before it is reset`,
      (w) => {
        const odd = w.m.array("odd", L.boolType, w.page);
        w.p.step("in", {
          do: [L.set(w.locked.at(w.k), false), L.set(w.k, i), L.set(odd.at(w.k), true), L.set(w.k, 0)],
          next: "out",
        });
      },
    ],
  ),
  [
    "who holds them has another name for each",
    (w) => {
      const meta: L.StepMeta = { leaf: "q", action: "acquire", resource: "R", mode: "EXCLUSIVE", result: L.BUSY };
      w.q.choose("q", { x: w.page }, ({ x }) => ({ when: w.dirty.at(x), next: "q", meta: { ...meta, object: x } }));
      w.p.holds(
        "in",
        ...[0, 1].map((object) => ({ resource: "R", object, mode: "EXCLUSIVE", leaf: `leaf ${object}` })),
      );
    },
  ],
  [
    "within a step a variable may be set too late",
    (w) => {
      const odd = w.m.array("odd", L.boolType, w.page);
      w.p.choose("out", { x: w.page }, ({ x }) => ({
        when: L.not(w.locked.at(x)),
        do: [
          L.when(L.eq(w.n, 1), [L.set(w.k, x)]),
          L.set(odd.at(w.k), true),
          L.set(w.locked.at(x), true),
          L.set(w.k, x),
        ],
        next: "in",
      }));
      w.beside(true, L.set(w.n, 1));
    },
  ],
  [
    "one of them is noted for each",
    (w) => {
      const noted = w.m.array("noted", L.indexType(w.page, true), w.page, 2);
      w.q.choose("q", { x: w.page, y: w.page }, ({ x, y }) => ({ do: [L.set(noted.at(x), y)], next: "q" }));
    },
  ],
  ["a guard asks for the order of two", (w) => w.in(L.lt(w.k, w.second()), L.set(w.n, 1))],
  [
    "what is done with each depends on where another stands",
    (w) => {
      const r = w.m.process("r");
      r.step("here", { when: w.dirty.at(0), next: "there" }).step("here", { when: w.dirty.at(1), next: "there" });
      r.step("there", { next: "here" });
      w.beside(L.and(r.at(0, "here"), w.dirty.at(0)), L.set(w.n, 1));
      w.beside(L.and(r.at(0, "there"), w.dirty.at(1)), L.set(w.n, 1));
    },
  ],
  [
    "what is done with each depends on another comparison",
    (w) =>
      w
        .beside(L.and(L.lt(w.n, 1), w.dirty.at(0)), L.set(w.n, 1))
        .beside(L.and(L.ge(w.n, 1), w.dirty.at(1)), L.set(w.n, 1)),
  ],
  [
    "what is so of both is compared in order",
    (w) => w.beside(L.lt(L.ite(w.dirty.at(0), 1, 0), L.ite(w.dirty.at(1), 1, 0)), L.set(w.n, 1)),
  ],
  [
    "what is so of both is subtracted",
    (w) => w.beside(true, L.set(w.n, L.add(1, L.sub(L.ite(w.dirty.at(0), 1, 0), L.ite(w.dirty.at(1), 1, 0))))),
  ],
  ["a condition names one", (w) => w.beside(true, L.when(w.dirty.at(0), [L.set(w.n, 1)]))],
  [
    "of a condition's effects the last name one",
    (w) => w.beside(true, L.when(L.eq(w.n, 0), [L.set(w.n, 1)], [L.set(w.dirty.at(0), true)])),
  ],
  ["an effect is on one", (w) => w.beside(true, L.set(w.dirty.at(1), false))],
  ["an assertion names one", (w) => w.beside(true, L.assertThat("clean", L.not(L.and(w.dirty.at(0), w.locked.at(0)))))],
  [
    "assertions of both have names of their own",
    (w) =>
      w
        .beside(true, L.assertThat("first", L.not(w.dirty.at(0))))
        .beside(true, L.assertThat("second", L.not(w.dirty.at(1)))),
  ],
  ["its number is stored", (w) => w.in(true, L.set(w.n, w.k))],
  ["its number is counted with", (w) => w.in(true, L.set(w.k, L.mod(L.add(w.k, 1), 2)))],
  ["a number is stored as one", (w) => w.in(true, L.set(w.k, w.n)).beside(true, L.set(w.n, 1))],
  [
    "an array that has more is indexed by it",
    (w) => w.in(w.m.array("more", L.boolType, 3, [true, false, false]).at(w.k), L.set(w.n, 1)),
  ],
  [
    "an array of another set is indexed by it",
    (w) => {
      const other = w.m.scalarSet("other", 2);
      w.in(true, L.set(w.m.array("others", L.boolType, other).at(w.k), true));
    },
  ],
  [
    "their array is indexed by a number",
    (w) => w.beside(true, L.set(w.n, 1)).in(L.and(L.lt(w.n, 2), w.dirty.at(L.mod(w.n, 2))), L.set(w.n, 0)),
  ],
  [
    "their array is written at a number",
    (w) => w.beside(true, L.set(w.n, 1)).in(true, L.set(w.dirty.at(L.mod(w.n, 2)), true), L.set(w.n, 0)),
  ],
  [
    "an array begins differently",
    (w) => w.in(w.m.array("first", L.boolType, w.page, [true, false]).at(w.k), L.set(w.n, 1)),
  ],
  [
    "an array begins differently and is changed",
    (w) => {
      const first = w.m.array("first", L.boolType, w.page, [true, false]);
      w.in(true, L.set(first.at(w.k), L.not(first.at(w.k))));
    },
  ],
  [
    "a variable is one of them from the start",
    (w) => {
      const own = w.q.variable("own", L.indexType(w.page));
      w.q.choose("q", { x: w.page }, ({ x }) => ({ when: w.dirty.at(x), do: [L.set(own, x)], next: "q" }));
      w.beside(w.dirty.at(own), L.set(w.n, 1));
    },
  ],
  [
    "a variable is not set on one of the ways on",
    (w) =>
      w.p
        .step("out", { when: L.eq(w.n, 1), do: [L.set(w.n, 2)], next: "in" })
        .step("out", { when: L.eq(w.n, 0), do: [L.set(w.n, 1)], next: "out" }),
  ],
  [
    "what is left alone is read by another",
    (w) => {
      const all = w.m.variable("all", L.indexType(w.page));
      w.p.choose("out", { x: w.page }, ({ x }) => ({ do: [L.set(all, x)], next: "then" }));
      w.p.step("then", { do: [L.set(all, 0)], next: "out" });
      w.beside(w.dirty.at(all), L.set(w.n, 1));
    },
  ],
  ["what is left alone is read by a property", (w) => w.m.sometimes("dirty", w.dirty.at(w.p.local(0, w.k)))],
  ["what is left alone is held", (w) => w.tries(w.j, { object: w.k }, "out")],
  [
    "what is left alone tells whether something is held",
    (w) => w.tries(L.int(0), { object: 0, when: w.dirty.at(w.k) }, "out"),
  ],
  ["one of them is held", (w) => w.tries(w.j, { object: 0 })],
  ["whether something is held depends on one", (w) => w.tries(L.int(0), { object: 0, when: w.dirty.at(1) })],
  ["a property names one", (w) => w.m.sometimes("dirty", L.and(w.dirty.at(0), w.locked.at(1)))],
  [
    "a property tells them apart by where a process stands",
    (w) => {
      w.p.step("in", { when: w.locked.at(0), next: "then" }).step("in", { when: w.locked.at(1), next: "else" });
      w.p.step("then", { do: [L.set(w.locked.at(w.k), false), L.set(w.k, 0)], next: "out" });
      w.p.step("else", { do: [L.set(w.locked.at(w.k), false), L.set(w.k, 0)], next: "out" });
    },
  ],
  ...(["leaf", "action", "resource", "mode", "result", "status"] as const).map(
    (what): Case => [
      `their steps have a ${what} each`,
      (w) => [0, 1].map((i) => w.q.step("q", { when: w.dirty.at(i), next: "q", meta: { [what]: `${what} ${i}` } })),
    ],
  ),
  // What is done with one of them is seen by what is done with the next, in the order of their numbers.
  [
    "one writes what the next reads",
    (w) => w.each((i) => [L.when(w.dirty.at(i), [L.set(w.n, 1)]), L.set(w.locked.at(i), L.eq(w.n, 1))]),
  ],
  [
    "one writes what the next reads, read first",
    (w) =>
      w.each((i) => [L.set(w.n, L.ite(w.dirty.at(i), 1, w.n)), L.when(L.eq(w.n, 1), [L.set(w.locked.at(i), true)])]),
  ],
  [
    "both write the same",
    (w) => w.each((i) => [L.when(w.dirty.at(i), [L.set(w.n, 1)]), L.when(w.locked.at(i), [L.set(w.n, 2)])]),
  ],
  [
    "which assertion fails first depends on their order",
    (w) => w.each((i) => [L.assertThat("clean", L.not(w.dirty.at(i))), L.assertThat("free", L.not(w.locked.at(i)))]),
  ],
];

const renumbered = (model: L.Model) => prepare(model).reductions.scalar.map(({ name }) => name);

describe("pages", () => {
  const worlds = (cases: readonly Case[]) =>
    cases.map(([name, fill]) => {
      const world = new World();
      fill(world);
      return [name, world.m.build()] as const;
    });

  test.each(worlds(ALIKE))("are renumbered where %s", (_, model) => {
    expect(L.problems(model)).toEqual([]);
    expect(renumbered(model)).toEqual(["page"]);
    expect(verifyReduction(model).differences).toEqual([]);
  });

  test.each(worlds(APART))("are not where %s", (_, model) => {
    expect(L.problems(model)).toEqual([]);
    expect(renumbered(model)).toEqual([]);
    expect(verifyReduction(model).differences).toEqual([]);
  });

  test.each([
    [[4], ["0"]],
    [[5], []],
    [
      [3, 2, 2],
      ["0", "1", "2"],
    ],
    [[4, 2], ["0"]],
    [[1, 5, 2], ["2"]],
  ])("sets of %j are renumbered in so many ways as are tried", (sizes, expected) => {
    const m = L.model("sets");
    const p = m.process("p");
    for (const [i, size] of sizes.entries()) {
      const set = m.scalarSet(`${i}`, size);
      const array = m.array(`array${i}`, L.boolType, set);
      const last = p.variable(`last${i}`, L.indexType(set, true), size);
      p.choose("p", { x: set }, ({ x }) => ({
        when: L.ne(x, last),
        do: [L.set(array.at(x), true), L.set(last, x)],
        next: "p",
      }));
    }
    const model = m.build();
    expect(renumbered(model)).toEqual(expected);
    expect(verifyReduction(model).differences).toEqual([]);
  });

  test.each([0, 1, 2])("of three are not renumbered where a guard names the one of number %i", (named) => {
    const m = L.model("three");
    const page = m.scalarSet("page", 3);
    const dirty = m.array("dirty", L.boolType, page);
    const n = m.variable("n", L.boolType);
    const p = m.process("p");
    p.choose("p", { x: page }, ({ x }) => ({ do: [L.set(dirty.at(x), L.not(dirty.at(x)))], next: "p" }));
    p.step("p", { when: dirty.at(named), do: [L.set(n, true)], next: "p" });
    expect(renumbered(m.build())).toEqual([]);
  });
});
