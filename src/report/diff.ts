/** Differences between modules for people: what changed, once, and which contentions follow from it. */
import { type BehaviourChange, type Cause, type DiffDocument, hasDifferences, isAncestor } from "../analysis/index.ts";
import { placeText, sideOf } from "../catalog/index.ts";
import type { HostSeverity } from "../host/index.ts";
import { type Block, markdownOf, type Row, textOf } from "./blocks.ts";
import { variantText } from "./call-table.ts";
import { conditionWords, lockNameOf, resourceNoun } from "./glossary.ts";
import { severityText } from "./meetings.ts";
import {
  askedWords,
  callNames,
  count,
  fewCalls,
  foldedCalls,
  groupBy,
  hostTitle,
  kindName,
  list,
  resourceText,
} from "./words.ts";

/** What of a difference is shown. */
export interface DiffOptions {
  /** Only of these calls. */
  readonly leaves?: readonly string[];
  /** Only on these resources. */
  readonly resources?: readonly string[];
  /** Those that somebody asked for, which the title and the sentence name; the calls of a host are nobody's choice. */
  readonly asked?: { readonly leaves?: readonly string[]; readonly resources?: readonly string[] };
  /** PAMT entries above pages, releases, statuses and every condition, too. */
  readonly all?: boolean;
}

/** The differences as plain ASCII text in 80 columns, ending with a newline. */
export function renderDiffText(doc: DiffDocument, options: DiffOptions = {}): string {
  return textOf(diffBlocks(doc, options));
}

/** The differences as Markdown, ending with a newline. */
export function renderDiffMarkdown(doc: DiffDocument, options: DiffOptions = {}): string {
  return markdownOf(diffBlocks(doc, options));
}

/** Facts that read alike and changed, once, with what follows from them. */
export interface FactChange {
  /** `secure_ept_lock: EXCLUSIVE -> SHARED`. */
  readonly fact: string;
  readonly calls: readonly string[];
  readonly effects: readonly Effect[];
}

/** Contentions on one resource that come or go with a fact. */
export interface Effect {
  readonly sign: "+" | "-";
  readonly resource: string;
  /** `vp_enter x 14 calls on the SEPT tree lock`. */
  readonly text: string;
  /** Under a host, what it comes to, before and after: `none -> tried again`. Null without one. */
  readonly change: string | null;
  readonly pairs: Cause["appeared"];
}

/** Contentions that stay, and end otherwise under the host. */
export interface DiffOutcome {
  readonly resource: string;
  readonly text: string;
  readonly change: string;
}

/** A difference as its readers want it: a sentence to quote, then causes with their effects, then what most can do without. */
export interface DiffDigest {
  readonly sentence: string;
  readonly changes: readonly FactChange[];
  readonly minor: readonly FactChange[];
  readonly outcomes: readonly DiffOutcome[];
  readonly behaviour: readonly BehaviourChange[];
  /** `STEPPING_EPF_THRESHOLD: 6 -> 10`. */
  readonly constants: readonly string[];
}

/** The digest of a difference; where there is none its sentence says so. */
export function diffDigest(doc: DiffDocument, options: DiffOptions = {}): DiffDigest {
  const own = narrowedDiff(doc, options);
  const { told, minor } = sifted(own, options);
  const from = `From ${doc.before.version} to ${doc.after.version}${askedWords(options.asked, ", of ", ", on ")}`;
  const isSame = !hasDifferences(own);
  return {
    // The worst of all contentions says nothing of those of some calls.
    sentence: `${from}: ${isSame ? "no difference" : pasteable(own.causes)}.${isSame || options.asked !== undefined ? "" : worstText(doc)}`,
    changes: factChanges(told),
    minor: factChanges(minor),
    outcomes: outcomesOf(own),
    behaviour: behaviourOf(own),
    constants: own.constants.map(({ name, before, after }) => `${name}: ${before} -> ${after}`),
  };
}

