/** Where a tree performs atomic instructions, or plain stores by an accessor, and on what. */
import {
  type Expr,
  expressionsOf,
  type FunctionAst,
  type FunctionInfo,
  type Program,
  partsOf,
  type SourceFile,
  type Stmt,
  statementsOf,
} from "../../c/index.ts";
import type { Site } from "../../catalog/index.ts";
import { type Intrinsic, intrinsicOf } from "./facts.ts";
import { parametersOf, plainType } from "./signature.ts";

/** One call of an accessor. */
export interface AtomicSite {
  readonly name: string;
  /** Null: a builtin of the compiler, which no data describes. */
  readonly intrinsic: Intrinsic | null;
  /** The memory, in the source's own terms, without casts and the address operator. */
  readonly object: string;
  /** The variable or parameter that leads to the memory, and its type; null where that is no name. */
  readonly root: { readonly name: string; readonly type: string | null; readonly isParameter: boolean } | null;
  readonly site: Site;
}

/** A function with calls of accessors. */
export interface AtomicFunction {
  readonly info: FunctionInfo;
  readonly ast: FunctionAst;
  readonly sites: readonly AtomicSite[];
}

const BUILTIN = /^__(sync|atomic)_/;

/** All functions that call an accessor, by place. Functions that cannot be read are diagnosed elsewhere. */
export function atomicFunctions(program: Program): AtomicFunction[] {
  const result: AtomicFunction[] = [];
  for (const info of [...program.functions.values()].flat()) {
    if (intrinsicOf(info.name)) continue;
    if (![...info.calls].some((name) => intrinsicOf(name) !== null || BUILTIN.test(name))) continue;
    const ast = program.ast(info);
    if (ast === null) continue;
    const { calls, variables } = insideOf(ast.body);
    const sites = calls.flatMap((call) => siteOf(ast, call, variables) ?? []);
    if (sites.length > 0) result.push({ info, ast, sites });
  }
  return result.sort((a, b) =>
    a.info.file < b.info.file ? -1 : a.info.file > b.info.file ? 1 : a.info.line - b.info.line,
  );
}

type Call = Expr & { readonly kind: "call" };

function siteOf(ast: FunctionAst, call: Call, variables: ReadonlyMap<string, string>): AtomicSite | null {
  if (call.callee.kind !== "name") return null;
  const { name } = call.callee;
  const intrinsic = intrinsicOf(name);
  if (intrinsic === null && !BUILTIN.test(name)) return null;
  const memory = call.args[intrinsic?.memory ?? 0];
  const site = { file: ast.file, line: call.line, function: ast.name };
  const object = memory ? memoryText(memory) : "nothing";
  const root = memory ? rootOf(memory) : null;
  if (root === null) return { name, intrinsic, object, root: null, site };
  const parameter = parametersOf(ast).find((p) => p.name === root);
  const type = parameter?.type ?? variables.get(root) ?? null;
  return { name, intrinsic, object, root: { name: root, type, isParameter: parameter !== undefined }, site };
}

/** Calls in the order of the source, and the types of the variables. */
function insideOf(statements: readonly Stmt[]): { calls: Call[]; variables: Map<string, string> } {
  const calls: Call[] = [];
  const variables = new Map<string, string>();
  const expression = (e: Expr): void => {
    if (e.kind === "call") calls.push(e);
    partsOf(e).forEach(expression);
  };
  const statement = (s: Stmt): void => {
    if (s.kind === "declare") variables.set(s.name, plainType(s.type));
    expressionsOf(s).forEach(expression);
    statementsOf(s).forEach(statement);
  };
  statements.forEach(statement);
  return { calls, variables };
}

/** An address's memory as the source names it. */
export function memoryText(e: Expr): string {
  switch (e.kind) {
    case "cast":
      return memoryText(e.operand);
    case "unary":
      return e.op === "&" ? memoryText(e.operand) : `${e.op}${memoryText(e.operand)}`;
    case "member":
      return `${memoryText(e.object)}${e.arrow ? "->" : "."}${e.field}`;
    case "index":
      return `${memoryText(e.object)}[${memoryText(e.index)}]`;
    case "name":
      return e.name;
    case "number":
      return String(e.value);
    case "call":
      return `${memoryText(e.callee)}()`;
    case "binary":
      return `${memoryText(e.left)} ${e.op} ${memoryText(e.right)}`;
    default:
      return "…";
  }
}

function rootOf(e: Expr): string | null {
  switch (e.kind) {
    case "cast":
    case "unary":
      return rootOf(e.operand);
    case "member":
    case "index":
      return rootOf(e.object);
    case "name":
      return e.name;
    default:
      return null;
  }
}

/** An assembly with a locked instruction: the function that it stands in, and its text. */
export interface LockedAssembly {
  readonly function: string;
  readonly text: string;
  readonly site: Site;
}

/** Every piece of assembly with an instruction that locks memory. The texts of a program have their assembly blanked. */
export function lockedAssembly(program: Program, files: readonly SourceFile[]): LockedAssembly[] {
  const result: LockedAssembly[] = [];
  for (const { path, source } of files) {
    if (!/\b(?:asm|__asm__|_ASM_\w*)\b/.test(source)) continue;
    for (const match of source.matchAll(/\b(?:asm|__asm__|_ASM_\w*)\b[\s\w]*\(/g)) {
      const text = stringsFrom(source, match.index + match[0].length);
      if (!/\block\b|\bxchg[bwlq]?\b/.test(text)) continue;
      const info = [...program.functions.values()]
        .flat()
        .find(({ file, bodyStart, bodyEnd }) => file === path && bodyStart <= match.index && match.index < bodyEnd);
      if (info === undefined) continue;
      const line = source.slice(0, match.index).split("\n").length;
      result.push({ function: info.name, text, site: { file: path, line, function: info.name } });
    }
  }
  return result;
}

/** The strings up to the parenthesis that closes the one before `start`. */
function stringsFrom(source: string, start: number): string {
  let depth = 1;
  let text = "";
  for (const match of source.slice(start, start + 2000).matchAll(/"((?:\\.|[^"\\\n])*)"|[()]/g)) {
    if (match[0] === "(") depth++;
    else if (match[0] === ")") {
      if (--depth === 0) break;
    } else text += ` ${(match[1] ?? "").replace(/\\n|;/g, " ")}`;
  }
  return text;
}
