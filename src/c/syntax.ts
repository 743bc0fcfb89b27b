/**
 * From preprocessed C to {@link FunctionAst}: a recursive-descent parser of what stands inside functions.
 *
 * A statement that is not understood is left out and its line is remembered; what follows it is read all the same.
 */

import type { Expr, FunctionAst, Stmt, SwitchCase } from "./ast.ts";
import {
  type IsTypeName,
  type ParserOptions,
  SPECIFIERS,
  STATEMENT_WORDS,
  TooDeep,
  TYPEOF,
  Unexpected,
} from "./cursor.ts";
import { ExpressionParser, SIZES } from "./expressions.ts";
import { type Tokens, tokenize } from "./lexer.ts";

class CodeParser extends ExpressionParser {
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

  protected readStatement(into: Stmt[]): void {
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

  protected statement(into: Stmt[]): void {
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
      case "asm":
      case "__asm__":
      case "__asm":
        return this.assembly(into, line);
    }
    if (this.ahead(1) === ":" && !STATEMENT_WORDS.has(this.text)) {
      into.push({ kind: "label", name: this.word(), line });
      this.at++;
    } else if (this.isDeclaration()) into.push(...this.declaration());
    else this.expressionStatement(into, line);
  }

  /**
   * What assembly does is not known; it stands as something opaque. After it nothing is known of its outputs, and `asm goto` may have gone to any of
   * its labels.
   */
  private assembly(into: Stmt[], line: number): void {
    const { at } = this;
    while (this.isWord()) this.at++;
    if (!this.is("(")) throw new Unexpected();
    const [, outputs = [], , , labels = []] = this.assemblyOperands();
    const opaque: Expr = { kind: "opaque", text: this.textSince(at), parts: [], line };
    const end = this.at;
    into.push({ kind: "expression", expr: opaque, line });
    for (const output of outputs) {
      const left = this.outputIn(output);
      if (left !== null)
        into.push({ kind: "expression", expr: { kind: "assign", op: "=", left, right: opaque, line }, line });
    }
    for (const { from } of labels) {
      const yes: Stmt = { kind: "goto", label: this.tokens.texts[from] as string, line };
      into.push({ kind: "if", test: opaque, yes, no: null, line });
    }
    this.at = end;
    this.endOfStatement(null);
  }

  /** The tokens of assembly between its colons, and between commas: template, outputs, inputs, clobbers, labels. */
  private assemblyOperands(): { from: number; to: number }[][] {
    const parts: { from: number; to: number }[][] = [];
    this.at++;
    while (!this.is(")")) {
      const part: { from: number; to: number }[] = [];
      parts.push(part);
      while (!this.is(")") && !this.is(":")) {
        const from = this.at;
        while (!this.is(")") && !this.is(":") && !this.is(",")) this.skipBalanced();
        part.push({ from, to: this.at });
        if (this.is(",")) this.at++;
      }
      if (this.is(":")) this.at++;
    }
    this.at++;
    return parts;
  }

