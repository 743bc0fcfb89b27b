/** Runs statements: each turns one state into several, the branches of a test that cannot be decided. */

import type { Expr, Stmt } from "../ast.ts";
import { unaryText } from "../text.ts";
import { type InitializerPlace, placesIn } from "../walk.ts";
import type { Domain } from "./domain.ts";
import { type Engine, type Flow, type Frame, type IfStmt, type LoopStmt, type Lvalue, NEXT } from "./engine.ts";
import { Loops } from "./loops.ts";
import { sourceText } from "./source-text.ts";
import { type AbstractState, joinAll, joinErrors, joinStates } from "./state.ts";
import { equal, type Formula, isConst, not, or, sym, type Value } from "./values.ts";

type Kind<K extends Stmt["kind"]> = Extract<Stmt, { kind: K }>;

/** States at one statement beyond which those that can are joined. */
const MAX_STATES = 256;

export class Statements {
  private readonly engine: Engine;
  private readonly domains: readonly Domain<unknown>[];
  private readonly loops: Loops;
  /** Statements that are the `else` of another one, as far as that was run. */
  private readonly elseIfs = new WeakSet<Stmt>();

  private readonly labels = new WeakMap<readonly Stmt[], ReadonlyMap<string, number>>();

  constructor(engine: Engine, domains: readonly Domain<unknown>[]) {
    this.engine = engine;
    this.domains = domains;
    this.loops = new Loops(engine, domains);
  }

  /** Runs a list of statements, with the labels in it. */
  list(statements: readonly Stmt[], start: readonly AbstractState[], frame: Frame): Flow[] {
    const labels = this.labelsIn(statements);
    const waiting = new Map<number, AbstractState[]>();
    const left: Flow[] = [];
    let current: AbstractState[] = [...start];
    for (let i = 0; i < statements.length; i++) {
      const statement = statements[i] as Stmt;
      const arriving = waiting.get(i);
      if (arriving) current = joinErrors([...current, ...arriving], frame.id);
      if (current.length > MAX_STATES) current = this.fewer(current, frame, statement.line);
      const next: AbstractState[] = [];
      for (const state of current) {
        for (const flow of this.run(statement, state, frame)) {
          const target = flow.exit.k === "goto" ? labels.get(flow.exit.label) : undefined;
          if (flow.exit.k === "next") next.push(flow.state);
          else if (flow.exit.k !== "goto" || target === undefined) left.push(flow);
          else if (target > i) waiting.set(target, [...(waiting.get(target) ?? []), flow.state]);
          else {
            const site = this.engine.site(frame, statement.line);
            this.engine.trouble("backward-goto", `goto ${flow.exit.label} goes back`, site);
          }
        }
      }
      current = next;
    }
    return [...left, ...current.map((state): Flow => ({ state, exit: NEXT }))];
  }

  /** The labels of a list of statements, and where in it they stand. */
  private labelsIn(statements: readonly Stmt[]): ReadonlyMap<string, number> {
    let labels = this.labels.get(statements);
    if (labels === undefined) {
      labels = new Map(statements.flatMap((s, i) => (s.kind === "label" ? [[s.name, i] as const] : [])));
      this.labels.set(statements, labels);
    }
    return labels;
  }

  /** Too many states: join what can be joined. */
  private fewer(states: readonly AbstractState[], frame: Frame, line: number): AbstractState[] {
    const joined = joinAll(states, frame.id);
    if (joined.length <= MAX_STATES * 4) return joined;
    this.engine.trouble(
      "budget",
      `more than ${MAX_STATES * 4} situations at one statement; some were dropped`,
      this.engine.site(frame, line),
    );
    return joined.slice(0, MAX_STATES * 4);
  }

