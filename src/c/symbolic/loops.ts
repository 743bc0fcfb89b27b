/**
 * Runs loops: fully when their tests are decided and few, else once, taken to stand for every iteration. What that may have
 * counted or stored in others is havocked or widened; domains say where one iteration does not tell all.
 */

import type { Expr, Stmt } from "../ast.ts";
import { expressionsIn, expressionsOf, partsOf, statementsIn, within } from "../walk.ts";
import type { Domain, LoopAdvice } from "./domain.ts";
import { type Engine, type Evaluated, type Flow, type Frame, type LoopStmt, type LoopTest, NEXT } from "./engine.ts";
import { sourceText } from "./source-text.ts";
import { type AbstractState, joinStates } from "./state.ts";
import { equal, type Formula, isConst, not, num, type Sym, sym, TRUE, type Value } from "./values.ts";

/** Iterations that are run of a loop whose tests are decided. */
export const UNROLL = 8;

/** Where the iterations of a loop end: in the next iteration, or out of the loop. */
interface Ends {
  readonly next: AbstractState[];
  readonly left: Flow[];
}

/** A loop that is being run. */
interface Running {
  readonly s: LoopStmt;
  readonly frame: Frame;
  readonly advice: LoopAdvice;
  /** Before the loop. */
  readonly start: AbstractState;
  readonly left: Flow[];
}

export class Loops {
  private readonly engine: Engine;
  private readonly domains: readonly Domain<unknown>[];
  private readonly advice = new Map<LoopStmt, LoopAdvice>();

  constructor(engine: Engine, domains: readonly Domain<unknown>[]) {
    this.engine = engine;
    this.domains = domains;
  }

  run(s: LoopStmt, state: AbstractState, frame: Frame): Flow[] {
    const { engine } = this;
    const flows: Flow[] = [];
    let current: AbstractState[] = [state];
    for (const init of s.init) current = current.flatMap((st) => engine.statement(init, st, frame).map((f) => f.state));
    for (const st of current) this.widenCounter(s, st, frame);
    if (!engine.settings.effects.matters(s)) {
      for (const st of current) {
        this.havocAssigned(s.body, st, frame);
        if (s.step) this.havocIn(s.step, st, frame);
      }
      return current.map((st): Flow => ({ state: st, exit: NEXT }));
    }
    const done: AbstractState[] = [];
    for (const st of current) {
      for (const flow of this.iterate(s, st, frame)) {
        if (flow.exit.k === "next") done.push(flow.state);
        else flows.push(flow);
      }
    }
    return [...flows, ...joinStates(done, null).map((st): Flow => ({ state: st, exit: NEXT }))];
  }

  /** The counter of a loop with many iterations is any of them: the body then runs once and stands for all. */
  private widenCounter(s: LoopStmt, state: AbstractState, frame: Frame): void {
    const { engine } = this;
    this.widenDescending(s, state, frame);
    if (s.test?.kind !== "binary" || !/^(<|<=)$/.test(s.test.op) || s.test.left.kind !== "name") return;
    const bound = engine.settings.program.evaluate(s.test.right);
    if (bound === null || bound <= BigInt(UNROLL)) return;
    const { name } = s.test.left;
    engine.write({ at: engine.local(name, frame), text: name }, anyCounter("<", bound, name), state);
  }

  /** The same of one that counts down to 0 from a known number: its iterations are those of one that counts up to there. */
  private widenDescending(s: LoopStmt, state: AbstractState, frame: Frame): void {
    const { engine } = this;
    const counter = counterOf(s);
    if (s.test?.kind !== "binary" || s.test.op !== ">=" || counter === null || !stepsDown(s)) return;
    const first = engine.valueOf(counter, state, frame);
    if (engine.settings.program.evaluate(s.test.right) !== 0n || first.t !== "num" || first.v < BigInt(UNROLL)) return;
    engine.write({ at: engine.local(counter, frame), text: counter }, anyCounter("<", first.v + 1n, counter), state);
  }

