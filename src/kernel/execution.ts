/** One pass through a function: follows its ways, which meet where they hold the same locks. */

import type { Expr, FunctionInfo } from "../c/index.ts";
import type { Analysis } from "./analysis.ts";
import { callEffect, type Effect } from "./calls.ts";
import type { Instruction } from "./code.ts";
import { Evaluator, type Known } from "./evaluate.ts";
import { heldKey, type LockSet, regard, without } from "./locks.ts";
import { type Passed, passObjects } from "./passing.ts";
import type { Plan } from "./plan.ts";
import { BOUNDS, type Input, joinOutcomes, type Outcome, type Run } from "./run.ts";
import { forgetting, join, State } from "./state.ts";
import { asBool, ONE, pointerTo, setOf, TOP, truthOf, type Value, ZERO } from "./values.ts";

/** One pass through a function. */
export class Execution {
  readonly analysis: Analysis;
  readonly run_: Run;
  readonly evaluator: Evaluator;
  protected readonly plan: Plan;
  /** Calls that some way came to, in this pass or another. */
  private readonly met: Set<number>;
  /** States that wait at places where ways meet. */
  private readonly meeting = new Map<number, Map<string, { state: State; joins: number; isNew: boolean }>>();
  private readonly waiting = new Set<number>();
  /** Ways that are kept apart at one place. */
  protected readonly most: number = BOUNDS.states;

  constructor(analysis: Analysis, run: Run, plan: Plan, known: Known) {
    this.analysis = analysis;
    this.run_ = run;
    this.plan = plan;
    this.evaluator = new Evaluator(analysis.source, run.code, known);
    this.met = analysis.met.get(run.code) ?? new Set();
    analysis.met.set(run.code, this.met);
  }

  get context(): Run {
    return this.run_;
  }

  run(): void {
    const { input, code } = this.run_;
    const vars = new Map(input.vars);
    code.parameters.forEach((name, i) => {
      const given = input.args[i];
      const value = given === undefined ? undefined : this.received(code.types.get(name) ?? null, given);
      if (value !== undefined && value !== TOP && name !== "") vars.set(name, value);
    });
    if (code.lost.length > 0) for (const line of code.lost) this.run_.trouble("lost", code.name, line);
    this.go(0, this.begun(new State(input.locks, input.facts, vars, new Map())));
    while (this.waiting.size > 0) {
      let at = Number.POSITIVE_INFINITY;
      for (const place of this.waiting) if (place < at) at = place;
      this.waiting.delete(at);
      const states = this.meeting.get(at);
      for (const entry of [...(states?.values() ?? [])]) {
        if (!entry.isNew) continue;
        entry.isNew = false;
        this.go(at, entry.state.copy(), true);
      }
    }
  }

  /** An argument as the type of its parameter keeps it. */
  protected received(type: string | null, value: Value): Value {
    return type === "bool" ? asBool(value) : value;
  }

  /** The state in which the function begins. */
  protected begun(state: State): State {
    return state;
  }

  /** A way comes to an instruction; false where it need not be followed any further. */
  protected arrives(_at: number, _state: State): boolean {
    return true;
  }

  /** A way comes to a place where ways meet. */
  protected meet(at: number, state: State): void {
    const states = this.meeting.get(at) ?? new Map<string, { state: State; joins: number; isNew: boolean }>();
    this.meeting.set(at, states);
    const key = state.key();
    const known = states.get(key);
    if (known === undefined) {
      if (states.size >= this.most) {
        this.run_.trouble("states", this.run_.name, this.run_.code.instructions[at]?.line ?? 0);
        return;
      }
      states.set(key, { state, joins: 0, isNew: true });
    } else {
      const joined = join(known.state, state, known.joins > BOUNDS.joins);
      if (joined === known.state) return;
      known.state = joined;
      known.joins++;
      known.isNew = true;
    }
    this.waiting.add(at);
  }

  /** Does a state of a kind wait at some place where ways meet? */
  protected waits(isOne: (at: number, state: State) => boolean): boolean {
    for (const at of this.waiting)
      for (const { state, isNew } of this.meeting.get(at)?.values() ?? []) if (isNew && isOne(at, state)) return true;
    return false;
  }

