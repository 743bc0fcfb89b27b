/**
 * Abstract interpretation of a leaf: which locks it takes on which paths, in which order, and what happens when one is busy.
 *
 * A statement turns one situation into several: the branches of a test that the analysis cannot decide, and, at each
 * acquisition, the situation in which it fails. Situations that have seen the same lock events meet again after the branch.
 * Only calls that can reach a lock (or a page type, or a BUSY status) are followed; the rest have unknown results.
 */

import {
  and,
  arithmetic,
  atomsOf,
  baseText,
  binaryText,
  type Expr,
  equal,
  FALSE,
  type Formula,
  type FunctionAst,
  type FunctionInfo,
  type Guard,
  idOf,
  invocationOf,
  isConst,
  joinPaths,
  LIMITS,
  memberText,
  not,
  num,
  or,
  ordering,
  ParameterWrites,
  type Program,
  placed,
  pointee,
  type Stmt,
  type Sym,
  substitute,
  sym,
  TRUE,
  truth,
  unaryText,
  type Value,
  valueText,
  worded,
} from "../c/index.ts";
import type { LockKind, LockMode, Side, Site } from "../catalog/index.ts";
import type { ExtractionRules, PrimitiveRule, StatusChange } from "./rules.ts";
import {
  type AcquireEvent,
  forgetNames,
  fresh,
  joinAll,
  type LockEvent,
  type LoopTest,
  mergeErrors,
  mergeStates,
  nameLocation,
  PAGE_TYPE,
  type PromoteEvent,
  State,
  statusKind,
  textOfLocation,
  typedObject,
} from "./state.ts";

/** How one way through a leaf ends. */
export interface Final {
  readonly state: State;
  readonly kind: "return" | "td-entry" | "td-exit";
  readonly value: Value | null;
}

/** Something that the analysis could not do; becomes a diagnostic. */
export interface Trouble {
  readonly what: "mode" | "budget" | "depth" | "backward-goto" | "indirect-call" | "parse" | "lock-object";
  readonly message: string;
  readonly site: Site;
}

/** The results that a primitive can give, in source order, with their values. */
export interface Outcome {
  readonly name: string;
  readonly value: bigint;
  readonly success: boolean;
}

export type PrimitiveOutcomes = (name: string, mode: LockMode, side: Side) => readonly Outcome[];

type Exit =
  | { readonly k: "next" }
  | { readonly k: "break" }
  | { readonly k: "continue" }
  | { readonly k: "goto"; readonly label: string }
  | { readonly k: "return"; readonly value: Value | null };

interface Flow {
  readonly state: State;
  readonly exit: Exit;
}

interface Frame {
  readonly id: number;
  readonly fn: FunctionAst;
  /** Call sites from the leaf's own function down to this one. */
  readonly chain: readonly Site[];
  /** Number of the chain: the same for the same call sites. */
  readonly place: number;
  readonly loops: readonly LoopTest[];
  /** Keys of the function's variables, by name. */
  readonly keys: Map<string, string>;
}

/** A call of a function of the tree that is not followed. */
interface Check {
  readonly name: string;
  readonly info: FunctionInfo;
  readonly args: readonly Value[];
  readonly e: Extract<Expr, { kind: "call" }>;
}

/** A place in memory. */
interface Place {
  readonly key: string;
  readonly text: string;
}

type Evaluated<T> = readonly [State, T];

/** What comes of each of several situations; nearly always there is one. */
function each<T, R>(list: readonly Evaluated<T>[], next: (state: State, value: T) => Evaluated<R>[]): Evaluated<R>[] {
  const [only] = list;
  return only && list.length === 1 ? next(only[0], only[1]) : list.flatMap(([state, value]) => next(state, value));
}

const NEXT: Exit = { k: "next" };
const MAX_DEPTH = 40;
const MAX_STATES = 256;
const UNROLL = 8;
const STEPS_BETWEEN_LOOKS = 1024;
/** Characters of a value's identity, and values that one may be, beyond which it is just unknown. */
const MAX_VALUE = 20_000;
const MAX_ALTERNATIVES = 64;
const MAX_MACRO_DEPTH = 40;
const MAX_MACROS = 10_000;

export class Interpreter {
  readonly troubles: Trouble[] = [];
  /** Call sites of primitives that were reached, as `file:line`. */
  readonly visited = new Set<string>();
  private readonly program: Program;
  private readonly rules: ExtractionRules;
  private readonly relevant: ReadonlySet<string>;
  private readonly outcomes: PrimitiveOutcomes;
  private readonly effects = new WeakMap<Expr, boolean>();
  private readonly interned = new Map<string, LockEvent>();
  private readonly forks = new Map<string, string>();
  private readonly places = new Map<string, number>();
  private readonly noLockValue: bigint | null;
  /** Functions that can reach an acquire or promote primitive. */
  private readonly acquiring: ReadonlySet<string>;
  private readonly writes: ParameterWrites;
  private readonly ignored: ReadonlySet<string>;
  /** Calls that a rule says the meaning of. */
  private readonly knownCalls: ReadonlySet<string>;
  /** Keys of local variables that are arrays: their name is their address. */
  private readonly arrays = new Set<string>();
  private frames = 0;
  /** Calls so far of functions whose results change. */
  private calls = 0;
  private readonly tellers = new Map<string, boolean>();
  private walkLock: LockKind | null | undefined;
  private macroDepth = 0;
  private macrosSeen = 0;
  private steps = 0;
  private budget = 400_000;
  /** When the analysis of the leaf must be over, by the clock. */
  private end = 0;
  private leafSide: Side = "host";
  private version: number | null = null;
  /** The statement under analysis. */
  private here: { readonly frame: Frame; readonly line: number } | null = null;
  /** Frames of the leaf's own functions: its handler, and what that calls in the same file. */
  private leafFrames = new Map<number, number>();
  /** Identity of a value → the leaf's variable that holds it, and how deep in the leaf's file. */
  private readonly variables = new Map<string, { readonly name: string; readonly depth: number }>();
  /** Identity of a mapped pointer → where the leaf keeps it, and what it keeps there. */
  private readonly mappedAt = new Map<string, string>();
  private readonly mappedIn = new Map<string, Set<string>>();
  /** Text of a value → the leaf's variable that holds it. */
  private names = new Map<string, { readonly variable: string; readonly id: string | null }>();
  private textsOf = new Map<string, Set<string>>();
  private halts: Final[] = [];
  /** Keys of the tests that the leaf's own functions make. */
  readonly ownTests = new Set<string>();

  /**
   * @param relevant functions worth following: those that can reach a primitive, a page type or a BUSY status
   * @param outcomes what each acquire and promote primitive may return
   */
  constructor(program: Program, rules: ExtractionRules, relevant: ReadonlySet<string>, outcomes: PrimitiveOutcomes) {
    this.program = program;
    this.rules = rules;
    this.relevant = relevant;
    this.outcomes = outcomes;
    this.ignored = new Set(rules.ignoredCalls);
    this.knownCalls = new Set([
      ...Object.keys(rules.primitives),
      ...Object.keys(rules.noReturn),
      ...rules.ignoredCalls,
      ...rules.assertions,
      ...Object.keys(rules.statusChanges),
      ...rules.mappings,
    ]);
    this.writes = new ParameterWrites(program, [...rules.ignoredCalls, ...rules.mappings, ...rules.assertions]);
    this.acquiring = program.reaching(
      new Set(
        Object.keys(rules.primitives).filter((name) => /acquire|promote/.test(rules.primitives[name]?.operation ?? "")),
      ),
    );
    const noLock = Object.keys(rules.modes).find((name) => rules.modes[name] === "NO_LOCK");
    this.noLockValue = noLock === undefined ? null : program.constant(noLock);
  }

  /**
   * Runs a function as a leaf handler.
   *
   * @param args what the dispatcher passes; a missing one is unknown, named after the parameter
   * @param version the leaf's version in RAX, when the run is for one
   */
  run(
    info: FunctionInfo,
    args: readonly (Value | null)[],
    side: Side,
    version: number | null = null,
  ): { finals: Final[]; frame: number } {
    this.leafSide = side;
    this.version = version;
    this.halts = [];
    this.steps = 0;
    this.end = performance.now() + LIMITS.leaf;
    this.macrosSeen = 0;
    const ast = this.program.ast(info);
    if (!ast) {
      this.trouble("parse", `the handler ${info.name} could not be parsed`, {
        file: info.file,
        line: info.line,
        function: info.name,
      });
      return { finals: [], frame: 0 };
    }
    const state = new State();
    const values = ast.parameters.map((name, i) => args[i] ?? sym(`arg:${name}`, name));
    forgetNames();
    this.frames = 0;
    this.calls = 0;
    const frame = 1;
    this.leafFrames = new Map();
    this.variables.clear();
    this.mappedAt.clear();
    this.mappedIn.clear();
    this.ownTests.clear();
    this.interned.clear();
    this.forks.clear();
    this.places.clear();
    this.arrays.clear();
    this.names = new Map();
    this.textsOf = new Map();
    const returns = this.invoke(ast, values, state, [], [], false);
    const finals: Final[] = returns.map(([s, value]) => ({ state: s, kind: "return", value }));
    return { finals: [...finals, ...this.halts], frame };
  }

  private trouble(what: Trouble["what"], message: string, site: Site): void {
    if (
      !this.troubles.some(
        (t) => t.what === what && t.message === message && t.site.file === site.file && t.site.line === site.line,
      )
    ) {
      this.troubles.push({ what, message, site });
    }
  }

  /** The key of a function's variable. */
  private local(name: string, frame: Frame): string {
    let key = frame.keys.get(name);
    if (key === undefined) {
      key = `f${frame.id}:${name}`;
      frame.keys.set(name, key);
    }
    return key;
  }

  /** The call chain down to the statement under analysis, and its place. */
  private chainHere(): readonly Site[] {
    return this.here ? [...this.here.frame.chain, this.site(this.here.frame, this.here.line)] : [];
  }

  /** The number of a call chain: identities of tests and events are made of it, and it is shorter than the chain. */
  private placeOf(chain: readonly Site[]): number {
    const name = chain.map((c) => `${c.file}:${c.function}:${c.line}`).join(">");
    let place = this.places.get(name);
    if (place === undefined) {
      place = this.places.size;
      this.places.set(name, place);
    }
    return place;
  }

  private site(frame: Frame, line: number): Site {
    return { file: frame.fn.file, line, function: frame.fn.name };
  }

  // ---------------------------------------------------------------- functions

  private invoke(
    fn: FunctionAst,
    args: readonly Value[],
    state: State,
    chain: readonly Site[],
    loops: readonly LoopTest[],
    drop = true,
  ): Evaluated<Value>[] {
    const frame: Frame = { id: ++this.frames, fn, chain, place: this.placeOf(chain), loops, keys: new Map() };
    if (chain.length === 0 || (chain.length === 1 && chain[0]?.file === fn.file))
      this.leafFrames.set(frame.id, chain.length);
    for (const line of fn.errors)
      this.trouble("parse", `a line of ${fn.name} could not be parsed`, { file: fn.file, line, function: fn.name });
    fn.parameters.forEach((name, i) => {
      const key = this.local(name, frame);
      state.set(key, args[i] ?? fresh(name));
      nameLocation(key, name);
    });
    const flows = this.body(fn.body, [state], frame);
    const results: Evaluated<Value>[] = [];
    for (const flow of flows) {
      if (flow.exit.k === "return" || flow.exit.k === "next") {
        const value = flow.exit.k === "return" && flow.exit.value ? flow.state.resolve(flow.exit.value) : num(0);
        const isFailure =
          value.t === "sym" &&
          this.rules.statusTypes.test(fn.type) &&
          isConst(flow.state.simplify(equal(value, num(0))), false);
        results.push([flow.state, isFailure ? { t: "error" } : value]);
      }
    }
    if (drop) for (const [s] of results) s.store.deleteInvocation(frame.id);
    const caller = chain.at(-1);
    return this.joinReturns(results, caller !== undefined && this.tellsErrorsApart(caller));
  }