  private iterate(s: LoopStmt, start: AbstractState, frame: Frame): Flow[] {
    const last = this.lastOfDescending(s, start, frame);
    if (last) return this.descend(s, last, start, frame);
    const advice = this.adviceOn(s);
    const limit = this.rounds(s, advice, start, frame);
    const loop: Running = { s, frame, advice, start: start.clone(), left: [] };
    let current: AbstractState[] = [start];
    for (let round = 0; round <= UNROLL && current.length > 0; round++) {
      const next: AbstractState[] = [];
      for (const state of current) {
        if (!s.testFirst && round === 0) this.once(loop, state, frame.loops, { next, left: loop.left });
        else this.round(loop, state, round, limit, next);
      }
      current = next;
    }
    return loop.left;
  }

  /** One further iteration from a state, where the loop's test says so. */
  private round(loop: Running, state: AbstractState, round: number, limit: number, next: AbstractState[]): void {
    const { s, frame, left } = loop;
    const tested = this.test(loop, state);
    for (const [st, formula] of tested) {
      const f = st.simplify(formula);
      // Which of its values a counter has decides nothing.
      const isDecided = isConst(f, true) && s.test !== null && !(round === 0 && this.countsUpTo(s, st, frame) !== null);
      if (isDecided && round < limit) {
        const loops = s.testFirst ? [...frame.loops, loopTest(s)] : frame.loops;
        this.once(loop, st, loops, { next, left });
      } else if (!isConst(f, false) && !isDecided && round === 0) this.forAll(loop, st, formula);
      else if (isDecided && round === UNROLL) this.lastTest(loop, st);
      else {
        if (isDecided) this.laterFailures(loop, [st]);
        else if (round === 1 && !s.testFirst && !isConst(f, false)) {
          if (this.forgetsCounter(loop)) this.forAll(loop, st.clone(), formula);
          for (const end of this.nextRound(loop, loop.start, [st])) left.push({ state: end, exit: NEXT });
          this.widenCounted(loop.start, st);
          this.forgetCarried(s, st, frame);
        } else if (
          !isDecided &&
          s.test !== null &&
          !st.assume(not(f), `${this.engine.fork(frame, s.line, s.test)}-n`, true)
        )
          continue;
        left.push({ state: st, exit: NEXT });
      }
    }
  }

  /**
   * How a loop whose test has held all along may end, in or after any later round: by what its rounds count or compute, if not by what
   * they tried. One that ends by neither is left as it is, where nothing else has left the loop.
   */
  private lastTest(loop: Running, state: AbstractState): void {
    const { s, frame, start, left } = loop;
    const counted = state.clone();
    this.widenCounted(start, counted);
    this.forgetCarried(s, counted, frame);
    const next: AbstractState[] = [];
    for (const further of this.tested(loop, counted, true))
      this.once(loop, further, s.testFirst ? [...frame.loops, loopTest(s)] : frame.loops, { next, left });
    const ends = (next.length > 0 ? next : [counted]).flatMap((end) => this.tested(loop, end, false));
    if (ends.length === 0 && left.length === 0) ends.push(state);
    left.push(...ends.map((end): Flow => ({ state: end, exit: NEXT })));
  }

  /** What a loop's test comes to. What it does it does once for each round. */
  private test({ s, frame }: Running, state: AbstractState): Evaluated<Formula>[] {
    if (s.test === null) return [[state, TRUE]];
    return this.engine.test(s.test, state, { ...frame, loops: [...frame.loops, loopTest(s)] });
  }

  /** The states in which a loop's test holds, or does not. */
  private tested(loop: Running, state: AbstractState, holds: boolean): readonly AbstractState[] {
    const { s, frame } = loop;
    if (s.test === null) return holds ? [state] : [];
    const fork = `${this.engine.fork(frame, s.line, s.test)}${holds ? "+" : "-"}n`;
    return this.test(loop, state.clone())
      .filter(([st, formula]) => st.assume(holds ? formula : not(formula), fork, true))
      .map(([st]) => st);
  }

