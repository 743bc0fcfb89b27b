/**
 * Sentences of a report, each derived from the catalog's facts: who shares, who excludes, what is held how long, and what
 * can contend by the module's own rules. Nothing here knows a version, a leaf or a threshold.
 */
import noteFacts from "../../data/notes.json" with { type: "json" };
import {
  type ContendPair,
  compareResources,
  isAncestor,
  type ResourceUsers,
  type Unlocked,
} from "../analysis/index.ts";
import { type Acquisition, type Catalog, type Leaf, statusText } from "../catalog/index.ts";
import { contenderSentences } from "./contenders.ts";
import { call, conditionText, count, groupBy, list, resourceText } from "./words.ts";

/** What the sentences may speak of: the leaves in scope, their resources, and the contention among them. */
export interface ReportFacts {
  readonly catalog: Catalog;
  readonly leaves: readonly Leaf[];
  readonly resources: readonly ResourceUsers[];
  readonly contention: readonly ContendPair[];
  readonly unlocked: readonly Unlocked[];
}

/** One heading's sentences. */
export interface Said {
  sentences: string[];
}

/** Above this many names, a sentence gives their number. */
const MANY = 6;

/**
 * The contentions in a few lines: those of a TD that can run, on locks of the module's own structures. Target pages and
 * their PAMT entries are left to the summary, for they meet only when two calls name one page.
 */
export function tldr(facts: ReportFacts): string[] {
  const run = runStates(facts.catalog);
  const pairs = facts.contention.filter((p) => p.possible && ownObject(p) && legalIn(p, run));
  const lines = groupBy(pairs, (p) => p.resource).flatMap(([resource, group]) =>
    shortened(resource, contenderSentences(group)),
  );
  return lines.length > 0 ? lines : ["No two of these calls can contend by the module's own rules."];
}

function shortened(resource: string, sentences: readonly string[]): string[] {
  return sentences.map((sentence) => `${resource}: ${sentence}`);
}

function ownObject(pair: ContendPair): boolean {
  return pair.resourceA === pair.resourceB && !/^(PAGE|PAMT_.*)$/.test(pair.resource);
}

function legalIn(pair: ContendPair, states: ReadonlySet<string> | null): boolean {
  return states === null || pair.opStates === null || pair.opStates.some((state) => states.has(state));
}

/** The OP_STATEs in which a guest can run: those of the leaves that keep locks until TD exit. Null when not known. */
function runStates(catalog: Catalog): ReadonlySet<string> | null {
  const entering = catalog.leaves.filter((leaf) => leaf.acquisitions.some((a) => a.release?.at === "td-exit"));
  const states = entering.flatMap((leaf) => leaf.opStates ?? []);
  return states.length === 0 ? null : new Set(states);
}

/** Per leaf: what it takes only sometimes, what outlives it, what it gives back early. */
export function notes(facts: ReportFacts): (Said & { leaf: string })[] {
  return facts.leaves.flatMap((leaf) => {
    const sentences = [...conditions(facts.catalog, leaf), ...releases(leaf), ...otherBusy(leaf)];
    return sentences.length === 0 ? [] : [{ leaf: call(leaf.name, leaf.variant), sentences }];
  });
}

function conditions(catalog: Catalog, leaf: Leaf): string[] {
  const rows = leaf.acquisitions.filter((a) => a.when !== null && !isAncestor(a.resource));
  const taken = rows.filter((a) => a.mode !== "NO_LOCK");
  const walked = rows.filter((a) => a.mode === "NO_LOCK");
  const sentences = [
    ...groupBy(taken, (a) => a.when ?? "").flatMap(([when, group]) => [
      `Takes ${heldList(group)} only when ${conditionText(when)}.`,
      ...explained(catalog, when),
    ]),
    ...groupBy(walked, (a) => a.when ?? "").flatMap(([when, group]) => [
      `Uses ${list(group.map((a) => a.resource))} without the lock when ${conditionText(when)}.`,
      ...explained(catalog, when),
    ]),
  ];
  return [...new Set(sentences)];
}

/** What a condition in the source's terms means, where `data/notes.json` explains one of its words. */
function explained(catalog: Catalog, when: string): string[] {
  return noteFacts.conditions
    .filter((note) => when.includes(note.mentions))
    .flatMap((note) => note.sentences)
    .flatMap((sentence) => filled(sentence, catalog.constants));
}

/** `{NAME}` becomes the catalog's constant; a sentence whose constants the catalog does not have is left out. */
function filled(sentence: string, constants: Readonly<Record<string, number>>): string[] {
  let known = true;
  const text = sentence.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = constants[name];
    if (value === undefined) known = false;
    return String(value);
  });
  return known ? [text] : [];
}

