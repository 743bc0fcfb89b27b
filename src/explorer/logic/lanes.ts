/** A run in swim lanes: one for each actor and one for each lock. */
import type { Catalog } from "../../catalog/index.ts";
import { BUSY, lockName, lockText, type Trace, type TraceStep, type Value } from "../../language/index.ts";
import { refusalWords } from "../../report/index.ts";

/** A call of one actor, from its first step to its last. */
export interface CallSpan {
  readonly actor: string;
  readonly leaf: string;
  readonly from: number;
  readonly to: number;
}

/** Who held a lock, from the step that took it until the one that gave it back, or to the end. */
export interface HoldSpan {
  readonly lock: string;
  /** The lock without the object that it belongs to. */
  readonly resource: string;
  readonly actor: string;
  readonly mode: string | null;
  readonly from: number;
  readonly to: number;
}

/** A refused acquire, and who held the lock. */
export interface Contention {
  readonly step: number;
  readonly actor: string;
  readonly lock: string;
  readonly holders: readonly string[];
}

/** When a lock's host-priority bit was set. */
export interface Flag {
  /** The bit, as the state has it. */
  readonly variable: string;
  /** The lock that it belongs to. */
  readonly lock: string;
  readonly from: number;
  readonly to: number;
}

export interface Lanes {
  readonly actors: readonly string[];
  readonly locks: readonly string[];
  readonly calls: readonly CallSpan[];
  readonly holds: readonly HoldSpan[];
  readonly contentions: readonly Contention[];
  readonly flags: readonly Flag[];
}

/** Lanes have the same order whoever makes the first step: CPU 0 comes before CPU 1, and CPU 2 before CPU 10. */
const byName = new Intl.Collator("en", { numeric: true });

/** The picture of a run. */
export function lanesOf(trace: Trace): Lanes {
  const { steps } = trace;
  const holds = holdsOf(steps);
  return {
    actors: [...new Set(steps.map(({ actor }) => actor))].sort(byName.compare),
    locks: [...new Set(steps.map(lockName).filter((name) => name !== null))],
    calls: callsOf(steps),
    holds,
    contentions: steps.flatMap((step, i) => contention(step, i, holds)),
    flags: flagsOf(trace),
  };
}

function contention(step: TraceStep, i: number, holds: readonly HoldSpan[]): Contention[] {
  const lock = lockName(step);
  if (step.result !== BUSY || lock === null) return [];
  const holders = holds.filter((h) => h.lock === lock && h.actor !== step.actor && h.from < i && h.to > i);
  return [{ step: i, actor: step.actor, lock, holders: [...new Set(holders.map((h) => h.actor))] }];
}

function callsOf(steps: readonly TraceStep[]): CallSpan[] {
  const open = new Map<string, CallSpan>();
  const done: CallSpan[] = [];
  const close = (actor: string): void => {
    const call = open.get(actor);
    if (call !== undefined) done.push(call);
    open.delete(actor);
  };
  steps.forEach(({ actor, leaf }, i) => {
    if (open.get(actor)?.leaf !== leaf) close(actor);
    if (leaf === null) return;
    open.set(actor, { actor, leaf, from: open.get(actor)?.from ?? i, to: i + 1 });
  });
  for (const actor of [...open.keys()]) close(actor);
  return done.sort((x, y) => x.from - y.from);
}

/** A release without an object gives back whatever its actor holds of that resource. */
function gives(step: TraceStep, hold: HoldSpan): boolean {
  if (hold.actor !== step.actor) return false;
  return (
    hold.lock === lockName(step) ||
    (step.object === null && hold.lock.startsWith(`${lockName({ ...step, object: null })}[`))
  );
}

function holdsOf(steps: readonly TraceStep[]): HoldSpan[] {
  let open: HoldSpan[] = [];
  const done: HoldSpan[] = [];
  steps.forEach((step, i) => {
    const lock = lockName(step);
    if (lock === null) return;
    if (step.action === "acquire" && step.result !== BUSY) {
      open.push({
        lock,
        resource: step.resource ?? lock,
        actor: step.actor,
        mode: step.mode,
        from: i,
        to: steps.length + 1,
      });
    }
    if (step.action !== "release") return;
    done.push(...open.filter((hold) => gives(step, hold)).map((hold) => ({ ...hold, to: i + 1 })));
    open = open.filter((hold) => !gives(step, hold));
  });
  return [...done, ...open].sort((x, y) => x.from - y.from);
}

function flagsOf({ initial, hostPriority = [], steps }: Trace): Flag[] {
  return hostPriority.flatMap((bit) => {
    const of = { variable: bit.variable, lock: lockName(bit) ?? bit.resource };
    return intervals(of, initial[bit.variable], steps);
  });
}

function intervals(of: Omit<Flag, "from" | "to">, start: Value | undefined, steps: readonly TraceStep[]): Flag[] {
  const flags: Flag[] = [];
  let since = isSet(start) ? 0 : null;
  steps.forEach(({ state }, i) => {
    const value = state[of.variable];
    if (value === undefined) return;
    if (isSet(value)) since ??= i;
    else if (since !== null) {
      flags.push({ ...of, from: since, to: i + 1 });
      since = null;
    }
  });
  return since === null ? flags : [...flags, { ...of, from: since, to: steps.length + 1 }];
}

function isSet(value: Value | undefined): boolean {
  return value === true || value === 1;
}

/** All variables after `count` steps. */
export function stateAfter({ initial, steps }: Trace, count: number): Readonly<Record<string, Value>> {
  return Object.assign({}, initial, ...steps.slice(0, count).map(({ state }) => state)) as Record<string, Value>;
}

/** The next step, or the one before, at which somebody is refused; null when there is none. */
export function nextContention({ steps }: Trace, from: number, direction: 1 | -1): number | null {
  for (let i = from + direction; i >= 0 && i < steps.length; i += direction) {
    if (steps[i]?.result === BUSY) return i;
  }
  return null;
}

/** A step in a few words: `acquire TDCS_EPOCH EXCLUSIVE: BUSY | TD_EPOCH`, the status by the name that `catalog` has for it. */
export function stepText(step: TraceStep, catalog: Catalog | null = null): string {
  const { action, mode, result, status, note, label, fault } = step;
  const how = mode === null || mode === "NO_LOCK" || action === "release" ? null : mode;
  const head = [action === "effect" ? null : action, lockText(step), how].filter((word) => word !== null).join(" ");
  const outcome = result === null || result === "ok" ? null : result === BUSY ? refusalWords(catalog, status) : result;
  const failed = fault === null ? null : `fails: ${fault.name}`;
  const tail = [outcome, note, failed].filter((word) => word !== null && word !== "").join(", ");
  return [head, tail].filter((part) => part !== "").join(": ") || label;
}
