/** Makes straight code of a function's syntax tree. */

import { type Expr, type FunctionAst, placed, type Stmt, substitute } from "../c/index.ts";
import type { Code, GuardClass, Instruction } from "./code.ts";
import {
  calleeName,
  comparedWith,
  constantNames,
  fallsThrough,
  hasEffect,
  inStatement,
  replaced,
} from "./expressions.ts";
import type { KernelRules } from "./rules.ts";

/** What a macro that governs a statement does. */
export interface LoopRule {
  /** Positions of the arguments that every round gives another value. */
  readonly assigns: readonly number[];
  /** The loop goes over all objects of the kind that the last of these variables points to. */
  readonly all: boolean;
}

/** A function that is no more than an expression. */
export interface Inline {
  readonly parameters: readonly string[];
  readonly expr: Expr;
}

/** What lowering must be told. */
export interface Lowering {
  readonly guards: ReadonlyMap<string, GuardClass>;
  /** Names of the macros that make a guard: with a variable, without one, for a statement. */
  readonly words: Pick<KernelRules["guards"], "class" | "guard" | "scoped" | "scopedClass">;
  readonly loop: (macro: string) => LoopRule;
  /** Macros whose value is that of their first argument, and the position of the type that they give it, if they do. */
  readonly transparent: ReadonlyMap<string, number | null>;
  /** Macros that complain when their first argument holds, and whose value it is. */
  readonly reports: ReadonlySet<string>;
  /** What a function gives that does nothing else than give it, in its parameters; null for any other function. */
  readonly inline: (name: string) => Inline | null;
  /** Type of an expression, as far as structures go; null when it is not known. */
  readonly typeOf: (e: Expr, variable: (name: string) => string | null) => string | null;
  /** A statement's syntax tree, from its text. */
  readonly statement: (text: string) => readonly Stmt[];
}

const NUMBER = (value: bigint, line: number): Expr => ({ kind: "number", value, line });
const NAME = (name: string, line: number): Expr => ({ kind: "name", name, line });
const UNKNOWN = (line: number): Expr => ({ kind: "opaque", text: "?", parts: [], line });

/** A scope of the source: its names, and what leaving it evaluates. */
interface Scope {
  readonly names: Map<string, string>;
  /** Innermost last. */
  readonly cleanups: (readonly Stmt[])[];
  /** The loop over all objects that leaving the scope by a jump breaks off. */
  readonly loop: number | null;
  readonly parent: Scope | null;
}

interface Target {
  readonly patch: number[];
  readonly scope: Scope;
}

/** Lowers one function. */
export function lower(ast: FunctionAst, rules: Lowering): Code {
  return new Lowerer(ast, rules).run();
}

class Lowerer {
  private readonly code: Instruction[] = [];
  private readonly types = new Map<string, string>();
  private readonly lost: number[];
  private readonly ast: FunctionAst;
  private readonly rules: Lowering;
  private scope: Scope = { names: new Map(), cleanups: [], loop: null, parent: null };
  private temporaries = 0;
  private loops = 0;
  private cases: readonly string[] = [];
  private breaks: Target | null = null;
  private continues: Target | null = null;
  private readonly labels = new Map<string, { at: number; scope: Scope }>();
  private readonly gotos: { at: number; label: string; scope: Scope; line: number }[] = [];

  constructor(ast: FunctionAst, rules: Lowering) {
    this.ast = ast;
    this.rules = rules;
    this.lost = [...ast.errors];
    ast.parameters.forEach((name, i) => {
      if (name !== "") this.declare(name, ast.parameterTypes[i] ?? "");
    });
  }

  run(): Code {
    const { name, file, line, parameters, isPointer } = this.ast;
    const type = isPointer ? `${this.ast.type} *` : this.ast.type;
    this.block(this.ast.body);
    this.emit({ op: "return", value: null, line });
    this.resolveGotos();
    return { name, file, line, instructions: this.code, parameters, type, types: this.types, lost: this.lost };
  }

  private emit(instruction: Instruction): number {
    this.code.push(instruction);
    return this.code.length - 1;
  }

  private temporary(): string {
    const name = `$${++this.temporaries}`;
    this.types.set(name, "");
    return name;
  }

