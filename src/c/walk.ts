/** Walks syntax trees: the one place that knows which parts a node has. */

import type { Expr, InitializerEntry, Stmt } from "./ast.ts";

/** The expressions that an expression is made of, in source order. */
export function partsOf(e: Expr): readonly Expr[] {
  switch (e.kind) {
    case "call":
      return [e.callee, ...e.args];
    case "unary":
    case "update":
    case "cast":
      return [e.operand];
    case "binary":
    case "assign":
      return [e.left, e.right];
    case "member":
      return [e.object];
    case "index":
      return [e.object, e.index];
    case "conditional":
      return [e.test, e.yes, e.no];
    case "comma":
    case "opaque":
      return e.parts;
    case "initializer":
      return e.entries.flatMap(({ designator, value }) =>
        designator !== null && "index" in designator
          ? [designator.index, ...(designator.to ? [designator.to] : []), value]
          : [value],
      );
    default:
      return [];
  }
}

/** What an initializer's entry is for: what a designator says, or so many after it, or after what comes first. */
export interface InitializerPlace {
  readonly from: InitializerEntry["designator"];
  readonly by: number;
  readonly value: Expr;
}

/** The entries of an initializer, each with what it is for: one without a designator goes on after the one before it. */
export function placesIn(entries: readonly InitializerEntry[]): InitializerPlace[] {
  let from: InitializerEntry["designator"] = null;
  let by = 0;
  return entries.map(({ designator, value }) => {
    if (designator !== null) [from, by] = [designator, 0];
    return { from, by: by++, value };
  });
}

/** An expression with each of its parts replaced. */
export function withParts(e: Expr, replace: (part: Expr) => Expr): Expr {
  switch (e.kind) {
    case "call":
      return { ...e, callee: replace(e.callee), args: e.args.map(replace) };
    case "unary":
    case "update":
    case "cast":
      return { ...e, operand: replace(e.operand) };
    case "binary":
    case "assign":
      return { ...e, left: replace(e.left), right: replace(e.right) };
    case "member":
      return { ...e, object: replace(e.object) };
    case "index":
      return { ...e, object: replace(e.object), index: replace(e.index) };
    case "conditional":
      return { ...e, test: replace(e.test), yes: replace(e.yes), no: replace(e.no) };
    case "comma":
    case "opaque":
      return { ...e, parts: e.parts.map(replace) };
    case "initializer":
      return { ...e, entries: e.entries.map((entry) => ({ ...entry, value: replace(entry.value) })) };
    default:
      return e;
  }
}

/** The expressions that a statement itself evaluates, without those of the statements in it. */
export function expressionsOf(s: Stmt): readonly Expr[] {
  const given = (...list: readonly (Expr | null)[]) => list.filter((e) => e !== null);
  switch (s.kind) {
    case "expression":
      return [s.expr];
    case "declare":
      return given(s.init);
    case "if":
      return [s.test];
    case "loop":
      return given(s.test, s.step);
    case "switch":
      return [s.value, ...s.cases.flatMap((c) => given(c.value, c.to ?? null))];
    case "governed":
      return [s.head];
    case "return":
      return given(s.value);
    default:
      return [];
  }
}

/** The statements in a statement, in source order. */
export function statementsOf(s: Stmt): readonly Stmt[] {
  switch (s.kind) {
    case "block":
      return s.body;
    case "if":
      return s.no === null ? [s.yes] : [s.yes, s.no];
    case "loop":
      return [...s.init, s.body];
    case "governed":
      return [s.body];
    case "switch":
      return s.cases.flatMap((c) => c.body);
    default:
      return [];
  }
}

/** Each expression of a statement and of what is in it, outer ones first. */
export function* expressionsIn(s: Stmt): Generator<Expr> {
  for (const e of expressionsOf(s)) yield* within(e);
  for (const inner of statementsOf(s)) yield* expressionsIn(inner);
}

/** An expression and all that it is made of, outer ones first. */
export function* within(e: Expr): Generator<Expr> {
  yield e;
  for (const part of partsOf(e)) yield* within(part);
}

/** A statement and all those in it, outer ones first. */
export function* statementsIn(s: Stmt): Generator<Stmt> {
  yield s;
  for (const inner of statementsOf(s)) yield* statementsIn(inner);
}

/** The name of the function that a call calls; null for a call through a pointer, and for what is no call. */
export function calleeOf(e: Expr): string | null {
  return e.kind === "call" && e.callee.kind === "name" ? e.callee.name : null;
}