  /** Does a function compare statuses with an error's? Then which error its callees return matters to it. */
  private tellsErrorsApart(caller: Site): boolean {
    const place = `${caller.file}:${caller.function}`;
    const known = this.tellers.get(place);
    if (known !== undefined) return known;
    const info = this.program.resolve(caller.function, caller.file);
    const body = info ? (this.program.texts.get(info.file)?.slice(info.bodyStart, info.bodyEnd) ?? "") : "";
    const tells = this.rules.errorComparisons.test(body);
    this.tellers.set(place, tells);
    return tells;
  }

  /** Returns with the same events and the same kind of value are one. */
  private joinReturns(results: readonly Evaluated<Value>[], errorsApart: boolean): Evaluated<Value>[] {
    if (results.length <= 1) return [...results];
    const groups = new Map<string, Evaluated<Value>[]>();
    for (const result of results) {
      const [state, value] = result;
      const key = state.failure || errorsApart ? idOf(value) : this.returnClass(value);
      const list = groups.get(key);
      if (list) list.push(result);
      else groups.set(key, [result]);
    }
    const joined: Evaluated<Value>[] = [];
    for (const group of groups.values()) {
      const values = new Set(group.map(([, v]) => idOf(v)));
      const value: Value =
        values.size === 1
          ? (group[0] as Evaluated<Value>)[1]
          : this.isErrorValue((group[0] as Evaluated<Value>)[1])
            ? { t: "error" }
            : fresh("the result");
      for (const state of mergeStates(
        group.map(([s]) => s),
        null,
      ))
        joined.push([state, value]);
    }
    return joined;
  }

  private returnClass(value: Value): string {
    return this.isErrorValue(value) ? "error" : idOf(value);
  }

  /** A status with the error bit set. */
  isErrorValue(value: Value): boolean {
    return value.t === "error" || (value.t === "num" && value.v >> 63n === 1n);
  }

  // ---------------------------------------------------------------- statements

  private body(statements: readonly Stmt[], start: readonly State[], frame: Frame): Flow[] {
    const labels = new Map<string, number>();
    statements.forEach((s, i) => {
      if (s.kind === "label") labels.set(s.name, i);
    });
    const waiting = new Map<number, State[]>();
    const left: Flow[] = [];
    let current: State[] = [...start];
    for (let i = 0; i < statements.length; i++) {
      const statement = statements[i] as Stmt;
      const arriving = waiting.get(i);
      if (arriving) current = mergeErrors([...current, ...arriving], frame.id);
      if (current.length > MAX_STATES) current = this.thin(current, frame, statement.line);
      const next: State[] = [];
      for (const state of current) {
        for (const flow of this.statement(statement, state, frame)) {
          if (flow.exit.k === "next") next.push(flow.state);
          else if (flow.exit.k === "goto" && labels.has(flow.exit.label)) {
            const target = labels.get(flow.exit.label) as number;
            if (target > i) waiting.set(target, [...(waiting.get(target) ?? []), flow.state]);
            else this.trouble("backward-goto", `goto ${flow.exit.label} goes back`, this.site(frame, statement.line));
          } else left.push(flow);
        }
      }
      current = next;
    }
    return [...left, ...current.map((state): Flow => ({ state, exit: NEXT }))];
  }

  /** Too many situations: join what can be joined. */
  private thin(states: readonly State[], frame: Frame, line: number): State[] {
    const merged = joinAll(states, frame.id);
    if (merged.length <= MAX_STATES * 4) return merged;
    this.trouble(
      "budget",
      `more than ${MAX_STATES * 4} situations at one statement; some were dropped`,
      this.site(frame, line),
    );
    return merged.slice(0, MAX_STATES * 4);
  }

  private statement(s: Stmt, state: State, frame: Frame): Flow[] {
    if (++this.steps % STEPS_BETWEEN_LOOKS === 0 && performance.now() > this.end) this.steps = this.budget + 1;
    if (this.steps > this.budget) {
      if (this.steps === this.budget + 1)
        this.trouble("budget", "the analysis of this leaf took too many steps, or too long", this.site(frame, s.line));
      return [];
    }
    switch (s.kind) {
      case "label":
        return [{ state, exit: NEXT }];
      case "block":
        return this.body(s.body, [state], frame);
      case "expression":
        this.here = { frame, line: s.line };
        return this.evaluate(s.expr, state, frame, true).map(([st]): Flow => ({ state: st, exit: NEXT }));
      case "declare":
        return this.declare(s, state, frame);
      case "if":
        return this.branch(s, state, frame);
      case "loop":
        return this.loop(s, state, frame);
      case "switch":
        return this.switch(s, state, frame);
      case "goto":
        return [{ state, exit: { k: "goto", label: s.label } }];
      case "return":
        if (!s.value) return [{ state, exit: { k: "return", value: null } }];
        return this.evaluate(s.value, state, frame).map(([st, value]): Flow => {
          this.noteBusy(value, st, frame, s.line);
          return { state: st, exit: { k: "return", value } };
        });
      case "break":
        return [{ state, exit: { k: "break" } }];
      case "continue":
        return [{ state, exit: { k: "continue" } }];
      // The module's dialect has no macro that governs a statement.
      case "governed":
        return this.statement(s.body, state, frame);
    }
  }

  private declare(s: Extract<Stmt, { kind: "declare" }>, state: State, frame: Frame): Flow[] {
    const key = this.local(s.name, frame);
    state.forgetBelow(key);
    if (s.array) this.arrays.add(key);
    if (!s.init) {
      if (s.array) state.store.delete(key);
      else state.set(key, sym(`${key}#${this.steps}`, s.name, key));
      return [{ state, exit: NEXT }];
    }
    if (s.init.kind === "initializer") {
      state.store.delete(key);
      this.initialize({ key, text: s.name }, s.init, state, frame);
      return [{ state, exit: NEXT }];
    }
    return this.evaluate(s.init, state, frame).map(([st, value]): Flow => {
      this.write({ key, text: s.name }, value, st);
      return { state: st, exit: NEXT };
    });
  }

  private initialize(place: Place, init: Extract<Expr, { kind: "initializer" }>, state: State, frame: Frame): void {
    let isZero = true;
    const parts: [Place, Value][] = [];
    init.entries.forEach((entry, i) => {
      const suffix =
        entry.designator === null
          ? `[${i}]`
          : "field" in entry.designator
            ? `.${entry.designator.field}`
            : `[${this.program.evaluate(entry.designator.index) ?? "?"}]`;
      const at = { key: place.key + suffix, text: place.text + suffix };
      if (entry.value.kind === "initializer") return;
      const value = this.single(entry.value, state, frame);
      if (!(value.t === "num" && value.v === 0n)) {
        isZero = false;
        parts.push([at, value]);
      }
    });
    if (isZero) state.set(place.key, { t: "zero" });
    for (const [at, value] of parts) state.set(at.key, value);
  }

  private branch(s: Extract<Stmt, { kind: "if" }>, state: State, frame: Frame): Flow[] {
    const flows: Flow[] = [];
    for (const [st, formula] of this.condition(s.test, state, frame))
      flows.push(...this.branchOn(s, formula, st, frame));
    return flows;
  }

  private branchOn(s: Extract<Stmt, { kind: "if" }>, formula: Formula, state: State, frame: Frame): Flow[] {
    const f = state.simplify(formula);
    if (f.k === "const") {
      this.lookUnlocked(s, f.value, state, frame);
      const taken = f.value ? s.yes : s.no;
      return taken ? this.statement(taken, state, frame) : [{ state, exit: NEXT }];
    }
    const fork = this.forkId(frame, s.line, s.test);
    if (this.leafFrames.has(frame.id)) for (const atom of atomsOf(f)) this.ownTests.add(atom.key);
    const other = state.clone();
    const flows: Flow[] = [];
    const meeting: State[] = [];
    const take = (branch: Stmt | null, st: State) => {
      for (const flow of branch ? this.statement(branch, st, frame) : [{ state: st, exit: NEXT }]) {
        if (flow.exit.k === "next") meeting.push(flow.state);
        else flows.push(flow);
      }
    };
    const written = this.sourceText(s.test);
    if (state.assume(f, fork, true, written)) {
      this.lookUnlocked(s, true, state, frame);
      take(s.yes, state);
    }
    const fromYes = meeting.length;
    if (other.assume(not(f), fork, false, unaryText("!", written))) {
      this.lookUnlocked(s, false, other, frame);
      take(s.no, other);
    }
    const joined = fromYes === 1 && meeting.length === 2 ? mergeStates(meeting, f) : mergeStates(meeting, null);
    return [...flows, ...joined.map((st): Flow => ({ state: st, exit: NEXT }))];
  }

  /** Identity of a test in its calling context, kept short: it is part of many keys. */
  private forkId(frame: Frame, line: number, test: Expr): string {
    const name = `${frame.place}>${frame.fn.name}:${line}:${test.line}:${test.kind}`;
    let id = this.forks.get(name);
    if (id === undefined) {
      id = `${this.forks.size}`;
      this.forks.set(name, id);
    }
    return id;
  }

  /** Where a test has found that the mode is "no lock": what the other branch would have locked. */
  private lookUnlocked(s: Extract<Stmt, { kind: "if" }>, side: boolean, state: State, frame: Frame): void {
    const pruned = side ? s.no : s.yes;
    if (pruned && !state.ghost && this.testsNoLock(s.test, state, frame)) this.ghostWalk(pruned, state, frame);
  }

  /** Is this a test of a mode against "no lock"? */
  private testsNoLock(test: Expr, state: State, frame: Frame): boolean {
    if (this.noLockValue === null || test.kind !== "binary" || (test.op !== "!=" && test.op !== "==")) return false;
    const isNoLock = (e: Expr) => e.kind === "name" && this.rules.modes[e.name] === "NO_LOCK";
    const other = isNoLock(test.right) ? test.left : isNoLock(test.left) ? test.right : null;
    if (!other) return false;
    const value = this.single(other, state, frame);
    return value.t === "num" && value.v === this.noLockValue;
  }

  /** Walks a branch that "no lock" skips, and keeps only which locks it would have taken. */
  private ghostWalk(branch: Stmt, state: State, frame: Frame): void {
    const ghost = state.clone();
    ghost.ghost = true;
    for (const flow of this.statement(branch, ghost, frame)) for (const event of flow.state.skipped) state.skip(event);
  }