  private patch(places: readonly number[], to: number): void {
    for (const at of places) {
      const instruction = this.code[at] as Instruction;
      if (instruction.op === "branch") instruction.no = to;
      else if (instruction.op === "jump" || instruction.op === "choose") instruction.to = to;
    }
  }

  // ---------------------------------------------------------------- names

  private declare(name: string, type: string): string {
    const unique = this.unique(name, type);
    this.scope.names.set(name, unique);
    return unique;
  }

  /** A variable that the source does not name, so that no later one can hide it. */
  private unique(name: string, type: string): string {
    let unique = name;
    for (let i = 2; this.types.has(unique); i++) unique = `${name}~${i}`;
    this.types.set(unique, type);
    return unique;
  }

  private local(name: string): string | null {
    for (let scope: Scope | null = this.scope; scope !== null; scope = scope.parent) {
      const found = scope.names.get(name);
      if (found !== undefined) return found;
    }
    return null;
  }

  private open(loop: number | null = null): void {
    this.scope = { names: new Map(), cleanups: [], loop, parent: this.scope };
  }

  /** Leaves the innermost scope, at whose end its guards are dropped. */
  private close(): void {
    if (this.scope.loop === null) this.cleanUp(this.scope, this.scope.parent);
    this.scope = this.scope.parent as Scope;
  }

  /** Evaluates what leaving the scopes from `from` up to, but without, `to` drops. */
  private cleanUp(from: Scope, to: Scope | null): void {
    const before = this.scope;
    for (let scope: Scope | null = from; scope !== null && scope !== to; scope = scope.parent) {
      for (const cleanup of [...scope.cleanups].reverse()) {
        // A cleanup sees the names of its scope, and is none of its own cleanups.
        this.scope = { names: new Map(), cleanups: [], loop: null, parent: scope };
        for (const s of cleanup) this.statement(s);
      }
      if (scope.loop !== null) this.emit({ op: "rounds-left", loop: scope.loop, line: this.ast.line });
    }
    this.scope = before;
  }

  // ---------------------------------------------------------------- statements

  private block(body: readonly Stmt[]): void {
    this.open();
    for (const s of body) this.statement(s);
    this.close();
  }

  private statement(s: Stmt): void {
    switch (s.kind) {
      case "block":
        return this.block(s.body);
      case "expression":
        return this.expressionStatement(s.expr);
      case "declare":
        return this.declaration(s);
      case "if":
        return this.ifStatement(s);
      case "loop":
        return this.loop(s);
      case "governed":
        return this.governed(s);
      case "switch":
        return this.switch(s);
      case "label":
        this.labels.set(s.name, { at: this.code.length, scope: this.scope });
        return;
      case "goto":
        this.gotos.push({
          at: this.emit({ op: "jump", to: -1, line: s.line }),
          label: s.label,
          scope: this.scope,
          line: s.line,
        });
        return;
      case "return": {
        let value = s.value && this.expr(s.value);
        if (value !== null && this.hasCleanups()) value = this.kept(value, s.line);
        this.cleanUp(this.scope, null);
        this.emit({ op: "return", value, line: s.line });
        return;
      }
      case "break":
        return this.leave(this.breaks, s.line);
      case "continue":
        return this.leave(this.continues, s.line);
    }
  }

  private hasCleanups(): boolean {
    for (let scope: Scope | null = this.scope; scope !== null; scope = scope.parent)
      if (scope.cleanups.length > 0) return true;
    return false;
  }

  /** A value under a name of its own, so that what comes in between does not change it. */
  private kept(value: Expr, line: number): Expr {
    const name = this.temporary();
    this.types.set(name, this.typeOf(value));
    this.emit({ op: "assign", to: NAME(name, line), value, line });
    return NAME(name, line);
  }

  private leave(target: Target | null, line: number): void {
    if (target === null) {
      this.lost.push(line);
      return;
    }
    this.cleanUp(this.scope, target.scope);
    target.patch.push(this.emit({ op: "jump", to: -1, line }));
  }

  private expressionStatement(e: Expr): void {
    if (e.kind === "update") this.update(e, false);
    else if (e.kind !== "call") this.expr(e);
    else if (this.rules.reports.has(calleeName(e) ?? "")) {
      const no: number[] = [];
      this.condition(e, no);
      this.patch(no, this.code.length);
    } else if (!this.guardUse(e)) this.call(e, null);
  }

