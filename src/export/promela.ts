/**
 * A Model as Promela, for SPIN. Every step is one `d_step`, every label one control state, so SPIN (built with -DSAFETY -DNOREDUCE)
 * reaches the same number of states as our plain search; with `-c0`, which goes on after a violation, also where something is violated.
 *
 * Locals become global arrays over instances, since properties and other processes may read them; that adds no states. Where a property or
 * a guard asks for a label, a mirror of the program counter is kept, which adds none either. A step that would fail an assertion or leave
 * a variable's range is replaced by one that reports it and changes nothing. Names are prefixed, so that none is a word of Promela or C.
 */
import {
  type Effect,
  type Expr,
  holds,
  type IntExpr,
  initialState,
  type Label,
  layoutOf,
  type Model,
  mapEffects,
  mapModel,
  type ProcessType,
  type RangeScope,
  rangeOf,
  type Step,
  stepScope,
  substitute,
  typeRange,
  type Variable,
  validate,
  visitExpr,
} from "../language/index.ts";
import { type Fault, possibleFaults } from "./faults.ts";
import { Names } from "./names.ts";

/** A property as it is called in an export. `deadlock` has one, too, where the model forbids it. */
export interface ExportedCheck {
  readonly kind: "always" | "assertion" | "range" | "deadlock";
  /** The name under which our checker reports a violation. */
  readonly property: string;
  /** The name that the other tool prints. */
  readonly exported: string;
}

/** A model in Promela. */
export interface PromelaExport {
  readonly text: string;
  /** What SPIN reports: `assertion violated (exported||…)`, and `invalid end state` for a deadlock. */
  readonly checks: readonly ExportedCheck[];
}

interface Context {
  readonly model: Model;
  readonly names: Names;
  /** Process types whose program counters are looked at. */
  readonly mirrored: ReadonlySet<string>;
  readonly scope: RangeScope;
  /** The expression for the running instance's index. */
  readonly self: string;
  readonly checks: ExportedCheck[];
}

const INVARIANTS = "check_invariants";

/** The flag, always 0, whose name says in SPIN's message what is violated. */
function flag(c: Context, kind: ExportedCheck["kind"], property: string): string {
  const exported = c.names.of("violated", `${property}${kind === "always" ? "" : `_${kind}`}`);
  if (!c.checks.some((check) => check.exported === exported)) c.checks.push({ kind, property, exported });
  return exported;
}

const variableName = (c: Context, owner: string | null, name: string): string =>
  c.names.of(owner === null ? "v" : `v_${owner}`, name);

function elementType(model: Model, variable: Variable): string {
  const [min, max] = typeRange(model, variable.type);
  if (min < 0) return min >= -32768 && max <= 32767 ? "short" : "int";
  if (max <= 1) return "bit";
  if (max <= 255) return "byte";
  return max <= 32767 ? "short" : "int";
}

/** A C-like conditional, evaluated lazily. */
const conditional = (test: string, then: string, otherwise: string): string => `(${test} -> ${then} : ${otherwise})`;

function showVariable(
  c: Context,
  owner: string | null,
  instance: string,
  variable: Variable,
  index: IntExpr | null,
): string {
  const name = variableName(c, owner, variable.name);
  const count = owner === null ? 1 : (c.model.processes.find((type) => type.name === owner)?.count ?? 1);
  const size = variable.size ?? 1;
  const element = index === null ? "0" : show(c, index);
  const at = owner === null ? element : size === 1 ? instance : `${instance} * ${size} + ${element}`;
  if (owner === null && variable.size === null) return name;
  if (owner !== null && count === 1 && size === 1) return name;
  return `${name}[${at}]`;
}

/** Out of the array: 0. The test is left out where the index is known to be inside. */
function guarded(c: Context, variable: Variable, index: IntExpr | null, read: string): string {
  if (index === null) return read;
  const [low, high] = rangeOf(c.scope, index);
  const size = variable.size ?? 1;
  if (low >= 0 && high < size) return read;
  const i = show(c, index);
  return conditional(`(${i}) >= 0 && (${i}) < ${size}`, read, "0");
}

function showVar(c: Context, expr: Expr & { op: "var" }): string {
  const local = c.scope.process?.locals.find((variable) => variable.name === expr.name);
  const variable = local ?? c.model.variables.find((candidate) => candidate.name === expr.name);
  if (variable === undefined) return "0";
  const read = showVariable(
    c,
    local === undefined ? null : (c.scope.process?.name ?? null),
    c.self,
    variable,
    expr.index,
  );
  return guarded(c, variable, expr.index, read);
}

