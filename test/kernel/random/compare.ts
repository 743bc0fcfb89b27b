/**
 * What src/kernel tells of a random program, beside what its runs do.
 *
 * A run is about its first SEAMCALL that gives BUSY for good; what follows is *because of* it as far as no run that has the same behind it,
 * and in which the SEAMCALL succeeds, does it. That is less than all that a BUSY leads to, but it is beyond dispute.
 */
import { type Bounds, type Done, type Given, type Made, runsOf, type Start, surely, type Trace } from "./interpret.ts";
import { ERRORS, PHASES, type Program, UNSTATED, written } from "./program.ts";
import { type Told, tell } from "./tell.ts";

/** Something that runs do and the profile does not cover. */
export interface Difference {
  readonly kind: "locks" | "reaction";
  readonly what: string;
}

export interface Comparison {
  readonly differences: readonly Difference[];
  /** Of what the profile tells: rows and reactions in all, and those that no run shows though all were made. */
  readonly told: number;
  readonly unseen: number;
  /** Reactions that are not known. */
  readonly unknown: number;
  /** Runs that a reaction was asked for. */
  readonly checked: number;
  readonly runs: number;
}

export const BOUNDS: Bounds = { steps: 260, choices: 22 };

/** How a program is run, and how far. */
export interface Asked {
  readonly phases?: readonly (keyof typeof PHASES)[];
  readonly most?: number;
  readonly isBusyToo?: boolean;
}

export function compare(
  program: Program,
  { phases = ["early", "late"], most = 600, isBusyToo = false }: Asked = {},
): Comparison {
  const telling = tell(written(program));
  const sure = surely(program);
  const differences = new Map<string, Difference>();
  let [told, unseen, unknown, checked, all] = [0, 0, 0, 0, 0];
  for (const { name, isEntry } of program.fns) {
    if (!isEntry) continue;
    for (const phase of phases) {
      const ready = PHASES[phase];
      const rows = (telling.byEntry.get(name) ?? []).filter((row) => row.phases.includes(phase));
      const start: Start = { entry: name, ready, isBusyToo };
      const { runs, isWhole } = runsOf(program, start, BOUNDS, most);
      all += runs.length;
      const seen = new Set<Told>();
      const add = (kind: Difference["kind"], what: string): void => {
        if (telling.isWhole) differences.set(`${kind} ${name} ${what}`, { kind, what: `${name}, ${phase}: ${what}` });
      };
      for (const what of lockDifferences(runs, rows)) add("locks", what);
      const found = reactions(runs, isWhole, sure);
      checked += found.length;
      for (const one of found) {
        const able = rows.filter((row) => row.leaf === one.call.leaf && isHeld(row.held, one.call.held));
        const covering = able.filter((row) => covers(row.does, one));
        for (const row of covering) seen.add(row);
        if (covering.length === 0 && able.length > 0)
          add("reaction", `${shown(one)} of [${able.map(({ does }) => does)}]`);
      }
      told += rows.length;
      unknown += rows.filter(({ does }) => does.includes("unknown")).length;
      if (isWhole && runs.every(({ end }) => end !== "cut")) unseen += rows.filter((row) => !seen.has(row)).length;
    }
  }
  return { differences: [...differences.values()], told, unseen, unknown, checked, runs: all };
}

const shownText = (held: readonly string[]): string => `{${held.join(", ")}}`;

/** Is all that a row says to be held held in a run, and as it says? What it says to be shared may be held exclusively. */
const isHeld = (said: readonly string[], held: readonly string[]): boolean =>
  said.every((one) => held.includes(one) || (one.endsWith("/r") && held.includes(one.slice(0, -2))));

// ---------------------------------------------------------------- locks

/** SEAMCALLs that runs make with locks of which no row says that they may be all. */
function lockDifferences(runs: readonly Trace[], rows: readonly Told[]): string[] {
  const found = new Set<string>();
  for (const { events } of runs) {
    let isBugged = false;
    for (const event of events) {
      // What is called a bug is taken for what never is.
      if (event.k === "bug-vm") isBugged = true;
      if (event.k !== "seam" || isBugged) continue;
      const { leaf, held } = event;
      if (!rows.some((row) => row.leaf === leaf && isHeld(row.held, held)))
        found.add(
          `tdh_a${leaf} with ${shownText(held)}, told ${rows.flatMap((r) => (r.leaf === leaf ? [shownText(r.held)] : []))}`,
        );
    }
  }
  return [...found];
}

