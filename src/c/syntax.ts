/**
 * From preprocessed C to {@link FunctionAst}: a recursive-descent parser of what stands inside functions.
 *
 * A statement that is not understood is left out and its line is remembered; what follows it is read all the same.
 */

import type { Expr, FunctionAst, InitializerEntry, Stmt, SwitchCase } from "./ast.ts";
import { BINARY_OPERATORS, type TokenKind, type Tokens, tokenize } from "./lexer.ts";

/** Is a name the name of a type? */
export type IsTypeName = (name: string) => boolean;

/** Deeper nesting is no code that a person wrote; following it would exhaust the stack. */
const MAX_NESTING = 250;

/** Words that begin a type or a declaration. */
const SPECIFIERS = new Set([
  ...["const", "volatile", "restrict", "static", "extern", "register", "auto", "inline", "signed", "unsigned"],
  ...["void", "char", "short", "int", "long", "float", "double", "_Bool", "struct", "union", "enum"],
]);
const TAGGED = new Set(["struct", "union", "enum"]);
const SIZES = new Set(["sizeof", "offsetof", "_Alignof", "__alignof__"]);
/** Words that no expression begins with. */
const STATEMENT_WORDS = new Set([
  ...["if", "else", "for", "while", "do", "switch", "case", "default", "goto", "return", "break", "continue"],
]);
const UNARY = new Set(["!", "~", "-", "+", "*", "&"]);
const ASSIGNMENTS = new Set(["=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="]);
const PRECEDENCE: ReadonlyMap<string, number> = new Map(
  BINARY_OPERATORS.flatMap((operators, level) => operators.map((operator): [string, number] => [operator, level + 1])),
);

/** What stands at a token is not what the grammar wants there. */
class Unexpected extends Error {}

/** The text nests deeper than anything that a person wrote. */
class TooDeep extends Error {}

interface Declarator {
  readonly name: string;
  readonly array: boolean;
  /** It declares a function, not a variable. */
  readonly isFunction: boolean;
}

class CodeParser {
  /** Lines of statements that were not understood. */
  readonly errors: number[] = [];
  private readonly source: string;
  private readonly tokens: Tokens;
  private readonly isTypeName: IsTypeName;
  private at = 0;
  private depth = 0;
  /** Height of the expression that was read last. */
  private height = 0;

  constructor(source: string, tokens: Tokens, isTypeName: IsTypeName) {
    this.source = source;
    this.tokens = tokens;
    this.isTypeName = isTypeName;
  }

  // ---------------------------------------------------------------- tokens

  private get text(): string {
    return this.tokens.texts[this.at] as string;
  }

  private get kind(): TokenKind {
    return this.tokens.kinds[this.at] as TokenKind;
  }

  private get line(): number {
    return this.tokens.lines[this.at] as number;
  }

  /** The text of a token further on; empty past the end. */
  private ahead(count: number): string {
    return this.tokens.texts[this.at + count] ?? "";
  }

  private isWord(count = 0): boolean {
    return this.tokens.kinds[this.at + count] === "word";
  }

  private is(text: string): boolean {
    return this.text === text;
  }

  private accept(text: string): boolean {
    if (!this.is(text)) return false;
    this.at++;
    return true;
  }

  private expect(text: string): void {
    if (!this.accept(text)) throw new Unexpected();
  }

  private word(): string {
    if (!this.isWord()) throw new Unexpected();
    return this.tokens.texts[this.at++] as string;
  }

  /** Goes past a parenthesis, bracket or brace and all up to the one that closes it. */
  private skipBalanced(): void {
    let depth = 0;
    do {
      if (this.kind === "end") throw new Unexpected();
      if (/^[([{]$/.test(this.text)) depth++;
      else if (/^[)\]}]$/.test(this.text)) depth--;
      this.at++;
    } while (depth > 0);
  }

