import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ALWAYS, type Cube, Diagrams, NEVER, type Node, TooLarge } from "../../src/c/symbolic/bdd.ts";
import { Conditions } from "../../src/c/symbolic/conditions.ts";
import { joinPaths, type Path } from "../../src/c/symbolic/path.ts";
import { and, equal, type Formula, not, num, or, sym, TRUE, textOf, truth } from "../../src/c/symbolic/values.ts";

const VARIABLES = 5;
const ASSIGNMENTS = Array.from({ length: 1 << VARIABLES }, (_, bits) =>
  Array.from({ length: VARIABLES }, (_, variable) => ((bits >> variable) & 1) === 1),
);

const atom = (variable: number, text = `t${variable}`): Formula => truth(sym(`v${variable}`, text));
const KEYS = new Map(
  Array.from({ length: VARIABLES }, (_, variable) => [atom(variable), variable] as const).map(([f, v]) => {
    const key = f.k === "not" ? f.f.key : f.key;
    return [key, v] as const;
  }),
);

/** A formula over the variables, with the value that it has for an assignment. */
const formulas = fc.letrec<{ formula: Formula }>((tie) => ({
  formula: fc.oneof(
    { maxDepth: 4 },
    fc.nat(VARIABLES - 1).map((variable) => atom(variable)),
    tie("formula").map(not),
    fc.tuple(tie("formula"), tie("formula")).map(([a, b]) => and(a, b)),
    fc.tuple(tie("formula"), tie("formula")).map(([a, b]) => or(a, b)),
  ),
})).formula;

function holds(f: Formula, values: readonly boolean[]): boolean {
  switch (f.k) {
    case "const":
      return f.value;
    case "not":
      return !holds(f.f, values);
    case "and":
      return f.fs.every((part) => holds(part, values));
    case "or":
      return f.fs.some((part) => holds(part, values));
    case "atom":
      return values[KEYS.get(f.key) as number] as boolean;
  }
}

/** The same condition in a diagram, made from its cases one by one. */
function nodeOf(diagrams: Diagrams, f: Formula): Node {
  return ASSIGNMENTS.filter((values) => holds(f, values)).reduce<Node>(
    (all, values) =>
      diagrams.or(
        all,
        values.reduce<Node>((node, value, variable) => {
          const test = diagrams.variable(variable);
          return diagrams.and(node, value ? test : diagrams.not(test));
        }, ALWAYS),
      ),
    NEVER,
  );
}

const inCube = (cube: Cube, values: readonly boolean[]): boolean =>
  cube.every(([variable, value]) => values[variable] === value);

describe("decision diagrams", () => {
  it("are one node for one condition, however it is put together", () => {
    fc.assert(
      fc.property(formulas, formulas, (a, b) => {
        const diagrams = new Diagrams(10_000);
        const [x, y] = [nodeOf(diagrams, a), nodeOf(diagrams, b)];
        expect(diagrams.and(x, y)).toBe(nodeOf(diagrams, and(a, b)));
        expect(diagrams.or(x, y)).toBe(nodeOf(diagrams, or(a, b)));
        expect(diagrams.not(x)).toBe(nodeOf(diagrams, not(a)));
        expect(x === y).toBe(ASSIGNMENTS.every((values) => holds(a, values) === holds(b, values)));
      }),
    );
  });

  it("are covered by cases that leave nothing out and take nothing in, none of which can be left out", () => {
    fc.assert(
      fc.property(formulas, formulas, (f, care) => {
        const diagrams = new Diagrams(10_000);
        const [node, cared] = [nodeOf(diagrams, f), nodeOf(diagrams, care)];
        const least = diagrams.and(node, cared);
        const { cubes, node: covered } = diagrams.cover(least, diagrams.or(node, diagrams.not(cared)));
        for (const values of ASSIGNMENTS.filter((values) => holds(care, values)))
          expect(cubes.some((cube) => inCube(cube, values))).toBe(holds(f, values));
        for (const values of ASSIGNMENTS)
          expect(cubes.some((cube) => inCube(cube, values))).toBe(
            diagrams.and(covered, nodeOf(diagrams, exactly(values))) !== NEVER,
          );
        for (const cube of cubes) {
          const others = cubes.filter((other) => other !== cube);
          const isNeeded = ASSIGNMENTS.some(
            (values) => holds(and(f, care), values) && !others.some((other) => inCube(other, values)),
          );
          expect(isNeeded).toBe(true);
        }
      }),
    );
  });

  it("say of some variables what can be met with the others", () => {
    fc.assert(
      fc.property(formulas, fc.uniqueArray(fc.nat(VARIABLES - 1)), (f, kept) => {
        const diagrams = new Diagrams(10_000);
        const node = diagrams.projected(nodeOf(diagrams, f), new Set(kept));
        for (const values of ASSIGNMENTS) {
          const canBeMet = ASSIGNMENTS.some((other) => kept.every((v) => other[v] === values[v]) && holds(f, other));
          expect(diagrams.and(node, nodeOf(diagrams, exactly(values))) !== NEVER).toBe(canBeMet);
        }
        expect([...diagrams.support(node)].every((variable) => kept.includes(variable))).toBe(true);
      }),
    );
  });

  it("are refused beyond their limit", () => {
    const diagrams = new Diagrams(20);
    expect(() => {
      for (let i = 0; i < 30; i++) diagrams.variable(i);
    }).toThrow(TooLarge);
  });
});

