/**
 * Follows every way from an entry down to the SEAMCALLs, with the locks that are held.
 *
 * A function is analysed once for each context: the locks, the arguments and the facts that it is called with. Inside it, ways that hold
 * different locks are kept apart, and ways that hold the same are joined. What is found is held on every way of that kind; where bounds
 * cut the analysis off, it says so.
 */

import type { Expr, FunctionInfo } from "../c/index.ts";
import { callEffect, type Effect, LockTable } from "./calls.ts";
import type { Code, Instruction } from "./code.ts";
import { Evaluator, type Known } from "./evaluate.ts";
import type { Assertion, Context, Edge, Gate, Place, Seamcall } from "./graph.ts";
import { type LockSet, regard, without } from "./locks.ts";
import type { Reach } from "./reach.ts";
import { MODELS, outsideKey, type Source } from "./source.ts";
import { type Facts, factsOf, isWithin, join, State } from "./state.ts";
import {
  asBool,
  functionValue,
  NEGATIVES,
  number,
  ONE,
  objectValue,
  POSITIVE,
  pointerTo,
  setOf,
  TOP,
  truthOf,
  type Value,
  ZERO,
} from "./values.ts";

/** Bounds; what they cut off is a diagnostic. */
export const BOUNDS = {
  /** Instructions that are evaluated in all. */
  steps: 6_000_000,
  /** Nested calls. */
  depth: 90,
  /** Ways that are kept apart at one place. */
  states: 48,
  /** Joins at one place after which what differs is given up. */
  joins: 8,
  /** Times that a function that calls itself is gone through again. */
  rounds: 6,
} as const;

/** One way out of a function. */
export interface Outcome {
  readonly locks: LockSet;
  readonly facts: Facts;
  readonly value: Value;
  /** What is known of the objects that the caller passed, by their paths in the callee. */
  readonly vars: ReadonlyMap<string, Value>;
  readonly taken: ReadonlyMap<string, Place>;
}

/** What a function is called with, its objects under names of its own: `@0`, `@1`. */
export interface Input {
  readonly info: FunctionInfo;
  readonly locks: LockSet;
  readonly facts: Facts;
  readonly args: readonly Value[];
  readonly vars: ReadonlyMap<string, Value>;
}

/** Something that the analysis could not resolve, at a place. */
export interface Trouble {
  readonly kind: "pointer" | "states" | "steps" | "depth" | "recursion" | "unparsed" | "lost" | "unclassed";
  readonly what: string;
  readonly place: Place;
}

/** A rule that leaves calls out, and where it did. */
export interface Exclusion {
  readonly function: string;
  readonly from?: string | undefined;
  readonly phases?: readonly string[] | undefined;
  readonly reason: string;
  readonly places: Place[];
}

/** An assertion that was taken as proof that a way is not possible. */
export interface Pruning {
  readonly place: Place;
  readonly lock: string;
  readonly wanted: string;
}

const WORDS: Readonly<Record<string, Value>> = {
  positive: POSITIVE,
  negative: NEGATIVES,
  any: TOP,
  "a function elsewhere": functionValue(outsideKey("")),
  "not positive": setOf([...NEGATIVES.atoms, ...ZERO.atoms]),
};

/** Stands for the phase itself among the facts. */
const PHASE = "(phase)";

/** A context and what came out of it. */
class Run implements Context {
  readonly id: number;
  readonly input: Input;
  readonly code: Code;
  readonly seamcalls = new Map<string, Seamcall>();
  readonly edges = new Map<string, Edge>();
  readonly assertions = new Map<string, Assertion>();
  readonly tests = new Map<string, Gate>();
  readonly stores = new Map<string, Gate & { readonly value: Value }>();
  readonly troubles = new Map<string, Trouble>();
  outcomes = new Map<string, Outcome>();
  /** Facts of the phase that it asked for, and what they were. */
  readonly asked = new Map<string, Value | null>();
  isDone = false;
  /** It was asked for before it had come to an end. */
  isRecursive = false;
  /** Unfinished runs whose outcomes so far it used. */
  readonly partial = new Set<Run>();
  /** Runs that used its outcomes so far, to be made again when those change. */
  readonly provisional: { readonly list: Run[]; readonly run: Run }[] = [];

