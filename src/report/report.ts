/** The lock status report for people: what matters first, then the tables of the mail of 2024-09-13 and what follows from them. */
import { isAncestor } from "../analysis/index.ts";
import { bundledRelease, type Leaf, type LockKind, placeText, type Site, sourceUrl } from "../catalog/index.ts";
import { type Block, type Layout, markdownOf, type Row, textOf, wrap } from "./blocks.ts";
import { callTable, type TableEntry, type TableLine } from "./call-table.ts";
import { conclusionBlocks } from "./conclusion-table.ts";
import { lockNameOf } from "./glossary.ts";
import { handlingBlocks } from "./handling.ts";
import { lockBlocks } from "./locks.ts";
import type { ReportDocument } from "./schema.ts";
import { callNames, count, entryName, folded, foldedCalls, groupBy, hostTitle, list } from "./words.ts";

/** How a report is laid out. */
export interface RenderOptions extends Layout {
  /** The line of the source at a site, where the tree is at hand. */
  readonly sourceLine?: (site: Site) => string | null;
}

/** The report as plain ASCII text in 80 columns, ending with a newline. */
export function renderReportText(doc: ReportDocument, options: RenderOptions = {}): string {
  return textOf(reportBlocks(doc, options), options);
}

/** The report as Markdown, ending with a newline. */
export function renderReportMarkdown(doc: ReportDocument, options: RenderOptions = {}): string {
  return markdownOf(reportBlocks(doc, options));
}

function reportBlocks(doc: ReportDocument, options: RenderOptions): readonly Block[] {
  const whole = isWhole(doc);
  return [
    ...header(doc),
    ...diagnostics(doc),
    ...(doc.tldr.length === 0 ? [] : [{ kind: "heading", text: `TL;DR (${timeOf(doc)})` } as const]),
    ...(doc.tldr.length === 0 ? [] : [{ kind: "list", items: doc.tldr } as const]),
    ...(whole ? handling(doc) : []),
    ...(whole ? kinds(doc) : []),
    ...(doc.resources.length === 0 ? [] : [{ kind: "heading", text: "Resources and users" } as const, ...users(doc)]),
    ...tables(doc, options),
    ...summary(doc),
    ...conclusionBlocks(doc),
    { kind: "heading", text: whole ? "Assumptions and provenance" : "Provenance" },
    {
      kind: "paragraph",
      text: [...(whole ? [`Assumed: ${doc.assumptions.join(" ")}`] : []), ...provenanceItems(doc)].join(" "),
    },
  ];
}

/** What the first lines speak of. A source without a table of OP_STATEs does not say which calls a running TD allows. */
const timeOf = ({ host, leaves }: ReportDocument): string =>
  host === null && leaves.every(({ opStates }) => opStates === null) ? "at any time of a TD's life" : "a TD that runs";

/** Is this a report of everything in scope, not of some calls or resources? */
function isWhole(doc: ReportDocument): boolean {
  return doc.scope.kind !== "leaves" && doc.scope.kind !== "resources";
}

function header(doc: ReportDocument): Block[] {
  const under = doc.host === null ? "" : ` under ${hostTitle(doc.host.name)}`;
  const names = new Set(doc.leaves.map((leaf) => leaf.name)).size;
  const of = doc.scope.kind === "host" ? "" : `: ${doc.scope.title}`;
  // One call is named; its number says nothing more.
  const number = names === 1 && doc.scope.kind === "leaves" ? "" : ` (${count(names, "call")})`;
  const text = `Lock status report of the TDX module ${doc.module.version}${under}${of}${number}`;
  return [{ kind: "title", text }];
}

