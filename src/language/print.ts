/** A Model as text, for a person to read. */
import type { Effect, Expr, Model, ProcessType, Property, Step, Variable, VariableType } from "./types.ts";

const SYMBOL: Readonly<Record<string, string>> = {
  add: "+",
  sub: "-",
  mul: "*",
  div: "/",
  mod: "%",
  band: "&",
  bor: "|",
  bxor: "^",
  shl: "<<",
  shr: ">>",
  eq: "=",
  ne: "≠",
  lt: "<",
  le: "≤",
  gt: ">",
  ge: "≥",
};

/** Enum constants print as their names where the model declares the enum. */
interface Printer {
  readonly enums: ReadonlyMap<string, readonly string[]>;
}

const indexed = (name: string, index: string | null): string => {
  if (index === null) return name;
  const dot = name.indexOf(".");
  return dot < 0 ? `${name}[${index}]` : `${name.slice(0, dot)}[${index}]${name.slice(dot)}`;
};

function printNode(printer: Printer, expr: Expr): string {
  const show = (inner: Expr) => operand(printer, inner);
  switch (expr.op) {
    case "const":
      if (expr.sort === "bool") return expr.value === 0 ? "false" : "true";
      return (expr.enum === null ? undefined : printer.enums.get(expr.enum)?.[expr.value]) ?? String(expr.value);
    case "var":
      return indexed(expr.name, expr.index === null ? null : printNode(printer, expr.index));
    case "local":
      return `${expr.process}[${printNode(printer, expr.instance)}].${indexed(expr.name, expr.index === null ? null : printNode(printer, expr.index))}`;
    case "at":
      return `${expr.process}[${printNode(printer, expr.instance)}]@${expr.labels.length === 1 ? expr.labels[0] : `{${expr.labels.join(", ")}}`}`;
    case "self":
      return "self";
    case "param":
      return expr.name;
    case "and":
    case "or": {
      if (expr.args.length === 0) return expr.op === "and" ? "true" : "false";
      return expr.args.map(show).join(expr.op === "and" ? " ∧ " : " ∨ ");
    }
    case "not":
      return `¬${show(expr.a)}`;
    case "bnot":
      return `~${show(expr.a)}:${expr.bits}`;
    case "ite":
      return `if ${printNode(printer, expr.cond)} then ${printNode(printer, expr.then)} else ${printNode(printer, expr.else)}`;
    case "forall":
    case "exists":
    case "count":
      return `${{ forall: "∀", exists: "∃", count: "#" }[expr.op]}${expr.param}∈${expr.over ?? `0..${expr.size - 1}`}: ${printNode(printer, expr.body)}`;
    default:
      return `${show(expr.a)} ${SYMBOL[expr.op]} ${show(expr.b)}`;
  }
}

const ATOMIC = new Set(["const", "var", "local", "at", "self", "param", "not", "bnot"]);
function operand(printer: Printer, expr: Expr): string {
  const text = printNode(printer, expr);
  return ATOMIC.has(expr.op) || ((expr.op === "and" || expr.op === "or") && expr.args.length < 2) ? text : `(${text})`;
}

function printEffect(printer: Printer, effect: Effect): string {
  const show = (expr: Expr) => printNode(printer, expr);
  if (effect.kind === "set")
    return `${indexed(effect.name, effect.index === null ? null : show(effect.index))} := ${show(effect.value)}`;
  if (effect.kind === "assert") return `assert ${effect.name}: ${show(effect.condition)}`;
  const branch = (effects: readonly Effect[]) =>
    `{ ${effects.map((inner) => printEffect(printer, inner)).join("; ")} }`;
  return `if ${show(effect.condition)} ${branch(effect.then)}${effect.else.length > 0 ? ` else ${branch(effect.else)}` : ""}`;
}

function printType(type: VariableType): string {
  switch (type.kind) {
    case "bool":
      return "bool";
    case "int":
      return `${type.min}..${type.max}`;
    case "enum":
      return `{${type.values.join(", ")}}`;
    case "index":
      return type.none ? `${type.of} or none` : type.of;
  }
}

function printVariable(variable: Variable): string {
  const init = typeof variable.init === "number" ? variable.init : `[${variable.init.join(", ")}]`;
  const { type } = variable;
  const shown =
    type.kind === "enum" && typeof init === "number"
      ? type.values[init]
      : type.kind === "bool" && typeof init === "number"
        ? init !== 0
        : init;
  return `var ${variable.name}${variable.size === null ? "" : `[${variable.by ?? variable.size}]`}: ${printType(type)} = ${shown}`;
}

function printMeta(step: Step): string {
  const { leaf, action, mode, resource, result } = step.meta;
  const words = [leaf, action, mode, resource, result].filter((word) => word !== undefined);
  return words.length === 0 ? "" : `   # ${words.join(" ")}`;
}

function printStep(printer: Printer, step: Step): string {
  const choose = step.choose
    .map(({ param, over, size }) => `choose ${param} in ${over ?? `0..${size - 1}`}: `)
    .join("");
  const guard = step.guard.op === "const" && step.guard.value === 1 ? "" : `[${printNode(printer, step.guard)}] `;
  const effects = step.effects.map((effect) => printEffect(printer, effect)).join("; ");
  return `${choose}${guard}${effects}${effects === "" ? "" : " "}→ ${step.next}${printMeta(step)}`;
}

function printProcess(printer: Printer, process: ProcessType): string[] {
  const lines = [`process ${process.name}[${process.count}] from ${process.start}`];
  for (const variable of process.locals) lines.push(`  ${printVariable(variable)}`);
  for (const label of process.labels) {
    lines.push(`  ${label.name}:${label.idle ? " idle" : ""}`);
    for (const step of label.steps) lines.push(`    ${printStep(printer, step)}`);
  }
  return lines;
}

function printProperty(printer: Printer, property: Property): string {
  if (property.kind !== "leads-to") return `${property.kind} ${property.name}: ${printNode(printer, property.expr)}`;
  const fair = property.fairness.map(
    (f) =>
      `${f.strength} ${f.process}${f.instance === null ? "" : `[${f.instance}]`}${f.labels === null ? "" : `@{${f.labels.join(", ")}}`}`,
  );
  const under = fair.length === 0 ? "" : ` under ${fair.join(", ")}`;
  return `leads-to ${property.name}: ${printNode(printer, property.from)} ↝ ${printNode(printer, property.to)}${under}`;
}

function printerOf(model: Model): Printer {
  const variables = [...model.variables, ...model.processes.flatMap((process) => process.locals)];
  const enums = variables.flatMap(({ type }) => (type.kind === "enum" ? [[type.name, type.values] as const] : []));
  return { enums: new Map(enums) };
}

/** An expression of a model as text. */
export const printExpr = (model: Model, expr: Expr): string => printNode(printerOf(model), expr);

/** A whole model as text. */
export function printModel(model: Model): string {
  const printer = printerOf(model);
  const lines = [`model ${model.name}${model.deadlock ? "" : " (deadlock allowed)"}`];
  if (model.description !== "") lines.push(`  ${model.description}`);
  for (const set of model.scalarSets) lines.push(`set ${set.name}: 0..${set.size - 1}`);
  for (const variable of model.variables) lines.push(printVariable(variable));
  for (const process of model.processes) lines.push("", ...printProcess(printer, process));
  if (model.properties.length > 0)
    lines.push("", ...model.properties.map((property) => printProperty(printer, property)));
  return `${lines.join("\n")}\n`;
}