  constructor(id: number, input: Input, code: Code) {
    this.id = id;
    this.input = input;
    this.code = code;
  }

  get name(): string {
    return this.code.name;
  }
  get file(): string {
    return this.code.file;
  }
  get line(): number {
    return this.code.line;
  }
  get args(): readonly Value[] {
    return this.input.args;
  }

  place(line: number): Place {
    return { function: this.name, file: this.file, line };
  }

  unclassed(member: string, line: number): void {
    this.trouble("unclassed", member, line);
  }

  assert(line: number, lock: string, wanted: Assertion["wanted"], holds: boolean, state: State): void {
    const key = `${line} ${lock} ${wanted} ${state.locks.id}`;
    this.assertions.set(key, { line, lock, wanted, holds, locks: state.locks, taken: new Map(state.taken) });
  }

  seamcall(at: number, line: number, leaf: bigint | null, state: State): void {
    const key = `${at} ${leaf} ${state.locks.id}`;
    if (!this.seamcalls.has(key))
      this.seamcalls.set(key, { at, line, leaf, locks: state.locks, taken: new Map(state.taken) });
  }

  trouble(kind: Trouble["kind"], what: string, line: number): void {
    const key = `${kind} ${what} ${line}`;
    if (!this.troubles.has(key)) this.troubles.set(key, { kind, what, place: this.place(line) });
  }
}

/** What one instruction's neighbours must know of it. */
interface Plan {
  /** Is it jumped to? Then ways meet there. */
  readonly isTarget: readonly boolean[];
  /** Results of calls that nothing after it reads. */
  readonly dead: readonly (readonly string[] | undefined)[];
  /** Does a test at it, or a store, speak of a member that is followed? */
  readonly speaks: readonly boolean[];
}

export class Analysis {
  readonly source: Source;
  readonly reach: Reach;
  readonly table: LockTable;
  /** What calls of functions with these names give. */
  readonly results: ReadonlyMap<string, Value>;
  readonly others: ReadonlySet<string>;
  private readonly cuts: ReadonlySet<string>;
  private readonly opaque: ReadonlySet<string>;
  /** Calls that rules leave out, with the places where they did. */
  readonly exclusions: readonly Exclusion[];
  /** Ways that the source asserts not to be possible. */
  readonly prunings = new Map<string, Pruning>();
  readonly presumptions = new Map<string, { readonly place: Place; readonly name: string }>();
  private phase = "";
  private facts: ReadonlyMap<string, Value> = new Map();
  private readonly tracked: ReadonlySet<string>;
  private readonly factWords: ReadonlySet<string>;
  private readonly runs = new Map<string, Run[]>();
  private readonly plans = new Map<Code, Plan>();
  private readonly stack: Run[] = [];
  private readonly known: Known;
  private count = 0;
  steps = 0;

  constructor(source: Source, reach: Reach, tracked: ReadonlySet<string>) {
    this.source = source;
    this.reach = reach;
    this.tracked = tracked;
    const { rules } = source;
    this.table = new LockTable(rules.locks.classes);
    this.others = new Set(rules.others);
    this.cuts = new Set(rules.entries.cuts);
    this.opaque = new Set(rules.facts.opaque);
    this.exclusions = rules.excluded.map((rule) => ({ ...rule, places: [] }));
    this.results = new Map(Object.entries(rules.facts.results).map(([name, value]) => [name, this.valueOfText(value)]));
    this.factWords = new Set([...tracked].map((member) => member.slice(member.lastIndexOf(".") + 1)));
    this.known = {
      fact: (member) => (this.tracked.has(member) ? this.fact(member) : null),
      perVcpu: new Set(source.rules.facts.perVcpu),
    };
  }

  /** The value that a rule gives: a constant expression, or a word for a class of values. */
  valueOfText(text: string | number | boolean): Value {
    if (typeof text === "boolean") return text ? ONE : ZERO;
    if (typeof text === "number") return number(BigInt(text));
    const value = WORDS[text];
    if (value !== undefined) return value;
    const constant = this.constant(text);
    return constant === null ? TOP : number(constant);
  }

