/**
 * What is done about a BUSY: every SEAMCALL is made to give one, and the functions on the way to it are gone through again, the
 * innermost first, for as long as something may still look at the status.
 */

import type { Analysis } from "./analysis.ts";
import {
  afterEvent,
  areKeptOut,
  controlledMembers,
  ENDLESS,
  type Episode,
  episodeOf,
  isKeptInMembers,
  leaving,
  withoutBound,
} from "./episode.ts";
import type { Following, Injection } from "./following.ts";
import type { Context } from "./graph.ts";
import type { LeafNames } from "./leaves.ts";
import type { LockSet } from "./locks.ts";
import { matches } from "./profile.ts";
import { type Answer, type Outcome, type Run, taking } from "./run.ts";
import {
  constantOf,
  isNegative,
  isPart,
  marked,
  NOTHING,
  only,
  setOf,
  TOP,
  truthOf,
  union,
  unlike,
  unmarked,
  type Value,
  ZERO,
} from "./values.ts";

/** What comes out of a function in which a SEAMCALL gave BUSY. */
export interface Aftermath {
  readonly id: number;
  /** What was done on the ways on which nothing looks at the status any more; each list in order. */
  readonly done: readonly (readonly string[])[];
  /** Ways out on which something may. */
  readonly open: readonly Outcome[];
  /** Ways out of the same function when the SEAMCALL does not fail. */
  readonly success: () => Success;
  /** All its ways out when the SEAMCALL gives no BUSY. */
  readonly spared: () => Answer;
}

/** Ways out on which the SEAMCALL does not fail. */
interface Success extends Answer {
  /** Are these all? A way that comes to the call once more is not followed. */
  readonly isWhole: boolean;
}

/** What comes out of the function that is called when the SEAMCALL does not fail, and when it gives no BUSY. */
type Below = Pick<Aftermath, "success" | "spared">;

const NONE: Success = { asked: new Map(), outcomes: [], isWhole: true };

/** A place of a function, with the locks that are held there. */
interface Point {
  readonly at: number;
  readonly locks: LockSet;
}

/** An instruction of a function. */
interface Place {
  readonly file: string;
  readonly function: string;
  readonly at: number;
}

const placeKey = ({ file, function: name, at }: Place): string => `${file} ${name} ${at}`;

/** Finds what is done about a BUSY. */
export class Busy {
  private readonly analysis: Analysis;
  /** By what they are of; each for the facts that were asked for. */
  private readonly known = new Map<string, { readonly asked: Run["asked"]; readonly aftermath: Aftermath }[]>();
  private readonly statusOf: (leaf: bigint | null) => Value;
  private readonly begins: Episode;
  private readonly again: ReadonlyMap<string, { readonly gives: Value; readonly does: string }>;
  private readonly errors: ReadonlyMap<bigint, string>;
  private count = 0;
  /** Those that are apart, by the function that they come out of and what does. */
  private readonly apart = new Map<string, Aftermath[]>();
  /** Calls that are made because of another one's BUSY: is there always a kick before? */
  private readonly repeated = new Map<string, boolean>();

  constructor(analysis: Analysis, leaves: LeafNames) {
    this.analysis = analysis;
    const { busy } = analysis.source.rules;
    this.statusOf = statuses(analysis, leaves);
    const facts = Object.entries(busy.facts).map(([name, text]) => [name, analysis.valueOfText(text)] as const);
    this.begins = episodeOf({ members: new Map(facts) });
    this.again = new Map(
      Object.entries(busy.again).map(([name, { gives, does }]) => [name, { gives: analysis.valueOfText(gives), does }]),
    );
    this.errors = errorNames(analysis);
  }

  /** What comes of a BUSY in the function that makes the SEAMCALL. */
  of(context: Context, call: Point & { readonly leaf: bigint | null }): Aftermath {
    const { at, leaf, locks } = call;
    return this.remembered(`${context.id} ${at} ${leaf} ${locks.id}`, () => {
      const status = this.statusOf(leaf);
      const constant = constantOf(status);
      const spared = { status: constant === null ? TOP : unlike(constant), outcomes: () => NONE };
      const { begins } = this;
      const injection = { at, leaf, locks, callee: null, outcomes: [], status, spared, begins };
      return [context as Run, injection, { success: () => NONE, spared: () => NONE }];
    });
  }

