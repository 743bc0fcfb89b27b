/**
 * A Model as TLA+, for TLC (also in its distributed mode). The module has one action per step; TLC finds the same number of distinct states
 * as our plain search. The effects of a step run in order, so each becomes a LET over the values that the earlier ones made.
 *
 * Everything that can be violated is an invariant: `always` properties; that no step is about to fail an assertion or leave a range
 * (such a step is not taken, as in our search); and that there is no deadlock. TLC's own deadlock check is off, so that a state in which
 * every process may stay for ever needs no step. Names are prefixed, so that none is a word of TLA+ or of its standard modules.
 */
import {
  type Effect,
  type Expr,
  type Fairness,
  type IntExpr,
  type Model,
  type ProcessType,
  type RangeScope,
  rangeOf,
  type Step,
  stepScope,
  type Variable,
  validate,
} from "../language/index.ts";
import { type Fault, possibleFaults } from "./faults.ts";
import { Names } from "./names.ts";
import type { ExportedCheck } from "./promela.ts";

/** Names that a module must not have, since those of TLA+'s own have them. */
const MODULES =
  "Integers FiniteSets TLC Naturals Sequences TLCExt Reals Bags Json Randomization RealTime Toolbox".split(" ");

/** Where an expression stands, and which operator holds the current value of each variable. */
interface Context {
  readonly model: Model;
  readonly names: Names;
  readonly scope: RangeScope;
  readonly current: ReadonlyMap<string, string>;
  readonly labels: Labels;
}

/** Labels in the texts of TLA+, by process type. */
class Labels {
  readonly #known = new Map<string, Map<string, string>>();

