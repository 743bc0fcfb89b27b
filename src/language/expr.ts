/** Functions that build expressions. They take literals where an expression is expected, and do no checking beyond their types. */
import type {
  ArithmeticOp,
  BoolExpr,
  BoolRef,
  ComparisonOp,
  Effect,
  Expr,
  IntExpr,
  IntRef,
  VariableType,
} from "./types.ts";

export type IntLike = number | IntExpr;
export type BoolLike = boolean | BoolExpr;

/** An integer literal. */
export const int = (value: number): IntExpr => ({ op: "const", sort: "int", value, enum: null });
/** A boolean literal. */
export const bool = (value: boolean): BoolExpr => ({ op: "const", sort: "bool", value: value ? 1 : 0, enum: null });
/** Any literal or expression as an integer expression. */
export const toInt = (value: IntLike): IntExpr => (typeof value === "number" ? int(value) : value);
/** Any literal or expression as a boolean expression. */
export const toBool = (value: BoolLike): BoolExpr => (typeof value === "boolean" ? bool(value) : value);

const arithmetic =
  (op: ArithmeticOp) =>
  (a: IntLike, b: IntLike): IntExpr => ({ op, sort: "int", a: toInt(a), b: toInt(b) });

export const add = arithmetic("add");
export const sub = arithmetic("sub");
export const mul = arithmetic("mul");
/** Integer division, towards zero; division by zero gives 0. */
export const div = arithmetic("div");
/** Remainder with the sign of the dividend; by zero gives 0. */
export const mod = arithmetic("mod");
/** Bitwise operations work on non-negative integers of at most 30 bits. */
export const band = arithmetic("band");
export const bor = arithmetic("bor");
export const bxor = arithmetic("bxor");
export const shl = arithmetic("shl");
export const shr = arithmetic("shr");
/** Bitwise complement within `bits` bits. */
export const bnot = (a: IntLike, bits: number): IntExpr => ({ op: "bnot", sort: "int", a: toInt(a), bits });
/** The low `bits` bits of `a`, of a negative number too: what a machine word of that width keeps. */
export const wrap = (a: IntLike, bits: number): IntExpr => band(a, 2 ** bits - 1);

type Like = IntLike | BoolLike;
const toExpr = (value: Like): Expr => {
  if (typeof value === "number") return int(value);
  return typeof value === "boolean" ? bool(value) : value;
};
const comparison =
  (op: ComparisonOp) =>
  (a: Like, b: Like): BoolExpr => ({ op, sort: "bool", a: toExpr(a), b: toExpr(b) });

export const eq: (a: Like, b: Like) => BoolExpr = comparison("eq");
export const ne: (a: Like, b: Like) => BoolExpr = comparison("ne");
export const lt: (a: IntLike, b: IntLike) => BoolExpr = comparison("lt");
export const le: (a: IntLike, b: IntLike) => BoolExpr = comparison("le");
export const gt: (a: IntLike, b: IntLike) => BoolExpr = comparison("gt");
export const ge: (a: IntLike, b: IntLike) => BoolExpr = comparison("ge");

/** True when all are; `and()` is true. */
export const and = (...args: BoolLike[]): BoolExpr => ({ op: "and", sort: "bool", args: args.map(toBool) });
/** True when one is; `or()` is false. */
export const or = (...args: BoolLike[]): BoolExpr => ({ op: "or", sort: "bool", args: args.map(toBool) });
export const not = (a: BoolLike): BoolExpr => ({ op: "not", sort: "bool", a: toBool(a) });
export const implies = (a: BoolLike, b: BoolLike): BoolExpr => or(not(a), b);
/** Is `value` one of `options`? */
export const oneOf = (value: IntLike, options: readonly IntLike[]): BoolExpr =>
  or(...options.map((option) => eq(value, option)));