/** Of a difference what concerns some calls, or some resources, and under a host what makes a contention go otherwise. */
export function narrowedDiff(whole: DiffDocument, options: DiffOptions): DiffDocument {
  const { leaves, resources } = options;
  const doc = whole.host === null ? whole : { ...whole, behaviour: whole.behaviour.filter(isMet) };
  if (leaves === undefined && resources === undefined) return doc;
  const isCall = (name: string): boolean => leaves === undefined || leaves.includes(name);
  const isLock = (name: string | null): boolean =>
    resources === undefined || (name !== null && resources.includes(name));
  const about = <T extends Contention>(all: readonly T[]): T[] => all.filter((one) => isAbout(one, options));
  const { leaves: calls, contention, host } = doc;
  const contends = { appeared: about(contention.appeared), disappeared: about(contention.disappeared) };
  const meeting = new Set([...contends.appeared, ...contends.disappeared].flatMap(({ a, b }) => [a, b]));
  const isComing = (name: string): boolean => isCall(name) && (resources === undefined || meeting.has(name));
  return {
    ...doc,
    leaves: { added: calls.added.filter(isComing), removed: calls.removed.filter(isComing) },
    changed: doc.changed.filter((row) => isCall(row.leaf) && isLock(row.resource)),
    leafChanges: doc.leafChanges.filter(({ leaf }) => isCall(leaf) && resources === undefined),
    causes: doc.causes.flatMap((cause) => {
      const own = cause.calls.filter(isCall);
      const [appeared, disappeared] = [about(cause.appeared), about(cause.disappeared)];
      const isAsked = own.length > 0 && isLock(cause.resource);
      if (!isAsked && appeared.length + disappeared.length === 0) return [];
      // What another call, or one that comes or goes, does to those that are asked for is told under that call.
      return [{ ...cause, calls: own.length > 0 ? own : cause.calls, appeared, disappeared }];
    }),
    behaviour: doc.behaviour
      .map((change) => ({ ...change, pairs: about(change.pairs) }))
      .filter((change) => doc.host === null || isMet(change))
      .filter(
        (change) =>
          change.pairs.length > 0 ||
          ((leaves === undefined || leaves.includes(change.name)) &&
            (resources === undefined || change.resources.some(isLock))),
      ),
    // Of which calls they are they do not say: what is asked for may be others, a host's calls are most of them.
    constants: options.asked === undefined ? doc.constants : [],
    contention: contends,
    host: host === null ? null : { ...host, outcomes: about(host.outcomes) },
  };
}

/** Does some contention go otherwise for it? What a leaf states of itself is told among the facts. */
const isMet = ({ kind: what, pairs }: BehaviourChange): boolean => what === "leaf" || pairs.length > 0;

/** Of the causes those that most readers want, and the others. */
function sifted({ causes }: DiffDocument, options: DiffOptions): Readonly<Record<"told" | "minor", readonly Cause[]>> {
  const told = causes.filter((cause) => options.all === true || !isMinor(cause));
  return { told, minor: causes.filter((cause) => !told.includes(cause)) };
}

function factChanges(causes: readonly Cause[]): FactChange[] {
  return groupBy(causes, factText).map(([fact, of]) => ({
    fact,
    calls: [...new Set(of.flatMap((cause) => cause.calls))],
    effects: [
      ...effectsOf(
        "+",
        of.flatMap((cause) => cause.appeared),
      ),
      ...effectsOf(
        "-",
        of.flatMap((cause) => cause.disappeared),
      ),
    ],
  }));
}

function effectsOf(sign: Effect["sign"], pairs: Cause["appeared"]): Effect[] {
  return groupBy(pairs, ({ resource, severity }) => `${resource}\n${severity}`).flatMap(([, of]) => {
    const [first] = of;
    if (first === undefined) return [];
    const { resource, severity } = first;
    const told = severity === undefined ? [] : ["none", endsIn(severity, of)];
    const change = told.length === 0 ? null : (sign === "+" ? told : told.reverse()).join(" -> ");
    return [{ sign, resource, text: meetingText(of, resourceNoun(resource)), change, pairs: of }];
  });
}

function diffBlocks(doc: DiffDocument, options: DiffOptions): readonly Block[] {
  const title: Block = {
    kind: "title",
    text: `Locks of the TDX module, ${doc.before.version} -> ${doc.after.version}${doc.host === null ? "" : ` under ${hostTitle(doc.host.name)}`}${askedWords(options.asked, ": ", ", on ")}`,
  };
  const own = narrowedDiff(doc, options);
  if (!hasDifferences(own)) return [title, { kind: "paragraph", text: "No difference." }];
  const digest = diffDigest(doc, options);
  const { minor } = sifted(own, options);
  return [
    title,
    { kind: "paragraph", text: digest.sentence },
    ...(digest.changes.length === 0
      ? []
      : [{ kind: "heading", text: "What changed, and what follows" } as const, changes(digest.changes)]),
    ...(minor.length === 0 ? [] : [{ kind: "paragraph", text: minorText(minor) } as const]),
    ...outcomes(digest.outcomes),
    ...behaviour(doc, digest.behaviour),
    ...constants(digest.constants),
  ];
}

