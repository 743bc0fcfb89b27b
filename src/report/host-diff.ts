/** Differences between two hosts for people: what a series of patches changed, and what that closed and opened. */
import { type ContendPair, factsOfCalls, type HostDiffDocument, type HostFact } from "../analysis/index.ts";
import type { Catalog } from "../catalog/index.ts";
import { type BusyClause, clauseText, type HostProfile, type HostSeverity, type LockUse } from "../host/index.ts";
import { type Block, markdownOf, type Row, textOf } from "./blocks.ts";
import { conclusionRows } from "./conclusion.ts";
import { conclusionTable } from "./conclusion-table.ts";
import { lockNameOf, pathWords } from "./glossary.ts";
import { meetings, meetingText, severityText } from "./meetings.ts";
import type { ConclusionRow } from "./schema.ts";
import { askedWords, callNames, count, groupBy, hostTitle, list } from "./words.ts";

/** The profiles behind a document, for the names of what is closed and opened. */
export interface HostDiffOptions {
  readonly catalog: Catalog;
  readonly before: HostProfile;
  readonly after: HostProfile;
  /** Only meetings of one of these calls. */
  readonly leaves?: readonly string[];
  /** Only meetings on these resources. */
  readonly resources?: readonly string[];
}

/** Of the differences what concerns the calls and resources that are asked for. */
export function narrowedHostDiff(
  doc: HostDiffDocument,
  { leaves, resources }: Pick<HostDiffOptions, "leaves" | "resources">,
): HostDiffDocument {
  const about = (pair: Pick<ContendPair, "a" | "b" | "resource">): boolean =>
    (leaves === undefined || leaves.includes(pair.a) || leaves.includes(pair.b)) &&
    (resources === undefined || resources.includes(pair.resource));
  const { contention, paths } = doc;
  // A lock of the host is on no resource of the module.
  const facts = resources === undefined ? doc.facts : [];
  return {
    ...doc,
    facts: leaves === undefined ? facts : factsOfCalls(facts, leaves),
    contention: {
      appeared: contention.appeared.filter(about),
      disappeared: contention.disappeared.filter(about),
      notJudged: contention.notJudged.filter(about),
    },
    paths: {
      opened: paths.opened.filter(({ pair }) => about(pair)),
      closed: paths.closed.filter(({ pair }) => about(pair)),
      changed: paths.changed.filter(({ pair }) => about(pair)),
    },
  };
}

/** The differences as plain ASCII text in 80 columns, ending with a newline. */
export function renderHostDiffText(doc: HostDiffDocument, options?: HostDiffOptions): string {
  return textOf(hostDiffBlocks(doc, options));
}

/** The differences as Markdown, ending with a newline. */
export function renderHostDiffMarkdown(doc: HostDiffDocument, options?: HostDiffOptions): string {
  return markdownOf(hostDiffBlocks(doc, options));
}

/** What still can happen, and ends otherwise: one line for the paths that tables call the same. */
export interface OutcomeChange {
  readonly resource: string;
  readonly left: string;
  readonly right: string;
  readonly before: HostSeverity;
  readonly after: HostSeverity;
  /** `an error or a wrong value -> the VM is lost`. */
  readonly text: string;
}

/** A difference as its readers want it: a sentence to quote, what the paths do otherwise, and what follows. */
export interface HostDiffDigest {
  readonly sentence: string;
  /** What of guests is not compared, as a sentence; null when nothing is left out. */
  readonly notCompared: string | null;
  readonly facts: readonly PathFact[];
  readonly closed: readonly ConclusionRow[];
  readonly opened: readonly ConclusionRow[];
  readonly changed: readonly OutcomeChange[];
}

/** The digest of a difference; nothing of it says in its sentence that there is none. */
export function hostDiffDigest(whole: HostDiffDocument, options: HostDiffOptions): HostDiffDigest {
  const doc = narrowedHostDiff(whole, options);
  const { opened, closed, changed } = doc.paths;
  const facts = pathFacts(doc.facts);
  const rows = pathRows(doc, options);
  const none = opened.length + closed.length + changed.length + facts.length === 0;
  return {
    sentence: `${fromTo(doc, options)}: ${none ? "no difference" : pasteable(doc, rows)}.`,
    notCompared: notCompared(doc, options),
    facts,
    ...rows,
    changed: outcomeChanges(changed),
  };
}