// ---------------------------------------------------------------- reactions

/** What follows a BUSY in a run. */
interface Reaction {
  readonly call: Made;
  /** Was there a kick before? Then the call may be told with what came before it, as its second try. */
  readonly isKicked: boolean;
  /** All of it, and what no run does in which the SEAMCALL succeeds. */
  readonly may: readonly (Made | Done)[];
  readonly must: ReadonlySet<Made | Done>;
  /** What is returned; null where the run did not come to that. */
  readonly value: bigint | null;
  readonly isValueOwn: boolean;
}

/** What runs do that have the same behind them and in which a SEAMCALL succeeds. */
interface Other {
  readonly sites: Set<string>;
  readonly values: Set<bigint>;
  isWhole: boolean;
  isPossible: boolean;
}

function reactions(runs: readonly Trace[], isWhole: boolean, sure: ReadonlySet<number>): Reaction[] {
  const others = new Map<string, Other>();
  const last = runs.at(-1);
  for (const run of runs) {
    for (const [i, event] of run.events.entries()) {
      if (event.k !== "seam" || event.result !== "success" || event.at === null) continue;
      const key = run.choices.slice(0, event.at).join();
      const other = others.get(key) ?? { sites: new Set(), values: new Set(), isWhole: true, isPossible: false };
      others.set(key, other);
      const later = run.events.slice(i + 1);
      for (const one of later) if (one.k !== "given") other.sites.add(siteKey(one));
      if (run.end === "returned") other.values.add(run.value);
      // What is called a bug is taken for what never is.
      if (run.end === "returned" && !later.some(({ k }) => k === "bug-vm")) other.isPossible = true;
      if (run.end !== "returned" || (!isWhole && run === last)) other.isWhole = false;
    }
  }
  const fine = zeros(runs);
  const found = new Map<string, Reaction>();
  for (const run of runs) {
    const i = run.events.findIndex((event) => event.k === "seam" && event.result === "busy");
    const call = run.events[i];
    if (call?.k !== "seam" || call.at === null || call.isDead || run.end === "discarded") continue;
    const before = run.events.slice(0, i);
    if (before.some((one) => one.k === "seam" && one.site === call.site && one.result === "busy once")) continue;
    const other = others.get(run.choices.slice(0, call.at).join());
    if (other?.isWhole !== true || !other.isPossible) continue;
    const after = run.events.slice(i + 1);
    const end = after.findIndex(
      (event) =>
        event.k === "given" && event.isZero && isOn(call.site, event) && fine.has(`${call.site} ${event.site}`),
    );
    const isLost = end >= 0;
    const may = after.filter((event) => event.k !== "given");
    const told = new Set(isLost ? after.slice(0, end) : after);
    // What a call does before its BUSY it does again when it is made again: that is what the call does, and no answer.
    const habits = new Set(before.flatMap((one) => (one.k === "given" || one.k === "seam" ? [] : [siteKey(one)])));
    // What another SEAMCALL's failure leads to is that one's.
    if (may.some((event) => event.k === "seam" && event.at !== null && event.result !== "success")) continue;
    const must = new Set(
      may.filter(
        (event) =>
          told.has(event) &&
          !other.sites.has(siteKey(event)) &&
          !habits.has(siteKey(event)) &&
          (event.k === "seam" ? event.at === null : isAnswer(event, call, sure)),
      ),
    );
    // What is called a bug and is none that a BUSY leads to is taken for what never is.
    if (may.some((event) => event.k === "bug-vm" && !must.has(event))) continue;
    const value = run.end === "returned" ? run.value : null;
    const isValueOwn = !isLost && value !== null && names.has(value) && value !== UNSTATED && !other.values.has(value);
    // Nothing that is surely because of it.
    if (must.size === 0 && !isValueOwn) continue;
    const isKicked = before.some(({ k }) => k === "kick");
    const reaction = { call, isKicked, may, must, value, isValueOwn };
    found.set(shown(reaction) + may.map(siteKey).join(), reaction);
  }
  return [...found.values()];
}

/** Did a function that a call led to a SEAMCALL give something? */
const isOn = (seam: string, { site }: Given): boolean => seam.startsWith(`${site}>`);

