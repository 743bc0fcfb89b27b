/**
 * An episode: what has been done about a BUSY, from the SEAMCALL that gave it on, and what still knows of it. A way is in an episode
 * for as long as something that the status decided on is still to be looked at.
 */

import { isNegative, marked, signsOf, type Value } from "./values.ts";

/** A decision in a function, and the instruction at which the ways that part there come together again. */
export interface Decision {
  readonly at: number;
  readonly meeting: number;
  /** Variables that the way has counted up or down since. */
  readonly counted: readonly string[];
}

/** What a way did about the status, and what it has to be told. Immutable. */
export interface Episode {
  /** Equal for equal episodes. */
  readonly key: string;
  /** What was done, in order: `bug-vm`, `warn`, `bar`, `kick`, `unbar`, `retry`, `leak`, … */
  readonly events: readonly string[];
  /** What the status decided and is not behind the way yet; the innermost last. */
  readonly until: readonly Decision[];
  /** The same for decisions on what is not known. */
  readonly unsure: readonly Decision[];
  /** Members of structures that are not local, of which something is known in the episode. */
  readonly members: ReadonlyMap<string, Value>;
  /** Those of them that are what they are because of the status, though it is not what was stored there. */
  readonly controlled: ReadonlySet<string>;
  /** The calls that the function made again, each with what was known where it did. Does not tell episodes apart. */
  readonly repeated: readonly string[];
  /** Did it count something whose number is not known? Then a round that looks like an earlier one need not be the same. */
  readonly isCounted: boolean;
  /** Was something given back since? */
  readonly isFreed: boolean;
  /** Nothing looks at the status any more; the way is followed only for what it gives back. */
  readonly isOver: boolean;
  /** Did what was made of the status give way to another failure's error, so that nothing but members is what it is because of it? */
  readonly isOvertaken: boolean;
  /** The error that a function on the way made of the status; null as long as none did. */
  readonly error: bigint | null;
  /** The call did not fail: what would have been done. */
  readonly isSuccess: boolean;
}

type Parts = Omit<Episode, "key">;

const START: Parts = {
  events: [],
  until: [],
  unsure: [],
  members: new Map(),
  controlled: new Set(),
  repeated: [],
  isCounted: false,
  isFreed: false,
  isOver: false,
  isOvertaken: false,
  error: null,
  isSuccess: false,
};

function made(parts: Parts): Episode {
  const members = [...parts.members].map(([name, value]) => `${name}=${value.id}`).sort();
  const { isCounted, isFreed, isOver, isOvertaken, isSuccess } = parts;
  const flags = [isCounted, isFreed, isOver, isOvertaken, isSuccess].map(Number).join("");
  const [until, unsure] = [parts.until, parts.unsure].map((list) =>
    list.map((d) => `${d.at}-${d.meeting}-${d.counted}`),
  );
  const controlled = [...parts.controlled].sort();
  const key = [parts.events, until, unsure, members, controlled, flags, parts.error ?? ""].join(";");
  return { ...parts, key };
}

/** The beginning of an episode, or of what it is in a function that is called. */
export function episodeOf(parts: Partial<Parts>): Episode {
  return made({ ...START, ...parts });
}

/** An episode with some of it changed. */
export function changed(episode: Episode, parts: Partial<Parts>): Episode {
  return made({ ...episode, ...parts });
}

/** The episode where nobody knows how often something was repeated, but that it was. */
export function withoutBound(episode: Episode): Episode {
  const rest = episode.events.filter((event) => event !== "retry");
  return changed(episode, { events: [ENDLESS, ...rest.filter((event) => event !== ENDLESS)] });
}

/** Stands for any number of repetitions among what was done. */
export const ENDLESS = "retry-unbounded";

/** The episode as those who called the function are to be told of it. */
export function leaving(episode: Episode, error: bigint | null = episode.error): Episode {
  return changed(episode, { error, until: [], unsure: [], repeated: [], isCounted: false });
}

/** The episode after one more thing was done. A VM that is marked as bugged warns, too: that is not said twice. */
export function afterEvent(episode: Episode, event: string): Episode {
  const { events } = episode;
  if (isNothingNew(events, event)) return episode;
  if (event === "warn" && events.includes("bug-vm")) return episode;
  if (event === "unbar") {
    const left = withoutIdleBar(events);
    return changed(episode, { events: isNothingNew(left, event) ? left : [...left, event] });
  }
  const before = event === "bug-vm" && events.at(-1) === "warn" ? events.slice(0, -1) : events;
  return changed(episode, { events: [...before, event] });
}