function releases(leaf: Leaf): string[] {
  const rows = leaf.acquisitions.filter((a) => a.release !== null && !isAncestor(a.resource));
  const at = (where: string): readonly Acquisition[] => rows.filter((a) => a.release?.at === where);
  const held = at("td-exit");
  const before = at("before-td-entry");
  const single = at("iteration-end");
  const removed = at("page-removed");
  const elsewhere = ["leaf-exit", "td-exit", "before-td-entry", "iteration-end", "page-removed"];
  const early = rows.filter((a) => !elsewhere.includes(a.release?.at ?? ""));
  return [
    ...(held.length > 0 ? [`Holds ${heldList(held)} until TD exit.`] : []),
    ...(before.length > 0 ? [`Releases ${heldList(before)} before it enters the TD.`] : []),
    ...(single.length > 0 ? [`Gives back ${heldList(single)} before it takes the next.`] : []),
    ...(removed.length > 0
      ? [`Never gives back ${heldList(removed)}: it goes with a page that the leaf removes.`]
      : []),
    ...groupBy(early, (a) => a.release?.at ?? "").map(
      ([where, group]) => `Gives back ${heldList(group)} in ${where}(), before it ends.`,
    ),
  ];
}

function otherBusy(leaf: Leaf): string[] {
  return leaf.otherBusy.map((busy) => {
    const when = busy.when === null ? "" : ` when ${busy.when}`;
    return `Returns ${busy.name} for ${busy.object}, which no lock guards${when}.`;
  });
}

/** `TDR SHARED and TDVPR EXCLUSIVE`; a row that repeats is named once. */
function heldList(rows: readonly Acquisition[]): string {
  return list([...new Set(rows.map((a) => `${resourceText(a.resource, a.role)} ${a.mode}`))]);
}

/** Per resource: its users, what a running TD leaves of them, what is held long, the guest's part, and the contention. */
export function summary(facts: ReportFacts): (Said & { resource: string })[] {
  return facts.resources.map((users) => ({
    resource: users.resource,
    sentences: [
      ...usage(users, facts),
      ...atRunTime(users, facts),
      ...keptLong(users.resource, facts.leaves),
      ...guestPart(users.resource, facts),
      ...contentionOf(users, facts),
    ],
  }));
}

function usage({ resource, shared, exclusive, noLock }: ResourceUsers, facts: ReportFacts): string[] {
  const said: string[] = [];
  if (exclusive.length === 0 && shared.length > 0) said.push(`Only shared accesses: ${takers(shared)} SHARED.`);
  if (shared.length === 0 && exclusive.length > 0)
    said.push(`Only exclusive accesses: ${takers(exclusive)} EXCLUSIVE.`);
  if (shared.length > 0 && exclusive.length > 0) {
    said.push(`${takers(exclusive)} EXCLUSIVE, ${takers(shared)} SHARED.`);
  }
  if (noLock.length > 0) said.push(`${walkers(noLock)} without taking the lock${cover(resource, facts.unlocked)}.`);
  return said;
}

function takers(names: readonly string[]): string {
  if (names.length > MANY) return `${names.length} calls take it`;
  return `${list(names.map((n) => call(n)))} ${names.length === 1 ? "takes" : "take"} it`;
}

function walkers(names: readonly string[]): string {
  if (names.length > MANY) return `${names.length} calls use it`;
  return `${list(names.map((n) => call(n)))} ${names.length === 1 ? "uses" : "use"} it`;
}

function cover(resource: string, unlocked: readonly Unlocked[]): string {
  const walks = unlocked.filter((u) => u.resource === resource);
  const covers = walks.map((u) => u.coveredBy).filter((c) => c.length > 0);
  if (covers.length < walks.length || covers.length === 0) return "";
  const common = covers.reduce((x, y) => x.filter((r) => y.includes(r)));
  return common.length === 0 ? "" : `, while holding ${list(common)} EXCLUSIVE`;
}

/** What the users are in the OP_STATEs in which the guest can run. */
function atRunTime({ resource, shared, exclusive }: ResourceUsers, facts: ReportFacts): string[] {
  const run = runStates(facts.catalog);
  if (run === null || exclusive.length === 0 || shared.length === 0) return [];
  const takes = (leaf: Leaf): boolean =>
    leaf.acquisitions.some((a) => a.resource === resource && a.mode === "EXCLUSIVE");
  const users = facts.leaves.filter(takes);
  if (users.every((leaf) => leaf.opStates === null)) return [];
  const legal = users.filter((leaf) => leaf.opStates?.some((state) => run.has(state)));
  const unchecked = [...new Set(users.filter((leaf) => leaf.opStates === null).map((leaf) => call(leaf.name)))];
  const names = [...new Set(legal.map((leaf) => call(leaf.name, leaf.variant)))];
  const only =
    names.length === 0
      ? "none of the calls that are bound to an OP_STATE takes it EXCLUSIVE"
      : `${nameList(names)} ${names.length === 1 ? "takes" : "take"} it EXCLUSIVE`;
  const rest = unchecked.length === 0 ? "" : `; the module checks no OP_STATE for ${nameList(unchecked)}`;
  return [`In the OP_STATEs in which the TD can be entered, ${only}${rest}.`];
}

function nameList(names: readonly string[]): string {
  return names.length > MANY ? count(names.length, "call") : list(names);
}