  /** One iteration that stands for all. */
  private forAll(loop: Running, state: AbstractState, test: Formula): void {
    const { s, frame, advice, left } = loop;
    const after: AbstractState[] = [];
    const before = state.clone();
    if (this.forgetsCounter(loop)) this.forgetCounter(s, state, frame);
    this.forgetCarried(s, state, frame, (name) => tests(s.body, name));
    const others = left.length;
    this.once(loop, state, [...frame.loops, loopTest(s)], { next: after, left });
    const ends = [...after, ...left.slice(others).map((flow) => flow.state)];
    this.laterFailures(loop, after);
    after.push(...this.oneMore(loop, after), ...this.nextRound(loop, before, after));
    const said = ends.flatMap((end) => this.domains.map((domain) => domain.mayHaveNoRound(before, end)));
    const hasRound = (advice.isOfSome === true || said.includes(false)) && !said.includes(true);
    if (!hasRound || after.length === 0) {
      const never = before.clone();
      if (s.test !== null && never.assume(not(test), `${this.engine.fork(frame, s.line, s.test)}-0`, true))
        left.push({ state: never, exit: NEXT });
    }
    const bound = this.countsUpTo(s, before, frame);
    for (const end of after) {
      this.widenCounted(before, end);
      this.forgetCarried(s, end, frame);
      if (bound !== null) this.stopAt(bound, s, end, frame);
      left.push({ state: end, exit: NEXT });
    }
  }

  /** The number below which a loop's counter is any; null for one whose counter is known, or not bounded. */
  private countsUpTo(s: LoopStmt, state: AbstractState, frame: Frame): bigint | null {
    const counter = counterOf(s);
    const value = counter === null ? null : this.engine.valueOf(counter, state, frame);
    return value?.t === "sym" && value.origin?.how === "counter" ? value.origin.below : null;
  }

  /** A counter by whose test a loop has ended, and that nothing but its step changes by one, is its bound. */
  private stopAt(bound: bigint, s: LoopStmt, state: AbstractState, frame: Frame): void {
    const counter = counterOf(s);
    const isStep = s.step?.kind === "update" && s.step.op === "++" && assignedBy(s.step) === counter;
    if (counter === null || !isStep || [...expressionsIn(s.body)].some((e) => mayChange(e, counter))) return;
    this.engine.write({ at: this.engine.local(counter, frame), text: counter }, num(bound), state);
  }

  /** The rounds after those that left something for the next one to undo, or a flag otherwise than they found it. */
  private nextRound(loop: Running, before: AbstractState, ends: readonly AbstractState[]): readonly AbstractState[] {
    const { s, frame, left } = loop;
    const next: AbstractState[] = [];
    for (const end of ends) {
      const isMinded = this.domains.some((domain) => domain.mindsNextRound(before, end));
      if (s.test === null || !(isMinded || this.hasSetFlag(loop, before, end))) continue;
      for (const [st, formula] of this.engine.test(s.test, end.clone(), frame))
        if (st.assume(formula, `${this.engine.fork(frame, s.line, s.test)}+n`, true))
          this.once(loop, st, [...frame.loops, loopTest(s)], { next, left });
    }
    return next;
  }

  /** Has a round set a variable to another constant than it was before? */
  private hasSetFlag({ s, frame }: Running, before: AbstractState, after: AbstractState): boolean {
    return [...flagsIn(s)].some((name) => {
      const [old, now] = [before, after].map((state) => this.engine.valueOf(name, state, frame));
      return old?.t === "num" && now?.t === "num" && old.v !== now.v;
    });
  }

  /** Is the one iteration that stands for all to be any of them, and depends on which? */
  private forgetsCounter({ s, advice }: Running): boolean {
    const counter = counterOf(s);
    return advice.isAnyRound === true && counter !== null && tests(s.body, counter);
  }

  /** The counter is not that of the first iteration. */
  private forgetCounter(s: LoopStmt, state: AbstractState, frame: Frame): void {
    const counter = counterOf(s);
    if (counter !== null) this.forgetNumber(counter, state, frame);
  }

  private forgetNumber(name: string, state: AbstractState, frame: Frame): void {
    if (this.engine.valueOf(name, state, frame).t !== "num") return;
    const at = this.engine.local(name, frame);
    this.engine.write({ at, text: name }, this.engine.space.fresh(name, at), state);
  }

  /** What an iteration makes of its number, or of what one before it made, is not that of the first. */
  private forgetCarried(s: LoopStmt, state: AbstractState, frame: Frame, isMeant = (_name: string) => true): void {
    for (const name of carriedIn(s)) if (isMeant(name)) this.forgetNumber(name, state, frame);
  }

