/** Traces in the languages of other tools: Mermaid sequence diagrams, and Perfetto's JSON with one track per actor and per lock. */
import { BUSY, type Trace, type TraceStep } from "../language/index.ts";

const objectName = (step: TraceStep): string => `${step.resource}${step.object === null ? "" : `[${step.object}]`}`;
const actors = (trace: Trace): string[] => [...new Set(trace.steps.map(({ actor }) => actor))];
const changes = (step: TraceStep): string =>
  Object.entries(step.state)
    .map(([name, value]) => `${name} = ${value}`)
    .join(", ");

/** Mermaid's own syntax must not appear in its texts. */
const plain = (text: string): string => text.replace(/[;#]/g, ",").replace(/[<>{}]/g, " ");

function mermaidStep(step: TraceStep, ids: ReadonlyMap<string, string>): string[] {
  const actor = ids.get(step.actor) as string;
  const words = [step.leaf, step.action, step.mode].filter((word) => word !== null).join(" ");
  const detail = step.note ?? changes(step);
  if (step.resource !== null && (step.action === "acquire" || step.action === "release")) {
    const lock = ids.get(objectName(step)) as string;
    const arrow = step.result === BUSY ? "-x" : step.action === "acquire" ? "->>" : "-->>";
    const result = step.result === BUSY ? `: BUSY${step.status === null ? "" : ` ${step.status}`}` : "";
    return [`  ${actor}${arrow}${lock}: ${plain(words + result)}`];
  }
  return [
    `  Note over ${actor}: ${plain([words, step.status, detail].filter((text) => text).join(" · ") || step.label)}`,
  ];
}

/** A trace as a Mermaid sequence diagram: actors, and the objects they lock. */
export function toMermaid(trace: Trace): string {
  const locks = trace.steps
    .filter(({ resource, action }) => resource !== null && (action === "acquire" || action === "release"))
    .map(objectName);
  const names = [...actors(trace), ...new Set(locks)];
  const ids = new Map(names.map((name, i) => [name, `n${i}`]));
  const lines = ["sequenceDiagram", ...names.map((name) => `  participant ${ids.get(name)} as ${plain(name)}`)];
  trace.steps.forEach((step, i) => {
    if (i === trace.loop) lines.push("  loop for ever");
    lines.push(...mermaidStep(step, ids));
    if (step.fault !== null) lines.push(`  Note over ${ids.get(step.actor)}: violated ${plain(step.fault.name)}`);
  });
  if (trace.loop !== null) lines.push("  end");
  return `${lines.join("\n")}\n`;
}

/** Microseconds that one step takes on the drawn time line; the model has no time, only order. */
const STEP = 10;

interface PerfettoEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  readonly ts?: number;
  readonly dur?: number;
  readonly args?: Record<string, unknown>;
}

/** Calls: consecutive steps of one actor on behalf of one leaf. */
function calls(trace: Trace, tids: ReadonlyMap<string, number>): PerfettoEvent[] {
  const open = new Map<string, { leaf: string; from: number; last: number }>();
  const events: PerfettoEvent[] = [];
  const close = (actor: string) => {
    const call = open.get(actor);
    if (call === undefined) return;
    events.push({
      name: call.leaf,
      ph: "X",
      pid: 1,
      tid: tids.get(actor) as number,
      ts: call.from * STEP,
      dur: (call.last - call.from + 1) * STEP,
    });
    open.delete(actor);
  };
  trace.steps.forEach((step, i) => {
    const call = open.get(step.actor);
    if (call !== undefined && call.leaf !== step.leaf) close(step.actor);
    const continued = open.get(step.actor);
    if (step.leaf === null) return;
    open.set(step.actor, continued === undefined ? { leaf: step.leaf, from: i, last: i } : { ...continued, last: i });
  });
  for (const actor of [...open.keys()]) close(actor);
  return events;
}

/** Who held which lock when. A lock still held at the end is drawn to the end. */
function holds(trace: Trace, tids: ReadonlyMap<string, number>): PerfettoEvent[] {
  const open = new Map<string, { actor: string; lock: string; mode: string | null; from: number }>();
  const events: PerfettoEvent[] = [];
  const close = (key: string, end: number) => {
    const hold = open.get(key);
    if (hold === undefined) return;
    events.push({
      name: `${hold.actor} ${hold.mode ?? ""}`.trim(),
      ph: "X",
      pid: 2,
      tid: tids.get(hold.lock) as number,
      ts: hold.from * STEP,
      dur: (end - hold.from) * STEP,
    });
    open.delete(key);
  };
  trace.steps.forEach((step, i) => {
    if (step.resource === null) return;
    const lock = objectName(step);
    const key = JSON.stringify([step.actor, lock]);
    if (step.action === "acquire" && step.result !== BUSY)
      open.set(key, { actor: step.actor, lock, mode: step.mode, from: i });
    if (step.action !== "release") return;
    // A release without an object frees whatever its actor holds of that resource.
    for (const [held, hold] of [...open]) {
      if (
        hold.actor === step.actor &&
        (hold.lock === lock || (step.object === null && hold.lock.startsWith(`${step.resource}[`)))
      )
        close(held, i + 1);
    }
  });
  for (const key of [...open.keys()]) close(key, trace.steps.length);
  return events;
}

/** A trace as Perfetto (Chrome trace event) JSON: one track per actor with its calls and steps, one per lock with its holders. */
export function toPerfetto(trace: Trace): {
  readonly displayTimeUnit: "ms";
  readonly traceEvents: readonly PerfettoEvent[];
} {
  const actorTids = new Map(actors(trace).map((name, i) => [name, i + 1]));
  const locks = [...new Set(trace.steps.filter(({ resource }) => resource !== null).map(objectName))];
  const lockTids = new Map(locks.map((name, i) => [name, i + 1]));
  const track = (pid: number, tid: number, name: string): PerfettoEvent => ({
    name: "thread_name",
    ph: "M",
    pid,
    tid,
    args: { name },
  });
  const group = (pid: number, name: string): PerfettoEvent => ({
    name: "process_name",
    ph: "M",
    pid,
    tid: 0,
    args: { name },
  });
  const steps = trace.steps.map((step, i): PerfettoEvent => {
    const what = [step.action ?? step.label, step.resource === null ? null : objectName(step), step.mode, step.result]
      .filter((word) => word !== null)
      .join(" ");
    return {
      name: what,
      ph: "X",
      pid: 1,
      tid: actorTids.get(step.actor) as number,
      ts: i * STEP,
      dur: STEP,
      args: { ...step.state, label: step.label, ...(step.status !== null && { status: step.status }) },
    };
  });
  const traceEvents = [
    group(1, "actors"),
    group(2, "locks"),
    ...[...actorTids].map(([name, tid]) => track(1, tid, name)),
    ...[...lockTids].map(([name, tid]) => track(2, tid, name)),
    ...calls(trace, actorTids),
    ...steps,
    ...holds(trace, lockTids),
  ];
  return { displayTimeUnit: "ms", traceEvents };
}
