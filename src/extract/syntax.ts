/**
 * From preprocessed C to {@link FunctionAst}, by tree-sitter's C grammar (compiled to WebAssembly; no native code).
 */

import type { Language, Node, Parser } from "web-tree-sitter";
import type { Expr, FunctionAst, InitializerEntry, Parameter, Stmt, SwitchCase } from "./ast.ts";

/** A parser with the C grammar loaded. Loading costs about 50 ms, so it happens only when source is parsed. */
export interface CParser {
  readonly parser: Parser;
  readonly language: Language;
}

/**
 * Loads the parser.
 *
 * @param grammar path or bytes of `tree-sitter-c.wasm`
 */
export async function loadParser(grammar: string | Uint8Array): Promise<CParser> {
  const { Parser, Language } = await import("web-tree-sitter");
  await Parser.init();
  const language = await Language.load(grammar);
  const parser = new Parser();
  parser.setLanguage(language);
  return { parser, language };
}

/** A plain copy of a syntax node: reading it does not cross into the parser's memory. */
interface Raw {
  readonly type: string;
  readonly field: string | null;
  readonly named: boolean;
  readonly start: number;
  readonly end: number;
  readonly line: number;
  readonly missing: boolean;
  readonly children: Raw[];
}

/** Deeper nesting is no code that a person wrote; following it would exhaust the stack. */
const MAX_NESTING = 500;

/**
 * A plain copy of a tree; null when it nests too deeply. Reading a property crosses into the parser's memory, so only what is
 * used is read.
 */
function copyTree(root: Node, lineAt: (offset: number) => number): Raw | null {
  const cursor = root.walk();
  let isTooDeep = false;
  const visit = (depth: number): Raw => {
    const start = cursor.startIndex;
    const end = cursor.endIndex;
    const raw: Raw = {
      type: cursor.nodeType,
      field: cursor.currentFieldName,
      named: cursor.nodeIsNamed,
      start,
      end,
      line: lineAt(start),
      // The parser puts in what it misses, with no text.
      missing: start === end && cursor.nodeIsMissing,
      children: [],
    };
    if (depth > MAX_NESTING) isTooDeep = true;
    else if (cursor.gotoFirstChild()) {
      do raw.children.push(visit(depth + 1));
      while (cursor.gotoNextSibling());
      cursor.gotoParent();
    }
    return raw;
  };
  const raw = visit(0);
  cursor.delete();
  return isTooDeep ? null : raw;
}

/** Line numbers of offsets into a text whose first line has the given number. */
function lineIndex(text: string, firstLine: number): (offset: number) => number {
  const starts = [0];
  for (let i = text.indexOf("\n"); i >= 0; i = text.indexOf("\n", i + 1)) starts.push(i + 1);
  return (offset) => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] as number) <= offset) low = middle;
      else high = middle - 1;
    }
    return firstLine + low;
  };
}

const field = (node: Raw, name: string): Raw | null => node.children.find((child) => child.field === name) ?? null;
const namedOf = (node: Raw): Raw[] => node.children.filter((child) => child.named && child.type !== "comment");

/** Converts nodes of one file. Holds only the text that nodes point into. */
class Converter {
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  private textOf(node: Raw): string {
    return this.text.slice(node.start, node.end);
  }

  statements(node: Raw): Stmt[] {
    return namedOf(node).flatMap((child) => this.statement(child));
  }

  private asBlock(node: Raw | null, line: number): Stmt {
    return { kind: "block", body: node ? this.statement(node) : [], line };
  }

