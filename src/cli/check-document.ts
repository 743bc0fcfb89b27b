/** What a check found as a document of the contract: nothing of how it is shown, for results of sweeps are kept by the code of this file (engine.ts). */
import type { BusyEntry, CheckResult } from "../check/index.ts";
import type { Trace } from "../language/index.ts";
import { doubted } from "../model/index.ts";
import { jsonDigest } from "./json.ts";
import type { LoadedScenario } from "./scenarios.ts";

/** The policy of a scenario that has one. */
export const policyOf = ({ parameters }: LoadedScenario): string | null =>
  (parameters["removal.policy"] as string | undefined) ?? null;

const busyOf = ({ process, leaf, resource, status, holders, unheld }: BusyEntry) => ({
  leaf,
  resource,
  holders,
  status,
  process,
  unheld,
});

/** The trace's steps as the contract has them, with the move that each was, so that it can be replayed. */
const stepsOf = (trace: Trace | null) => (trace === null ? null : trace.steps);

/** Of a run and of what it is a run of. `--replay` refuses a trace that was changed after it was written. */
export const traceDigest = (
  parameters: unknown,
  { initial, steps, loop }: Pick<Trace, "initial" | "steps" | "loop">,
): string => jsonDigest([parameters, initial, steps, loop]);

/** `seamlock/check@1`. */
export function checkDocument(loaded: LoadedScenario, result: CheckResult, reproduce: string) {
  return {
    schema: "seamlock/check@1" as const,
    scenario: loaded.scenario.name,
    policy: policyOf(loaded),
    parameters: loaded.parameters,
    outcome: doubted(result.outcome, loaded.doubts),
    doubts: loaded.doubts,
    states: result.states,
    transitions: result.transitions,
    depth: result.depth,
    seconds: result.seconds,
    reductions: result.reductions,
    busy: result.busy.map(busyOf),
    neverRan: result.neverRan,
    vacuous: result.vacuous,
    violations: result.violations.map(({ kind, property, trace, shortest }) => ({
      kind,
      property,
      steps: trace.steps.length,
      ...(trace.loop !== null && { loop: trace.loop }),
      shortest,
    })),
    initial: result.trace?.initial ?? null,
    ...(result.trace?.hostPriority && { hostPriority: result.trace.hostPriority }),
    trace: stepsOf(result.trace),
    loop: result.trace?.loop ?? null,
    traceDigest: result.trace === null ? null : traceDigest(loaded.parameters, result.trace),
    reproduce,
  };
}
