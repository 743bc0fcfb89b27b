/** Questions about syntax trees, and changes to them. */

import type { Expr, Stmt } from "../c/index.ts";

/** The name that a call calls; through calls of calls, the innermost one. */
export function calleeName(e: Expr): string | null {
  let at = e;
  while (at.kind === "call") at = at.callee;
  return at.kind === "name" ? at.name : null;
}

/** Constants that a test compares something with, by their names. */
export function comparedWith(test: Expr): string[] {
  return test.kind === "binary" && test.op === "==" ? constantNames(test.right) : [];
}

/** The name of a constant, where an expression is no more. */
export function constantNames(e: Expr): string[] {
  return e.kind === "name" ? [e.name] : [];
}

/** Does a case go on with the next one? */
export function fallsThrough(body: readonly Stmt[]): boolean {
  const last = body.at(-1);
  if (last?.kind === "block") return fallsThrough(last.body);
  return last === undefined || !["break", "return", "goto", "continue"].includes(last.kind);
}

/** Does evaluating an expression do anything besides giving a value? Calls of the functions that `isPlain` names do not. */
export function hasEffect(e: Expr, isPlain: (name: string) => boolean): boolean {
  const any = (list: readonly Expr[]): boolean => list.some((x) => hasEffect(x, isPlain));
  switch (e.kind) {
    case "call":
      return e.callee.kind !== "name" || !isPlain(e.callee.name) || any(e.args);
    case "assign":
    case "update":
      return true;
    case "unary":
    case "cast":
      return hasEffect(e.operand, isPlain);
    case "binary":
      return any([e.left, e.right]);
    case "member":
      return hasEffect(e.object, isPlain);
    case "index":
      return any([e.object, e.index]);
    case "conditional":
      return any([e.test, e.yes, e.no]);
    case "comma":
      return any(e.parts);
    case "initializer":
      return any(e.entries.map((entry) => entry.value));
    case "opaque":
      return e.body !== undefined;
    default:
      return false;
  }
}

/** An expression with every part that is written like `pattern` replaced. */
export function replaced(e: Expr, pattern: Expr, by: Expr): Expr {
  if (sameText(e, pattern)) return by;
  const r = (x: Expr): Expr => replaced(x, pattern, by);
  switch (e.kind) {
    case "unary":
    case "update":
    case "cast":
      return { ...e, operand: r(e.operand) };
    case "binary":
    case "assign":
      return { ...e, left: r(e.left), right: r(e.right) };
    case "member":
      return { ...e, object: r(e.object) };
    case "index":
      return { ...e, object: r(e.object), index: r(e.index) };
    case "call":
      return { ...e, callee: r(e.callee), args: e.args.map(r) };
    case "conditional":
      return { ...e, test: r(e.test), yes: r(e.yes), no: r(e.no) };
    default:
      return e;
  }
}

function sameText(a: Expr, b: Expr): boolean {
  if (a.kind === "name" && b.kind === "name") return a.name === b.name;
  if (a.kind === "member" && b.kind === "member")
    return a.field === b.field && a.arrow === b.arrow && sameText(a.object, b.object);
  return false;
}

/** A statement of a guard's release, whose expressions are changed: only the kinds that such a release has. */
export function inStatement(s: Stmt, change: (e: Expr) => Expr): Stmt {
  switch (s.kind) {
    case "expression":
      return { ...s, expr: change(s.expr) };
    case "if":
      return { ...s, test: change(s.test), yes: inStatement(s.yes, change), no: s.no && inStatement(s.no, change) };
    case "block":
      return { ...s, body: s.body.map((part) => inStatement(part, change)) };
    default:
      return s;
  }
}
