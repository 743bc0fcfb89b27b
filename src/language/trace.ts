/** A Trace: an initial state and the steps of one run, with what each changed and what it means. Made by every engine, shown by every renderer. */
import { apply, enabled, evaluate, type Fault } from "./interpret.ts";
import { type Instance, initialState, type Layout, type Move, showValue } from "./layout.ts";

export type Value = string | number | boolean;

/** One step of a run. Which move it was: `process`, `label`, `alternative`, `choices`. What it means: the rest. */
export interface TraceStep {
  readonly process: string;
  readonly instance: number;
  readonly label: string;
  readonly next: string;
  readonly alternative: number;
  readonly choices: Readonly<Record<string, number>>;
  readonly actor: string;
  readonly leaf: string | null;
  readonly action: string | null;
  readonly resource: string | null;
  /** The lock, where resources of several names are one and the same; absent where it has the resource's name. */
  readonly lock?: string;
  /** Which object of the resource's class; null when there is only one. */
  readonly object: number | null;
  readonly mode: string | null;
  readonly result: string | null;
  readonly status: string | null;
  readonly note: string | null;
  /** The variables that the step changed, with their new values. */
  readonly state: Readonly<Record<string, Value>>;
  /** Set on the last step of a run that an assertion or a range error ended. */
  readonly fault: Fault | null;
}

/** `TDCS_EPOCH`, `SEPT_ENTRY[1]`; the lock's own name where it has several (`PAMT[3]` of a TDVPR); null for a step that names no lock. */
export function lockName({ resource, lock, object }: Pick<TraceStep, "resource" | "lock" | "object">): string | null {
  if (resource === null) return null;
  const name = lock ?? resource;
  return object === null ? name : `${name}[${object}]`;
}

/** The same by the name under which the step's call has the lock: `TDVPR[3] (PAMT[3])`. */
export function lockText({ resource, lock, object }: Pick<TraceStep, "resource" | "lock" | "object">): string | null {
  const own = lockName({ resource, object });
  return lock === undefined ? own : `${own} (${lockName({ resource, lock, object })})`;
}

/** A variable that is a lock's host-priority bit: set when a host was refused, so that guests give way. */
export interface HostPriorityBit {
  readonly variable: string;
  readonly resource: string;
  /** Which object of the resource's class; null when there is only one. */
  readonly object: number | null;
}

export interface Trace {
  readonly model: string;
  readonly initial: Readonly<Record<string, Value>>;
  /** Which variables of the state are host-priority bits; absent where none is known to be one. */
  readonly hostPriority?: readonly HostPriorityBit[];
  readonly steps: readonly TraceStep[];
  /** For an infinite run: the steps from this index on repeat for ever. Null for a finite run. */
  readonly loop: number | null;
}

/** A move made by an instance: the engines' short form of a step. */
export interface Choice {
  readonly instance: Instance;
  readonly move: Move;
}

/** All variables of a state, by name. */
export function showState(layout: Layout, state: readonly number[]): Record<string, Value> {
  return Object.fromEntries(layout.slots.map((slot, i) => [slot.display, showValue(layout, slot, state[i] as number)]));
}

function changes(layout: Layout, before: readonly number[], after: readonly number[]): Record<string, Value> {
  const changed: Record<string, Value> = {};
  layout.slots.forEach((slot, i) => {
    if (slot.type.kind !== "pc" && before[i] !== after[i])
      changed[slot.display] = showValue(layout, slot, after[i] as number);
  });
  return changed;
}

function describe(
  layout: Layout,
  before: readonly number[],
  after: readonly number[],
  { instance, move }: Choice,
  fault: Fault | null,
): TraceStep {
  const { meta } = move.step;
  const object =
    meta.object === undefined ? null : evaluate({ layout, state: before, instance, params: move.choices }, meta.object);
  return {
    process: move.type.name,
    instance: instance.instance,
    label: move.label.name,
    next: move.step.next,
    alternative: move.stepIndex,
    choices: move.choices,
    actor: meta.actor ?? instance.display,
    leaf: meta.leaf ?? null,
    action: meta.action ?? null,
    resource: meta.resource ?? null,
    ...(meta.lock === undefined ? {} : { lock: meta.lock }),
    object,
    mode: meta.mode ?? null,
    result: meta.result ?? null,
    status: meta.status ?? null,
    note: meta.note ?? null,
    state: changes(layout, before, after),
    fault,
  };
}

/** Run the choices from the initial state and describe each; throws when one cannot run, which would be an engine's error. */
export function traceOf(layout: Layout, choices: readonly Choice[], loop: number | null = null): Trace {
  let state = initialState(layout);
  const initial = showState(layout, state);
  const steps = choices.map((choice) => {
    if (!enabled(layout, state, choice.instance, choice.move)) {
      throw new Error(`step ${choice.instance.display} at ${choice.move.label.name} cannot run here`);
    }
    const before = state;
    const result = apply(layout, before, choice.instance, choice.move);
    state = result.state;
    return describe(layout, before, state, choice, result.fault);
  });
  const bits = layout.slots.flatMap(({ display, hostPriority }) =>
    hostPriority === undefined ? [] : [{ variable: display, ...hostPriority }],
  );
  return { model: layout.model.name, initial, ...(bits.length > 0 && { hostPriority: bits }), steps, loop };
}
