/**
 * Abstract interpretation of C: on which paths a function ends, and what its project's domains remember of each.
 *
 * A statement turns one abstract state into several: the branches of a test that cannot be decided, and what a domain makes of
 * a call. States that have seen the same join after the branch. Only calls of functions that are followed are run; the results
 * of the others are unknown. The machine knows no project: settings and domains do.
 */

import type { CallExpr, Expr, FunctionAst, Stmt } from "../ast.ts";
import { LIMITS } from "../limits.ts";
import type { FunctionInfo } from "../program.ts";
import { Calls } from "./calls.ts";
import type { Domain } from "./domain.ts";
import type { Engine, Evaluated, Final, Flow, Frame, Lvalue, Settings, Site, Trouble } from "./engine.ts";
import { Expressions } from "./expressions.ts";
import { Lvalues } from "./lvalues.ts";
import { NamesSeen, type ValueNames } from "./names.ts";
import { Space } from "./space.ts";
import { AbstractState } from "./state.ts";
import { Statements } from "./statements.ts";
import { relation, Tests } from "./tests.ts";
import { atomsOf, type Formula, type Location, sym, type Value } from "./values.ts";

/** What one run of a function gave. */
export interface Run {
  /** How its paths end. */
  readonly finals: readonly Final[];
  readonly names: ValueNames;
  /** Keys of the tests that the entry's own functions make: its own, and what that calls in the same file. */
  readonly ownTests: ReadonlySet<string>;
  readonly troubles: readonly Trouble[];
  /** Steps that it took, of those that `LIMITS.leafSteps` bounds: statements, each for each state, and what else is work. */
  readonly steps: number;
}

/**
 * Runs a function.
 *
 * @param args what it is called with; a missing one is unknown, named after the parameter
 * @param domains made for this run: what they remember of it is theirs afterwards
 */
export function runFunction(
  settings: Settings,
  domains: readonly Domain<unknown>[],
  info: FunctionInfo,
  args: readonly (Value | null)[],
): Run {
  return new Machine(settings, domains).run(info, args);
}

class Machine implements Engine {
  readonly settings: Settings;
  readonly space = new Space();
  steps = 0;
  private isOver = false;
  private readonly domains: readonly Domain<unknown>[];
  private readonly statementsPart: Statements;
  private readonly expressions: Expressions;
  private readonly tests: Tests;
  private readonly lvalues: Lvalues;
  private readonly calls: Calls;
  private readonly names = new NamesSeen();
  private readonly ownTests = new Set<string>();
  private readonly troubles: Trouble[] = [];
  private readonly forks = new Map<string, string>();
  private readonly chains = new Map<string, number>();
  private readonly arrays = new Set<Location>();
  /** Depths of the invocations of the entry's own functions: those in its file, called from no other. */
  private readonly own = new Map<number, number>();
  private current: { readonly frame: Frame; readonly line: number } | null = null;

  constructor(settings: Settings, domains: readonly Domain<unknown>[]) {
    this.settings = settings;
    this.domains = domains;
    this.statementsPart = new Statements(this, domains);
    this.expressions = new Expressions(this, domains);
    this.tests = new Tests(this);
    this.lvalues = new Lvalues(this, domains);
    this.calls = new Calls(this, domains);
    for (const [slot, domain] of domains.entries()) domain.attach(this, slot);
  }

  run(info: FunctionInfo, args: readonly (Value | null)[]): Run {
    const ast = this.settings.program.ast(info);
    if (!ast) {
      const site = { file: info.file, line: info.line, function: info.name };
      this.trouble("parse", `the handler ${info.name} could not be parsed`, site);
    }
    return {
      finals: ast ? this.finals(ast, args) : [],
      names: this.names,
      ownTests: this.ownTests,
      troubles: this.troubles,
      steps: this.cost,
    };
  }

  private finals(ast: FunctionAst, args: readonly (Value | null)[]): Final[] {
    const values = ast.parameters.map((name, i) => args[i] ?? sym(`arg:${name}`, name));
    const returns = this.calls.invoke(ast, values, AbstractState.start(this.space, this.domains), null);
    return [
      ...returns.map(([state, value]): Final => ({ state, kind: "return", value, told: null })),
      ...this.calls.halts,
    ];
  }

  // ------------------------------------------------------------- the parts

  evaluate(e: Expr, state: AbstractState, frame: Frame): Evaluated<Value>[] {
    return this.expressions.evaluate(e, state, frame);
  }

