/** Traces played back: on the model they come from, or on another one. */
import { SeamlockError } from "../errors.ts";
import {
  apply,
  type Choice,
  enabled,
  type Fault,
  faultName,
  holds,
  initialState,
  isDeadlock,
  type Layout,
  layoutOf,
  type Model,
  type Trace,
  type TraceStep,
  traceOf,
} from "../language/index.ts";
import { type Pausing, uninterrupted, Watch } from "./watch.ts";

/** What happened when a trace was played. */
export interface Replay {
  /** The run as far as it went, described in terms of the model it was played on. */
  readonly trace: Trace;
  /** Steps that could be made. */
  readonly completed: number;
  /** Why the next step could not be made; null when all were. */
  readonly stuck: string | null;
  /** Names of the properties violated on the way, "deadlock" included when the run ends in one. */
  readonly violated: readonly string[];
}

const sameChoices = (a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): boolean =>
  Object.keys({ ...a, ...b }).every((name) => a[name] === b[name]);

/** The move of a model that a trace's step names, whether or not it can run; null when the model has none such. */
export function moveOf(
  layout: Layout,
  step: Pick<TraceStep, "process" | "instance" | "label" | "alternative" | "choices">,
): Choice | null {
  const instance = layout.instances.find(
    (candidate) => candidate.type.name === step.process && candidate.instance === step.instance,
  );
  const move = layout.moves.find(
    (candidate) =>
      candidate.type.name === step.process &&
      candidate.label.name === step.label &&
      candidate.stepIndex === step.alternative &&
      sameChoices(candidate.choices, step.choices),
  );
  return instance === undefined || move === undefined ? null : { instance, move };
}

/**
 * The step that a trace means in another model or another policy: the same one if it can run, else another alternative of the same
 * instance, label and choices.
 */
function stepIn(layout: Layout, state: readonly number[], step: TraceStep): Choice | null {
  const exact = moveOf(layout, step);
  if (exact !== null && enabled(layout, state, exact.instance, exact.move)) return exact;
  const instance = layout.instances.find(
    (candidate) => candidate.type.name === step.process && candidate.instance === step.instance,
  );
  if (instance === undefined) return null;
  const move = layout.moves.find(
    (candidate) =>
      candidate.label.name === step.label &&
      sameChoices(candidate.choices, step.choices) &&
      enabled(layout, state, instance, candidate),
  );
  return move === undefined ? null : { instance, move };
}

function violatedIn(layout: Layout, state: readonly number[]): string[] {
  return layout.model.properties.flatMap((property) =>
    property.kind === "always" && !holds(layout, state, property.expr) ? [property.name] : [],
  );
}

/** Play a trace on a model, as far as it goes. */
export function replay(model: Model, trace: Trace): Replay {
  const layout = layoutOf(model);
  let state: readonly number[] = initialState(layout);
  const choices: Choice[] = [];
  const violated = new Set(violatedIn(layout, state));
  let stuck: string | null = null;
  let fault: Fault | null = null;
  for (const step of trace.steps) {
    const choice: Choice | null = fault === null ? stepIn(layout, state, step) : null;
    if (choice === null) {
      stuck = `${step.actor} cannot make its step at ${step.label} (step ${choices.length + 1})`;
      break;
    }
    const after = apply(layout, state, choice.instance, choice.move);
    choices.push(choice);
    ({ state, fault } = after);
    if (fault !== null) violated.add(faultName(fault));
    else for (const name of violatedIn(layout, state)) violated.add(name);
  }
  if (fault === null && model.deadlock && isDeadlock(layout, state)) violated.add("deadlock");
  return {
    trace: traceOf(layout, choices, stuck === null ? trace.loop : null),
    completed: choices.length,
    stuck,
    violated: [...violated],
  };
}

/** Where a trace is not what a model's run would be described as. */
export interface TraceDifference {
  /** Index of the step; null: the initial state or the loop. */
  readonly step: number | null;
  /** What differs: a field of the step, `initial` or `loop`. */
  readonly field: string;
  /** As the trace has it. */
  readonly found: unknown;
  /** As the model's run has it; undefined where the model can make no such step. */
  readonly expected: unknown;
}

const isEqual = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** The first field in which two values of the same keys differ; null when none does. */
function differingField<T extends object>(found: T, expected: T): keyof T | null {
  const keys = Object.keys({ ...expected, ...found }) as (keyof T)[];
  return keys.find((key) => !isEqual(found[key], expected[key])) ?? null;
}

/**
 * Holds a trace against the model that it claims to be a run of: every step must be one that the model can make there, with the same
 * effects and the same words; and when the trace loops, the loop must close.
 *
 * @returns the first difference; null when there is none
 */
