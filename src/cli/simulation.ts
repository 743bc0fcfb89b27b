/** What a simulation found: the document of the contract, and its text. */
import type { Catalog } from "../catalog/index.ts";
import type { Trace } from "../language/index.ts";
import { busyStatus, count, paragraph, renderTraceText, simulationSentences } from "../report/index.ts";
import type { BusyCount, CostModel, SimulatedViolation, SimulationResult, StretchCount } from "../simulate/index.ts";
import { thousands } from "../text.ts";
import { policyOf } from "./check-document.ts";
import type { LoadedScenario } from "./scenarios.ts";
import type { Made } from "./simulate-runs.ts";
import { table } from "./table.ts";

/** A trace that is shown, with what it shows. */
export type Shown = {
  readonly trace: Trace;
  /** Did somebody ask for this one? */
  readonly asked: boolean;
} & (
  | { readonly kind: "run"; readonly run: number }
  | { readonly kind: "violation"; readonly violation: SimulatedViolation }
  | { readonly kind: "busy"; readonly busy: BusyCount; readonly row: number }
);

/** Everything that is printed. */
export interface Simulation {
  readonly loaded: LoadedScenario;
  readonly made: Made;
  readonly costs: CostModel;
  readonly shown: readonly Shown[];
  /** The line that repeats all of it, and one that repeats a single run. */
  readonly reproduce: string;
  readonly reproduceRun: (run: number) => string;
}

/** Sites as the table lists them: most frequent first. */
export function busyRows({ busy }: SimulationResult): BusyCount[] {
  return [...busy].sort((a, b) => b.count - a.count);
}

/** `seamlock/simulate@1`. */
export function simulateDocument({ loaded, made, costs, shown, reproduce, reproduceRun }: Simulation) {
  const { result, interrupted } = made;
  const { violations, trace: _, reproduce: repeat, busy: __, ...counts } = result;
  const traceOf = (wanted: BusyCount | SimulatedViolation): Trace["steps"] | null => {
    const found = shown.find(
      (one) => (one.kind === "busy" && one.busy === wanted) || (one.kind === "violation" && one.violation === wanted),
    );
    return found?.trace.steps ?? null;
  };
  const run = shown.find(({ kind }) => kind === "run");
  return {
    schema: "seamlock/simulate@1" as const,
    scenario: loaded.scenario.name,
    policy: policyOf(loaded),
    parameters: loaded.parameters,
    ...repeat,
    stepsPerRun: repeat.steps,
    interrupted,
    doubts: loaded.doubts,
    costs,
    ...counts,
    busy: busyRows(result).map((busy) => ({
      ...busy,
      reproduce: reproduceRun(busy.soonest.run),
      trace: traceOf(busy),
    })),
    violations: violations.map((violation) => ({
      property: violation.property,
      runs: violation.runs,
      run: violation.reproduce.run,
      steps: violation.steps,
      reproduce: reproduceRun(violation.reproduce.run),
      trace: traceOf(violation),
    })),
    initial: shown[0]?.trace.initial ?? null,
    ...(shown[0]?.trace.hostPriority && { hostPriority: shown[0].trace.hostPriority }),
    trace: run?.trace.steps ?? null,
    reproduce,
  };
}

/** What happened in the runs, then traces, then the line that repeats it. */
export function simulateText(simulation: Simulation): string {
  const { loaded, made, costs, shown, reproduce, reproduceRun } = simulation;
  const { result } = made;
  const blocks = [
    headText(loaded, made),
    paragraph(
      simulationSentences(loaded, made.result.reproduce.schedule, made.result.runs, made.result.reproduce.seed),
    ),
    violationsText(result),
    busyText(result, loaded.catalog),
    retriesText(result),
    stretchesText(result, costs),
    ...shown.map((one) => shownText(one, loaded.catalog, reproduceRun)),
    `All of this again:\n${reproduce}\n`,
  ];
  return blocks.filter((block) => block !== "").join("\n");
}

function headText({ scenario }: LoadedScenario, { result, interrupted, cutAt }: Made): string {
  const rate =
    result.seconds > 0 && result.steps > 0 ? `, ${thousands(Math.round(result.steps / result.seconds))} a second` : "";
  const cut = cutAt === null ? "interrupted; these runs were made" : "interrupted in the first run";
  return `${scenario.name}: ${count(result.runs, "run")}, ${count(result.steps, "step")}${rate}\n${interrupted ? `${cut}\n` : ""}`;
}

function violationsText({ violations, runs }: SimulationResult): string {
  const rows = violations.map(({ property, runs: broken, reproduce }) => [
    `  ${property}`,
    `in ${thousands(broken)} of ${count(runs, "run")}, first in run ${reproduce.run}`,
  ]);
  return rows.length === 0 ? "" : `Violated:\n${table(rows)}`;
}

/** A leaf, and who calls it where that is not clear. */
function callNames({ busy }: SimulationResult): (leaf: string | null, process: string) => string {
  const callers = new Map<string, Set<string>>();
  for (const { leaf, process, holder, holderProcess } of busy) {
    for (const [name, by] of [
      [leaf, process],
      [holder, holderProcess],
    ] as const) {
      if (name !== null && by !== null) callers.set(name, (callers.get(name) ?? new Set()).add(by));
    }
  }
  return (leaf, process) =>
    leaf === null ? process : (callers.get(leaf)?.size ?? 0) > 1 ? `${leaf} (${process})` : leaf;
}