  single(e: Expr, state: AbstractState, frame: Frame): Value {
    return this.evaluate(e, state, frame)[0]?.[1] ?? this.space.fresh("?");
  }

  valueOf(name: string, state: AbstractState, frame: Frame): Value {
    return this.expressions.valueOf(name, state, frame);
  }

  isApart(error: Value): boolean {
    return this.domains.some((domain) => domain.isApart(error));
  }

  test(e: Expr, state: AbstractState, frame: Frame): Evaluated<Formula>[] {
    return this.tests.test(e, state, frame);
  }

  relation(op: string, a: Value, b: Value): Formula {
    return relation(op, a, b, false);
  }

  lvalue(e: Expr, state: AbstractState, frame: Frame): Lvalue | null {
    return this.lvalues.lvalue(e, state, frame);
  }

  read(place: Lvalue, state: AbstractState): Value {
    return this.lvalues.read(place, state);
  }

  write(place: Lvalue, value: Value, state: AbstractState): void {
    this.lvalues.write(place, value, state);
  }

  havoc(pointer: Value, state: AbstractState): void {
    this.lvalues.havoc(pointer, state);
  }

  statement(s: Stmt, state: AbstractState, frame: Frame): Flow[] {
    return this.statementsPart.run(s, state, frame);
  }

  statements(list: readonly Stmt[], start: readonly AbstractState[], frame: Frame): Flow[] {
    return this.statementsPart.list(list, start, frame);
  }

  call(e: CallExpr, state: AbstractState, frame: Frame): Evaluated<Value>[] {
    return this.calls.call(e, state, frame);
  }

  expanded<T>(e: CallExpr, frame: Frame, look: (body: Expr) => T): T | null {
    return this.calls.expanded(e, frame, look);
  }

  lookInto<T>(look: () => T, site: Site | undefined): T | null {
    return this.calls.lookInto(look, site);
  }

  // -------------------------------------------------------- what runs share

  enter(frame: Frame): void {
    const { id, chain, fn } = frame;
    if (chain.every((site) => site.file === fn.file)) this.own.set(id, chain.length);
  }

  local(name: string, frame: Frame): Location {
    let at = frame.locals.get(name);
    if (at === undefined) {
      at = this.space.variable(frame.id, name);
      frame.locals.set(name, at);
    }
    return at;
  }

  isArray(at: Location): boolean {
    return this.arrays.has(at);
  }

  noteArray(at: Location): void {
    this.arrays.add(at);
  }

  fork(frame: Frame, line: number, test: Expr): string {
    const name = `${frame.place}>${frame.fn.name}:${line}:${test.line}:${test.kind}`;
    let id = this.forks.get(name);
    if (id === undefined) {
      id = `${this.forks.size}`;
      this.forks.set(name, id);
    }
    return id;
  }

  site(frame: Frame, line: number): Site {
    return { file: frame.fn.file, line, function: frame.fn.name };
  }

  here(): readonly Site[] {
    return this.current ? [...this.current.frame.chain, this.site(this.current.frame, this.current.line)] : [];
  }

  chainNumber(chain: readonly Site[]): number {
    const name = chain.map((c) => `${c.file}:${c.function}:${c.line}`).join(">");
    let number = this.chains.get(name);
    if (number === undefined) {
      number = this.chains.size;
      this.chains.set(name, number);
    }
    return number;
  }

  ownDepth(invocation: number): number | undefined {
    return this.own.get(invocation);
  }

  noteOwnTest(f: Formula): void {
    for (const atom of atomsOf(f)) this.ownTests.add(atom.key);
  }

  noteHeld(value: Value, place: Lvalue, depth: number): void {
    this.names.note(value, place, depth, (at) => this.own.has(at.invocation));
  }

  step(frame: Frame, line: number): number | null {
    this.steps++;
    if (this.cost > LIMITS.leafSteps) {
      if (!this.isOver)
        this.trouble("budget", `the analysis takes more than ${LIMITS.leafSteps} steps`, this.site(frame, line));
      this.isOver = true;
      return null;
    }
    this.current = { frame, line };
    return this.steps;
  }

  /** Statements, and what else is work in terms of them. */
  private get cost(): number {
    return this.steps + Math.floor(this.space.work / Space.WORK_A_STEP);
  }

  trouble(what: Trouble["what"], message: string, site: Site): void {
    const isKnown = this.troubles.some(
      (t) => t.what === what && t.message === message && t.site.file === site.file && t.site.line === site.line,
    );
    if (!isKnown) this.troubles.push({ what, message, site });
  }
}
