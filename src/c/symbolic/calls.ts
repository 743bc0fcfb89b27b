/** Calls: of macros, of functions that are followed, of those that a domain knows, and of all others. */

import type { CallExpr, Expr, FunctionAst } from "../ast.ts";
import { LIMITS } from "../limits.ts";
import type { Domain } from "./domain.ts";
import type { Call, Engine, Evaluated, Final, Frame, Site } from "./engine.ts";
import { asValue, isTooLong } from "./expressions.ts";
import { shadowsIn } from "./shadows.ts";
import { sourceText } from "./source-text.ts";
import { type AbstractState, joinStates } from "./state.ts";
import { each } from "./tests.ts";
import { and, idOf, isConst, not, num, sym, TRUE, truth, type Value, valueText } from "./values.ts";

const MAX_DEPTH = 40;

/** So often a function may stand in one chain of calls: a walk of page tables that calls itself goes down five levels. */
const MAX_RECURSION = 8;
const MAX_MACROS = 10_000;

export class Calls {
  /** Paths that end in a call that does not return. */
  readonly halts: Final[] = [];
  private readonly engine: Engine;
  private readonly domains: readonly Domain<unknown>[];
  private macroDepth = 0;
  private macrosSeen = 0;
  private invocations = 0;
  /** Calls so far of functions whose results change. */
  private changes = 0;

  constructor(engine: Engine, domains: readonly Domain<unknown>[]) {
    this.engine = engine;
    this.domains = domains;
  }

  /**
   * Runs a function.
   *
   * @param caller the invocation that calls it, and where; null for the entry
   * @returns the states in which it returns, each with its result
   */
  invoke(
    fn: FunctionAst,
    args: readonly Value[],
    state: AbstractState,
    caller: { readonly frame: Frame; readonly site: Site } | null,
  ): Evaluated<Value>[] {
    const { engine } = this;
    const id = ++this.invocations;
    const chain = caller ? [...caller.frame.chain, caller.site] : [];
    const frame: Frame = {
      id,
      invocations: [...(caller?.frame.invocations ?? []), id],
      fn,
      chain,
      place: engine.chainNumber(chain),
      loops: caller?.frame.loops ?? [],
      locals: new Map(),
    };
    engine.enter(frame);
    for (const line of fn.errors)
      engine.trouble("parse", `a line of ${fn.name} could not be parsed`, { file: fn.file, line, function: fn.name });
    for (const { name, line } of shadowsIn(fn))
      engine.trouble("parse", `${name} is declared again here, and what it is outside is used later`, {
        file: fn.file,
        line,
        function: fn.name,
      });
    fn.parameters.forEach((name, i) => {
      const at = engine.local(name, frame);
      state.set(at, args[i] ?? engine.space.fresh(name));
      engine.space.name(at, name);
    });
    const returns: Evaluated<Value>[] = [];
    for (const { state: end, exit } of engine.statements(fn.body, [state], frame)) {
      if (exit.k === "goto")
        engine.trouble("backward-goto", `goto ${exit.label} goes into a block`, engine.site(frame, exit.line));
      if (exit.k !== "return" && exit.k !== "next") continue;
      const value = exit.k === "return" && exit.value ? end.resolve(exit.value) : num(0);
      returns.push([end, this.domains.reduce((v, domain) => domain.result(fn, v, end), value)]);
    }
    // The entry's own variables stay, for what is read off its ends.
    if (caller) for (const [end] of returns) end.store.deleteInvocation(id);
    return this.joinReturns(returns, chain);
  }

  call(e: CallExpr, state: AbstractState, frame: Frame): Evaluated<Value>[] {
    const { engine } = this;
    const { settings } = engine;
    if (e.callee.kind !== "name") return this.throughPointer(e, state, frame);
    const { name } = e.callee;
    if (settings.ignored.has(name)) return [[state, num(0)]];
    if (settings.assertions.has(name)) return this.assertion(e, state, frame);
    const end = settings.ends.get(name);
    if (end !== undefined) {
      if (end !== null) this.halt(state, end, settings.told.has(name) ? this.told(name, e.args, state, frame) : null);
      return [];
    }
    const expanded = this.expanded(e, frame, (body) => engine.evaluate(body, state, frame));
    if (expanded) return expanded;
    if (!this.isKnown(name) && state.read(engine.local(name, frame)) !== null)
      engine.trouble("indirect-call", `a call through the pointer ${name}`, engine.site(frame, e.line));
    const needsOne = this.domains.some((domain) => domain.needsOneObject(name));
    const states = needsOne ? this.decidePointer(e.args[0], state, frame) : [state];
    return states.flatMap((s) =>
      each(this.withArgs(e.args, s, frame), (st, args) => this.apply({ name, args, e, state: st, frame })),
    );
  }