  private loop(s: Extract<Stmt, { kind: "loop" }>, state: State, frame: Frame): Flow[] {
    const flows: Flow[] = [];
    let current: State[] = [state];
    for (const init of s.init) current = current.flatMap((st) => this.statement(init, st, frame).map((f) => f.state));
    for (const st of current) this.generaliseCounter(s, st, frame);
    if (!this.matters(s)) {
      for (const st of current) {
        this.havocAssigned(s.body, st, frame);
        if (s.step) this.havocExpr(s.step, st, frame);
      }
      return current.map((st): Flow => ({ state: st, exit: NEXT }));
    }
    const done: State[] = [];
    for (const st of current) {
      for (const flow of this.iterate(s, st, frame)) {
        if (flow.exit.k === "next") done.push(flow.state);
        else flows.push(flow);
      }
    }
    return [...flows, ...mergeStates(done, null).map((st): Flow => ({ state: st, exit: NEXT }))];
  }

  /** `for (v = n; v >= c; v--)` with unknown n: some iteration, and then the last, where v is c. Gives c, or null for another loop. */
  private lastOfDescending(
    s: Extract<Stmt, { kind: "loop" }>,
    state: State,
    frame: Frame,
  ): { name: string; last: bigint } | null {
    if (
      s.test?.kind !== "binary" ||
      s.test.op !== ">=" ||
      s.test.left.kind !== "name" ||
      s.step?.kind !== "update" ||
      s.step.op !== "--"
    )
      return null;
    const last = this.program.evaluate(s.test.right);
    const start = this.name(s.test.left.name, state, frame);
    return last === null || start.t === "num" ? null : { name: s.test.left.name, last };
  }

  /** The counter of a loop with many iterations is any of them: the body then runs once and stands for all. */
  private generaliseCounter(s: Extract<Stmt, { kind: "loop" }>, state: State, frame: Frame): void {
    if (s.test?.kind !== "binary" || !/^(<|<=)$/.test(s.test.op) || s.test.left.kind !== "name") return;
    const bound = this.program.evaluate(s.test.right);
    if (bound === null || bound <= BigInt(UNROLL)) return;
    const { name } = s.test.left;
    this.write({ key: this.local(name, frame), text: name }, sym(`each<${bound}`, name), state);
  }

  /** Runs a loop: fully when its tests are decided and few, else once, taken to stand for every iteration. */
  private iterate(s: Extract<Stmt, { kind: "loop" }>, start: State, frame: Frame): Flow[] {
    const flows: Flow[] = [];
    const descending = this.lastOfDescending(s, start, frame);
    if (descending) {
      const loops = [...frame.loops, this.loopTest(s)];
      const place = { key: this.local(descending.name, frame), text: descending.name };
      const between: State[] = [];
      const skip = start.clone();
      this.write(place, sym(`each>${descending.last}`, descending.name), start);
      if (
        start.assume(
          not(equal(sym(`each>${descending.last}`, descending.name), num(descending.last))),
          `${this.forkId(frame, s.line, s.step as Expr)}v`,
          true,
        )
      ) {
        this.once({ ...s, step: null }, start, frame, loops, flows, between);
      }
      between.push(skip);
      const ends: State[] = [];
      for (const state of mergeStates(between, null)) {
        this.write(place, num(descending.last), state);
        this.once({ ...s, step: null }, state, frame, frame.loops, flows, ends);
      }
      return [...flows, ...ends.map((state): Flow => ({ state, exit: NEXT }))];
    }
    const limit = this.unrollLimit(s, start, frame);
    let current: State[] = [start];
    for (let round = 0; round <= UNROLL && current.length > 0; round++) {
      const next: State[] = [];
      for (const state of current) {
        if (!s.testFirst && round === 0) {
          this.once(s, state, frame, frame.loops, flows, next);
          continue;
        }
        for (const [st, formula] of s.test
          ? this.condition(s.test, state, frame)
          : ([[state, TRUE]] as Evaluated<Formula>[])) {
          const f = st.simplify(formula);
          if (isConst(f, false)) flows.push({ state: st, exit: NEXT });
          else if (isConst(f, true) && s.test !== null) {
            const loops = s.testFirst ? [...frame.loops, this.loopTest(s)] : frame.loops;
            if (round < limit) this.once(s, st, frame, loops, flows, next);
            else {
              this.laterFailures(s, [st], frame, flows);
              flows.push({ state: st, exit: NEXT });
            }
          } else if (round === 0) {
            const after: State[] = [];
            const before = st.clone();
            this.once(s, st, frame, [...frame.loops, this.loopTest(s)], flows, after);
            this.laterFailures(s, after, frame, flows);
            after.push(...this.oneMore(s, after, frame, flows));
            for (const end of after) {
              this.forgetCounters(before, end, frame);
              flows.push({ state: end, exit: NEXT });
            }
          } else flows.push({ state: st, exit: NEXT });
        }
      }
      current = next;
    }
    return flows;
  }

  /** What one iteration counted, all of them may have counted further. */
  private forgetCounters(before: State, after: State, _frame: Frame): void {
    for (const [key, value] of [...after.store.entries()]) {
      const old = before.store.get(key);
      if (value.t === "num" && value.name === null && old?.t === "num" && old.name === null && value.v === old.v + 1n)
        after.store.set(key, fresh(textOfLocation(key), key));
    }
  }

  /**
   * How many iterations to run of a loop whose tests are decided. One that locks something for each of several like things
   * (each L2 VM) says the same of each: the thing 0, which may differ, and one more.
   */
  private unrollLimit(s: Extract<Stmt, { kind: "loop" }>, start: State, frame: Frame): number {
    if (s.test?.kind !== "binary" || s.test.left.kind !== "name" || !this.canAcquire(s.body)) return UNROLL;
    const text = this.sourceText(s.test);
    if (!this.rules.multiplicities.some((rule) => rule.test.test(text))) return UNROLL;
    const first = this.name(s.test.left.name, start, frame);
    return first.t === "num" && first.v === 0n ? 2 : 1;
  }

  /**
   * Later iterations of a loop take what the first one took, but may report it under other operands: their failures are
   * followed, and nothing else of them.
   *
   * @param ends what the iterations before ended in
   */
  private laterFailures(s: Extract<Stmt, { kind: "loop" }>, ends: readonly State[], frame: Frame, flows: Flow[]): void {
    if (s.test?.kind !== "binary" || s.test.left.kind !== "name" || !this.canAcquire(s.body)) return;
    const { name } = s.test.left;
    const text = this.sourceText(s.test);
    const rule = this.rules.multiplicities.find(({ test }) => test.test(text));
    const largest = rule?.largest === undefined ? null : this.program.constant(rule.largest);
    if (largest === null) return;
    // One that took nothing stands for all: the next iteration's failures do not depend on it.
    const fewest = (states: readonly State[]): State | undefined =>
      states.filter((st) => !st.failure).sort((a, b) => a.events.length - b.events.length)[0];
    for (let state = fewest(ends)?.clone(); state !== undefined; ) {
      const counter = this.name(name, state, frame);
      if (counter.t !== "num" || counter.v > largest) return;
      const next: State[] = [];
      for (const [st, formula] of this.condition(s.test, state, frame)) {
        if (!st.assume(formula, `${this.forkId(frame, s.line, s.test)}+${counter.v}`, true)) continue;
        const left: Flow[] = [];
        this.once(s, st, frame, [...frame.loops, this.loopTest(s)], left, next);
        flows.push(...left.filter((flow) => flow.state.failure));
      }
      state = fewest(next);
    }
  }

  /**
   * A loop that starts with the thing 0 and sets page types: the thing 0 may differ from the others, so one more is done.
   *
   * @param ends what the first iteration ended in
   */
  private oneMore(
    s: Extract<Stmt, { kind: "loop" }>,
    ends: readonly State[],
    frame: Frame,
    flows: Flow[],
  ): readonly State[] {
    if (s.test?.kind !== "binary" || s.test.left.kind !== "name" || !this.setsPageType(s.body)) return [];
    const { name } = s.test.left;
    const text = this.sourceText(s.test);
    if (!this.rules.multiplicities.some((rule) => rule.test.test(text))) return [];
    const result: State[] = [];
    for (const end of ends) {
      const counter = this.name(name, end, frame);
      if (counter.t !== "num" || counter.v !== 1n) continue;
      for (const [st, formula] of this.condition(s.test, end.clone(), frame))
        if (st.assume(formula, `${this.forkId(frame, s.line, s.test)}+1`, true))
          this.once(s, st, frame, [...frame.loops, this.loopTest(s)], flows, result);
    }
    return result;
  }

  private setsPageType(s: Stmt): boolean {
    switch (s.kind) {
      case "block":
        return s.body.some((inner) => this.setsPageType(inner));
      case "expression":
        return s.expr.kind === "assign" && s.expr.left.kind === "member" && s.expr.left.field === PAGE_TYPE;
      case "if":
        return this.setsPageType(s.yes) || (s.no !== null && this.setsPageType(s.no));
      case "loop":
        return this.setsPageType(s.body);
      case "switch":
        return s.cases.some((c) => c.body.some((inner) => this.setsPageType(inner)));
      default:
        return false;
    }
  }

  private loopTest(s: Extract<Stmt, { kind: "loop" }>): LoopTest {
    const counter = s.test?.kind === "binary" && s.test.left.kind === "name" ? s.test.left.name : null;
    return { text: s.test ? this.sourceText(s.test) : "for ever", line: s.line, counter };
  }

  /** A comparison of elements that a loop counts, as the source writes it: what it says of one it says of each. */
  private ofEach(e: Extract<Expr, { kind: "binary" }>, f: Formula, frame: Frame): Formula {
    const isCounted = frame.loops.some(
      ({ counter }) => counter !== null && (indexes(e.left, counter) || indexes(e.right, counter)),
    );
    return isCounted ? worded(f, this.sourceText(e), this.sourceText({ ...e, op: OPPOSITE[e.op] ?? e.op })) : f;
  }

  private canAcquire(s: Stmt): boolean {
    let found = false;
    forEachCall(s, (name) => {
      if (this.acquiring.has(name)) found = true;
    });
    return found;
  }

  private once(
    s: Extract<Stmt, { kind: "loop" }>,
    state: State,
    frame: Frame,
    loops: readonly LoopTest[],
    flows: Flow[],
    next: State[],
  ): void {
    const inner: Frame = {
      ...frame,
      loops: s.testFirst ? loops : [...loops, this.loopTest(s)],
    };
    for (const flow of this.statement(s.body, state, inner)) {
      if (flow.exit.k === "break") flows.push({ state: flow.state, exit: NEXT });
      else if (flow.exit.k === "next" || flow.exit.k === "continue") {
        if (s.step) for (const [st] of this.evaluate(s.step, flow.state, inner)) next.push(st);
        else next.push(flow.state);
      } else flows.push(flow);
    }
  }