  /** Follows one way until it meets others or ends. */
  go(start: number, state: State, isMet = false): void {
    const { instructions } = this.run_.code;
    let first = isMet;
    for (let at = start; at < instructions.length; ) {
      if (!this.arrives(at, state)) return;
      if (this.plan.isTarget[at] === true && !first) {
        this.meet(at, state);
        return;
      }
      first = false;
      if (!this.analysis.spend(1 + (state.vars.size >> SIZE_OF_STEP), this.run_)) return;
      const instruction = instructions[at] as Instruction;
      if (instruction.op === "call") this.met.add(at);
      const next = this.step(instruction, at, state);
      if (next === null) return;
      const dead = this.plan.dead[at];
      if (dead !== undefined) for (const name of dead) state.vars.delete(name);
      at = next;
    }
  }

  /** Evaluates one instruction; gives the next one, or null when the way goes on elsewhere or ends. */
  protected step(instruction: Instruction, at: number, state: State): number | null {
    switch (instruction.op) {
      case "assign":
        this.assign(instruction.to, instruction.value, state);
        if (this.plan.speaks[at] === true) this.noteStore(instruction.to, instruction.line, state);
        return at + 1;
      case "forget":
        if (instruction.zero) state.zero(instruction.name);
        else state.forget(instruction.name);
        return at + 1;
      case "jump":
        return instruction.to;
      case "choose":
        this.meet(instruction.to, state.copy());
        return at + 1;
      case "branch":
        if (this.plan.speaks[at] === true) this.noteTest(instruction.test, instruction.line, state);
        return this.branch(instruction, at, state);
      case "switch":
        this.switch(instruction, at, state);
        return null;
      case "call":
        return this.call(instruction, at, state);
      case "rounds-begin":
        state.vars.set(roundName(instruction.loop), ZERO);
        return at + 1;
      case "round":
        state.write(instruction.variable, pointerTo("each"));
        state.vars.set(roundName(instruction.loop), ONE);
        return at + 1;
      case "rounds-end":
        return this.roundsEnd(instruction.loop, at, state) ? at + 1 : null;
      case "rounds-left":
        // What was taken of some, nobody knows of whom, is as good as not held.
        state.vars.delete(roundName(instruction.loop));
        state.locks = without(state.locks, (held) => held.of !== "each");
        for (const [key, { held }] of [...state.taken]) if (held.of === "each") state.taken.delete(key);
        return at + 1;
      case "check":
        return this.check(instruction, state) ? at + 1 : null;
      case "report":
        return at + 1;
      case "return":
        this.return(instruction.value, state);
        return null;
    }
  }

  private branch(instruction: Extract<Instruction, { op: "branch" }>, at: number, state: State): number | null {
    const { yes, no } = truthOf(this.evaluator.value(instruction.test, state));
    if (!yes) {
      for (const name of this.plan.dead[at] ?? []) state.vars.delete(name);
      this.meet(instruction.no, state);
      return null;
    }
    if (!no) return at + 1;
    const other = state.copy();
    if (this.evaluator.assume(instruction.test, false, other)) {
      for (const name of this.plan.dead[at] ?? []) other.vars.delete(name);
      this.meet(instruction.no, other);
    }
    return this.evaluator.assume(instruction.test, true, state) ? at + 1 : null;
  }

  /** Takes the source's word for what it calls a bug; false where no way is left. */
  private check({ name, test, line }: Extract<Instruction, { op: "check" }>, state: State): boolean {
    if (this.analysis.source.rules.reports[name]?.impossible !== true) return true;
    const { yes, no } = truthOf(this.evaluator.value(test, state));
    if (!yes) return true;
    if (!no) return false;
    // Of members that are followed: nothing else decides it.
    if (!this.evaluator.isAboutFacts(test, state)) return true;
    this.analysis.presumed(this.run_.place(line), name);
    return this.evaluator.assume(test, false, state);
  }

  private noteTest(test: Expr, line: number, state: State): void {
    for (const fact of this.evaluator.factsIn(test, state))
      this.run_.tests.set(`${fact} ${line} ${state.locks.id}`, { line, fact, locks: state.locks });
  }

  private noteStore(to: Expr, line: number, state: State): void {
    for (const fact of this.evaluator.factsIn(to, state)) {
      const value = state.facts.values.get(fact) ?? this.evaluator.value(to, state);
      this.run_.stores.set(`${fact} ${line} ${state.locks.id} ${value.id}`, { line, fact, locks: state.locks, value });
    }
  }