  /** The value of a constant expression; null when it is none in this tree. */
  constant(text: string): bigint | null {
    const value = this.source.program.evaluate(this.source.program.expression(text));
    return value === null ? null : BigInt.asIntN(64, value);
  }

  /** Facts after a call: those that speak of a function's own walk do not outlast it, unless a model sets them. */
  outlasting(after: Facts, before: Facts, info: FunctionInfo): Facts {
    if (after === before || info.file === MODELS) return after;
    const values = new Map(after.values);
    for (const name of this.source.rules.facts.local) {
      const value = before.values.get(name);
      if (value === undefined) values.delete(name);
      else values.set(name, value);
    }
    return factsOf(values);
  }

  isCut(name: string): boolean {
    return this.cuts.has(name);
  }

  /** Is it a structure whose members are not followed? */
  isOpaque(type: string | undefined): boolean {
    const tag = type?.includes("struct") ? this.source.types.tagOf(type) : null;
    return tag !== null && this.opaque.has(tag);
  }

  /** The rule that leaves a call out. */
  excluded(name: string, from: string): Exclusion | null {
    const rule = this.exclusions.find((r) => r.function === name && (r.from === undefined || r.from === from));
    if (rule?.phases === undefined) return rule ?? null;
    // What a run does then depends on the phase.
    this.stack.at(-1)?.asked.set(PHASE, this.fact(PHASE));
    return rule.phases.includes(this.phase) ? rule : null;
  }

  /** Notes that a complaint was taken as one that is never made. */
  presumed(place: Place, name: string): void {
    this.presumptions.set(`${place.file}:${place.line}`, { place, name });
  }

  /** Notes that an assertion was taken as proof that a way is not possible. */
  pruned(place: Place, lock: string, wanted: string): void {
    const key = `${place.file}:${place.line} ${lock} ${wanted}`;
    if (!this.prunings.has(key)) this.prunings.set(key, { place, lock, wanted });
  }

  /** What the phase says of a member; whoever asks depends on it. */
  private fact(member: string): Value {
    const value = this.facts.get(member) ?? TOP;
    this.stack.at(-1)?.asked.set(member, value);
    return value;
  }

  /**
   * Analyses an entry.
   *
   * @param phase its name
   * @param facts what is known of members and globals in the phase
   * @returns null when the function cannot be parsed
   */
  entry(input: Input, phase: string, facts: ReadonlyMap<string, Value>): Context | null {
    this.phase = phase;
    this.facts = new Map([...facts, [PHASE, functionValue(phase)]]);
    return this.run(input);
  }

  /** What could not be resolved in some contexts. */
  troubles(contexts: readonly Context[]): Trouble[] {
    const wanted = new Set(contexts.map((context) => context.id));
    return [...this.runs.values()].flat().flatMap((run) => (wanted.has(run.id) ? [...run.troubles.values()] : []));
  }

  // ---------------------------------------------------------------- contexts

  /** Goes through a function; null when it cannot be parsed, or is nested too deeply. */
  run(input: Input): (Context & { readonly outcomes: ReadonlyMap<string, Outcome> }) | null {
    const code = this.source.code(input.info);
    if (code === null) return null;
    const key = inputKey(this.source.key(input.info), input);
    const list = this.runs.get(key) ?? [];
    this.runs.set(key, list);
    for (const run of list) {
      if (!this.fits(run)) continue;
      if (!run.isDone) {
        run.isRecursive = true;
        this.stack.at(-1)?.partial.add(run);
      }
      this.depend(run);
      return run;
    }
    if (this.stack.length >= BOUNDS.depth) return null;
    const run = new Run(++this.count, input, code);
    list.push(run);
    this.stack.push(run);
    for (let round = 1; ; round++) {
      const before = outcomesKey(run.outcomes);
      this.execute(run);
      if (!run.isRecursive || outcomesKey(run.outcomes) === before) break;
      if (round === BOUNDS.rounds) {
        run.trouble("recursion", run.name, run.line);
        break;
      }
      for (const { list: others, run: other } of run.provisional.splice(0)) others.splice(others.indexOf(other), 1);
      for (const map of [run.edges, run.seamcalls, run.assertions, run.tests, run.stores]) map.clear();
    }
    this.stack.pop();
    run.isDone = true;
    run.partial.delete(run);
    this.depend(run);
    for (const head of run.partial) head.provisional.push({ list, run });
    return run;
  }

