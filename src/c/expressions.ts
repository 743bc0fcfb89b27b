/**
 * The parser's expressions, and the types and declarators that stand in them.
 */

import type { Expr, InitializerEntry, IntegerType, Stmt } from "./ast.ts";
import { Cursor, SPECIFIERS, STATEMENT_WORDS, TYPEOF, Unexpected } from "./cursor.ts";
import { BINARY_OPERATORS } from "./lexer.ts";

/** Words of a declaration that are no part of its type. */
const STORAGE = new Set(["const", "volatile", "restrict", "static", "extern", "register", "auto", "inline"]);
const TAGGED = new Set(["struct", "union", "enum"]);
export const SIZES = new Set(["sizeof", "offsetof", "_Alignof", "__alignof__"]);
const UNARY = new Set(["!", "~", "-", "+", "*", "&"]);
const ASSIGNMENTS = new Set(["=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="]);
const PRECEDENCE: ReadonlyMap<string, number> = new Map(
  BINARY_OPERATORS.flatMap((operators, level) => operators.map((operator): [string, number] => [operator, level + 1])),
);

export interface Declarator {
  readonly name: string;
  /** One for every level of pointer. */
  readonly stars: string;
  readonly array: boolean;
  /** It declares a function, not a variable. */
  readonly isFunction: boolean;
}

export abstract class ExpressionParser extends Cursor {
  /** Reads one statement; one that is not understood is left out. */
  protected abstract readStatement(into: Stmt[]): void;

  /** Reads one statement. */
  protected abstract statement(into: Stmt[]): void;

  /** Reads the type of a declaration, up to what it declares. */
  protected specifiers(): string {
    const type: string[] = [];
    let hasType = false;
    for (; this.isWord(); this.at++) {
      const { text } = this;
      if (TAGGED.has(text)) {
        type.push(text);
        if (this.isWord(1)) {
          this.at++;
          type.push(this.text);
        }
        if (this.ahead(1) === "{") {
          this.at++;
          this.skipBalanced();
          this.at--;
        }
      } else if (TYPEOF.has(text) && this.ahead(1) === "(") {
        const from = this.at;
        this.at++;
        this.skipBalanced();
        type.push(this.textSince(from));
        this.at--;
      } else if (STORAGE.has(text)) continue;
      else if (SPECIFIERS.has(text)) type.push(text);
      else if (hasType) break;
      else type.push(text);
      hasType = true;
    }
    return type.join(" ");
  }

  protected declarator(): Declarator {
    let stars = "";
    for (;;) {
      if (this.accept("*")) stars += "*";
      else if (!this.accept("const") && !this.accept("volatile") && !this.accept("restrict")) break;
    }
    let inner: Declarator | null = null;
    if (this.accept("(")) {
      inner = this.nested(() => this.declarator());
      this.expect(")");
    }
    const name = inner ? inner.name : this.isWord() ? this.word() : "";
    let array = inner?.array ?? false;
    let isFunction = inner?.isFunction ?? false;
    stars += inner?.stars ?? "";
    for (;;) {
      if (this.text === "[") array = true;
      else if (this.text !== "(") return { name, stars, array, isFunction };
      // What is in parentheses and then called is a pointer to a function.
      else isFunction ||= inner === null;
      this.skipBalanced();
    }
  }

  protected initializer(): Expr {
    return this.text === "{" ? this.nested(() => this.initializerList()) : this.assignment();
  }

  protected initializerList(): Extract<Expr, { kind: "initializer" }> {
    const { line } = this;
    const entries: InitializerEntry[] = [];
    let height = 0;
    let before: readonly Designator[] = [];
    this.expect("{");
    while (!this.accept("}")) {
      const way = this.designators();
      // What comes after `.a.b =` without a designator is for what follows b in a, if anything does.
      if (way.length === 0 && before.length > 1) throw new Unexpected();
      before = way;
      addEntry(entries, way, this.initializer());
      height = Math.max(height, this.height);
      if (!this.accept(",")) {
        this.expect("}");
        break;
      }
    }
    this.height = this.over(height);
    return { kind: "initializer", entries, line };
  }