  /** The source from a token to the one before this, on one line. */
  private textSince(from: number): string {
    const end = this.tokens.ends[this.at - 1] ?? 0;
    return this.source.slice(this.tokens.starts[from], end).replace(/\s+/g, " ").slice(0, 120);
  }

  private nested<T>(read: () => T): T {
    if (++this.depth > MAX_NESTING) throw new TooDeep();
    const result = read();
    this.depth--;
    return result;
  }

  /** Height of a node over the highest of its parts. */
  private over(...parts: readonly number[]): number {
    const height = Math.max(...parts) + 1;
    if (height > MAX_NESTING) throw new TooDeep();
    return height;
  }

  // ---------------------------------------------------------------- statements

  /** The statements of a function's body: `{ … }` and nothing after it. */
  body(): Stmt[] {
    this.expect("{");
    const statements = this.statements();
    if (!this.accept("}") || this.kind !== "end") this.errors.push(this.line);
    return statements;
  }

  /** Statements up to a closing brace, which stays, or up to a case of the switch around them. */
  private statements(inSwitch = false): Stmt[] {
    const result: Stmt[] = [];
    while (this.kind !== "end" && this.text !== "}" && !(inSwitch && this.isCase())) this.readStatement(result);
    return result;
  }

  private readStatement(into: Stmt[]): void {
    const { depth } = this;
    const count = into.length;
    try {
      this.statement(into);
    } catch (error) {
      if (!(error instanceof Unexpected)) throw error;
      into.length = count;
      this.depth = depth;
      this.errors.push(this.line);
      this.recover();
    }
  }

  /** Goes on after the next semicolon or block. */
  private recover(): void {
    while (this.kind !== "end" && this.text !== "}") {
      if (this.text === "{") {
        this.skipToEndOfBlock();
        return;
      }
      this.at++;
      if (this.tokens.texts[this.at - 1] === ";") return;
    }
  }

  private skipToEndOfBlock(): void {
    let depth = 0;
    do {
      if (this.text === "{") depth++;
      else if (this.text === "}") depth--;
      this.at++;
    } while (depth > 0 && this.kind !== "end");
  }

  private isCase(): boolean {
    return this.text === "case" || (this.text === "default" && this.ahead(1) === ":");
  }

  private statement(into: Stmt[]): void {
    const { line } = this;
    if (this.isWord()) return this.wordStatement(into, line);
    if (this.accept(";")) return;
    if (this.accept("{")) {
      const body = this.nested(() => this.statements());
      this.expect("}");
      into.push({ kind: "block", body, line });
      return;
    }
    this.expressionStatement(into, line);
  }

  private wordStatement(into: Stmt[], line: number): void {
    switch (this.text) {
      case "if":
        return this.ifStatement(into, line);
      case "while": {
        this.at++;
        const test = this.inParentheses();
        into.push({ kind: "loop", init: [], test, step: null, body: this.block(line), testFirst: true, line });
        return;
      }
      case "do": {
        this.at++;
        const body = this.block(line);
        this.expect("while");
        const test = this.inParentheses();
        this.endOfStatement(null);
        into.push({ kind: "loop", init: [], test, step: null, body, testFirst: false, line });
        return;
      }
      case "for":
        return this.forStatement(into, line);
      case "switch": {
        this.at++;
        const value = this.inParentheses();
        into.push({ kind: "switch", value, cases: this.nested(() => this.cases()), line });
        return;
      }
      case "goto": {
        this.at++;
        const label = this.word();
        this.endOfStatement(null);
        into.push({ kind: "goto", label, line });
        return;
      }
      case "return": {
        this.at++;
        const value = this.is(";") ? null : this.expression();
        this.endOfStatement(value);
        into.push({ kind: "return", value, line });
        return;
      }
      case "break":
      case "continue": {
        const kind = this.text === "break" ? "break" : "continue";
        this.at++;
        this.endOfStatement(null);
        into.push({ kind, line });
        return;
      }
      case "typedef":
        while (!this.is(";")) this.skipBalanced();
        this.at++;
        return;
    }
    if (this.ahead(1) === ":" && !STATEMENT_WORDS.has(this.text)) {
      into.push({ kind: "label", name: this.word(), line });
      this.at++;
    } else if (this.isDeclaration()) into.push(...this.declaration());
    else this.expressionStatement(into, line);
  }

