/** Finds what is wrong with a Model before any engine sees it. */
import { SeamlockError } from "../errors.ts";
import { typeRange } from "./layout.ts";
import { declaration, type RangeScope, rangeOf, stepScope } from "./range.ts";
import type { Effect, Expr, Model, ProcessType, Property, Step, Variable } from "./types.ts";
import { children, reachableLabels, stepExprs, visitEffects } from "./walk.ts";

/** Where in the model a problem is, for messages: `vcpu at E0, alternative 1`. */
type Report = (code: string, message: string, hint?: string) => void;

interface Scope extends RangeScope {
  readonly where: string;
  readonly report: Report;
}

const KIND_BITS = 30;

/** All problems of a model, in the order of its text. An empty list: every engine accepts it. */
export function problems(model: Model): SeamlockError[] {
  const found: SeamlockError[] = [];
  const report: Report = (code, message, hint) => {
    found.push(new SeamlockError(code, `model ${model.name}: ${message}`, hint === undefined ? {} : { hint }));
  };
  checkOperations(model, report);
  // What no operation of the language is has no operands that could be looked at.
  if (found.length > 0) return found;
  checkNames(model, report);
  for (const variable of model.variables) checkVariable(model, variable, report);
  for (const process of model.processes) checkProcess(model, process, report);
  for (const property of model.properties) checkProperty(model, property, report);
  return found;
}

/** Throw the first problem; its hint says how many more there are. Returns the model, so that it can wrap an expression. */
export function validate(model: Model): Model {
  const [first, ...rest] = problems(model);
  if (first === undefined) return model;
  if (rest.length === 0) throw first;
  const more = `${rest.length} more: ${rest
    .slice(0, 3)
    .map((problem) => problem.message)
    .join("; ")}`;
  throw new SeamlockError(first.code, first.message, { hint: first.hint === null ? more : `${first.hint}; ${more}` });
}

/** All operations that expressions have; typed, so that a new one cannot be forgotten. */
const OPERATIONS: Readonly<Record<Expr["op"], true>> = {
  const: true,
  var: true,
  local: true,
  at: true,
  self: true,
  param: true,
  bnot: true,
  not: true,
  and: true,
  or: true,
  ite: true,
  forall: true,
  exists: true,
  count: true,
  eq: true,
  ne: true,
  lt: true,
  le: true,
  gt: true,
  ge: true,
  add: true,
  sub: true,
  mul: true,
  div: true,
  mod: true,
  band: true,
  bor: true,
  bxor: true,
  shl: true,
  shr: true,
};

/** A model may come from a file or from another program, whose types nobody checked. */
function checkOperations(model: Model, report: Report): void {
  const check = (expr: Expr, where: string): void => {
    if (!Object.hasOwn(OPERATIONS, expr.op)) {
      report(
        "SL4014",
        `${where}: the language has no operation \`${expr.op}\``,
        "build expressions with the library's functions",
      );
    } else for (const child of children(expr)) check(child, where);
  };
  for (const process of model.processes) {
    for (const { name, steps } of process.labels) {
      for (const step of steps) for (const expr of stepExprs(step)) check(expr, `${process.name} at ${name}`);
    }
  }
  for (const property of model.properties) {
    const exprs = property.kind === "leads-to" ? [property.from, property.to] : [property.expr];
    for (const expr of exprs) check(expr, `property ${property.name}`);
  }
}

function duplicates(names: readonly string[]): string[] {
  return [...new Set(names.filter((name, i) => names.indexOf(name) !== i))];
}

