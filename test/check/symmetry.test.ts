/** Which instances are sorted: each condition of `symmetry.ts` by a small model, and the sorted search beside the plain one. */
import { describe, expect, test } from "vitest";
import { prepare, verifyReduction } from "../../src/check/index.ts";
import * as L from "../../src/language/index.ts";

/** Two of p take turns with q; what else they do is under question. */
class World {
  readonly m = L.model("sorted");
  readonly p = this.m.process("p", 2);
  readonly q = this.m.process("q");
  readonly turn = this.m.variable("turn", L.boolType);
  readonly mine = this.m.array("mine", L.boolType, this.p);
  readonly plain = this.m.array("plain", L.boolType, 2);
  readonly k = this.p.variable("k", L.intType(0, 1));

  /** A turn of one of p. */
  turns(when: L.BoolLike, ...effects: L.Effect[]): this {
    this.p.step("a", { when: L.and(this.turn, when), do: [L.set(this.turn, false), ...effects], next: "b" });
    return this;
  }
  /** A turn of one of p that looks at any of them. */
  looks(spec: (i: L.IntExpr) => readonly [L.BoolLike, ...L.Effect[]]): this {
    this.p.choose("a", { i: this.p }, ({ i }) => {
      const [when, ...effects] = spec(i);
      return { when: L.and(this.turn, when), do: [L.set(this.turn, false), ...effects], next: "b" };
    });
    return this;
  }
  /** Another fails to take R, whose lock may have another name, and which one of p may hold. */
  tries(object: L.IntLike, hold: { object?: L.IntLike; when?: L.BoolExpr; resource?: string }, lock = "R"): this {
    const meta: L.StepMeta = { leaf: "q", action: "acquire", resource: "R", lock, mode: "EXCLUSIVE", result: L.BUSY };
    this.q.step("q", {
      when: this.turn,
      next: "q",
      meta: { ...meta, object: typeof object === "number" ? L.int(object) : object },
    });
    this.p.holds("b", { resource: "R", mode: "EXCLUSIVE", leaf: "p", ...hold });
    return this.turns(true, L.set(this.mine.at(this.p.self), true));
  }
  build(): L.Model {
    const { q, turn, mine, p, m } = this;
    q.step("q", { when: L.not(turn), do: [L.set(turn, true)], next: "q" });
    this.turns(mine.at(p.self));
    p.step("b", { when: turn, do: [L.set(turn, false)], next: "c" });
    p.step("c", { when: turn, do: [L.set(turn, false), L.set(mine.at(p.self), L.not(mine.at(p.self)))], next: "a" });
    return m.build();
  }
}

type Case = [string, (world: World) => unknown];

const SORTED: Case[] = [
  ["all do the same with what is theirs", (w) => w.turns(true, L.set(w.mine.at(w.p.self), true))],
  ["each looks at what any has", (w) => w.looks((i) => [w.mine.at(i), L.set(w.mine.at(w.p.self), false)])],
  ["each looks at any but itself", (w) => w.looks((i) => [L.ne(i, w.p.self), L.set(w.mine.at(i), true)])],
  ["each looks at itself by choice", (w) => w.looks((i) => [L.eq(i, w.p.self), L.set(w.mine.at(i), true)])],
  [
    "a plain array is indexed by what each has",
    (w) => w.turns(L.not(w.plain.at(w.k)), L.set(w.plain.at(w.k), true), L.set(w.k, 1)),
  ],
  [
    "a property speaks of all",
    (w) =>
      w.m.sometimes(
        "all",
        L.forall(w.p, (i) => L.and(w.p.at(i, "b"), L.eq(w.p.local(i, w.k), 0))),
      ),
  ],
  [
    "all are held by their own number, and tried so",
    (w) => {
      w.p.choose("b", { i: w.p }, ({ i }) => ({
        when: w.turn,
        next: "b",
        meta: { action: "acquire", resource: "R", result: L.BUSY, object: i },
      }));
      w.p.holds("b", { resource: "R", mode: "EXCLUSIVE", object: w.p.self });
    },
  ],
  [
    "one resource is tried by their own number, another by a value",
    (w) => {
      const meta = { action: "acquire", result: L.BUSY };
      w.p.choose("b", { i: w.p }, ({ i }) => ({
        when: w.turn,
        next: "b",
        meta: { ...meta, resource: "R", object: i },
      }));
      w.p.step("b", { when: w.turn, next: "b", meta: { ...meta, resource: "S", object: w.k } });
      w.p.holds(
        "b",
        { resource: "R", mode: "EXCLUSIVE", object: w.p.self },
        { resource: "S", mode: "EXCLUSIVE", object: 0 },
      );
    },
  ],
  [
    "something that nobody fails to take is held by one alone",
    (w) => w.tries(0, { resource: "other", when: L.eq(w.p.self, 0) }),
  ],
  ["so is what another lock has the name of", (w) => w.tries(0, { when: L.eq(w.p.self, 0) }, "lock")],
];

