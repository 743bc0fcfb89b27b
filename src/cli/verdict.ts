/** What a check found: the document of the contract, and its text. */
import type { BusyEntry, CheckResult, SilentStep } from "../check/index.ts";
import type { Trace } from "../language/index.ts";
import { doubted } from "../model/index.ts";
import { paragraph, proofSentences, renderTraceText, runLength } from "../report/index.ts";
import { EXIT, type ExitStatus } from "./io.ts";
import { jsonDigest } from "./json.ts";
import type { LoadedScenario } from "./scenarios.ts";
import { table } from "./table.ts";

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

/** The exit status that goes with a verdict; one on facts with a hole is never certain. */
export function exitOf({ doubts }: LoadedScenario, { outcome }: CheckResult, interrupted: boolean): ExitStatus {
  if (interrupted) return EXIT.interrupted;
  if (doubts.length > 0) return EXIT.inconclusive;
  return { holds: EXIT.done, violated: EXIT.finding, inconclusive: EXIT.inconclusive }[outcome.kind];
}

export const plural = (n: number, what: string): string => `${n.toLocaleString("en")} ${what}${n === 1 ? "" : "s"}`;

/** The verdict first, then what it rests on, then who can be refused by whom, then the trace. */
export function checkText(loaded: LoadedScenario, result: CheckResult, reproduce: string): string {
  const outcome = doubted(result.outcome, loaded.doubts);
  const head =
    outcome.kind === "violated"
      ? `violated: ${outcome.property}`
      : outcome.kind === "holds"
        ? "holds"
        : `inconclusive: ${outcome.reason}`;
  const blocks = [
    `${loaded.scenario.name}: ${head}\n`,
    paragraph(proofSentences(loaded, result, outcome.kind === "holds")),
    coverage(result),
    busyText(result.busy),
    silentText(result.neverRan),
  ];
  for (const violation of result.violations) {
    const { trace, shortest } = violation;
    const length = runLength(trace.steps.length, trace.loop, shortest);
    blocks.push(
      trace === result.trace
        ? `${violation.property} (${length}):\n\n${renderTraceText(trace)}`
        : `also violated: ${violation.property} (${length})\n`,
    );
  }
  return `${blocks.filter((block) => block !== "").join("\n")}\n${reproduce}\n`;
}

function coverage(result: CheckResult): string {
  const rows = [
    ["states", result.states.toLocaleString("en")],
    ["transitions", result.transitions.toLocaleString("en")],
    ["depth", String(result.depth)],
    ["seconds", result.seconds.toFixed(2)],
    ["reductions", result.reductions.join("; ") || "none"],
    [
      "not explored",
      result.frontier === 0 ? "nothing" : `${result.frontier.toLocaleString("en")} states were found but not expanded`,
    ],
  ];
  return rows.map(([name, value]) => `${String(name).padEnd(13)} ${String(value)}\n`).join("");
}

function busyText(busy: readonly BusyEntry[]): string {
  if (busy.length === 0) return "No call is ever BUSY.\n";
  const rows = busy.map(({ leaf, process, resource, holders, unheld, status }) => [
    leaf ?? process,
    resource,
    [...holders, ...(unheld ? ["nobody in sight"] : [])].join(", "),
    status ?? "",
  ]);
  return `BUSY that some run meets:\n${table([["call", "resource", "held by", "status"], ...rows])}`;
}

function silentText(silent: readonly SilentStep[]): string {
  return silent.length === 0 ? "" : `${plural(silent.length, "step")} of the model never ran; --json lists them.\n`;
}