  /** What comes of it in a function, when it comes out of one of its calls. */
  above(context: Context, call: Point & { readonly to: Context }, below: Aftermath): Aftermath {
    const { at, locks, to } = call;
    return this.remembered(`${context.id} ${at} ${to.id} ${locks.id} < ${below.id}`, () => {
      const { begins } = this;
      // The status is in what comes out of the call.
      const spared = { status: NOTHING, outcomes: below.spared };
      const origin = { at, locks, leaf: null, callee: to as Run, spared };
      return [context as Run, { ...origin, outcomes: below.open, status: NOTHING, begins }, below];
    });
  }

  /** What is done on ways that leave the kernel. */
  atEntry(ways: readonly Outcome[]): readonly (readonly string[])[] {
    const [overtaken, others] = [true, false].map((is) =>
      ways.filter(({ episode }) => (episode?.isOvertaken === true) === is).map((way) => this.ofLeaving(way)),
    ) as [string[][], string[][]];
    return [...others, ...untoldOf(overtaken, others)];
  }

  private ofLeaving({ value, episode }: Outcome): readonly string[] {
    if (episode === undefined) return ["unknown"];
    const { events, error } = episode;
    const name = error === null ? undefined : this.errors.get(error);
    // To user space, zero is success.
    if (value.isMarked && truthOf(value).yes)
      return [...shown(events), name === undefined ? "unknown" : `return:${name}`];
    return isKeptInMembers(episode) ? [...shown(events), "unknown"] : told(events);
  }

  /** Is a call at a place made only after a kick, because an earlier one gave BUSY? */
  isAfterKick(link: Place): boolean {
    return this.repeated.get(placeKey(link)) === true;
  }

  private remembered(key: string, injection: () => [Run, Injection, Below]): Aftermath {
    const list = this.known.get(key) ?? [];
    this.known.set(key, list);
    const known = list.find((one) => this.analysis.fits(one));
    if (known !== undefined) return known.aftermath;
    const [context, how, below] = injection();
    // What is not followed to its end is not known.
    if (!this.spend(STEPS_OF_ONE, context)) return { ...below, id: ++this.count, done: [["unknown"]], open: [] };
    const made = this.one(this.after(context, how, below));
    list.push(made);
    return made.aftermath;
  }

  /**
   * An aftermath as one object with those that nothing above can tell from it: without that, a function that is called from two places
   * of each of its callers had twice as many on every level above.
   */
  private one(made: { readonly asked: Run["asked"]; readonly aftermath: Aftermath; readonly context: Run }) {
    const { aftermath, asked, context } = made;
    if (aftermath.open.length === 0) return made;
    const key = `${context.id} ${aftermath.done.join("|")} ${outcomesText(aftermath.open)}`;
    const list = this.apart.get(key) ?? [];
    this.apart.set(key, list);
    if (list.length > 0) {
      // What comes out without a BUSY is not compared: there the two differ by ways on which the other one gave BUSY, which are open ones.
      const successOf = ({ success }: Below): string => outcomesText(taking(success(), asked));
      const own = successOf(aftermath);
      const same = list.find((other) => successOf(other) === own);
      if (same !== undefined) return { asked, aftermath: same };
    }
    list.push(aftermath);
    return made;
  }

  /** Takes some steps of the analysis; false when there were too many. */
  spend(steps: number, context: Context): boolean {
    return this.analysis.spend(steps, context as Run);
  }

  /** An answer that is found when it is asked for, and again when what it depends on has changed. */
  private whenAsked<T extends Answer>(find: () => T): () => T {
    let known: T | null = null;
    return () => {
      if (known === null || !this.analysis.fits(known)) known = find();
      return known;
    };
  }