const exactly = (values: readonly boolean[]): Formula =>
  and(...values.map((value, variable) => (value ? atom(variable) : not(atom(variable)))));

/** A program of tests: each test has two ways on; an end succeeds or not, and the thing happened on the way or not. */
type Tree =
  | { readonly test: number; readonly yes: Tree; readonly no: Tree }
  | { readonly happens: boolean; readonly next: Tree | null; readonly succeeds: boolean };

const trees = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.record({ happens: fc.boolean(), next: fc.constant(null), succeeds: fc.boolean() }),
    fc.record({ test: fc.nat(VARIABLES - 1), yes: tie("tree"), no: tie("tree") }),
    fc.record({ happens: fc.constant(true), next: tie("tree"), succeeds: fc.constant(true) }),
  ),
})).tree;

interface Run {
  readonly happened: boolean;
  readonly succeeded: boolean;
}

function run(tree: Tree, values: readonly boolean[], happened = false): Run {
  if ("test" in tree) return run(values[tree.test] ? tree.yes : tree.no, values, happened);
  const now = happened || tree.happens;
  return tree.next ? run(tree.next, values, now) : { happened: now, succeeded: tree.succeeds };
}

/** The paths on which a program succeeds, and those to where the thing happens: as the interpreter makes them. */
function pathsOf(tree: Tree): { readonly ways: Path[]; readonly happens: Path[] } {
  const ways: Path[] = [];
  const happens: Path[] = [];
  const visit = (at: Tree, path: Path, known: ReadonlyMap<number, boolean>, happened: boolean): void => {
    if ("test" in at) {
      const value = known.get(at.test);
      if (value !== undefined) return visit(value ? at.yes : at.no, path, known, happened);
      const test = atom(at.test);
      visit(at.yes, { before: path, test }, new Map([...known, [at.test, true]]), happened);
      visit(at.no, { before: path, test: not(test) }, new Map([...known, [at.test, false]]), happened);
      return;
    }
    if (at.happens && !happened) happens.push(path);
    if (at.next) visit(at.next, path, known, happened || at.happens);
    else if (at.succeeds) ways.push(path);
  };
  visit(tree, null, new Map(), false);
  return { ways, happens };
}

const when = (ways: readonly Path[], happens: readonly Path[]): Formula => {
  const condition = new Conditions(ways, textOf).of(happens.map((path) => [path]));
  if (condition === null) throw new Error("too many cases");
  return condition.formula;
};

