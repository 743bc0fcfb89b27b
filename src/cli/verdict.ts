/** What a check found, as text, and the exit status that says it. */
import type { Catalog } from "../catalog/index.ts";
import type { BusyEntry, CheckResult, SilentStep } from "../check/index.ts";
import { doubted } from "../model/index.ts";
import { busyStatus, count, paragraph, proofSentences, renderTraceText, runLength, wrap } from "../report/index.ts";
import { thousands } from "../text.ts";
import { EXIT, type ExitStatus } from "./io.ts";
import type { LoadedScenario } from "./scenarios.ts";
import { table } from "./table.ts";

/** The exit status that goes with a verdict; one on facts with a hole is never certain. */
export function exitOf({ doubts }: LoadedScenario, { outcome }: CheckResult, interrupted: boolean): ExitStatus {
  if (interrupted) return EXIT.interrupted;
  if (doubts.length > 0) return EXIT.inconclusive;
  return { holds: EXIT.done, violated: EXIT.finding, inconclusive: EXIT.inconclusive }[outcome.kind];
}

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
    busyText(result.busy, loaded.catalog),
    silentText(result.neverRan),
  ];
  for (const violation of result.violations) {
    const { trace, shortest } = violation;
    const length = runLength(trace.steps.length, trace.loop, shortest);
    blocks.push(
      trace === result.trace
        ? `${violation.property} (${length}):\n\n${renderTraceText(trace, loaded.catalog)}`
        : `also violated: ${violation.property} (${length})\n`,
    );
  }
  return `${blocks.filter((block) => block !== "").join("\n")}\n${reproduce}\n`;
}

function coverage(result: CheckResult): string {
  const rows = [
    ["states", thousands(result.states)],
    ["transitions", thousands(result.transitions)],
    ["depth", String(result.depth)],
    ["seconds", result.seconds.toFixed(2)],
    ["reductions", result.reductions.join("; ") || "none"],
    [
      "not explored",
      result.frontier === 0 ? "nothing" : `${thousands(result.frontier)} states were found but not expanded`,
    ],
  ];
  return rows.map(([name, value]) => `${String(name).padEnd(13)} ${String(value)}\n`).join("");
}

function busyText(busy: readonly BusyEntry[], catalog: Catalog): string {
  if (busy.length === 0) return "No call is ever BUSY.\n";
  // Host and guest may use one primitive, and are refused otherwise.
  const makers = (of: string | null): number => new Set(busy.filter((b) => b.leaf === of).map((b) => b.process)).size;
  const found = busy.map(({ leaf, process, resource, holders, unheld, status }) => [
    leaf === null ? process : makers(leaf) > 1 ? `${leaf} (${process})` : leaf,
    resource,
    [...holders, ...(unheld ? ["nobody in sight"] : [])].join(", "),
    status === null ? "BUSY" : busyStatus(catalog, status),
  ]);
  const rows = [["call", "resource", "held by", "status"], ...found];
  return `BUSY that some run meets:\n${table(rows.flatMap((row) => folded(row, rows)))}`;
}

const WIDTH = 100;
const HOLDERS = 2;
/** The longest name of a call has room in any case. */
const LEAST = 30;

/** A row whose holders go on in further lines where the table would be wider than {@link WIDTH}. */
function folded(row: readonly string[], all: readonly (readonly string[])[]): string[][] {
  const others = row.flatMap((_, i) => (i === HOLDERS ? [] : [Math.max(...all.map((one) => one[i]?.length ?? 0)) + 2]));
  const room = Math.max(LEAST, WIDTH - others.reduce((sum, width) => sum + width, 0));
  const lines = wrap(row[HOLDERS] ?? "", 0, 0, room);
  return lines.map((line, n) => row.map((cell, i) => (i === HOLDERS ? line : n === 0 ? cell : "")));
}

function silentText(silent: readonly SilentStep[]): string {
  return silent.length === 0 ? "" : `${count(silent.length, "step")} of the model never ran; --json lists them.\n`;
}