  run(s: Stmt, state: AbstractState, frame: Frame): Flow[] {
    const { engine } = this;
    if (engine.step(frame, s.line) === null) return [];
    switch (s.kind) {
      case "label":
        return [{ state, exit: NEXT }];
      case "block":
        return this.list(s.body, [state], frame);
      case "expression":
        return engine.evaluate(s.expr, state, frame).map(([st]): Flow => ({ state: st, exit: NEXT }));
      case "declare":
        return this.declare(s, state, frame);
      case "if":
        return this.branch(s, state, frame);
      case "loop":
        return this.loops.run(s as LoopStmt, state, frame);
      case "switch":
        return this.switch(s, state, frame);
      case "goto":
        return [{ state, exit: { k: "goto", label: s.label, line: s.line } }];
      case "return":
        if (!s.value) return [{ state, exit: { k: "return", value: null } }];
        return engine.evaluate(s.value, state, frame).map(([st, value]): Flow => {
          for (const domain of this.domains) domain.produced(value, s.line, st, frame);
          return { state: st, exit: { k: "return", value } };
        });
      case "break":
        return [{ state, exit: { k: "break" } }];
      case "continue":
        return [{ state, exit: { k: "continue" } }];
      case "governed":
        // What the macro does around the statement is not known; the statement runs.
        return this.run(s.body, state, frame);
    }
  }

  private declare(s: Kind<"declare">, state: AbstractState, frame: Frame): Flow[] {
    const { engine } = this;
    const at = engine.local(s.name, frame);
    state.forgetBelow(at);
    if (s.array) engine.noteArray(at);
    if (!s.init || s.lasts) {
      if (s.array) state.store.delete(at);
      else state.set(at, sym(`${at.key}#${engine.steps}`, s.name, at));
      return [{ state, exit: NEXT }];
    }
    if (s.init.kind === "initializer") {
      state.store.delete(at);
      this.initialize({ at, text: s.name }, s.init, state, frame);
      return [{ state, exit: NEXT }];
    }
    return engine.evaluate(s.init, state, frame).map(([st, value]): Flow => {
      engine.write({ at, text: s.name }, value, st);
      return { state: st, exit: NEXT };
    });
  }

  private initialize(
    { at }: Lvalue,
    init: Extract<Expr, { kind: "initializer" }>,
    state: AbstractState,
    frame: Frame,
  ): void {
    // Of several for one place the last one counts.
    const all = [...new Map(this.parts(at, init, state, frame))];
    const given = all.filter(([, value]) => value.t !== "num" || value.v !== 0n);
    if (given.length === 0) state.set(at, { t: "zero" });
    for (const [inner, value] of given) state.set(inner, value);
  }

  /** What an initializer gives the members and elements of something, and of what is in them. */
  private parts(
    at: Lvalue["at"],
    init: Extract<Expr, { kind: "initializer" }>,
    state: AbstractState,
    frame: Frame,
  ): [Lvalue["at"], Value][] {
    return placesIn(init.entries).flatMap((place): [Lvalue["at"], Value][] => {
      const inner = this.partAt(at, place);
      if (place.value.kind === "initializer") return this.parts(inner, place.value, state, frame);
      return [[inner, this.engine.single(place.value, state, frame)]];
    });
  }

  /** The member or element that an entry of an initializer is for. */
  private partAt(at: Lvalue["at"], { from, by }: InitializerPlace): Lvalue["at"] {
    const { space, settings } = this.engine;
    if (from !== null && "field" in from) return by === 0 ? space.field(at, from.field) : space.element(at, null);
    if (from?.to && by === 0) return space.element(at, null);
    const first = from === null ? 0n : settings.program.evaluate(from.to ?? from.index);
    return space.element(at, first === null ? null : first + BigInt(by));
  }

  private branch(s: IfStmt, state: AbstractState, frame: Frame): Flow[] {
    return this.engine
      .test(s.test, state, frame)
      .flatMap(([st, formula]) => this.branchOn(s, st.simplify(formula), st, frame));
  }