  private after(
    context: Run,
    injection: Injection,
    below: Below,
  ): { readonly asked: Run["asked"]; readonly aftermath: Aftermath; readonly context: Run } {
    const run = this.analysis.follow(context, injection);
    const asked = new Map(run.asked);
    let isGivenBack = false;
    const success = this.whenAsked(() => {
      const { outcomes, asked: before, isWhole } = below.success();
      const begins = episodeOf({ isSuccess: true });
      const other = this.analysis.follow(context, { ...injection, outcomes, status: marked(ZERO), begins });
      isGivenBack = episodesOf(other).some(({ isFreed }) => isFreed);
      const found = other.comingOut.map((outcome) => ({ ...outcome, value: unmarked(outcome.value) }));
      const asked = new Map([...before, ...other.asked]);
      return { asked, outcomes: found, isWhole: isWhole && other.endings.length === 0 && !other.isCut };
    });
    const spared = this.whenAsked(() => this.analysis.spare(context, injection));
    for (const [at, isKicked] of run.repetitions) {
      const place = placeKey({ file: context.file, function: context.name, at });
      // A call that is also made where there was no BUSY is more than a second try.
      const isSecond = isKicked && !spared().reached.has(at);
      if (isKicked) taking(spared(), asked);
      this.repeated.set(place, isSecond && this.repeated.get(place) !== false);
    }
    // What the answer depends on, it holds for.
    const whenFine = (): Success => {
      taking(success(), asked);
      return success();
    };
    // What no way gives back after the BUSY, and some way does when there is none, is leaked.
    const keeps = run.frees && !episodesOf(run).some(({ isFreed }) => isFreed);
    if (keeps) whenFine();
    const whole = (episode: Episode): Episode => {
      const one = run.isEndlessOn(episode) ? withoutBound(episode) : episode;
      return keeps && isGivenBack ? afterEvent(one, "leak") : one;
    };
    const tell = (episode: Episode): readonly string[] => told(whole(episode).events);
    const done = run.endings.filter(({ isOvertaken }) => !isOvertaken).map(tell);
    const open: Outcome[] = [];
    const overtaken = [...run.overtaken, ...run.endings.filter(({ isOvertaken }) => isOvertaken)].map(tell);
    for (const outcome of run.comingOut.flatMap(byError)) {
      const before = whole(outcome.episode as Episode);
      const way = { ...outcome, episode: leaving(before, errorOf(outcome.value) ?? before.error) };
      const end = this.endOf(context, way, whenFine);
      if (end === null) open.push(way);
      else (way.episode.isOvertaken ? overtaken : done).push(end);
    }
    const others = [...done, ...open.map(({ episode }) => shown((episode as Episode).events))];
    done.push(...untoldOf(overtaken, others));
    for (const episode of run.caught) done.push(told(withoutBound(episode).events));
    if (run.isOpen || run.isCut) done.push(["unknown"]);
    return { asked, aftermath: { id: ++this.count, done: unique(done), open, success, spared }, context };
  }

  /** What was done when nobody above the function can look at the status; null when somebody may. */
  private endOf(
    { name, code, input: { info } }: Run,
    { value, vars, episode }: Outcome & { readonly episode: Episode },
    success: () => Success,
  ): readonly string[] | null {
    const again = this.again.get(name);
    if (again !== undefined && isPart(value, again.gives)) return [...shown(episode.events), again.does];
    const isKept =
      isKeptInMembers(episode) ||
      controlledMembers(episode).some((member) => this.analysis.members.isReadAbove(info, member)) ||
      [...vars.values()].some((kept) => kept.isMarked);
    if (!value.isMarked) return isKept ? null : told(episode.events);
    if (value.atoms.some(isNegative)) return null;
    const plain = unmarked(value);
    if (isStatus(code.type)) {
      // Zero is success, unless it is what tells a failure from that; what else it may be, its callers know.
      if (truthOf(plain).yes) return truthOf(plain).no ? [...shown(episode.events), "misread"] : null;
      return isKept || isNeverZero(success()) ? null : told(episode.events);
    }
    // Data: does it tell what happened from what happens when nothing fails?
    const given = success()
      .outcomes.map((outcome) => outcome.value)
      .reduce(union, NOTHING);
    if (!plain.atoms.some((a) => given.atoms.includes(a))) return null;
    if (given === plain && constantOf(plain) !== null) return isKept ? null : told(episode.events);
    return [...shown(episode.events), "misread"];
  }
}

/** The status in which a leaf says that it is busy: what a caller does may depend on which one it is. */
function statuses(analysis: Analysis, leaves: LeafNames): (leaf: bigint | null) => Value {
  const { status, others } = analysis.source.rules.busy;
  const usual = marked(analysis.valueOfText(status));
  const own = others.map((other) => ({ ...other, value: marked(analysis.valueOfText(other.status)) }));
  return (leaf) => {
    const name = leaf === null ? null : leaves.of(leaf);
    const found = own.find(({ calls }) => name !== null && calls.some((pattern) => matches(pattern, name.name)));
    return found?.value ?? usual;
  };
}