function showLocal(c: Context, expr: Expr & { op: "local" }): string {
  const type = c.model.processes.find((process) => process.name === expr.process);
  const variable = type?.locals.find((candidate) => candidate.name === expr.name);
  if (type === undefined || variable === undefined) return "0";
  const instance = show(c, expr.instance);
  const read = guarded(c, variable, expr.index, showVariable(c, type.name, `(${instance})`, variable, expr.index));
  const [low, high] = rangeOf(c.scope, expr.instance);
  return low >= 0 && high < type.count
    ? read
    : conditional(`(${instance}) >= 0 && (${instance}) < ${type.count}`, read, "0");
}

function showAt(c: Context, expr: Expr & { op: "at" }): string {
  const type = c.model.processes.find((process) => process.name === expr.process) as ProcessType;
  const instance = show(c, expr.instance);
  const pc = `${c.names.of("pc", type.name)}[${instance}]`;
  const tests = expr.labels.map((name) => `${pc} == ${type.labels.findIndex((label) => label.name === name)}`);
  const any = tests.length === 0 ? "false" : tests.join(" || ");
  const [low, high] = rangeOf(c.scope, expr.instance);
  return low >= 0 && high < type.count
    ? `(${any})`
    : conditional(`(${instance}) >= 0 && (${instance}) < ${type.count}`, `(${any})`, "false");
}

const SYMBOL: Readonly<Record<string, string>> = {
  add: "+",
  sub: "-",
  mul: "*",
  band: "&",
  bor: "|",
  bxor: "^",
  shl: "<<",
  shr: ">>",
  eq: "==",
  ne: "!=",
  lt: "<",
  le: "<=",
  gt: ">",
  ge: ">=",
};

function quantifier(c: Context, expr: Expr & { op: "forall" | "exists" | "count" }): string {
  const bodies = Array.from({ length: expr.size }, (_, i) => {
    const body = substitute(expr.body, { [expr.param]: { op: "const", sort: "int", value: i, enum: null } });
    return show(c, body);
  });
  const joined = bodies.join({ forall: " && ", exists: " || ", count: " + " }[expr.op]);
  return bodies.length === 0 ? (expr.op === "forall" ? "true" : "0") : `(${joined})`;
}

function show(c: Context, expr: Expr): string {
  switch (expr.op) {
    case "const":
      return expr.value < 0 ? `(${expr.value})` : String(expr.value);
    case "self":
      return c.self;
    case "param":
      return "0";
    case "var":
      return showVar(c, expr);
    case "local":
      return showLocal(c, expr);
    case "at":
      return showAt(c, expr);
    case "and":
    case "or":
      if (expr.args.length === 0) return expr.op === "and" ? "true" : "false";
      return `(${expr.args.map((arg) => show(c, arg)).join(expr.op === "and" ? " && " : " || ")})`;
    case "not":
      return `!(${show(c, expr.a)})`;
    case "bnot":
      return `((${show(c, expr.a)} ^ (-1)) & ${2 ** expr.bits - 1})`;
    case "ite":
      return conditional(show(c, expr.cond), show(c, expr.then), show(c, expr.else));
    case "forall":
    case "exists":
    case "count":
      return quantifier(c, expr);
    case "div":
    case "mod": {
      const [a, b] = [show(c, expr.a), show(c, expr.b)];
      const [low, high] = rangeOf(c.scope, expr.b);
      const result = `(${a} ${expr.op === "div" ? "/" : "%"} ${b})`;
      return low <= 0 && high >= 0 ? conditional(`(${b}) == 0`, "0", result) : result;
    }
    default:
      return `(${show(c, expr.a)} ${SYMBOL[expr.op]} ${show(c, expr.b)})`;
  }
}

function assign(c: Context, effect: Effect & { kind: "set" }): string {
  const local = c.scope.process?.locals.find((variable) => variable.name === effect.name);
  const variable = (local ?? c.model.variables.find((candidate) => candidate.name === effect.name)) as Variable;
  const owner = local === undefined ? null : (c.scope.process?.name ?? null);
  return `${showVariable(c, owner, c.self, variable, effect.index)} = ${show(c, effect.value)}`;
}