  private ifStatement(into: Stmt[], line: number): void {
    this.at++;
    const test = this.inParentheses();
    const yes = this.block(line);
    let no: Stmt | null = null;
    if (this.accept("else")) no = this.block(this.line);
    into.push({ kind: "if", test, yes, no, line });
  }

  private forStatement(into: Stmt[], line: number): void {
    this.at++;
    this.expect("(");
    let init: Stmt[] = [];
    if (this.isWord() && this.isDeclaration()) init = this.declaration();
    else if (!this.accept(";")) {
      init = [{ kind: "expression", expr: this.expression(), line }];
      this.expect(";");
    }
    const test = this.text === ";" ? null : this.expression();
    this.expect(";");
    const step = this.text === ")" ? null : this.expression();
    this.expect(")");
    into.push({ kind: "loop", init, test, step, body: this.block(line), testFirst: true, line });
  }

  /** The statement that a test or a loop governs, as a block. */
  private block(line: number): Stmt {
    const body: Stmt[] = [];
    this.nested(() => this.statement(body));
    // A label is no statement of its own.
    while (body.at(-1)?.kind === "label" && this.text !== "}") this.statement(body);
    return { kind: "block", body, line };
  }

  private cases(): SwitchCase[] {
    const result: SwitchCase[] = [];
    this.expect("{");
    // What stands before the first case never runs.
    this.statements(true);
    while (this.isCase()) {
      const { line } = this;
      const isDefault = this.accept("default");
      if (!isDefault) this.at++;
      const value = isDefault ? null : this.conditional();
      this.expect(":");
      result.push({ value, body: this.statements(true), line });
    }
    this.expect("}");
    return result;
  }

  private expressionStatement(into: Stmt[], line: number): void {
    const expr = this.expression();
    this.endOfStatement(expr);
    into.push({ kind: "expression", expr, line });
  }

  /** The module leaves the semicolon out after macros that bring their own. */
  private endOfStatement(expr: Expr | null): void {
    if (!this.accept(";") && expr?.kind !== "call") throw new Unexpected();
  }

  // ---------------------------------------------------------------- declarations

