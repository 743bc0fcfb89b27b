/**
 * Steps lowered to slots: for one process instance and one choice of values, names, `self`, parameters and quantifiers disappear, and
 * constants are folded. What remains is small enough for an engine to analyse and to turn into code.
 */
import { operate } from "./interpret.ts";
import type { Instance, Layout, Move, VariableSlots } from "./layout.ts";
import { typeRange } from "./layout.ts";
import type { Interval } from "./range.ts";
import type { BoolExpr, Effect, Expr } from "./types.ts";

/** A lowered expression; booleans are 0 and 1. */
export type Ir =
  | { readonly k: "const"; readonly v: number }
  | { readonly k: "slot"; readonly s: number; readonly range: Interval }
  /** Element `i` of the `n` slots from `s` on; 0 when outside. */
  | { readonly k: "elem"; readonly s: number; readonly n: number; readonly i: Ir; readonly range: Interval }
  | { readonly k: "bin"; readonly op: string; readonly a: Ir; readonly b: Ir }
  | { readonly k: "and" | "or"; readonly args: readonly Ir[] }
  | { readonly k: "not"; readonly a: Ir }
  | { readonly k: "ite"; readonly c: Ir; readonly a: Ir; readonly b: Ir }
  /** Is a program counter one of these label numbers? */
  | { readonly k: "at"; readonly s: number; readonly labels: readonly number[] };

/** A lowered effect. `target.i` is null for a slot known at compile time. */
export type IrEffect =
  | {
      readonly k: "set";
      readonly name: string;
      readonly s: number;
      readonly n: number;
      readonly i: Ir | null;
      readonly value: Ir;
      readonly range: Interval;
    }
  | { readonly k: "assert"; readonly name: string; readonly c: Ir }
  | { readonly k: "if"; readonly c: Ir; readonly a: readonly IrEffect[]; readonly b: readonly IrEffect[] };

/** Knowledge used while lowering: slots whose value is the same in every reachable state. */
export interface Constants {
  get(slot: number): number | undefined;
}

const constant = (v: number): Ir => ({ k: "const", v });
const FALSE = constant(0);

/** What an expression is lowered for. */
export interface LowerScope {
  readonly layout: Layout;
  readonly instance: Instance | null;
  readonly params: Readonly<Record<string, number>>;
  readonly constants: Constants;
}

function slotOf(scope: LowerScope, place: VariableSlots, element: number): Ir {
  const s = place.slot + element;
  const known = scope.constants.get(s);
  if (known !== undefined) return constant(known);
  const slot = scope.layout.slots[s];
  const range: Interval = [slot?.min ?? 0, slot?.max ?? 0];
  return range[0] === range[1] ? constant(range[0]) : { k: "slot", s, range };
}

function lowerRead(scope: LowerScope, place: VariableSlots | undefined, index: Expr | null): Ir {
  if (place === undefined) return FALSE;
  if (index === null) return slotOf(scope, place, 0);
  const i = lower(scope, index);
  const n = place.variable.size ?? 1;
  if (i.k === "const") return i.v >= 0 && i.v < n ? slotOf(scope, place, i.v) : FALSE;
  const elements = Array.from({ length: n }, (_, e) => slotOf(scope, place, e));
  const [first] = elements;
  const [low, high] = irRange(i);
  if (first?.k === "const" && low >= 0 && high < n && elements.every((e) => e.k === "const" && e.v === first.v))
    return first;
  const [min, max] = typeRange(scope.layout.model, place.variable.type);
  const inside = low >= 0 && high < n;
  return { k: "elem", s: place.slot, n, i, range: inside ? [min, max] : [Math.min(0, min), Math.max(0, max)] };
}

/** Something of an instance that is only known when the step runs: a chain of comparisons. */
function perInstance(scope: LowerScope, process: string, index: Expr, make: (instance: Instance) => Ir): Ir {
  const i = lower(scope, index);
  const owners = scope.layout.instances.filter((instance) => instance.type.name === process);
  if (i.k === "const") {
    const owner = owners[i.v];
    return owner === undefined ? FALSE : make(owner);
  }
  return owners.reduceRight<Ir>(
    (rest, owner) => irIte(irBin("eq", i, constant(owner.instance)), make(owner), rest),
    FALSE,
  );
}

/** If-then-else, folded where the condition or the branches allow. */
export function irIte(c: Ir, a: Ir, b: Ir): Ir {
  if (c.k === "const") return c.v !== 0 ? a : b;
  if (a.k === "const" && b.k === "const" && a.v === b.v) return a;
  return { k: "ite", c, a, b };
}

/** A binary operation, folded where both sides are constant. */
export function irBin(op: string, a: Ir, b: Ir): Ir {
  if (a.k === "const" && b.k === "const") return constant(operate(op, a.v, b.v));
  if ((op === "add" || op === "sub") && b.k === "const" && b.v === 0) return a;
  return { k: "bin", op, a, b };
}

export function irNot(a: Ir): Ir {
  if (a.k === "const") return constant(1 - a.v);
  return a.k === "not" ? a.a : { k: "not", a };
}

