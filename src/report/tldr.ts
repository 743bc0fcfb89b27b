/** The first lines of a report: what contends while a TD runs, under which status, and what the host makes of it. */
import { type ContendPair, compareResources, isAncestor } from "../analysis/index.ts";
import { bundledRelease, type Catalog, type Leaf, sideOf } from "../catalog/index.ts";
import type { HostProfile } from "../host/index.ts";
import { pathLabels } from "./conclusion.ts";
import { busyWords, conditionPhrase, guestOneAtATime, guestReaction, pathWords, resourceNoun } from "./glossary.ts";
import { goneLater, goneSince, type NamedPair } from "./history.ts";
import { gettingOver } from "./reactions.ts";
import type { ConclusionRow } from "./schema.ts";
import { busyStatus, shortStatus } from "./status.ts";
import { callNames, capital, groupBy, hostTitle, list } from "./words.ts";

/** Pairs of a TD that can run, on locks of the module's own structures; target pages meet only when two calls name one page. */
export function runtimePairs(
  catalog: Catalog,
  pairs: readonly ContendPair[],
  rows: readonly ConclusionRow[] | null,
): ContendPair[] {
  const own = pairs.filter(
    (p) => p.possible && p.resourceA === p.resourceB && p.resource !== "PAGE" && !isAncestor(p.resource),
  );
  if (rows === null) {
    const run = runStates(catalog);
    return own.filter((p) => run === null || p.opStates === null || p.opStates.some((state) => run.has(state)));
  }
  const runtime = rows.filter((row) => row.section === "runtime");
  return own.filter((p) =>
    runtime.some(
      ({ resource, left, right }) =>
        resource === p.resource &&
        ((left.calls.includes(p.a) && right.calls.includes(p.b)) ||
          (left.calls.includes(p.b) && right.calls.includes(p.a))),
    ),
  );
}

/** The OP_STATEs in which a guest can run: those of the leaves that keep locks until TD exit. Null when not known. */
export function runStates(catalog: Catalog): ReadonlySet<string> | null {
  const entering = catalog.leaves.filter((leaf) => leaf.acquisitions.some((a) => a.release?.kind === "td-exit"));
  const states = entering.flatMap((leaf) => leaf.opStates ?? []);
  return states.length === 0 ? null : new Set(states);
}

/** Which module, which of its calls a report speaks of, and whether under a host, whose guests are Linux. */
export interface Scope {
  readonly catalog: Catalog;
  readonly calls: ReadonlySet<string>;
  readonly hosted: boolean;
}

/**
 * Of calls that somebody asks for, and that are not among those of the host. Which TDCALLs a guest makes is no host's choice: whom
 * they meet is not judged.
 */
export function absentSentences(names: readonly string[], host: string): string[] {
  const [seamcalls, tdcalls] = (["host", "guest"] as const).map((side) =>
    callNames(names.filter((name) => sideOf(name) === side)),
  );
  const alone = "`--host none` tells it by the module's rules alone";
  return [
    ...(seamcalls === undefined || seamcalls.length === 0 ? [] : [`${host} never makes ${list(seamcalls)}; ${alone}.`]),
    ...(tdcalls === undefined || tdcalls.length === 0
      ? []
      : [
          `The profile of ${host} names no guest that makes ${list(tdcalls)}, so that whom ${tdcalls.length === 1 ? "it meets" : "they meet"} is not judged; ${alone}.`,
        ]),
  ];
}

/** One sentence, or two, for each resource on which calls of a running TD contend. */
export function contentionSentences(scope: Scope, pairs: readonly ContendPair[]): string[] {
  const told = { ...scope, statuses: new Statuses(scope.catalog) };
  const groups = groupBy(pairs, (p) => p.resource).sort(([a], [b]) => compareResources(a, b));
  const sentences = groups.flatMap(([resource, group]) => ofResource(told, resource, group));
  if (sentences.length > 0) return sentences;
  const [only, ...others] = scope.calls;
  if (only !== undefined && others.length === 0) return [`${only}() contends with no call while a TD runs.`];
  return ["No two of these calls contend while a TD runs."];
}