  /** What one iteration counted, all of them may have counted further. */
  private widenCounted(before: AbstractState, after: AbstractState): void {
    const { space } = this.engine;
    for (const [at, value] of [...after.store.entries()]) {
      const old = before.store.get(at);
      if (value.t === "num" && value.name === null && old?.t === "num" && value.v !== old.v)
        after.store.set(at, space.fresh(space.textOf(at), at));
    }
  }

  private once(
    { s, frame }: Pick<Running, "s" | "frame">,
    state: AbstractState,
    loops: readonly LoopTest[],
    ends: Ends,
  ): void {
    const { engine } = this;
    const inner: Frame = { ...frame, loops: s.testFirst ? loops : [...loops, loopTest(s)] };
    for (const flow of engine.statement(s.body, state, inner)) {
      if (flow.exit.k === "break") ends.left.push({ state: flow.state, exit: NEXT });
      else if (flow.exit.k === "next" || flow.exit.k === "continue") {
        if (s.step) for (const [st] of engine.evaluate(s.step, flow.state, inner)) ends.next.push(st);
        else ends.next.push(flow.state);
      } else ends.left.push(flow);
    }
  }

  // ------------------------------------------------------- what domains say

  private adviceOn(s: LoopStmt): LoopAdvice {
    const known = this.advice.get(s);
    if (known !== undefined) return known;
    const text = s.test && counterOf(s) !== null ? sourceText(s.test) : null;
    const advice: LoopAdvice =
      text === null ? {} : Object.assign({}, ...this.domains.map((domain) => domain.loop(s, text)));
    this.advice.set(s, advice);
    return advice;
  }

  private rounds(s: LoopStmt, advice: LoopAdvice, start: AbstractState, frame: Frame): number {
    const counter = counterOf(s);
    return counter && advice.rounds ? advice.rounds(this.engine.valueOf(counter, start, frame)) : UNROLL;
  }

  /**
   * Later iterations of a loop do what the first one did, but may report it otherwise: their failures are followed, and nothing
   * else of them.
   *
   * @param ends what the iterations before ended in
   */
  private laterFailures(loop: Running, ends: readonly AbstractState[]): void {
    const { s, frame, advice, left } = loop;
    const { engine } = this;
    const counter = counterOf(s);
    const { failuresUpTo, standsForAll } = advice;
    if (s.test === null || counter === null || failuresUpTo === undefined || standsForAll === undefined) return;
    for (let state = standsForAll(ends)?.clone(); state !== undefined; ) {
      const count = engine.valueOf(counter, state, frame);
      if (count.t !== "num" || count.v > failuresUpTo) return;
      const next: AbstractState[] = [];
      for (const [st, formula] of engine.test(s.test, state, frame)) {
        if (!st.assume(formula, `${engine.fork(frame, s.line, s.test)}+${count.v}`, true)) continue;
        const out: Flow[] = [];
        this.once(loop, st, [...frame.loops, loopTest(s)], { next, left: out });
        left.push(...out.filter((flow) => flow.state.isExceptional()));
      }
      state = standsForAll(next);
    }
  }

  /** The iteration for the thing 1, where that for the thing 0 does not stand for it. */
  private oneMore(loop: Running, ends: readonly AbstractState[]): readonly AbstractState[] {
    const { s, frame, advice, left } = loop;
    const { engine } = this;
    const counter = counterOf(s);
    if (s.test === null || counter === null || !advice.oneMore) return [];
    const next: AbstractState[] = [];
    for (const end of ends) {
      const count = engine.valueOf(counter, end, frame);
      if (count.t !== "num" || count.v !== 1n) continue;
      for (const [st, formula] of engine.test(s.test, end.clone(), frame))
        if (st.assume(formula, `${engine.fork(frame, s.line, s.test)}+1`, true))
          this.once(loop, st, [...frame.loops, loopTest(s)], { next, left });
    }
    return next;
  }

  // ---------------------------------------------------------- counting down

