/** Calls of the recent past by time, in little memory however long the recording is. */
import type { Call } from "./call.ts";

/** Lists are kept in parts of this size, so that a call that comes late finds its place without moving all others. */
const PART = 512;

/** Calls in the order of their ends; of those that end at one time the first to come is the first. They come almost in that order. */
export class ByEnd {
  readonly #parts: Call[][] = [];
  /** Calls of the first part that are gone. */
  #gone = 0;
  /** The part that was found last. */
  #hint = 0;
  /** A little before the first call that ends later than what was asked for last, or at it: its part, and where in that. */
  #behindPart = 0;
  #behind = 0;
  size = 0;

  get first(): Call | undefined {
    return this.#parts[0]?.[this.#gone];
  }

  get last(): Call | undefined {
    return this.#parts.at(-1)?.at(-1);
  }

  add(call: Call): void {
    this.size += 1;
    const { last } = this;
    if (last === undefined || call.end >= last.end) {
      const part = this.#parts.at(-1);
      if (part === undefined || part.length >= PART) this.#parts.push([call]);
      else part.push(call);
      return;
    }
    const at = this.#partAfter(call.end);
    const part = this.#parts[at] as Call[];
    if (at === 0) this.#forgetGone(part);
    part.splice(placeAfter(part, call.end), 0, call);
    if (part.length <= 2 * PART) return;
    this.#parts.splice(at + 1, 0, part.splice(PART));
    if (at === this.#behindPart) this.#behind = Math.min(this.#behind, PART);
  }

  #forgetGone(part: Call[]): void {
    part.splice(0, this.#gone);
    if (this.#behindPart === 0) this.#behind = Math.max(0, this.#behind - this.#gone);
    this.#gone = 0;
  }

  shift(): Call | undefined {
    const { first } = this;
    if (first === undefined) return undefined;
    this.size -= 1;
    this.#gone += 1;
    if (this.#gone === this.#parts[0]?.length) {
      this.#parts.shift();
      this.#gone = 0;
      if (this.#hint > 0) this.#hint -= 1;
      if (this.#behindPart > 0) this.#behindPart -= 1;
      else this.#behind = 0;
    }
    return first;
  }

  dropBefore(time: number): void {
    while (this.first !== undefined && this.first.end < time) this.shift();
  }

  /**
   * Adds those that end between two times and began by a third, in their order.
   *
   * @returns false when there were not enough steps to look at all
   */
  collect(from: number, latest: number, beginBy: number, steps: Steps, found: Call[]): boolean {
    const { first } = this;
    if (first === undefined || (this.last as Call).end < from) return true;
    // The first is often what is asked for.
    const all = first.end >= from;
    let at = all ? 0 : this.#partFrom(from);
    let i = all ? this.#gone : placeFrom(this.#parts[at] as Call[], from, at === 0 ? this.#gone : 0);
    for (; at < this.#parts.length; at++, i = 0) {
      const part = this.#parts[at] as Call[];
      for (; i < part.length; i++) {
        const call = part[i] as Call;
        if (call.end > latest) return true;
        if (!steps.take()) return false;
        if (call.begin <= beginBy) found.push(call);
      }
    }
    return true;
  }

  /**
   * Adds those that end between two times and began by the later one, in their order; the later time is never before the one of the last
   * time that this was asked for: so nothing is searched.
   *
   * @returns false when there were not enough steps to look at all: then the last of them are added
   */
  collectPast(from: number, to: number, beginBy: number, steps: Steps, found: Call[]): boolean {
    const parts = this.#parts;
    if (parts.length === 0) return true;
    this.#goBehind(to);
    const last = this.#behindPart;
    let at = last;
    let i = this.#behind;
    let isWhole = true;
    // Back to the first of them, or as far as the steps go.
    for (let part = parts[at] as Call[]; ; ) {
      const least = at === 0 ? this.#gone : 0;
      while (i > least && (part[i - 1] as Call).end >= from) {
        isWhole = steps.take();
        if (!isWhole) break;
        i--;
      }
      if (!isWhole || i > least || at === 0) break;
      part = parts[--at] as Call[];
      i = part.length;
    }
    for (; at <= last; at++, i = 0) {
      const part = parts[at] as Call[];
      const end = at === last ? this.#behind : part.length;
      for (; i < end; i++) {
        const call = part[i] as Call;
        if (call.begin <= beginBy) found.push(call);
      }
    }
    return isWhole;
  }

  /** Goes on to behind the last call that ends by a time. */
  #goBehind(time: number): void {
    const parts = this.#parts;
    let at = this.#behindPart;
    let i = at === 0 ? Math.max(this.#behind, this.#gone) : this.#behind;
    for (let part = parts[at] as Call[]; ; i = 0) {
      while (i < part.length && (part[i] as Call).end <= time) i++;
      if (i < part.length || at === parts.length - 1) break;
      part = parts[++at] as Call[];
    }
    this.#behindPart = at;
    this.#behind = i;
  }

  /** The first part whose last call ends later than that. */
  #partAfter(time: number): number {
    return search(0, this.#parts.length - 1, (at) => this.#endOf(at) <= time);
  }

  /** The first part whose last call ends then or later: times go on, so it is mostly the one that was found last, or the next. */
  #partFrom(time: number): number {
    const last = this.#parts.length - 1;
    let at = Math.min(this.#hint, last);
    if (at > 0 && this.#endOf(at - 1) >= time) at = search(0, at, (i) => this.#endOf(i) < time);
    else if (at < last && this.#endOf(at) < time) {
      at += 1;
      if (at < last && this.#endOf(at) < time) at = search(at, last, (i) => this.#endOf(i) < time);
    }
    this.#hint = at;
    return at;
  }

  #endOf(part: number): number {
    return this.#parts[part]?.at(-1)?.end ?? Number.POSITIVE_INFINITY;
  }
}

const placeAfter = (part: readonly Call[], time: number): number =>
  search(0, part.length, (i) => (part[i] as Call).end <= time);

/** As `search`, which is called so often that it is written out. */
function placeFrom(part: readonly Call[], time: number, from: number): number {
  let [low, high] = [from, part.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((part[middle] as Call).end < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The first number of a range of which something is no longer true. */
export function search(from: number, to: number, isTrue: (i: number) => boolean): number {
  let [low, high] = [from, to];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isTrue(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** How many calls may be looked at: however many are in flight at once, a line of the recording costs no more than so many steps. */
export class Steps {
  static readonly #A_CALL = 128;
  static readonly #MOST = 1 << 16;
  #left = Steps.#MOST;

  /** A call is looked at. */
  earn(): void {
    if (this.#left < Steps.#MOST) this.#left += Steps.#A_CALL;
  }

  /** False: there are none left. */
  take(): boolean {
    return this.#left > 0 && this.#left-- > 0;
  }
}

/** The first class lasts no longer than this, each other one up to eight times as long as the one before. */
const SHORT = 1 << 12;
/** Durations that are still longer, and those that are not known, are one class. */
const CLASSES = 18;
const LONGEST_OF = Array.from({ length: CLASSES }, (_, k) =>
  k === CLASSES - 1 ? Number.POSITIVE_INFINITY : SHORT * 8 ** k,
);

/**
 * Calls by when they were in flight. Those that lasted about as long are one list by their ends: then what was
 * in flight at a time are neighbours in each list, and few others are looked at.
 */
export class InFlight {
  readonly #classes: ByEnd[] = [];
  /** Those of them that were ever used. */
  readonly #used: number[] = [];
  size = 0;

  add(call: Call): void {
    this.size += 1;
    this.#classOf(call).add(call);
  }

  dropBefore(time: number): void {
    let size = 0;
    for (const k of this.#used) {
      const list = this.#classes[k] as ByEnd;
      list.dropBefore(time);
      size += list.size;
    }
    this.size = size;
  }

  /**
   * Adds what was in flight at a moment between two.
   *
   * @returns false when there were not enough steps to look at all
   */
  between(from: number, to: number, steps: Steps, found: Call[]): boolean {
    let whole = true;
    for (const k of this.#used) {
      const latest = to + (LONGEST_OF[k] as number);
      if (!(this.#classes[k] as ByEnd).collect(from, latest, to, steps, found)) whole = false;
    }
    return whole;
  }

  /** As `between`, but only what ended by a time, which is never before the one of the last time that this was asked for. */
  past(from: number, to: number, endedBy: number, steps: Steps, found: Call[]): boolean {
    let whole = true;
    for (const k of this.#used) {
      if (!(this.#classes[k] as ByEnd).collectPast(from, endedBy, to, steps, found)) whole = false;
    }
    return whole;
  }

  #classOf({ begin, end }: Call): ByEnd {
    const lasted = end - begin;
    let k = 0;
    while (lasted > (LONGEST_OF[k] as number)) k++;
    const known = this.#classes[k];
    if (known !== undefined) return known;
    const made = new ByEnd();
    this.#classes[k] = made;
    this.#used.push(k);
    return made;
  }
}

/** Of more TDs than a host has, runs are kept together; of more leaves than a module has, calls. */
const MOST_TDS = 256;
const MOST_LEAVES = 256;

/** Of which guests the runs matter: of none, of those of one TD and those of which it is not known, or of all. */
export type RunsOf = "none" | "own" | "all";

/** What somebody wants to know of what was in flight: made once, since it is asked for with every call. */
export class Wanted {
  readonly #leaves: { has(leaf: string): boolean } | null;
  readonly runs: RunsOf;
  #lists: readonly InFlight[] = [];
  #of = -1;

  /** `leaves`: calls of these; null: of all. */
  constructor(leaves: { has(leaf: string): boolean } | null, runs: RunsOf) {
    this.#leaves = leaves;
    this.runs = runs;
  }

  /** The lists of the leaves that are wanted, of all that there are; those of which it is not known which leaf they are of are among them. */
  among(lists: ReadonlyMap<string, InFlight>, others: InFlight): readonly InFlight[] {
    if (this.#of === lists.size) return this.#lists;
    this.#of = lists.size;
    this.#lists = [...lists]
      .flatMap(([leaf, list]) => (this.#leaves?.has(leaf) === false ? [] : [list]))
      .concat(others);
    return this.#lists;
  }
}

/** Calls by their leaf and, apart from them, runs of guests, which last long, by their TD: most are of no interest to a call. */
export class Kept {
  readonly #enterLeaf: string;
  /** By leaf. */
  readonly #calls = new Map<string, InFlight>();
  /** Of leaves that are too many. */
  readonly #otherCalls = new InFlight();
  /** By TD. */
  readonly #runs = new Map<string, InFlight>();
  /** Of TDs that are not known, and of those that are too many. */
  readonly #otherRuns = new InFlight();
  size = 0;

  constructor(enterLeaf: string) {
    this.#enterLeaf = enterLeaf;
  }

  add(call: Call): void {
    this.size += 1;
    this.#listOf(call).add(call);
  }

  #listOf({ leaf, td }: Call): InFlight {
    if (leaf === this.#enterLeaf) return listOf(this.#runs, td, MOST_TDS, this.#otherRuns);
    return listOf(this.#calls, leaf, MOST_LEAVES, this.#otherCalls);
  }

  dropBefore(time: number): void {
    for (const calls of this.#calls.values()) calls.dropBefore(time);
    this.#otherCalls.dropBefore(time);
    this.#otherRuns.dropBefore(time);
    let size = this.#otherCalls.size + this.#otherRuns.size;
    for (const calls of this.#calls.values()) size += calls.size;
    for (const [td, runs] of this.#runs) {
      runs.dropBefore(time);
      if (runs.size === 0) this.#runs.delete(td);
      size += runs.size;
    }
    this.size = size;
  }

  /**
   * Adds what was in flight at a moment between two, of what is wanted, for a TD.
   *
   * @returns false when there were not enough steps to look at all
   */
  between(from: number, to: number, wanted: Wanted, td: string | null, steps: Steps, found: Call[]): boolean {
    for (const calls of wanted.among(this.#calls, this.#otherCalls)) {
      if (!calls.between(from, to, steps, found)) return false;
    }
    return this.#eachRun(wanted.runs, td, steps, (runs) => runs.between(from, to, steps, found));
  }

  /** As `between`, but only what ended by a time, which is never before the one of the last time that this was asked for. */
  past(call: Call, endedBy: number, wanted: Wanted, steps: Steps, found: Call[]): boolean {
    const { begin, end, td } = call;
    for (const calls of wanted.among(this.#calls, this.#otherCalls)) {
      if (!calls.past(begin, end, endedBy, steps, found)) return false;
    }
    return this.#eachRun(wanted.runs, td, steps, (runs) => runs.past(begin, end, endedBy, steps, found));
  }

  /** Asks the runs that are wanted, until one says false. */
  #eachRun(runs: RunsOf, td: string | null, steps: Steps, ask: (of: InFlight) => boolean): boolean {
    if (runs === "none") return true;
    if (!ask(this.#otherRuns)) return false;
    if (runs === "all" || td === null) {
      for (const of of this.#runs.values()) if (!steps.take() || !ask(of)) return false;
      return true;
    }
    const own = this.#runs.get(td);
    return own === undefined || ask(own);
  }
}

/** The list of a key, which is made when there is none; those that are too many, or have no key, share one. */
function listOf(lists: Map<string, InFlight>, key: string | null, most: number, others: InFlight): InFlight {
  if (key === null) return others;
  const known = lists.get(key);
  if (known !== undefined) return known;
  if (lists.size >= most) return others;
  const made = new InFlight();
  lists.set(key, made);
  return made;
}
