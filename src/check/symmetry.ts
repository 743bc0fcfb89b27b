/**
 * Which instances of process types are symmetric: they can be renumbered in any state without changing what can happen or whether a
 * property holds. Decided from the Model's text: an instance number may only be used to index global arrays that are declared over its process
 * type, or be compared with another such number; that holds of what the `busy` list asks, too. Where a property names an instance by number, that one stays apart, and the others may be renumbered
 * among themselves: what treats all alike treats those alike.
 */
import {
  children,
  type Expr,
  holdsByLabel,
  isBusy,
  lockOf,
  type Model,
  type ProcessType,
  type Property,
  type Step,
  stepExprs,
  type Variable,
  visitEffects,
} from "../language/index.ts";

interface Scope {
  readonly model: Model;
  /** The process whose step it is; null in properties. */
  readonly process: ProcessType | null;
  /** Parameters that range over instances of the type under question. */
  readonly bound: ReadonlySet<string>;
  readonly type: ProcessType;
  /** In properties: collects the instances that are named by number. Null: none may be. */
  readonly apart: Set<number> | null;
}

/** Is the expression an instance number of the type under question? */
function isId(scope: Scope, expr: Expr): boolean {
  if (expr.op === "self") return scope.process?.name === scope.type.name;
  return expr.op === "param" && scope.bound.has(expr.name);
}

/** Does each instance have its element of the variable? A process's own array is not meant: it stays as it is when instances are renumbered. */
const isOwned = ({ model, type }: Scope, name: string): boolean =>
  model.variables.some((variable) => variable.name === name && variable.by === type.name);

/** Does the expression treat all instances alike? */
function fair(scope: Scope, expr: Expr): boolean {
  if (isId(scope, expr)) return false;
  switch (expr.op) {
    case "var": {
      if (expr.index === null) return true;
      return fairIndex(scope, isOwned(scope, expr.name), expr.index);
    }
    case "local":
      if (!fairIndex(scope, expr.process === scope.type.name, expr.instance)) return false;
      return expr.index === null || fair(scope, expr.index);
    case "at":
      return fairIndex(scope, expr.process === scope.type.name, expr.instance);
    case "eq":
    case "ne":
      if (isId(scope, expr.a) && isId(scope, expr.b)) return true;
      break;
    case "forall":
    case "exists":
    case "count":
      return fair(
        expr.over === scope.type.name ? { ...scope, bound: new Set([...scope.bound, expr.param]) } : scope,
        expr.body,
      );
    default:
      break;
  }
  return children(expr).every((child) => fair(scope, child));
}

/** What each instance has must be indexed by one of their numbers, or name an instance, and nothing else may be. */
function fairIndex(scope: Scope, overType: boolean, index: Expr): boolean {
  if (!overType) return fair(scope, index);
  if (index.op !== "const" || scope.apart === null) return isId(scope, index);
  scope.apart.add(index.value);
  return true;
}

/** A step's scope. */
const scopeOf = (model: Model, type: ProcessType, process: ProcessType, choose: Step["choose"]): Scope => ({
  model,
  process,
  bound: new Set(choose.filter(({ over }) => over === type.name).map(({ param }) => param)),
  type,
  apart: null,
});

function fairProcess(model: Model, type: ProcessType, process: ProcessType): boolean {
  return process.labels.every((label) =>
    label.steps.every((step) => {
      const scope = scopeOf(model, type, process, step.choose);
      let fairTargets = true;
      visitEffects(step.effects, (effect) => {
        if (effect.kind !== "set" || effect.index === null) return;
        fairTargets &&= fairIndex(scope, isOwned(scope, effect.name), effect.index);
      });
      // Index expressions of targets were checked just now, with their array; the rest are ordinary expressions.
      const targets = new Set<Expr>();
      visitEffects(step.effects, (effect) => {
        if (effect.kind === "set" && effect.index !== null) targets.add(effect.index);
      });
      return fairTargets && stepExprs(step).every((expr) => targets.has(expr) || fair(scope, expr));
    }),
  );
}

/**
 * Does the `busy` list treat all instances alike? What is tried is compared with what is held, so of one resource either all objects are
 * instance numbers or none depends on any.
 */
function fairHolds(model: Model, type: ProcessType): boolean {
  const steps = model.processes.flatMap((process) =>
    process.labels.flatMap(({ steps }) => steps).map((step) => ({ process, step })),
  );
  const tries = steps.filter(({ step }) => isBusy(step));
  const tried = new Set(tries.map(({ step }) => lockOf(step)));
  const holds = model.processes.flatMap((process) =>
    holdsByLabel(process)
      .flat()
      .filter(({ resource }) => tried.has(resource))
      .map((hold) => ({ ...hold, scope: scopeOf(model, type, process, []) })),
  );
  if (!holds.every(({ scope, when }) => when === null || fair(scope, when))) return false;
  const objects = [
    ...tries.map(({ process, step }) => ({
      resource: lockOf(step),
      object: step.meta.object,
      scope: scopeOf(model, type, process, step.choose),
    })),
    ...holds,
  ].filter(({ object }) => object !== undefined && object !== null);
  return [...tried].every((resource) => {
    const of = objects.filter((one) => one.resource === resource);
    const isAlike = (test: typeof fair) => of.every(({ scope, object }) => test(scope, object as Expr));
    return isAlike(isId) || isAlike(fair);
  });
}

/** The expressions of a property that a safety search evaluates. */
export const propertyExprs = (property: Property): Expr[] => (property.kind === "leads-to" ? [] : [property.expr]);

const uniform = ({ init }: Variable): boolean => typeof init === "number" || init.every((value) => value === init[0]);

/** The instances of the type that are alike in every step and every safety property of the model. */
function symmetric(model: Model, type: ProcessType): number[] {
  const owned = model.variables.filter((variable) => variable.by === type.name);
  if (!owned.every(uniform)) return [];
  if (!model.processes.every((process) => fairProcess(model, type, process)) || !fairHolds(model, type)) return [];
  const apart = new Set<number>();
  const scope: Scope = { model, process: null, bound: new Set(), type, apart };
  if (!model.properties.flatMap(propertyExprs).every((expr) => fair(scope, expr))) return [];
  return Array.from({ length: type.count }, (_, instance) => instance).filter((instance) => !apart.has(instance));
}

/** By number of a process type: those of its instances that are symmetric, at least two. */
export type Symmetric = ReadonlyMap<number, readonly number[]>;

/** What is symmetric in a model. */
export function symmetricTypes(model: Model): Symmetric {
  const all = model.processes.map((type, i): [number, number[]] => [i, symmetric(model, type)]);
  return new Map(all.filter(([, instances]) => instances.length > 1));
}