  statement(node: Raw): Stmt[] {
    const line = node.line;
    switch (node.type) {
      case "compound_statement":
        return [{ kind: "block", body: this.statements(node), line }];
      case "expression_statement": {
        const inner = namedOf(node)[0];
        return inner ? [{ kind: "expression", expr: this.expr(inner), line }] : [];
      }
      case "declaration":
        return this.declaration(node);
      case "if_statement": {
        const otherwise = field(node, "alternative");
        const no = otherwise?.type === "else_clause" ? (namedOf(otherwise)[0] ?? null) : otherwise;
        return [
          {
            kind: "if",
            test: this.exprOf(field(node, "condition"), line),
            yes: this.asBlock(field(node, "consequence"), line),
            no: no ? this.asBlock(no, no.line) : null,
            line,
          },
        ];
      }
      case "while_statement":
      case "do_statement":
        return [
          {
            kind: "loop",
            init: [],
            test: this.exprOf(field(node, "condition"), line),
            step: null,
            body: this.asBlock(field(node, "body"), line),
            testFirst: node.type === "while_statement",
            line,
          },
        ];
      case "for_statement": {
        const init = field(node, "initializer");
        const test = field(node, "condition");
        const step = field(node, "update");
        return [
          {
            kind: "loop",
            init: init
              ? init.type === "declaration"
                ? this.declaration(init)
                : [{ kind: "expression", expr: this.expr(init), line }]
              : [],
            test: test ? this.expr(test) : null,
            step: step ? this.expr(step) : null,
            body: this.asBlock(field(node, "body"), line),
            testFirst: true,
            line,
          },
        ];
      }
      case "switch_statement":
        return [
          {
            kind: "switch",
            value: this.exprOf(field(node, "condition"), line),
            cases: this.cases(field(node, "body")),
            line,
          },
        ];
      case "labeled_statement": {
        const label = field(node, "label");
        const rest = namedOf(node).filter((child) => child !== label);
        return [
          { kind: "label", name: label ? this.textOf(label) : "", line },
          ...rest.flatMap((child) => this.statement(child)),
        ];
      }
      case "goto_statement": {
        const label = field(node, "label");
        return [{ kind: "goto", label: label ? this.textOf(label) : "", line }];
      }
      case "return_statement": {
        const value = namedOf(node)[0];
        return [{ kind: "return", value: value ? this.expr(value) : null, line }];
      }
      case "break_statement":
        return [{ kind: "break", line }];
      case "continue_statement":
        return [{ kind: "continue", line }];
      case "ERROR":
        return [];
      case "type_definition":
      case "struct_specifier":
      case "union_specifier":
      case "enum_specifier":
      case "comment":
        return [];
      default:
        return [{ kind: "expression", expr: this.expr(node), line }];
    }
  }

  private cases(body: Raw | null): SwitchCase[] {
    const result: SwitchCase[] = [];
    for (const child of body ? namedOf(body) : []) {
      if (child.type !== "case_statement") continue;
      const value = field(child, "value");
      const rest = namedOf(child).filter((inner) => inner !== value);
      result.push({
        value: value ? this.expr(value) : null,
        body: rest.flatMap((inner) => this.statement(inner)),
        line: child.line,
      });
    }
    return result;
  }

  private declaration(node: Raw): Stmt[] {
    const typeNode = field(node, "type");
    const type = typeNode ? this.textOf(typeNode) : "";
    const result: Stmt[] = [];
    for (const child of node.children) {
      if (child.field !== "declarator") continue;
      const init = child.type === "init_declarator" ? field(child, "value") : null;
      const declarator = child.type === "init_declarator" ? field(child, "declarator") : child;
      if (!declarator) continue;
      const { name, stars, array, isFunction } = this.declarator(declarator);
      if (isFunction || name === "") continue;
      result.push({
        kind: "declare",
        name,
        type: type + "*".repeat(stars),
        array,
        init: init ? this.expr(init) : null,
        line: child.line,
      });
    }
    return result;
  }

  declarator(node: Raw): { name: string; stars: number; array: boolean; isFunction: boolean } {
    let current: Raw | null = node;
    let stars = 0;
    let array = false;
    let isFunction = false;
    while (current && current.type !== "identifier" && current.type !== "field_identifier") {
      if (current.type === "pointer_declarator") stars++;
      else if (current.type === "array_declarator") array = true;
      else if (current.type === "function_declarator") isFunction = true;
      current =
        field(current, "declarator") ?? namedOf(current).find((c) => /declarator|identifier/.test(c.type)) ?? null;
    }
    return { name: current ? this.textOf(current) : "", stars, array, isFunction };
  }

  private exprOf(node: Raw | null, line: number): Expr {
    return node ? this.expr(node) : { kind: "opaque", text: "", parts: [], line };
  }