  private isKnown(name: string): boolean {
    const { settings } = this.engine;
    return (
      settings.program.functions.has(name) ||
      settings.known.has(name) ||
      settings.ignored.has(name) ||
      settings.assertions.has(name) ||
      settings.ends.has(name)
    );
  }

  private throughPointer(e: CallExpr, state: AbstractState, frame: Frame): Evaluated<Value>[] {
    const { engine } = this;
    engine.trouble("indirect-call", `a call through ${sourceText(e.callee)}`, engine.site(frame, e.line));
    return this.withArgs(e.args, state, frame).map(([st, args]) => {
      for (const a of args) engine.havoc(a, st);
      return [st, engine.space.fresh(sourceText(e))];
    });
  }

  /** Where a macro is called that stands for an expression: what `look` finds in it; null for anything else. */
  expanded<T>(e: CallExpr, frame: Frame, look: (body: Expr) => T): T | null {
    if (e.callee.kind !== "name" || this.isKnown(e.callee.name)) return null;
    const body = this.engine.settings.program.macroCall(e);
    return body && this.lookInto(() => look(body), this.engine.site(frame, e.line));
  }

  /** Looks into a macro; null when macros nest too deeply (they use themselves) or too many were looked into. */
  lookInto<T>(look: () => T, site: Site | undefined): T | null {
    if (this.macroDepth >= LIMITS.macroDepth || ++this.macrosSeen > MAX_MACROS) {
      if (this.macrosSeen === MAX_MACROS + 1 && site)
        this.engine.trouble("budget", "the macros of this leaf use each other too often", site);
      return null;
    }
    this.macroDepth++;
    try {
      return look();
    } finally {
      this.macroDepth--;
    }
  }

  private told(call: string, args: readonly Expr[], state: AbstractState, frame: Frame): Final["told"] {
    return { call, args: args.map((arg) => state.resolve(this.engine.single(arg, state, frame))) };
  }

  /** The path ends outside this function; states that can join, and give the same constants, are one. */
  private halt(state: AbstractState, kind: string, told: Final["told"]): void {
    const key = toldKey(told);
    const same = this.halts.find((h) => h.kind === kind && toldKey(h.told) === key && h.state.canJoin(state));
    if (same) same.state.absorb(state);
    else this.halts.push({ state, kind, value: null, told });
  }

  /** An object whose structure depends on a condition: one state for each structure. */
  private decidePointer(object: Expr | undefined, state: AbstractState, frame: Frame): AbstractState[] {
    const { engine } = this;
    const base = object && pointerIn(object);
    if (!base || engine.settings.effects.of(base)) return [state];
    const value = state.resolve(engine.single(base, state, frame));
    if (value.t !== "ite") return [state];
    const other = state.clone();
    const fork = `${engine.fork(frame, base.line, base)}:pointer`;
    const result: AbstractState[] = [];
    if (state.assume(value.c, fork, true)) result.push(...this.decidePointer(object, state, frame));
    if (other.assume(not(value.c), fork, false)) result.push(...this.decidePointer(object, other, frame));
    return result;
  }

  private withArgs(exprs: readonly Expr[], state: AbstractState, frame: Frame): Evaluated<Value[]>[] {
    let current: Evaluated<Value[]>[] = [[state, []]];
    for (const expr of exprs) {
      current = each(current, (st, values) =>
        this.engine.evaluate(expr, st, frame).map(([s, v]): Evaluated<Value[]> => [s, [...values, s.resolve(v)]]),
      );
    }
    return current;
  }

  private assertion(e: CallExpr, state: AbstractState, frame: Frame): Evaluated<Value>[] {
    const { engine } = this;
    const test = e.args[0];
    if (!test) return [[state, num(0)]];
    return each(engine.test(test, state, frame), (st, formula): Evaluated<Value>[] => {
      const f = st.simplify(formula);
      if (isConst(f, false)) return [];
      return st.assume(f, `${engine.fork(frame, e.line, test)}!`, true) ? [[st, num(0)]] : [];
    });
  }

  private apply(call: Call): Evaluated<Value>[] {
    for (const domain of this.domains) {
      const result = domain.call(call);
      if (result !== null) return result;
    }
    // Each domain looks, whatever the others say.
    const may = this.domains.map((domain) => domain.mayFollow(call)).every((follow) => follow);
    return (may ? this.follow(call) : null) ?? [this.unknown(call)];
  }