function keptLong(resource: string, leaves: readonly Leaf[]): string[] {
  const said = (where: string, phrase: string): string[] =>
    groupBy(
      leaves.flatMap((leaf) =>
        leaf.acquisitions
          .filter((a) => a.resource === resource && a.release?.at === where)
          .map((a) => ({ name: call(leaf.name), mode: a.mode })),
      ),
      (use) => use.mode,
    ).map(([mode, uses]) => {
      const names = [...new Set(uses.map((use) => use.name))];
      return `${list(names)} ${names.length === 1 ? "holds" : "hold"} it ${mode} ${phrase}.`;
    });
  return [...said("td-exit", "until TD exit"), ...said("before-td-entry", "and releases it before TD entry")];
}

function guestPart(resource: string, { catalog, leaves }: ReportFacts): string[] {
  const known = leaves.some((leaf) => leaf.side === "guest");
  const rows = leaves.flatMap((leaf) =>
    leaf.acquisitions
      .filter((a) => a.resource === resource && a.side === "guest" && a.mode !== "NO_LOCK")
      .map((row) => ({ name: call(leaf.name), row })),
  );
  if (rows.length === 0) return known ? ["No TDCALL in scope takes it."] : [];
  const names = [...new Set(rows.map((r) => r.name))];
  const statuses = [...new Set(rows.flatMap((r) => r.row.hostPriorityStatus ?? []))];
  const named = statuses.map((status) => statusText(catalog, status));
  const priority =
    named.length === 0 ? "" : `; while the host-priority bit is set, the guest gets ${list(named, "or")}`;
  return [`Of the TDCALLs, ${nameList(names)} ${names.length === 1 ? "takes" : "take"} it${priority}.`];
}

function contentionOf({ resource }: ResourceUsers, facts: ReportFacts): string[] {
  const pairs = facts.contention.filter((p) => p.resource === resource);
  const same = pairs.filter((p) => p.resourceA === p.resourceB);
  const possible = same.filter((p) => p.possible);
  const crossed = pairs.filter((p) => p.resourceA !== p.resourceB && p.possible);
  return [...contenderSentences(possible), ...verdict(same, possible, crossed.length), ...crossedSentence(crossed)];
}

/** What is left when some or all conflicting pairs are excluded. */
function verdict(pairs: readonly ContendPair[], possible: readonly ContendPair[], crossed: number): string[] {
  if (pairs.length === 0) return crossed > 0 ? [] : ["No two of these calls conflict on it."];
  const excluded = pairs.filter((p) => !p.possible);
  if (excluded.length === 0) return [];
  const groups = groupBy(excluded, (p) => p.excludedBy[0]?.kind ?? "");
  const reasons = groups.map(
    ([kind, group]) => `${groups.length === 1 ? "" : `${group.length} where `}${reason(kind, group)}`,
  );
  const some = `${count(excluded.length, "more conflicting pair")} ${excluded.length === 1 ? "is" : "are"} excluded`;
  return [`${possible.length === 0 ? "Every conflict on it is excluded" : some}: ${list(reasons)}.`];
}

function reason(kind: string, pairs: readonly ContendPair[]): string {
  if (kind === "op-state") return "no OP_STATE allows both calls";
  if (kind === "sept-state") return "no SEPT entry state allows both calls";
  if (kind === "life-cycle")
    return list([...new Set(pairs.flatMap((p) => p.excludedBy.filter((e) => e.kind === kind)).map((e) => e.what))]);
  const masks = [...new Set(pairs.flatMap((p) => p.maskedBy ?? []))].sort(compareResources);
  return `the two always meet at ${list(masks, "or")} first`;
}

/** TDR, TDVPR and the ranges above a page are PAMT entries: calls that name that page, or a large one, meet their locks. */
function crossedSentence(pairs: readonly ContendPair[]): string[] {
  const [first] = pairs;
  if (first === undefined) return [];
  const names = pairs.map((p) => (p.resourceA === p.resource ? p.b : p.a));
  const callers = [...new Set(names)].sort().map((n) => call(n));
  const take = callers.length === 1 ? "takes" : "take";
  return isAncestor(first.resource)
    ? [`${nameList(callers)} ${take} it as the target when called on a page of that size.`]
    : [`Its lock is the PAMT entry lock of its page, which ${nameList(callers)} ${take} too when called on that page.`];
}

/** Which resources the module alone keeps free of contention, and which not. What the hypervisor adds comes with a host. */
export function conclusion(facts: ReportFacts): string[] {
  const names = facts.resources.map((users) => users.resource);
  const contended = new Set(facts.contention.filter((p) => p.possible).map((p) => p.resource));
  const conflicting = new Set(facts.contention.map((p) => p.resource));
  const open = names.filter((r) => contended.has(r));
  const excluded = names.filter((r) => conflicting.has(r) && !contended.has(r));
  const free = names.filter((r) => !conflicting.has(r));
  return [
    ...(open.length > 0 ? [`By the module's own rules, these calls can contend on ${list(open)}.`] : []),
    ...(excluded.length > 0 ? [`The module's states and lock order rule contention out on ${list(excluded)}.`] : []),
    ...(free.length > 0 ? [`No two of these calls conflict on ${list(free)}.`] : []),
  ];
}