/**
 * SEAMCALLs, and functions above them that give zero though nothing is BUSY: zero is success, so that one that gives it in spite of a BUSY
 * has told nobody, whatever its callers take it for.
 */
function zeros(runs: readonly Trace[]): ReadonlySet<string> {
  const found = new Set<string>();
  for (const { events } of runs) {
    const fine = new Set<string>();
    for (const event of events) {
      if (event.k === "seam" && event.result === "success") fine.add(event.site);
      if (event.k === "seam" && event.result !== "success") fine.delete(event.site);
      if (event.k === "given" && event.isZero)
        for (const seam of fine) if (isOn(seam, event)) found.add(`${seam} ${event.site}`);
    }
  }
  return found;
}

/**
 * Is something done by a function that a BUSY comes out of, or by one that it calls and that does it always? What a helper finds out by
 * itself is no answer, nor is what a function does that is called once more.
 */
function isAnswer({ chain, turns }: Done, made: Made, sure: ReadonlySet<number>): boolean {
  const isWithin = (i: number): boolean => turns.slice(0, i).every((turn, at) => turn === made.turns[at]);
  return chain.every((id, i) => isWithin(i) || sure.has(id));
}

const siteKey = (event: Made | Done): string => `${event.k} ${event.site}`;

const names = new Map(Object.entries({ ...ERRORS, EPERM: 1 }).map(([name, value]) => [-BigInt(value), `-${name}`]));

/** A run of which it is known only that it makes the call again and again. */
const MANY = 12;

function shown({ call, may, must, value, isValueOwn }: Reaction): string {
  const words = may.flatMap((event) => {
    const word = event.k === "seam" ? (event.at === null ? "again" : null) : event.k;
    return word === null ? [] : [must.has(event) ? word : `(${word})`];
  });
  const result = value === null ? "goes on" : `${names.get(value) ?? value}`;
  return `tdh_a${call.leaf} ${shownText(call.held)}: ${[...words.slice(0, MANY), isValueOwn ? result : `(${result})`].join(" ")}`;
}

/** Does a list of reactions tell what a run does: all that is surely because of the BUSY, and nothing that is not done? */
function covers(does: readonly string[], one: Reaction): boolean {
  if (
    one.isKicked &&
    does[0]?.startsWith("kick-and-retry:") === true &&
    covers(does.slice(1), { ...one, isKicked: false })
  )
    return true;
  if (does.includes("unknown") || does.includes("misread")) return true;
  const { may, must, value, isValueOwn } = one;
  const isAgain = (event: Made | Done): boolean => event.k === "seam" && event.at === null;
  const [most, least] = [may.filter(isAgain).length, may.filter((event) => isAgain(event) && must.has(event)).length];
  const did = (k: Done["k"]): boolean => may.some((event) => event.k === k);
  const surely = (k: Done["k"]): boolean => may.some((event) => event.k === k && must.has(event));
  if (value === null) return least < MANY || does.some((one) => one.startsWith("retry:unbounded"));
  const retries = does.filter((word) => /^(kick-and-)?retry:/.test(word));
  const counts = retries.map((word) => (word.endsWith("unbounded") ? null : Number(word.split(":")[1])));
  const tries = counts.includes(null) ? null : counts.reduce<number>((sum, count) => sum + (count ?? 0), 0);
  if (tries !== null && (tries < least || tries > most)) return false;
  if (tries === null && most === 0) return false;
  const isKicking = retries.some((word) => word.startsWith("kick"));
  if (isKicking && !did("kick")) return false;
  if (!isKicking && tries !== null && least > 0 && isKickedBefore(one, isAgain)) return false;
  const isBug = does.includes("bug-vm");
  if (isBug ? !did("bug-vm") : surely("bug-vm")) return false;
  if (does.includes("warn") ? !did("warn") : surely("warn") && !isBug) return false;
  const error = does.find((word) => word.startsWith("return:"))?.slice("return:".length);
  return isValueOwn ? names.get(value) === error : true;
}

/** Is there surely a kick, and surely a repetition after it? */
function isKickedBefore({ may, must }: Reaction, isAgain: (event: Made | Done) => boolean): boolean {
  const kick = may.findIndex((event) => event.k === "kick" && must.has(event));
  return kick >= 0 && may.some((event, i) => i > kick && isAgain(event) && must.has(event));
}
