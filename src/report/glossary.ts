/**
 * The source's conditions in words, from data/glossary.yaml. Shared by everything that people read.
 *
 * A condition without words is never shown cut or half: {@link conditionPhrase} gives null, and readers are sent to the source.
 */
import facts from "../../data/glossary.json" with { type: "json" };
import type { Acquisition, Catalog, Condition, Leaf, OtherBusy, ReleasePlace } from "../catalog/index.ts";
import { type ConditionPattern, fits } from "./condition-pattern.ts";

interface ConditionEntry {
  readonly id: string;
  readonly patterns: readonly ConditionPattern[];
  readonly calls?: readonly string[];
  readonly resources?: readonly string[];
  readonly phrase: string;
  readonly explain?: readonly Explanation[];
  readonly unreached?: { readonly hosts: readonly string[]; readonly text: string };
}

/** A sentence; `as`: the behaviours that it restates, and the variants of which it is true. */
type Explanation = string | { readonly as: Readonly<Record<string, readonly string[]>>; readonly text: string };

interface BusyCondition {
  readonly id: string;
  readonly status: string;
  readonly patterns: readonly ConditionPattern[];
  readonly what: string;
  readonly phrase: string;
  readonly at: string;
  readonly exchange?: boolean;
  readonly summary?: string;
  readonly lead?: string;
  readonly explain?: string;
}

// A JSON module's strings are of type `string`; scripts/make-glossary.ts has made the patterns.
const CONDITIONS = facts.conditions as readonly unknown[] as readonly ConditionEntry[];
const BUSY = facts.busy as readonly unknown[] as readonly BusyCondition[];

/** A word of the glossary; what a catalog calls `toString` is none. */
function own(words: Readonly<Record<string, string>>, key: string): string | null {
  return Object.hasOwn(words, key) ? (words[key] ?? null) : null;
}

interface Conditional {
  readonly resource: string;
  readonly condition?: Acquisition["condition"];
}

const FOUND = new WeakMap<Condition, Map<string, ConditionEntry | null>>();

/** The entry of a row's condition; null when the row has none, or one without words. */
function entryOf(leaf: string, { resource, condition }: Conditional): ConditionEntry | null {
  if (condition === null || condition === undefined) return null;
  const found = FOUND.get(condition) ?? new Map<string, ConditionEntry | null>();
  FOUND.set(condition, found);
  const key = `${leaf} ${resource}`;
  let entry = found.get(key);
  if (entry === undefined) {
    const isOne = ({ patterns, calls, resources }: ConditionEntry) =>
      (calls === undefined || calls.includes(leaf)) &&
      (resources === undefined || resources.includes(resource)) &&
      patterns.some((pattern) => fits(pattern, condition));
    entry = CONDITIONS.find(isOne) ?? null;
    found.set(key, entry);
  }
  return entry;
}

/**
 * When a leaf takes a row, as words that follow its name: `while 0-stepping is suspected`. What somebody stated is words already.
 *
 * @returns null when the row is unconditional, or its condition has no words
 */
export function conditionPhrase(leaf: string, row: Conditional): string | null {
  return entryOf(leaf, row)?.phrase ?? (row.condition?.is === "stated" ? `if ${row.condition.text}` : null);
}

/** What stands for a condition that has no words. */
export const WITHOUT_WORDS = "under a condition that only the source words (--evidence)";

/** {@link conditionPhrase}, and for a condition without words a pointer to the source; null when unconditional. */
export function conditionWords(leaf: string, row: Conditional & Pick<Acquisition, "when">): string | null {
  if (row.when === null) return null;
  return conditionPhrase(leaf, row) ?? WITHOUT_WORDS;
}

/**
 * More about a row's condition, in sentences with the catalog's constants; a sentence whose constant is missing is left out. In the place
 * of what would restate a function that nobody has read stands that nobody has. With a host's name, whether it comes there.
 */
export function conditionNotes(
  catalog: Pick<Catalog, "constants" | "behaviours">,
  leaf: string,
  row: Conditional,
  host: string | null = null,
): readonly string[] {
  const { explain = [], unreached } = entryOf(leaf, row) ?? {};
  const never = host !== null && unreached?.hosts.some((pattern) => fitsPattern(pattern, host)) === true;
  return [
    ...explain.flatMap((one) => saidOf(catalog, one)).flatMap((sentence) => filled(sentence, catalog.constants)),
    ...unreadOf(catalog, explain),
    ...(never && unreached !== undefined ? [unreached.text] : []),
  ];
}

