/**
 * How a step can fail, said about the state before it. Other tools have no notion of a step that fails half way and changes nothing; with
 * these conditions their models take the step only when it does not fail, and report a violation when it would.
 */
import {
  and,
  type BoolExpr,
  bool,
  canonicalExpr,
  declaration,
  type Effect,
  type Expr,
  eq,
  gt,
  type IntExpr,
  ite,
  iteBool,
  lt,
  type Model,
  mapChildren,
  not,
  or,
  type ProcessType,
  rangeOf,
  type Step,
  self,
  stepScope,
  typeRange,
  type Variable,
} from "../language/index.ts";

/** One way for a step to fail. */
export interface Fault {
  readonly kind: "assertion" | "range";
  /** The name under which the checker reports it. */
  readonly name: string;
  /** Over the state before the step, in which its guard holds. The first fault of a list whose condition holds is the one that happens. */
  readonly when: BoolExpr;
}

/** The value of a variable, or of an element, in the middle of a step. */
type Reader = (index: IntExpr | null) => Expr;
type Values = ReadonlyMap<string, Reader>;

const isConst = (expr: Expr, value: number): boolean => expr.op === "const" && expr.value === value;

function both(a: BoolExpr, b: BoolExpr): BoolExpr {
  if (isConst(a, 1)) return b;
  return isConst(b, 1) ? a : isConst(a, 0) ? a : and(a, b);
}

function choice(test: BoolExpr, then: Expr, otherwise: Expr): Expr {
  if (test.op === "const") return test.value !== 0 ? then : otherwise;
  if (then === otherwise) return then;
  return then.sort === "bool"
    ? iteBool(test, then, otherwise as BoolExpr)
    : ite(test, then as IntExpr, otherwise as IntExpr);
}

function same(a: IntExpr, b: IntExpr): BoolExpr {
  if (a.op === "const" && b.op === "const") return bool(a.value === b.value);
  return a.op === "self" && b.op === "self" ? bool(true) : eq(a, b);
}

/** Follows a step's effects without running them. */
class Walk {
  readonly found: Fault[] = [];
  readonly #model: Model;
  readonly #process: ProcessType;
  readonly #scope: ReturnType<typeof stepScope>;

  constructor(model: Model, process: ProcessType, step: Step) {
    this.#model = model;
    this.#process = process;
    this.#scope = stepScope(model, process, step.choose);
  }

  effects(list: readonly Effect[], path: BoolExpr, before: Values): Values {
    return list.reduce((values, effect) => this.#effect(effect, path, values), before);
  }

  #effect(effect: Effect, path: BoolExpr, values: Values): Values {
    if (effect.kind === "set") return this.#set(effect, path, values);
    const condition = this.#now(values, effect.condition);
    if (effect.kind === "assert") {
      this.#fault("assertion", effect.name, both(path, not(condition)));
      return values;
    }
    const then = this.effects(effect.then, both(path, condition), values);
    const otherwise = this.effects(effect.else, both(path, not(condition)), values);
    const merged = [...new Set([...then.keys(), ...otherwise.keys()])].map((name): [string, Reader] => {
      const [a, b] = [then.get(name) ?? this.#before(name), otherwise.get(name) ?? this.#before(name)];
      return [name, a === b ? a : (index) => choice(condition, a(index), b(index))];
    });
    return new Map(merged);
  }

  #set(effect: Effect & { kind: "set" }, path: BoolExpr, values: Values): Values {
    const variable = declaration(this.#scope, effect.name) as Variable;
    const value = this.#now(values, effect.value);
    const index = effect.index === null ? null : this.#now(values, effect.index);
    const outside: BoolExpr[] = [];
    if (index !== null) outside.push(...this.#outside(index, effect.index as IntExpr, 0, (variable.size ?? 1) - 1));
    if (value.sort === "int")
      outside.push(...this.#outside(value, effect.value, ...typeRange(this.#model, variable.type)));
    if (outside.length > 0) this.#fault("range", `range of ${effect.name}`, both(path, or(...outside)));
    const earlier = values.get(effect.name) ?? this.#before(effect.name);
    const now: Reader = (at) => (index === null || at === null ? value : choice(same(at, index), value, earlier(at)));
    return new Map([...values, [effect.name, now]]);
  }

  /** Conditions under which a value lies outside the bounds; none where its type alone rules that out. */
  #outside(value: IntExpr, stated: Expr, min: number, max: number): BoolExpr[] {
    const [low, high] = rangeOf(this.#scope, stated);
    return [...(low < min ? [lt(value, min)] : []), ...(high > max ? [gt(value, max)] : [])];
  }

  #fault(kind: Fault["kind"], name: string, when: BoolExpr): void {
    this.found.push({ kind, name, when: canonicalExpr(when) });
  }

  /** A variable as it was before the step. */
  #before(name: string): Reader {
    const sort = declaration(this.#scope, name)?.type.kind === "bool" ? "bool" : "int";
    return (index) => ({ op: "var", sort, name, index }) as Expr;
  }

  /** An expression in the middle of the step, said about the state before it. */
  #now<E extends Expr>(values: Values, expr: E): E {
    if (values.size === 0) return expr;
    const inner = mapChildren(expr, (child) => this.#now(values, child));
    const e: Expr = inner;
    if (e.op === "var") return (values.get(e.name)?.(e.index) ?? inner) as E;
    if (e.op !== "local" || e.process !== this.#process.name) return inner;
    const mine = values.get(e.name);
    return mine === undefined ? inner : (choice(same(e.instance, self), mine(e.index), e) as E);
  }
}

/** The ways in which a step of a process type can fail, in the order in which they are looked at. */
export function possibleFaults(model: Model, process: ProcessType, step: Step): readonly Fault[] {
  const walk = new Walk(model, process, step);
  walk.effects(step.effects, bool(true), new Map());
  return walk.found;
}
