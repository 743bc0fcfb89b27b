/**
 * An index of a source tree: its functions, macros, enumerators, and which functions can reach something that matters.
 */

import { SeamlockError } from "../errors.ts";
import type { Expr, FunctionAst } from "./ast.ts";
import type { Dialect } from "./dialect.ts";
import { isLongerThan } from "./lexer.ts";
import { LIMITS } from "./limits.ts";
import { type Macro, preprocess } from "./preprocess.ts";
import { parseExpression, parseFunction, parseInteger } from "./syntax.ts";

export interface SourceFile {
  /** Relative to the root of the tree, with `/`. */
  readonly path: string;
  readonly source: string;
}

/** A function definition, found without parsing. */
export interface FunctionInfo {
  readonly name: string;
  readonly file: string;
  readonly line: number;
  /** Where the definition starts: offset and line. */
  readonly headStart: number;
  readonly headLine: number;
  /** Offsets of the body, braces included, in the preprocessed text. */
  readonly bodyStart: number;
  readonly bodyEnd: number;
  /** Names that the body uses like function calls. */
  readonly calls: ReadonlySet<string>;
}

interface Enumerator {
  /** Text of the explicit value of the nearest enumerator at or before this one; null for an implicit first zero. */
  readonly base: string | null;
  readonly offset: number;
}

export interface MacroSite extends Macro {
  readonly file: string;
}

/** Bounds of one constant's evaluation: macros that use each other twice double with every level. */
const MAX_EVALUATION = 20_000;
const MAX_EVALUATION_DEPTH = 800;

const KEYWORDS = new Set(["if", "while", "for", "switch", "return", "sizeof", "do", "else", "case", "defined"]);

export class Program {
  readonly texts = new Map<string, string>();
  readonly functions = new Map<string, FunctionInfo[]>();
  readonly macros = new Map<string, MacroSite>();
  readonly enumerators = new Map<string, Enumerator>();
  /** `typedef enum … name_t` → its enumerators, in order. */
  readonly enums = new Map<string, string[]>();
  readonly unevaluated: { file: string; line: number; text: string }[] = [];
  readonly unbalanced: { file: string; line: number; lost: boolean }[] = [];
  /** Functions that are too large to be parsed. */
  readonly oversized = new Set<FunctionInfo>();
  /** Names that the tree's headers declare as types. */
  private readonly types = new Set<string>();
  private readonly isTypeName = (name: string): boolean => this.types.has(name);
  private functionCount = 0;
  private depth = 0;
  private fuel = 0;
  private readonly asts = new Map<FunctionInfo, FunctionAst | null>();
  private readonly constants = new Map<string, bigint | null>();
  private readonly bases = new Map<string, bigint | null>();
  private readonly macroExprs = new Map<string, Expr | null>();

  /** @throws SeamlockError SL1005 when the files declare more names than a module can have */
  constructor(files: readonly SourceFile[], rules: Dialect) {
    const global = collectObjectMacros(files);
    for (const file of files) {
      const result = preprocess(file.source, global, rules);
      this.texts.set(file.path, result.text);
      for (const macro of result.macros)
        if (!this.macros.has(macro.name)) this.macros.set(macro.name, { ...macro, file: file.path });
      for (const u of result.unevaluated) this.unevaluated.push({ file: file.path, ...u });
      for (const u of result.unbalanced) this.unbalanced.push({ file: file.path, ...u });
      this.indexFunctions(file.path, result.text);
      this.indexEnums(result.text);
      this.indexTypes(result.text);
      refuseTooMany(this.functionCount + this.macros.size + this.enumerators.size + this.types.size, file.path);
    }
  }

  private indexFunctions(file: string, text: string): void {
    for (const found of scanTopLevel(text)) {
      const info: FunctionInfo = { ...found, file, calls: callsIn(text, found.bodyStart, found.bodyEnd) };
      if (isLongerThan(LIMITS.functionTokens, text, info.headStart, info.bodyEnd)) this.oversized.add(info);
      const list = this.functions.get(info.name);
      if (list) list.push(info);
      else this.functions.set(info.name, [info]);
      this.functionCount++;
    }
  }