function checkNames(model: Model, report: Report): void {
  const say = (what: string, names: readonly string[]) => {
    for (const name of duplicates(names)) report("SL4002", `${what} ${name} is declared twice`);
  };
  const globals = model.variables.map((variable) => variable.name);
  say("variable", globals);
  say(
    "process type or scalar set",
    [...model.processes, ...model.scalarSets].map((set) => set.name),
  );
  say(
    "property",
    model.properties.map((property) => property.name),
  );
  for (const process of model.processes) {
    const locals = process.locals.map((variable) => variable.name);
    say(`local variable of ${process.name}`, locals);
    say(
      `label of ${process.name}`,
      process.labels.map((label) => label.name),
    );
    for (const name of locals.filter((local) => globals.includes(local))) {
      report("SL4002", `local variable ${name} of ${process.name} hides a global`, "give one of them another name");
    }
  }
}

/** How many indices a process type or scalar set has; undefined: there is none of that name. */
function sizeOf(model: Model, name: string): number | undefined {
  const set = [...model.processes, ...model.scalarSets].find((one) => one.name === name);
  return set === undefined ? undefined : "count" in set ? set.count : set.size;
}

/** What goes through a process type or scalar set has exactly its indices: an engine that renumbers these takes it to have one place for each. */
function checkOver(model: Model, over: string | null, size: number | null, what: string, report: Report): void {
  if (over === null) return;
  const wanted = sizeOf(model, over);
  if (wanted === undefined) report("SL4009", `${what} the unknown set ${over}`);
  else if (wanted !== size)
    report(
      "SL4012",
      `${what} ${over}, of which there are ${wanted}, and ${size === null ? "is no array" : `has the size ${size}`}`,
      "give it that size, or no name of a set",
    );
}

function checkVariable(model: Model, variable: Variable, report: Report): void {
  const { type, size, by } = variable;
  if (type.kind === "index" && sizeOf(model, type.of) === undefined)
    report("SL4009", `variable ${variable.name} indexes the unknown set ${type.of}`);
  checkOver(model, by, size, `array ${variable.name} is indexed by`, report);
  const [min, max] = typeRange(model, type);
  if (!(Number.isInteger(min) && Number.isInteger(max) && min <= max)) {
    report("SL4012", `variable ${variable.name} has no values: ${min}..${max}`, "state its smallest value first");
  } else if (max - min >= 2 ** KIND_BITS || Math.abs(min) > 2 ** KIND_BITS || max > 2 ** KIND_BITS) {
    report("SL4012", `variable ${variable.name} needs more than ${KIND_BITS} bits`, "split the word into fields");
  }
  if (size !== null && !(Number.isInteger(size) && size >= 1))
    report("SL4012", `array ${variable.name} has size ${size}`);
  const inits = typeof variable.init === "number" ? [variable.init] : variable.init;
  if (typeof variable.init !== "number" && variable.init.length !== (size ?? 1)) {
    report("SL4012", `array ${variable.name} has ${size} elements and ${variable.init.length} initial values`);
  }
  for (const init of inits.filter((value) => !(value >= min && value <= max))) {
    report("SL4005", `the initial value ${init} of ${variable.name} is outside ${min}..${max}`);
  }
}

function checkProcess(model: Model, process: ProcessType, report: Report): void {
  for (const variable of process.locals) checkVariable(model, variable, report);
  if (!(process.count >= 1)) report("SL4012", `process type ${process.name} has ${process.count} instances`);
  const labels = new Map(process.labels.map((label) => [label.name, label]));
  if (!labels.has(process.start))
    report("SL4006", `process ${process.name} starts at the unknown label "${process.start}"`);
  for (const label of process.labels) {
    if (label.steps.length === 0 && !label.idle) {
      report(
        "SL4008",
        `label ${label.name} of ${process.name} has no steps and is not idle`,
        `add a step, or declare it with idle("${label.name}")`,
      );
    }
    label.steps.forEach((step, i) => {
      const where = `${process.name} at ${label.name}, alternative ${i}`;
      if (!labels.has(step.next)) report("SL4006", `${where} goes to the unknown label ${step.next}`);
      checkStep({ ...stepScope(model, process, step.choose), where, report }, step);
    });
  }
  const reached = reachableLabels(process);
  for (const { name } of process.labels.filter((label) => !reached.has(label.name)))
    report(
      "SL4007",
      `label ${name} of ${process.name} is never reached`,
      "remove it, or add the step that leads there",
    );
}