  /** `for (v = n; v >= c; v--)` with unknown n: gives c, or null for another loop. */
  private lastOfDescending(s: LoopStmt, state: AbstractState, frame: Frame): { name: string; last: bigint } | null {
    const counter = counterOf(s);
    if (s.test?.kind !== "binary" || s.test.op !== ">=" || counter === null) return null;
    if (!stepsDown(s)) return null;
    const last = this.engine.settings.program.evaluate(s.test.right);
    const start = this.engine.valueOf(counter, state, frame);
    return last === null || start.t === "num" || isEach(start) ? null : { name: counter, last };
  }

  /** Counting down from an unknown number: some iteration, and then the last, where the counter is known. */
  private descend(
    s: LoopStmt,
    { name, last }: { readonly name: string; readonly last: bigint },
    start: AbstractState,
    frame: Frame,
  ): Flow[] {
    const { engine } = this;
    const left: Flow[] = [];
    const loop = { s: { ...s, step: null }, frame };
    const place = { at: engine.local(name, frame), text: name };
    const between: AbstractState[] = [];
    if (last > 0n) left.push(...this.noRound(s, start, frame));
    const skip = start.clone();
    const counter = anyCounter(">", last, name);
    engine.write(place, counter, start);
    const isEarlier = not(equal(counter, num(last)));
    if (start.assume(isEarlier, `${engine.fork(frame, s.line, s.step as Expr)}v`, true))
      this.once(loop, start, [...frame.loops, loopTest(s)], { next: between, left });
    between.push(skip);
    const ends: AbstractState[] = [];
    for (const state of joinStates(between, null)) {
      engine.write(place, num(last), state);
      this.once(loop, state, frame.loops, { next: ends, left });
    }
    return [...left, ...ends.map((state): Flow => ({ state, exit: NEXT }))];
  }

  /** Where a loop's test is false at once: a number that is counted down may be less than the last one; less than 0 none is. */
  private noRound(s: LoopStmt, start: AbstractState, frame: Frame): readonly Flow[] {
    if (s.test === null) return [];
    const { engine } = this;
    const never = `${engine.fork(frame, s.line, s.test)}-0`;
    return engine
      .test(s.test, start.clone(), frame)
      .flatMap(([state, formula]): Flow[] => (state.assume(not(formula), never, true) ? [{ state, exit: NEXT }] : []));
  }

  // ------------------------------------------------- what is not run at all

  /** Of a loop that does not matter, only this is known: what it assigns may be anything. */
  private havocAssigned(s: Stmt, state: AbstractState, frame: Frame): void {
    const visit = (inner: Stmt): void => {
      if (inner.kind === "block") inner.body.forEach(visit);
      else if (inner.kind === "expression") this.havocIn(inner.expr, state, frame);
      else if (inner.kind === "if") {
        visit(inner.yes);
        if (inner.no) visit(inner.no);
      } else if (inner.kind === "loop") visit(inner.body);
      else if (inner.kind === "switch") for (const c of inner.cases) c.body.forEach(visit);
    };
    visit(s);
  }

  private havocIn(e: Expr, state: AbstractState, frame: Frame): void {
    const { engine } = this;
    const target = e.kind === "assign" ? e.left : e.kind === "update" ? e.operand : null;
    if (e.kind === "assign") this.havocIn(e.right, state, frame);
    if (target) {
      const place = engine.lvalue(target, state, frame);
      if (place) engine.write(place, engine.space.fresh(place.text, place.at), state);
    } else if (e.kind === "call") for (const a of e.args) engine.havoc(engine.single(a, state, frame), state);
    else if (e.kind === "comma") for (const part of e.parts) this.havocIn(part, state, frame);
    else if (e.kind === "cast") this.havocIn(e.operand, state, frame);
  }
}

/** A loop's counter: any value on one side of a bound. */
const anyCounter = (side: "<" | ">", bound: bigint, name: string): Sym =>
  sym(`each${side}${bound}`, name, null, false, {
    how: "counter",
    isEach: side === "<",
    below: side === "<" ? bound : null,
  });

const isEach = (value: Value): boolean => value.t === "sym" && value.origin?.how === "counter" && value.origin.isEach;

const stepsDown = (s: LoopStmt): boolean => s.step?.kind === "update" && s.step.op === "--";

/** The variable that a loop's test compares. */
const counterOf = (s: LoopStmt): string | null =>
  s.test?.kind === "binary" && s.test.left.kind === "name" ? s.test.left.name : null;