  private indexTypes(text: string): void {
    for (const match of text.matchAll(
      /\btypedef\b[^;{]{0,300}?\b(\w+)\s{0,80}(?:\[[^;\]]{0,80}\]\s{0,80})?;|^\}\s*(\w+)\s*;/gm,
    ))
      this.types.add((match[1] ?? match[2]) as string);
  }

  private indexEnums(text: string): void {
    for (const match of text.matchAll(/\benum\b[^;{}()]{0,300}\{([^{}]*)\}\s*(\w*)/g)) {
      let base: string | null = null;
      let offset = 0;
      const names: string[] = [];
      for (const part of splitTopLevel(match[1] ?? "")) {
        const entry = /^\s*([A-Za-z_]\w*)\s*(?:=\s*([\s\S]+))?$/.exec(part);
        if (!entry?.[1]) continue;
        if (entry[2] !== undefined) {
          base = entry[2].trim();
          offset = 0;
        }
        if (!this.enumerators.has(entry[1])) this.enumerators.set(entry[1], { base, offset });
        names.push(entry[1]);
        offset++;
      }
      if (match[2]) this.enums.set(match[2], names);
    }
  }

  /** The function that a call in `fromFile` means: one of the same file first, else the only or first one of the tree. */
  resolve(name: string, fromFile: string): FunctionInfo | null {
    const list = this.functions.get(name);
    if (!list) return null;
    return list.find((info) => info.file === fromFile) ?? list[0] ?? null;
  }

  /** The function, parsed at its first use; null when it cannot be parsed or is too large. */
  ast(info: FunctionInfo): FunctionAst | null {
    const known = this.asts.get(info);
    if (known !== undefined) return known;
    const ast = this.oversized.has(info) ? null : parseFunction(this.texts.get(info.file) ?? "", info, this.isTypeName);
    this.asts.set(info, ast);
    return ast;
  }

  /** An object-like macro's body as an expression, or a function-like macro's. */
  macroExpr(name: string): Expr | null {
    const known = this.macroExprs.get(name);
    if (known !== undefined) return known;
    const macro = this.macros.get(name);
    const expr =
      macro && macro.body !== "" && macro.body.length < 400 ? parseExpression(macro.body, this.isTypeName) : null;
    this.macroExprs.set(name, expr);
    return expr;
  }

  /** The value of an enumerator or of a macro that is a constant expression; null when there is none. */
  constant(name: string): bigint | null {
    const known = this.constants.get(name);
    if (known !== undefined) return known;
    this.constants.set(name, null);
    const value = this.computeConstant(name);
    this.constants.set(name, value);
    return value;
  }

  private computeConstant(name: string): bigint | null {
    const enumerator = this.enumerators.get(name);
    if (enumerator) {
      if (enumerator.base === null) return BigInt(enumerator.offset);
      const base = this.evaluateText(enumerator.base);
      return base === null ? null : base + BigInt(enumerator.offset);
    }
    const macro = this.macros.get(name);
    if (!macro || macro.parameters !== null) return null;
    return parseInteger(macro.body) ?? this.evaluate(this.macroExpr(name));
  }

  /** The value of what enumerators begin to count at. */
  private evaluateText(text: string): bigint | null {
    const known = this.bases.get(text);
    if (known !== undefined) return known;
    const isLong = text.length > LIMITS.enumerator;
    const value = isLong ? null : (parseInteger(text) ?? this.evaluate(parseExpression(text, this.isTypeName)));
    this.bases.set(text, value);
    return value;
  }

  /** A constant expression's value, in 64-bit unsigned arithmetic; null when it is not constant. */
  evaluate(expr: Expr | null): bigint | null {
    if (this.depth === 0) this.fuel = MAX_EVALUATION;
    if (!expr || this.depth >= MAX_EVALUATION_DEPTH || --this.fuel < 0) return null;
    this.depth++;
    try {
      return this.evaluateNode(expr);
    } finally {
      this.depth--;
    }
  }

  private evaluateNode(expr: Expr): bigint | null {
    switch (expr.kind) {
      case "number":
        return expr.value;
      case "name":
        return this.constant(expr.name);
      case "cast":
        return this.evaluate(expr.operand);
      case "unary": {
        const v = this.evaluate(expr.operand);
        if (v === null) return null;
        if (expr.op === "-") return BigInt.asUintN(64, -v);
        if (expr.op === "~") return BigInt.asUintN(64, ~v);
        if (expr.op === "!") return v === 0n ? 1n : 0n;
        return expr.op === "+" ? v : null;
      }
      case "binary": {
        const a = this.evaluate(expr.left);
        const b = this.evaluate(expr.right);
        return a === null || b === null ? null : arithmetic(expr.op, a, b);
      }
      case "call": {
        const callee = expr.callee.kind === "name" ? this.macros.get(expr.callee.name) : undefined;
        const body = callee?.parameters ? this.macroExpr(callee.name) : null;
        return body && callee?.parameters ? this.evaluate(substitute(body, callee.parameters, expr.args)) : null;
      }
      case "conditional": {
        const test = this.evaluate(expr.test);
        return test === null ? null : this.evaluate(test !== 0n ? expr.yes : expr.no);
      }
      default:
        return null;
    }
  }

  /**
   * All functions and macros from which one of `seeds` can be reached by direct calls, the seeds included.
   */
  reaching(seeds: ReadonlySet<string>): Set<string> {
    const callers = new Map<string, string[]>();
    const add = (caller: string, callee: string): void => {
      const list = callers.get(callee);
      if (list) list.push(caller);
      else callers.set(callee, [caller]);
    };
    for (const [name, infos] of this.functions)
      for (const info of infos) for (const callee of info.calls) add(name, callee);
    // A macro may call for the function that uses it.
    for (const [name, { body }] of this.macros)
      if (body.includes("(")) for (const callee of callsIn(body, 0, body.length)) add(name, callee);
    const reached = new Set(seeds);
    const queue = [...seeds];
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      for (const caller of callers.get(next) ?? []) {
        if (!reached.has(caller)) {
          reached.add(caller);
          queue.push(caller);
        }
      }
    }
    return reached;
  }
}

