/** Differences between two hosts for people: what a series of patches changed, and what that closed and opened. */
import type { ContendPair, HostDiffDocument } from "../analysis/index.ts";
import type { Catalog } from "../catalog/index.ts";
import {
  clauseText,
  type HostPath,
  type HostProfile,
  type HostSeverity,
  type HostStep,
  heldAt,
  type LockUse,
} from "../host/index.ts";
import { type Block, markdownOf, type Row, textOf } from "./blocks.ts";
import { conclusionRows } from "./conclusion.ts";
import { conclusionTable } from "./conclusion-table.ts";
import { lockNameOf, pathWords } from "./glossary.ts";
import { meetings, meetingText, severityText } from "./meetings.ts";
import type { ConclusionRow } from "./schema.ts";
import { askedWords, callNames, count, groupBy, hostTitle, list } from "./words.ts";

/** The profiles behind a document, for the facts that changed. */
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
  return {
    ...doc,
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
  const asked = options.leaves !== undefined || options.resources !== undefined;
  const { opened, closed, changed } = doc.paths;
  const facts = asked ? [] : factsOf(options.before, options.after);
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
  const asked = options?.leaves !== undefined || options?.resources !== undefined;
  const { opened, closed, changed } = doc.paths;
  const title: Block = {
    kind: "title",
    text: `${hostTitle(doc.before.name)} -> ${hostTitle(doc.after.name)}, on module ${doc.module.version}${askedWords(options, ": ", ", on ")}`,
  };
  const facts = options === undefined || asked ? [] : factsOf(options.before, options.after);
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

/** One thing that a path does otherwise. */
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

type StepFact = Pick<PathFact, "what" | "added" | "gone">;
const plainFact = (what: string): StepFact => ({ what, added: [], gone: [] });

/** What the paths of both hosts hold and do otherwise, and paths that only one has; of one path each change once. */
function factsOf(before: HostProfile, after: HostProfile): PathFact[] {
  const old = new Map(before.paths.map((path) => [path.name, path]));
  const now = new Map(after.paths.map((path) => [path.name, path]));
  const only = (paths: readonly HostPath[], other: ReadonlyMap<string, HostPath>, what: string): PathFact[] =>
    paths.filter(({ name }) => !other.has(name)).map(({ name }) => ({ ...plainFact(what), path: name, calls: [] }));
  const both = after.paths.flatMap((path) => {
    const earlier = old.get(path.name);
    return earlier === undefined ? [] : pathFacts(earlier, path);
  });
  // Paths that tables call the same do the same in one row.
  const merged = groupBy(both, ({ path, what }) => JSON.stringify([path, what])).flatMap(([, of]) => {
    const [first] = of;
    return first === undefined ? [] : [{ ...first, calls: [...new Set(of.flatMap(({ calls }) => calls))] }];
  });
  return [...only(after.paths, old, "new path"), ...only(before.paths, now, "path that is gone"), ...merged];
}

function pathFacts(before: HostPath, after: HostPath): PathFact[] {
  const calls = [...new Set([...before.steps, ...after.steps].map(({ call }) => call))];
  const single = calls.flatMap((call) => callFacts(before, after, call).map((fact) => ({ ...fact, call })));
  const short = pathWords(after.name).short;
  return groupBy(single, ({ what }) => what).map(([what, of]) => ({
    path: short,
    what,
    calls: [...new Set(of.map(({ call }) => call))],
    added: of[0]?.added ?? [],
    gone: of[0]?.gone ?? [],
  }));
}

interface At {
  readonly path: HostPath;
  readonly step: HostStep;
}

/** What a path does otherwise at a call, which it may make in several ways: those that both have are no difference. */
function callFacts(before: HostPath, after: HostPath, call: string): StepFact[] {
  const [old = [], now = []] = [before, after].map((path) =>
    path.steps.filter((step) => step.call === call).map((step): At => ({ path, step })),
  );
  if (old.length === 0) return [plainFact("makes the call now")];
  if (now.length === 0) return [plainFact("makes the call no more")];
  const isSame = (x: At, y: At): boolean => stepFacts(x, y).length === 0;
  const gone = old.filter((x) => !now.some((y) => isSame(x, y)));
  const come = now.filter((y) => !old.some((x) => isSame(x, y)));
  const both = gone.flatMap((x, i) => {
    const y = come[i];
    return y === undefined ? [] : stepFacts(x, y);
  });
  return [
    ...both,
    ...come.slice(gone.length).map((y) => plainFact(`makes the call in one more way: ${wayText(y)}`)),
    ...gone.slice(come.length).map((x) => plainFact(`no longer makes the call in one of its ways: ${wayText(x)}`)),
  ];
}

/** `in build, holding kvm->mmu_lock, on BUSY warns`. */
function wayText({ path, step }: At): string {
  const held = heldAt(path, step).map(useText);
  const when = step.phases === undefined ? "" : `in ${step.phases.join(", ")}, `;
  return `${when}holding ${list(held) || "nothing"}, on BUSY ${busyText(step) || "nothing is said"}`;
}

const busyText = ({ onBusy = [] }: HostStep): string => onBusy.map(clauseText).join("; or ");

function stepFacts(x: At, y: At): StepFact[] {
  const [before = [], after = []] = [x, y].map(({ path, step }) => heldAt(path, step));
  const without = (uses: readonly LockUse[], others: readonly LockUse[]): LockUse[] => {
    const texts = others.map(useText);
    return uses.filter((use) => !texts.includes(useText(use)));
  };
  const [more, less] = [without(after, before), without(before, after)];
  const [added, gone] = [more.map(useText), less.map(useText)];
  const [does, did] = [busyText(y.step), busyText(x.step)];
  const phases = (at: At): string => (at.step.phases ?? at.path.phases).join(", ");
  const late = (at: At): string => (at.path.overruns ?? []).join(", ");
  const others = [
    ...(does === did
      ? []
      : [`on BUSY ${does === "" ? "nothing is said" : does} (before: ${did === "" ? "nothing said" : did})`]),
    ...(phases(x) === phases(y) ? [] : [`runs in ${phases(y)} (before: ${phases(x)})`]),
    ...(late(x) === late(y) ? [] : [late(y) === "" ? "no longer outlasts its gate" : `can last into ${late(y)}`]),
  ];
  return [
    ...(added.length === 0 ? [] : [{ what: `holds ${list(added)} now${placesText(more, "")}`, added, gone: [] }]),
    ...(gone.length === 0
      ? []
      : [{ what: `no longer holds ${list(gone)}${placesText(less, "before ")}`, added: [], gone }]),
    ...others.map(plainFact),
  ];
}

/** `kvm->mmu_lock shared`, `vcpu->mutex of all`. */
function useText({ lock, mode, of }: LockUse): string {
  const whose = of === "all" || of === "other" ? ` of ${of}` : "";
  return `${lock}${mode === "shared" ? " shared" : ""}${whose}`;
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