  private declaration(s: Extract<Stmt, { kind: "declare" }>): void {
    const value =
      s.init === null || s.lasts ? null : s.init.kind === "initializer" ? this.initializer(s.init) : this.expr(s.init);
    const name = this.declare(s.name, s.array ? `${s.type} []` : s.type);
    if (value === null) {
      this.emit({ op: "forget", name, zero: false, line: s.line });
      return;
    }
    this.assign(NAME(name, s.line), value, s.line);
  }

  private ifStatement(s: Extract<Stmt, { kind: "if" }>): void {
    const no: number[] = [];
    const { cases } = this;
    this.condition(s.test, no);
    this.cases = [...cases, ...comparedWith(s.test)];
    this.statement(s.yes);
    this.cases = cases;
    if (s.no === null) {
      this.patch(no, this.code.length);
      return;
    }
    const end = this.emit({ op: "jump", to: -1, line: s.line });
    this.patch(no, this.code.length);
    this.statement(s.no);
    this.patch([end], this.code.length);
  }

  private loop(s: Extract<Stmt, { kind: "loop" }>): void {
    this.open();
    for (const init of s.init) this.statement(init);
    const out: number[] = [];
    const start = this.code.length;
    if (s.testFirst && s.test !== null) this.condition(s.test, out);
    const next = this.loopBody(s.body, out);
    this.patch(next, this.code.length);
    if (s.step?.kind === "update") this.update(s.step, false);
    else if (s.step !== null) this.expr(s.step);
    if (!s.testFirst && s.test !== null) this.condition(s.test, out);
    this.emit({ op: "jump", to: start, line: s.line });
    this.patch(out, this.code.length);
    this.close();
  }

  /** Lowers the body of a loop; what leaves the loop is added to `out`, and what goes on with the next round is returned. */
  private loopBody(body: Stmt, out: number[], outside: Scope = this.scope): number[] {
    const { breaks, continues } = this;
    const next: number[] = [];
    this.breaks = { patch: out, scope: outside };
    this.continues = { patch: next, scope: this.scope };
    this.statement(body);
    this.breaks = breaks;
    this.continues = continues;
    return next;
  }

  private governed({ head, body, line }: Extract<Stmt, { kind: "governed" }>): void {
    if (head.kind !== "call") return this.statement(body);
    const name = calleeName(head);
    const { scoped, scopedClass } = this.rules.words;
    if (name === scoped || name === scopedClass) {
      this.open();
      const [kind, ...rest] = head.args;
      const [own] = rest;
      const variable = name === scopedClass && own?.kind === "name" ? own.name : null;
      const args = name === scopedClass ? rest.slice(1) : rest;
      if (kind?.kind !== "name" || !this.guard(kind.name, args, variable, line)) this.lost.push(line);
      // The macro is a loop of one round, so that `break` leaves it.
      const out: number[] = [];
      const next = this.loopBody(body, out);
      this.patch([...next, ...out], this.code.length);
      this.close();
      return;
    }
    this.macroLoop(name ?? "", head.args, body, line);
  }

  private macroLoop(macro: string, args: readonly Expr[], body: Stmt, line: number): void {
    const rule = this.rules.loop(macro);
    const loop = ++this.loops;
    this.open();
    const lowered = args.map((arg) => this.expr(arg));
    const variables = rule.assigns.flatMap((i) => {
      const arg = lowered[i];
      return arg?.kind === "name" ? [arg.name] : [];
    });
    const pointer = rule.all ? variables.at(-1) : undefined;
    if (pointer !== undefined) this.emit({ op: "rounds-begin", loop, line });
    const out: number[] = [];
    const start = this.code.length;
    out.push(this.emit({ op: "choose", to: -1, line }));
    for (const name of variables) {
      if (name === pointer) this.emit({ op: "round", loop, variable: name, line });
      else this.assign(NAME(name, line), UNKNOWN_POINTER(line), line);
    }
    const left: number[] = [];
    // What leaves the loop leaves the scope of its rounds, too; what goes on with the next round does not.
    const outside = this.scope;
    if (pointer !== undefined) this.open(loop);
    const next = this.loopBody(body, left, outside);
    if (pointer !== undefined) this.close();
    this.patch(next, start);
    this.emit({ op: "jump", to: start, line });
    this.patch(out, this.code.length);
    if (pointer !== undefined) this.emit({ op: "rounds-end", loop, line });
    this.patch(left, this.code.length);
    this.close();
  }