/** What the extraction could not resolve stands on the first screen. */
function diagnostics(doc: ReportDocument): Block[] {
  const serious = doc.diagnostics.filter((d) => d.severity !== "note");
  if (serious.length === 0) return [];
  const errors = serious.filter((d) => d.severity === "error").length;
  const lead =
    errors > 0
      ? doc.module.origin === "read"
        ? "INCOMPLETE: read by hand, not extracted; calls are missing, and rows may be missing or wrong."
        : `INCOMPLETE: the extraction left ${count(errors, "error")}; rows may be missing or wrong.`
      : `The extraction gave ${count(serious.length, "warning")}.`;
  const items = serious.slice(0, FIRST_SCREEN).map((d) => {
    const place = d.file === null ? "" : ` (${d.file}${d.line === null ? "" : `:${d.line}`})`;
    return `${d.code} ${d.severity}: ${d.message}${place}`;
  });
  const more = serious.length - items.length;
  const rest = more === 0 ? [] : [`and ${more} more, which \`seamlock catalog --json\` lists.`];
  return [
    { kind: "paragraph", text: lead },
    { kind: "list", items: [...items, ...rest] },
  ];
}

/** So many diagnostics leave room on the first screen for what the report says. */
const FIRST_SCREEN = 4;

function handling(doc: ReportDocument): Block[] {
  return [{ kind: "heading", text: "Handling BUSY" }, ...handlingBlocks(doc)];
}

function kinds(doc: ReportDocument): Block[] {
  const used = [...new Set(doc.leaves.flatMap((leaf) => leaf.acquisitions.map((a) => a.lock)))] as LockKind[];
  return [{ kind: "heading", text: "Lock kinds" }, ...lockBlocks(doc.locks, used, bundledRelease(doc.module) !== null)];
}

const USER_WIDTHS = [16, 10, 54];

/** `(6) SEPT_TREE` with the lock's own name below it. */
function users(doc: ReportDocument): Block[] {
  const starred = conditionalUsers(doc.leaves);
  const groups = doc.resources.map(({ resource, shared, exclusive, noLock }, i): Row[] => {
    const lock = lockNameOf(resource);
    const name = `(${i + 1}) ${resource}${lock === null ? "" : `\n${lock}`}`;
    const lines: (readonly [string, readonly string[]])[] = [
      ["SHARED", shared.map((leaf) => marked(leaf, resource, "SHARED", starred))],
      ["EXCLUSIVE", exclusive.map((leaf) => marked(leaf, resource, "EXCLUSIVE", starred))],
      ["no lock", noLock],
    ];
    const told = lines.filter(([, names]) => names.length > 0);
    const modes = told.map(([mode, names]): Row => ({ cells: ["", mode, userList(doc, resource, names)] }));
    return withName(name, modes);
  });
  const conditional = doc.resources.some(({ resource, shared, exclusive }) =>
    [
      ...shared.map((leaf) => marked(leaf, resource, "SHARED", starred)),
      ...exclusive.map((leaf) => marked(leaf, resource, "EXCLUSIVE", starred)),
    ].some((name) => name.endsWith(STAR)),
  );
  return [
    {
      kind: "table",
      head: ["Resource", "mode", `users (no tdh_${conditional ? "; * under a condition, see notes" : ""})`],
      widths: USER_WIDTHS,
      groups,
      between: "nothing",
    },
  ];
}

/** The name stands beside the first lines of the modes, however many they are. */
function withName(name: string, modes: readonly Row[]): Row[] {
  const [first, second, ...rest] = modes;
  const [own = "", below] = name.split("\n");
  if (first === undefined) return [{ cells: [own, "", ""] }];
  const top: Row = { cells: [own, ...first.cells.slice(1)] };
  if (below === undefined) return [top, ...modes.slice(1)];
  if (second === undefined) return [top];
  return [top, { cells: [below, ...second.cells.slice(1)] }, ...rest];
}

function userList(doc: ReportDocument, resource: string, names: readonly string[]): string {
  if (isAncestor(resource) && !doc.pamt && doc.scope.kind !== "resources") return count(names.length, "call");
  return foldedCalls(names);
}

function conditionalUsers(leaves: readonly Leaf[]): ReadonlySet<string> {
  const rows = leaves.flatMap((leaf) => leaf.acquisitions.map((row) => ({ leaf, row })));
  const byUse = groupBy(rows, ({ leaf, row }) => `${leaf.name} ${row.resource} ${row.mode}`);
  return new Set(byUse.filter(([, of]) => of.every(({ row }) => row.when !== null)).map(([key]) => key));
}

