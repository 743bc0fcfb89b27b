/** Traversals of expressions and effects, so that no other file repeats the list of node kinds. */
import { bool } from "./expr.ts";
import type { BoolExpr, Effect, Expr, IntExpr, Model, ProcessType, Step } from "./types.ts";

/** The expression's direct subexpressions. */
export function children(expr: Expr): readonly Expr[] {
  switch (expr.op) {
    case "const":
    case "self":
    case "param":
      return [];
    case "var":
      return expr.index === null ? [] : [expr.index];
    case "local":
      return expr.index === null ? [expr.instance] : [expr.instance, expr.index];
    case "at":
      return [expr.instance];
    case "and":
    case "or":
      return expr.args;
    case "not":
    case "bnot":
      return [expr.a];
    case "ite":
      return [expr.cond, expr.then, expr.else];
    case "forall":
    case "exists":
    case "count":
      return [expr.body];
    default:
      return [expr.a, expr.b];
  }
}

/** Rebuild an expression with its direct subexpressions mapped. The mapping must keep sorts. */
export function mapChildren<E extends Expr>(expr: E, map: <X extends Expr>(child: X) => X): E {
  const e: Expr = expr;
  switch (e.op) {
    case "const":
    case "self":
    case "param":
      return expr;
    case "var":
      return { ...expr, index: e.index === null ? null : map(e.index) };
    case "local":
      return { ...expr, instance: map(e.instance), index: e.index === null ? null : map(e.index) };
    case "at":
      return { ...expr, instance: map(e.instance) };
    case "and":
    case "or":
      return { ...expr, args: e.args.map((arg) => map(arg)) };
    case "not":
    case "bnot":
      return { ...expr, a: map<Expr>(e.a) };
    case "ite":
      // biome-ignore lint/suspicious/noThenProperty: the branch of an if-then-else
      return { ...expr, cond: map(e.cond), then: map(e.then), else: map(e.else) };
    case "forall":
    case "exists":
    case "count":
      return { ...expr, body: map(e.body) };
    default:
      return { ...expr, a: map(e.a), b: map(e.b) };
  }
}

/** Visit an expression and everything below it, outermost first. */
export function visitExpr(expr: Expr, visit: (expr: Expr) => void): void {
  visit(expr);
  for (const child of children(expr)) visitExpr(child, visit);
}

/** Rebuild effects with every expression mapped. */
export function mapEffects(effects: readonly Effect[], map: <X extends Expr>(expr: X) => X): Effect[] {
  return effects.map((effect): Effect => {
    if (effect.kind === "set")
      return { ...effect, index: effect.index === null ? null : map(effect.index), value: map(effect.value) };
    if (effect.kind === "assert") return { ...effect, condition: map(effect.condition) };
    return {
      ...effect,
      condition: map(effect.condition),
      // biome-ignore lint/suspicious/noThenProperty: the branch of a conditional effect
      then: mapEffects(effect.then, map),
      else: mapEffects(effect.else, map),
    };
  });
}

/** Visit every effect, conditional ones before what they contain. */
export function visitEffects(effects: readonly Effect[], visit: (effect: Effect) => void): void {
  for (const effect of effects) {
    visit(effect);
    if (effect.kind === "if") {
      visitEffects(effect.then, visit);
      visitEffects(effect.else, visit);
    }
  }
}

/** The expressions that stand directly in an effect. */
export function effectExprs(effect: Effect): readonly Expr[] {
  if (effect.kind === "set") return effect.index === null ? [effect.value] : [effect.index, effect.value];
  return [effect.condition];
}

/** Every expression of a step, guard first. Metadata excluded: no engine's exploration depends on it. */
export function stepExprs(step: Step): Expr[] {
  const found: Expr[] = [step.guard];
  visitEffects(step.effects, (effect) => found.push(...effectExprs(effect)));
  return found;
}

/** Substitute parameters by expressions. */
export function substitute<E extends Expr>(expr: E, values: Readonly<Record<string, IntExpr>>): E {
  if (expr.op === "param") return (values[expr.name] ?? expr) as E;
  return mapChildren(expr, (child) => substitute(child, values));
}

/** Map every expression of a step, metadata's object included. */
export function mapStep(step: Step, map: <X extends Expr>(expr: X) => X): Step {
  const meta = step.meta.object === undefined ? step.meta : { ...step.meta, object: map(step.meta.object) };
  return { ...step, guard: map(step.guard), effects: mapEffects(step.effects, map), meta };
}

/** Map every expression of a process type. */
export function mapProcess(process: ProcessType, map: <X extends Expr>(expr: X) => X): ProcessType {
  const opt = <X extends IntExpr | BoolExpr>(expr: X | null): X | null => (expr === null ? null : map(expr));
  return {
    ...process,
    labels: process.labels.map((label) => ({
      ...label,
      steps: label.steps.map((step) => mapStep(step, map)),
      holds: label.holds?.map((hold) => ({ ...hold, object: opt(hold.object), when: opt(hold.when) })) ?? null,
    })),
  };
}

/** Map every expression of a model. */
export function mapModel(model: Model, map: <X extends Expr>(expr: X) => X): Model {
  return {
    ...model,
    processes: model.processes.map((process) => mapProcess(process, map)),
    properties: model.properties.map((property) =>
      property.kind === "leads-to"
        ? { ...property, from: map(property.from), to: map(property.to) }
        : { ...property, expr: map(property.expr) },
    ),
  };
}

/** The labels of a process to which steps lead from its start. */
export function reachableLabels(process: ProcessType): ReadonlySet<string> {
  const labels = new Map(process.labels.map((label) => [label.name, label]));
  const seen = new Set([process.start]);
  for (const name of seen) for (const step of labels.get(name)?.steps ?? []) seen.add(step.next);
  return seen;
}

/** The model without labels to which no step leads: what asks whether a process is at one is false. */
export function withoutUnreachable(model: Model): Model {
  const reached = new Map(model.processes.map((process) => [process.name, reachableLabels(process)]));
  if (model.processes.every(({ name, labels }) => labels.every((label) => reached.get(name)?.has(label.name))))
    return model;
  const map = <X extends Expr>(expr: X): X => {
    if (expr.op !== "at") return mapChildren(expr, map);
    const labels = expr.labels.filter((label) => reached.get(expr.process)?.has(label) ?? true);
    if (labels.length === 0) return bool(false) as Expr as X;
    return { ...mapChildren(expr, map), labels };
  };
  const processes = model.processes.map((process) => ({
    ...process,
    labels: process.labels.filter(({ name }) => reached.get(process.name)?.has(name)),
  }));
  return mapModel({ ...model, processes }, map);
}
