/**
 * What a project adds to the machine: what its calls mean, what it wants to remember on the way, and what tells states apart.
 */

import type { CallExpr, FunctionAst } from "../ast.ts";
import type { Call, Engine, Evaluated, Frame, IfStmt, LoopStmt, Lvalue, Site } from "./engine.ts";
import type { AbstractState, StateDomain } from "./state.ts";
import { type Formula, type Location, TRUE, type Value } from "./values.ts";

/** How many iterations of a loop tell all there is. */
export interface LoopAdvice {
  /** Iterations to run of a loop whose tests are decided, by its counter's first value. */
  readonly rounds?: (first: Value) => number;
  /** Of a loop that counts from 0: the thing 0 may differ from the others, so that one more iteration is run than otherwise. */
  readonly oneMore?: boolean;
  /** The one iteration that stands for all is to be any of them, and not the first, where the body tests the counter. */
  readonly isAnyRound?: boolean;
  /** It is for each of several like things, of which there is taken to be one. */
  readonly isOfSome?: boolean;
  /** Later iterations are run, while the counter is at most this, for what fails in them and nothing else. */
  readonly failuresUpTo?: bigint;
  /** Which of the states that an iteration ends in stands for all. */
  readonly standsForAll?: (states: readonly AbstractState[]) => AbstractState | undefined;
}

/**
 * One domain of a run; `P` is what it remembers on each path. All hooks but the part's own are optional: the machine asks each
 * domain in the order in which they were given, and for hooks with an answer takes the first one that is not null.
 */
export abstract class Domain<P> implements StateDomain {
  /** Set by the machine that runs it. */
  protected engine!: Engine;
  private slot = -1;

  /** Called by the machine, once, before it runs. */
  attach(engine: Engine, slot: number): void {
    this.engine = engine;
    this.slot = slot;
  }

  abstract initial(): P;
  abstract merge(a: P, b: P): P;

  /** What this domain remembers in a state. */
  of(state: AbstractState): P {
    return state.part(this.slot) as P;
  }

  protected remember(state: AbstractState, part: P): void {
    state.setPart(this.slot, part);
  }

  canJoin(_a: AbstractState, _b: AbstractState): boolean {
    return true;
  }

  isError(_value: Value): boolean {
    return false;
  }

  /** Is an error always told apart, so that it is never one of several of which it does not matter which? */
  isApart(_error: Value): boolean {
    return false;
  }

  isExceptional(_state: AbstractState): boolean {
    return false;
  }

  decided(_at: Location, _value: Value, _state: AbstractState): void {}

  // ------------------------------------------------------------------ calls

  /** Does a call depend on which of several structures its first argument points to? Each then has a state of its own. */
  needsOneObject(_name: string): boolean {
    return false;
  }

  /** What a call comes to; null for one that this domain has no meaning for. */
  call(_call: Call): Evaluated<Value>[] | null {
    return null;
  }

  /** Looks at a call that no domain has a meaning for; false where it is not to be followed. */
  mayFollow(_call: Call): boolean {
    return true;
  }

  /** What must hold where a call that is not followed gives something that is true. */
  implied(_call: Call): Formula {
    return TRUE;
  }

  /** What a followed function's result comes to. */
  result(_fn: FunctionAst, value: Value, _state: AbstractState): Value {
    return value;
  }

  /**
   * What tells results of a function apart: those with the same name are one, which is any error where `isError`.
   *
   * @param _callers call sites from the entry's own function down to that of the function
   */
  classOf(_value: Value, _state: AbstractState, _callers: readonly Site[]): string | null {
    return null;
  }

  // ----------------------------------------------------------------- memory

  /** What is known of a place that nothing was stored at; null when nothing is. */
  known(_place: Lvalue, _state: AbstractState): Value | null {
    return null;
  }

  /** A value was stored at a place. */
  wrote(_place: Lvalue, _value: Value, _state: AbstractState): void {}

  /** `place = from` is about to store a value. */
  assigns(_place: Lvalue, _from: CallExpr["args"][number], _line: number, _state: AbstractState, _frame: Frame): void {}

  /** A value is assigned, or returned, on a line. */
  produced(_value: Value, _line: number, _state: AbstractState, _frame: Frame): void {}

  // ------------------------------------------------------------- statements

  /** A test came out on one side: the domain may look at the other branch. */
  pruned(_s: IfStmt, _side: boolean, _state: AbstractState, _frame: Frame): void {}

  /**
   * May a loop have had no round at all, where a round of it ended so? False where it has one whenever it is reached in this state, true
   * where what follows depends on it, whatever else is said; null where this domain cannot tell.
   */
  mayHaveNoRound(_before: AbstractState, _after: AbstractState): boolean | null {
    return null;
  }

  /** May the next round of a loop do what the first one did not, where that ended so? */
  mindsNextRound(_before: AbstractState, _after: AbstractState): boolean {
    return false;
  }

  /** How to run a loop. */
  loop(_s: LoopStmt, _test: string): LoopAdvice | null {
    return null;
  }
}