export function firstDifference(model: Model, trace: Trace): TraceDifference | null {
  const layout = layoutOf(model);
  const choices: Choice[] = [];
  let state: readonly number[] = initialState(layout);
  let fault: Fault | null = null;
  const states = [state];
  for (const [i, step] of trace.steps.entries()) {
    const choice = fault === null ? moveOf(layout, step) : null;
    if (choice === null || !enabled(layout, state, choice.instance, choice.move))
      return { step: i, field: "label", found: step.label, expected: undefined };
    choices.push(choice);
    ({ state, fault } = apply(layout, state, choice.instance, choice.move));
    states.push(state);
  }
  const run = traceOf(layout, choices, trace.loop);
  for (const [i, step] of run.steps.entries()) {
    const found = trace.steps[i] as TraceStep;
    const field = differingField(found, step);
    if (field !== null) return { step: i, field, found: found[field], expected: step[field] };
  }
  if (!isEqual(trace.initial, run.initial))
    return { step: null, field: "initial", found: trace.initial, expected: run.initial };
  const closes = trace.loop === null || (states[trace.loop]?.join() === state.join() && trace.loop < choices.length);
  return closes ? null : { step: null, field: "loop", found: trace.loop, expected: undefined };
}

/** Is the trace a run of the model, step by step, with the same effects; and, when it loops, does the loop close? */
export const isValid = (model: Model, trace: Trace): boolean =>
  trace.model === model.name && firstDifference(model, trace) === null;

const switches = (choices: readonly Choice[]): number =>
  choices.filter((choice, i) => i > 0 && choice.instance !== choices[i - 1]?.instance).length;

/** Does the run still exist, and does it still end in a violation of the property? */
function stillShows(layout: Layout, choices: readonly Choice[], property: string): boolean {
  let state: readonly number[] = initialState(layout);
  let fault: Fault | null = null;
  for (const { instance, move } of choices) {
    if (fault !== null || !enabled(layout, state, instance, move)) return false;
    ({ state, fault } = apply(layout, state, instance, move));
  }
  if (fault !== null) return faultName(fault) === property;
  return property === "deadlock" ? isDeadlock(layout, state) : violatedIn(layout, state).includes(property);
}

const MAX_ATTEMPTS = 4000;

/**
 * Reorder a finite counterexample of the same length so that it changes less often from one process to another. Each reordering moves
 * one step towards an earlier step of its process and is kept when the run still shows the violation.
 */
export const fewerSwitches = (model: Model, trace: Trace, property: string): Trace =>
  uninterrupted(regrouping(model, trace, property, new Watch()));

/** The same with pauses; what was reached when the watch says stop is the result. */
export function* regrouping(model: Model, trace: Trace, property: string, watch: Watch): Pausing<Trace> {
  if (trace.loop !== null) return trace;
  const layout = layoutOf(model);
  let best = trace.steps.map((step) => {
    const choice = moveOf(layout, step);
    if (choice === null)
      throw new SeamlockError("SL4102", `the trace's step at ${step.label} is not a step of model ${model.name}`);
    return choice;
  });
  let attempts = 0;
  for (let improved = true; improved && attempts < MAX_ATTEMPTS; ) {
    improved = false;
    for (let i = 1; i < best.length && attempts < MAX_ATTEMPTS; i++) {
      if (best[i]?.instance === best[i - 1]?.instance) continue;
      yield;
      if (watch.reason !== null) return traceOf(layout, best);
      for (const candidate of movedTogether(best, i)) {
        attempts++;
        if (switches(candidate) < switches(best) && stillShows(layout, candidate, property)) {
          best = candidate;
          improved = true;
          break;
        }
      }
    }
  }
  return traceOf(layout, best);
}

/** Where a process takes over at `i`: its block of steps moved back to its previous block, or the previous process's next block moved here. */
function movedTogether(choices: readonly Choice[], i: number): Choice[][] {
  const owner = (at: number) => choices[at]?.instance;
  const candidates: Choice[][] = [];
  let end = i;
  while (end < choices.length && owner(end) === owner(i)) end++;
  const block = choices.slice(i, end);
  let back = i - 1;
  while (back >= 0 && owner(back) !== owner(i)) back--;
  if (back >= 0)
    candidates.push([...choices.slice(0, back + 1), ...block, ...choices.slice(back + 1, i), ...choices.slice(end)]);
  let next = i;
  while (next < choices.length && owner(next) !== owner(i - 1)) next++;
  let nextEnd = next;
  while (nextEnd < choices.length && owner(nextEnd) === owner(i - 1)) nextEnd++;
  if (next < choices.length)
    candidates.push([
      ...choices.slice(0, i),
      ...choices.slice(next, nextEnd),
      ...choices.slice(i, next),
      ...choices.slice(nextEnd),
    ]);
  return candidates;
}