function hostDiffBlocks(whole: HostDiffDocument, options: HostDiffOptions | undefined): readonly Block[] {
  const doc = options === undefined ? whole : narrowedHostDiff(whole, options);
  const { opened, closed, changed } = doc.paths;
  const title: Block = {
    kind: "title",
    text: `${hostTitle(doc.before.name)} -> ${hostTitle(doc.after.name)}, on module ${doc.module.version}${askedWords(options, ": ", ", on ")}`,
  };
  const facts = pathFacts(doc.facts);
  const left = notCompared(doc, options);
  const unjudged: Block[] = left === null ? [] : [{ kind: "paragraph", text: left }];
  if (opened.length + closed.length + changed.length + facts.length === 0) {
    return [title, { kind: "paragraph", text: "No difference." }, ...unjudged];
  }
  const rows = options === undefined ? { closed: [], opened: [] } : pathRows(doc, options);
  return [
    title,
    { kind: "paragraph", text: `${fromTo(doc, options)}: ${pasteable(doc, rows)}.` },
    ...unjudged,
    ...(facts.length === 0 ? [] : [{ kind: "heading", text: "What changed" } as const, factTable(facts)]),
    ...section("Closed", closed, options?.before, options?.catalog),
    ...section("Opened", opened, options?.after, options?.catalog),
    ...outcomes(changed),
  ];
}

/** What is said of TDCALLs that only one of the two profiles names: no host decides what guests call, so that nothing is opened or closed by that. */
function notCompared({ contention }: HostDiffDocument, options: HostDiffOptions | undefined): string | null {
  const { notJudged } = contention;
  if (notJudged.length === 0) return null;
  const named = (host: HostProfile | undefined): readonly string[] => host?.guest?.calls ?? [];
  const calls = [...new Set(notJudged.flatMap(({ a, b }) => [a, b]))];
  const only = calls.filter((name) => named(options?.before).includes(name) !== named(options?.after).includes(name));
  const which = only.length === 0 ? "" : `, ${list(callNames(only))}`;
  return `Not compared: ${count(notJudged.length, "pair")} with a TDCALL that only one of the two profiles names${which}.`;
}

function fromTo({ before, after }: HostDiffDocument, asked: HostDiffOptions | undefined): string {
  return `From ${hostTitle(before.name)} to ${hostTitle(after.name)}${askedWords(asked, ", of ", ", on ")}`;
}

/** What of the paragraph on top can be pasted; what is nought is not counted. */
function pasteable({ contention, paths }: HostDiffDocument, rows: PathRows): string {
  const { appeared, disappeared } = contention;
  const { closed, opened, changed } = paths;
  // Paths can be closed while other paths still make the same calls; what is lost is told once, with what is larger.
  const [gone, come] = [lostText(rows.closed, "cost"), lostText(rows.opened, "costs")];
  const pairs = (n: number, does: string, lost: string | null): string[] =>
    n === 0 ? [] : [`${count(n, "pair")} of calls ${does}${lost === null ? "" : `, among them ${lost}`}`];
  const ends = (n: number, one: string, several: string, lost: string | null): string[] =>
    n === 0 ? [] : [`${n} ${n === 1 ? one : several}${lost === null ? "" : ` (${lost})`}`];
  const ofCalls = [
    ...pairs(disappeared.length, "can no longer contend", gone),
    ...pairs(appeared.length, "newly can contend", come),
  ];
  const ofPaths = [
    ...ends(closed.length, "is closed", "are closed", disappeared.length > 0 ? null : gone),
    ...ends(opened.length, "is opened", "are opened", appeared.length > 0 ? null : come),
    ...ends(changed.length, "ends otherwise", "end otherwise", null),
  ];
  const said = [
    list(ofCalls) || "the same pairs of calls can contend",
    ...(ofPaths.length === 0 ? [] : [`of pairs of paths, ${list(ofPaths)}`]),
  ];
  return said.join("; ");
}

/** `6 meetings on TDR that cost the VM`; null: none does. */
function lostText(rows: readonly ConclusionRow[], costs: "cost" | "costs"): string | null {
  const worst = rows.filter(({ severity }) => severity === "vm-dead");
  if (worst.length === 0) return null;
  const where = list([...new Set(worst.map(({ resource }) => lockNameOf(resource) ?? resource))]);
  const rare = worst.every(({ section }) => section === "exceptional") ? ", out of the ordinary" : "";
  return `${count(worst.length, "meeting")} on ${where} that ${worst.length === 1 ? costs : "cost"} the VM${rare}`;
}