  private switch(s: Extract<Stmt, { kind: "switch" }>, state: State, frame: Frame): Flow[] {
    const flows: Flow[] = [];
    const meeting: State[] = [];
    for (const [start, value] of this.evaluate(s.value, state, frame)) {
      let rest: State | null = start;
      let fallthrough: State[] = [];
      const pending: { index: number; state: State }[] = [];
      let joined: Formula[] = [];
      s.cases.forEach((c, index) => {
        if (rest === null) return;
        if (c.value !== null) joined.push(equal(value, this.single(c.value, rest, frame)));
        // `case A: case B:` is one case.
        if (c.body.length === 0 && index < s.cases.length - 1) return;
        const f: Formula = rest.simplify(or(...joined));
        joined = [];
        if (isConst(f, false)) return;
        if (isConst(f, true)) {
          pending.push({ index, state: rest });
          rest = null;
          return;
        }
        const fork = `${this.forkId(frame, s.line, s.value)}:${index}`;
        const taken = rest.clone();
        if (taken.assume(f, fork, true)) pending.push({ index, state: taken });
        if (!rest.assume(not(f), fork, false)) rest = null;
      });
      const fallback = s.cases.findIndex((c) => c.value === null);
      if (rest !== null) {
        if (fallback >= 0) pending.push({ index: fallback, state: rest });
        else meeting.push(rest);
      }
      s.cases.forEach((c, index) => {
        const entering = [...fallthrough, ...pending.filter((p) => p.index === index).map((p) => p.state)];
        fallthrough = [];
        for (const flow of this.body(c.body, entering, frame)) {
          if (flow.exit.k === "next") fallthrough.push(flow.state);
          else if (flow.exit.k === "break") meeting.push(flow.state);
          else flows.push(flow);
        }
      });
      meeting.push(...fallthrough);
    }
    return [...flows, ...mergeStates(meeting, null).map((st): Flow => ({ state: st, exit: NEXT }))];
  }

  // ---------------------------------------------------------------- what matters

  /** Can the statement lock, set a page type, leave the function, or change a flag that a later test reads? */
  private matters(s: Stmt): boolean {
    switch (s.kind) {
      case "block":
        return s.body.some((inner) => this.matters(inner));
      case "expression":
        return this.hasEffect(s.expr);
      case "declare":
        return s.init !== null && this.hasEffect(s.init);
      case "if":
        return this.hasEffect(s.test) || this.matters(s.yes) || (s.no !== null && this.matters(s.no));
      case "loop":
        return (s.test !== null && this.hasEffect(s.test)) || this.matters(s.body);
      case "switch":
        return this.hasEffect(s.value) || s.cases.some((c) => c.body.some((inner) => this.matters(inner)));
      case "goto":
      case "return":
        return true;
      default:
        return false;
    }
  }

  private havocAssigned(s: Stmt, state: State, frame: Frame): void {
    const visit = (inner: Stmt): void => {
      if (inner.kind === "block") inner.body.forEach(visit);
      else if (inner.kind === "expression") this.havocExpr(inner.expr, state, frame);
      else if (inner.kind === "if") {
        visit(inner.yes);
        if (inner.no) visit(inner.no);
      } else if (inner.kind === "loop") visit(inner.body);
      else if (inner.kind === "switch") for (const c of inner.cases) c.body.forEach(visit);
    };
    visit(s);
  }

  private havocExpr(e: Expr, state: State, frame: Frame): void {
    if (e.kind === "assign") {
      this.havocExpr(e.right, state, frame);
      const place = this.place(e.left, state, frame);
      if (place) this.write(place, fresh(place.text, place.key), state);
    } else if (e.kind === "update") {
      const place = this.place(e.operand, state, frame);
      if (place) this.write(place, fresh(place.text, place.key), state);
    } else if (e.kind === "call") for (const a of e.args) this.havocOut(this.single(a, state, frame), state);
    else if (e.kind === "comma") for (const part of e.parts) this.havocExpr(part, state, frame);
    else if (e.kind === "cast") this.havocExpr(e.operand, state, frame);
  }

  /** Does evaluating the expression need more than looking at memory? */
  private hasEffect(e: Expr): boolean {
    const known = this.effects.get(e);
    if (known !== undefined) return known;
    const result = this.computeEffect(e);
    this.effects.set(e, result);
    return result;
  }

  private computeEffect(e: Expr): boolean {
    switch (e.kind) {
      case "call": {
        const name = e.callee.kind === "name" ? e.callee.name : null;
        if (name === null) return true;
        if (this.ignored.has(name)) return false;
        if (name in this.rules.primitives || name in this.rules.noReturn || this.relevant.has(name)) return true;
        return e.args.some((a) => this.hasEffect(a));
      }
      case "unary":
      case "cast":
        return this.hasEffect(e.operand);
      case "update":
        return false;
      case "binary":
        return this.hasEffect(e.left) || this.hasEffect(e.right);
      case "assign":
        return (
          this.hasEffect(e.right) || this.hasEffect(e.left) || (e.left.kind === "member" && e.left.field === PAGE_TYPE)
        );
      case "member":
        return this.hasEffect(e.object);
      case "index":
        return this.hasEffect(e.object) || this.hasEffect(e.index);
      case "conditional":
        return this.hasEffect(e.test) || this.hasEffect(e.yes) || this.hasEffect(e.no);
      case "comma":
      case "opaque":
        return e.parts.some((p) => this.hasEffect(p));
      default:
        return false;
    }
  }

  // ---------------------------------------------------------------- conditions

  private condition(e: Expr, state: State, frame: Frame): Evaluated<Formula>[] {
    if (e.kind === "binary" && (e.op === "&&" || e.op === "||")) return this.shortCircuit(e, state, frame);
    if (e.kind === "unary" && e.op === "!")
      return this.condition(e.operand, state, frame).map(([st, f]) => [st, not(f)]);
    if (e.kind === "binary" && /^(==|!=)$/.test(e.op)) {
      return each(this.evaluate(e.left, state, frame), (s1, a) =>
        this.evaluate(e.right, s1, frame).map(([s2, b]): Evaluated<Formula> => {
          const f = equal(s2.resolve(a), s2.resolve(b));
          return [s2, s2.simplify(this.ofEach(e, e.op === "==" ? f : not(f), frame))];
        }),
      );
    }
    if (e.kind === "binary" && /^(<|>|<=|>=)$/.test(e.op)) {
      return each(this.evaluate(e.left, state, frame), (s1, a) =>
        this.evaluate(e.right, s1, frame).map(
          ([s2, b]): Evaluated<Formula> => [
            s2,
            s2.simplify(this.ofEach(e, this.relation(e.op, s2.resolve(a), s2.resolve(b)), frame)),
          ],
        ),
      );
    }
    if (
      e.kind === "call" &&
      e.callee.kind === "name" &&
      this.program.macros.get(e.callee.name)?.parameters &&
      !this.isCallKnown(e.callee.name)
    ) {
      const expanded = this.expand(e);
      const result = expanded && this.expanding(() => this.condition(expanded, state, frame), this.site(frame, e.line));
      if (result) return result;
    }
    return this.evaluate(e, state, frame).map(([st, value]) => [st, st.simplify(truth(st.resolve(value)))]);
  }

  private relation(op: string, a: Value, b: Value): Formula {
    if (a.t === "zero") return this.relation(op, num(0), b);
    if (b.t === "zero") return this.relation(op, a, num(0));
    if (a.t === "num" && b.t === "num") return arithmetic(op, a.v, b.v) === 1n ? TRUE : FALSE;
    if (b.t === "num" && b.v === 0n && op === "<") return FALSE;
    if (b.t === "num" && b.v === 0n && op === ">=") return TRUE;
    switch (op) {
      case ">=":
        return not(ordering("<", a, b));
      case "<=":
        return not(ordering(">", a, b));
      default:
        return ordering(op === "<" ? "<" : ">", a, b);
    }
  }

  private shortCircuit(e: Extract<Expr, { kind: "binary" }>, state: State, frame: Frame): Evaluated<Formula>[] {
    const isAnd = e.op === "&&";
    if (!this.hasEffect(e.right)) {
      return each(this.condition(e.left, state, frame), (s1, a): Evaluated<Formula>[] => {
        if (isConst(a, !isAnd)) return [[s1, a]];
        return this.condition(e.right, s1, frame).map(([s2, b]) => [s2, s2.simplify(isAnd ? and(a, b) : or(a, b))]);
      });
    }
    const results: Evaluated<Formula>[] = [];
    for (const [st, left] of this.condition(e.left, state, frame)) {
      const f = st.simplify(left);
      if (isConst(f, !isAnd)) {
        results.push([st, f]);
        continue;
      }
      if (isConst(f, isAnd)) {
        results.push(...this.condition(e.right, st, frame));
        continue;
      }
      const fork = `${this.forkId(frame, e.line, e.left)}${e.op}`;
      const skip = st.clone();
      if (skip.assume(isAnd ? not(f) : f, fork, !isAnd)) results.push([skip, isAnd ? FALSE : TRUE]);
      if (st.assume(isAnd ? f : not(f), fork, isAnd)) results.push(...this.condition(e.right, st, frame));
    }
    return results;
  }

  // ---------------------------------------------------------------- expressions

  /** The value of an expression whose evaluation forks nothing; the first one otherwise. */
  private single(e: Expr, state: State, frame: Frame): Value {
    return this.evaluate(e, state, frame)[0]?.[1] ?? fresh("?");
  }

  private sourceText(e: Expr): string {
    switch (e.kind) {
      case "number":
        return e.value.toString();
      case "name":
        return e.name;
      case "binary":
        return binaryText(e.op, this.sourceText(e.left), this.sourceText(e.right));
      case "unary":
        return unaryText(e.op, this.sourceText(e.operand));
      case "member":
        return `${baseText(this.sourceText(e.object))}${e.arrow ? "->" : "."}${e.field}`;
      case "index":
        return `${baseText(this.sourceText(e.object))}[${this.sourceText(e.index)}]`;
      case "cast":
        return this.sourceText(e.operand);
      case "call":
        return `${this.sourceText(e.callee)}(${e.args.map((a) => this.sourceText(a)).join(", ")})`;
      default:
        return e.kind === "opaque" ? e.text : "…";
    }
  }

  private evaluate(e: Expr, state: State, frame: Frame, discard = false): Evaluated<Value>[] {
    switch (e.kind) {
      case "number":
        return [[state, num(e.value)]];
      case "string":
        return [[state, { t: "ref", key: "string", text: "a string" }]];
      case "name":
        return [[state, this.name(e.name, state, frame)]];
      case "member":
      case "index":
        return this.evaluatePlace(e, state, frame);
      case "unary":
        return this.unary(e, state, frame);
      case "update": {
        const place = this.place(e.operand, state, frame);
        if (!place) return [[state, fresh("?")]];
        const before = this.readPlace(place, state);
        const after =
          before.t === "num"
            ? num(arithmetic(e.op === "++" ? "+" : "-", before.v, 1n) ?? 0n)
            : fresh(place.text, place.key);
        this.write(place, after, state);
        return [[state, after]];
      }
      case "binary":
        return this.binary(e, state, frame);
      case "assign":
        return this.assign(e, state, frame);
      case "cast":
        return this.evaluate(e.operand, state, frame, discard);
      case "conditional":
        return this.conditional(e, state, frame);
      case "comma": {
        let current: Evaluated<Value>[] = [[state, num(0)]];
        for (const part of e.parts) current = current.flatMap(([st]) => this.evaluate(part, st, frame));
        return current;
      }
      case "call":
        return this.call(e, state, frame);
      case "initializer":
        return [
          [
            state,
            e.entries.every((x) => x.value.kind === "number" && x.value.value === 0n)
              ? { t: "zero" }
              : fresh("an initializer"),
          ],
        ];
      case "opaque": {
        let current: State[] = [state];
        for (const part of e.parts)
          if (this.hasEffect(part)) current = current.flatMap((st) => this.evaluate(part, st, frame).map(([s]) => s));
        return current.map((st) => [st, sym(`opaque:${e.text}`, e.text)]);
      }
    }
  }