/** If-then-else over integers. */
export const ite = (cond: BoolLike, then: IntLike, otherwise: IntLike): IntExpr => ({
  op: "ite",
  sort: "int",
  cond: toBool(cond),
  // biome-ignore lint/suspicious/noThenProperty: the branch of an if-then-else; a node is never awaited
  then: toInt(then),
  else: toInt(otherwise),
});
/** If-then-else over booleans. */
export const iteBool = (cond: BoolLike, then: BoolLike, otherwise: BoolLike): BoolExpr => ({
  op: "ite",
  sort: "bool",
  cond: toBool(cond),
  // biome-ignore lint/suspicious/noThenProperty: the branch of an if-then-else; a node is never awaited
  then: toBool(then),
  else: toBool(otherwise),
});

/** An index range: a plain size, or a named scalar set or process type with its size. */
export type Range = number | { readonly name: string; readonly size: number };
export const rangeSize = (range: Range): number => (typeof range === "number" ? range : range.size);
export const rangeName = (range: Range): string | null => (typeof range === "number" ? null : range.name);

/** A parameter bound by a quantifier or a choice. */
export const param = (name: string): IntExpr => ({ op: "param", sort: "int", name });

let fresh = 0;
/** Names of quantifier parameters need only differ along one path from the root; a counter does. */
const freshParam = (): string => {
  fresh = (fresh + 1) % 1_000_000;
  return `i${fresh}`;
};

const junction =
  (op: "forall" | "exists") =>
  (range: Range, body: (i: IntExpr) => BoolLike): BoolExpr => {
    const name = freshParam();
    return {
      op,
      sort: "bool",
      param: name,
      over: rangeName(range),
      size: rangeSize(range),
      body: toBool(body(param(name))),
    };
  };
/** Does `body(i)` hold for every i of the range? */
export const forall = junction("forall");
/** Does `body(i)` hold for some i of the range? */
export const exists = junction("exists");
/** For how many i of the range does `body(i)` hold? */
export const count = (range: Range, body: (i: IntExpr) => BoolLike): IntExpr => {
  const name = freshParam();
  return {
    op: "count",
    sort: "int",
    param: name,
    over: rangeName(range),
    size: rangeSize(range),
    body: toBool(body(param(name))),
  };
};

/** The index of the process instance that evaluates the expression. */
export const self: IntExpr = { op: "self", sort: "int" };

/** Is instance `instance` of `process` at one of `labels`? */
export const at = (process: string, instance: IntLike, ...labels: string[]): BoolExpr => ({
  op: "at",
  sort: "bool",
  process,
  instance: toInt(instance),
  labels,
});

/** Assign to a variable or array element. */
export function set(target: IntRef, value: IntLike): Effect;
export function set(target: BoolRef, value: BoolLike): Effect;
export function set(target: IntRef | BoolRef, value: IntLike | BoolLike): Effect {
  return { kind: "set", name: target.name, index: target.index, value: toExpr(value) };
}
/** Add one (or `by`) to an integer variable. */
export const inc = (target: IntRef, by: IntLike = 1): Effect => set(target, add(target, by));
/** Subtract one (or `by`) from an integer variable. */
export const dec = (target: IntRef, by: IntLike = 1): Effect => set(target, sub(target, by));
/** A condition that must hold whenever the step runs this far. */
export const assertThat = (name: string, condition: BoolLike): Effect => ({
  kind: "assert",
  name,
  condition: toBool(condition),
});
/** Effects that depend on a condition. */
export const when = (condition: BoolLike, then: readonly Effect[], otherwise: readonly Effect[] = []): Effect => ({
  kind: "if",
  condition: toBool(condition),
  then,
  else: otherwise,
});

/** An enum type and one constant per value: `const Page = enumOf("Page", ["free", "mapped"]); eq(x, Page.free)`. */
export type EnumOf<V extends string> = { readonly [K in V]: IntExpr } & {
  readonly $type: VariableType & { kind: "enum" };
};
export function enumOf<const V extends string>(name: string, values: readonly V[]): EnumOf<V> {
  const constants = Object.fromEntries(
    values.map((value, i) => [value, { op: "const", sort: "int", value: i, enum: name }]),
  );
  return { ...constants, $type: { kind: "enum", name, values } } as unknown as EnumOf<V>;
}