type Changed = HostDiffDocument["paths"]["opened"];

const asPair = ({ pair, path }: Changed[number]): ContendPair => ({ ...pair, paths: [path] });

/** What a difference closed and opened, as rows of a conclusion. */
type PathRows = Pick<HostDiffDigest, "closed" | "opened">;

function pathRows({ paths }: HostDiffDocument, { before, after, catalog }: HostDiffOptions): PathRows {
  return { closed: rowsOf(paths.closed, before, catalog), opened: rowsOf(paths.opened, after, catalog) };
}

function rowsOf(items: Changed, host: HostProfile, catalog: Catalog): ConclusionRow[] {
  return conclusionRows(items.map(asPair), host, catalog);
}

function section(
  heading: string,
  items: Changed,
  host: HostProfile | undefined,
  catalog: Catalog | undefined,
): Block[] {
  if (items.length === 0) return [];
  const title: Block = { kind: "heading", text: heading };
  if (host === undefined || catalog === undefined) {
    return [title, { kind: "list", items: meetings(items.map(asPair)).map(meetingText) }];
  }
  return [
    title,
    ...conclusionTable(rowsOf(items, host, catalog), (resource) => `${lockNameOf(resource) ?? resource}: `),
  ];
}

/** By resource and paths, before and after. */
function outcomeChanges(changed: HostDiffDocument["paths"]["changed"]): OutcomeChange[] {
  const groups = groupBy(changed, ({ pair, before, after }) =>
    [pair.resource, pathWords(before.a).short, pathWords(before.b).short, before.severity, after.severity].join("\t"),
  );
  return groups.flatMap(([, [first]]) => {
    if (first === undefined) return [];
    const { pair, before, after } = first;
    const [x, y] = [before.severity, after.severity];
    const text = x === y ? `${severityText(y)}, by another way` : `${severityText(x)} -> ${severityText(y)}`;
    const [left, right] = [pathWords(before.a).short, pathWords(before.b).short];
    return [{ resource: pair.resource, left, right, before: x, after: y, text }];
  });
}

function outcomes(changed: HostDiffDocument["paths"]["changed"]): Block[] {
  if (changed.length === 0) return [];
  const rows = outcomeChanges(changed).map(
    ({ resource, left, right, text }): Row => ({
      cells: [`${lockNameOf(resource) ?? resource}: ${left} x ${right}`, text],
    }),
  );
  return [
    { kind: "heading", text: "With another outcome" },
    { kind: "table", head: ["meeting", "before -> after"], widths: [42, 38], groups: [rows], between: "nothing" },
  ];
}

/** One thing that a path does otherwise, in words. */
export interface PathFact {
  /** The path in few words. */
  readonly path: string;
  readonly what: string;
  /** The calls at which it does; empty: of the whole path. */
  readonly calls: readonly string[];
  /** Host locks that it holds now, and did not before. */
  readonly added: readonly string[];
  readonly gone: readonly string[];
}

/** The facts in words; paths that tables call the same do the same in one row. */
function pathFacts(facts: readonly HostFact[]): PathFact[] {
  const single = facts.map((fact): PathFact => {
    const { added = [], gone = [] } = locksOf(fact);
    const isOfPath = fact.change === "path-added" || fact.change === "path-removed";
    return {
      path: isOfPath ? fact.path : pathWords(fact.path).short,
      what: factText(fact),
      calls: isOfPath ? [] : fact.calls,
      added: added.map(useText),
      gone: gone.map(useText),
    };
  });
  return groupBy(single, ({ path, what }) => JSON.stringify([path, what])).flatMap(([, of]) => {
    const [first] = of;
    return first === undefined ? [] : [{ ...first, calls: [...new Set(of.flatMap(({ calls }) => calls))] }];
  });
}

function locksOf(fact: HostFact): { readonly added?: readonly LockUse[]; readonly gone?: readonly LockUse[] } {
  switch (fact.change) {
    case "locks-added":
      return { added: fact.locks };
    case "locks-removed":
      return { gone: fact.locks };
    case "lock-otherwise":
      return { added: [fact.after], gone: [fact.before] };
    default:
      return {};
  }
}