  private name(name: string, state: State, frame: Frame): Value {
    const key = this.local(name, frame);
    if (this.arrays.has(key)) return { t: "ref", key, text: name };
    const own = state.read(key);
    if (own !== null) return state.resolve(own);
    if (name === "true") return num(1, "true");
    if (name === "false") return num(0, "false");
    if (name === "NULL") return num(0);
    const constant = this.program.constant(name);
    if (constant !== null) return num(constant, name);
    const local = this.isLocal(name, frame);
    const body = local ? null : this.program.macroExpr(name);
    if (body && this.program.macros.get(name)?.parameters === null)
      return this.expanding(() => this.single(body, state, frame)) ?? sym(`g:${name}`, name, `g:${name}`);
    return local ? sym(key, name, key) : (state.read(`g:${name}`) ?? sym(`g:${name}`, name, `g:${name}`));
  }

  private isLocal(name: string, frame: Frame): boolean {
    return frame.fn.parameters.includes(name) || !this.program.macros.has(name);
  }

  private evaluatePlace(
    e: Extract<Expr, { kind: "member" | "index" }>,
    state: State,
    frame: Frame,
  ): Evaluated<Value>[] {
    if (!this.hasEffect(e)) {
      const place = this.place(e, state, frame);
      return [[state, place ? this.readPlace(place, state) : fresh(this.sourceText(e))]];
    }
    // A call inside the path, such as get_local_data()->field: evaluate it first, then the path.
    const base = e.object;
    return this.evaluate(base, state, frame).map(([st, value]): Evaluated<Value> => {
      const suffix = e.kind === "member" ? `.${e.field}` : `[${idOf(this.single(e.index, st, frame))}]`;
      const root = pointee(value);
      const shown = baseText(valueText(value)) + (e.kind === "member" ? `${e.arrow ? "->" : "."}${e.field}` : "[…]");
      return [st, this.readPlace({ key: root + suffix, text: shown }, st)];
    });
  }

  private readPlace(place: Place, state: State): Value {
    const stored = state.read(place.key);
    if (stored !== null) return state.resolve(stored);
    if (this.version !== null && this.rules.versionPlaces.test(place.text)) return num(this.version);
    const member = place.key.slice(place.key.lastIndexOf(".") + 1);
    if (member === this.rules.statusOperandField) {
      const status = state.read(place.key.replace(/\.\w+$/, `.${this.rules.wordField}`));
      if (status?.t === "num") return num(status.v & 0xffffffffn);
    }
    const parameter = Object.hasOwn(this.rules.checkedMembers, member) ? this.rules.checkedMembers[member] : undefined;
    const given = parameter === undefined ? null : innermost(state, parameter);
    if (given?.t === "num") return given;
    nameLocation(place.key, place.text);
    return state.resolve(sym(place.key, place.text, place.key, this.rules.nonNullMembers.includes(member)));
  }

  /** The location that an expression names; null when it names none. */
  private place(e: Expr, state: State, frame: Frame): Place | null {
    switch (e.kind) {
      case "name":
        if (this.program.functions.has(e.name) && !frame.fn.parameters.includes(e.name)) return null;
        return { key: this.local(e.name, frame), text: e.name };
      case "member": {
        if (e.arrow) {
          const target = this.target(this.single(e.object, state, frame));
          return {
            key: `${target.key}.${e.field}`,
            text: `${baseText(target.text)}${target.isRef ? "." : "->"}${e.field}`,
          };
        }
        const base = this.place(e.object, state, frame);
        if (!base) {
          const value = this.single(e.object, state, frame);
          return { key: `${idOf(value)}.${e.field}`, text: `${baseText(valueText(value))}.${e.field}` };
        }
        return this.fieldOf(base, e.field, state);
      }
      case "index": {
        const index = this.single(e.index, state, frame);
        const shown = indexText(index);
        const base = this.place(e.object, state, frame);
        const stored = base
          ? this.arrays.has(base.key)
            ? null
            : state.read(base.key)
          : this.single(e.object, state, frame);
        if (
          stored &&
          (stored.t === "ref" ||
            (stored.t === "sym" && stored.id !== base?.key && !stored.id.startsWith(`${base?.key}#`)))
        ) {
          const target = this.target(stored);
          return {
            key:
              index.t === "num" && index.v === 0n && stored.t === "ref" && !this.arrays.has(stored.key)
                ? target.key
                : `${target.key}[${idOf(index)}]`,
            text: `${target.text}[${shown}]`,
          };
        }
        return base ? { key: `${base.key}[${idOf(index)}]`, text: `${base.text}[${shown}]` } : null;
      }
      case "unary":
        if (e.op !== "*") return null;
        return this.target(this.single(e.operand, state, frame));
      case "cast":
        return this.place(e.operand, state, frame);
      default:
        return null;
    }
  }

  private fieldOf(base: Place, name: string, state: State): Place {
    const own = { key: `${base.key}.${name}`, text: memberText(base.text, name) };
    if (state.read(own.key) !== null) return own;
    const whole = state.read(base.key);
    // A structure copied from elsewhere: its fields are the original's until written here.
    if (whole && whole.t === "sym" && whole.id !== base.key && whole.location !== base.key)
      return { key: `${whole.id}.${name}`, text: memberText(whole.text, name) };
    return own;
  }

  private target(pointer: Value): Place & { readonly isRef: boolean } {
    if (pointer.t === "ref") return { key: pointer.key, text: pointer.text, isRef: true };
    return { key: pointee(pointer), text: valueText(pointer), isRef: false };
  }

  private write(place: Place, value: Value, state: State): void {
    state.forgetBelow(place.key);
    state.set(place.key, value);
    nameLocation(place.key, place.text);
    const invocation = invocationOf(place.key);
    const depth = value.t === "sym" ? this.leafFrames.get(invocation) : undefined;
    if (value.t === "sym" && depth !== undefined) this.nameValue(value, place.text, depth);
    const object = typedObject(place.key);
    const type = object !== null && value.t === "num" ? this.pageType(value.v, value.name) : null;
    if (object !== null && type !== null)
      state.addType({ objectKey: object, type, how: "assign", evidence: this.chainHere() });
    this.forgetWord(place.key, state);
    const root = invocation > 0 ? structureOf(place.key) : null;
    if (root !== null) {
      const whole = state.store.get(root);
      if (whole && whole.t === "sym") state.set(root, sym(`${root}#${this.steps}`, whole.text, root));
    }
  }

  /** A bit field that is written changes the word that it is part of. */
  private forgetWord(key: string, state: State): void {
    for (let end = key.lastIndexOf("."); end > 0; end = key.lastIndexOf(".", end - 1)) {
      const word = `${key.slice(0, end)}.${this.rules.wordField}`;
      if (key !== word && state.read(word) !== null) state.set(word, fresh(textOfLocation(word), word));
    }
  }

  /** The enumerator of a page type, whatever other name the source gives the value. */
  pageType(value: bigint | null, name: string | null): string | null {
    const names = this.program.enums.get(this.rules.pageTypeEnum) ?? [];
    const v = value ?? (name === null ? null : this.program.constant(name));
    return names.find((enumerator) => v !== null && this.program.constant(enumerator) === v) ?? name;
  }