/** A sentence where it is true of the functions that it restates. */
function saidOf({ behaviours }: Pick<Catalog, "behaviours">, explanation: Explanation): string[] {
  if (typeof explanation === "string") return [explanation];
  const { as, text } = explanation;
  const isSo = Object.entries(as).every(([name, variants]) =>
    behaviours.some((one) => one.name === name && one.variant !== null && variants.includes(one.variant)),
  );
  return isSo ? [text] : [];
}

/** The functions that sentences would restate, and that nobody has read as the tree has them. */
function unreadOf({ behaviours }: Pick<Catalog, "behaviours">, explain: readonly Explanation[]): string[] {
  const names = new Set(explain.flatMap((one) => (typeof one === "string" ? [] : Object.keys(one.as))));
  const unread = behaviours.filter(({ name, variant }) => variant === null && names.has(name));
  if (unread.length === 0) return [];
  const places = unread.map(({ function: name, evidence: { file, line } }) => `${name} (${file}:${line})`);
  return [`Nobody has read what this tree's ${places.join(" and ")} ${unread.length === 1 ? "does" : "do"}.`];
}

/** A BUSY that no lock gives. */
export interface BusyWords {
  /** What is busy. */
  readonly what: string;
  /** `while …`, `if …`. */
  readonly phrase: string;
  /** The resource beside which a table tells it. */
  readonly at: string;
  /** Is it what a lost compare-exchange gives, where a lock might have kept others away? */
  readonly exchange: boolean;
  /** What is to be added where no lock guards it. */
  readonly summary: string | null;
  /** All of it: `Or TDX_… if …. …`. */
  readonly sentence: string;
}

/** The words of a BUSY that no lock gives; null when there are none. */
export function busyWords({ name, condition }: Pick<OtherBusy, "name" | "condition">): BusyWords | null {
  const found = condition
    ? BUSY.find(({ status, patterns }) => status === name && patterns.some((pattern) => fits(pattern, condition)))
    : undefined;
  if (found === undefined) return null;
  const { what, phrase, at, exchange = false, summary = null, lead, explain } = found;
  const sentence = `${lead === undefined ? "" : `${lead} `}${name} ${phrase}.${explain === undefined ? "" : ` ${explain}`}`;
  return { what, phrase, at, exchange, summary, sentence };
}

/** When a BUSY comes that no lock gives, in words, and where there are none a pointer to the source; null when always. */
export function busyPhrase(busy: Pick<OtherBusy, "name" | "condition" | "when">): string | null {
  return busy.when === null ? null : (busyWords(busy)?.phrase ?? WITHOUT_WORDS);
}

/** `{NAME}` becomes the catalog's constant. */
function filled(sentence: string, constants: Readonly<Record<string, number>>): string[] {
  let known = true;
  const text = sentence.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = constants[name];
    if (value === undefined) known = false;
    return String(value);
  });
  return known ? [text] : [];
}

/** Conditions of these leaves that have no words, each with the leaf and where it stands; empty is what a check wants. */
export function conditionsWithoutWords(leaves: readonly Leaf[]): readonly string[] {
  return leaves.flatMap((leaf) => [
    ...leaf.acquisitions
      .filter((row) => row.when !== null && conditionPhrase(leaf.name, row) === null)
      .map((row) => `${leaf.name} ${row.resource}: ${row.when}`),
    ...leaf.otherBusy
      .filter((busy) => busy.when !== null && busyWords(busy) === null)
      .map((busy) => `${leaf.name} ${busy.name}: ${busy.when}`),
  ]);
}

/** An operand as KVM compares it: `SEPT` for the module's SEPT_TREE. */
export function operandName(id: string): string {
  return own(facts.operands, id) ?? id;
}

/** A status that comes without an operand, in few letters: `SYS_BUSY`. */
export function bareStatus(status: string): string {
  return own(facts.bareStatuses, status) ?? "none";
}

/** The lock behind a resource as people search for it, `secure_ept_lock`; null when it has no other name. */
export function lockNameOf(resource: string): string | null {
  return own(facts.resourceNames, resource) ?? null;
}

/** A resource as a sentence names it: `the SEPT tree lock`. */
export function resourceNoun(resource: string): string {
  return own(facts.resourceNouns, resource) ?? resource;
}

/** How long a lock is held that a function of the source gives back; null when there are no words for it, or nobody has read it as the tree has it. */
export function releaseWords(name: string, { behaviours }: Pick<Catalog, "behaviours">): string | null {
  if (behaviours.some((one) => one.function === name && one.variant === null)) return null;
  return own(facts.releases, name) ?? null;
}