/** Effects of a step that does not fail. */
function effects(c: Context, list: readonly Effect[]): string[] {
  return list.flatMap((effect) => {
    if (effect.kind === "set") return [assign(c, effect)];
    if (effect.kind === "assert") return [];
    const then = effects(c, effect.then).join("; ") || "skip";
    const otherwise = effects(c, effect.else).join("; ") || "skip";
    return [`if :: ${show(c, effect.condition)} -> ${then} :: else -> ${otherwise} fi`];
  });
}

/** The step with each choice made: one alternative per combination. */
function alternatives(step: Step): Step[] {
  let found: Step[] = [{ ...step, choose: [] }];
  for (const { param, size } of step.choose) {
    found = found.flatMap((one) =>
      Array.from({ length: size }, (_, value) => {
        const constant: Record<string, IntExpr> = { [param]: { op: "const", sort: "int", value, enum: null } };
        const map = <E extends Expr>(expr: E): E => substitute(expr, constant);
        return { ...one, guard: map(one.guard), effects: mapEffects(one.effects, map) };
      }),
    );
  }
  return found;
}

const labelName = (c: Context, type: ProcessType, label: Label): string =>
  c.names.of(`${label.idle || !c.model.deadlock ? "end" : "at"}_${type.name}`, label.name);

/** An alternative of a label: one atomic step, and where it leads. */
const alternative = (parts: readonly string[], label: string): string =>
  `:: d_step { ${parts.map((part) => (part === "1" ? "true" : part)).join("; ")} }; goto ${label}`;

/** Report the first fault that happens. */
function reported(c: Context, [first, ...rest]: readonly Fault[]): string {
  if (first === undefined) return "skip";
  const report = `assert(${flag(c, first.kind, first.name)})`;
  return rest.length === 0 ? report : `if :: ${show(c, first.when)} -> ${report} :: else -> ${reported(c, rest)} fi`;
}

function showStep(c: Context, type: ProcessType, label: Label, step: Step): string[] {
  const next = type.labels.find((candidate) => candidate.name === step.next) as Label;
  const invariants = c.model.properties.some(({ kind }) => kind === "always") ? [`${INVARIANTS}()`] : [];
  const mirror =
    c.mirrored.has(type.name) && next !== label
      ? [`${c.names.of("pc", type.name)}[${c.self}] = ${type.labels.indexOf(next)}`]
      : [];
  const guard = show(c, step.guard);
  const taken = [...effects(c, step.effects), ...mirror, ...invariants];
  const faults = possibleFaults(c.model, type, step);
  if (faults.length === 0) return [alternative([guard, ...taken], labelName(c, type, next))];
  const failing = faults.map(({ when }) => show(c, when)).join(" || ");
  return [
    alternative([`${guard} && !(${failing})`, ...taken], labelName(c, type, next)),
    alternative([`${guard} && (${failing})`, reported(c, faults)], labelName(c, type, label)),
  ];
}

/** A step that reports what the initial state violates: the other places where invariants are looked at come after a step. */
function initialViolations(c: Context, type: ProcessType): string[] {
  const layout = layoutOf(c.model);
  const broken = c.model.properties.some(
    (property) => property.kind === "always" && !holds(layout, initialState(layout), property.expr),
  );
  const start = type.labels.find(({ name }) => name === type.start) as Label;
  return broken ? [alternative(["true", `${INVARIANTS}()`], labelName(c, type, start))] : [];
}

function showProcess(c: Context, type: ProcessType, firstPid: number): string {
  const self = type.count === 1 ? "0" : firstPid === 0 ? "_pid" : `(_pid - ${firstPid})`;
  const lines = [`active [${type.count}] proctype ${c.names.of("p", type.name)}() {`];
  const start = type.labels.find((label) => label.name === type.start);
  const ordered = [start as Label, ...type.labels.filter((label) => label !== start)];
  for (const label of ordered) {
    const steps = label.steps.flatMap((step) =>
      alternatives(step).flatMap((one) =>
        showStep({ ...c, self, scope: stepScope(c.model, type, one.choose) }, type, label, one),
      ),
    );
    if (firstPid === 0 && label === start) steps.push(...initialViolations(c, type));
    const name = labelName(c, type, label);
    lines.push(steps.length === 0 ? `${name}: false;` : `${name}: if\n  ${steps.join("\n  ")}\n  fi;`);
  }
  return `${lines.join("\n")}\n}`;
}

/** What every step looks at when it is done. */
function invariants(c: Context): string[] {
  const asserts = c.model.properties.flatMap((property) =>
    property.kind === "always" ? [`assert(${flag(c, "always", property.name)} || ${show(c, property.expr)})`] : [],
  );
  return asserts.length === 0 ? [] : [`#define ${INVARIANTS}() ${asserts.join("; ")}`];
}

