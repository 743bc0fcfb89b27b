/** Another next step of a run: what else could have been done there, by anybody. */
import { moveOf } from "../../check/index.ts";
import {
  apply,
  type Choice,
  enabledMoves,
  initialState,
  layoutOf,
  type Model,
  type TraceStep,
  traceOf,
  validate,
} from "../../language/index.ts";

/** What names a step of a model. */
export type StepName = Pick<TraceStep, "process" | "instance" | "label" | "alternative" | "choices">;

/**
 * Every step that can follow a beginning of a run, in the order of the model.
 *
 * @returns null when the beginning is no run of the model
 */
export function nextSteps(model: Model, beginning: readonly StepName[]): readonly TraceStep[] | null {
  const layout = layoutOf(validate(model));
  let state: readonly number[] = initialState(layout);
  const made: Choice[] = [];
  for (const name of beginning) {
    const choice = moveOf(layout, name);
    const can = choice !== null && enabledMoves(layout, state).some((one) => isSame(one, choice));
    if (choice === null || !can) return null;
    const after = apply(layout, state, choice.instance, choice.move);
    // Nothing follows what ended a run.
    if (after.fault !== null) return [];
    state = after.state;
    made.push(choice);
  }
  return enabledMoves(layout, state).flatMap((choice) => traceOf(layout, [...made, choice]).steps.at(-1) ?? []);
}

const isSame = (x: Choice, y: Choice): boolean => x.instance === y.instance && x.move === y.move;