export function irJunction(k: "and" | "or", args: readonly Ir[]): Ir {
  const absorbing = k === "and" ? 0 : 1;
  const flat = args
    .flatMap((arg) => (arg.k === k ? arg.args : [arg]))
    .filter((arg) => !(arg.k === "const" && arg.v === 1 - absorbing));
  if (flat.some((arg) => arg.k === "const")) return constant(absorbing);
  const [first] = flat;
  if (first === undefined) return constant(1 - absorbing);
  return flat.length === 1 ? first : { k, args: flat };
}

function lowerAt(scope: LowerScope, owner: Instance, labels: readonly string[]): Ir {
  const numbers = labels
    .map((name) => owner.type.labels.findIndex((label) => label.name === name))
    .filter((i) => i >= 0);
  const known = scope.constants.get(owner.pc);
  if (known !== undefined) return constant(Number(numbers.includes(known)));
  return numbers.length === 0 ? FALSE : { k: "at", s: owner.pc, labels: numbers };
}

function lowerQuantifier(scope: LowerScope, expr: Expr & { op: "forall" | "exists" | "count" }): Ir {
  const bodies = Array.from({ length: expr.size }, (_, i) =>
    lower({ ...scope, params: { ...scope.params, [expr.param]: i } }, expr.body),
  );
  if (expr.op === "forall") return irJunction("and", bodies);
  if (expr.op === "exists") return irJunction("or", bodies);
  return bodies.reduce((sum, body) => irBin("add", sum, body), FALSE);
}

/** Lower an expression. */
export function lower(scope: LowerScope, expr: Expr): Ir {
  switch (expr.op) {
    case "const":
      return constant(expr.value);
    case "self":
      return constant(scope.instance?.instance ?? 0);
    case "param":
      return constant(scope.params[expr.name] ?? 0);
    case "var":
      return lowerRead(scope, scope.instance?.locals.get(expr.name) ?? scope.layout.globals.get(expr.name), expr.index);
    case "local":
      return perInstance(scope, expr.process, expr.instance, (owner) =>
        lowerRead(scope, owner.locals.get(expr.name), expr.index),
      );
    case "at":
      return perInstance(scope, expr.process, expr.instance, (owner) => lowerAt(scope, owner, expr.labels));
    case "and":
    case "or":
      return irJunction(
        expr.op,
        expr.args.map((arg) => lower(scope, arg)),
      );
    case "not":
      return irNot(lower(scope, expr.a));
    case "bnot":
      return irBin("band", irBin("bxor", lower(scope, expr.a), constant(-1)), constant(2 ** expr.bits - 1));
    case "ite":
      return irIte(lower(scope, expr.cond), lower(scope, expr.then), lower(scope, expr.else));
    case "forall":
    case "exists":
    case "count":
      return lowerQuantifier(scope, expr);
    default:
      return irBin(expr.op, lower(scope, expr.a), lower(scope, expr.b));
  }
}

function lowerSet(scope: LowerScope, effect: Effect & { kind: "set" }): IrEffect {
  const place = (scope.instance?.locals.get(effect.name) ?? scope.layout.globals.get(effect.name)) as VariableSlots;
  const range = typeRange(scope.layout.model, place.variable.type);
  const value = lower(scope, effect.value);
  const base = { k: "set", name: effect.name, value, range } as const;
  if (effect.index === null) return { ...base, s: place.slot, n: 1, i: null };
  const i = lower(scope, effect.index);
  const n = place.variable.size ?? 1;
  return i.k === "const" && i.v >= 0 && i.v < n
    ? { ...base, s: place.slot + i.v, n: 1, i: null }
    : { ...base, s: place.slot, n, i };
}

/** Lower effects; branches that cannot be taken disappear. */
export function lowerEffects(scope: LowerScope, effects: readonly Effect[]): IrEffect[] {
  return effects.flatMap((effect): IrEffect[] => {
    if (effect.kind === "set") return [lowerSet(scope, effect)];
    const c = lower(scope, effect.condition);
    if (effect.kind === "assert") return c.k === "const" && c.v !== 0 ? [] : [{ k: "assert", name: effect.name, c }];
    const [a, b] = [lowerEffects(scope, effect.then), lowerEffects(scope, effect.else)];
    if (c.k === "const") return c.v !== 0 ? a : b;
    return a.length + b.length === 0 ? [] : [{ k: "if", c, a, b }];
  });
}

/** A move of one instance, lowered. */
export interface LoweredMove {
  readonly instance: Instance;
  readonly move: Move;
  readonly guard: Ir;
  readonly effects: readonly IrEffect[];
}

/**
 * Lower a move for an instance. Within effects no slot may be taken for constant that the effects themselves write; `constants` must be
 * slots that hold one value in every reachable state, between the effects of a step too.
 */
export function lowerMove(layout: Layout, instance: Instance, move: Move, constants: Constants): LoweredMove {
  const scope = { layout, instance, params: move.choices, constants };
  return { instance, move, guard: lower(scope, move.step.guard), effects: lowerEffects(scope, move.step.effects) };
}