type Contention = { readonly a: string; readonly b: string; readonly resource: string };

/** Is a contention one of the calls and resources that are asked for? */
function isAbout({ a, b, resource }: Contention, { leaves, resources }: DiffOptions): boolean {
  const call = leaves === undefined || leaves.includes(a) || leaves.includes(b);
  return call && (resources === undefined || resources.includes(resource));
}

/** What most readers can do without: PAMT walks, where locks are given back, statuses, conditions that say the same in words. */
function isMinor(cause: Cause): boolean {
  if (cause.appeared.length + cause.disappeared.length > 0) return false;
  if (cause.resource !== null && isAncestor(cause.resource)) return true;
  if (RELEASES.includes(cause.kind) || cause.kind === "status") return true;
  return cause.kind === "condition" && sameWords(cause);
}

const RELEASES: readonly Cause["kind"][] = [
  "release",
  "release-order",
  "success-orders",
  "busy-orders",
  "other-orders",
];

function words(cause: Cause, side: "before" | "after"): string {
  const condition = cause.conditions?.[side] ?? null;
  return (
    conditionWords(cause.calls[0] ?? "", { resource: cause.resource ?? "", when: cause[side], condition }) ?? "always"
  );
}

const sameWords = (cause: Cause): boolean => words(cause, "before") === words(cause, "after");

/** What can be pasted of the paragraph on top: what matters of the difference, in a few clauses. */
function pasteable(causes: readonly Cause[]): string {
  const of = (kind: Cause["kind"]): readonly Cause[] => causes.filter((cause) => cause.kind === kind);
  const [added, removed] = [of("call-added"), of("call-removed")].map((all) => all.flatMap(({ calls }) => calls));
  const locks = of("lock").filter(({ resource }) => resource !== null && !isAncestor(resource));
  const modes = of("mode").filter(({ resource }) => resource !== null && !isAncestor(resource));
  const sum = (side: "appeared" | "disappeared"): number => causes.reduce((n, cause) => n + cause[side].length, 0);
  const by = (side: "appeared" | "disappeared"): string => {
    const most = causes.filter((cause) => cause[side].length > 0).sort((x, y) => y[side].length - x[side].length)[0];
    if (most === undefined || most[side].length === sum(side)) return "";
    return ` (${most[side].length} of them by ${most.kind === "order" ? "another order of locks" : short(most)})`;
  };
  const sentences = [
    ...groupBy(locks, ({ before, after }) => `${kind(after)} (was ${kind(before)})`).map(([change, of]) => {
      const names = [...new Set(of.map(({ resource }) => nameOf(resource)))];
      return `${list(names)} ${names.length === 1 ? "becomes" : "become"} a ${change}`;
    }),
    ...modes.map(
      ({ resource, before, after, calls }) =>
        `${fewCalls(calls)} ${calls.length === 1 ? "takes" : "take"} ${nameOf(resource)} ${after} (was ${before})`,
    ),
    ...of("variant-added").map(({ calls, after }) => `${fewCalls(calls)} works in another way ${variantText(after)}`),
    ...callSentence("added", added ?? []),
    ...callSentence("removed", removed ?? []),
  ];
  const [more, fewer] = [sum("appeared"), sum("disappeared")];
  const counts = [
    ...(more > 0 ? [`${count(more, "contention")} ${more === 1 ? "appears" : "appear"}${by("appeared")}`] : []),
    ...(fewer > 0
      ? [
          `${more > 0 ? fewer : count(fewer, "contention")} ${fewer === 1 ? "disappears" : "disappear"}${by("disappeared")}`,
        ]
      : []),
  ];
  const contention = counts.join(", ") || "no contention appears or disappears";
  return [...sentences, contention].join("; ");
}

function callSentence(what: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  return [`${count(names.length, "call")} ${what}${names.length > FEW ? "" : ` (${list(callNames(names))})`}`];
}

const FEW = 4;

const nameOf = (resource: string | null): string => lockNameOf(resource ?? "") ?? resource ?? "";