  of(process: string, label: string): string {
    const known = this.#known.get(process) ?? new Map<string, string>();
    this.#known.set(process, known);
    const old = known.get(label);
    if (old !== undefined) return old;
    const plain = label.replace(/[^ !#-[\]-~]/g, "_");
    const taken = new Set(known.values());
    let text = plain;
    for (let i = 2; taken.has(text); i++) text = `${plain} ${i}`;
    known.set(label, text);
    return text;
  }
}

const owner = (c: Context, name: string): ProcessType | null =>
  c.scope.process?.locals.some((local) => local.name === name) ? c.scope.process : null;
const plainName = (c: Context, type: ProcessType | null, name: string): string =>
  c.names.of(type === null ? "v" : `v_${type.name}`, name);
/** A label as a string that TLA+ can read: printable ASCII without quotes. */
const labelText = (c: Context, type: ProcessType, label: string): string =>
  JSON.stringify(c.labels.of(type.name, label));
const variableName = (c: Context, type: ProcessType | null, name: string): string => {
  const plain = plainName(c, type, name);
  return c.current.get(plain) ?? plain;
};

const inside = (index: string, size: number, read: string, otherwise: string): string =>
  `(IF ${index} \\in 0..${size - 1} THEN ${read} ELSE ${otherwise})`;
const zero = (variable: Variable): string => (variable.type.kind === "bool" ? "FALSE" : "0");

function element(c: Context, variable: Variable, base: string, index: IntExpr | null): string {
  if (index === null) return base;
  const i = show(c, index);
  const [low, high] = rangeOf(c.scope, index);
  const size = variable.size ?? 1;
  return low >= 0 && high < size ? `${base}[${i}]` : inside(i, size, `${base}[${i}]`, zero(variable));
}

function readVariable(c: Context, expr: Expr & { op: "var" }): string {
  const type = owner(c, expr.name);
  const variable = (type?.locals ?? c.model.variables).find((candidate) => candidate.name === expr.name) as Variable;
  const name = variableName(c, type, expr.name);
  return element(c, variable, type === null ? name : `${name}[self]`, expr.index);
}

/** Something of an instance whose number may lie outside. */
function ofInstance(
  c: Context,
  type: ProcessType,
  instance: IntExpr,
  read: (i: string) => string,
  otherwise: string,
): string {
  const i = show(c, instance);
  const [low, high] = rangeOf(c.scope, instance);
  return low >= 0 && high < type.count ? read(i) : inside(i, type.count, read(i), otherwise);
}

function readLocal(c: Context, expr: Expr & { op: "local" }): string {
  const type = c.model.processes.find((process) => process.name === expr.process) as ProcessType;
  const variable = type.locals.find((candidate) => candidate.name === expr.name) as Variable;
  return ofInstance(
    c,
    type,
    expr.instance,
    (i) => element(c, variable, `${variableName(c, type, expr.name)}[${i}]`, expr.index),
    zero(variable),
  );
}

function readAt(c: Context, expr: Expr & { op: "at" }): string {
  const type = c.model.processes.find((process) => process.name === expr.process) as ProcessType;
  const labels = `{${expr.labels.map((label) => labelText(c, type, label)).join(", ")}}`;
  return ofInstance(c, type, expr.instance, (i) => `(${c.names.of("pc", type.name)}[${i}] \\in ${labels})`, "FALSE");
}

const SYMBOL: Readonly<Record<string, string>> = {
  add: "+",
  sub: "-",
  mul: "*",
  eq: "=",
  ne: "#",
  lt: "<",
  le: "<=",
  gt: ">",
  ge: ">=",
};
const BITS: Readonly<Record<string, string>> = { band: "BitAnd", bor: "BitOr", bxor: "BitXor" };

function arithmetic(c: Context, expr: Expr & { a: Expr; b: Expr }): string {
  const [a, b] = [show(c, expr.a), show(c, expr.b)];
  switch (expr.op) {
    case "div":
      return `Quotient(${a}, ${b})`;
    case "mod":
      return `Remainder(${a}, ${b})`;
    case "band": {
      const mask = expr.b.op === "const" ? expr.b.value + 1 : 0;
      // The low bits of a number: TLA+'s % is never negative, as the low bits of a machine word are not.
      return mask > 0 && (mask & (mask - 1)) === 0 ? `((${a}) % ${mask})` : `BitAnd(${a}, ${b})`;
    }
    case "bor":
    case "bxor":
      return `${BITS[expr.op]}(${a}, ${b})`;
    case "shl":
      return `((${a}) * (2^(${b})))`;
    case "shr":
      return `((${a}) \\div (2^(${b})))`;
    default:
      return `(${a} ${SYMBOL[expr.op]} ${b})`;
  }
}

function show(c: Context, expr: Expr): string {
  switch (expr.op) {
    case "const":
      if (expr.sort === "bool") return expr.value === 0 ? "FALSE" : "TRUE";
      return expr.value < 0 ? `(0 - ${-expr.value})` : String(expr.value);
    case "self":
      return "self";
    case "param":
      return paramName(expr.name);
    case "var":
      return readVariable(c, expr);
    case "local":
      return readLocal(c, expr);
    case "at":
      return readAt(c, expr);
    case "and":
    case "or":
      if (expr.args.length === 0) return expr.op === "and" ? "TRUE" : "FALSE";
      return `(${expr.args.map((arg) => show(c, arg)).join(expr.op === "and" ? " /\\ " : " \\/ ")})`;
    case "not":
      return `~(${show(c, expr.a)})`;
    case "bnot":
      return `((0 - 1 - ${show(c, expr.a)}) % ${2 ** expr.bits})`;
    case "ite":
      return `(IF ${show(c, expr.cond)} THEN ${show(c, expr.then)} ELSE ${show(c, expr.else)})`;
    case "forall":
    case "exists":
    case "count": {
      const inner = {
        ...c,
        scope: { ...c.scope, params: { ...c.scope.params, [expr.param]: [0, expr.size - 1] as const } },
      };
      const range = `${paramName(expr.param)} \\in 0..${expr.size - 1}`;
      const body = show(inner, expr.body);
      if (expr.op === "count") return `Cardinality({${range} : ${body}})`;
      return `(${expr.op === "forall" ? "\\A" : "\\E"} ${range} : ${body})`;
    }
    default:
      return arithmetic(c, expr as Expr & { a: Expr; b: Expr });
  }
}

const paramName = (name: string): string => `p_${name.replace("$", "q")}`;

/** Collects a step's LETs while its effects are written. */
class Writer {
  readonly lets: string[] = [];
  #fresh = 0;

  bind(value: string): string {
    const name = `t${++this.#fresh}`;
    this.lets.push(`${name} == ${value}`);
    return name;
  }
}

function assign(c: Context, writer: Writer, effect: Effect & { kind: "set" }): Context {
  const type = owner(c, effect.name);
  const name = variableName(c, type, effect.name);
  const value = writer.bind(show(c, effect.value));
  const path: string[] = type === null ? [] : ["self"];
  if (effect.index !== null) path.push(writer.bind(show(c, effect.index)));
  const updated = path.length === 0 ? value : `[${name} EXCEPT !${path.map((i) => `[${i}]`).join("")} = ${value}]`;
  return { ...c, current: new Map([...c.current, [plainName(c, type, effect.name), writer.bind(updated)]]) };
}

function branch(c: Context, writer: Writer, effect: Effect & { kind: "if" }): Context {
  const test = writer.bind(show(c, effect.condition));
  const then = effects(c, writer, effect.then);
  const otherwise = effects(c, writer, effect.else);
  const current = new Map(c.current);
  for (const name of new Set([...then.current.keys(), ...otherwise.current.keys()])) {
    const [a, b] = [then.current.get(name) ?? name, otherwise.current.get(name) ?? name];
    current.set(name, a === b ? a : writer.bind(`IF ${test} THEN ${a} ELSE ${b}`));
  }
  return { ...c, current };
}

/** Effects of a step that does not fail. */
function effects(c: Context, writer: Writer, list: readonly Effect[]): Context {
  return list.reduce((now, effect) => {
    if (effect.kind === "set") return assign(now, writer, effect);
    return effect.kind === "if" ? branch(now, writer, effect) : now;
  }, c);
}

/** A list of many operands; written between them, the operator would nest them, too deep for TLC's stack. */
function bulleted(operator: "/\\" | "\\/", operands: readonly string[]): string {
  if (operands.length === 0) return operator === "/\\" ? "TRUE" : "FALSE";
  return operands.map((operand) => `\n  ${operator} ${operand}`).join("");
}

const chosen = ({ choose }: Step): string =>
  choose.map(({ param, size }) => `\\E ${paramName(param)} \\in 0..${size - 1} : `).join("");

/** One step as an action of instance `self`. */
function action(c: Context, type: ProcessType, from: string, step: Step, all: readonly string[]): string {
  const writer = new Writer();
  const pc = c.names.of("pc", type.name);
  const scoped = { ...c, scope: stepScope(c.model, type, step.choose) };
  const faults = possibleFaults(c.model, type, step).map(({ when }) => ` /\\ ~${show(scoped, when)}`);
  const guard = `(${show(scoped, step.guard)})${faults.join("")}`;
  const after = effects(scoped, writer, step.effects);
  const changed = [...after.current.entries()];
  const moves = step.next !== from;
  if (moves) changed.push([pc, `[${pc} EXCEPT ![self] = ${labelText(c, type, step.next)}]`]);
  const rest = all.filter((name) => !changed.some(([other]) => other === name));
  const conjuncts = [
    ...changed.map(([name, value]) => `${name}' = ${value}`),
    ...(rest.length > 0 ? [`UNCHANGED <<${rest.join(", ")}>>`] : []),
  ];
  const lets = writer.lets.length === 0 ? "" : `LET ${writer.lets.join("\n             ")} IN `;
  const body = conjuncts.map((conjunct) => `/\\ ${conjunct}`).join("\n           ");
  return `${chosen(step)}${guard} /\\ (${lets}\n           ${body})`;
}

/** One action per label. */
function processActions(
  c: Context,
  type: ProcessType,
  all: readonly string[],
): { text: string[]; byLabel: Map<string, string> } {
  const byLabel = new Map<string, string>();
  const pc = c.names.of("pc", type.name);
  const text = type.labels.flatMap((label) => {
    if (label.steps.length === 0) return [];
    const name = c.names.of(`A_${type.name}`, label.name);
    byLabel.set(label.name, name);
    const steps = label.steps.map((step) => `     \\/ ${action(c, type, label.name, step, all)}`);
    return [`${name}(self) ==\n  /\\ ${pc}[self] = ${labelText(c, type, label.name)}\n  /\\\n${steps.join("\n")}`];
  });
  const any = bulleted(
    "\\/",
    [...byLabel.values()].map((name) => `${name}(self)`),
  );
  return { text: [...text, `${c.names.of("P", type.name)}(self) == ${any}`], byLabel };
}

/** Where a process stands and can take a step. */
interface StepAtLabel {
  readonly type: ProcessType;
  readonly label: string;
  readonly step: Step;
}

/** "Some instance at the place can take the step, and `extra` holds", as a state predicate. */
function stands(c: Context, { type, label, step }: StepAtLabel, extra: (scoped: Context) => string): string {
  const scoped = { ...c, scope: stepScope(c.model, type, step.choose) };
  const pc = `${c.names.of("pc", type.name)}[self] = ${labelText(c, type, label)}`;
  return `(\\E self \\in 0..${type.count - 1} : ${pc} /\\ (${chosen(step)}(${show(scoped, step.guard)})${extra(scoped)}))`;
}

/** The fault happens, and none before it. */
const happens = (c: Context, faults: readonly Fault[], fault: Fault): string =>
  [
    ...faults.slice(0, faults.indexOf(fault)).map(({ when }) => ` /\\ ~${show(c, when)}`),
    ` /\\ ${show(c, fault.when)}`,
  ].join("");

const places = (model: Model): StepAtLabel[] =>
  model.processes.flatMap((type) =>
    type.labels.flatMap((label) => label.steps.map((step) => ({ type, label: label.name, step }))),
  );

/** Invariants for what is no property of the model's own: failing steps, and deadlock. */
function builtInChecks(c: Context): { text: string[]; checks: ExportedCheck[] } {
  const failing = new Map<string, { check: ExportedCheck; where: string[] }>();
  for (const place of places(c.model)) {
    const faults = possibleFaults(c.model, place.type, place.step);
    for (const fault of faults) {
      const exported = c.names.of("Property", `${fault.name}_${fault.kind}`);
      const entry = failing.get(exported) ?? { check: { kind: fault.kind, property: fault.name, exported }, where: [] };
      entry.where.push(stands(c, place, (scoped) => happens(scoped, faults, fault)));
      failing.set(exported, entry);
    }
  }
  const text = [...failing].map(
    ([name, { where }]) =>
      `${name} == ${bulleted(
        "/\\",
        where.map((one) => `~${one}`),
      )}`,
  );
  const checks = [...failing.values()].map(({ check }) => check);
  if (!c.model.deadlock) return { text, checks };
  const idle = c.model.processes.map((type) => {
    const labels = type.labels.filter((label) => label.idle).map((label) => labelText(c, type, label.name));
    return `(\\A i \\in 0..${type.count - 1} : ${c.names.of("pc", type.name)}[i] \\in {${labels.join(", ")}})`;
  });
  const able = places(c.model).map((place) => stands(c, place, () => ""));
  return {
    text: [...text, `NoDeadlock == ${bulleted("\\/", [`(${idle.join(" /\\ ")})`, ...able])}`],
    checks: [...checks, { kind: "deadlock", property: "deadlock", exported: "NoDeadlock" }],
  };
}

function initial(c: Context, type: ProcessType | null, variable: Variable): string {
  const literal = (value: number) =>
    variable.type.kind === "bool" ? (value === 0 ? "FALSE" : "TRUE") : value < 0 ? `(0 - ${-value})` : String(value);
  const { init } = variable;
  let value = typeof init === "number" ? literal(init) : "";
  if (variable.size !== null) {
    const cases =
      typeof init === "number"
        ? literal(init)
        : init.reduceRight<string>(
            (rest, v, i) => (rest === "" ? literal(v) : `IF e = ${i} THEN ${literal(v)} ELSE ${rest}`),
            "",
          );
    value = `[e \\in 0..${variable.size - 1} |-> ${cases}]`;
  }
  if (type !== null) value = `[i \\in 0..${type.count - 1} |-> ${value}]`;
  return `${plainName(c, type, variable.name)} = ${value}`;
}

function fairnessOf(c: Context, actions: ReadonlyMap<string, ReadonlyMap<string, string>>, fair: Fairness): string {
  const type = c.model.processes.find((process) => process.name === fair.process) as ProcessType;
  const names = fair.labels?.flatMap((label) => actions.get(type.name)?.get(label) ?? []) ?? [
    c.names.of("P", type.name),
  ];
  const instances =
    fair.instance === null ? `\\A self \\in 0..${type.count - 1} : ` : `LET self == ${fair.instance} IN `;
  // An action that changes nothing does not count as a step in TLA+; see the note in the module's head.
  return `(${instances}${fair.strength === "weak" ? "WF" : "SF"}_vars(${names.map((name) => `${name}(self)`).join(" \\/ ")}))`;
}

const OPERATORS = `Quotient(a, b) == IF b = 0 THEN 0 ELSE LET q == (IF a < 0 THEN 0 - a ELSE a) \\div (IF b < 0 THEN 0 - b ELSE b) IN IF (a < 0) # (b < 0) THEN 0 - q ELSE q
Remainder(a, b) == IF b = 0 THEN 0 ELSE a - b * Quotient(a, b)
RECURSIVE BitAnd(_, _), BitOr(_, _), BitXor(_, _)
BitAnd(a, b) == IF a = 0 \\/ b = 0 THEN 0 ELSE (IF a % 2 = 1 /\\ b % 2 = 1 THEN 1 ELSE 0) + 2 * BitAnd(a \\div 2, b \\div 2)
BitOr(a, b) == IF a = 0 THEN b ELSE IF b = 0 THEN a ELSE (IF a % 2 = 1 \\/ b % 2 = 1 THEN 1 ELSE 0) + 2 * BitOr(a \\div 2, b \\div 2)
BitXor(a, b) == IF a = 0 THEN b ELSE IF b = 0 THEN a ELSE (IF a % 2 # b % 2 THEN 1 ELSE 0) + 2 * BitXor(a \\div 2, b \\div 2)`;

/** A TLA+ module and the configuration to run it with. */
export interface TlaExport {
  readonly module: string;
  readonly name: string;
  readonly config: string;
  /** The invariants of the configuration, and what each stands for. */
  readonly checks: readonly ExportedCheck[];
}

/**
 * Write a model in TLA+.
 *
 * @param name what the module is to be called; characters that TLA+ does not allow there become underscores. TLC wants the module in a file
 *   of the same name
 */
export function toTla(model: Model, name = model.name): TlaExport {
  validate(model);
  const names = new Names(MODULES);
  const moduleName = names.of("", name.replace(/[^A-Za-z0-9_]+/g, "_").replace(/^(?![A-Za-z])/, "M"));
  const c: Context = {
    model,
    names,
    scope: { model, process: null, params: {} },
    current: new Map(),
    labels: new Labels(),
  };
  const pcs = model.processes.map((type) => names.of("pc", type.name));
  const globals = model.variables.map((variable) => plainName(c, null, variable.name));
  const locals = model.processes.flatMap((type) => type.locals.map((variable) => plainName(c, type, variable.name)));
  const all = [...pcs, ...globals, ...locals];
  const init = [
    ...model.processes.map(
      (type, i) => `${pcs[i]} = [i \\in 0..${type.count - 1} |-> ${labelText(c, type, type.start)}]`,
    ),
    ...model.variables.map((variable) => initial(c, null, variable)),
    ...model.processes.flatMap((type) => type.locals.map((variable) => initial(c, type, variable))),
  ];
  const processes = model.processes.map((type) => ({ type, ...processActions(c, type, all) }));
  const actions = new Map(processes.map(({ type, byLabel }) => [type.name, byLabel]));
  const nexts = model.processes.map(
    (type) => `(\\E self \\in 0..${type.count - 1} : ${names.of("P", type.name)}(self))`,
  );
  const properties = propertyText(c, actions);
  const builtIn = builtInChecks(c);
  const checks = [...properties.checks, ...builtIn.checks];
  const module = `---- MODULE ${moduleName} ----
\\* ${(model.description || model.name).replaceAll(/\s+/g, " ")}
\\* Written by seamlock; TLC finds as many distinct states as \`seamlock check --no-reduction\`.
\\* Fairness counts steps that change nothing as no steps; seamlock counts them.
EXTENDS Integers, FiniteSets
VARIABLES ${all.join(", ")}
vars == <<${all.join(", ")}>>
${OPERATORS}
Init ==
${init.map((conjunct) => `  /\\ ${conjunct}`).join("\n")}
${processes.flatMap(({ text }) => text).join("\n")}
Next == ${nexts.join(" \\/ ")}
Spec == Init /\\ [][Next]_vars
${[...properties.text, ...builtIn.text].join("\n")}
====
`;
  const config = [
    "SPECIFICATION Spec",
    ...checks.map(({ exported }) => `INVARIANT ${exported}`),
    "CHECK_DEADLOCK FALSE",
    "",
  ];
  return { module, name: moduleName, config: config.join("\n"), checks };
}

function propertyText(
  c: Context,
  actions: ReadonlyMap<string, ReadonlyMap<string, string>>,
): { text: string[]; checks: ExportedCheck[] } {
  const text: string[] = [];
  const checks: ExportedCheck[] = [];
  for (const property of c.model.properties) {
    const name = c.names.of("Property", property.name);
    if (property.kind === "leads-to") {
      const fair = property.fairness.map((one) => fairnessOf(c, actions, one));
      text.push(
        `${name} == ${[...fair, "TRUE"].join(" /\\ ")} => ((${show(c, property.from)}) ~> (${show(c, property.to)}))`,
      );
      continue;
    }
    text.push(`${name} == ${show(c, property.expr)}`);
    if (property.kind === "always") checks.push({ kind: "always", property: property.name, exported: name });
  }
  return { text, checks };
}