  /** Does a declaration begin here? A name, after which an expression could not go on as it does. */
  private isDeclaration(): boolean {
    if (SPECIFIERS.has(this.text)) return true;
    if (this.isWord(1)) return !STATEMENT_WORDS.has(this.text) && !SIZES.has(this.text);
    if (this.ahead(1) === "(")
      return this.ahead(2) === "*" && this.isWord(3) && this.ahead(4) === ")" && this.ahead(5) === "(";
    let next = 1;
    while (this.ahead(next) === "*" || (next > 1 && SPECIFIERS.has(this.ahead(next)))) next++;
    return next > 1 && this.isWord(next) && /^[=;,[]$/.test(this.ahead(next + 1));
  }

  private declaration(): Stmt[] {
    this.specifiers();
    const result: Stmt[] = [];
    if (this.accept(";")) return result;
    do {
      const { line } = this;
      const { name, array, isFunction } = this.declarator();
      if (name === "") throw new Unexpected();
      const init = this.accept("=") ? this.initializer() : null;
      if (!isFunction) result.push({ kind: "declare", name, array, init, line });
    } while (this.accept(","));
    this.expect(";");
    return result;
  }

  /** Goes past the type of a declaration, up to what it declares. */
  private specifiers(): void {
    let hasType = false;
    for (; this.isWord(); this.at++) {
      if (TAGGED.has(this.text)) {
        if (this.isWord(1)) this.at++;
        if (this.ahead(1) === "{") {
          this.at++;
          this.skipBalanced();
          this.at--;
        }
      } else if (!SPECIFIERS.has(this.text)) {
        if (hasType) return;
      } else if (/^(?:const|volatile|restrict|static|extern|register|auto|inline)$/.test(this.text)) continue;
      hasType = true;
    }
  }

  private declarator(): Declarator {
    while (this.accept("*") || this.accept("const") || this.accept("volatile") || this.accept("restrict"));
    let inner: Declarator | null = null;
    if (this.accept("(")) {
      inner = this.nested(() => this.declarator());
      this.expect(")");
    }
    const name = inner ? inner.name : this.isWord() ? this.word() : "";
    let array = inner?.array ?? false;
    let isFunction = inner?.isFunction ?? false;
    for (;;) {
      if (this.text === "[") array = true;
      else if (this.text !== "(") return { name, array, isFunction };
      // What is in parentheses and then called is a pointer to a function.
      else isFunction ||= inner === null;
      this.skipBalanced();
    }
  }

  private initializer(): Expr {
    return this.text === "{" ? this.nested(() => this.initializerList()) : this.assignment();
  }

  private initializerList(): Expr {
    const { line } = this;
    const entries: InitializerEntry[] = [];
    let height = 0;
    this.expect("{");
    while (!this.accept("}")) {
      const designator = this.designator();
      entries.push({ designator, value: this.initializer() });
      height = Math.max(height, this.height);
      if (!this.accept(",")) {
        this.expect("}");
        break;
      }
    }
    this.height = this.over(height);
    return { kind: "initializer", entries, line };
  }

  private designator(): InitializerEntry["designator"] {
    if (this.text !== "." && this.text !== "[") return null;
    let first: InitializerEntry["designator"] = null;
    while (!this.is("=")) {
      let part: InitializerEntry["designator"];
      if (this.accept(".")) part = { field: this.word() };
      else {
        this.expect("[");
        part = { index: this.conditional() };
        this.expect("]");
      }
      first ??= part;
    }
    this.at++;
    return first;
  }

  // ---------------------------------------------------------------- expressions

  private inParentheses(): Expr {
    this.expect("(");
    const expr = this.expression();
    this.expect(")");
    return expr;
  }

  /** An expression and nothing after it. */
  whole(): Expr {
    const expr = this.expression();
    if (this.kind !== "end" || this.errors.length > 0) throw new Unexpected();
    return expr;
  }

  private expression(): Expr {
    const { line } = this;
    const first = this.assignment();
    if (this.text !== ",") return first;
    const parts = [first];
    let { height } = this;
    while (this.accept(",")) {
      parts.push(this.assignment());
      height = Math.max(height, this.height);
    }
    this.height = this.over(height);
    return { kind: "comma", parts, line };
  }

  private assignment(): Expr {
    const { line } = this;
    const left = this.conditional();
    const op = this.text;
    if (!ASSIGNMENTS.has(op)) return left;
    const { height } = this;
    this.at++;
    const right = this.nested(() => this.assignment());
    this.height = this.over(height, this.height);
    return { kind: "assign", op, left, right, line };
  }

  private conditional(): Expr {
    const { line } = this;
    const test = this.binary(1);
    if (this.text !== "?") return test;
    let { height } = this;
    this.at++;
    const yes = this.nested(() => this.expression());
    height = Math.max(height, this.height);
    this.expect(":");
    const no = this.nested(() => this.conditional());
    this.height = this.over(height, this.height);
    return { kind: "conditional", test, yes, no, line };
  }

  private binary(least: number): Expr {
    const { line } = this;
    let left = this.unary();
    let { height } = this;
    for (;;) {
      const op = this.text;
      const level = this.kind === "punctuator" ? (PRECEDENCE.get(op) ?? 0) : 0;
      if (level < least) break;
      this.at++;
      const right = this.binary(level + 1);
      height = this.over(height, this.height);
      left = { kind: "binary", op, left, right, line };
    }
    this.height = height;
    return left;
  }

  private unary(): Expr {
    const { line, text } = this;
    if (this.isWord()) return SIZES.has(text) ? this.size() : this.postfix();
    if (text === "++" || text === "--") {
      this.at++;
      const operand = this.nested(() => this.unary());
      this.height = this.over(this.height);
      return { kind: "update", op: text, operand, line };
    }
    if (UNARY.has(text)) {
      this.at++;
      const operand = this.nested(() => this.unary());
      this.height = this.over(this.height);
      return { kind: "unary", op: text, operand, line };
    }
    return text === "(" && this.isCast() ? this.cast() : this.postfix();
  }

  private size(): Expr {
    const { at, line } = this;
    this.at++;
    if (this.text === "(") this.skipBalanced();
    else this.nested(() => this.unary());
    this.height = 1;
    return { kind: "opaque", text: this.textSince(at), parts: [], line };
  }

  /** Is what stands in these parentheses a type? A name that no header of the tree declares is one where C leaves no choice. */
  private isCast(): boolean {
    if (!this.isWord(1)) return false;
    if (SPECIFIERS.has(this.ahead(1))) return true;
    let next = 2;
    while (this.ahead(next) === "*" || this.ahead(next) === "const") next++;
    if (this.ahead(next) !== ")") return false;
    if (next > 2 || this.isTypeName(this.ahead(1))) return true;
    return /^(?:[\w"']|[~!{]$)/.test(this.ahead(3));
  }

  private cast(): Expr {
    const { line } = this;
    this.skipBalanced();
    if (this.text === "{") return this.initializer();
    const operand = this.nested(() => this.unary());
    this.height = this.over(this.height);
    return { kind: "cast", operand, line };
  }

  private postfix(): Expr {
    const { line } = this;
    const isBare = this.text === "(" && this.isWord(1) && this.ahead(2) === ")";
    let expr = this.primary();
    let { height } = this;
    for (let links = 0; ; links++) {
      const { text } = this;
      if (this.kind !== "punctuator") break;
      if (text === "(") {
        const args = this.args();
        const only = args[0];
        // A name in parentheses before something else in parentheses: a type that the tree does not declare.
        expr =
          isBare && links === 0 && only && args.length === 1
            ? { kind: "cast", operand: only, line }
            : { kind: "call", callee: expr, args, line };
        height = this.over(height, this.height);
      } else if (text === "." || text === "->") {
        this.at++;
        expr = { kind: "member", object: expr, field: this.word(), arrow: text === "->", line };
        height = this.over(height);
      } else if (text === "[") {
        this.at++;
        const index = this.nested(() => this.expression());
        this.expect("]");
        expr = { kind: "index", object: expr, index, line };
        height = this.over(height, this.height);
      } else if (text === "++" || text === "--") {
        this.at++;
        expr = { kind: "update", op: text, operand: expr, line };
        height = this.over(height);
      } else break;
    }
    this.height = height;
    return expr;
  }

  private args(): Expr[] {
    const result: Expr[] = [];
    let height = 0;
    this.expect("(");
    while (this.text !== ")") {
      result.push(this.nested(() => (this.isTypeArgument() ? this.typeArgument() : this.assignment())));
      height = Math.max(height, this.height);
      if (!this.accept(",")) break;
    }
    this.expect(")");
    this.height = height;
    return result;
  }

  /** A macro may be given a type. */
  private isTypeArgument(): boolean {
    if (!this.isWord()) return false;
    if (SPECIFIERS.has(this.text)) return true;
    let next = 1;
    while (this.ahead(next) === "*") next++;
    return next > 1 && /^[,)]$/.test(this.ahead(next));
  }

  private typeArgument(): Expr {
    const { at, line } = this;
    while (this.text !== "," && this.text !== ")") this.skipBalanced();
    this.height = 1;
    return { kind: "opaque", text: this.textSince(at), parts: [], line };
  }

  private primary(): Expr {
    const { at, line, text } = this;
    this.height = 1;
    switch (this.kind) {
      case "word":
        if (STATEMENT_WORDS.has(text) || SPECIFIERS.has(text)) throw new Unexpected();
        this.at++;
        return { kind: "name", name: text, line };
      case "number": {
        this.at++;
        const value = parseInteger(text);
        return value === null ? { kind: "opaque", text, parts: [], line } : { kind: "number", value, line };
      }
      case "character":
        this.at++;
        return { kind: "opaque", text, parts: [], line };
      case "string":
        while (this.kind === "string") this.at++;
        return { kind: "string", line };
      default:
    }
    this.expect("(");
    if (this.text !== "{") {
      const expr = this.nested(() => this.expression());
      this.expect(")");
      return expr;
    }
    const parts = this.nested(() => this.statementExpression());
    this.expect(")");
    return { kind: "opaque", text: this.textSince(at), parts, line };
  }

  /** `({ … })`: the expressions that it evaluates, one after the other. */
  private statementExpression(): Expr[] {
    const body: Stmt[] = [];
    let height = 0;
    this.expect("{");
    while (this.kind !== "end" && this.text !== "}") {
      this.readStatement(body);
      height = Math.max(height, this.height);
    }
    this.expect("}");
    this.height = this.over(height);
    return body.flatMap((s) => (s.kind === "expression" ? [s.expr] : []));
  }

  // ---------------------------------------------------------------- functions

  /** Reads `type name(parameters)` up to the body. */
  head(name: string): { type: string; line: number; parameters: string[] } {
    const type: string[] = [];
    while (this.text !== name || this.ahead(1) !== "(") {
      if (this.kind === "end") throw new Unexpected();
      if (this.isWord() && !/^(?:static|inline|extern|const|volatile)$/.test(this.text)) type.push(this.text);
      this.at++;
    }
    const { line } = this;
    this.at++;
    return { type: type.join(" "), line, parameters: this.parameters() };
  }

  private parameters(): string[] {
    const result: string[] = [];
    this.expect("(");
    while (this.text !== ")") {
      if (!this.accept("...")) {
        this.specifiers();
        // `void`, or a parameter without a name.
        if (this.text !== ")" && this.text !== ",") result.push(this.declarator().name);
        else if (this.tokens.texts[this.at - 1] !== "void") result.push("");
      }
      if (!this.accept(",")) break;
    }
    this.expect(")");
    return result;
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

/** Where a function definition stands in a text. */
export interface DefinitionPlace {
  readonly name: string;
  readonly file: string;
  /** Offset of its head, and the line of that. */
  readonly headStart: number;
  readonly headLine: number;
  /** Offset just after its closing brace. */
  readonly bodyEnd: number;
}

/** Parses one function definition; null when its head is not one, or when it nests too deeply. */
export function parseFunction(text: string, place: DefinitionPlace, isTypeName: IsTypeName): FunctionAst | null {
  const tokens = tokenize(text, place.headStart, place.bodyEnd, place.headLine);
  const parser = new CodeParser(text, tokens, isTypeName);
  return attempt(() => {
    const { type, line, parameters } = parser.head(place.name);
    const body = parser.body();
    return { name: place.name, type, file: place.file, line, parameters, body, errors: [...new Set(parser.errors)] };
  });
}

/** Parses one expression, such as a macro's body; null when it is none. Its line is 0: a macro has none of its own. */
export function parseExpression(text: string, isTypeName: IsTypeName): Expr | null {
  const line = text.replace(/\s+/g, " ");
  return attempt(() => new CodeParser(line, tokenize(line, 0, line.length, 0), isTypeName).whole());
}

function attempt<T>(parse: () => T): T | null {
  try {
    return parse();
  } catch (error) {
    if (error instanceof Unexpected || error instanceof TooDeep) return null;
    throw error;
  }
}
