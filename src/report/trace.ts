/** A run as text: one lane per actor, steps grouped by call, changed variables only. */
import type { Catalog } from "../catalog/index.ts";
import { lockText, type Trace, type TraceStep } from "../language/index.ts";
import { wrap } from "./blocks.ts";
import { refusalWords } from "./status.ts";

const GAP = "  ";
/** A mail's width; lanes share it as long as each keeps enough for a call's name and a lock's. */
const PAGE = 80;
const NARROWEST = 36;
const WIDEST = 46;

function laneWidth(actors: number, digits: number): number {
  const share = Math.floor((PAGE - digits - GAP.length * actors) / Math.max(1, actors));
  return Math.max(NARROWEST, Math.min(WIDEST, share));
}

/** What a step does, in a few words. */
function words(step: TraceStep, catalog: Catalog | null): string {
  const { action, mode, result, status, note } = step;
  const where = lockText(step) ?? "";
  const how = mode === null || mode === "NO_LOCK" || action === "release" ? "" : mode;
  const outcome = result === "busy" ? refusalWords(catalog, status) : (result ?? "");
  const head = [action === "effect" ? "" : action, where, how].filter((word) => word !== "" && word !== null).join(" ");
  const tail = [outcome === "ok" ? "" : outcome, note ?? ""].filter((word) => word !== "").join(", ");
  return [head, tail].filter((part) => part !== "").join(": ");
}

function changed(state: TraceStep["state"], width: number): readonly string[] {
  const values = Object.entries(state).map(([name, value]) => `${name}=${String(value)}`);
  return values.length === 0 ? [] : wrap(values.join(" "), 0, 0, width);
}

/** Lanes as text, statuses by the names that `catalog` has for them. A run that repeats for ever is marked where the repetition starts. */
export function renderTraceText(trace: Trace, catalog: Catalog | null = null): string {
  const actors = [...new Set(trace.steps.map(({ actor }) => actor))];
  const digits = String(trace.steps.length).length;
  const width = laneWidth(actors.length, digits);
  const row = (left: string, lane: number, text: string) =>
    `${left.padStart(digits)}${GAP}${" ".repeat(lane * (width + GAP.length))}${text}`.trimEnd();
  const lines = [`${" ".repeat(digits)}${GAP}${actors.map((actor) => actor.padEnd(width)).join(GAP)}`.trimEnd()];
  const calls = new Map<string, string | null>();
  trace.steps.forEach((step, i) => {
    const lane = actors.indexOf(step.actor);
    if (trace.loop === i) lines.push(row("", 0, "-- from here on for ever --"));
    if (step.leaf !== null && calls.get(step.actor) !== step.leaf) lines.push(row("", lane, `${step.leaf}:`));
    calls.set(step.actor, step.leaf);
    const indent = step.leaf === null ? "" : "  ";
    const cell = [
      ...wrap(words(step, catalog) || step.label, 0, 0, width - 2),
      ...changed(step.state, width - 6).map((line) => `  [${line}]`),
    ];
    for (const [n, line] of cell.entries()) lines.push(row(n === 0 ? String(i + 1) : "", lane, `${indent}${line}`));
    if (step.fault !== null)
      lines.push(
        row(
          "",
          lane,
          `${indent}** ${step.fault.kind === "assertion" ? `fails: ${step.fault.name}` : `out of range: ${step.fault.name}`}`,
        ),
      );
  });
  return `${lines.join("\n")}\n`;
}