function factText(fact: HostFact): string {
  switch (fact.change) {
    case "path-added":
      return "new path";
    case "path-removed":
      return "path that is gone";
    case "call-added":
      return "makes the call now";
    case "call-removed":
      return "makes the call no more";
    case "way-added":
      return `makes the call in one more way: ${wayText(fact.way)}`;
    case "way-removed":
      return `no longer makes the call in one of its ways: ${wayText(fact.way)}`;
    case "locks-added":
      return `holds ${list(fact.locks.map(useText))} now${placesText(fact.locks, "")}`;
    case "locks-removed":
      return `no longer holds ${list(fact.locks.map(useText))}${placesText(fact.locks, "before ")}`;
    case "lock-otherwise":
      return `holds ${fact.after.lock} ${otherwise(fact.after, fact.before)} now (before: ${otherwise(fact.before, fact.after)})${placesText([fact.after], "")}`;
    case "on-busy":
      return `on BUSY ${busyText(fact.after) || "nothing is said"} (before: ${busyText(fact.before) || "nothing said"})`;
    case "phases":
      return `runs in ${fact.after.join(", ")} (before: ${fact.before.join(", ")})`;
    case "overruns":
      return fact.after.length === 0 ? "no longer outlasts its gate" : `can last into ${fact.after.join(", ")}`;
    case "interrupts":
      return fact.after === null
        ? "no longer makes the call with interrupts off"
        : "makes the call with interrupts off now";
    case "on-each":
      return fact.after === null
        ? `no longer makes the call on every ${fact.before} at once`
        : `makes the call on every ${fact.after} at once now`;
    case "at-most-one":
      return fact.after === null
        ? `several runs at once are possible now (before: one per ${fact.before})`
        : `one run at once per ${fact.after} now${fact.before === null ? "" : ` (before: per ${fact.before})`}`;
  }
}

/** `in build, holding kvm->mmu_lock, on BUSY warns`. */
function wayText({ phases, holds, onBusy }: Extract<HostFact, { change: "way-added" | "way-removed" }>["way"]): string {
  const when = phases === null ? "" : `in ${phases.join(", ")}, `;
  return `${when}holding ${list(holds.map(useText)) || "nothing"}, on BUSY ${busyText(onBusy) || "nothing is said"}`;
}

function busyText(clauses: readonly BusyClause[]): string {
  return clauses
    .map((clause) => clauseText(clause) + (clause.on === undefined ? "" : ` (on ${clause.on.join(", ")})`))
    .join("; or ");
}

/** `kvm->mmu_lock shared`, `vcpu->mutex of all`. */
function useText({ lock, mode, of }: LockUse): string {
  const whose = of === "all" || of === "other" ? ` of ${of}` : "";
  return `${lock}${mode === "shared" ? " shared" : ""}${whose}`;
}

/** In which mode one lock is held, or of which objects, as far as the two say otherwise: `shared`, `of all`. */
function otherwise(use: LockUse, than: LockUse): string {
  const mode = (of: LockUse): string => of.mode ?? "exclusive";
  const whose = ({ of }: LockUse): string => (of === "all" || of === "other" ? `of ${of}` : "of one");
  return [mode, whose].flatMap((word) => (word(use) === word(than) ? [] : [word(use)])).join(" ");
}

/** `, taken at tdx.c:3047`, `, before taken at tdx.c:3047`; empty where the profile does not say. */
function placesText(uses: readonly LockUse[], was: "" | "before "): string {
  const places = uses.flatMap(({ evidence = [] }) => evidence.map(({ file, line }) => `${file}:${line}`));
  return places.length === 0 ? "" : `, ${was}taken at ${list([...new Set(places)])}`;
}

function factTable(facts: readonly PathFact[]): Block {
  const rows = groupBy(facts, ({ what, calls }) => JSON.stringify([what, calls])).map(([, of]): Row => {
    const [first] = of;
    const names = [...new Set(of.map(({ path }) => pathWords(path).short))];
    const calls = first === undefined || first.calls.length === 0 ? "" : ` (${first.calls.join(", ")})`;
    return { cells: [names.join(", "), `${first?.what ?? ""}${calls}`] };
  });
  return {
    kind: "table",
    head: ["path", "fact"],
    widths: [25, 55],
    groups: [rows],
    between: "nothing",
    keepsPaths: true,
  };
}