const APART: Case[] = [
  ["a guard names one", (w) => w.turns(L.eq(w.p.self, 0))],
  ["a guard compares numbers", (w) => w.looks((i) => [L.lt(i, w.p.self)])],
  [
    "a guard compares with what another chose among others",
    (w) =>
      w.p.choose("a", { i: 2 }, ({ i }) => ({
        when: L.and(w.turn, L.eq(i, w.p.self)),
        do: [L.set(w.turn, false), L.set(w.k, i)],
        next: "b",
      })),
  ],
  ["a guard looks at the array of one", (w) => w.turns(w.mine.at(0))],
  ["a guard looks at the place of one", (w) => w.turns(L.not(w.p.at(1, "b")))],
  ["an effect is on the array of one", (w) => w.turns(true, L.set(w.mine.at(0), true))],
  ["an array of its own is indexed by a variable", (w) => w.turns(true, L.set(w.mine.at(w.k), true), L.set(w.k, 1))],
  [
    "a plain array is indexed by the number",
    (w) => w.turns(w.plain.at(w.p.self)).turns(true, L.set(w.plain.at(0), true)),
  ],
  [
    "a plain array is written at the number",
    (w) => w.turns(true, L.set(w.plain.at(w.p.self), true)).turns(w.plain.at(0)),
  ],
  ["a number is stored", (w) => w.turns(true, L.set(w.k, w.p.self))],
  ["a number is counted with", (w) => w.turns(true, L.set(w.k, L.mod(L.add(w.p.self, 1), 2)))],
  [
    "another's number is not one of its own",
    (w) => {
      const r = w.m.process("r", 2);
      r.step("r", { when: L.and(w.turn, w.mine.at(r.self)), do: [L.set(w.turn, false)], next: "s" }).idle("s");
    },
  ],
  [
    "a parameter is not one of its numbers",
    (w) =>
      w.p.choose("a", { i: 2 }, ({ i }) => ({
        when: L.and(w.turn, w.mine.at(i)),
        do: [L.set(w.turn, false)],
        next: "b",
      })),
  ],
  [
    "one of several steps of a label names one",
    (w) => w.p.step("b", { when: L.and(w.turn, L.eq(w.p.self, 1)), do: [L.set(w.turn, false)], next: "a" }),
  ],
  [
    "another process names one",
    (w) => w.q.step("q", { when: L.and(L.not(w.turn), w.p.at(0, "b")), next: "r" }).idle("r"),
  ],
  ["the arrays begin differently", (w) => w.looks((i) => [w.m.array("first", L.boolType, w.p, [true, false]).at(i)])],
  [
    "a property compares numbers",
    (w) =>
      w.m.sometimes(
        "first",
        L.exists(w.p, (i) => L.and(w.p.at(i, "b"), L.eq(i, 0))),
      ),
  ],
  [
    "a property looks at a plain array by number",
    (w) =>
      w.turns(true, L.set(w.plain.at(w.k), true)).m.sometimes(
        "first",
        L.exists(w.p, (i) => L.and(w.p.at(i, "b"), w.plain.at(i))),
      ),
  ],
  [
    "a property looks at all of what they have, by another set's numbers",
    (w) =>
      w.m.sometimes(
        "first",
        L.exists(w.m.scalarSet("other", 2), (i) => w.mine.at(i)),
      ),
  ],
  [
    "a property looks at what one has",
    (w) => w.turns(true, L.set(w.k, 1)).m.sometimes("first", L.eq(w.p.local(0, w.k), 1)),
  ],
  [
    "a property looks into what each has by number",
    (w) => {
      const own = w.p.array("own", L.boolType, 2);
      w.turns(true, L.set(own.at(0), true)).m.sometimes(
        "first",
        L.exists(w.p, (i) => w.p.local(i, own.at(i))),
      );
    },
  ],
  [
    "each has an array of all",
    (w) => {
      const saw = w.p.array("saw", L.boolType, w.p);
      w.looks((i) => [L.ne(i, w.p.self), L.set(saw.at(i), true)]).looks((i) => [saw.at(i)]);
    },
  ],
  [
    "another has an array of all, which begins differently",
    (w) => {
      const saw = w.q.array("saw", L.boolType, w.p, [true, false]);
      w.q.choose("q", { i: w.p }, ({ i }) => ({ when: L.and(saw.at(i), w.p.at(i, "b")), next: "r" })).idle("r");
    },
  ],
  ["one alone holds what another fails to take", (w) => w.tries(0, { when: L.and(w.mine.at(0), L.not(w.mine.at(1))) })],
  [
    "they hold by number what another fails to take by value",
    (w) => w.tries(L.ite(w.mine.at(0), 1, 0), { object: w.p.self }),
  ],
  ["they hold by number what one fails to take", (w) => w.tries(0, { object: w.p.self })],
  [
    "they hold by number what one fails to take, under the lock's own name",
    (w) => w.tries(0, { resource: "lock", object: w.p.self }, "lock"),
  ],
];

const sortedIn = (model: L.Model) => prepare(model).reductions.symmetric.get(0);

describe("instances", () => {
  const worlds = (cases: readonly Case[]) =>
    cases.map(([name, fill]) => {
      const world = new World();
      fill(world);
      return [name, world.build()] as const;
    });

  test.each(worlds(SORTED))("are sorted where %s", (_, model) => {
    expect(L.problems(model)).toEqual([]);
    expect(sortedIn(model)).toEqual([0, 1]);
    expect(verifyReduction(model).differences).toEqual([]);
  });

  test.each(worlds(APART))("are not sorted where %s", (_, model) => {
    expect(L.problems(model)).toEqual([]);
    expect(sortedIn(model)).toBeUndefined();
    expect(verifyReduction(model).differences).toEqual([]);
  });
});