  private branchOn(s: IfStmt, f: Formula, state: AbstractState, frame: Frame): Flow[] {
    const { engine } = this;
    if (f.k === "const") {
      this.prune(s, f.value, state, frame);
      const taken = f.value ? s.yes : s.no;
      return taken ? this.run(taken, state, frame) : [{ state, exit: NEXT }];
    }
    const fork = engine.fork(frame, s.line, s.test);
    if (engine.ownDepth(frame.id) !== undefined) engine.noteOwnTest(f);
    const other = state.clone();
    const flows: Flow[] = [];
    const meeting: AbstractState[] = [];
    const take = (branch: Stmt | null, st: AbstractState) => {
      for (const flow of branch ? this.run(branch, st, frame) : [{ state: st, exit: NEXT }]) {
        if (flow.exit.k === "next") meeting.push(flow.state);
        else flows.push(flow);
      }
    };
    const text = sourceText(s.test);
    const isElse = this.elseIfs.has(s);
    const [after, ...more] = s.no?.kind === "block" ? s.no.body : [];
    if (after?.kind === "if" && more.length === 0) this.elseIfs.add(after);
    if (state.assume(f, fork, true, { text, isElse })) {
      this.prune(s, true, state, frame);
      take(s.yes, state);
    }
    const fromYes = meeting.length;
    if (other.assume(not(f), fork, false, { text: unaryText("!", text), isElse })) {
      this.prune(s, false, other, frame);
      take(s.no, other);
    }
    const joined = joinStates(meeting, fromYes === 1 && meeting.length === 2 ? f : null);
    return [...flows, ...joined.map((st): Flow => ({ state: st, exit: NEXT }))];
  }

  private prune(s: IfStmt, side: boolean, state: AbstractState, frame: Frame): void {
    for (const domain of this.domains) domain.pruned(s, side, state, frame);
  }

  private switch(s: Kind<"switch">, state: AbstractState, frame: Frame): Flow[] {
    const flows: Flow[] = [];
    const meeting: AbstractState[] = [];
    for (const [start, value] of this.engine.evaluate(s.value, state, frame)) {
      const entries = this.entries(s, value, start, frame);
      meeting.push(...entries.filter(({ index }) => index === null).map((entry) => entry.state));
      let fallthrough: AbstractState[] = [];
      s.cases.forEach((c, at) => {
        const entering = entries.filter(({ index }) => index === at).map((entry) => entry.state);
        const states = [...fallthrough, ...entering];
        fallthrough = [];
        for (const flow of this.list(c.body, states, frame)) {
          if (flow.exit.k === "next") fallthrough.push(flow.state);
          else if (flow.exit.k === "break") meeting.push(flow.state);
          else flows.push(flow);
        }
      });
      meeting.push(...fallthrough);
    }
    return [...flows, ...joinStates(meeting, null).map((st): Flow => ({ state: st, exit: NEXT }))];
  }

  /** The states that enter the cases of a switch, each with the case's position; null for one that enters none. */
  private entries(s: Kind<"switch">, value: Value, start: AbstractState, frame: Frame): readonly Entry[] {
    const { engine } = this;
    const entries: Entry[] = [];
    let labels: Formula[] = [];
    for (const [index, c] of s.cases.entries()) {
      if (c.value !== null) labels.push(equal(value, engine.single(c.value, start, frame)));
      // `case A: case B:` is one case.
      if (c.body.length === 0 && index < s.cases.length - 1) continue;
      const f: Formula = start.simplify(or(...labels));
      labels = [];
      if (isConst(f, false)) continue;
      if (isConst(f, true)) return [...entries, { index, state: start }];
      const fork = `${engine.fork(frame, s.line, s.value)}:${index}`;
      const taken = start.clone();
      if (taken.assume(f, fork, true)) entries.push({ index, state: taken });
      if (!start.assume(not(f), fork, false)) return entries;
    }
    const fallback = s.cases.findIndex((c) => c.value === null);
    return [...entries, { index: fallback >= 0 ? fallback : null, state: start }];
  }
}

interface Entry {
  readonly index: number | null;
  readonly state: AbstractState;
}