/** `a op b` on 64-bit unsigned integers; null for an operator that is none or for a division by zero. */
export function arithmetic(op: string, a: bigint, b: bigint): bigint | null {
  const wrap = (v: bigint) => BigInt.asUintN(64, v);
  switch (op) {
    case "+":
      return wrap(a + b);
    case "-":
      return wrap(a - b);
    case "*":
      return wrap(a * b);
    case "/":
      return b === 0n ? null : a / b;
    case "%":
      return b === 0n ? null : a % b;
    case "<<":
      return b < 64n ? wrap(a << b) : 0n;
    case ">>":
      return a >> b;
    case "&":
      return a & b;
    case "|":
      return a | b;
    case "^":
      return a ^ b;
    case "==":
      return a === b ? 1n : 0n;
    case "!=":
      return a !== b ? 1n : 0n;
    case "<":
      return a < b ? 1n : 0n;
    case ">":
      return a > b ? 1n : 0n;
    case "<=":
      return a <= b ? 1n : 0n;
    case ">=":
      return a >= b ? 1n : 0n;
    case "&&":
      return a !== 0n && b !== 0n ? 1n : 0n;
    case "||":
      return a !== 0n || b !== 0n ? 1n : 0n;
    default:
      return null;
  }
}

/** A function-like macro's body with its parameters replaced. */
export function substitute(expr: Expr, parameters: readonly string[], args: readonly Expr[]): Expr {
  const sub = (e: Expr): Expr => substitute(e, parameters, args);
  switch (expr.kind) {
    case "name": {
      const at = parameters.indexOf(expr.name);
      return at >= 0 ? (args[at] ?? expr) : expr;
    }
    case "unary":
    case "update":
    case "cast":
      return { ...expr, operand: sub(expr.operand) };
    case "binary":
    case "assign":
      return { ...expr, left: sub(expr.left), right: sub(expr.right) };
    case "member":
      return { ...expr, object: sub(expr.object) };
    case "index":
      return { ...expr, object: sub(expr.object), index: sub(expr.index) };
    case "call":
      return { ...expr, callee: sub(expr.callee), args: expr.args.map(sub) };
    case "conditional":
      return { ...expr, test: sub(expr.test), yes: sub(expr.yes), no: sub(expr.no) };
    case "comma":
      return { ...expr, parts: expr.parts.map(sub) };
    default:
      return expr;
  }
}

/** A macro's body stands where the macro is used. */
export function placed(expr: Expr, line: number): Expr {
  const at = (e: Expr): Expr => placed(e, line);
  switch (expr.kind) {
    case "unary":
    case "update":
    case "cast":
      return { ...expr, line, operand: at(expr.operand) };
    case "binary":
    case "assign":
      return { ...expr, line, left: at(expr.left), right: at(expr.right) };
    case "member":
      return { ...expr, line, object: at(expr.object) };
    case "index":
      return { ...expr, line, object: at(expr.object), index: at(expr.index) };
    case "call":
      return { ...expr, line, callee: at(expr.callee), args: expr.args.map(at) };
    case "conditional":
      return { ...expr, line, test: at(expr.test), yes: at(expr.yes), no: at(expr.no) };
    case "comma":
    case "opaque":
      return { ...expr, line, parts: expr.parts.map(at) };
    default:
      return { ...expr, line };
  }
}