function busyText(result: SimulationResult, catalog: Catalog): string {
  const call = callNames(result);
  const rows = busyRows(result).map(({ leaf, process, resource, holder, holderProcess, status, count }, i) => [
    String(i + 1),
    call(leaf, process),
    resource,
    holder === null ? "nobody in sight" : call(holder, holderProcess ?? ""),
    status === null ? "" : busyStatus(catalog, status),
    thousands(count),
  ]);
  if (rows.length === 0) return "No call was BUSY.\n";
  return `BUSY:\n${table([["#", "call", "resource", "held by", "status", "times"], ...rows])}`;
}

/** Counters per stretch where a process has them, else per call. */
function retriesText({ stretches, counters }: SimulationResult): string {
  const counting = stretches.filter(({ counters: inside }) => Object.keys(inside).length > 0);
  const blocks = [...new Set(counting.map(({ stretch }) => stretch))].flatMap((stretch) => {
    const endings = counting.filter((one) => one.stretch === stretch);
    const names = [...new Set(endings.flatMap((one) => Object.keys(one.counters)))];
    return names.map((counter) =>
      histogramText(
        `${counter} of a ${stretch}`,
        counter,
        endings.map(({ as, counters: inside }) => [as ?? "cut off", inside[counter] ?? {}] as const),
      ),
    );
  });
  // Where stretches tell it, calls would only repeat it.
  const calls =
    blocks.length > 0
      ? []
      : [...new Set(counters.map(({ counter }) => counter))].map((counter) =>
          histogramText(
            `${counter} of a call`,
            counter,
            counters.flatMap((one) => (one.counter === counter ? [[one.leaf ?? "", one.histogram] as const] : [])),
          ),
        );
  return [...blocks, ...calls].join("\n");
}

type Column = readonly [name: string, histogram: Readonly<Record<string, number>>];

function histogramText(title: string, counter: string, columns: readonly Column[]): string {
  const values = [...new Set(columns.flatMap(([, histogram]) => Object.keys(histogram)))].sort(
    (a, b) => Number(a) - Number(b),
  );
  const rows = values.map((value) => [value, ...columns.map(([, histogram]) => thousands(histogram[value] ?? 0))]);
  return `${title[0]?.toUpperCase()}${title.slice(1)}:\n${table([[counter, ...columns.map(([name]) => name)], ...rows])}`;
}

/** How long stretches took, and by which measure. */
function stretchesText({ stretches }: SimulationResult, costs: CostModel): string {
  if (stretches.length === 0) return "";
  const rows = stretches.map((one) => [
    one.process,
    one.stretch,
    one.as ?? "cut off",
    thousands(one.count),
    (one.cost / one.count).toFixed(1),
    `<= ${thousands(quantile(one, 0.5))}`,
    `<= ${thousands(quantile(one, 0.99))}`,
    thousands(one.longest),
  ]);
  const head = ["who", "what", "ended", "times", "mean", "half", "99%", "longest"];
  return `Time, as the sum of the costs of all actors' steps;\n${costText(costs)}:\n${table([head, ...rows])}`;
}

function costText({ byLeaf = {}, byAction, otherwise }: CostModel): string {
  const own = Object.entries({ ...byAction, ...byLeaf }).map(([name, cost]) => `${name} costs ${cost}`);
  return [...own, `${own.length === 0 ? "every step" : "any other step"} costs ${otherwise}`].join(", ");
}

/** The bound that this share of the stretches does not exceed. */
function quantile({ durations, count, longest }: StretchCount, share: number): number {
  let seen = 0;
  for (const [bound, times] of Object.entries(durations)) {
    seen += times;
    if (seen >= share * count) return Math.min(Number(bound), longest);
  }
  return longest;
}

/** Traces that nobody asked for are shown up to so many steps. */
const READABLE = 120;

function shownText(shown: Shown, catalog: Catalog, reproduceRun: (run: number) => string): string {
  if (!shown.asked && shown.trace.steps.length > READABLE) {
    const which = shown.kind === "busy" ? String(shown.row) : shown.kind;
    return `${titleOf(shown)}\n(a trace of ${shown.trace.steps.length} steps; --show ${which} shows it)\n`;
  }
  const lanes = renderTraceText(shown.trace, catalog);
  if (shown.kind === "run") return `run ${shown.run}, as it went:\n\n${lanes}`;
  const { run } = shown.kind === "busy" ? shown.busy.soonest : shown.violation.reproduce;
  const part = "as short as it was found; steps that have no part in it are left out";
  return `${titleOf(shown)}\n(${part})\n\n${lanes}\nA whole run with it:\n${reproduceRun(run)}\n`;
}

function titleOf(shown: Shown): string {
  if (shown.kind === "run") return `run ${shown.run}`;
  if (shown.kind === "violation") return `violated: ${shown.violation.property}`;
  const { leaf, process, resource, holder } = shown.busy;
  return `#${shown.row}: ${leaf ?? process} finds ${resource} BUSY${holder === null ? "" : `, held by ${holder}`}`;
}