/** Where another failure is reported instead, the status is not: such ways count where no other one tells what was done on them. */
const untoldOf = (
  overtaken: readonly (readonly string[])[],
  others: readonly (readonly string[])[],
): readonly (readonly string[])[] =>
  overtaken.filter((does) =>
    does[0] === "ignore" ? others.length === 0 : !others.some((list) => beginsWith(list, does)),
  );

const beginsWith = (list: readonly string[], start: readonly string[]): boolean =>
  start.every((one, i) => list[i] === one);

/** Does a function, where nothing fails, always give something else than zero? */
const isNeverZero = ({ outcomes, isWhole }: Success): boolean =>
  isWhole && outcomes.length > 0 && !outcomes.some(({ value }) => truthOf(value).no);

/** Equal for outcomes that nothing can tell apart. */
function outcomesText(outcomes: readonly Outcome[]): string {
  const text = ({ locks, facts, value, vars, episode }: Outcome): string => {
    const known = [...vars].map(([name, { id }]) => `${name}=${id}`).sort();
    return `${locks.id} ${facts.id} ${value.id} ${known} ${episode?.key ?? ""}`;
  };
  return [...new Set(outcomes.map(text))].sort().join("|");
}

/** What it takes to begin to follow a status through a function. */
const STEPS_OF_ONE = 10;

function episodesOf({ endings, comingOut }: Following): readonly Episode[] {
  return [...endings, ...comingOut.map((outcome) => outcome.episode as Episode)];
}

/** Does a type say how a call went, rather than give data? */
function isStatus(type: string): boolean {
  return !DATA.test(type);
}

const DATA = /\*|\b(?:bool|unsigned|size_t|struct|union|u(?:int)?(?:8|16|32|64)(?:_t)?|__u(?:8|16|32|64))\b/;

/** A way out as one for each error that it may give, where these are known, and one for whatever else it may give. */
function byError(outcome: Outcome): Outcome[] {
  const { atoms } = outcome.value;
  const errors = atoms.filter((a) => errorOf(only(a)) !== null);
  if (errors.length === 0 || atoms.length === 1) return [outcome];
  const rest = atoms.filter((a) => !errors.includes(a));
  const values = [...errors.map(only), ...(rest.length > 0 ? [setOf(rest)] : [])];
  return values.map((value) => ({ ...outcome, value }));
}

/** The error that a value is; null when it is none, or one of several. */
function errorOf(value: Value): bigint | null {
  const constant = constantOf(value);
  return constant !== null && constant < 0n && constant > -4096n ? constant : null;
}

/** Names of errors, by the number that stands for them: those that the rules' own C defines. */
function errorNames({ source }: Analysis): Map<bigint, string> {
  const names = [...source.rules.prelude.matchAll(/^\s*#define (E[A-Z0-9]+) (\d+)$/gm)];
  return new Map(names.map(([, name, value]) => [-BigInt(value as string), `-${name}`]));
}

/**
 * What was done, as profiles have it. A kick that keeps nobody out changes nothing: whoever was kicked may be back before the call is
 * made again.
 */
function shown(events: readonly string[]): string[] {
  const found: { readonly word: string; tries: number }[] = [];
  for (const [i, event] of events.entries()) {
    if (event === ENDLESS) found.push({ word: "retry:unbounded", tries: 0 });
    else if (TOLD.has(event)) found.push({ word: event, tries: 0 });
    else if (event === "retry") {
      const word = areKeptOut(events.slice(0, i)) ? "kick-and-retry" : "retry";
      const last = found.at(-1);
      if (last?.word === word) last.tries++;
      else found.push({ word, tries: 1 });
    }
  }
  return found.map(({ word, tries }) => (tries > 0 ? `${word}:${tries}` : word));
}

const TOLD: ReadonlySet<string> = new Set(["bug-vm", "warn", "leak", "misread"]);

/** The same, where nothing else was done. */
function told(events: readonly string[]): readonly string[] {
  const found = shown(events);
  return found.length === 0 ? ["ignore"] : found;
}

function unique(lists: readonly (readonly string[])[]): (readonly string[])[] {
  return [...new Map(lists.map((list) => [list.join(), list])).values()];
}