/** A lock kind as the catalog has it, as tables name it. */
function kind(value: string | null): string {
  return value === null ? "none" : kindName(value as Parameters<typeof kindName>[0]);
}

// The second column holds the longest name of a call, `tdh_export_state_immutable()`.
const WIDTHS = [50, 30];

/** A line for each fact that reads differently; below it the contentions that follow. */
function changes(all: readonly FactChange[]): Block {
  const line = ({ sign, text, change }: Effect): string =>
    `    ${sign} ${text}${change === null ? "" : ` (${change})`}`;
  const groups = all.map(({ fact, calls, effects }): Row[] => [
    { cells: [fact, fewCalls(calls)], below: effects.map(line) },
  ]);
  return { kind: "table", head: ["fact", "calls"], widths: WIDTHS, groups, between: "nothing" };
}

/** `secure_ept_lock: sharex_lock -> sharex_hp_lock`. */
function factText(cause: Cause): string {
  const { before, after, resource, role } = cause;
  const name = resource === null ? "" : (lockNameOf(resource) ?? resourceText(resource, role));
  const change = `${before ?? "none"} -> ${after ?? "none"}`;
  switch (cause.kind) {
    case "call-added":
      return "new calls";
    case "call-removed":
      return "calls that are gone";
    case "variant-added":
      return `new variant: ${variantText(after)}`;
    case "variant-removed":
      return `variant that is gone: ${variantText(before)}`;
    case "row-added":
      return `${name}: taken now (${rowText(after)})`;
    case "row-removed":
      return `${name}: no longer taken (${rowText(before)})`;
    case "lock":
      return `${name}: ${kind(before)} -> ${kind(after)}`;
    case "condition":
      return sameWords(cause)
        ? `${name}: ${words(cause, "after")}, as the source has it now`
        : `${name}: ${words(cause, "before")} -> ${words(cause, "after")}`;
    case "op-states":
      return `OP_STATEs: ${difference(before, after)}`;
    case "sept-states":
      return `SEPT states: ${difference(before, after)}`;
    case "other-busy":
      return `statuses that no lock gives: ${difference(before, after)}`;
    case "status":
      return `${name}: status ${change}`;
    case "release":
      return `${name}: given back in ${change}`;
    case "times":
      return `${name}: how often it is tried: ${change}`;
    case "release-order":
      return "order in which locks are given back";
    case "success-orders":
      return "order in which some calls that succeed give locks back";
    case "busy-orders":
      return "order in which locks are given back where one is busy";
    case "other-orders":
      return "order in which locks are given back where the call fails otherwise";
    case "order":
      return "order of locks, or locks taken for sure";
    default:
      return `${name}: ${change}`;
  }
}

/** `sharex_hp EXCLUSIVE` of a fact, with the lock's table name. */
function rowText(value: string | null): string {
  const [lock = "", mode = ""] = (value ?? "").split(" ");
  return `${kind(lock)} ${mode}`;
}

/** Of two lists what is new and what is gone. */
function difference(gone: string | null, added: string | null): string {
  if (gone === null) return "checked now";
  if (added === null) return "no longer checked";
  const told = [...(added === "" ? [] : [`now also ${added}`]), ...(gone === "" ? [] : [`no longer ${gone}`])];
  return told.length === 0 ? "in another order" : told.join("; ");
}

/** What a contention comes to; what a guest does is in no host's source. */
function endsIn(severity: HostSeverity, pairs: readonly { readonly a: string }[]): string {
  const isGuests = severity === "unknown" && pairs.every(({ a }) => sideOf(a) === "guest");
  return isGuests ? "up to guest" : severityText(severity);
}

/** One sentence on the worst that any contention comes to under the host. */
function worstText({ host, before, after }: DiffDocument): string {
  if (host === null) return "";
  const [x, y] = [severityText(host.worst.before), severityText(host.worst.after)];
  const name = hostTitle(host.name);
  if (x === y) return ` The worst that a contention comes to under ${name} is the same with both: ${x}.`;
  return ` The worst that a contention comes to under ${name}: ${x} with ${before.version} -> ${y} with ${after.version}.`;
}

function outcomesOf({ host }: DiffDocument): DiffOutcome[] {
  const groups = groupBy(host?.outcomes ?? [], ({ resource, before, after }) => `${resource}\n${before}\n${after}`);
  return groups.flatMap(([, of]): DiffOutcome[] => {
    const [first] = of;
    if (first === undefined) return [];
    const { resource, before, after } = first;
    const change = `${endsIn(before, of)} -> ${endsIn(after, of)}`;
    return [{ resource, text: meetingText(of, resourceNoun(resource)), change }];
  });
}