function checkStep(scope: Scope, step: Step): void {
  for (const { param, over, size } of step.choose) {
    checkOver(scope.model, over, size, `${scope.where}: the choice ${param} is among`, scope.report);
    if (!(size >= 1)) scope.report("SL4012", `${scope.where}: the choice ${param} has ${size} values`);
  }
  expectSort(scope, step.guard, "bool");
  visitEffects(step.effects, (effect) => checkEffect(scope, effect));
  if (step.meta.object !== undefined) expectSort(scope, step.meta.object, "int");
}

function checkEffect(scope: Scope, effect: Effect): void {
  if (effect.kind !== "set") return expectSort(scope, effect.condition, "bool");
  const variable = declaration(scope, effect.name);
  if (variable === undefined) return undefinedVariable(scope, effect.name);
  checkIndexing(scope, variable, effect.index);
  expectSort(scope, effect.value, variable.type.kind === "bool" ? "bool" : "int");
  const wanted = variable.type.kind === "enum" ? variable.type.name : null;
  checkEnums(scope, wanted, enumOfExpr(scope, effect.value), effect.value, effect.name);
  const [min, max] = typeRange(scope.model, variable.type);
  const [low, high] = rangeOf(scope, effect.value);
  if (low > max || high < min) {
    scope.report(
      "SL4005",
      `${scope.where}: ${effect.name} (${min}..${max}) is assigned ${low === high ? low : `${low}..${high}`}`,
      "widen its type or wrap the value",
    );
  }
}

const undefinedVariable = (scope: Scope, name: string): void =>
  scope.report("SL4003", `${scope.where}: the variable ${name} is not declared`);

function expectSort(scope: Scope, expr: Expr, sort: "bool" | "int"): void {
  if (expr.sort !== sort) scope.report("SL4004", `${scope.where}: a ${expr.sort} stands where a ${sort} is expected`);
  checkExpr(scope, expr);
}

function checkIndexing(scope: Scope, variable: Variable, index: Expr | null): void {
  if (index === null) {
    if (variable.size !== null) scope.report("SL4010", `${scope.where}: the array ${variable.name} needs an index`);
    return;
  }
  if (variable.size === null) return scope.report("SL4010", `${scope.where}: ${variable.name} is no array`);
  expectSort(scope, index, "int");
  const [low, high] = rangeOf(scope, index);
  if (low >= variable.size || high < 0)
    scope.report("SL4013", `${scope.where}: ${variable.name}[${low}] is outside 0..${variable.size - 1}`);
}

/** The enum type of an expression's values: its name, null for plain integers, undefined when the expression is a mere number that fits either. */
function enumOfExpr(scope: Scope, expr: Expr): string | null {
  if (expr.op === "const") return expr.enum;
  if (expr.op === "ite") return enumOfExpr(scope, expr.then);
  const variable =
    expr.op === "var"
      ? declaration(scope, expr.name)
      : expr.op === "local"
        ? localOf(scope.model, expr.process, expr.name)
        : undefined;
  return variable?.type.kind === "enum" ? variable.type.name : null;
}

function checkEnums(scope: Scope, a: string | null, b: string | null, expr: Expr, name: string): void {
  if (a === b || expr.sort === "bool") return;
  scope.report(
    "SL4004",
    `${scope.where}: ${name} is ${a ?? "an integer"}, the other side is ${b ?? "an integer"}`,
    "use the enum's own constants",
  );
}

const localOf = (model: Model, process: string, name: string): Variable | undefined =>
  model.processes.find((type) => type.name === process)?.locals.find((variable) => variable.name === name);