  /** Whoever called it depends on what it depends on. */
  private depend(run: Run): void {
    const outer = this.stack.at(-1);
    if (outer === undefined || outer === run) return;
    for (const [name, value] of run.asked) outer.asked.set(name, value);
    for (const head of run.partial) outer.partial.add(head);
  }

  /** Was a run made with the facts that hold now? */
  private fits(run: Run): boolean {
    for (const [name, value] of run.asked) if ((this.facts.get(name) ?? TOP) !== value) return false;
    return true;
  }

  private plan(code: Code): Plan {
    const known = this.plans.get(code);
    if (known !== undefined) return known;
    const isTarget: boolean[] = [];
    const last = new Map<string, number>();
    code.instructions.forEach((instruction, at) => {
      for (const target of targetsOf(instruction)) isTarget[target] = true;
      for (const name of temporariesIn(instruction)) last.set(name, at);
    });
    const dead: string[][] = [];
    for (const [name, at] of last) dead[at] = [...(dead[at] ?? []), name];
    const speaks = code.instructions.map((instruction) => this.speaksOfFact(instruction));
    const plan = { isTarget, dead, speaks };
    this.plans.set(code, plan);
    return plan;
  }

  private speaksOfFact(instruction: Instruction): boolean {
    if (instruction.op === "branch" || instruction.op === "check") return mentions(instruction.test, this.factWords);
    return instruction.op === "assign" && mentions(instruction.to, this.factWords);
  }

  // ---------------------------------------------------------------- one function

  private execute(run: Run): void {
    new Execution(this, run, this.plan(run.code), this.known).run();
  }
}

/** One pass through a function. */
export class Execution {
  readonly analysis: Analysis;
  readonly run_: Run;
  readonly evaluator: Evaluator;
  private readonly plan: Plan;
  /** States that wait at places where ways meet. */
  private readonly meeting = new Map<number, Map<string, { state: State; joins: number; isNew: boolean }>>();
  private readonly waiting = new Set<number>();

  constructor(analysis: Analysis, run: Run, plan: Plan, known: Known) {
    this.analysis = analysis;
    this.run_ = run;
    this.plan = plan;
    this.evaluator = new Evaluator(analysis.source, run.code, known);
  }

  get context(): Run {
    return this.run_;
  }

