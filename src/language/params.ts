/** Quantifier parameters named by nesting depth, so that building the same model twice gives the same data. */
import type { Expr, IntExpr, Model } from "./types.ts";
import { mapChildren, mapModel } from "./walk.ts";

function rename<E extends Expr>(expr: E, depth: number, names: Readonly<Record<string, IntExpr>>): E {
  const e: Expr = expr;
  if (e.op === "param") return (names[e.name] ?? e) as E;
  if (e.op !== "forall" && e.op !== "exists" && e.op !== "count")
    return mapChildren(expr, (child) => rename(child, depth, names));
  const name = `$${depth}`;
  const inner = { ...names, [e.param]: { op: "param", sort: "int", name } as IntExpr };
  return { ...expr, param: name, body: rename(e.body, depth + 1, inner) };
}

/** Rename every quantifier's parameter to `$` and its depth. Chosen parameters keep their names. */
export function canonicalParams(model: Model): Model {
  return mapModel(model, (expr) => rename(expr, 0, {}));
}

/** The same for one expression, which may be put together from others that use the same names inside each other. */
export const canonicalExpr = <E extends Expr>(expr: E): E => rename(expr, 0, {});