/** Lower a property's expression. */
export const lowerProperty = (layout: Layout, expr: BoolExpr, constants: Constants): Ir =>
  lower({ layout, instance: null, params: {}, constants }, expr);

const bits = (value: number): number => 2 ** Math.ceil(Math.log2(value + 1)) - 1;
const ANY: Interval = [-(2 ** 31), 2 ** 31 - 1];

function binRange(op: string, [a, b]: Interval, [c, d]: Interval): Interval {
  switch (op) {
    case "add":
      return [a + c, b + d];
    case "sub":
      return [a - d, b - c];
    case "mul": {
      const corners = [a * c, a * d, b * c, b * d];
      return [Math.min(...corners), Math.max(...corners)];
    }
    case "div":
      return a >= 0 && c > 0
        ? [Math.floor(a / d), Math.floor(b / c)]
        : [-Math.max(Math.abs(a), Math.abs(b)), Math.max(Math.abs(a), Math.abs(b))];
    case "mod": {
      const limit = Math.max(0, Math.max(Math.abs(c), Math.abs(d)) - 1);
      return [a < 0 ? -limit : 0, Math.max(0, Math.min(limit, b))];
    }
    case "band":
      if (c >= 0) return [0, a >= 0 ? Math.min(b, d) : d];
      return a >= 0 ? [0, b] : ANY;
    case "bor":
    case "bxor":
      return a >= 0 && c >= 0 ? [0, bits(Math.max(b, d))] : ANY;
    case "shl":
      return a >= 0 && c >= 0 && d <= 30 && b * 2 ** d < 2 ** 31 ? [a * 2 ** c, b * 2 ** d] : ANY;
    case "shr":
      return a >= 0 && c >= 0 && d <= 31 ? [Math.floor(a / 2 ** d), Math.floor(b / 2 ** c)] : ANY;
    default:
      return [0, 1];
  }
}

/** Bounds of a lowered expression's value. */
export function irRange(ir: Ir): Interval {
  switch (ir.k) {
    case "const":
      return [ir.v, ir.v];
    case "slot":
    case "elem":
      return ir.range;
    case "bin":
      return binRange(ir.op, irRange(ir.a), irRange(ir.b));
    case "ite": {
      const [a, b] = irRange(ir.a);
      const [c, d] = irRange(ir.b);
      return [Math.min(a, c), Math.max(b, d)];
    }
    default:
      return [0, 1];
  }
}

/** Visit an expression and everything below it. */
export function visitIr(ir: Ir, visit: (ir: Ir) => void): void {
  visit(ir);
  switch (ir.k) {
    case "elem":
      return visitIr(ir.i, visit);
    case "bin":
      visitIr(ir.a, visit);
      return visitIr(ir.b, visit);
    case "and":
    case "or":
      for (const arg of ir.args) visitIr(arg, visit);
      return;
    case "not":
      return visitIr(ir.a, visit);
    case "ite":
      visitIr(ir.c, visit);
      visitIr(ir.a, visit);
      return visitIr(ir.b, visit);
    default:
      return;
  }
}

/** The slots that an access with index `i` can touch. */
export function elementSlots(s: number, n: number, i: Ir | null): number[] {
  if (i === null) return [s];
  const [low, high] = irRange(i);
  const from = Math.max(0, low);
  const to = Math.min(n - 1, high);
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, e) => s + from + e);
}

/** Every slot an expression may read. */
export function irReads(ir: Ir, into = new Set<number>()): Set<number> {
  visitIr(ir, (node) => {
    if (node.k === "slot" || node.k === "at") into.add(node.s);
    if (node.k === "elem") for (const slot of elementSlots(node.s, node.n, node.i)) into.add(slot);
  });
  return into;
}

/** Visit effects, conditional ones before what they contain. */
export function visitIrEffects(effects: readonly IrEffect[], visit: (effect: IrEffect) => void): void {
  for (const effect of effects) {
    visit(effect);
    if (effect.k === "if") {
      visitIrEffects(effect.a, visit);
      visitIrEffects(effect.b, visit);
    }
  }
}

/** The value of a lowered expression under given slot values. */
export function evaluateIr(ir: Ir, values: ReadonlyMap<number, number>): number {
  switch (ir.k) {
    case "const":
      return ir.v;
    case "slot":
      return values.get(ir.s) ?? 0;
    case "elem": {
      const i = evaluateIr(ir.i, values);
      return i < 0 || i >= ir.n ? 0 : (values.get(ir.s + i) ?? 0);
    }
    case "and":
      return Number(ir.args.every((arg) => evaluateIr(arg, values) !== 0));
    case "or":
      return Number(ir.args.some((arg) => evaluateIr(arg, values) !== 0));
    case "not":
      return 1 - evaluateIr(ir.a, values);
    case "ite":
      return evaluateIr(evaluateIr(ir.c, values) !== 0 ? ir.a : ir.b, values);
    case "at":
      return Number(ir.labels.includes(values.get(ir.s) ?? 0));
    case "bin":
      return operate(ir.op, evaluateIr(ir.a, values), evaluateIr(ir.b, values));
  }
}