  expr(node: Raw): Expr {
    const line = node.line;
    switch (node.type) {
      case "parenthesized_expression":
        return this.exprOf(namedOf(node)[0] ?? null, line);
      case "identifier":
      case "field_identifier":
      case "type_identifier":
      case "statement_identifier":
        return { kind: "name", name: this.textOf(node), line };
      case "true":
        return { kind: "name", name: "true", line };
      case "false":
        return { kind: "name", name: "false", line };
      case "null":
        return { kind: "name", name: "NULL", line };
      case "number_literal": {
        const value = parseInteger(this.textOf(node));
        return value === null
          ? { kind: "opaque", text: this.textOf(node), parts: [], line }
          : { kind: "number", value, line };
      }
      case "char_literal":
        return { kind: "opaque", text: this.textOf(node), parts: [], line };
      case "string_literal":
      case "concatenated_string":
        return { kind: "string", line };
      case "call_expression":
        return this.call(node);
      case "field_expression": {
        const name = field(node, "field");
        const arrow = node.children.some((child) => child.type === "->");
        return {
          kind: "member",
          object: this.exprOf(field(node, "argument"), line),
          field: name ? this.textOf(name) : "",
          arrow,
          line,
        };
      }
      case "subscript_expression":
        return {
          kind: "index",
          object: this.exprOf(field(node, "argument"), line),
          index: this.exprOf(field(node, "index"), line),
          line,
        };
      case "pointer_expression":
      case "unary_expression": {
        const operator = field(node, "operator");
        return {
          kind: "unary",
          op: operator ? this.textOf(operator) : "",
          operand: this.exprOf(field(node, "argument"), line),
          line,
        };
      }
      case "update_expression": {
        const operator = field(node, "operator");
        return {
          kind: "update",
          op: operator && this.textOf(operator) === "--" ? "--" : "++",
          operand: this.exprOf(field(node, "argument"), line),
          line,
        };
      }
      case "binary_expression": {
        const operator = field(node, "operator");
        return {
          kind: "binary",
          op: operator ? this.textOf(operator) : "",
          left: this.exprOf(field(node, "left"), line),
          right: this.exprOf(field(node, "right"), line),
          line,
        };
      }
      case "assignment_expression": {
        const operator = field(node, "operator");
        return {
          kind: "assign",
          op: operator ? this.textOf(operator) : "=",
          left: this.exprOf(field(node, "left"), line),
          right: this.exprOf(field(node, "right"), line),
          line,
        };
      }
      case "cast_expression": {
        const type = field(node, "type");
        return {
          kind: "cast",
          type: type ? this.textOf(type).replace(/\s+/g, "") : "",
          operand: this.exprOf(field(node, "value"), line),
          line,
        };
      }
      case "conditional_expression":
        return {
          kind: "conditional",
          test: this.exprOf(field(node, "condition"), line),
          yes: this.exprOf(field(node, "consequence"), line),
          no: this.exprOf(field(node, "alternative"), line),
          line,
        };
      case "comma_expression":
        return { kind: "comma", parts: namedOf(node).map((child) => this.expr(child)), line };
      case "initializer_list":
        return { kind: "initializer", entries: namedOf(node).map((child) => this.initializerEntry(child)), line };
      case "compound_literal_expression":
        return this.exprOf(field(node, "value"), line);
      case "ERROR":
        return { kind: "opaque", text: this.textOf(node), parts: [], line };
      default:
        return {
          kind: "opaque",
          text: this.textOf(node).replace(/\s+/g, " ").slice(0, 120),
          parts:
            node.type === "sizeof_expression"
              ? []
              : namedOf(node)
                  .filter((child) => /expression|identifier/.test(child.type))
                  .map((child) => this.expr(child)),
          line,
        };
    }
  }

  private initializerEntry(node: Raw): InitializerEntry {
    if (node.type !== "initializer_pair") return { designator: null, value: this.expr(node) };
    const designator = node.children.find((child) => child.field === "designator");
    const inner = designator ? namedOf(designator)[0] : undefined;
    const value = this.exprOf(field(node, "value"), node.line);
    if (designator?.type === "field_designator" && inner) return { designator: { field: this.textOf(inner) }, value };
    if (designator?.type === "subscript_designator" && inner) return { designator: { index: this.expr(inner) }, value };
    return { designator: null, value };
  }

