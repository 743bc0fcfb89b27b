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

  /** All ways out of the function. */
  get answer(): Answer {
    return { asked: this.run_.asked, outcomes: [...this.run_.outcomes.values()] };
  }

  protected override outcomes(
    run: Run,
    from: { readonly at: number },
    locks: LockSet,
    state: State,
  ): readonly Outcome[] {
    const { at, callee, locks: own, spared } = this.origin;
    return from.at === at && run === callee && locks === own
      ? taking(spared.outcomes(), this.run_.asked)
      : super.outcomes(run, from, locks, state);
  }

  override made(leaf: bigint | null, at: number, state: State): Effect[] {
    const { origin } = this;
    const isIt = origin.callee === null && at === origin.at && leaf === origin.leaf && state.locks === origin.locks;
    return isIt ? [{ state, value: origin.spared.status }] : super.made(leaf, at, state);
  }
}