const UNTIL: Readonly<Record<Exclude<ReleasePlace["kind"], "function">, string>> = {
  "leaf-exit": "until the call ends",
  "iteration-end": "until the next of the list",
  "before-td-entry": "until shortly before the guest is entered",
  "td-exit": "until the vCPU leaves the guest (TD exit)",
  "page-removed": "until the page is removed, with which it goes",
};

/** How long a lock is held, in words; null where nothing is held. */
export function heldWords(release: ReleasePlace | null, catalog: Pick<Catalog, "behaviours">): string | null {
  if (release === null) return null;
  if (release.kind !== "function") return UNTIL[release.kind];
  return releaseWords(release.function, catalog) ?? `until ${release.function}(), before the call ends`;
}

/** Every other name of a resource, with the resource. */
export function resourceAliases(): readonly (readonly [alias: string, resource: string])[] {
  return Object.entries(facts.resourceNames).map(([resource, alias]) => [alias, resource]);
}

/** When a guest looks at the host-priority bit of a lock; `null` where the lock has none, or no guest's function is known. */
export type GuestLooks = "guestLooksFirst" | "guestLooksAfter" | null;

/** What decides, beside the lock kind itself, what is said of it. */
export interface KindTold {
  /** Is it of a bundled release? */
  readonly isRelease: boolean;
  /** Is nothing said of the host priority of sharex_hp, with which sentences of other kinds compare? */
  readonly isAlone: boolean;
}

/** Sentences about a lock kind that its fields do not tell; of a bundled release also those that no primitive bears out. */
export function kindSentences(kind: string, looks: GuestLooks, { isRelease, isAlone }: KindTold): readonly string[] {
  const known = facts.lockKinds as Readonly<Record<string, readonly KindSentence[]>>;
  return (Object.hasOwn(known, kind) ? (known[kind] ?? []) : [])
    .filter(({ needs }) => (needs === null ? isRelease : needs === looks))
    .map(({ text, alone }) => (isAlone ? (alone ?? text) : text));
}

interface KindSentence {
  readonly text: string;
  readonly alone?: string;
  readonly needs: string | null;
}

/** What Linux's guest does when this TDCALL is refused; null when no source says. */
export function guestReaction(call: string): string | null {
  return facts.guest.find(({ calls }) => calls.includes(call))?.text ?? null;
}

/** That Linux's guest makes this TDCALL and some others one at a time, in words that name none; null when no source says. */
export function guestOneAtATime(call: string): string | null {
  return facts.guestOneAtATime.find(({ calls }) => calls.includes(call))?.text ?? null;
}

/** What is said of a path of a host's profile in few words. */
export interface PathWords {
  readonly short: string;
  readonly group: string | null;
  readonly exceptional: boolean;
}

const PATH_WORDS = new Map<string, PathWords>();

/** Short name and group of a path, by its name in the profile. */
export function pathWords(name: string): PathWords {
  const known = PATH_WORDS.get(name) ?? findPathWords(name);
  PATH_WORDS.set(name, known);
  return known;
}

function findPathWords(name: string): PathWords {
  const found = (
    facts.paths as readonly { match: string; short: string; group?: string; exceptional?: boolean }[]
  ).find(({ match }) => fitsPattern(match, name));
  return { short: found?.short ?? name, group: found?.group ?? null, exceptional: found?.exceptional ?? false };
}

/** Does a name fit a pattern with `*`? */
function fitsPattern(pattern: string, name: string): boolean {
  return new RegExp(`^${pattern.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*")}$`).test(name);
}

/** What the violation of a property means, where it is not that a call fails: `the module may shut down`; else null. */
export function violationWords(property: string): string | null {
  return facts.properties.find(({ match }) => fitsPattern(match, property))?.text ?? null;
}

/** What a scenario of a host asks where no property is named; null when that is not known. */
export function askedOf(scenario: string): string | null {
  return own(facts.scenarioProperties, scenario);
}

/** The bundled host that stands for a kernel without a profile of its own; null when none does. */
export function hostAlias(version: string): string | null {
  return own(facts.hostAliases, version) ?? null;
}

/** A way of handling BUSY, with the verdicts that belong to it and the reactions of a profile that are that way. */
export interface PolicyWords {
  readonly id: string;
  readonly title: string;
  readonly proposal?: string;
  readonly matrix: string;
  readonly scenario?: string;
  readonly policy: string | null;
  readonly parameters?: Readonly<Record<string, string | number | boolean>>;
  /** Calls of a profile whose reaction to BUSY decides, and the reactions that are this way. */
  readonly calls?: readonly string[];
  readonly reactions?: readonly string[];
}

/** The ways of handling BUSY, in the order in which reports list them. */
export const POLICIES: readonly PolicyWords[] = facts.policies;