  private switch(s: Extract<Stmt, { kind: "switch" }>): void {
    const value = this.kept(this.expr(s.value), s.line);
    const arms: { from: Expr; to: Expr; target: number }[] = [];
    const instruction: Instruction = { op: "switch", value, arms, otherwise: -1, line: s.line };
    this.emit(instruction);
    const { breaks, cases } = this;
    const out: number[] = [];
    this.breaks = { patch: out, scope: this.scope };
    this.open();
    let pending: string[] = [];
    for (const arm of s.cases) {
      const target = this.code.length;
      if (arm.value === null) instruction.otherwise = target;
      else {
        const from = this.pure(arm.value);
        arms.push({ from, to: arm.to ? this.pure(arm.to) : from, target });
        pending.push(...constantNames(arm.value));
      }
      this.cases = [...cases, ...(pending.length > 0 ? [pending.join(" ")] : [])];
      for (const statement of arm.body) this.statement(statement);
      if (!fallsThrough(arm.body)) pending = [];
    }
    this.close();
    this.cases = cases;
    this.breaks = breaks;
    if (instruction.otherwise < 0) instruction.otherwise = this.code.length;
    this.patch(out, this.code.length);
  }

  /** A jump drops the guards of all scopes that its label is not in. */
  private resolveGotos(): void {
    for (const { at, label, scope, line } of this.gotos) {
      const target = this.labels.get(label);
      if (target === undefined) {
        this.lost.push(line);
        this.patch([at], this.code.length - 1);
        continue;
      }
      const around = new Set<Scope>();
      for (let s: Scope | null = target.scope; s !== null; s = s.parent) around.add(s);
      let left: Scope | null = scope;
      while (left !== null && !around.has(left)) left = left.parent;
      this.patch([at], this.code.length);
      this.cleanUp(scope, left);
      this.emit({ op: "jump", to: target.at, line });
    }
  }

  // ---------------------------------------------------------------- guards

  /** `guard(name)(…);` and `CLASS(name, variable)(…);` */
  private guardUse(e: Extract<Expr, { kind: "call" }>): boolean {
    const { callee, args, line } = e;
    if (callee.kind !== "call" || callee.callee.kind !== "name") return false;
    const { words } = this.rules;
    const word = callee.callee.name;
    if (word !== words.guard && word !== words.class) return false;
    const [kind, variable] = callee.args;
    const name = variable?.kind === "name" ? variable.name : null;
    const known = kind?.kind === "name" && this.guard(kind.name, args, word === words.class ? name : null, line);
    if (!known) this.lost.push(line);
    return true;
  }

  /** Takes a guard that is dropped at the end of the innermost scope; false when there is no such class. */
  private guard(kind: string, args: readonly Expr[], variable: string | null, line: number): boolean {
    const found = this.rules.guards.get(kind);
    if (found === undefined) return false;
    const [first] = args;
    let acquire = substitute(found.acquire, found.parameters, args);
    let release = this.rules.statement(found.release);
    if (found.object !== null && first !== undefined) {
      // What it was given may have changed by the time it is dropped.
      const given = this.kept2(this.expr(first), line);
      acquire = replaced(acquire, found.object, given);
      release = release.map((s) => inStatement(s, (e) => replaced(e, found.object as Expr, given)));
    }
    const variableExpr = NAME(found.variable, line);
    const value = this.expr(placed(acquire, line));
    const type = this.typeOf(value);
    const name = variable === null ? this.unique(`${found.variable}~guard`, type) : this.declare(variable, type);
    const own = NAME(name, line);
    this.assign(own, value, line);
    this.scope.cleanups.push(release.map((s) => inStatement(s, (e) => placed(replaced(e, variableExpr, own), line))));
    return true;
  }

  /** As {@link kept}, under a name that may be read more than once. */
  private kept2(value: Expr, line: number): Expr {
    const name = this.unique("~given", this.typeOf(value));
    this.emit({ op: "assign", to: NAME(name, line), value, line });
    return NAME(name, line);
  }