  /** Runs the function that is called; null where it is not followed. */
  private follow({ name, args, e, state, frame }: Call): Evaluated<Value>[] | null {
    const { engine } = this;
    const { program, followed } = engine.settings;
    const info = program.resolve(name, frame.fn.file);
    if (!info || !followed.has(name)) return null;
    const site = engine.site(frame, e.line);
    if (frame.chain.length >= MAX_DEPTH) {
      engine.trouble("depth", `calls nest deeper than ${MAX_DEPTH}`, site);
      return [[state, engine.space.fresh(name)]];
    }
    if (frame.chain.filter((caller) => caller.function === name).length >= MAX_RECURSION) {
      engine.trouble("depth", `${name} calls itself more than ${MAX_RECURSION} times over`, site);
      return [[state, engine.space.fresh(name)]];
    }
    const ast = program.ast(info);
    if (ast) return this.invoke(ast, args, state, { frame, site });
    engine.trouble("parse", `${name} could not be parsed`, { file: info.file, line: info.line, function: name });
    return null;
  }

  /** Returns that no domain tells apart are one. */
  private joinReturns(returns: readonly Evaluated<Value>[], callers: readonly Site[]): Evaluated<Value>[] {
    if (returns.length <= 1) return [...returns];
    const groups = new Map<string, Evaluated<Value>[]>();
    for (const result of returns) {
      const key = this.classOf(result, callers) ?? idOf(result[1]);
      const list = groups.get(key);
      if (list) list.push(result);
      else groups.set(key, [result]);
    }
    return [...groups.values()].flatMap((group) => {
      const [[, first]] = group as [Evaluated<Value>];
      const isOne = group.every(([, value]) => idOf(value) === idOf(first));
      const value: Value = isOne ? first : { t: "error" };
      const states = group.map(([s]) => s);
      return joinStates(states, null).map((state): Evaluated<Value> => [state, value]);
    });
  }

  private classOf([state, value]: Evaluated<Value>, callers: readonly Site[]): string | null {
    for (const domain of this.domains) {
      const name = domain.classOf(value, state, callers);
      if (name !== null) return name;
    }
    return null;
  }

  /** A call that nothing is known of: it may write through its arguments, and its result depends on them. */
  private unknown(call: Call): Evaluated<Value> {
    const { engine } = this;
    const { settings, space } = engine;
    const { name, args, e, state, frame } = call;
    args.forEach((a, i) => {
      if (settings.mayWrite(name, frame.fn.file, i)) engine.havoc(a, state);
    });
    const shown = `${name}(${e.args.map((a, i) => this.argumentText(a, args[i], frame)).join(", ")})`;
    const callee = settings.changing.test(name) ? `${name}@${++this.changes}` : name;
    const id = `${callee}(${args.map(idOf).join(",")})`;
    const result: Value = isTooLong(id)
      ? space.fresh(name)
      : sym(id, shown, null, settings.nonNull.has(name), { how: "call", callee: name, args });
    const implied = and(...this.domains.map((domain) => domain.implied(call)));
    return [state, implied === TRUE ? result : asValue(and(truth(result), implied))];
  }

  private argumentText(expr: Expr, value: Value | undefined, frame: Frame): string {
    const own = sourceText(expr);
    const depth = this.engine.ownDepth(frame.id);
    // Another function in the entry's file may have a name of the entry's for something else.
    if (depth !== undefined && (depth === 0 ? /^(name|member|index)$/ : /^(member|index)$/).test(expr.kind)) return own;
    // What a parameter points to is shown as the caller names it.
    if (value?.t === "ref" && value.at.root.kind !== "literal" && expr.kind === "name") return valueText(value);
    return value?.t === "sym" && !isNameless(value) ? value.text : own;
  }
}

/** Is a value fresh, or part of a fresh structure? Its text says nothing of it. */
function isNameless(value: Value): boolean {
  if (value.t !== "sym") return false;
  if (value.origin !== null) return value.origin.how === "fresh";
  const root = value.location?.key === value.id ? value.location.root : null;
  return root?.kind === "value" && isNameless(root.value);
}

/** The pointer that leads to an object. */
function pointerIn(object: Expr): Expr {
  let base = object;
  while (
    base.kind === "unary" ||
    base.kind === "cast" ||
    base.kind === "index" ||
    (base.kind === "member" && !base.arrow)
  )
    base = base.kind === "unary" || base.kind === "cast" ? base.operand : base.object;
  return base.kind === "member" ? base.object : base;
}

const toldKey = (told: Final["told"]): string =>
  told === null ? "" : `${told.call} ${told.args.map((v) => (v.t === "num" ? v.v : "?")).join()}`;