  run(): void {
    const { input, code } = this.run_;
    const vars = new Map(input.vars);
    code.parameters.forEach((name, i) => {
      const given = input.args[i];
      const value = given !== undefined && code.types.get(name) === "bool" ? asBool(given) : given;
      if (value !== undefined && value !== TOP && name !== "") vars.set(name, value);
    });
    if (code.lost.length > 0) for (const line of code.lost) this.run_.trouble("lost", code.name, line);
    this.go(0, new State(input.locks, input.facts, vars, new Map()));
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

  /** A way comes to a place where ways meet. */
  private meet(at: number, state: State): void {
    const states = this.meeting.get(at) ?? new Map<string, { state: State; joins: number; isNew: boolean }>();
    this.meeting.set(at, states);
    const key = state.key();
    const known = states.get(key);
    if (known === undefined) {
      if (states.size >= BOUNDS.states) {
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

  /** Follows one way until it meets others or ends. */
  go(start: number, state: State, isMet = false): void {
    const { instructions } = this.run_.code;
    let first = isMet;
    for (let at = start; at < instructions.length; ) {
      if (this.plan.isTarget[at] === true && !first) {
        this.meet(at, state);
        return;
      }
      first = false;
      if (++this.analysis.steps > BOUNDS.steps) {
        this.run_.trouble("steps", this.run_.name, this.run_.line);
        return;
      }
      const instruction = instructions[at] as Instruction;
      const next = this.step(instruction, at, state);
      if (next === null) return;
      const dead = this.plan.dead[at];
      if (dead !== undefined) for (const name of dead) state.vars.delete(name);
      at = next;
    }
  }

  /** Evaluates one instruction; gives the next one, or null when the way goes on elsewhere or ends. */
  private step(instruction: Instruction, at: number, state: State): number | null {
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
        for (const key of [...state.taken.keys()]) if (key.endsWith(" each")) state.taken.delete(key);
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
      const whole = this.converted(to, this.evaluator.value(value, state));
      if (contents.some(([rest]) => rest !== "")) {
        state.forget(target.path);
        for (const [rest, part] of contents) state.vars.set(target.path + rest, part);
        return;
      }
      if (target.path !== from.path) state.forget(target.path);
      state.write(target.path, whole);
      return;
    }
    const result = this.converted(to, this.evaluator.value(value, state));
    if (target?.kind === "local" && state.contents(target.path).some(([rest]) => rest !== ""))
      state.forget(target.path);
    if (to.kind === "member" && this.analysis.isOpaque(this.evaluator.typeOf(to.object) ?? "")) return;
    this.evaluator.store(to, result, state);
  }

  /** A value as the type of what it is stored to keeps it. */
  private converted(to: Expr, value: Value): Value {
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
      else state.vars.set(at, tag !== null && types.memberType(tag, member) === "bool" ? asBool(result ?? TOP) : (result ?? TOP));
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
    for (const key of [...state.taken.keys()]) {
      if (!key.endsWith(" each")) continue;
      state.taken.set(`${key.slice(0, -4)}all`, state.taken.get(key) as Place);
      state.taken.delete(key);
    }
    return true;
  }

  private return(value: Expr | null, state: State): void {
    const given = value === null ? TOP : this.evaluator.value(value, state);
    const result = this.run_.code.type === "bool" ? asBool(given) : given;
    // What points into the function is gone with it.
    const clean = (v: Value): Value => {
      if (!v.objects.some((path) => !path.startsWith("@"))) return v;
      return TOP;
    };
    const vars = new Map<string, Value>();
    for (const [path, v] of state.vars) if (path.startsWith("@")) vars.set(path, clean(v));
    const outcome: Outcome = { locks: state.locks, facts: state.facts, value: clean(result), vars, taken: state.taken };
    const { yes, no } = truthOf(outcome.value);
    const key = `${state.locks.id} ${state.facts.id} ${yes ? "+" : ""}${no ? "-" : ""}`;
    const known = this.run_.outcomes.get(key);
    this.run_.outcomes.set(key, known === undefined ? outcome : joinOutcomes(known, outcome));
  }

  // ---------------------------------------------------------------- calls

  private call(instruction: Extract<Instruction, { op: "call" }>, at: number, state: State): number | null {
    const effects = callEffect(this, instruction, at, state);
    const dead = this.plan.dead[at];
    const { to } = instruction;
    for (const [i, effect] of effects.entries()) {
      const isLast = i === effects.length - 1;
      const way = effect.state;
      if (to !== null && dead?.includes(to) !== true) {
        if (effect.value === TOP) way.vars.delete(to);
        else way.vars.set(to, effect.value);
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
    const passed = passObjects(args, state);
    const input: Input = { info, locks, facts: state.facts, args: passed.args, vars: passed.vars };
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
    return [...run.outcomes.values()].map((outcome) => this.returned(info, outcome, passed, state, locks));
  }

  private returned(info: FunctionInfo, outcome: Outcome, passed: Passed, before: State, locks: LockSet): Effect {
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

const roundName = (loop: number): string => `~round${loop}`;

/** Objects of the caller under the callee's names. */
interface Passed {
  readonly args: readonly Value[];
  readonly vars: ReadonlyMap<string, Value>;
  /** The callee's name of an object → the caller's path. */
  readonly names: ReadonlyMap<string, string>;
  /** The caller's path of a callee's path; null for what is the callee's own. */
  readonly own: (path: string) => string | null;
  readonly back: (path: string) => Value;
}

function passObjects(args: readonly Value[], state: State): Passed {
  const names = new Map<string, string>();
  const vars = new Map<string, Value>();
  const queue: string[] = [];
  const nameOf = (path: string): string => {
    for (const [name, known] of names) if (isWithin(path, known)) return name + path.slice(known.length);
    const name = `@${names.size}`;
    names.set(name, path);
    queue.push(path);
    return name;
  };
  const passed = (value: Value): Value => {
    if (value.objects.length === 0) return value;
    return setOf(value.atoms.flatMap((a) => (a.kind === "object" ? objectAtoms(nameOf(a.path)) : [a])));
  };
  const given = args.map(passed);
  for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
    const name = [...names].find(([, known]) => known === path)?.[0] as string;
    for (const [rest, value] of state.contents(path)) vars.set(name + rest, passed(value));
  }
  const own = (path: string): string | null => {
    const dot = /^@\d+/.exec(path)?.[0];
    const known = dot === undefined ? undefined : names.get(dot);
    return known === undefined || dot === undefined ? null : known + path.slice(dot.length);
  };
  const back = (path: string): Value => {
    const known = own(path);
    return known === null ? TOP : setOf(objectAtoms(known));
  };
  return { args: given, vars, names, own, back };
}

function objectAtoms(path: string): Value["atoms"] {
  return objectValue(path).atoms;
}

/** The state after something that is not known did what it liked with the objects that it was given. */
export function forgetting(state: State, args: readonly Value[]): State {
  const seen = new Set<string>();
  const queue = args.flatMap((value) => value.objects);
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (seen.has(path)) continue;
    seen.add(path);
    for (const [, value] of state.contents(path)) queue.push(...value.objects);
    state.forget(path);
  }
  return state;
}

function inputKey(name: string, { locks, facts, args, vars }: Input): string {
  let key = `${name} ${locks.id} ${facts.id} ${args.map((v) => v.id).join()}`;
  if (vars.size > 0) {
    const sorted = [...vars].sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [path, value] of sorted) key += ` ${path}=${value.id}`;
  }
  return key;
}

function outcomesKey(outcomes: ReadonlyMap<string, Outcome>): string {
  return [...outcomes]
    .map(([key, { value, vars }]) => `${key} ${value.id} ${[...vars].map(([p, v]) => p + v.id).join()}`)
    .join("|");
}

function joinOutcomes(a: Outcome, b: Outcome): Outcome {
  const [x, y] = [a, b].map((o) => new State(o.locks, o.facts, new Map(o.vars), new Map(o.taken))) as [State, State];
  const joined = join(x, y, false);
  return {
    locks: a.locks,
    facts: a.facts,
    value: setOf([...a.value.atoms, ...b.value.atoms]),
    vars: joined.vars,
    taken: joined.taken,
  };
}

function targetsOf(instruction: Instruction): number[] {
  switch (instruction.op) {
    case "branch":
      return [instruction.no];
    case "jump":
    case "choose":
      return [instruction.to];
    case "switch":
      return [...instruction.arms.map((arm) => arm.target), instruction.otherwise];
    default:
      return [];
  }
}

/** Does an expression name one of some members or globals? */
function mentions(e: Expr, words: ReadonlySet<string>): boolean {
  switch (e.kind) {
    case "name":
      return words.has(e.name);
    case "member":
      return words.has(e.field) || mentions(e.object, words);
    case "unary":
    case "cast":
      return mentions(e.operand, words);
    case "binary":
      return mentions(e.left, words) || mentions(e.right, words);
    case "conditional":
      return mentions(e.test, words) || mentions(e.yes, words) || mentions(e.no, words);
    default:
      return false;
  }
}

/** Results of calls that an instruction reads or sets. */
function temporariesIn(instruction: Instruction): string[] {
  const found: string[] = [];
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) for (const part of value) visit(part);
    else if (value !== null && typeof value === "object") {
      const { kind, name } = value as { kind?: unknown; name?: unknown };
      if (kind === "name" && typeof name === "string" && name.startsWith("$")) found.push(name);
      else for (const part of Object.values(value)) visit(part);
    }
  };
  visit(instruction);
  if (instruction.op === "call" && instruction.to !== null) found.push(instruction.to);
  return found;
}