  // ---------------------------------------------------------------- expressions

  private assign(to: Expr, value: Expr, line: number): void {
    this.emit({ op: "assign", to, value, line });
  }

  /** An expression without what it does; that becomes instructions. */
  private expr(e: Expr): Expr {
    switch (e.kind) {
      case "name":
        return { ...e, name: this.local(e.name) ?? e.name };
      case "number":
      case "string":
        return e;
      case "call":
        return this.callValue(e);
      case "unary":
        return { ...e, operand: this.expr(e.operand) };
      case "cast":
        return { ...e, operand: this.expr(e.operand) };
      case "update":
        return this.update(e);
      case "binary":
        return e.op === "&&" || e.op === "||"
          ? this.shortCircuit(e)
          : { ...e, left: this.expr(e.left), right: this.expr(e.right) };
      case "assign":
        return this.assignment(e);
      case "member":
        return { ...e, object: this.expr(e.object) };
      case "index":
        return { ...e, object: this.expr(e.object), index: this.expr(e.index) };
      case "conditional":
        return this.conditional(e);
      case "comma": {
        for (const part of e.parts.slice(0, -1)) this.expressionStatement(part);
        const last = e.parts.at(-1);
        return last === undefined ? UNKNOWN(e.line) : this.expr(last);
      }
      case "initializer":
        return this.initializer(e);
      case "opaque":
        return e.body === undefined ? e : this.statementExpression(e.body, e.line);
    }
  }

  /** An expression that does nothing, such as a constant: only its names are resolved. */
  private pure(e: Expr): Expr {
    return this.expr(e);
  }

  private initializer(e: Extract<Expr, { kind: "initializer" }>): Expr {
    return { ...e, entries: e.entries.map((entry) => ({ ...entry, value: this.expr(entry.value) })) };
  }

  private callValue(e: Extract<Expr, { kind: "call" }>): Expr {
    const name = calleeName(e) ?? "";
    const [first] = e.args;
    if (first !== undefined && this.rules.transparent.has(name)) {
      const type = e.args[this.rules.transparent.get(name) ?? -1];
      const operand = this.expr(first);
      return type?.kind === "opaque" ? { kind: "cast", operand, type: type.text, line: e.line } : operand;
    }
    if (this.rules.reports.has(name)) return this.truth(e);
    const inline = this.inlined(e);
    if (inline !== null) return inline;
    const to = this.temporary();
    this.call(e, to);
    return NAME(to, e.line);
  }

  /** The expression that a call is no more than; null when it is more. */
  private inlined(e: Extract<Expr, { kind: "call" }>): Expr | null {
    const inline =
      e.callee.kind === "name" && this.local(e.callee.name) === null ? this.rules.inline(e.callee.name) : null;
    if (inline === null || inline.parameters.length !== e.args.length) return null;
    const args = e.args.map((arg) => this.expr(arg));
    return placed(substitute(inline.expr, inline.parameters, args), e.line);
  }

  private call(e: Extract<Expr, { kind: "call" }>, to: string | null): void {
    // A call whose result is called picks a function by name; it is none of its own.
    const callee = e.callee.kind === "call" ? { ...e.callee, args: e.callee.args } : this.expr(e.callee);
    const args = e.args.map((arg) => this.expr(arg));
    this.emit({ op: "call", to, callee, args, line: e.line, cases: this.cases });
    if (to !== null) this.types.set(to, this.typeOf(e));
  }

  private update(e: Extract<Expr, { kind: "update" }>, isUsed = true): Expr {
    const operand = this.expr(e.operand);
    const before = isUsed && e.isPostfix ? this.kept2(operand, e.line) : operand;
    this.assign(operand, { ...e, operand }, e.line);
    return before;
  }

  private assignment(e: Extract<Expr, { kind: "assign" }>): Expr {
    const right = this.expr(e.right);
    const left = this.expr(e.left);
    const value: Expr = e.op === "=" ? right : { kind: "binary", op: e.op.slice(0, -1), left, right, line: e.line };
    this.assign(left, value, e.line);
    return left;
  }

  private shortCircuit(e: Extract<Expr, { kind: "binary" }>): Expr {
    if (this.hasEffect(e.right)) return this.truth(e);
    return { ...e, left: this.expr(e.left), right: this.expr(e.right) };
  }