function marked(leaf: string, resource: string, mode: string, starred: ReadonlySet<string>): string {
  return starred.has(`${leaf} ${resource} ${mode}`) ? `${leaf}${STAR}` : leaf;
}

const STAR = "*";

const CALL_WIDTHS = [24, 16, 10, 17, 13];

function tables(doc: ReportDocument, options: RenderOptions): Block[] {
  const resources =
    doc.scope.kind === "resources" || doc.scope.kind === "leaves"
      ? doc.resources.map(({ resource }) => resource)
      : null;
  const table = callTable(doc, doc.leaves, {
    pamt: doc.pamt,
    walks: doc.evidence || !isWhole(doc),
    resources,
    host: doc.host?.name ?? null,
  });
  const side = (of: Leaf["side"]): readonly TableEntry[] =>
    table.entries.filter((entry) => entry.leaves.some((leaf) => leaf.side === of));
  const out = outOfScope(doc);
  const none = doc.scope.kind === "leaves" && table.entries.length > 0 ? [] : table.without;
  const rest = [...(none.length === 0 ? [] : [`No lock: ${none.join(", ")}.`]), ...(out === null ? [] : [out])];
  return [
    ...callBlocks(side("host"), side("guest"), doc, options),
    ...(rest.length === 0 ? [] : [{ kind: "paragraph", text: rest.join(" ") } as const]),
    ...(table.notes.length === 0 ? [] : [{ kind: "heading", text: "Notes" } as const]),
    {
      kind: "entries",
      entries: [
        ...table.notes.map(({ letter, text }) => ({ mark: `(${letter})`, text })),
        ...(doc.pamtNote === null ? [] : [{ mark: "All calls:", text: doc.pamtNote }]),
      ],
    },
  ];
}

function callBlocks(
  host: readonly TableEntry[],
  guest: readonly TableEntry[],
  doc: ReportDocument,
  options: RenderOptions,
): Block[] {
  if (host.length + guest.length === 0) return [];
  const rows = (entries: readonly TableEntry[]): Row[][] => entries.map((entry) => entryRows(entry, doc, options));
  const what = host.length === 0 ? "TDCALL" : guest.length === 0 ? "SEAMCALL" : "SEAMCALL, TDCALL";
  const head = [what, "Lock Name", "Lock Type", "Resource", "On BUSY  Note"];
  return [
    {
      kind: "heading",
      text: host.length === 0 ? "TDCALLs" : guest.length === 0 ? "SEAMCALLs" : "SEAMCALLs and TDCALLs",
    },
    {
      kind: "table",
      head,
      widths: CALL_WIDTHS,
      groups: [...rows(host), ...rows(guest)],
      between: doc.evidence ? "blank" : "nothing",
      tight: true,
    },
  ];
}

/** Calls that share their lines stand below each other; folded where that takes fewer lines. */
function entryRows({ names, leaves, lines }: TableEntry, doc: ReportDocument, options: RenderOptions): Row[] {
  const shown = doc.evidence ? lines : joinedLines(lines);
  const each = names.map((name, i) => (i < names.length - 1 ? `${name},` : name));
  const together = wrap(folded(names), 0, 1, (CALL_WIDTHS[0] ?? 0) - 1, true);
  const cells = !doc.evidence && names.length > shown.length && together.length < names.length ? together : each;
  const rows = shown.map(
    (line, i): Row => ({ cells: [cells[i] ?? "", ...cellsOf(line)], below: evidence(line, leaves, doc, options) }),
  );
  return [...rows, ...cells.slice(shown.length).map((name): Row => ({ cells: [name] }))];
}

/** Locks of one kind and mode that follow each other and need no note share a line where it has room: `TDR, TDCS`. */
function joinedLines(lines: readonly TableLine[]): readonly TableLine[] {
  const joined: TableLine[] = [];
  for (const line of lines) {
    const last = joined.at(-1);
    const both = last === undefined ? null : together(last, line);
    if (both === null) joined.push(line);
    else joined[joined.length - 1] = both;
  }
  return joined;
}

