/** Which values an expression can take, from its variables' types: decides where an engine needs a run-time check. */
import { type Layout, typeRange } from "./layout.ts";
import type { Expr, Model, ProcessType, Variable } from "./types.ts";

/** Smallest and largest possible value, both included. */
export type Interval = readonly [number, number];
/** What the analysis knows of the surroundings: the process type whose step it is (null: a property), and the parameters' bounds. */
export interface RangeScope {
  readonly model: Model;
  readonly process: ProcessType | null;
  readonly params: Readonly<Record<string, Interval>>;
}

/** The declaration behind a name: the process's local, else a global. */
export const declaration = (scope: { model: Model; process: ProcessType | null }, name: string): Variable | undefined =>
  scope.process?.locals.find((variable) => variable.name === name) ??
  scope.model.variables.find((variable) => variable.name === name);

const bits = (value: number): number => 2 ** Math.ceil(Math.log2(value + 1)) - 1;
const hull = (values: readonly number[]): Interval => [Math.min(...values), Math.max(...values)];

function arithmetic(op: string, [a, b]: Interval, [c, d]: Interval): Interval {
  switch (op) {
    case "add":
      return [a + c, b + d];
    case "sub":
      return [a - d, b - c];
    case "mul":
      return hull([a * c, a * d, b * c, b * d]);
    case "div": {
      const largest = Math.max(Math.abs(a), Math.abs(b));
      return c > 0 ? hull([a / c, a / d, b / c, b / d].map(Math.trunc)) : [-largest, largest];
    }
    case "mod": {
      const limit = Math.max(0, Math.max(Math.abs(c), Math.abs(d)) - 1);
      return [a < 0 ? -limit : 0, b > 0 ? Math.min(limit, Math.max(b, 0)) : 0];
    }
    case "band":
      if (c >= 0) return [0, a >= 0 ? Math.min(b, d) : d];
      return a >= 0 ? [0, b] : [-(2 ** 31), 2 ** 31 - 1];
    case "bor":
      return a >= 0 && c >= 0 ? [Math.max(a, c), bits(Math.max(b, d))] : [-(2 ** 31), 2 ** 31 - 1];
    case "bxor":
      return a >= 0 && c >= 0 ? [0, bits(Math.max(b, d))] : [-(2 ** 31), 2 ** 31 - 1];
    case "shl":
      return a >= 0 && c >= 0 && d <= 30 && b * 2 ** d < 2 ** 31 ? [a * 2 ** c, b * 2 ** d] : [-(2 ** 31), 2 ** 31 - 1];
    default:
      return a >= 0 && c >= 0 ? [Math.floor(a / 2 ** Math.min(d, 31)), Math.floor(b / 2 ** Math.min(c, 31))] : [a, b];
  }
}

function variableRange(model: Model, variable: Variable | undefined, index: Interval | null): Interval {
  if (variable === undefined) return [0, 0];
  const [min, max] = typeRange(model, variable.type);
  const inside = index === null || (index[0] >= 0 && index[1] < (variable.size ?? 1));
  return inside ? [min, max] : [Math.min(0, min), Math.max(0, max)];
}

/** The interval of an expression's values. Sound, not exact. */
export function rangeOf(scope: RangeScope, expr: Expr): Interval {
  if (expr.sort === "bool" && expr.op !== "const") return [0, 1];
  switch (expr.op) {
    case "const":
      return [expr.value, expr.value];
    case "self":
      return [0, Math.max(0, (scope.process?.count ?? 1) - 1)];
    case "param":
      return scope.params[expr.name] ?? [0, 0];
    case "var":
      return variableRange(
        scope.model,
        declaration(scope, expr.name),
        expr.index === null ? null : rangeOf(scope, expr.index),
      );
    case "local": {
      const type = scope.model.processes.find((process) => process.name === expr.process);
      const variable = type?.locals.find((local) => local.name === expr.name);
      const [min, max] = variableRange(scope.model, variable, expr.index === null ? null : rangeOf(scope, expr.index));
      return [Math.min(0, min), Math.max(0, max)];
    }
    case "bnot":
      return [0, 2 ** expr.bits - 1];
    case "ite": {
      const [a, b] = rangeOf(scope, expr.then);
      const [c, d] = rangeOf(scope, expr.else);
      return [Math.min(a, c), Math.max(b, d)];
    }
    case "count":
      return [0, expr.size];
    case "add":
    case "sub":
    case "mul":
    case "div":
    case "mod":
    case "band":
    case "bor":
    case "bxor":
    case "shl":
    case "shr":
      return arithmetic(expr.op, rangeOf(scope, expr.a), rangeOf(scope, expr.b));
    default:
      return [0, 1];
  }
}

/** The scope of a step of `process`, with its choices' bounds. */
export function stepScope(
  model: Model,
  process: ProcessType,
  choose: readonly { readonly param: string; readonly size: number }[],
): RangeScope {
  return {
    model,
    process,
    params: Object.fromEntries(choose.map(({ param, size }) => [param, [0, size - 1] as const])),
  };
}

/** The interval of a slot's values. */
export const slotRange = (layout: Layout, slot: number): Interval => [
  layout.slots[slot]?.min ?? 0,
  layout.slots[slot]?.max ?? 0,
];
