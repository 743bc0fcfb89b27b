/**
 * One pass through a function in which a SEAMCALL gives anything but BUSY: with what comes of that, a loop goes on to the round in which
 * it gives one.
 */

import type { Analysis } from "./analysis.ts";
import type { Effect } from "./calls.ts";
import type { Known } from "./evaluate.ts";
import { Execution } from "./execution.ts";
import type { LockSet } from "./locks.ts";
import type { Plan } from "./plan.ts";
import { type Answer, type Outcome, type Run, taking } from "./run.ts";
import type { State } from "./state.ts";
import type { Value } from "./values.ts";

/** Where in a function a status comes from. */
export interface Origin {
  readonly at: number;
  readonly locks: LockSet;
  readonly leaf: bigint | null;
  /** The call that it comes out of; null where the function makes the SEAMCALL itself. */
  readonly callee: Run | null;
  readonly spared: Spared;
}

/** What comes from there when the SEAMCALL gives no BUSY. */
export interface Spared {
  /** The status, where the function makes the SEAMCALL itself. */
  readonly status: Value;
  /** All ways out of the call that it comes out of. */
  readonly outcomes: () => Answer;
}

/** Ways out of a function in which a SEAMCALL gives no BUSY. */
export interface SparedAnswer extends Answer {
  /** Its calls that some way comes to then. */
  readonly reached: ReadonlySet<number>;
}

/** Is it the call that a status comes out of? */
export const isCallOf = ({ at, callee, locks }: Origin, run: Run, place: number, held: LockSet): boolean =>
  place === at && run === callee && held === locks;

/** Is it the SEAMCALL that gives a status? */
export const isSeamcallOf = (origin: Origin, leaf: bigint | null, place: number, held: LockSet): boolean =>
  origin.callee === null && place === origin.at && leaf === origin.leaf && held === origin.locks;

export class Sparing extends Execution {
  private readonly origin: Origin;

  constructor(
    analysis: Analysis,
    run: Run,
    { plan, known }: { readonly plan: Plan; readonly known: Known },
    origin: Origin,
  ) {
    super(analysis, run, plan, known);
    this.origin = origin;
  }

  /** Calls of the function that some way comes to. */
  private readonly reached = new Set<number>();

  /** All ways out of the function. */
  get answer(): SparedAnswer {
    return { asked: this.run_.asked, outcomes: [...this.run_.outcomes.values()], reached: this.reached };
  }

  protected override call(...[instruction, at, state]: Parameters<Execution["call"]>): number | null {
    this.reached.add(at);
    return super.call(instruction, at, state);
  }

  protected override outcomes(
    run: Run,
    from: { readonly at: number },
    locks: LockSet,
    state: State,
  ): readonly Outcome[] {
    if (!isCallOf(this.origin, run, from.at, locks)) return super.outcomes(run, from, locks, state);
    return taking(this.origin.spared.outcomes(), this.run_.asked);
  }

  override made(leaf: bigint | null, at: number, state: State): Effect[] {
    if (!isSeamcallOf(this.origin, leaf, at, state.locks)) return super.made(leaf, at, state);
    return [{ state, value: this.origin.spared.status }];
  }
}