  /** `(pa_t)(expr)` parses as a call of a parenthesised name: it is a cast. */
  private call(node: Raw): Expr {
    const line = node.line;
    const callee = field(node, "function");
    const list = field(node, "arguments");
    const args = list ? namedOf(list).map((child) => this.expr(child)) : [];
    if (callee?.type === "parenthesized_expression") {
      const name = namedOf(callee)[0];
      const only = args[0];
      if (name?.type === "identifier" && only && args.length === 1) {
        return { kind: "cast", type: this.textOf(name), operand: only, line };
      }
    }
    return { kind: "call", callee: this.exprOf(callee, line), args, line };
  }
}

/** The value of a C integer literal, or null for a floating-point one. */
export function parseInteger(text: string): bigint | null {
  const digits = /^(0[xX][0-9a-fA-F]+|0[bB][01]+|\d+)[uUlL]*$/.exec(text.replace(/'/g, ""));
  if (!digits?.[1]) return null;
  const body = digits[1];
  if (/^0[0-7]+$/.test(body)) return BigInt(`0o${body.slice(1)}`);
  return BigInt(body);
}

/**
 * Parses one function definition.
 *
 * @param text the definition alone, from its type to its closing brace
 * @param firstLine line of the file on which the text starts
 */
export function parseFunction(
  c: CParser,
  name: string,
  file: string,
  text: string,
  firstLine: number,
): FunctionAst | null {
  const tree = c.parser.parse(text);
  if (!tree) return null;
  try {
    const copy = copyTree(tree.rootNode, lineIndex(text, firstLine));
    const raw = copy ? definitionIn(copy) : null;
    const declarator = raw ? findFunctionDeclarator(raw) : null;
    const body = raw ? field(raw, "body") : null;
    if (!raw || !declarator || !body) return null;
    const converter = new Converter(text);
    const type = field(raw, "type");
    return {
      name,
      type: type ? text.slice(type.start, type.end) : "",
      file,
      line: declarator.line,
      parameters: parameters(converter, declarator, text),
      body: converter.statements(body),
      errors: errorLines(body),
    };
  } finally {
    tree.delete();
  }
}

/**
 * Lines that the parser skipped over or made up, wherever in a statement they stand. A semicolon that it put in is none: the
 * module leaves it out after macros that bring their own.
 */
function errorLines(node: Raw): number[] {
  const own = node.type === "ERROR" || (node.missing && node.type !== ";") ? [node.line] : [];
  return [...new Set([...own, ...node.children.flatMap(errorLines)])];
}

function definitionIn(node: Raw): Raw | null {
  if (node.type === "function_definition") return node;
  for (const child of node.children) {
    const found = definitionIn(child);
    if (found) return found;
  }
  return null;
}

function findFunctionDeclarator(node: Raw): Raw | null {
  let current = field(node, "declarator");
  while (current && current.type !== "function_declarator") current = field(current, "declarator");
  return current;
}

function parameters(converter: Converter, declarator: Raw, text: string): Parameter[] {
  const list = field(declarator, "parameters");
  const result: Parameter[] = [];
  for (const child of list ? namedOf(list) : []) {
    if (child.type !== "parameter_declaration") continue;
    const typeNode = field(child, "type");
    const inner = field(child, "declarator");
    const type = typeNode ? text.slice(typeNode.start, typeNode.end) : "";
    if (type === "void" && !inner) continue;
    const shape = inner ? converter.declarator(inner) : { name: "", stars: 0, array: false };
    result.push({ name: shape.name, type: type + "*".repeat(shape.stars + (shape.array ? 1 : 0)) });
  }
  return result;
}

/** Parses one expression, e.g. a macro's body. Null when it is not one. */
export function parseExpression(c: CParser, text: string): Expr | null {
  const source = `void f(void){ x = (${text}); }`;
  const tree = c.parser.parse(source);
  if (!tree) return null;
  try {
    if (tree.rootNode.hasError) return null;
    const raw = copyTree(tree.rootNode, () => 0);
    const body = raw?.children[0] ? field(raw.children[0], "body") : null;
    const statement = body ? namedOf(body)[0] : undefined;
    const expr = statement ? namedOf(statement)[0] : undefined;
    if (expr?.type !== "assignment_expression") return null;
    const right = field(expr, "right");
    return right ? new Converter(source).expr(right) : null;
  } finally {
    tree.delete();
  }
}