/** One declaration. */
function declare(c: Context, owner: ProcessType | null, variable: Variable): string {
  const count = (owner?.count ?? 1) * (variable.size ?? 1);
  const array = owner === null ? variable.size !== null : count > 1;
  const inits = Array.from({ length: count }, (_, i) =>
    typeof variable.init === "number" ? variable.init : (variable.init[i % (variable.size ?? 1)] ?? 0),
  );
  const name = variableName(c, owner?.name ?? null, variable.name);
  const type = elementType(c.model, variable);
  if (!array) return `${type} ${name} = ${inits[0]};`;
  return `${type} ${name}[${count}] = ${inits.every((init) => init === inits[0]) ? inits[0] : `{ ${inits.join(", ")} }`};`;
}

function mirroredTypes(model: Model): Set<string> {
  const found = new Set<string>();
  mapModel(model, (expr) => {
    visitExpr(expr, (inner) => {
      if (inner.op === "at") found.add(inner.process);
    });
    return expr;
  });
  return found;
}

/** `leads-to` properties as LTL, each behind its own macro, since a claim changes what SPIN explores. */
function liveness(c: Context): string[] {
  const scope = { model: c.model, process: null, params: {} };
  return c.model.properties.flatMap((property, i) => {
    if (property.kind !== "leads-to") return [];
    const [from, to] = [show({ ...c, scope }, property.from), show({ ...c, scope }, property.to)];
    return [`#ifdef LTL_${i}`, `ltl ${c.names.of("ltl", property.name)} { [] ((${from}) -> <> (${to})) }`, "#endif"];
  });
}

/** A generous estimate of the bytes that SPIN needs for one state; it has room for 1024 unless told otherwise. */
function vectorSize(c: Context): number {
  const width = { bit: 1, byte: 1, short: 2, int: 4 };
  const bytes = (variable: Variable, count: number): number =>
    width[elementType(c.model, variable) as keyof typeof width] * count * (variable.size ?? 1) + 4;
  const globals = c.model.variables.reduce((sum, variable) => sum + bytes(variable, 1), 0);
  return c.model.processes.reduce(
    (sum, { locals, count }) => locals.reduce((all, local) => all + bytes(local, count), sum) + 16 * count,
    globals + 64,
  );
}

const COMMAND = "spin -o2 -a FILE; gcc -O2 -DSAFETY -DNOREDUCE";

/** Write a model in Promela. */
export function toPromela(model: Model): PromelaExport {
  validate(model);
  const c: Context = {
    model,
    names: new Names([]),
    mirrored: mirroredTypes(model),
    scope: { model, process: null, params: {} },
    self: "0",
    checks: [],
  };
  const macro = invariants(c);
  let pid = 0;
  const processes = model.processes.map((type) => {
    const text = showProcess(c, type, pid);
    pid += type.count;
    return text;
  });
  const mirrors = model.processes.filter(({ name }) => c.mirrored.has(name));
  const size = vectorSize(c);
  const vector = size > 1000 ? ` -DVECTORSZ=${2 ** Math.ceil(Math.log2(size))}` : "";
  const lines = [
    `/* ${`${model.name}: ${model.description}`.replaceAll("*/", "* /")}`,
    `   Written by seamlock. ${COMMAND}${vector} -o pan pan.c; ./pan -c0 -m10000000 -w24`,
    "   Distinct states equal those of `seamlock check --no-reduction`; without -o2 SPIN forgets variables that nothing reads.",
    "   -c0 goes on after a violation; the message `assertion violated` names it. */",
    ...c.checks.map(({ exported }) => `hidden byte ${exported} = 0;`),
    ...model.variables.map((variable) => declare(c, null, variable)),
    ...model.processes.flatMap((type) => type.locals.map((variable) => declare(c, type, variable))),
    ...mirrors.map(
      (type) =>
        `${type.labels.length > 256 ? "short" : "byte"} ${c.names.of("pc", type.name)}[${type.count}] = ${type.labels.findIndex((label) => label.name === type.start)};`,
    ),
    ...macro,
    ...processes.flatMap((text) => ["", text]),
    "",
    ...liveness(c),
  ];
  const deadlock: ExportedCheck[] = model.deadlock
    ? [{ kind: "deadlock", property: "deadlock", exported: "invalid end state" }]
    : [];
  return { text: `${lines.join("\n")}\n`, checks: [...c.checks, ...deadlock] };
}
