/**
 * The meaning of the language, as directly as it can be written: an interpreter over slots. The compiled engines are tested against
 * it, and traces are replayed and explained with it. It is not fast and need not be.
 */
import type { Instance, Layout, Move, VariableSlots } from "./layout.ts";
import type { BoolExpr, Effect, Expr, IntExpr } from "./types.ts";

/** Why a step did not complete: an assertion failed, or a value left its type's range. */
export interface Fault {
  readonly kind: "assertion" | "range" | "index";
  /** The assertion's or the variable's name. */
  readonly name: string;
}

/** What an expression is evaluated in. */
export interface Context {
  readonly layout: Layout;
  readonly state: readonly number[];
  /** The process that evaluates; null in properties. */
  readonly instance: Instance | null;
  readonly params: Readonly<Record<string, number>>;
}

const instanceOf = (layout: Layout, process: string, index: number): Instance | undefined =>
  layout.instances.find((instance) => instance.type.name === process && instance.instance === index);

/** Find a variable: the process's own local, else a global. */
export const placeOf = (layout: Layout, instance: Instance | null, name: string): VariableSlots | undefined =>
  instance?.locals.get(name) ?? layout.globals.get(name);

/** An array read outside the array gives 0, as division by zero does: expressions are total. */
function read(context: Context, place: VariableSlots | undefined, index: IntExpr | null): number {
  if (place === undefined) return 0;
  const i = index === null ? 0 : evaluate(context, index);
  return i < 0 || i >= (place.variable.size ?? 1) ? 0 : (context.state[place.slot + i] as number);
}

function quantify(context: Context, expr: Expr & { op: "forall" | "exists" | "count" }): number {
  let hits = 0;
  for (let i = 0; i < expr.size; i++) {
    hits += evaluate({ ...context, params: { ...context.params, [expr.param]: i } }, expr.body);
  }
  if (expr.op === "count") return hits;
  return Number(expr.op === "forall" ? hits === expr.size : hits > 0);
}

/** Evaluate two operands' operation. Shared with the constant folder. */
export function operate(op: string, a: number, b: number): number {
  switch (op) {
    case "add":
      return a + b;
    case "sub":
      return a - b;
    case "mul":
      return a * b;
    case "div":
      return b === 0 ? 0 : Math.trunc(a / b);
    case "mod":
      return b === 0 ? 0 : a % b;
    case "band":
      return a & b;
    case "bor":
      return a | b;
    case "bxor":
      return a ^ b;
    case "shl":
      return a << b;
    case "shr":
      return a >> b;
    case "eq":
      return Number(a === b);
    case "ne":
      return Number(a !== b);
    case "lt":
      return Number(a < b);
    case "le":
      return Number(a <= b);
    case "gt":
      return Number(a > b);
    default:
      return Number(a >= b);
  }
}

/** The value of an expression; booleans are 0 and 1. */
export function evaluate(context: Context, expr: Expr): number {
  const { layout, state } = context;
  switch (expr.op) {
    case "const":
      return expr.value;
    case "self":
      return context.instance?.instance ?? 0;
    case "param":
      return context.params[expr.name] ?? 0;
    case "var":
      return read(context, placeOf(layout, context.instance, expr.name), expr.index);
    case "local": {
      const owner = instanceOf(layout, expr.process, evaluate(context, expr.instance));
      return read(context, owner?.locals.get(expr.name), expr.index);
    }
    case "at": {
      const owner = instanceOf(layout, expr.process, evaluate(context, expr.instance));
      const label = owner?.type.labels[state[owner.pc] as number]?.name;
      return Number(label !== undefined && expr.labels.includes(label));
    }
    case "and":
      return Number(expr.args.every((arg) => evaluate(context, arg) !== 0));
    case "or":
      return Number(expr.args.some((arg) => evaluate(context, arg) !== 0));
    case "not":
      return 1 - evaluate(context, expr.a);
    case "bnot":
      return ~evaluate(context, expr.a) & (2 ** expr.bits - 1);
    case "ite":
      return evaluate(context, evaluate(context, expr.cond) !== 0 ? expr.then : expr.else);
    case "forall":
    case "exists":
    case "count":
      return quantify(context, expr);
    default:
      return operate(expr.op, evaluate(context, expr.a), evaluate(context, expr.b));
  }
}

/** Evaluate a property's expression in a state. */
export const holds = (layout: Layout, state: readonly number[], expr: BoolExpr): boolean =>
  evaluate({ layout, state, instance: null, params: {} }, expr) !== 0;

/** Can the instance make the move now? */
export function enabled(layout: Layout, state: readonly number[], instance: Instance, move: Move): boolean {
  if (state[instance.pc] !== move.labelIndex || move.typeIndex !== instance.typeIndex) return false;
  return evaluate({ layout, state, instance, params: move.choices }, move.step.guard) !== 0;
}

type Writable = Context & { readonly state: number[] };

function assign(context: Writable, effect: Effect & { kind: "set" }): Fault | null {
  const place = placeOf(context.layout, context.instance, effect.name) as VariableSlots;
  const index = effect.index === null ? 0 : evaluate(context, effect.index);
  const value = evaluate(context, effect.value);
  if (index < 0 || index >= (place.variable.size ?? 1)) return { kind: "index", name: effect.name };
  const slot = context.layout.slots[place.slot + index] as { min: number; max: number };
  if (value < slot.min || value > slot.max) return { kind: "range", name: effect.name };
  context.state[place.slot + index] = value;
  return null;
}

function run(context: Writable, effects: readonly Effect[]): Fault | null {
  for (const effect of effects) {
    let fault: Fault | null = null;
    if (effect.kind === "set") fault = assign(context, effect);
    else if (effect.kind === "if")
      fault = run(context, evaluate(context, effect.condition) !== 0 ? effect.then : effect.else);
    else if (evaluate(context, effect.condition) === 0) fault = { kind: "assertion", name: effect.name };
    if (fault !== null) return fault;
  }
  return null;
}

/** Make an enabled move. After a fault, the state is as far as the step came, at its old label. */
export function apply(
  layout: Layout,
  state: readonly number[],
  instance: Instance,
  move: Move,
): { state: number[]; fault: Fault | null } {
  const after = [...state];
  const fault = run({ layout, state: after, instance, params: move.choices }, move.step.effects);
  if (fault === null) after[instance.pc] = move.nextIndex;
  return { state: after, fault };
}

/** Every (instance, move) that can run, in the numbering's order. */
export function enabledMoves(layout: Layout, state: readonly number[]): { instance: Instance; move: Move }[] {
  return layout.instances.flatMap((instance) => {
    const here = layout.movesAt[instance.typeIndex]?.[state[instance.pc] as number] ?? [];
    return here.filter((move) => enabled(layout, state, instance, move)).map((move) => ({ instance, move }));
  });
}

/** Nothing can run, and some process stands at a label that is not idle. */
export function isDeadlock(layout: Layout, state: readonly number[]): boolean {
  if (enabledMoves(layout, state).length > 0) return false;
  return layout.instances.some((instance) => instance.type.labels[state[instance.pc] as number]?.idle === false);
}

/** The name under which a fault is reported as a violated property. */
export const faultName = (fault: Fault): string => (fault.kind === "assertion" ? fault.name : `range of ${fault.name}`);