/** Statuses of sentences in the order in which they are read: the first in full, and once in words that whoever comes second gets it. */
class Statuses {
  readonly #catalog: Catalog;
  #isFirst = true;
  #isWhoeverTold = false;

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
  }

  /** `TDX_OPERAND_BUSY | TD_EPOCH, whoever comes second`; then `BUSY | SEPT, ditto`. */
  of(pairs: readonly ContendPair[]): string {
    const shown = this.#isFirst ? shortStatus : busyStatus;
    this.#isFirst = false;
    const told = pairs.flatMap((p) => [...(p.busyA ? [p.statusA] : []), ...(p.busyB ? [p.statusB] : [])]);
    const names = [...new Set(told.map((status) => (status === null ? "BUSY" : shown(this.#catalog, status))))];
    const both = pairs.every((p) => p.busyA && p.busyB) && names.length === 1;
    return `${list(names, "or")}${both ? `, ${this.#whoever()}` : ""}`;
  }

  #whoever(): string {
    if (this.#isWhoeverTold) return "ditto";
    this.#isWhoeverTold = true;
    return "whoever comes second";
  }
}

/** What sentences are made with. */
interface Telling extends Scope {
  readonly statuses: Statuses;
}

/**
 * Where a call takes no lock, but is refused when what it read has changed at its compare-exchange: on modules that do not lock SEPT
 * entries, that is how calls of the host and the guest meet on one.
 */
export function exchangeSentences(leaves: readonly Leaf[]): string[] {
  return exchanges(leaves).map(({ what, names, busy }) => {
    const one = names.length === 1;
    return `${list(names)} ${one ? "writes" : "write"} ${what} by compare-exchange, under no lock that both take, and ${one ? "gets" : "get"} ${busy}.`;
  });
}

/** The same for the summary, which needs it only where a whole report is read from there. */
export function exchangeSummary(leaves: readonly Leaf[]): string[] {
  return exchanges(leaves).map(({ what, names, busy, more }) =>
    [
      `${capital(what.replace(/^the /, ""))}: no lock; ${list(names)} ${names.length === 1 ? "gets" : "get"} ${busy}.`,
      ...more,
    ].join(" "),
  );
}

/** Calls that are refused because what they read has changed, and when. */
interface Exchange {
  readonly what: string;
  /** The calls' own names, and as sentences have them. */
  readonly calls: readonly string[];
  readonly names: readonly string[];
  readonly busy: string;
  readonly more: readonly string[];
}

function exchanges(leaves: readonly Leaf[]): Exchange[] {
  const refused = leaves.flatMap((leaf) => {
    const taken = new Set(leaf.acquisitions.filter(({ mode }) => mode !== "NO_LOCK").map(({ resource }) => resource));
    return leaf.otherBusy.flatMap((busy) => {
      const words = busyWords(busy);
      return words === null || !words.exchange || taken.has(words.at) ? [] : [{ leaf, status: busy.name, words }];
    });
  });
  return groupBy(refused, ({ status, words }) => `${status} ${words.phrase}`).map(([busy, of]) => ({
    what: of[0]?.words.what ?? "",
    calls: of.map(({ leaf }) => leaf.name),
    names: callNames(of.map(({ leaf }) => leaf.name)),
    busy,
    more: [...new Set(of.flatMap(({ words }) => words.summary ?? []))],
  }));
}

interface End {
  readonly name: string;
  readonly mode: string;
  readonly phrase: string | null;
}

const endOf = (pair: ContendPair, side: "a" | "b"): End => {
  const [name, mode, condition] =
    side === "a" ? [pair.a, pair.modeA, pair.conditionA] : [pair.b, pair.modeB, pair.conditionB];
  return { name, mode, phrase: conditionPhrase(name, { resource: pair.resource, condition }) };
};

function ofResource(scope: Telling, resource: string, pairs: readonly ContendPair[]): string[] {
  const center = conditionalEnd(pairs);
  if (center !== null) {
    const around = pairs.filter((p) => p.a === center.name || p.b === center.name);
    const others = pairs.filter((p) => !around.includes(p));
    // What needs no condition goes first: ordinary operation meets it.
    return [
      ...(others.length === 0 ? [] : ofResource(scope, resource, others)),
      aroundOne(scope, resource, around, center),
    ];
  }
  const graph = new Map<string, Set<string>>();
  const link = (x: string, y: string): void => void graph.set(x, (graph.get(x) ?? new Set<string>()).add(y));
  for (const { a, b } of pairs) {
    link(a, b);
    link(b, a);
  }
  return groupsOf(graph, pairs).map(({ group, met }) => groupSentence(scope, resource, pairs, { group, met }));
}

/** A call that takes part only under a condition; its pairs are told apart, with the condition. */
function conditionalEnd(pairs: readonly ContendPair[]): End | null {
  const ends = pairs.flatMap((pair) => [endOf(pair, "a"), endOf(pair, "b")]);
  const always = new Set(ends.filter(({ phrase }) => phrase === null).map(({ name }) => name));
  return ends.find(({ name }) => !always.has(name)) ?? null;
}

function aroundOne(scope: Telling, resource: string, pairs: readonly ContendPair[], center: End): string {
  const others = pairs.map((p) => (p.a === center.name ? p.b : p.a));
  const met = others.filter((name) => name !== center.name);
  const itself = others.includes(center.name);
  const opponents = [
    ...(met.length > 0 ? [`with ${list(callNames(met))}`] : []),
    ...(itself ? [`with ${center.name}() of another such vCPU`] : []),
  ];
  const mode = center.mode === "EXCLUSIVE" ? "exclusively" : "shared";
  const how = `takes ${resourceNoun(resource)} ${mode}`;
  const sentence = `${capital(center.phrase ?? "")}, ${center.name}() ${how} and contends ${opponents.join(", and ")} (${scope.statuses.of(pairs)}).`;
  return [sentence, ...elsewhere(scope, resource, pairs)].join(" ");
}

/** Calls with the same opponents, and these: those with the most first; each pair is told once. */
interface Group {
  readonly group: readonly string[];
  readonly met: readonly string[];
}

function groupsOf(graph: ReadonlyMap<string, ReadonlySet<string>>, pairs: readonly ContendPair[]): Group[] {
  const exclusive = new Set(
    pairs.flatMap((p) => [...(p.modeA === "EXCLUSIVE" ? [p.a] : []), ...(p.modeB === "EXCLUSIVE" ? [p.b] : [])]),
  );
  const alike = groupBy([...exclusive], (name) => [...(graph.get(name) ?? [])].sort().join("\n"));
  const ordered = alike.map(([, group]) => group).sort((x, y) => degree(graph, y) - degree(graph, x));
  const told = new Set<string>();
  const edge = (a: string, b: string): string => [a, b].sort().join(" ");
  return ordered.flatMap((group): Group[] => {
    const all = [...(graph.get(group[0] ?? "") ?? [])];
    const met = all.filter((b) => group.some((a) => !told.has(edge(a, b))));
    for (const a of group) for (const b of met) told.add(edge(a, b));
    return met.length === 0 ? [] : [{ group, met }];
  });
}

function degree(graph: ReadonlyMap<string, ReadonlySet<string>>, group: readonly string[]): number {
  return graph.get(group[0] ?? "")?.size ?? 0;
}

function groupSentence(
  { statuses, hosted }: Telling,
  resource: string,
  pairs: readonly ContendPair[],
  { group, met: all }: Group,
): string {
  const others = all.filter((name) => !group.includes(name));
  const isTold = (x: string, y: string): boolean => group.includes(x) && all.includes(y);
  const own = pairs.filter(({ a, b }) => isTold(a, b) || isTold(b, a));
  const status = statuses.of(own);
  const noun = resourceNoun(resource);
  const guests = hosted ? oneAtATime([...group, ...all]) : "";
  if (group.length === 1 && others.length === 1 && all.length === 1) {
    return `${list(callNames([...group, ...others]))} contend on ${noun} (${status}).${guests}`;
  }
  const subject = callNames(group);
  const many = subject.length > 1 || group.length > 1;
  const inner = all.some((name) => group.includes(name));
  const verb = many ? "contend" : "contends";
  const selves = many ? "with each other" : "with itself";
  if (others.length === 0) {
    const where = many ? "" : " on another CPU";
    return `${list(subject)} ${verb} ${selves}${where} on ${noun} (${status}).${guests}`;
  }
  const among = inner ? `, and ${selves}` : "";
  return `${list(subject)} ${verb} with ${list(callNames(others))} on ${noun}${among} (${status}).${guests}`;
}

/** ` A Linux guest makes …`, where that is so of all of these calls. */
function oneAtATime(calls: readonly string[]): string {
  const [text, ...others] = new Set(calls.map(guestOneAtATime));
  return text == null || others.length > 0 ? "" : ` ${text}.`;
}

/** What of these pairs other versions of the module do not have, or had. */
function elsewhere({ catalog, calls: inScope }: Scope, resource: string, pairs: readonly ContendPair[]): string[] {
  const release = bundledRelease(catalog.module);
  const named = distinct(pairs);
  const later = goneLater(named, release);
  if (later !== null) {
    const left = named.filter((pair) => !later.gone.some((g) => g.a === pair.a && g.b === pair.b));
    const names = [...new Set(left.flatMap(({ a, b }) => [a, b]))].filter((name) => !isIn(name, named));
    return [
      left.length === 0
        ? `From module ${later.since} on no more.`
        : `From module ${later.since} on only with ${list(callNames(names))}.`,
    ];
  }
  const earlier = goneSince(resource, [...inScope], release);
  if (earlier === null) return [];
  const centers = new Set(pairs.map(({ a }) => a).concat(pairs.map(({ b }) => b)));
  const gone = earlier.gone.filter(({ a, b }) => centers.has(a) || centers.has(b));
  const names = [...new Set(gone.map(({ a, b }) => (isIn(a, named) ? b : a)))];
  return names.length === 0 ? [] : [`Up to module ${earlier.until} also with ${list(callNames(names))}.`];
}

/** Does the call take part in every pair? */
function isIn(name: string, pairs: readonly NamedPair[]): boolean {
  return pairs.every(({ a, b }) => a === name || b === name);
}

function distinct(pairs: readonly ContendPair[]): NamedPair[] {
  return [...new Map(pairs.map(({ a, b, resource }) => [`${a} ${b}`, { a, b, resource }])).values()];
}

/** A later state of the same host, and what it leaves possible. */
export interface LaterHost {
  readonly profile: HostProfile;
  readonly rows: readonly ConclusionRow[];
}

/** What the host makes of the contentions of a running TD, and, where `losses` are to be told, where building a TD costs the VM. */
export function hostSentences(
  rows: readonly ConclusionRow[],
  host: HostProfile,
  leaves: readonly Leaf[],
  losses: { readonly resources: readonly string[]; readonly later: readonly LaterHost[] } | null,
): string[] {
  const { sentence, well } = runtimeSentence(rows, hostTitle(host.name));
  const atRunTime = [...sentence, ...guestSentence(rows, exchanges(leaves), well)].join(" ");
  return [
    ...(atRunTime === "" ? [] : [atRunTime]),
    ...(losses === null ? [] : lossSentences(rows, host, losses.resources, losses.later)),
  ];
}

function runtimeSentence(
  rows: readonly ConclusionRow[],
  name: string,
): { readonly sentence: readonly string[]; readonly well: boolean } {
  const met = rows.filter((row) => row.section === "runtime");
  const ends = met.flatMap(({ left, right }) => [left, right]).filter((end) => !end.guest && end.onBusy.length > 0);
  // Guests among themselves, or nobody at all: the sentences before say so.
  if (ends.length === 0) return { sentence: [], well: true };
  const told = groupBy(ends, (end) => end.label).map(([label, of]) => ({
    label: (of[0]?.labels.length ?? 0) > 1 ? `each of ${list(of[0]?.labels ?? [])}` : label,
    does: [...new Set(of.flatMap((end) => end.does.flatMap((one) => gettingOver(one) ?? [])))],
    fails: [...new Set(of.flatMap((end) => end.onBusy.filter((_, i) => gettingOver(end.does[i] ?? []) === null)))],
  }));
  const well = told.filter(({ fails }) => fails.length === 0).map(({ label, does }) => `${label} ${list(does, "or")}`);
  const badly = told
    .filter(({ fails }) => fails.length > 0)
    .map(({ label, fails }) => `${label}: ${list(fails, "or")}`);
  const these = hasGuestsAlone(met) ? "every BUSY of its own calls" : met.length === 1 ? "this" : "all of these";
  if (badly.length === 0) return { sentence: [`${name} gets over ${these}: ${well.join("; ")}.`], well: true };
  const rest = well.length === 0 ? "" : ` ${capital(well.join("; "))}.`;
  return { sentence: [`${name} does not get over ${these}: ${badly.join("; ")}.${rest}`], well: false };
}

/** Is there a resource on which guests meet nobody but themselves? The host has no part in that. */
function hasGuestsAlone(rows: readonly ConclusionRow[]): boolean {
  return groupBy(rows, ({ resource }) => resource).some(([, of]) =>
    of.every(({ left, right }) => left.guest && right.guest),
  );
}

/** What the guest does is in no hypervisor's source, but Linux's guest is known. */
function guestSentence(rows: readonly ConclusionRow[], exchanged: readonly Exchange[], hostDoes: boolean): string[] {
  const calls = rows
    .filter((r) => r.section === "runtime")
    .flatMap(({ left, right }) => [left, right].filter((end) => end.guest));
  const names = [...new Set([...calls, ...exchanged].flatMap((end) => end.calls))];
  const known = [...new Set(names.flatMap((name) => guestReaction(name) ?? []))];
  return known.length === 0 ? [] : [`A Linux guest does not${hostDoes ? "" : " either"}: ${known.join("; ")}.`];
}

const lost = (rows: readonly ConclusionRow[], section: ConclusionRow["section"]): readonly ConclusionRow[] =>
  rows.filter((row) => row.section === section && row.severity === "vm-dead");

/** While a TD is built: who can meet whom at the cost of the VM, and what later hosts left of that. */
function lossSentences(
  rows: readonly ConclusionRow[],
  host: HostProfile,
  resources: readonly string[],
  later: readonly LaterHost[],
): string[] {
  const build = lost(rows, "build");
  if (build.length === 0) return [];
  const where = [...new Set(build.map(({ resource }) => resource))];
  const numbers = where.map((resource) => `(${resources.indexOf(resource) + 1})`);
  const sentence = `While a TD is built, ${list(labels(build, host))} can meet on ${list(where.map(resourceNoun))} and cost the VM: see ${list(numbers)}.`;
  return [[sentence, ...closedLater(build, later)].join(" ")];
}

/** The first later host that closes some of these meetings, and what it leaves of them. */
function closedLater(build: readonly ConclusionRow[], later: readonly LaterHost[]): string[] {
  const before = meetingsOf(build);
  const where = new Set(build.map(({ resource }) => resource));
  for (const { profile, rows } of later) {
    const left = lost(rows, "build");
    const rare = lost(rows, "exceptional").filter(({ resource }) => where.has(resource));
    const now = new Set(meetingsOf([...left, ...rare]));
    if (before.every((meeting) => now.has(meeting))) continue;
    const name = hostTitle(profile.name);
    if (now.size === 0) return [`Closed in ${name}.`];
    const ordinary = groupBy(left, ({ right }) => otherEnd(right)).map(
      ([against, of]) => `${list([...new Set(of.flatMap((row) => row.left.labels))])} against ${against}`,
    );
    const seldom = rare.length === 0 ? [] : ["what is exceptional"];
    return [`Closed in ${name}, but for ${list([...ordinary, ...seldom])}.`];
  }
  return [];
}

/** Who meets whom, in the words of tables; which end is which does not count. */
function meetingsOf(rows: readonly ConclusionRow[]): string[] {
  return rows.flatMap(({ resource, left, right }) =>
    left.paths.flatMap((x) =>
      right.paths.map((y) => [resource, ...[pathWords(x).short, pathWords(y).short].sort()].join("\n")),
    ),
  );
}

/** `memory failure and punch hole of another guest_memfd file`. */
function otherEnd({ labels: all, apart }: ConclusionRow["right"]): string {
  const own = all.filter((label) => !apart.includes(label));
  const others = apart.length === 0 ? [] : [`${list(apart)} of another guest_memfd file`];
  return list([...own, ...others]);
}

type Ends = (row: ConclusionRow) => readonly ConclusionRow["left"][];

const BOTH: Ends = ({ left, right }) => [left, right];

/** Who takes part, each once, paths of one kind under their common name. */
function labels(rows: readonly ConclusionRow[], host: HostProfile, ends: Ends = BOTH): string[] {
  return pathLabels([...new Set(rows.flatMap(ends).flatMap(({ paths }) => paths))], host);
}