  /** The value of a condition that is evaluated by jumps. */
  private truth(e: Expr): Expr {
    const to = this.temporary();
    const no: number[] = [];
    this.condition(e, no);
    this.assign(NAME(to, e.line), NUMBER(1n, e.line), e.line);
    const end = this.emit({ op: "jump", to: -1, line: e.line });
    this.patch(no, this.code.length);
    this.assign(NAME(to, e.line), NUMBER(0n, e.line), e.line);
    this.patch([end], this.code.length);
    return NAME(to, e.line);
  }

  private conditional(e: Extract<Expr, { kind: "conditional" }>): Expr {
    // GNU: `a ?: b` evaluates a once.
    if (e.yes === e.test) {
      const test = this.kept2(this.expr(e.test), e.line);
      return this.conditional({ ...e, test: { kind: "cast", operand: test, line: e.line }, yes: test });
    }
    if (!this.hasEffect(e.yes) && !this.hasEffect(e.no))
      return { ...e, test: this.expr(e.test), yes: this.expr(e.yes), no: this.expr(e.no) };
    const to = NAME(this.temporary(), e.line);
    const no: number[] = [];
    this.condition(e.test, no);
    this.assign(to, this.expr(e.yes), e.line);
    const end = this.emit({ op: "jump", to: -1, line: e.line });
    this.patch(no, this.code.length);
    this.assign(to, this.expr(e.no), e.line);
    this.patch([end], this.code.length);
    return to;
  }

  private statementExpression(body: readonly Stmt[], line: number): Expr {
    this.open();
    const last = body.at(-1);
    for (const s of body.slice(0, -1)) this.statement(s);
    let value = UNKNOWN(line);
    if (last?.kind === "expression") value = this.kept(this.expr(last.expr), line);
    else if (last !== undefined) this.statement(last);
    this.close();
    return value;
  }

  /** Goes on when the test holds; adds the places that jump when it does not. */
  private condition(test: Expr, no: number[]): void {
    if (test.kind === "binary" && test.op === "&&") {
      this.condition(test.left, no);
      this.condition(test.right, no);
    } else if (test.kind === "binary" && test.op === "||") {
      const right: number[] = [];
      this.condition(test.left, right);
      const yes = this.emit({ op: "jump", to: -1, line: test.line });
      this.patch(right, this.code.length);
      this.condition(test.right, no);
      this.patch([yes], this.code.length);
    } else if (test.kind === "unary" && test.op === "!") {
      const yes: number[] = [];
      this.condition(test.operand, yes);
      no.push(this.emit({ op: "jump", to: -1, line: test.line }));
      this.patch(yes, this.code.length);
    } else if (test.kind === "call" && this.isTransparent(test)) this.condition(test.args[0] as Expr, no);
    else if (test.kind === "call" && this.rules.reports.has(calleeName(test) ?? "")) this.report(test, no);
    else no.push(this.emit({ op: "branch", test: this.expr(test), no: -1, line: test.line }));
  }

  /** Goes on, with the complaint made, when the first argument holds. */
  private report(e: Extract<Expr, { kind: "call" }>, no: number[]): void {
    const { line } = e;
    const name = calleeName(e) ?? "";
    const [test, ...rest] = e.args;
    if (test === undefined) return;
    if (!this.hasEffect(test)) this.emit({ op: "check", name, test: this.expr(test), line });
    this.condition(test, no);
    this.emit({ op: "report", name, args: rest.map((arg) => this.expr(arg)), line });
  }

  private hasEffect(e: Expr): boolean {
    return hasEffect(
      e,
      (name) => this.rules.transparent.has(name) || (this.local(name) === null && this.rules.inline(name) !== null),
    );
  }

  private typeOf(e: Expr): string {
    return this.rules.typeOf(e, (name) => this.types.get(this.local(name) ?? name) ?? null) ?? "";
  }

  private isTransparent(e: Extract<Expr, { kind: "call" }>): boolean {
    return e.args.length > 0 && this.rules.transparent.has(calleeName(e) ?? "");
  }
}

const UNKNOWN_POINTER = (line: number): Expr => ({ kind: "opaque", text: "pointer", parts: [], line });
