import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { and, equal, type Formula, not, num, or, sym, textOf, truth, type Value } from "../../src/c/symbolic/values.ts";
import { baseText, binaryText, unaryText } from "../../src/c/text.ts";

const NAMES = ["a", "b", "c", "d"] as const;
type Names = Readonly<Record<string, number>>;

const names: fc.Arbitrary<Names> = fc.record(
  Object.fromEntries(NAMES.map((name) => [name, fc.integer({ min: 0, max: 5 })])),
);

/** An expression, as text, and what it is worth. */
type Expression = readonly [text: string, value: (names: Names) => number];

const OPERATORS: Readonly<Record<string, (x: number, y: number) => number>> = {
  "+": (x, y) => x + y,
  "-": (x, y) => x - y,
  "*": (x, y) => x * y,
  "<<": (x, y) => x << y,
  "&": (x, y) => x & y,
  "|": (x, y) => x | y,
  "^": (x, y) => x ^ y,
  "<": (x, y) => Number(x < y),
  ">=": (x, y) => Number(x >= y),
  "==": (x, y) => Number(x === y),
  "!=": (x, y) => Number(x !== y),
  "&&": (x, y) => Number(x !== 0 && y !== 0),
  "||": (x, y) => Number(x !== 0 || y !== 0),
};

/** C's binary operators, loosest first. */
const LEVELS = [["||"], ["&&"], ["|"], ["^"], ["&"], ["==", "!="], ["<", ">="], ["<<"], ["+", "-"], ["*"]];

/** The meaning of a text, by C's grammar. */
function meaning(text: string): (at: Names) => number {
  const tokens = text.match(/\|\||&&|[=!]=|>=|<<|\w+|\S/g) ?? [];
  const parse = (level: number): ((at: Names) => number) => {
    const operators = LEVELS[level];
    if (operators === undefined) return primary();
    let left = parse(level + 1);
    while (operators.includes(tokens[0] ?? "")) {
      const operator = OPERATORS[tokens.shift() as string] as (x: number, y: number) => number;
      const [x, y] = [left, parse(level + 1)];
      left = (at) => operator(x(at), y(at));
    }
    return left;
  };
  const primary = (): ((at: Names) => number) => {
    const token = tokens.shift() as string;
    if (token === "!" || token === "~") {
      const x = primary();
      return token === "!" ? (at) => Number(x(at) === 0) : (at) => ~x(at);
    }
    if (token === "(") {
      const inner = parse(0);
      expect(tokens.shift()).toBe(")");
      return inner;
    }
    if (token === "true" || token === "false") return () => Number(token === "true");
    return /^\d/.test(token) ? () => Number(token) : (at) => at[token] as number;
  };
  const result = parse(0);
  expect(tokens).toEqual([]);
  return result;
}

const expressions = fc.letrec<{ node: Expression; leaf: Expression; unary: Expression; binary: Expression }>((tie) => ({
  node: fc.oneof({ maxDepth: 5, withCrossShrink: true }, tie("leaf"), tie("unary"), tie("binary"), tie("binary")),
  leaf: fc.constantFrom(...NAMES).map((name): Expression => [name, (at) => at[name] as number]),
  unary: fc
    .tuple(fc.constantFrom("!", "~"), tie("node"))
    .map(
      ([op, [text, value]]): Expression => [
        unaryText(op, text),
        (at) => (op === "!" ? Number(value(at) === 0) : ~value(at)),
      ],
    ),
  binary: fc
    .tuple(fc.constantFrom(...Object.keys(OPERATORS)), tie("node"), tie("node"))
    .map(
      ([op, [left, x], [right, y]]): Expression => [
        binaryText(op, left, right),
        (at) => (OPERATORS[op] as (x: number, y: number) => number)(x(at), y(at)),
      ],
    ),
})).node;

/** A condition, and when it holds. */
type Condition = readonly [formula: Formula, holds: (names: Names) => boolean];

const values: fc.Arbitrary<readonly [Value, (names: Names) => number]> = fc.oneof(
  expressions.map(([text, value]) => [sym(`<${text}>`, text), value] as const),
  fc.integer({ min: 0, max: 5 }).map((n) => [num(n), () => n] as const),
);

const conditions = fc.letrec<{ node: Condition; atom: Condition; no: Condition; all: Condition; any: Condition }>(
  (tie) => ({
    node: fc.oneof({ maxDepth: 4, withCrossShrink: true }, tie("atom"), tie("no"), tie("all"), tie("any")),
    atom: fc.oneof(
      fc.tuple(values, values).map(([[a, x], [b, y]]): Condition => [equal(a, b), (at) => x(at) === y(at)]),
      values.map(([v, x]): Condition => [truth(v), (at) => x(at) !== 0]),
    ),
    no: tie("node").map(([f, holds]): Condition => [not(f), (at) => !holds(at)]),
    all: fc
      .array(tie("node"), { minLength: 2, maxLength: 3 })
      .map((parts): Condition => [and(...parts.map(([f]) => f)), (at) => parts.every(([, holds]) => holds(at))]),
    any: fc
      .array(tie("node"), { minLength: 2, maxLength: 3 })
      .map((parts): Condition => [or(...parts.map(([f]) => f)), (at) => parts.some(([, holds]) => holds(at))]),
  }),
).node;

describe("conditions and values are written with the parentheses that they need", () => {
  it("an expression read back is worth the same", () => {
    fc.assert(
      fc.property(expressions, names, ([text, value], at) => {
        expect(meaning(text)(at)).toBe(value(at));
      }),
      { numRuns: 500 },
    );
  });

  it("a condition read back holds in the same cases", () => {
    fc.assert(
      fc.property(conditions, names, ([formula, holds], at) => {
        expect(meaning(textOf(formula))(at) !== 0).toBe(holds(at));
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    [binaryText("-", "1", "td_epoch & 1"), "1 - (td_epoch & 1)"],
    [binaryText("-", "a", "b - c"), "a - (b - c)"],
    [binaryText("+", "OPERAND_ID_R8", "vm_id"), "OPERAND_ID_R8 + vm_id"],
    [unaryText("!", "f(a) == g(b)"), "!(f(a) == g(b))"],
    [unaryText("!", "tdvps_ptr->list[i + 1].raw"), "!tdvps_ptr->list[i + 1].raw"],
    [unaryText("!", "f(a, b)"), "!f(a, b)"],
    [baseText("a + 1"), "(a + 1)"],
    [baseText("*p"), "(*p)"],
    [baseText("p->q"), "p->q"],
    [textOf(and(truth(sym("a", "a")), not(and(truth(sym("b", "b")), truth(sym("c", "c")))))), "a && (!b || !c)"],
    [textOf(not(or(truth(sym("a", "a")), truth(sym("b", "b"))))), "!a && !b"],
  ])("%s", (text, expected) => {
    expect(text).toBe(expected);
  });
});
