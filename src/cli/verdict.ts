/** What a check or a simulation found: the documents of the contract, and their text. */
import type { BusyEntry, CheckResult, SilentStep } from "../check/index.ts";
import type { Trace } from "../language/index.ts";
import { renderTraceText } from "../report/index.ts";
import type { SimulationResult } from "../simulate/index.ts";
import { EXIT, type ExitStatus } from "./io.ts";
import type { LoadedScenario } from "./scenarios.ts";
import { table } from "./table.ts";

const policyOf = ({ parameters }: LoadedScenario): string | null =>
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

/** `seamlock/check@1`. */
export function checkDocument(loaded: LoadedScenario, result: CheckResult, reproduce: string) {
  return {
    schema: "seamlock/check@1" as const,
    scenario: loaded.scenario.name,
    policy: policyOf(loaded),
    parameters: loaded.parameters,
    outcome: result.outcome,
    states: result.states,
    transitions: result.transitions,
    depth: result.depth,
    seconds: result.seconds,
    exact: result.exact,
    reductions: result.reductions,
    busy: result.busy.map(busyOf),
    neverRan: result.neverRan,
    vacuous: result.vacuous,
    violations: result.violations.map(({ kind, property, trace, shortest }) => ({
      kind,
      property,
      steps: trace.steps.length,
      shortest,
    })),
    initial: result.trace?.initial ?? null,
    trace: stepsOf(result.trace),
    loop: result.trace?.loop ?? null,
    reproduce,
  };
}

/** `seamlock/simulate@1`. */
export function simulateDocument(loaded: LoadedScenario, result: SimulationResult, reproduce: string) {
  const { violations, trace, reproduce: repeat, ...counts } = result;
  return {
    schema: "seamlock/simulate@1" as const,
    scenario: loaded.scenario.name,
    policy: policyOf(loaded),
    parameters: loaded.parameters,
    ...repeat,
    ...counts,
    violations: violations.map((violation) => ({
      property: violation.property,
      run: violation.reproduce.run,
      trace: violation.trace.steps,
    })),
    trace: stepsOf(trace),
    reproduce,
  };
}

/** The exit status that goes with a verdict. */
export function exitOf(result: CheckResult, interrupted: boolean): ExitStatus {
  if (interrupted) return EXIT.interrupted;
  return { holds: EXIT.done, violated: EXIT.finding, inconclusive: EXIT.inconclusive }[result.outcome.kind];
}

const plural = (n: number, what: string): string => `${n.toLocaleString("en")} ${what}${n === 1 ? "" : "s"}`;

/** The verdict first, then what it rests on, then who can be refused by whom, then the trace. */
export function checkText(loaded: LoadedScenario, result: CheckResult, reproduce: string): string {
  const { outcome } = result;
  const head =
    outcome.kind === "violated"
      ? `violated: ${outcome.property}`
      : outcome.kind === "holds"
        ? "holds"
        : `inconclusive: ${outcome.reason}`;
  const blocks = [
    `${loaded.scenario.name}: ${head}\n`,
    coverage(result),
    busyText(result.busy),
    silentText(result.neverRan),
  ];
  for (const name of result.vacuous) blocks.push(`never met: ${name}\n`);
  for (const violation of result.violations) {
    const length = `${plural(violation.trace.steps.length, "step")}${violation.shortest ? ", the shortest" : ""}`;
    blocks.push(
      violation.trace === result.trace
        ? `${violation.property} (${length}):\n\n${renderTraceText(violation.trace)}`
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

/** What happened in the runs, then the first violation's trace. */
export function simulateText(loaded: LoadedScenario, result: SimulationResult, reproduce: string): string {
  const rate =
    result.seconds > 0 ? `, ${Math.round(result.steps / result.seconds).toLocaleString("en")} steps a second` : "";
  const blocks = [`${loaded.scenario.name}: ${plural(result.runs, "run")}, ${plural(result.steps, "step")}${rate}\n`];
  const rows = [...result.busy]
    .sort((a, b) => b.count - a.count)
    .map(({ leaf, process, resource, holder, status, count }) => [
      leaf ?? process,
      resource,
      holder ?? "nobody in sight",
      status ?? "",
      String(count),
    ]);
  blocks.push(
    rows.length === 0
      ? "No call was BUSY.\n"
      : `BUSY:\n${table([["call", "resource", "held by", "status", "times"], ...rows])}`,
  );
  for (const { counter, leaf, histogram } of result.counters) {
    const bars = Object.entries(histogram).map(([value, times]) => [value, String(times)]);
    blocks.push(`${counter}${leaf === null ? "" : ` of ${leaf}`}:\n${table([[counter, "calls"], ...bars])}`);
  }
  blocks.push(dwellText(result));
  for (const { property, trace } of result.violations)
    blocks.push(`violated: ${property} (${plural(trace.steps.length, "step")})\n`);
  const [first] = result.violations;
  const shown = first?.trace ?? result.trace;
  if (shown !== null && shown !== undefined) blocks.push(renderTraceText(shown));
  return `${blocks.filter((block) => block !== "").join("\n")}\n${reproduce}\n`;
}

/** How long vCPUs were kept out by a bar. */
function dwellText({ dwell }: SimulationResult): string {
  const waits = dwell.filter(
    ({ instance, label }) => instance.startsWith("vcpu") && (label === "outside" || label === "fault"),
  );
  if (waits.length === 0) return "";
  const rows = waits.map(({ instance, label, cost, visits }) => [
    instance,
    label,
    cost.toLocaleString("en"),
    String(visits),
  ]);
  return `cost that passed while vCPUs were kept out:\n${table([["vCPU", "where", "cost", "times"], ...rows])}`;
}