  private assign(to: Expr, value: Expr, state: State): void {
    const inner = value.kind === "cast" ? value.operand : value;
    if (to.kind === "name" && this.analysis.isOpaque(this.run_.code.types.get(to.name))) return;
    if (inner.kind === "initializer") {
      const place = this.evaluator.place(to, state);
      if (place?.kind === "local") this.initialize(place.path, inner, state);
      return;
    }
    const target = this.evaluator.place(to, state);
    const from = this.evaluator.place(value, state);
    if (target?.kind === "local" && from?.kind === "local") {
      // A structure is copied with its members.
      const contents = state.contents(from.path);
      const whole = this.converted(to, this.evaluator.value(value, state), state);
      if (contents.some(([rest]) => rest !== "")) {
        state.forget(target.path);
        for (const [rest, part] of contents) state.vars.set(target.path + rest, part);
        return;
      }
      if (target.path !== from.path) state.forget(target.path);
      state.write(target.path, whole);
      return;
    }
    const result = this.converted(to, this.evaluator.value(value, state), state);
    if (target?.kind === "local" && state.contents(target.path).some(([rest]) => rest !== ""))
      state.forget(target.path);
    if (to.kind === "member" && this.analysis.isOpaque(this.evaluator.typeOf(to.object) ?? "")) return;
    this.evaluator.store(to, result, state);
  }

  /** A value as the type of what it is stored to keeps it. */
  protected converted(to: Expr, value: Value, _state: State): Value {
    return this.evaluator.typeOf(to) === "bool" ? asBool(value) : value;
  }

  private initialize(path: string, init: Extract<Expr, { kind: "initializer" }>, state: State): void {
    const values = init.entries.map(({ designator, value }) => ({
      designator,
      value,
      result: value.kind === "initializer" ? null : this.evaluator.value(value, state),
    }));
    state.zero(path);
    const tag = this.evaluator.tagOf({ kind: "name", name: path.split(".")[0] ?? path, line: 0 });
    const { types } = this.analysis.source;
    const members = tag === null ? [] : [...types.membersOf(tag).keys()];
    values.forEach(({ designator, value, result }, i) => {
      const member = designator === null ? members[i] : "field" in designator ? designator.field : "[]";
      if (member === undefined) return;
      const at = `${path}.${member}`;
      if (value.kind === "initializer") this.initialize(at, value, state);
      else
        state.vars.set(
          at,
          tag !== null && types.memberType(tag, member) === "bool" ? asBool(result ?? TOP) : (result ?? TOP),
        );
    });
  }

  private switch(instruction: Extract<Instruction, { op: "switch" }>, at: number, state: State): void {
    const { value, arms, line } = instruction;
    const dead = this.plan.dead[at] ?? [];
    const rest = state;
    const go = (target: number, way: State): void => {
      for (const name of dead) way.vars.delete(name);
      this.meet(target, way);
    };
    let open = true;
    for (const arm of arms) {
      const test: Expr =
        arm.from === arm.to
          ? { kind: "binary", op: "==", left: value, right: arm.from, line }
          : {
              kind: "binary",
              op: "&&",
              left: { kind: "binary", op: ">=", left: value, right: arm.from, line },
              right: { kind: "binary", op: "<=", left: value, right: arm.to, line },
              line,
            };
      if (!open) break;
      const way = rest.copy();
      if (this.evaluator.assume(test, true, way)) go(arm.target, way);
      open = this.evaluator.assume(test, false, rest);
    }
    if (open) go(instruction.otherwise, rest);
  }

  /** All rounds of a loop over all vCPUs are over: what was taken of each is held of all. */
  private roundsEnd(loop: number, at: number, state: State): boolean {
    const name = roundName(loop);
    const none = state.vars.get(name) === ZERO;
    state.vars.delete(name);
    // Where there is no vCPU, whatever is done to each is done to all of them.
    const others = [...(this.meeting.get(at)?.values() ?? [])].map((entry) => entry.state);
    if (none && others.some((other) => other.vars.get(name) === ONE && other.locks !== state.locks)) return false;
    state.locks = regard(state.locks, "each", "all");
    for (const [key, place] of [...state.taken]) {
      if (place.held.of !== "each") continue;
      const held = { ...place.held, of: "all" as const };
      state.taken.set(heldKey(held), { ...place, held });
      state.taken.delete(key);
    }
    return true;
  }

  private return(value: Expr | null, state: State): void {
    const given = value === null ? TOP : this.evaluator.value(value, state);
    this.comesOut(this.run_.code.type === "bool" ? asBool(given) : given, state);
  }

  /** The function gives a value. */
  protected comesOut(value: Value, state: State): void {
    const outcome = this.outcomeOf(value, state);
    const { yes, no } = truthOf(outcome.value);
    const key = `${state.locks.id} ${state.facts.id} ${yes ? "+" : ""}${no ? "-" : ""}`;
    const known = this.run_.outcomes.get(key);
    this.run_.outcomes.set(key, known === undefined ? outcome : joinOutcomes(known, outcome));
  }

