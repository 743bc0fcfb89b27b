/** Which lock a step of a run is on, where the catalog has one lock under several names: a TDR, a TDVPR and any other page are locked in the PAMT. */
import type { CheckResult } from "../../check/index.ts";
import type { Model, Trace, TraceStep } from "../../language/index.ts";
import type { SimulationResult } from "../../simulate/index.ts";

/** A step that says the lock's own name, where that is not the resource's. */
export type StepOnLock = TraceStep & { readonly lock?: string };

/** The same steps, with the locks' own names. */
export function stepsOnLocks(model: Model, steps: readonly TraceStep[]): readonly StepOnLock[] {
  const own = new Map<string, string>();
  for (const { meta } of model.processes.flatMap(({ labels }) => labels.flatMap((label) => label.steps)))
    if (meta.resource !== undefined && meta.lock !== undefined) own.set(meta.resource, meta.lock);
  if (own.size === 0) return steps;
  return steps.map((step) => {
    const lock = step.resource === null ? undefined : own.get(step.resource);
    return lock === undefined ? step : { ...step, lock };
  });
}

/** All runs that a check has found, on the locks' own names. */
export function checkedOnLocks(model: Model, result: CheckResult): CheckResult {
  const named = <Of extends { readonly trace: Trace }>(of: Of): Of => ({ ...of, trace: onLocks(model, of.trace) });
  return {
    ...result,
    violations: result.violations.map(named),
    witnesses: result.witnesses.map(named),
    trace: result.trace === null ? null : onLocks(model, result.trace),
  };
}

/** The same of a simulation. */
export function simulatedOnLocks(model: Model, result: SimulationResult): SimulationResult {
  const named = (trace: Trace | null): Trace | null => (trace === null ? null : onLocks(model, trace));
  return {
    ...result,
    trace: named(result.trace),
    violations: result.violations.map((violation) => ({ ...violation, trace: named(violation.trace) })),
  };
}

const onLocks = (model: Model, trace: Trace): Trace => ({ ...trace, steps: stepsOnLocks(model, trace.steps) });