function outcomes(all: readonly DiffOutcome[]): Block[] {
  if (all.length === 0) return [];
  const rows = all.map(({ text, change }): Row => ({ cells: [text, change] }));
  return [
    { kind: "heading", text: "With another outcome" },
    { kind: "table", head: ["contention", "before -> after"], widths: [42, 38], groups: [rows], between: "nothing" },
  ];
}

/** `vp_enter x 14 calls on the SEPT tree lock`: one call against the others where it is in all of them. */
function meetingText(of: readonly { readonly a: string; readonly b: string }[], on: string): string {
  const ends = new Map<string, number>();
  for (const { a, b } of of) for (const name of new Set([a, b])) ends.set(name, (ends.get(name) ?? 0) + 1);
  const center = [...ends].find(([, n]) => n === of.length)?.[0];
  if (center === undefined) return `${count(of.length, "contention")} on ${on}`;
  const others = of.map(({ a, b }) => (a === center ? b : a));
  const named = others.length > MANY ? count(others.length, "call") : foldedCalls(others);
  return `${foldedCalls([center])} x ${named} on ${on}`;
}

const MANY = 12;

/** What was left out, in one sentence. */
function minorText(causes: readonly Cause[]): string {
  const pamt = causes.filter(({ resource }) => resource !== null && isAncestor(resource)).length;
  const of = (kinds: readonly Cause["kind"][]): number =>
    causes.filter((cause) => kinds.includes(cause.kind) && !(cause.resource !== null && isAncestor(cause.resource)))
      .length;
  const parts = [
    [pamt, "of PAMT entries above pages"],
    [of(["condition"]), "of conditions that say the same in other variables"],
    [of(RELEASES), "of where locks are given back"],
    [of(["status"]), "of statuses"],
  ] as const;
  const told = parts.filter(([n]) => n > 0).map(([n, what], i) => `${i === 0 ? count(n, "fact") : n} ${what}`);
  return `Not shown, and without contention that follows: ${list(told)}; --all shows them.`;
}

function short(cause: Cause): string {
  if (cause.kind === "call-added" || cause.kind === "call-removed") return factText(cause);
  return `${fewCalls(cause.calls)} on ${nameOf(cause.resource)}`;
}

/** Statuses of calls are told among the facts. */
function behaviourOf({ behaviour: every }: DiffDocument): BehaviourChange[] {
  return every.filter(({ kind: what }) => what !== "leaf");
}

function behaviour({ before, after }: DiffDocument, all: readonly BehaviourChange[]): Block[] {
  if (all.length === 0) return [];
  const versions = [before.version, after.version];
  return [{ kind: "heading", text: "Behaviour" }, ...all.flatMap((change) => behaviourBlocks(change, versions))];
}

function constants(items: DiffDigest["constants"]): Block[] {
  return items.length === 0
    ? []
    : [
        { kind: "heading", text: "Constants" },
        { kind: "list", items },
      ];
}

/** The contentions that go otherwise, by lock: who meets whom where that is few, else who is in most of them. */
export function goesOtherwise({ pairs }: BehaviourChange): string[] {
  const told = groupBy(
    pairs.filter(({ resource }) => !isAncestor(resource)),
    ({ resource }) => resource,
  );
  if (told.length === 0) return [];
  const texts = told.map(([resource, of]) => meetingText(of, resourceNoun(resource)));
  return [`goes otherwise for it: ${texts.join("; ")}`];
}

function behaviourBlocks(change: BehaviourChange, [older = "", newer = ""]: readonly string[]): Block[] {
  const { kind: what, name, what: means, before, after, resources } = change;
  const about = resources.length === 0 ? "" : ` (${resources.join(", ")})`;
  const said = (version: string, side: BehaviourChange["before"]): string =>
    side === null ? `${version}: not there` : `${version}: ${side.text} (${placeText(side.site)})`;
  return [
    { kind: "paragraph", text: what === "leaf" ? `${name}: ${means}` : `${means}${about}`, tight: true },
    { kind: "list", items: [said(older, before), said(newer, after), ...goesOtherwise(change)], indent: 2 },
  ];
}
