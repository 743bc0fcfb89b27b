/**
 * Writes syntax trees as C again, with all parentheses. What a tree does not keep (sizes of arrays, parameters of pointers to functions, the
 * text of strings) follows from the names of {@link file://./random-functions.ts}: `arr…` has four elements, `fp…` is a `fn_t`.
 */

import type { CallExpr, Expr, InitializerEntry, Stmt } from "../../src/c/ast.ts";

const list = (all: readonly Expr[]): string => all.map(expression).join(", ");

/** A type is none in parentheses, nor is the member of `__builtin_offsetof`. */
function args({ callee, args }: CallExpr): string {
  const texts = args.map((e) => (e.kind === "opaque" && !e.body ? e.text : expression(e)));
  const isMember = callee.kind === "name" && callee.name === "__builtin_offsetof";
  return texts.map((text) => (isMember ? text.replace(/[()]/g, "") : text)).join(", ");
}

export function expression(e: Expr): string {
  switch (e.kind) {
    case "number":
      return e.type === undefined ? `(${e.value})` : `((${e.type})${e.value}ul)`;
    case "string":
      return '"?"';
    case "name":
      return e.name;
    case "call":
      return `(${expression(e.callee)}(${args(e)}))`;
    case "unary":
      return `(${e.op} ${expression(e.operand)})`;
    case "update":
      return e.isPostfix ? `(${expression(e.operand)} ${e.op})` : `(${e.op} ${expression(e.operand)})`;
    case "binary":
    case "assign":
      return `(${expression(e.left)} ${e.op} ${expression(e.right)})`;
    case "member":
      return `(${expression(e.object)}${e.arrow ? "->" : "."}${e.field})`;
    case "index":
      return `(${expression(e.object)}[${expression(e.index)}])`;
    case "cast":
      return `((${e.type ?? "?"})${expression(e.operand)})`;
    case "conditional":
      // GNU: without a middle, the test is evaluated once.
      return `(${expression(e.test)} ? ${e.yes === e.test ? "" : expression(e.yes)} : ${expression(e.no)})`;
    case "comma":
      return `(${list(e.parts)})`;
    case "initializer": {
      const entries = `{ ${e.entries.map(entry).join(", ")} }`;
      return e.type === undefined ? entries : `((${e.type})${entries})`;
    }
    case "opaque":
      return e.body ? `({ ${statements(e.body)} })` : `(${e.text})`;
  }
}

function entry({ designator, value }: InitializerEntry): string {
  if (designator === null) return expression(value);
  if ("field" in designator) return `.${designator.field} = ${expression(value)}`;
  const to = designator.to ? ` ... ${expression(designator.to)}` : "";
  return `[${expression(designator.index)}${to}] = ${expression(value)}`;
}

export const statements = (all: readonly Stmt[]): string => all.map(statement).join("\n");

function statement(s: Stmt): string {
  switch (s.kind) {
    case "block":
      return `{ ${statements(s.body)} }`;
    case "expression":
      return `${isStatement(s.expr) ? expression(s.expr).slice(1, -1) : expression(s.expr)};`;
    case "declare": {
      const type = s.name.startsWith("fp") ? "fn_t" : s.type;
      return `${s.lasts ? "static " : ""}${type} ${s.name}${s.array ? "[4]" : ""}${s.init === null ? "" : ` = ${expression(s.init)}`};`;
    }
    case "if":
      return `if (${expression(s.test)}) { ${statement(s.yes)} } ${s.no === null ? "" : `else { ${statement(s.no)} }`}`;
    case "loop": {
      const [test, body] = [s.test === null ? "" : expression(s.test), statement(s.body)];
      if (!s.testFirst) return `do { ${body} } while (${test});`;
      return `{ ${statements(s.init)} for (; ${test}; ${s.step === null ? "" : expression(s.step)}) { ${body} } }`;
    }
    case "governed":
      return `${expression(s.head).slice(1, -1)} { ${statement(s.body)} }`;
    case "switch":
      return `switch (${expression(s.value)}) { ${s.cases.map(oneCase).join("\n")} }`;
    case "label":
      return `${s.name}: ;`;
    case "goto":
      return `goto ${s.label};`;
    case "return":
      return `return ${s.value === null ? "" : expression(s.value)};`;
    case "break":
    case "continue":
      return `${s.kind};`;
  }
}

/** Assembly, and a macro for a loop that governs nothing. */
const isStatement = (e: Expr): boolean =>
  e.kind === "opaque"
    ? /^(?:__)?asm/.test(e.text)
    : e.kind === "call" && e.callee.kind === "name" && e.callee.name.startsWith("each");

function oneCase({ value, to, body }: Extract<Stmt, { kind: "switch" }>["cases"][number]): string {
  const label = value === null ? "default" : `case ${expression(value)}${to ? ` ... ${expression(to)}` : ""}`;
  return `${label}: ; ${statements(body)}`;
}