describe("when something happens", () => {
  it("is told rightly for every run that succeeds", () => {
    fc.assert(
      fc.property(trees, (tree) => {
        const { ways, happens } = pathsOf(tree);
        fc.pre(ways.length > 0 && happens.length > 0);
        fc.pre(ASSIGNMENTS.some((values) => run(tree, values).happened && run(tree, values).succeeded));
        const formula = when(ways, happens);
        for (const values of ASSIGNMENTS) {
          const { happened, succeeded } = run(tree, values);
          if (succeeded) expect(holds(formula, values)).toBe(happened);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("is the same when ways meet again", () => {
    const [a, b] = [atom(0), atom(1)];
    const step = (before: Path, test: Formula): Path => ({ before, test });
    const met = joinPaths(step(null, a), step(null, not(a)));
    expect(textOf(when([step(met, b), step(met, not(b))], [step(met, b)]))).toBe("t1");
  });

  it("leaves out what only failing ways do otherwise", () => {
    const [check, kind] = [atom(0), atom(1)];
    const checked: Path = { before: null, test: check };
    const ways: Path[] = [
      { before: checked, test: kind },
      { before: checked, test: not(kind) },
    ];
    expect(textOf(when(ways, ways.slice(0, 1)))).toBe("t1");
  });

  it("always, where every successful way does it", () => {
    const ways: Path[] = [{ before: null, test: atom(0) }];
    expect(when(ways, [null])).toBe(TRUE);
  });

  it("takes tests that read the same for one, unless a way makes both", () => {
    const first = atom(0, "level == 2");
    const second = atom(1, "level == 2");
    const branch = atom(2);
    const yes: Path = { before: null, test: branch };
    const no: Path = { before: null, test: not(branch) };
    const ends = (path: Path, test: Formula): Path[] => [
      { before: path, test },
      { before: path, test: not(test) },
    ];
    const ways = [...ends(yes, first), ...ends(no, second)];
    expect(textOf(when(ways, [ways[0] as Path, ways[2] as Path]))).toBe("level == 2");
    const both = ends({ before: null, test: first }, second);
    expect(textOf(when([...both, { before: null, test: not(first) }], both.slice(0, 1)))).toBe("level == 2");
  });

  it("writes what several cases share once, and no inequality beside an equality", () => {
    const level = sym("level", "level");
    const mode = sym("mode", "mode");
    const at = (value: number): Formula => equal(level, num(value, `L${value}`));
    const is = (value: number): Formula => equal(mode, num(value, `M${value}`));
    const walk = (tests: readonly Formula[]): Path => tests.reduce<Path>((before, test) => ({ before, test }), null);
    const ways = [
      [not(is(3)), is(4), at(1)],
      [not(is(3)), is(4), not(at(1)), at(2)],
      [not(is(3)), is(4), not(at(1)), not(at(2))],
      [not(is(3)), not(is(4))],
      [is(3)],
    ].map(walk);
    expect(textOf(when(ways, ways.slice(0, 2)))).toBe("mode == M4 && (level == L1 || level == L2)");
  });

  it("can be said with some of its tests alone", () => {
    const [check, kind] = [atom(0), atom(1)];
    const checked: Path = { before: null, test: check };
    const ways: Path[] = [
      { before: checked, test: kind },
      { before: checked, test: not(kind) },
      { before: null, test: not(check) },
    ];
    const condition = new Conditions(ways, textOf).of([[ways[0] as Path]]);
    expect(condition && textOf(condition.formula)).toBe("t0 && t1");
    expect(condition?.shown((test) => test.key === kind.key || not(test).key === kind.key)).toEqual(kind);
    expect(condition?.shown(() => false)).toBe(TRUE);
  });

  it("is told of one thing though others before have taken the room", () => {
    const count = 8;
    const limit = 6000;
    const test = (name: string, i: number): Formula => truth(sym(`${name}${i}`, `${name}${i}`));
    const along = (tests: readonly Formula[]): Path => tests.reduce<Path>((before, test) => ({ before, test }), null);
    const numbers = Array.from({ length: count }, (_, i) => i);
    // The first way has all first tests before all second ones: the worst order for what follows.
    const order = along(numbers.map((i) => not(test("a", i))));
    const pairs = numbers.map((i) => along([test("a", i), test("b", i)]));
    const ways = [order, ...pairs];
    const conditions = new Conditions(ways, textOf, limit);
    for (const left of numbers) {
      const happens = pairs.filter((_, i) => i !== left).map((pair) => [pair]);
      expect(conditions.of(happens)?.formula).toEqual(new Conditions(ways, textOf).of(happens)?.formula);
    }
  });

  it("is not told where there are too many tests", () => {
    const ways = Array.from({ length: 1001 }, (_, i): Path => ({ before: null, test: truth(sym(`x${i}`, `x${i}`)) }));
    expect(new Conditions(ways, textOf).of([[ways[0] as Path]])).toBeNull();
  });
});