  /** A value that the leaf's own function keeps in a variable is shown by that variable's name. */
  private nameValue(value: Sym, variable: string, depth: number): void {
    if (value.id.startsWith("@{")) {
      if (!this.mappedAt.has(value.id)) this.mappedAt.set(value.id, variable);
      this.mappedIn.set(variable, (this.mappedIn.get(variable) ?? new Set<string>()).add(value.id));
    }
    const known = this.variables.get(value.id);
    const isBetter =
      known === undefined || depth < known.depth || (depth === known.depth && variable.length < known.name.length);
    if (/^\w+(\[\d+\])?$/.test(variable) && isBetter) this.variables.set(value.id, { name: variable, depth });
    if (value.text === variable || !/[(>.]/.test(value.text)) return;
    // One member of the leaf's is no better name than another, and what it is in may change.
    if (/[.>]/.test(variable) && value.location !== null && this.leafFrames.has(invocationOf(value.location))) return;
    const other = this.names.get(value.text);
    if (other === undefined) this.names.set(value.text, { variable, id: value.id });
    else if (other.id !== value.id && other.variable !== variable) this.names.set(value.text, { ...other, id: null });
    const texts = this.textsOf.get(variable) ?? new Set();
    this.textsOf.set(variable, texts.add(value.text));
  }

  /**
   * Texts of values → the leaf's variable that holds them, where that variable never holds another; longest first.
   *
   * @param exact without texts that two values share, as those of two calls of one function can
   */
  shortTexts(exact: boolean): [long: string, short: string][] {
    return [...this.names]
      .filter(([, { variable, id }]) => this.textsOf.get(variable)?.size === 1 && (!exact || id !== null))
      .map(([text, { variable }]): [string, string] => [text, variable])
      .sort((a, b) => b[0].length - a[0].length);
  }

  /** How the leaf writes a member of what it keeps a pointer to that a callee has mapped; null where it keeps none, or several there. */
  inLeafTerms({ id }: Sym): string | null {
    const [, pointer, members] = /^\*\{(@\{[\s\S]*\})\}((?:\.\w+)+)$/.exec(id) ?? [];
    const place = pointer === undefined ? undefined : this.mappedAt.get(pointer);
    if (place === undefined || members === undefined || this.mappedIn.get(place)?.size !== 1) return null;
    return `${place}->${members.slice(1)}`;
  }

  /** The leaf's variable that holds a value, or null. */
  variableOf(id: string): string | null {
    return this.variables.get(id)?.name ?? null;
  }

  private unary(e: Extract<Expr, { kind: "unary" }>, state: State, frame: Frame): Evaluated<Value>[] {
    if (e.op === "&") {
      if (
        e.operand.kind === "name" &&
        this.relevant.has(e.operand.name) &&
        this.program.functions.has(e.operand.name)
      ) {
        this.trouble("indirect-call", `the address of ${e.operand.name} is taken`, this.site(frame, e.line));
      }
      if (this.hasEffect(e.operand) && (e.operand.kind === "member" || e.operand.kind === "index")) {
        return this.evaluatePlace(e.operand, state, frame).map(([st, v]) => [
          st,
          { t: "ref", key: v.t === "sym" ? v.id : idOf(v), text: valueText(v) },
        ]);
      }
      const place = this.place(e.operand, state, frame);
      return [[state, place ? { t: "ref", key: place.key, text: place.text } : fresh(this.sourceText(e))]];
    }
    return this.evaluate(e.operand, state, frame).map(([st, value]): Evaluated<Value> => {
      const v = st.resolve(value);
      if (e.op === "*") {
        const target = this.target(v);
        return [st, this.readPlace({ key: target.key, text: target.isRef ? target.text : `*${target.text}` }, st)];
      }
      if (e.op === "!") return [st, this.asValue(not(truth(v)))];
      if (v.t === "num") {
        if (e.op === "-") return [st, num(BigInt.asUintN(64, -v.v))];
        if (e.op === "~") return [st, num(BigInt.asUintN(64, ~v.v))];
        return [st, v];
      }
      return [st, sym(`${e.op}(${idOf(v)})`, unaryText(e.op, valueText(v)))];
    });
  }

  private asValue(f: Formula): Value {
    return f.k === "const" ? num(f.value ? 1 : 0) : { t: "ite", c: f, a: num(1), b: num(0) };
  }

  private binary(e: Extract<Expr, { kind: "binary" }>, state: State, frame: Frame): Evaluated<Value>[] {
    if (/^(==|!=|<|>|<=|>=|&&|\|\|)$/.test(e.op))
      return this.condition(e, state, frame).map(([st, f]) => [st, this.asValue(f)]);
    return each(this.evaluate(e.left, state, frame), (s1, left) =>
      this.evaluate(e.right, s1, frame).map(
        ([s2, right]): Evaluated<Value> => [s2, this.combine(e.op, s2.resolve(left), s2.resolve(right))],
      ),
    );
  }

  private combine(op: string, a: Value, b: Value): Value {
    if (alternatives(a) * alternatives(b) > MAX_ALTERNATIVES) return fresh("a value");
    if (a.t === "ite") return { t: "ite", c: a.c, a: this.combine(op, a.a, b), b: this.combine(op, a.b, b) };
    if (b.t === "ite") return { t: "ite", c: b.c, a: this.combine(op, a, b.a), b: this.combine(op, a, b.b) };
    if (a.t === "zero") return this.combine(op, num(0), b);
    if (b.t === "zero") return this.combine(op, a, num(0));
    if (a.t === "num" && b.t === "num") {
      const value = arithmetic(op, a.v, b.v);
      if (value !== null) return num(value);
    }
    const id = `(${idOf(a)}${op}${idOf(b)})`;
    return id.length > MAX_VALUE ? fresh("a value") : sym(id, binaryText(op, valueText(a), valueText(b)));
  }

  private assign(e: Extract<Expr, { kind: "assign" }>, state: State, frame: Frame): Evaluated<Value>[] {
    return each(this.evaluate(e.right, state, frame), (s1, value) => {
      const isPath = e.left.kind === "member" || e.left.kind === "index";
      const places: Evaluated<Place | null>[] = this.hasEffect(e.left)
        ? (isPath
            ? this.evaluatePlace(e.left as Extract<Expr, { kind: "member" | "index" }>, s1, frame)
            : this.evaluate(e.left, s1, frame)
          ).map(([st, v]) => [st, v.t === "sym" && v.location !== null ? { key: v.location, text: v.text } : null])
        : [[s1, this.place(e.left, s1, frame)]];
      return places.map(([st, place]): Evaluated<Value> => {
        let result = st.resolve(value);
        if (e.op !== "=" && place) result = this.combine(e.op.slice(0, -1), this.readPlace(place, st), result);
        if (place) {
          if (e.op === "=" && place.key.endsWith(`.${this.rules.wordField}`))
            this.writeWord(
              { t: "ref", ...place },
              e.right,
              "whole-word write",
              [...frame.chain, this.site(frame, e.line)],
              st,
              frame,
            );
          if (e.op === "=") st.store.delete(`unlocked:${place.key}`);
          this.write(place, result, st);
          if (e.op === "=") this.copyMembers(e.right, place, st, frame);
        }
        if (e.op === "=") this.noteBusy(result, st, frame, e.line);
        return [st, result];
      });
    });
  }

  /** The members of a structure that is assigned as a whole. */
  private copyMembers(from: Expr, to: Place, state: State, frame: Frame): void {
    if (from.kind !== "name" && from.kind !== "member" && from.kind !== "index") return;
    if (this.hasEffect(from)) return;
    const source = this.place(from, state, frame);
    if (source && source.key !== to.key) state.copyInside(source.key, to.key);
  }

  private conditional(e: Extract<Expr, { kind: "conditional" }>, state: State, frame: Frame): Evaluated<Value>[] {
    const results: Evaluated<Value>[] = [];
    for (const [st, formula] of this.condition(e.test, state, frame)) {
      const f = st.simplify(formula);
      if (f.k === "const") {
        results.push(...this.evaluate(f.value ? e.yes : e.no, st, frame));
        continue;
      }
      if (!this.hasEffect(e.yes) && !this.hasEffect(e.no)) {
        results.push([
          st,
          st.resolve({ t: "ite", c: f, a: this.single(e.yes, st, frame), b: this.single(e.no, st, frame) }),
        ]);
        continue;
      }
      const other = st.clone();
      const fork = this.forkId(frame, e.line, e.test);
      if (st.assume(f, fork, true)) results.push(...this.evaluate(e.yes, st, frame));
      if (other.assume(not(f), fork, false)) results.push(...this.evaluate(e.no, other, frame));
    }
    return results;
  }

  // ---------------------------------------------------------------- calls

  private isCallKnown(name: string): boolean {
    return this.knownCalls.has(name) || this.program.functions.has(name);
  }

  /** Looks into a macro; null when macros nest too deeply (they use themselves) or too many were looked into. */
  private expanding<T>(look: () => T, site = this.chainHere().at(-1)): T | null {
    if (this.macroDepth >= MAX_MACRO_DEPTH || ++this.macrosSeen > MAX_MACROS) {
      if (this.macrosSeen === MAX_MACROS + 1 && site)
        this.trouble("budget", "the macros of this leaf use each other too often", site);
      return null;
    }
    this.macroDepth++;
    try {
      return look();
    } finally {
      this.macroDepth--;
    }
  }

  private expand(e: Extract<Expr, { kind: "call" }>): Expr | null {
    if (e.callee.kind !== "name") return null;
    const macro = this.program.macros.get(e.callee.name);
    const body = macro?.parameters ? this.program.macroExpr(macro.name) : null;
    return body && macro?.parameters ? substitute(placed(body, e.line), macro.parameters, e.args) : null;
  }

  private call(e: Extract<Expr, { kind: "call" }>, state: State, frame: Frame): Evaluated<Value>[] {
    if (e.callee.kind !== "name") {
      this.trouble("indirect-call", `a call through ${this.sourceText(e.callee)}`, this.site(frame, e.line));
      return this.withArgs(e.args, state, frame).map(([st, args]) => {
        for (const a of args) this.havocOut(a, st);
        return [st, fresh(this.sourceText(e))];
      });
    }
    const name = e.callee.name;
    if (this.ignored.has(name)) return [[state, num(0)]];
    if (this.rules.assertions.includes(name)) return this.assertion(e, state, frame);
    const end = this.rules.noReturn[name];
    if (end) {
      if (end !== "fatal") this.halt(state, end);
      return [];
    }
    if (!this.isCallKnown(name)) {
      const expanded = this.expand(e);
      const result = expanded && this.expanding(() => this.evaluate(expanded, state, frame), this.site(frame, e.line));
      if (result) return result;
      if (state.read(this.local(name, frame)) !== null)
        this.trouble("indirect-call", `a call through the pointer ${name}`, this.site(frame, e.line));
    }
    const states = name in this.rules.primitives ? this.decidePointer(e.args[0], state, frame) : [state];
    return states.flatMap((s) =>
      each(this.withArgs(e.args, s, frame), (st, args) => this.apply(name, args, e, st, frame)),
    );
  }

  /** The call ends outside this function; situations with the same events are one. */
  private halt(state: State, kind: "td-entry" | "td-exit"): void {
    const same = this.halts.find((h) => h.kind === kind && h.state.canMeet(state));
    if (same) same.state.meet(state);
    else this.halts.push({ state, kind, value: null });
  }

  /** A lock whose structure depends on a condition: one situation for each structure. */
  private decidePointer(lock: Expr | undefined, state: State, frame: Frame): State[] {
    let base = lock;
    while (
      base &&
      (base.kind === "unary" ||
        base.kind === "index" ||
        base.kind === "cast" ||
        (base.kind === "member" && !base.arrow))
    ) {
      base = base.kind === "unary" || base.kind === "cast" ? base.operand : base.object;
    }
    if (base?.kind === "member") base = base.object;
    if (!base || this.hasEffect(base)) return [state];
    const value = state.resolve(this.single(base, state, frame));
    if (value.t !== "ite") return [state];
    const other = state.clone();
    const fork = `${this.forkId(frame, base.line, base)}:pointer`;
    const result: State[] = [];
    if (state.assume(value.c, fork, true)) result.push(...this.decidePointer(lock, state, frame));
    if (other.assume(not(value.c), fork, false)) result.push(...this.decidePointer(lock, other, frame));
    return result;
  }

  private withArgs(exprs: readonly Expr[], state: State, frame: Frame): Evaluated<Value[]>[] {
    let current: Evaluated<Value[]>[] = [[state, []]];
    for (const expr of exprs) {
      current = each(current, (st, values) =>
        this.evaluate(expr, st, frame).map(([s, v]): Evaluated<Value[]> => [s, [...values, s.resolve(v)]]),
      );
    }
    return current;
  }

  private assertion(e: Extract<Expr, { kind: "call" }>, state: State, frame: Frame): Evaluated<Value>[] {
    const test = e.args[0];
    if (!test) return [[state, num(0)]];
    return each(this.condition(test, state, frame), (st, formula): Evaluated<Value>[] => {
      const f = st.simplify(formula);
      if (isConst(f, false)) return [];
      return st.assume(f, `${this.forkId(frame, e.line, test)}!`, true) ? [[st, num(0)]] : [];
    });
  }

  private apply(
    name: string,
    args: readonly Value[],
    e: Extract<Expr, { kind: "call" }>,
    state: State,
    frame: Frame,
  ): Evaluated<Value>[] {
    const primitive = Object.hasOwn(this.rules.primitives, name) ? this.rules.primitives[name] : undefined;
    if (primitive) return this.primitive(name, primitive, args, e, state, frame);
    const change = Object.hasOwn(this.rules.statusChanges, name) ? this.rules.statusChanges[name] : undefined;
    if (change) return [[state, this.changed(args, change, name, state)]];
    if (this.rules.mappings.includes(name)) return [[state, this.mapped(args[0], e)]];
    const site = this.site(frame, e.line);
    if (this.rules.wholeWordReleases.some((pattern) => pattern.test(name))) {
      this.unlockWord(args[0], name, [...frame.chain, site], state, frame);
      return [[state, num(0)]];
    }
    if (this.rules.wordWriters.includes(name)) {
      this.writeWord(args[0], e.args[1], name, [...frame.chain, site], state, frame);
      return [[state, num(0)]];
    }
    const walk = Object.hasOwn(this.rules.walks, name) ? this.rules.walks[name] : undefined;
    if (walk) this.lookWalked(name, walk.ifTrue, args, e, state, frame);
    const info = this.program.resolve(name, frame.fn.file);
    if (info && !walk && this.relevant.has(name)) {
      if (frame.chain.length >= MAX_DEPTH) {
        this.trouble("depth", `calls nest deeper than ${MAX_DEPTH}`, site);
        return [[state, fresh(name)]];
      }
      const ast = this.program.ast(info);
      if (ast) return this.invoke(ast, args, state, [...frame.chain, site], frame.loops);
      this.trouble("parse", `${name} could not be parsed`, { file: info.file, line: info.line, function: name });
    }
    args.forEach((a, i) => {
      if (!info || this.writes.mayWrite(info, i)) this.havocOut(a, state);
    });
    const shown = `${name}(${e.args.map((a, i) => this.argumentText(a, args[i], frame)).join(", ")})`;
    const nonNull = this.rules.nonNull.includes(name);
    const call = this.rules.changing.test(name) ? `${name}@${++this.calls}` : name;
    const id = `${call}(${args.map(idOf).join(",")})`;
    const result = id.length > MAX_VALUE ? fresh(name) : sym(id, shown, null, nonNull);
    const implied = info ? this.implied({ name, info, args, e }, state, frame) : TRUE;
    return [[state, implied === TRUE ? result : this.asValue(and(truth(result), implied))]];
  }

  /** What a check says where it succeeds; true for any other call. */
  private implied(check: Check, state: State, frame: Frame): Formula {
    return and(this.checkedRange(check, state, frame), this.denied(check, state, frame));
  }

  /** What another function would not be. */
  private denied({ name, info, args, e }: Check, state: State, frame: Frame): Formula {
    const rule = Object.hasOwn(this.rules.denials, name) ? this.rules.denials[name] : undefined;
    const [first, second] = e.args;
    const condition = rule && args[rule.ifTrue];
    if (!rule || !first || !second || !condition || !isConst(state.simplify(truth(condition)), true)) return TRUE;
    if (!info.calls.has(rule.call)) return TRUE;
    const { line } = e;
    const word: Expr = { kind: "member", object: first, field: this.rules.wordField, arrow: false, line };
    const callee: Expr = { kind: "name", name: rule.call, line };
    return not(truth(this.single({ kind: "call", callee, args: [word, second], line }, state, frame)));
  }

  /** A walk by a function that knows no lock: unlocked, where the tree's lock is not held. */
  private lookWalked(
    name: string,
    ifTrue: number | null,
    args: readonly Value[],
    e: Extract<Expr, { kind: "call" }>,
    state: State,
    frame: Frame,
  ): void {
    const [root] = e.args;
    const kind = this.walkedKind();
    if (state.ghost || state.failure || root === undefined || kind === null) return;
    const walked = state.clone();
    const isGuarded = ifTrue === null ? TRUE : truth(args[ifTrue] ?? num(1));
    if (!walked.assume(isGuarded, `${this.forkId(frame, e.line, root)}w`, true)) return;
    const word: Expr = { kind: "member", object: root, field: this.rules.wordField, arrow: false, line: e.line };
    const values = [args[0], this.single(word, walked, frame)];
    const owner = values.map((value) => value && this.ownerOf(walked.resolve(value))).find((found) => found);
    if (!owner) return;
    const suffix = `.${this.rules.walkedRoot.lock}`;
    const lock = this.lockPlace({ t: "ref", key: owner.key + suffix, text: owner.text + suffix });
    // The function may have asked for the lock before, in the mode "no lock".
    const isTold = state.skipped.some((event) => event.invocation === frame.id && event.lockKey === lock?.key);
    if (!lock || walked.holds(lock.key) || isTold) return;
    state.skip(
      this.intern<AcquireEvent>({
        kind: "acquire",
        primitive: name,
        lock: kind,
        mode: "NO_LOCK",
        side: this.leafSide,
        lockKey: lock.key,
        objectKey: lock.object,
        members: lock.members,
        text: lock.text,
        evidence: [...frame.chain, this.site(frame, e.line)],
        guards: walked.guards,
        path: walked.path,
        loops: frame.loops,
        invocation: frame.id,
      }),
    );
  }

  /** The structure that a tree's root was read from. */
  private ownerOf(root: Value): { readonly key: string; readonly text: string } | null {
    if (root.t !== "sym") return null;
    const member = new RegExp(`^(.*)(?:\\.|->)${this.rules.walkedRoot.root}(?:\\.${this.rules.wordField})?$`, "s");
    const [key, text] = [root.id, root.text].map((name) => member.exec(name)?.[1]);
    return key === undefined || text === undefined ? null : { key, text };
  }

  /** The kind of the lock of a walked tree: that of the primitives that take it; null when nothing does. */
  private walkedKind(): LockKind | null {
    if (this.walkLock === undefined) {
      const call = new RegExp(`\\b(\\w+)\\s*\\(\\s*&[^;{}]{0,200}?\\b${this.rules.walkedRoot.lock}\\b`, "g");
      const names = [...this.program.texts.values()].flatMap((text) =>
        [...text.matchAll(call)].map(([, name]) => name),
      );
      const primitive = names.find((name) => name !== undefined && Object.hasOwn(this.rules.primitives, name));
      this.walkLock = primitive === undefined ? null : (this.rules.primitives[primitive]?.lock ?? null);
    }
    return this.walkLock;
  }

  /** Between which two limits a member is. */
  private checkedRange({ name, info, args, e }: Check, state: State, frame: Frame): Formula {
    const member = Object.hasOwn(this.rules.rangeChecks, name) ? this.rules.rangeChecks[name] : undefined;
    const [given] = e.args;
    const [, least, most] = args;
    if (member === undefined || given === undefined || least === undefined || most === undefined) return TRUE;
    const [checked, low, high] = this.program.ast(info)?.parameters ?? [];
    const body = this.program.texts.get(info.file)?.slice(info.bodyStart, info.bodyEnd) ?? "";
    const compares = (op: string, limit: string | undefined) =>
      new RegExp(`\\b${checked}(\\.|->)${member} *${op} *${limit}\\b`).test(body);
    if (!compares(">=", low) || !compares("<=", high)) return TRUE;
    const value = this.single(
      { kind: "member", object: given, field: member, arrow: false, line: e.line },
      state,
      frame,
    );
    return and(this.relation(">=", value, least), this.relation("<=", value, most));
  }

  private argumentText(expr: Expr, value: Value | undefined, frame: Frame): string {
    const own = this.sourceText(expr);
    if (this.leafFrames.has(frame.id) && /^(name|member|index)$/.test(expr.kind)) return own;
    // What a parameter points to is shown as the caller names it.
    if (value?.t === "ref" && value.key !== "string" && expr.kind === "name") return valueText(value);
    return value && value.t === "sym" && !value.id.startsWith("#") ? value.text : own;
  }

  private changed(args: readonly Value[], change: StatusChange, name: string, state: State): Value {
    const [given, operand] = args;
    const status =
      change.low === "argument"
        ? this.withOperand(given, operand, this.addsOperand(name), state)
        : change.low === "details" && given?.t === "num"
          ? num((given.v >> 32n) << 32n, given.name)
          : given;
    return status && change.flags !== null ? withFlags(status, change.flags, state) : (status ?? fresh("a status"));
  }

  /** Does the tree's function add the operand to the status, instead of putting it there? */
  private addsOperand(name: string): boolean {
    const info = this.program.functions.get(name)?.[0];
    const body = info ? (this.program.texts.get(info.file)?.slice(info.bodyStart, info.bodyEnd) ?? "") : "";
    return !/\boperand\s*=[^=]/.test(body);
  }

  private withOperand(status: Value | undefined, operand: Value | undefined, adds: boolean, state: State): Value {
    if (status?.t === "num") {
      if (operand?.t === "ite")
        return {
          t: "ite",
          c: operand.c,
          a: this.withOperand(status, operand.a, adds, state),
          b: this.withOperand(status, operand.b, adds, state),
        };
      // An unknown operand leaves the status what it is.
      if (operand?.t !== "num") return status;
      return num(adds ? status.v + operand.v : ((status.v >> 32n) << 32n) | (operand.v & 0xffffffffn), status.name);
    }
    if (status?.t === "ite")
      return {
        t: "ite",
        c: status.c,
        a: this.withOperand(status.a, operand, adds, state),
        b: this.withOperand(status.b, operand, adds, state),
      };
    if (!status || !operand) return fresh("a status");
    if (status.t === "error" || isConst(state.simplify(equal(status, num(0))), false)) return { t: "error" };
    return sym(`status(${idOf(status)},${idOf(operand)})`, `${valueText(status)} with operand ${valueText(operand)}`);
  }

  private mapped(address: Value | undefined, e: Extract<Expr, { kind: "call" }>): Value {
    if (!address) return fresh("a mapping");
    return sym(`@{${idOf(address)}}`, valueText(address).replace(/^&/, "") || this.sourceText(e), null, true);
  }

  /** What a pointer argument points to may have changed. */
  private havocOut(value: Value, state: State): void {
    if (value.t !== "ref" || value.key === "string") return;
    this.write({ key: value.key, text: value.text }, fresh(value.text, value.key), state);
  }

  // ---------------------------------------------------------------- locks

  private lockPlace(
    pointer: Value | undefined,
  ): { key: string; text: string; object: string; members: string[] } | null {
    if (!pointer || pointer.t === "num") return null;
    const key = pointee(pointer);
    const text = valueText(pointer).replace(/^&/, "");
    const object = objectOf(key);
    const members = [...key.slice(object.length).matchAll(/\.(\w+)/g)].map((m) => m[1] as string);
    return { key, text, object, members };
  }

  private primitive(
    name: string,
    rule: PrimitiveRule,
    args: readonly Value[],
    e: Extract<Expr, { kind: "call" }>,
    state: State,
    frame: Frame,
  ): Evaluated<Value>[] {
    const site = this.site(frame, e.line);
    this.visited.add(`${site.file}:${site.line}`);
    const lock = this.lockPlace(args[0]);
    if (!lock) {
      this.trouble("lock-object", `the lock given to ${name} is not known`, site);
      return [[state, fresh(name)]];
    }
    const evidence = [...frame.chain, site];
    switch (rule.operation) {
      case "release":
        if (!state.ghost)
          state.add(
            this.intern({
              kind: "release",
              lockKey: lock.key,
              evidence,
              guards: state.guards,
              path: state.path,
              loops: frame.loops,
              mode: this.releaseMode(rule, args),
              by: null,
            }),
          );
        return [[state, num(0)]];
      case "promote":
      case "demote":
        return this.promote(name, rule, lock, evidence, state, frame);
      case "acquire": {
        const modes = this.modes(name, rule, args, site, state, frame);
        return modes.flatMap(([st, mode]) =>
          this.acquire(name, rule, lock, mode, this.sideOf(rule, args), evidence, st, frame),
        );
      }
    }
  }

  /** The mode in which a primitive gives a lock back; null when a variable says it. */
  private releaseMode(rule: PrimitiveRule, args: readonly Value[]): LockMode | null {
    if (typeof rule.mode === "string") return rule.mode;
    const value = args[rule.mode.argument];
    if (value?.t !== "num") return null;
    const name = Object.keys(this.rules.modes).find((enumerator) => this.program.constant(enumerator) === value.v);
    return name === undefined ? null : (this.rules.modes[name] ?? null);
  }

  private sideOf(rule: PrimitiveRule, args: readonly Value[]): Side {
    if (rule.side === null) return this.leafSide;
    if (typeof rule.side === "string") return rule.side;
    const value = args[rule.side.argument];
    if (value?.t === "num") return value.v === 0n ? "host" : "guest";
    return this.leafSide;
  }

  private modes(
    name: string,
    rule: PrimitiveRule,
    args: readonly Value[],
    site: Site,
    state: State,
    frame: Frame,
  ): Evaluated<LockMode>[] {
    if (typeof rule.mode === "string") return [[state, state.ghost ? "NO_LOCK" : rule.mode]];
    const value = args[rule.mode.argument];
    const resolve = (st: State, v: Value | undefined): Evaluated<LockMode>[] => {
      if (v?.t === "ite") {
        const other = st.clone();
        const fork = `${this.forkId(frame, site.line, { kind: "name", name, line: site.line })}:mode`;
        const results: Evaluated<LockMode>[] = [];
        if (st.assume(v.c, fork, true)) results.push(...resolve(st, st.resolve(v.a)));
        if (other.assume(not(v.c), fork, false)) results.push(...resolve(other, other.resolve(v.b)));
        return results;
      }
      for (const [enumerator, mode] of Object.entries(this.rules.modes)) {
        if (v?.t === "num" && this.program.constant(enumerator) === v.v) return [[st, mode]];
      }
      this.trouble(
        "mode",
        `the mode given to ${name} is ${v ? valueText(v) : "missing"}, which is neither shared, exclusive nor no lock`,
        site,
      );
      return [[st, "EXCLUSIVE"]];
    };
    return resolve(state, value);
  }

  private acquire(
    name: string,
    rule: PrimitiveRule,
    lock: { key: string; text: string; object: string; members: string[] },
    mode: LockMode,
    side: Side,
    evidence: readonly Site[],
    state: State,
    frame: Frame,
  ): Evaluated<Value>[] {
    const isSkipped = state.ghost || mode === "NO_LOCK";
    const event = this.intern<AcquireEvent>({
      kind: "acquire",
      primitive: name,
      lock: rule.lock,
      mode: isSkipped ? "NO_LOCK" : mode,
      side: isSkipped ? this.leafSide : side,
      lockKey: lock.key,
      objectKey: lock.object,
      members: lock.members,
      text: lock.text,
      evidence,
      guards: state.guards,
      path: state.path,
      loops: frame.loops,
      invocation: frame.id,
    });
    const outcomes = this.outcomes(name, mode === "NO_LOCK" ? "EXCLUSIVE" : mode, side);
    const success = outcomes.find((o) => o.success);
    const results: Evaluated<Value>[] = [];
    if (!state.ghost && !state.failure && mode !== "NO_LOCK") {
      for (const outcome of outcomes) {
        if (outcome.success) continue;
        const failed = state.clone();
        failed.failure = { event, outcome: outcome.name };
        results.push([failed, num(outcome.value, outcome.name)]);
      }
    }
    if (event.mode !== "NO_LOCK") state.add(event);
    else if (!state.holds(lock.key)) state.skip(event);
    results.push([state, num(success?.value ?? 0n, success?.name ?? null)]);
    return results;
  }

  private promote(
    name: string,
    rule: PrimitiveRule,
    lock: { key: string },
    evidence: readonly Site[],
    state: State,
    frame: Frame,
  ): Evaluated<Value>[] {
    const kind = rule.operation === "promote" ? "promote" : "demote";
    const event = this.intern<PromoteEvent>({
      kind,
      lockKey: lock.key,
      evidence,
      guards: state.guards,
      path: state.path,
      loops: frame.loops,
    });
    const results: Evaluated<Value>[] = [];
    const outcomes = this.outcomes(name, "EXCLUSIVE", this.leafSide);
    const success = outcomes.find((o) => o.success);
    if (!state.failure && !state.ghost) {
      for (const outcome of outcomes) {
        if (outcome.success) continue;
        const failed = state.clone();
        failed.failure = { event, outcome: outcome.name };
        results.push([failed, num(outcome.value, outcome.name)]);
      }
    }
    if (!state.ghost) state.add(event);
    results.push([state, num(success?.value ?? 0n, success?.name ?? null)]);
    return results;
  }

  /** The same acquisition under the same guards is one event, so that situations which saw it can meet again. */
  private intern<T extends LockEvent>(event: T): T {
    const mode = "mode" in event ? event.mode : "";
    const place = this.placeOf(event.evidence);
    const key = `${event.kind}|${event.lockKey}|${mode}|${place}|${event.loops.map((loop) => loop.text).join(";")}|${guardsKey(event.guards)}`;
    const known = this.interned.get(key);
    if (known) {
      known.path = joinPaths(known.path, event.path);
      return known as T;
    }
    this.interned.set(key, event);
    return event;
  }

  /** A helper clears the lock bit with the whole word: of a locked entry in memory, or of a copy that is written later. */
  private unlockWord(
    pointer: Value | undefined,
    by: string,
    evidence: readonly Site[],
    state: State,
    frame: Frame,
  ): void {
    if (!pointer) return;
    const key = pointee(pointer);
    if (!this.releaseEntry(key, by, evidence, state, frame)) state.store.set(`unlocked:${key}`, num(1));
    this.havocOut(pointer, state);
  }

  /** A word is written over an entry: it gives the entry's lock back when it comes from a copy whose lock bit was cleared. */
  private writeWord(
    pointer: Value | undefined,
    from: Expr | undefined,
    by: string,
    evidence: readonly Site[],
    state: State,
    frame: Frame,
  ): void {
    if (!pointer || !from) return;
    const suffix = `.${this.rules.wordField}`;
    const key = pointee(pointer).replace(new RegExp(`\\${suffix}$`), "");
    if (from.kind !== "member") {
      const word = this.single(from, state, frame);
      if (word.t === "num" && !this.isLockBitSet(word.v)) this.releaseEntry(key, by, evidence, state, frame);
      return;
    }
    const copy =
      from.field === this.rules.wordField ? this.place(from.object, state, frame) : this.place(from, state, frame);
    if (copy && state.store.has(`unlocked:${copy.key}`)) this.releaseEntry(key, by, evidence, state, frame);
  }

  private isLockBitSet(word: bigint): boolean {
    const [bit] = this.rules.layouts.sept_entry.bits;
    const position = bit ? this.program.constant(bit.constant) : null;
    return position === null || ((word >> position) & 1n) === 1n;
  }

  /** Gives back the SEPT entry lock at a place, if it is held; false when it is not. */
  private releaseEntry(key: string, by: string, evidence: readonly Site[], state: State, frame: Frame): boolean {
    if (
      state.ghost ||
      !state.events.some((ev) => ev.kind === "acquire" && ev.lock === "sept_entry" && ev.lockKey === key)
    )
      return false;
    const { guards, path } = state;
    state.add(
      this.intern({ kind: "release", lockKey: key, evidence, guards, path, loops: frame.loops, mode: null, by }),
    );
    return true;
  }

  // ---------------------------------------------------------------- statuses

  /** Remembers a BUSY status that no lock primitive gave. */
  private noteBusy(value: Value, state: State, frame: Frame, line: number): void {
    if (
      state.failure ||
      state.ghost ||
      value.t !== "num" ||
      value.name === null ||
      !this.rules.busyStatuses.test(value.name)
    )
      return;
    const evidence = [...frame.chain, this.site(frame, line)];
    const calls = placesOf(frame.chain);
    const isHandedOn = state.busy.some(
      (fact) => statusKind(fact.status) === statusKind(value.v) && placesOf(fact.evidence.slice(0, -1)) === calls,
    );
    state.busy = [...state.busy, { status: value.v, evidence, guards: state.guards, path: state.path, isHandedOn }];
  }
}

/** The value that the innermost running function with a parameter or variable of a name has in it. */
function innermost(state: State, name: string): Value | null {
  let found: readonly [frame: number, value: Value] = [-1, num(0)];
  for (const [key, value] of state.store.entries()) {
    const frame = key.endsWith(`:${name}`) ? Number(/^f(\d+):\w+$/.exec(key)?.[1] ?? -1) : -1;
    if (frame > found[0]) found = [frame, value];
  }
  return found[0] < 0 ? null : found[1];
}

/** A status with the flag bits set; what is not known to be an error only becomes some error. */
function withFlags(status: Value, flags: bigint, state: State): Value {
  if (status.t === "num") return num(status.v | flags, status.name);
  if (status.t === "ite")
    return { ...status, a: withFlags(status.a, flags, state), b: withFlags(status.b, flags, state) };
  if (status.t === "error" || isConst(state.simplify(equal(status, num(0))), false)) return { t: "error" };
  return sym(`flags(${idOf(status)},${flags})`, `${valueText(status)} with flags`);
}

/** The variable of which a location is a member, or inside one; null for any other location. */
function structureOf(key: string): string | null {
  const dot = key.indexOf(".");
  if (dot < 0) return null;
  const element = key.indexOf("[");
  return element >= 0 && element < dot ? null : key.slice(0, dot);
}

/** Calls a function with the name of each function that a statement calls. */
function forEachCall(s: Stmt, visit: (name: string) => void): void {
  const inExpr = (e: Expr): void => {
    if (e.kind === "call" && e.callee.kind === "name") visit(e.callee.name);
    for (const inner of Object.values(e)) {
      if (Array.isArray(inner)) for (const item of inner) if (isNode(item)) inExpr(item as Expr);
      if (isNode(inner)) inExpr(inner as Expr);
    }
  };
  switch (s.kind) {
    case "block":
      for (const inner of s.body) forEachCall(inner, visit);
      return;
    case "expression":
      return inExpr(s.expr);
    case "declare":
      return s.init ? inExpr(s.init) : undefined;
    case "if":
      inExpr(s.test);
      forEachCall(s.yes, visit);
      if (s.no) forEachCall(s.no, visit);
      return;
    case "loop":
      if (s.test) inExpr(s.test);
      return forEachCall(s.body, visit);
    case "switch":
      for (const c of s.cases) for (const inner of c.body) forEachCall(inner, visit);
      return;
    case "return":
      return s.value ? inExpr(s.value) : undefined;
    default:
      return;
  }
}

const isNode = (value: unknown): boolean =>
  typeof value === "object" && value !== null && "kind" in value && "line" in value;

const placesOf = (chain: readonly Site[]): string => chain.map(({ file, line }) => `${file}:${line}`).join(">");

/** Of how many values is one? */
function alternatives(v: Value): number {
  return v.t === "ite" ? alternatives(v.a) + alternatives(v.b) : 1;
}

/** An index as a person would write it: of one that is a constant in another case, what it is otherwise. */
function indexText(index: Value): string {
  if (index.t === "num" && index.name === null) return index.v.toString();
  if (index.t === "ite" && index.a.t === "num") return indexText(index.b);
  if (index.t === "ite" && index.b.t === "num") return indexText(index.a);
  return valueText(index);
}

const OPPOSITE: Readonly<Record<string, string>> = {
  "==": "!=",
  "!=": "==",
  "<": ">=",
  ">": "<=",
  "<=": ">",
  ">=": "<",
};

/** Is a name the index of an element in an expression? */
function indexes(e: Expr, name: string): boolean {
  switch (e.kind) {
    case "index":
      return (e.index.kind === "name" && e.index.name === name) || indexes(e.object, name);
    case "member":
      return indexes(e.object, name);
    case "unary":
    case "cast":
      return indexes(e.operand, name);
    default:
      return false;
  }
}

const guardsKeys = new WeakMap<readonly Guard[], string>();

/** Guards as one string: which side of which tests. */
function guardsKey(guards: readonly Guard[]): string {
  let key = guardsKeys.get(guards);
  if (key === undefined) {
    key = guards.map((g) => (g.side ? g.fork : `!${g.fork}`)).join();
    guardsKeys.set(guards, key);
  }
  return key;
}

/** The structure that a lock is a member of: what the outermost pointer points to, or the variable. */
function objectOf(key: string): string {
  if (!key.startsWith("*{")) return /^[^.[]+/.exec(key)?.[0] ?? key;
  let depth = 0;
  for (let i = 1; i < key.length; i++) {
    if (key[i] === "{") depth++;
    else if (key[i] === "}" && --depth === 0) return key.slice(0, i + 1);
  }
  return key;
}