  /** What an output is stored in: `[name] "=r" (x)`; null for one that a macro stands for. */
  private outputIn({ from, to }: { readonly from: number; readonly to: number }): Expr | null {
    for (this.at = from; this.at < to; ) {
      const first = this.at;
      const isGroup = this.is("(");
      this.skipBalanced();
      if (!isGroup || this.at !== to) continue;
      this.at = first + 1;
      return this.expression();
    }
    return null;
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
    // A label is no statement of its own; after it stands one, which may be empty.
    while (body.at(-1)?.kind === "label" && this.text !== "}" && this.tokens.texts[this.at - 1] === ":")
      this.statement(body);
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
      const to = this.accept("...") ? this.conditional() : null;
      this.expect(":");
      result.push({ value, ...(to && { to }), body: this.statements(true), line });
    }
    this.expect("}");
    return result;
  }

  private expressionStatement(into: Stmt[], line: number): void {
    // What follows a macro that governs it is a statement, even where it could go on an expression: `each(p) *p = 0;`
    const isHead = this.ahead(1) === "(" && this.isWord() && this.options.governs?.(this.text) === true;
    const expr = isHead ? this.postfix() : this.expression();
    if (this.governs(expr)) into.push({ kind: "governed", head: expr, body: this.block(line), line });
    else {
      this.endOfStatement(expr);
      into.push({ kind: "expression", expr, line });
    }
  }

  /** Is this a macro's call that the next statement belongs to? */
  private governs(expr: Expr): boolean {
    if (this.is(";") || this.is("}") || expr.kind !== "call" || !this.options.governs) return false;
    let { callee } = expr;
    while (callee.kind === "call") callee = callee.callee;
    return callee.kind === "name" && this.options.governs(callee.name);
  }

  /** The module leaves the semicolon out after macros that bring their own. */
  private endOfStatement(expr: Expr | null): void {
    if (this.accept(";") || expr?.kind === "call") return;
    // The last of the statements that a macro is given.
    if (!this.is(")") || expr === null) throw new Unexpected();
  }

  // ---------------------------------------------------------------- declarations

  /** Does a declaration begin here? A name, after which an expression could not go on as it does. */
  private isDeclaration(): boolean {
    if (SPECIFIERS.has(this.text)) return true;
    if (SIZES.has(this.text)) return false;
    if (TYPEOF.has(this.text)) return this.isTypeofDeclaration();
    if (this.isWord(1)) return !STATEMENT_WORDS.has(this.text);
    // `type (*name)(…)`, where a function's name would make it a call of what `f(*name)` gives.
    if (this.ahead(1) === "(" && this.ahead(2) === "*" && this.isWord(3))
      return this.ahead(4) === ")" && this.ahead(5) === "(" && !this.isVariable(this.text);
    let next = 1;
    while (this.ahead(next) === "*" || (next > 1 && SPECIFIERS.has(this.ahead(next)))) next++;
    if (next === 1) return false;
    // `type *name(…);`, `type *(*name)(…);`: without the type, these are products.
    if (this.isTypeName(this.text) && (this.ahead(next) === "(" || this.ahead(next + 1) === "(")) return true;
    return this.isWord(next) && /^[=;,[]$/.test(this.ahead(next + 1));
  }

  /** `typeof(x) name …`, where `typeof(x)` alone would be an expression. */
  private isTypeofDeclaration(): boolean {
    const { at } = this;
    this.at++;
    this.skipBalanced();
    while (this.accept("*") || this.accept("const"));
    const result = this.isWord();
    this.at = at;
    return result;
  }

  private declaration(): Stmt[] {
    const { at } = this;
    const base = this.specifiers();
    const words = this.tokens.texts.slice(at, this.at);
    const result: Stmt[] = [];
    if (this.accept(";")) return result;
    do {
      const { line } = this;
      const { name, stars, array, isFunction } = this.declarator();
      if (name === "") throw new Unexpected();
      const init = this.accept("=") ? this.initializer() : null;
      const type = stars === "" ? base : `${base} ${stars}`;
      if (isFunction) continue;
      this.declared.add(name);
      const lasts = words.includes("static") && !(words.includes("const") && stars === "");
      result.push({ kind: "declare", name, type, array, init, ...(lasts && { lasts }), line });
    } while (this.accept(","));
    this.expect(";");
    return result;
  }

  // ---------------------------------------------------------------- functions

  /** Reads `type name(parameters)` up to the body. */
  head(name: string): Pick<FunctionAst, "type" | "isPointer" | "line" | "parameters" | "parameterTypes"> {
    const type: string[] = [];
    let isPointer = false;
    while (this.text !== name || this.ahead(1) !== "(") {
      if (this.kind === "end") throw new Unexpected();
      if (this.isWord() && !/^(?:static|inline|extern|const|volatile)$/.test(this.text)) type.push(this.text);
      isPointer ||= this.text === "*";
      this.at++;
    }
    const { line } = this;
    this.at++;
    return { type: type.join(" "), isPointer, line, ...this.parameters() };
  }

  private parameters(): { parameters: string[]; parameterTypes: string[] } {
    const parameters: string[] = [];
    const parameterTypes: string[] = [];
    const add = (name: string, type: string): void => {
      this.declared.add(name);
      parameters.push(name);
      parameterTypes.push(type);
    };
    this.expect("(");
    while (this.text !== ")") {
      if (!this.accept("...")) {
        const base = this.specifiers();
        // `void`, or a parameter without a name.
        if (this.text !== ")" && this.text !== ",") {
          const { name, stars } = this.declarator();
          add(name, stars === "" ? base : `${base} ${stars}`);
        } else if (this.tokens.texts[this.at - 1] !== "void") add("", base);
      }
      if (!this.accept(",")) break;
    }
    this.expect(")");
    return { parameters, parameterTypes };
  }

  /** One initializer, such as a table of functions, and nothing after it. */
  wholeInitializer(): Expr {
    const expr = this.initializer();
    if (this.kind !== "end" || this.errors.length > 0) throw new Unexpected();
    return expr;
  }
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

/** What else a parse is told; see {@link ParserOptions}. */
export interface ParseOptions extends ParserOptions {
  /** Expands the macros in the tokens; null when they become too many. */
  readonly expand?: (tokens: Tokens) => Tokens | null;
}

/** Parses one function definition; null when its head is not one, or when it is too large or nests too deeply. */
export function parseFunction(text: string, place: DefinitionPlace, options: ParseOptions): FunctionAst | null {
  const tokens = expanded(tokenize(text, place.headStart, place.bodyEnd, place.headLine), options);
  if (tokens === null) return null;
  const parser = new CodeParser(text, tokens, options);
  return attempt(() => {
    const head = parser.head(place.name);
    const body = parser.body();
    return { name: place.name, file: place.file, ...head, body, errors: [...new Set(parser.errors)] };
  });
}

/** Parses one expression, such as a macro's body; null when it is none. Its line is 0: a macro has none of its own. */
export function parseExpression(text: string, isTypeName: IsTypeName, expand?: ParseOptions["expand"]): Expr | null {
  const line = text.replace(/\s+/g, " ");
  const tokens = expanded(tokenize(line, 0, line.length, 0), { isTypeName, ...(expand && { expand }) });
  return tokens === null ? null : attempt(() => new CodeParser(line, tokens, { isTypeName }).whole());
}

/** Parses the initializer `{ … }` between two offsets of a text; null when it is none. */
export function parseInitializer(
  text: string,
  start: number,
  end: number,
  line: number,
  options: ParseOptions,
): Expr | null {
  const tokens = expanded(tokenize(text, start, end, line), options);
  return tokens === null ? null : attempt(() => new CodeParser(text, tokens, options).wholeInitializer());
}

const expanded = (tokens: Tokens, { expand }: ParseOptions): Tokens | null => (expand ? expand(tokens) : tokens);

function attempt<T>(parse: () => T): T | null {
  try {
    return parse();
  } catch (error) {
    if (error instanceof Unexpected || error instanceof TooDeep) return null;
    throw error;
  }
}