function together(x: TableLine, y: TableLine): TableLine | null {
  const alike = x.lock === y.lock && x.mode === y.mode && x.letters.length + y.letters.length === 0;
  const resource = `${x.resource}, ${y.resource}`;
  const operand = x.operand === y.operand ? x.operand : `${x.operand}, ${y.operand}`;
  if (!alike || resource.length >= (CALL_WIDTHS[3] ?? 0) || operand.length > (CALL_WIDTHS[4] ?? 0)) return null;
  return { ...x, resource, operand, rows: [...x.rows, ...y.rows] };
}

function cellsOf({ lock, mode, resource, operand, letters }: TableLine): string[] {
  const note = letters.length === 0 ? "" : `(${letters.join(",")})`;
  return [lock, mode, resource, note === "" ? operand : `${operand.padEnd(OPERAND)}${note}`];
}

/** So many columns of the last one are the operand's; a note follows. */
const OPERAND = 9;

/** Conditions in the source's own terms, and the chain of source lines, on request. */
function evidence({ rows }: TableLine, leaves: readonly Leaf[], doc: ReportDocument, options: RenderOptions): string[] {
  if (!doc.evidence) return [];
  return rows.flatMap((row) => {
    const owner = leaves.find((leaf) => leaf.acquisitions.some((a) => a === row || a.evidence === row.evidence));
    const variant = owner?.variant == null ? [] : [`    ${entryName(owner)}:`];
    const when = row.when === null ? [] : [`    when ${row.when}`];
    const times = row.times === "1" ? [] : [`    times: ${row.times}`];
    const busy = row.busyWhen === undefined ? [] : [`    busy, it ends when ${row.busyWhen}`];
    return [...variant, ...when, ...times, ...busy, ...chain(row.evidence, doc, options)];
  });
}

/** Where a row's lock is taken, from the leaf down; at the end the line itself, where the tree is at hand, and where it can be read. */
function chain(sites: readonly Site[], doc: ReportDocument, { sourceLine }: RenderOptions): string[] {
  const last = sites.at(-1);
  if (last === undefined) return ["    (no source line)"];
  const lines = sites.map((site, i) => `${" ".repeat(4 + Math.min(i, 8))}${placeText(site)} (${site.function})`);
  const indent = " ".repeat(4 + Math.min(sites.length, 8));
  const line = sourceLine?.(last) ?? null;
  // Twelve digits tell a revision, and lines of a mail should not be longer than they must.
  const link = sourceUrl({ ...doc.module, revision: doc.module.revision?.slice(0, 12) ?? null }, last);
  return [
    ...lines,
    ...(line === null ? [] : [`${indent}${line.trim()}`]),
    ...(link === null ? [] : [`${indent}${link}`]),
  ];
}

/** Calls that take locks and are left out: the guest's by name, the host's by number. */
function outOfScope(doc: ReportDocument): string | null {
  const { host, guest } = doc.outOfScope;
  const names = [...callNames(guest), ...(host.length === 0 ? [] : [`${count(host.length, "SEAMCALL")} (--all)`])];
  return names.length === 0 ? null : `Out of scope, but taking locks: ${list(names)}.`;
}

function summary(doc: ReportDocument): Block[] {
  const entries = doc.summary
    .map(({ resource, sentences }, i) => {
      return { mark: `(${i + 1})`, text: `${resource}: ${sentences.join(" ")}` };
    })
    .filter((_, i) => (doc.summary[i]?.sentences.length ?? 0) > 0);
  const unlocked = doc.exchanges.map((text) => ({ mark: "(-)", text }));
  const guest = doc.guestSummary === null ? [] : [{ mark: "(-)", text: doc.guestSummary }];
  const all = [...entries, ...unlocked, ...guest];
  return all.length === 0
    ? []
    : [
        { kind: "heading", text: "Summary" },
        { kind: "entries", entries: all },
      ];
}

function provenanceItems(doc: ReportDocument): string[] {
  return [...doc.provenance, ...(doc.host === null ? [] : [`Host: ${doc.host.description}`])];
}