/** Object-like macros of all files, for conditionals that name another header's constants. */
function collectObjectMacros(files: readonly SourceFile[]): Map<string, Macro> {
  const result = new Map<string, Macro>();
  for (const file of files) {
    for (const match of file.source.matchAll(/^[ \t]*#[ \t]*define[ \t]+([A-Z_]\w*)[ \t]+(?![ \t])([^\n\\]*)$/gm)) {
      const name = match[1] as string;
      const body = (match[2] ?? "").replace(/\/[/*].*$/, "").trim();
      if (body !== "" && !result.has(name)) result.set(name, { name, parameters: null, body, line: 0 });
    }
    refuseTooMany(result.size, file.path);
  }
  return result;
}

function refuseTooMany(names: number, file: string): void {
  if (names <= LIMITS.names) return;
  throw new SeamlockError("SL1005", `up to this file, the tree declares more than ${LIMITS.names} names`, {
    place: { file },
    hint: "a module declares about 5,000: give the root of one module's source tree",
  });
}

function splitTopLevel(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === "(") depth++;
    else if (c === ")") depth--;
    else if (c === "," && depth === 0) {
      parts.push(text.slice(from, i));
      from = i + 1;
    }
  }
  parts.push(text.slice(from));
  return parts;
}

interface TopLevel {
  readonly name: string;
  readonly line: number;
  readonly headStart: number;
  readonly headLine: number;
  readonly bodyStart: number;
  readonly bodyEnd: number;
}

/** Finds function definitions by brace depth; a cheap pass, so that only files that matter are parsed. */
function scanTopLevel(text: string): TopLevel[] {
  const result: TopLevel[] = [];
  let depth = 0;
  let headStart = 0;
  let headLine = 1;
  let open = -1;
  let name: string | null = null;
  let line = 1;
  const startHead = (at: number) => {
    headStart = at;
    headLine = line;
  };
  let nameLine = 1;
  const pattern = /["'{};\n]/g;
  for (let match = pattern.exec(text); match; match = pattern.exec(text)) {
    const at = match.index;
    switch (match[0]) {
      case "\n":
        line++;
        break;
      case '"':
      case "'":
        pattern.lastIndex = endOfLiteral(text, at);
        break;
      case "{":
        if (depth === 0) {
          const head = text.slice(headStart, at);
          name = definedName(head);
          if (name !== null) nameLine = line - countNewlines(head, head.indexOf(name));
          open = at;
        }
        depth++;
        break;
      case "}":
        depth = Math.max(0, depth - 1);
        if (depth === 0) {
          if (name !== null && !KEYWORDS.has(name))
            result.push({ name, line: nameLine, headStart, headLine, bodyStart: open, bodyEnd: at + 1 });
          name = null;
          startHead(at + 1);
        }
        break;
      default:
        if (depth === 0) startHead(at + 1);
    }
  }
  return result;
}

/** The function that `type name(parameters)` defines; null when that is no such head. */
function definedName(head: string): string | null {
  if (!head.trimEnd().endsWith(")")) return null;
  const call = /\b(\w+)\s*\(/.exec(head);
  const isValue = call !== null && head.slice(0, call.index).includes("=");
  return call === null || isValue ? null : (call[1] as string);
}

function endOfLiteral(text: string, start: number): number {
  const quote = text[start];
  for (let i = start + 1; i < text.length; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === quote || text[i] === "\n") return i + 1;
  }
  return text.length;
}

function countNewlines(text: string, from: number): number {
  let count = 0;
  for (let i = text.indexOf("\n", from); i >= 0; i = text.indexOf("\n", i + 1)) count++;
  return count;
}

function callsIn(text: string, start: number, end: number): Set<string> {
  const calls = new Set<string>();
  for (const match of text.slice(start, end).matchAll(/\b([A-Za-z_]\w*)\s*\(/g)) {
    const name = match[1] as string;
    if (!KEYWORDS.has(name)) calls.add(name);
  }
  return calls;
}