/** Is nothing else done by an event than was before? */
function isNothingNew(events: readonly string[], event: string): boolean {
  const bar = events.findLastIndex(isOfBar);
  if (event === "retry") return false;
  if (isOfBar(event)) return events[bar] === event;
  return events.includes(event, event === "kick" ? bar + 1 : 0);
}

const isOfBar = (event: string): boolean => event === "bar" || event === "unbar";

/** Events without those of a bar that no call was made again behind: a loop that bars and lets in again is as before after each round. */
function withoutIdleBar(events: readonly string[]): readonly string[] {
  const bar = events.lastIndexOf("bar");
  if (bar < 0 || events.includes("retry", bar)) return events;
  return events.filter((event, i) => i < bar || (event !== "bar" && event !== "kick"));
}

/** Is every vCPU kept out after what was done: barred, kicked when that was so, and not let in again? */
export function areKeptOut(events: readonly string[]): boolean {
  const bar = events.findLastIndex(isOfBar);
  return events[bar] === "bar" && events.includes("kick", bar);
}

/** The episode after a variable was counted, within what the status decided last. */
export function afterCounting(episode: Episode, variable: string): Episode {
  const last = episode.until.at(-1);
  if (last === undefined || last.counted.includes(variable)) return episode;
  const counted = [...last.counted, variable].sort();
  return changed(episode, { until: [...episode.until.slice(0, -1), { ...last, counted }] });
}

/** The episode where it comes to an instruction, and the decisions of the status that are behind it there. */
export function arrived(
  episode: Episode,
  at: number,
): { readonly episode: Episode; readonly left: readonly Decision[] } {
  const until = before(episode.until, at);
  const unsure = before(episode.unsure, at);
  if (until === episode.until && unsure === episode.unsure) return { episode, left: [] };
  return { episode: changed(episode, { until, unsure }), left: episode.until.slice(until.length) };
}

function before(decisions: readonly Decision[], at: number): readonly Decision[] {
  const first = decisions.findIndex(({ meeting }) => meeting === at);
  return first < 0 ? decisions : decisions.slice(0, first);
}

/** The episode after something was stored to a member. What is counted there is followed by its sign only. */
export function withMember(episode: Episode, member: string, value: Value): Episode {
  const before = episode.members.get(member);
  const isCounted = before?.isMarked === true && value.isMarked && before !== value;
  return changed(episode, { members: new Map([...episode.members, [member, isCounted ? signsOf(value) : value]]) });
}

/** The episode where a member is what it is because of the status. */
export function withControlled(episode: Episode, member: string, value: Value): Episode {
  const members = new Map([...episode.members, [member, value]]);
  return changed(episode, { members, controlled: new Set([...episode.controlled, member]) });
}

/** The episode where a member is what it is anyway. */
export function withPlain(episode: Episode, member: string, value: Value): Episode {
  const controlled = new Set([...episode.controlled].filter((one) => one !== member));
  return changed(episode, { members: new Map([...episode.members, [member, value]]), controlled });
}

/** The episode where more is known of a member. */
export function knowing(episode: Episode, member: string, value: Value): Episode {
  return changed(episode, { members: new Map([...episode.members, [member, value]]) });
}

/** The episode where nothing is known any more of some members. */
export function forgettingMembers(episode: Episode, isForgotten: (member: string) => boolean): Episode {
  const members = new Map([...episode.members].filter(([member]) => !isForgotten(member)));
  if (members.size === episode.members.size) return episode;
  return changed(episode, { members, controlled: new Set([...episode.controlled].filter((one) => members.has(one))) });
}

/** Is the status itself, or what was made of it, kept in a member? */
export function isKeptInMembers({ members, controlled }: Episode): boolean {
  for (const [member, value] of members) if (value.isMarked && !controlled.has(member)) return true;
  return false;
}

/** Members that are what they are because of the status. */
export function controlledMembers({ members, controlled }: Episode): string[] {
  return [...controlled].filter((member) => members.get(member)?.isMarked === true);
}

/** A value as the status decided it, where it is one that a program states: a number. */
export function decided(value: Value): Value {
  return value.atoms.every((a) => a.kind === "number" || isNegative(a)) ? marked(value) : value;
}