const COMPARES = /^[=!<>]=?$/;

/** Does the body of a loop test a variable? Which element of an array it is for is no test. */
function tests(body: Stmt, variable: string): boolean {
  const isIn = (e: Expr): boolean => {
    if (e.kind === "name") return e.name === variable;
    return e.kind !== "index" && e.kind !== "call" && partsOf(e).some(isIn);
  };
  const isTested = (e: Expr): boolean =>
    (e.kind === "conditional" && isIn(e.test)) || (e.kind === "binary" && COMPARES.test(e.op) && isIn(e));
  for (const inner of statementsIn(body)) {
    if ((inner.kind === "if" && isIn(inner.test)) || (inner.kind === "switch" && isIn(inner.value))) return true;
    if (expressionsOf(inner).some((whole) => [...within(whole)].some(isTested))) return true;
  }
  return false;
}

const flags = new WeakMap<LoopStmt, ReadonlySet<string>>();

/** Variables to which a loop's body gives truth values, and nothing else, so that one round may find what the one before it made. */
function flagsIn(s: LoopStmt): ReadonlySet<string> {
  const known = flags.get(s);
  if (known !== undefined) return known;
  const set = new Set<string>();
  const others = new Set<string>();
  for (const e of expressionsIn(s)) {
    const name = assignedBy(e);
    if (name !== null) (e.kind === "assign" && e.op === "=" && isTruthValue(e.right) ? set : others).add(name);
  }
  const found = new Set([...set].filter((name) => !(others.has(name) || isSetFirst(s.body, name))));
  flags.set(s, found);
  return found;
}

const isTruthValue = (e: Expr): boolean =>
  e.kind === "number" ? e.value <= 1n : e.kind === "name" && (e.name === "true" || e.name === "false");

/** Does a loop's body give a variable a value before it asks for it or may be left? */
function isSetFirst(body: Stmt, name: string): boolean {
  for (const s of unwrapped(body)) {
    if (s.kind === "expression" && assignedBy(s.expr) === name) return true;
    if ([...statementsIn(s)].some(({ kind }) => LEAVES.has(kind))) return false;
    if ([...expressionsIn(s)].some((e) => e.kind === "name" && e.name === name)) return false;
  }
  return false;
}

const unwrapped = (s: Stmt): readonly Stmt[] => (s.kind === "block" ? s.body.flatMap(unwrapped) : [s]);

const LEAVES: ReadonlySet<Stmt["kind"]> = new Set(["break", "continue", "goto", "return"]);

/** Does an expression store in a variable, or take its address? */
const mayChange = (e: Expr, name: string): boolean =>
  assignedBy(e) === name ||
  (e.kind === "unary" && e.op === "&" && e.operand.kind === "name" && e.operand.name === name);

/** The variable that an expression stores in. */
function assignedBy(e: Expr): string | null {
  const target = e.kind === "assign" ? e.left : e.kind === "update" ? e.operand : null;
  return target?.kind === "name" ? target.name : null;
}

const carried = new WeakMap<LoopStmt, ReadonlySet<string>>();

/** Variables that a loop's body computes of its counter, or of what it assigns itself. */
function carriedIn(s: LoopStmt): ReadonlySet<string> {
  const known = carried.get(s);
  if (known !== undefined) return known;
  const sets = [...expressionsIn(s.body)].filter((e) => e.kind === "assign" && e.left.kind === "name");
  const assigned = new Set<string | null>([counterOf(s)]);
  for (const e of [...expressionsIn(s.body), ...(s.step === null ? [] : within(s.step))]) {
    const name = assignedBy(e);
    if (name !== null) assigned.add(name);
  }
  const isOfRound = (e: Expr) => [...within(e)].some((part) => part.kind === "name" && assigned.has(part.name));
  const found = new Set<string>();
  for (const e of sets) if (e.kind === "assign" && e.left.kind === "name" && isOfRound(e.right)) found.add(e.left.name);
  carried.set(s, found);
  return found;
}

function loopTest(s: LoopStmt): LoopTest {
  return { text: s.test ? sourceText(s.test) : "for ever", line: s.line, counter: counterOf(s) };
}
