/** A Trace out of a JSON document that anybody may have written. */
import type { HostPriorityBit, Trace, TraceStep } from "./trace.ts";

/** A run as `check --json` and `simulate --json` write it, or as {@link Trace} itself; null when the document has none. */
export function traceOfDocument(document: unknown): Trace | null {
  if (!isRecord(document)) return null;
  const { initial, trace, loop, scenario, steps, hostPriority } = document;
  const found = Array.isArray(trace) ? trace : steps;
  if (!Array.isArray(found) || found.length === 0 || !found.every(isStep)) return null;
  if (!isLoop(loop ?? null, found.length)) return null;
  return {
    model: typeof scenario === "string" ? scenario : "file",
    initial: isRecord(initial) ? (initial as Trace["initial"]) : {},
    ...(Array.isArray(hostPriority) && { hostPriority: hostPriority.flatMap(wholeBit) }),
    steps: found.map(wholeStep),
    loop: typeof loop === "number" ? loop : null,
  };
}

/** A run repeats from one of its own steps, or not at all. */
const isLoop = (loop: unknown, steps: number): boolean =>
  loop === null || (Number.isInteger(loop) && (loop as number) >= 0 && (loop as number) < steps);

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isStep(value: unknown): value is Record<string, unknown> {
  return isRecord(value) && typeof value["actor"] === "string";
}

function wholeBit(bit: unknown): HostPriorityBit[] {
  if (!isRecord(bit)) return [];
  const { variable, resource, object } = bit;
  if (typeof variable !== "string" || typeof resource !== "string") return [];
  return [{ variable, resource, object: typeof object === "number" ? object : null }];
}

/** A step with every field, whatever another program left out or wrote as something else. */
function wholeStep(step: Record<string, unknown>): TraceStep {
  const text = (key: string): string | null => (typeof step[key] === "string" ? step[key] : null);
  const count = (key: string): number | null => (typeof step[key] === "number" ? step[key] : null);
  const record = <T>(key: string): T | null => (isRecord(step[key]) ? (step[key] as T) : null);
  return {
    process: text("process") ?? "",
    instance: count("instance") ?? 0,
    label: text("label") ?? "",
    next: text("next") ?? "",
    alternative: count("alternative") ?? 0,
    choices: record<TraceStep["choices"]>("choices") ?? {},
    actor: text("actor") ?? "",
    leaf: text("leaf"),
    action: text("action"),
    resource: text("resource"),
    ...(typeof step["lock"] === "string" && { lock: step["lock"] }),
    object: count("object"),
    mode: text("mode"),
    result: text("result"),
    status: text("status"),
    note: text("note"),
    state: record<TraceStep["state"]>("state") ?? {},
    fault: record<NonNullable<TraceStep["fault"]>>("fault"),
  };
}