/** Check a node against its declaration and its operands' sorts, and everything below it. */
function checkExpr(scope: Scope, expr: Expr): void {
  switch (expr.op) {
    case "var":
      return checkRead(scope, expr, declaration(scope, expr.name));
    case "local":
      expectSort(scope, expr.instance, "int");
      if (!scope.model.processes.some((type) => type.name === expr.process)) {
        return scope.report("SL4009", `${scope.where}: there is no process type ${expr.process}`);
      }
      return checkRead(scope, expr, localOf(scope.model, expr.process, expr.name));
    case "at":
      return checkAt(scope, expr);
    case "self":
      if (scope.process === null)
        scope.report(
          "SL4011",
          `${scope.where}: a property has no running process`,
          "name the instance instead of self",
        );
      return;
    case "param":
      if (scope.params[expr.name] === undefined)
        scope.report("SL4011", `${scope.where}: the parameter ${expr.name} is not bound`);
      return;
    case "eq":
    case "ne":
      if (expr.a.sort !== expr.b.sort)
        scope.report("SL4004", `${scope.where}: a ${expr.a.sort} is compared with a ${expr.b.sort}`);
      checkEnums(scope, enumOfExpr(scope, expr.a), enumOfExpr(scope, expr.b), expr.a, "one side of a comparison");
      break;
    case "forall":
    case "exists":
    case "count":
      checkOver(scope.model, expr.over, expr.size, `${scope.where}: \`${expr.op}\` goes through`, scope.report);
      return expectSort({ ...scope, params: { ...scope.params, [expr.param]: [0, expr.size - 1] } }, expr.body, "bool");
    case "and":
    case "or":
    case "not":
      for (const child of children(expr)) expectSort(scope, child, "bool");
      return;
    case "ite":
      expectSort(scope, expr.cond, "bool");
      expectSort(scope, expr.then, expr.sort);
      expectSort(scope, expr.else, expr.sort);
      return;
    case "const":
      if (!Number.isInteger(expr.value))
        scope.report("SL4005", `${scope.where}: the constant ${expr.value} is no integer`);
      return;
    default:
      for (const child of children(expr)) expectSort(scope, child, "int");
      return;
  }
  for (const child of children(expr)) checkExpr(scope, child);
}

function checkRead(scope: Scope, expr: Expr & { op: "var" | "local" }, variable: Variable | undefined): void {
  if (variable === undefined) return undefinedVariable(scope, expr.name);
  const sort = variable.type.kind === "bool" ? "bool" : "int";
  if (expr.sort !== sort)
    scope.report("SL4004", `${scope.where}: ${expr.name} is a ${sort} and is read as a ${expr.sort}`);
  checkIndexing(scope, variable, expr.index);
}

function checkAt(scope: Scope, expr: Expr & { op: "at" }): void {
  expectSort(scope, expr.instance, "int");
  const type = scope.model.processes.find((process) => process.name === expr.process);
  if (type === undefined) return scope.report("SL4009", `${scope.where}: there is no process type ${expr.process}`);
  for (const label of expr.labels.filter((name) => !type.labels.some((known) => known.name === name))) {
    scope.report("SL4006", `${scope.where}: ${expr.process} has no label ${label}`);
  }
}

function checkProperty(model: Model, property: Property, report: Report): void {
  const scope: Scope = { model, process: null, params: {}, where: `property ${property.name}`, report };
  if (property.kind !== "leads-to") return expectSort(scope, property.expr, "bool");
  expectSort(scope, property.from, "bool");
  expectSort(scope, property.to, "bool");
  for (const fair of property.fairness) {
    const type = model.processes.find((process) => process.name === fair.process);
    if (type === undefined) report("SL4009", `property ${property.name}: there is no process type ${fair.process}`);
    for (const label of fair.labels ?? []) {
      if (type !== undefined && !type.labels.some((known) => known.name === label))
        report("SL4006", `property ${property.name}: ${fair.process} has no label ${label}`);
    }
  }
}