  protected outcomeOf(value: Value, state: State): Outcome {
    // What points into the function is gone with it.
    const clean = (v: Value): Value => {
      if (!v.objects.some((path) => !path.startsWith("@"))) return v;
      return TOP;
    };
    const vars = new Map<string, Value>();
    for (const [path, v] of state.vars) if (path.startsWith("@")) vars.set(path, clean(v));
    return { locks: state.locks, facts: state.facts, value: clean(value), vars, taken: state.taken };
  }

  // ---------------------------------------------------------------- calls

  protected call(instruction: Extract<Instruction, { op: "call" }>, at: number, state: State): number | null {
    const effects = callEffect(this, instruction, at, state);
    const dead = this.plan.dead[at];
    const { to } = instruction;
    for (const [i, effect] of effects.entries()) {
      const isLast = i === effects.length - 1;
      const way = effect.state;
      if (to !== null && dead?.includes(to) !== true) {
        // What was found out of the members of what it gave the time before is no more known.
        way.forget(to);
        if (effect.value !== TOP) way.vars.set(to, effect.value);
      }
      if (dead !== undefined) for (const name of dead) way.vars.delete(name);
      if (isLast && way === state) return at + 1;
      this.go(at + 1, way);
    }
    return null;
  }

  /** Calls a function with values, and gives what comes out in the caller's terms. */
  invoke(
    info: FunctionInfo,
    args: readonly Value[],
    state: State,
    from: {
      readonly at: number;
      readonly line: number;
      readonly cases: readonly string[];
      readonly context: string | null;
    },
    locks: LockSet = state.locks,
  ): Effect[] {
    if (!this.analysis.spend(STEPS_OF_CALL, this.run_)) return [];
    const passed = passObjects(args, state);
    const input = this.inputOf({ info, locks, facts: state.facts, args: passed.args, vars: passed.vars }, state);
    const run = this.analysis.run(input);
    if (run === null) {
      const kind = this.analysis.source.code(info) === null ? "unparsed" : "depth";
      this.run_.trouble(kind, info.name, from.line);
      return [{ state: forgetting(state, args), value: TOP }];
    }
    const key = `${from.at} ${run.id} ${locks.id}`;
    if (!this.run_.edges.has(key)) {
      const edge = { ...from, locks, taken: new Map(state.taken), to: run };
      this.run_.edges.set(key, edge);
    }
    return this.outcomes(run, from, locks, state).map((outcome) => this.returned(info, outcome, passed, state, locks));
  }

  /** What a function is called with. */
  protected inputOf(input: Input, _state: State): Input {
    return input;
  }

  /** The ways out of a function that is called. */
  protected outcomes(run: Run, _from: { readonly at: number }, _locks: LockSet, _state: State): readonly Outcome[] {
    return [...run.outcomes.values()];
  }

  /** Must a call be followed for what it does, though it reaches no SEAMCALL and takes no lock? */
  follows(_info: FunctionInfo, _args: readonly Value[], _state: State): boolean {
    return false;
  }

  /** What a function that is not followed gives. */
  unknown(_args: readonly Value[], _state: State): Value {
    return TOP;
  }

  /** All that a SEAMCALL may lead to. */
  made(_leaf: bigint | null, _at: number, state: State): Effect[] {
    return [{ state, value: TOP }];
  }

  protected returned(info: FunctionInfo, outcome: Outcome, passed: Passed, before: State, locks: LockSet): Effect {
    const state = before.copy();
    state.facts = this.analysis.outlasting(outcome.facts, before.facts, info);
    if (locks === before.locks) {
      state.locks = outcome.locks;
      for (const [key, place] of outcome.taken) state.taken.set(key, place);
    }
    const back = (value: Value): Value => {
      if (value.objects.length === 0) return value;
      return setOf(value.atoms.flatMap((a) => (a.kind === "object" ? passed.back(a.path).atoms : [a])));
    };
    for (const path of passed.names.values()) state.forget(path);
    for (const [path, value] of outcome.vars) {
      const own = passed.own(path);
      if (own !== null) state.vars.set(own, back(value));
    }
    return { state, value: back(outcome.value) };
  }
}

/** What it takes to call one of the functions that a call may lead to. */
const STEPS_OF_CALL = 8;

/** Two to this power of known values cost an instruction as much again. */
const SIZE_OF_STEP = 5;

const roundName = (loop: number): string => `~round${loop}`;
