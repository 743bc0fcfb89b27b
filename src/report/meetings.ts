/** What a host leaves possible, path by path: many pairs of calls in few entries, worst first. */
import type { ContendPair, PathPair } from "../analysis/index.ts";
import { compareSeverity, type HostSeverity } from "../host/index.ts";
import { call, list } from "./words.ts";

/** One side of a meeting: paths that do the same, and the calls they are at. */
export interface MeetingEnd {
  readonly paths: readonly string[];
  readonly calls: readonly string[];
  /** Host locks that every one of the paths holds. */
  readonly held: readonly string[];
  /** What the path does with the BUSY; none when it cannot get one. */
  readonly reaction: readonly string[];
}

/** Paths that can be at calls at once that contend. */
export interface Meeting {
  readonly resource: string;
  readonly severity: HostSeverity;
  readonly phases: readonly string[];
  readonly late: boolean;
  readonly unlike: readonly string[];
  readonly assumes: readonly string[];
  readonly left: MeetingEnd;
  readonly right: MeetingEnd;
}

const SEVERITY_TEXT: Readonly<Record<HostSeverity, string>> = {
  "vm-dead": "the VM is lost",
  leak: "a resource is leaked",
  error: "an error or a wrong value",
  unknown: "outcome not known",
  warning: "a warning, or ignored",
  retry: "tried again",
  none: "nothing",
};

/** How bad a meeting is, in a few words. */
export function severityText(severity: HostSeverity): string {
  return SEVERITY_TEXT[severity];
}

/** The meetings of the possible pairs, which should be of one resource, worst first. */
export function meetings(pairs: readonly ContendPair[]): Meeting[] {
  const single = pairs.flatMap((pair) => pair.paths.filter((p) => p.possible).map((path) => meetingOf(pair, path)));
  const byCalls = merge(single, (m) => keyOf(m, [m.left.paths, m.right.paths, m.right.calls]), joinLeftCalls);
  const bothCalls = merge(byCalls, (m) => keyOf(m, [m.left.paths, m.left.calls, m.right.paths]), joinRightCalls);
  const byLeft = merge(bothCalls, (m) => keyOf(m, [m.left.calls, m.right.paths, m.right.calls]), joinLeftPaths);
  const all = merge(byLeft, (m) => keyOf(m, [m.left.paths, m.left.calls, m.right.calls]), joinRightPaths);
  return all.sort((x, y) => Number(x.late) - Number(y.late) || compareSeverity(x.severity, y.severity));
}

/** Oriented so that the same two paths always stand in the same order. */
function meetingOf(pair: ContendPair, path: PathPair): Meeting {
  const end = (side: "a" | "b"): MeetingEnd => {
    const [leaf, variant] = side === "a" ? [pair.a, pair.variantA] : [pair.b, pair.variantB];
    const { held, reaction } = side === "a" ? path.endA : path.endB;
    return { paths: [side === "a" ? path.a : path.b], calls: [call(leaf, variant)], held, reaction };
  };
  const { severity, phases, late, unlike, assumes } = path;
  const [left, right] = path.a <= path.b ? [end("a"), end("b")] : [end("b"), end("a")];
  return { resource: pair.resource, severity, phases, late, unlike, assumes, left, right };
}

function keyOf(m: Meeting, parts: readonly (readonly string[])[]): string {
  return JSON.stringify([m.severity, m.late, m.phases, m.left.reaction, m.right.reaction, ...parts]);
}

function merge(
  items: readonly Meeting[],
  key: (m: Meeting) => string,
  join: (x: Meeting, y: Meeting) => Meeting,
): Meeting[] {
  const groups = new Map<string, Meeting>();
  for (const item of items) {
    const k = key(item);
    const group = groups.get(k);
    groups.set(k, group === undefined ? item : join(group, item));
  }
  return [...groups.values()];
}

const union = (x: readonly string[], y: readonly string[]): string[] => [...new Set([...x, ...y])];
const common = (x: readonly string[], y: readonly string[]): string[] => x.filter((item) => y.includes(item));

function joinEnd(x: MeetingEnd, y: MeetingEnd): MeetingEnd {
  return {
    paths: union(x.paths, y.paths),
    calls: union(x.calls, y.calls),
    held: common(x.held, y.held),
    reaction: x.reaction,
  };
}

function joinRest(x: Meeting, y: Meeting): Meeting {
  return { ...x, unlike: union(x.unlike, y.unlike), assumes: union(x.assumes, y.assumes) };
}

function joinLeftCalls(x: Meeting, y: Meeting): Meeting {
  return { ...joinRest(x, y), left: joinEnd(x.left, y.left) };
}

function joinRightCalls(x: Meeting, y: Meeting): Meeting {
  return { ...joinRest(x, y), right: joinEnd(x.right, y.right) };
}

const joinLeftPaths = joinLeftCalls;
const joinRightPaths = joinRightCalls;

/** A meeting in one paragraph. */
export function meetingText(m: Meeting): string {
  const when = m.phases.length === 0 ? "" : ` (${list(m.phases)})`;
  const parts = [
    `${severityText(m.severity)}${when}: ${endText(m.left)} against ${endText(m.right)}`,
    ...reactions(m),
    ...(m.unlike.length === 0 ? [] : [`Both hold ${list(m.unlike)}, but not necessarily the same one`]),
    ...(m.late
      ? ["Only when one of them outlasts its gate, so that its call is no longer legal but still takes the lock"]
      : []),
    ...(m.assumes.length === 0 ? [] : [`Assumed: ${list(m.assumes)}`]),
  ];
  return `${parts.map((part) => part.charAt(0).toUpperCase() + part.slice(1)).join(". ")}.`;
}

function endText(end: MeetingEnd): string {
  const held = end.held.length === 0 ? "no host lock" : list(end.held);
  const at = end.paths.length > 1 ? ` each` : "";
  return `${list(end.paths, "or")}, at ${list(end.calls, "or")}${at}, holding ${held}`;
}

function reactions(m: Meeting): string[] {
  const said = (end: MeetingEnd, other: MeetingEnd): string[] => {
    if (end.reaction.length === 0) return [];
    const who = list(end.paths, "or") === list(other.paths, "or") ? list(end.calls, "or") : list(end.paths, "or");
    return [`on BUSY ${who} ${list(end.reaction, "or")}`];
  };
  const [left, right] = [said(m.left, m.right), said(m.right, m.left)];
  return [...new Set([...left, ...right])];
}