  /** `.a[1].b =`: one designator after the other; none before a positional entry. */
  protected designators(): Designator[] {
    const way: Designator[] = [];
    if (this.text !== "." && this.text !== "[") return way;
    while (!this.accept("=")) {
      if (this.accept(".")) way.push({ field: this.word() });
      else {
        this.expect("[");
        const index = this.conditional();
        const to = this.accept("...") ? this.conditional() : null;
        way.push({ index, ...(to && { to }) });
        this.expect("]");
      }
    }
    return way;
  }

  // ---------------------------------------------------------------- expressions

  protected inParentheses(): Expr {
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

  protected expression(): Expr {
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

  protected assignment(): Expr {
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

  protected conditional(): Expr {
    const { line } = this;
    const test = this.binary(1);
    if (this.text !== "?") return test;
    let { height } = this;
    this.at++;
    // GNU: `a ?: b` is a, if it is not zero.
    const yes = this.is(":") ? test : this.nested(() => this.expression());
    height = Math.max(height, this.height);
    this.expect(":");
    const no = this.nested(() => this.conditional());
    this.height = this.over(height, this.height);
    return { kind: "conditional", test, yes, no, line };
  }

  protected binary(least: number): Expr {
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

  protected unary(): Expr {
    const { line, text } = this;
    if (this.isWord()) return SIZES.has(text) ? this.size() : this.postfix();
    if (text === "++" || text === "--") {
      this.at++;
      const operand = this.nested(() => this.unary());
      this.height = this.over(this.height);
      return { kind: "update", op: text, operand, isPostfix: false, line };
    }
    if (UNARY.has(text)) {
      this.at++;
      const operand = this.nested(() => this.unary());
      this.height = this.over(this.height);
      return { kind: "unary", op: text, operand, line };
    }
    return text === "(" && this.isCast() ? this.cast() : this.postfix();
  }

  protected size(): Expr {
    const { at, line, text } = this;
    this.at++;
    let measured = text === "sizeof" ? this.measured() : null;
    if (this.text === "(") {
      this.skipBalanced();
      const { at: end } = this;
      this.skipLinks();
      // A compound literal, or a part of one.
      if (this.at > end) measured = null;
    } else this.nested(() => this.unary());
    this.height = 1;
    return { kind: "opaque", text: this.textSince(at), parts: [], ...(measured && { measured }), line };
  }

  /** The type whose size is asked, `(type)` or `(type[count])`, which stays to be read; null for anything else. */
  private measured(): { type: string; counts: Expr[] } | null {
    const { at } = this;
    if (!this.is("(") || !this.isWord(1) || this.declared.has(this.ahead(1))) return null;
    this.at++;
    const words: string[] = [];
    for (; this.isWord() || this.is("*"); this.at++) if (!STORAGE.has(this.text)) words.push(this.text);
    const counts: Expr[] = [];
    while (this.is("[") && this.ahead(1) !== "]") {
      this.at++;
      counts.push(this.nested(() => this.conditional()));
      this.expect("]");
    }
    const isType = this.is(")");
    this.at = at;
    return isType ? { type: words.join(" "), counts } : null;
  }

  /** Goes past what a primary expression, or a compound literal's type, is followed by. */
  private skipLinks(): void {
    for (;;) {
      if (/^[([{]$/.test(this.text)) this.skipBalanced();
      else if (this.accept(".") || this.accept("->")) this.word();
      else return;
    }
  }

  /** Is what stands in these parentheses a type? A name that no header of the tree declares is one where C leaves no choice. */
  protected isCast(): boolean {
    if (!this.isWord(1)) return false;
    if (SPECIFIERS.has(this.ahead(1)) || TYPEOF.has(this.ahead(1))) return true;
    let next = 2;
    while (/^(?:\*|const|volatile)$/.test(this.ahead(next))) next++;
    const after = this.ahead(next);
    // `(type[2])`, `(type (*)(…))`
    if (after === "[" || (after === "(" && this.ahead(next + 1) === "*" && /^[*)]$/.test(this.ahead(next + 2))))
      return this.isTypeName(this.ahead(1));
    if (after !== ")") return false;
    if (next > 2 || this.isTypeName(this.ahead(1))) return true;
    // After what can be called may come a macro with the parentheses of its arguments, which is not understood.
    return !this.isVariable(this.ahead(1)) && /^(?:[\w"']|[~!{]$)/.test(this.ahead(3));
  }

  protected cast(): Expr {
    const { line } = this;
    const type = this.castType();
    if (this.text === "{") return this.links({ ...this.initializerList(), type }, line);
    const operand = this.nested(() => this.unary());
    this.height = this.over(this.height);
    return { kind: "cast", operand, type, line };
  }

  /** The type in a cast's parentheses, which it goes past. */
  protected castType(): string {
    const { at } = this;
    this.skipBalanced();
    const words = this.tokens.texts.slice(at + 1, this.at - 1).filter((word) => !STORAGE.has(word));
    return words.join(" ").replace(/ \*/g, "*").replace("*", " *");
  }

  protected postfix(): Expr {
    const { line } = this;
    const isBare = this.text === "(" && this.isWord(1) && this.ahead(2) === ")" && !this.isVariable(this.ahead(1));
    return this.links(this.primary(), line, isBare);
  }

  /** Is it the name of something that can be called? */
  protected isVariable(name: string): boolean {
    return this.declared.has(name) || this.options.isFunction?.(name) === true;
  }

  /**
   * What follows an expression: calls, members, indices.
   *
   * @param isBare is it a name in parentheses that may be that of a type?
   */
  private links(first: Expr, line: number, isBare = false): Expr {
    let expr = first;
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
        // What follows is the statement that the macro governs, even in parentheses.
        if (expr.kind === "call" && expr.callee.kind === "name" && this.options.governs?.(expr.callee.name)) break;
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
        expr = { kind: "update", op: text, operand: expr, isPostfix: true, line };
        height = this.over(height);
      } else break;
    }
    this.height = height;
    return expr;
  }

  protected args(): Expr[] {
    if (this.holdsSemicolon()) return [this.statementArgument()];
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
  protected isTypeArgument(): boolean {
    if (!this.isWord()) return false;
    if (SPECIFIERS.has(this.text)) return true;
    let next = 1;
    while (this.ahead(next) === "*") next++;
    return next > 1 && /^[,)]$/.test(this.ahead(next));
  }

  protected typeArgument(): Expr {
    const { at, line } = this;
    while (this.text !== "," && this.text !== ")") this.skipBalanced();
    this.height = 1;
    return { kind: "opaque", text: this.textSince(at), parts: [], line };
  }

  /** A macro may be given statements: what it does with them is not known, but they are what they are in `({ … })`. */
  protected statementArgument(): Expr {
    const { at, line } = this;
    this.expect("(");
    const body = this.nested(() => this.wholeStatements());
    this.expect(")");
    const parts = body.flatMap((s) => (s.kind === "expression" ? [s.expr] : []));
    return { kind: "opaque", text: this.textSince(at), parts, body, line };
  }

  /** Statements up to a closing parenthesis, after the last of which the semicolon may be left out. */
  protected wholeStatements(): Stmt[] {
    const body: Stmt[] = [];
    let height = 0;
    while (this.kind !== "end" && this.text !== ")") {
      this.statement(body);
      height = Math.max(height, this.height);
    }
    this.height = this.over(height);
    return body;
  }

  protected primary(): Expr {
    const { at, line, text } = this;
    this.height = 1;
    switch (this.kind) {
      case "word":
        if (STATEMENT_WORDS.has(text) || SPECIFIERS.has(text)) throw new Unexpected();
        if (TYPEOF.has(text)) return this.size();
        this.at++;
        return this.isString() ? this.strings(line) : { kind: "name", name: text, line };
      case "number": {
        this.at++;
        const value = parseInteger(text);
        if (value === null) return { kind: "opaque", text, parts: [], line };
        const type = typeOfInteger(text, value);
        return { kind: "number", value, ...(type && { type }), line };
      }
      case "character":
        this.at++;
        return { kind: "opaque", text, parts: [], line };
      case "string":
        return this.strings(line);
      default:
    }
    this.expect("(");
    if (this.text !== "{") {
      const expr = this.nested(() => this.expression());
      this.expect(")");
      return expr;
    }
    const body = this.nested(() => this.statementExpression());
    this.expect(")");
    const parts = body.flatMap((s) => (s.kind === "expression" ? [s.expr] : []));
    return { kind: "opaque", text: this.textSince(at), parts, body, line };
  }

  /** Literals one after the other are one; a word between them is a macro for one. */
  private strings(line: number): Expr {
    while (this.isString() || (this.isWord() && this.isString(-1))) this.at++;
    return { kind: "string", line };
  }

  /** `({ … })`: its statements. */
  protected statementExpression(): Stmt[] {
    const body: Stmt[] = [];
    let height = 0;
    this.expect("{");
    while (this.kind !== "end" && this.text !== "}") {
      this.readStatement(body);
      height = Math.max(height, this.height);
    }
    this.expect("}");
    this.height = this.over(height);
    return body;
  }
}

type Designator = NonNullable<InitializerEntry["designator"]>;

/** `.a.b = 1, .a.c = 2` is `.a = { .b = 1, .c = 2 }`. */
function addEntry(entries: InitializerEntry[], way: readonly Designator[], value: Expr): void {
  const [designator, ...inner] = way;
  if (designator === undefined || inner.length === 0) {
    entries.push({ designator: designator ?? null, value });
    return;
  }
  const known = entries.findIndex((entry) => isSame(entry.designator, designator));
  const outer = entries[known]?.value;
  const of = outer?.kind === "initializer" && outer.type === undefined ? [...outer.entries] : [];
  addEntry(of, inner, value);
  const entry: InitializerEntry = { designator, value: { kind: "initializer", entries: of, line: value.line } };
  if (known >= 0 && outer?.kind === "initializer") entries[known] = entry;
  else entries.push(entry);
}

function isSame(a: InitializerEntry["designator"], b: Designator): boolean {
  if (a === null) return false;
  if ("field" in a || "field" in b) return "field" in a && "field" in b && a.field === b.field;
  const [x, y] = [a.index, b.index];
  if (a.to || b.to) return false;
  return (
    (x.kind === "number" && y.kind === "number" && x.value === y.value) ||
    (x.kind === "name" && y.kind === "name" && x.name === y.name)
  );
}

/** The value of a C integer literal, or null for a floating-point one. */
export function parseInteger(text: string): bigint | null {
  const digits = /^(0[xX][0-9a-fA-F]+|0[bB][01]+|\d+)[uUlL]*$/.exec(text.replace(/'/g, ""));
  if (!digits?.[1]) return null;
  const body = digits[1];
  if (/^0[0-7]+$/.test(body)) return BigInt(`0o${body.slice(1)}`);
  return BigInt(body);
}

/** The type of an integer literal: the first one that its value fits, as its base and suffix allow; null for `int`. */
export function typeOfInteger(text: string, value: bigint): IntegerType | null {
  const suffix = /[ul]*$/i.exec(text)?.[0] ?? "";
  const isUnsigned = /u/i.test(suffix);
  const isLong = /l/i.test(suffix);
  const isDecimal = /^[1-9]/.test(text);
  if (!isLong && !isUnsigned && value < 1n << 31n) return null;
  if (!isLong && value < 1n << 32n && (isUnsigned || !isDecimal)) return "unsigned";
  return !isUnsigned && value < 1n << 63n ? "long" : "unsigned long";
}
