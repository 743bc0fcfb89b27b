/** Traces in the languages of other tools: Mermaid sequence diagrams, and Perfetto's JSON with one track per actor and per lock. */
import { BUSY, lockName, type Trace, type TraceStep } from "../language/index.ts";

/** A lock has one track and one name, whatever the calls call it. */
const objectName = (step: TraceStep): string => lockName(step) ?? "";
const actors = (trace: Trace): string[] => [...new Set(trace.steps.map(({ actor }) => actor))];
const changes = (step: TraceStep): string =>
  Object.entries(step.state)
    .map(([name, value]) => `${name} = ${value}`)
    .join(", ");

/** Mermaid's own syntax must not appear in its texts, nor an end of line, which would begin a statement. */
const plain = (text: string): string =>
  text
    .replaceAll("->", "→")
    .replace(/[;#]/g, ",")
    .replace(/[<>{}]/g, " ")
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ");

/** What a status is called. */
type StatusNames = (status: string) => string;

function mermaidStep(step: TraceStep, ids: ReadonlyMap<string, string>, named: StatusNames): string[] {
  const actor = ids.get(step.actor) as string;
  const words = [step.leaf, step.action, step.mode].filter((word) => word !== null).join(" ");
  const detail = step.note ?? changes(step);
  const status = step.status === null ? null : named(step.status);
  if (onLock(step)) {
    const lock = ids.get(objectName(step)) as string;
    const arrow = step.result === BUSY ? "-x" : step.action === "acquire" ? "->>" : "-->>";
    const result = step.result === BUSY ? `: ${status ?? "BUSY"}` : "";
    return [`  ${actor}${arrow}${lock}: ${plain(words + result)}`];
  }
  return [`  Note over ${actor}: ${plain([words, status, detail].filter((text) => text).join(" · ") || step.label)}`];
}

/** A trace as a Mermaid sequence diagram: actors, and the objects they lock. `named` says what a status is called. */
export function toMermaid(trace: Trace, named: StatusNames): string {
  const locks = trace.steps.filter(onLock).map(objectName);
  const names = [...actors(trace), ...new Set(locks)];
  const ids = new Map(names.map((name, i) => [name, `n${i}`]));
  const lines = ["sequenceDiagram", ...names.map((name) => `  participant ${ids.get(name)} as ${plain(name)}`)];
  trace.steps.forEach((step, i) => {
    if (i === trace.loop) lines.push("  loop for ever");
    lines.push(...mermaidStep(step, ids, named));
    if (step.fault !== null) lines.push(`  Note over ${ids.get(step.actor)}: violated ${plain(step.fault.name)}`);
  });
  if (trace.loop !== null) lines.push("  end");
  return `${lines.join("\n")}\n`;
}

/** Microseconds that one step takes on the drawn time line; the model has no time, only order. */
const STEP = 10;

/** An event of the trace event format: `M` metadata, `X` a span, `i` a moment. Times are in microseconds. */
export interface PerfettoEvent {
  readonly name: string;
  readonly ph: "M" | "X" | "i";
  readonly pid: number;
  readonly tid: number;
  readonly ts?: number;
  readonly dur?: number;
  /** Of a moment: how much of the picture it crosses, a thread's track or all of it. */
  readonly s?: "t" | "g";
  readonly args?: Record<string, unknown>;
}

const ACTORS = 1;
const LOCKS = 2;

/** Does the step take or give back a lock, or try to? */
const onLock = ({ resource, action }: TraceStep): boolean =>
  resource !== null && (action === "acquire" || action === "release");
const granted = ({ action, result, fault }: TraceStep): boolean =>
  action === "acquire" && (result === null || result === "ok") && fault === null;

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
      pid: ACTORS,
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

/** A time for which somebody has a lock, in steps. */
interface HeldSpan {
  readonly lock: string;
  readonly who: string;
  readonly from: number;
  readonly to: number;
}

/** Who held which lock when. A lock still held at the end is drawn to the end. */
function holds(trace: Trace): HeldSpan[] {
  const open = new Map<
    string,
    { actor: string; lock: string; resource: string | null; mode: string | null; from: number }
  >();
  const found: HeldSpan[] = [];
  const close = (key: string, to: number) => {
    const hold = open.get(key);
    open.delete(key);
    if (hold === undefined || to === hold.from) return;
    found.push({ lock: hold.lock, who: `${hold.actor} ${hold.mode ?? ""}`.trim(), from: hold.from, to });
  };
  trace.steps.forEach((step, i) => {
    if (!onLock(step)) return;
    const lock = objectName(step);
    const key = JSON.stringify([step.actor, lock, step.resource]);
    if (granted(step)) {
      // Whoever promotes or demotes a lock holds it in another mode from here on.
      close(key, i);
      open.set(key, { actor: step.actor, lock, resource: step.resource, mode: step.mode, from: i });
    }
    if (step.action !== "release") return;
    // A release without an object frees whatever its actor holds of that resource.
    for (const [held, hold] of [...open]) {
      if (hold.actor === step.actor && hold.resource === step.resource && (hold.lock === lock || step.object === null))
        close(held, i + 1);
    }
  });
  for (const key of [...open.keys()]) close(key, trace.steps.length);
  return found.sort((a, b) => a.from - b.from || b.to - a.to);
}

/** The tracks of a lock: one, and more where several hold it at once, since spans of one track must not cross. */
class LockTracks {
  readonly names: string[] = [];
  readonly #first = new Map<string, number>();
  readonly #tracks = new Map<string, { readonly tid: number; end: number }[]>();

  constructor(locks: readonly string[], held: readonly HeldSpan[]) {
    for (const lock of locks) {
      this.#tracks.set(lock, []);
      this.#first.set(lock, this.#add(lock, 1).tid);
      for (const hold of held) if (hold.lock === lock) this.place(hold);
      for (const track of this.#tracks.get(lock) ?? []) track.end = 0;
    }
  }

  #add(lock: string, number: number) {
    this.names.push(number === 1 ? lock : `${lock} (${number})`);
    const track = { tid: this.names.length, end: 0 };
    this.#tracks.get(lock)?.push(track);
    return track;
  }

  /** The track for a hold; holds of a lock must be asked for in the order of their beginning. */
  place({ lock, from, to }: HeldSpan): number {
    const tracks = this.#tracks.get(lock) ?? [];
    const track = tracks.find(({ end }) => end <= from) ?? this.#add(lock, tracks.length + 1);
    track.end = to;
    return track.tid;
  }

  first(lock: string): number {
    return this.#first.get(lock) as number;
  }
}

const span = (name: string, pid: number, tid: number, from: number, to: number): PerfettoEvent => ({
  name,
  ph: "X",
  pid,
  tid,
  ts: from * STEP,
  dur: (to - from) * STEP,
});

/** Tries that are refused, where the run begins to repeat, and what fails at its end. */
function moments(trace: Trace, actorTids: ReadonlyMap<string, number>, locks: LockTracks): PerfettoEvent[] {
  return trace.steps.flatMap((step, i): PerfettoEvent[] => {
    const at = { ph: "i", ts: i * STEP } as const;
    const actor = { pid: ACTORS, tid: actorTids.get(step.actor) as number };
    return [
      ...(i === trace.loop ? [{ ...at, ...actor, name: "from here on for ever", s: "g" } as const] : []),
      ...(onLock(step) && step.result === BUSY
        ? [{ ...at, name: `${step.actor} BUSY`, pid: LOCKS, tid: locks.first(objectName(step)), s: "t" } as const]
        : []),
      ...(step.fault === null ? [] : [{ ...at, ...actor, name: `violated: ${step.fault.name}`, s: "g" } as const]),
    ];
  });
}

/**
 * A trace as Perfetto (Chrome trace event) JSON: one track per actor with its calls and steps, one per lock with its holders, and further
 * ones for a lock that several share at once. Spans of one track follow or contain each other.
 */
export function toPerfetto(trace: Trace): {
  readonly displayTimeUnit: "ms";
  readonly traceEvents: readonly PerfettoEvent[];
} {
  const actorTids = new Map(actors(trace).map((name, i) => [name, i + 1]));
  const held = holds(trace);
  const locks = new LockTracks([...new Set(trace.steps.filter(onLock).map(objectName))], held);
  const named = (what: string, pid: number, tid: number, name: string): PerfettoEvent => ({
    name: what,
    ph: "M",
    pid,
    tid,
    args: { name },
  });
  const steps = trace.steps.map((step, i): PerfettoEvent => {
    const what = [step.action ?? step.label, step.resource === null ? null : objectName(step), step.mode, step.result]
      .filter((word) => word !== null)
      .join(" ");
    return {
      ...span(what, ACTORS, actorTids.get(step.actor) as number, i, i + 1),
      args: { ...step.state, label: step.label, ...(step.status !== null && { status: step.status }) },
    };
  });
  const traceEvents = [
    named("process_name", ACTORS, 0, "actors"),
    named("process_name", LOCKS, 0, "locks"),
    ...[...actorTids].map(([name, tid]) => named("thread_name", ACTORS, tid, name)),
    ...locks.names.map((name, i) => named("thread_name", LOCKS, i + 1, name)),
    ...calls(trace, actorTids),
    ...steps,
    ...held.map((hold) => span(hold.who, LOCKS, locks.place(hold), hold.from, hold.to)),
    ...moments(trace, actorTids, locks),
  ];
  return { displayTimeUnit: "ms", traceEvents };
}
