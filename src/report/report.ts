/** The lock status report for people, in the order of the mail of 2024-09-13. */
import { isAncestor, resourceFacts } from "../analysis/index.ts";
import type { Acquisition, Leaf, LockKind, Site } from "../catalog/index.ts";
import { type Block, markdownOf, type Row, textOf } from "./blocks.ts";
import type { ReportDocument } from "./document.ts";
import { hostVerdictBlocks } from "./host-conclusion.ts";
import { lockBlocks } from "./locks.ts";
import { conditionText, count, entryName, kindName, list, modeText, resourceText } from "./words.ts";

/** The report as plain ASCII text in 80 columns, ending with a newline. */
export function renderReportText(doc: ReportDocument): string {
  return textOf(reportBlocks(doc));
}

/** The report as Markdown, ending with a newline. */
export function renderReportMarkdown(doc: ReportDocument): string {
  return markdownOf(reportBlocks(doc));
}

function reportBlocks(doc: ReportDocument): readonly Block[] {
  const host = doc.leaves.filter((leaf) => leaf.side === "host");
  const guest = doc.leaves.filter((leaf) => leaf.side === "guest");
  return [
    ...header(doc),
    ...diagnostics(doc),
    { kind: "heading", text: "TL;DR" },
    { kind: "list", items: doc.tldr },
    { kind: "heading", text: "Background: lock kinds" },
    ...lockBlocks(doc.locks, doc.septEntryBits, kindsIn(doc.leaves)),
    { kind: "heading", text: "Resources and users" },
    ...users(doc),
    ...(host.length === 0 ? [] : calls(doc, host, "SEAMCALL")),
    ...(guest.length === 0 ? [] : calls(doc, guest, "TDCALL")),
    ...notes(doc),
    { kind: "heading", text: "Summary" },
    ...summary(doc),
    { kind: "heading", text: "Conclusion" },
    { kind: "list", items: doc.conclusion },
    ...hostVerdictBlocks(doc.hostVerdicts),
  ];
}

function header(doc: ReportDocument): Block[] {
  const { version, origin, repository, revision } = doc.module;
  const names = new Set(doc.leaves.map((leaf) => leaf.name)).size;
  const rows = doc.leaves.reduce((sum, leaf) => sum + leaf.acquisitions.length, 0);
  const source =
    origin === "published"
      ? `a table made and published by hand${publishedIn(doc)}; it states no operands, statuses or OP_STATEs`
      : `extracted from the source${repository === null ? "" : ` in ${repository}`}${revision === null ? "" : `, revision ${revision}`}`;
  const host = doc.host === null ? [] : [`Host: ${doc.host.name}, ${doc.host.description}`];
  return [
    { kind: "title", text: `Lock status report of the TDX module, ${version}` },
    {
      kind: "list",
      items: [
        `Facts: ${source}.`,
        `Scope: ${doc.scope.title}: ${count(names, "call")}, ${count(rows, "row")}.`,
        ...host,
      ],
    },
  ];
}

/** The file that a published table's rows point to. */
function publishedIn(doc: ReportDocument): string {
  const files = new Set(doc.leaves.map((leaf) => leaf.handler.file));
  return files.size === 0 ? "" : ` (${list([...files])})`;
}

/** What the extraction could not resolve stands on the first screen. */
function diagnostics(doc: ReportDocument): Block[] {
  const serious = doc.diagnostics.filter((d) => d.severity !== "note");
  if (serious.length === 0) return [];
  const errors = serious.filter((d) => d.severity === "error").length;
  const lead =
    errors > 0
      ? `INCOMPLETE: the extraction left ${count(errors, "error")}; rows may be missing or wrong.`
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

function kindsIn(leaves: readonly Leaf[]): readonly LockKind[] {
  return [...new Set(leaves.flatMap((leaf) => leaf.acquisitions.map((a) => a.lock)))];
}

const USER_WIDTHS = [21, 29, 30];
const CALL_WIDTHS = [25, 17, 16, 22];

function users(doc: ReportDocument): Block[] {
  const groups = doc.resources.map((entry, i): Row[] => {
    const cell = (mode: Acquisition["mode"]): string => usersCell(doc, entry.resource, mode);
    const without = [...new Set(entry.noLock)];
    const below = without.length === 0 ? [] : [`    without the lock: ${without.join(", ")}`];
    return [{ cells: [`(${i + 1}) ${entry.resource}`, cell("SHARED"), cell("EXCLUSIVE")], below }];
  });
  const conditional = doc.leaves.some((leaf) => leaf.acquisitions.some((a) => a.when !== null));
  return [
    { kind: "table", head: ["Resources", "SHARED users", "EXCLUSIVE users"], widths: USER_WIDTHS, groups },
    ...(conditional ? [{ kind: "paragraph", text: "* only under a condition, see the notes" } as const] : []),
  ];
}

/** Nearly every call walks the PAMT: unless the report is about that, their number says enough. */
function usersCell(doc: ReportDocument, resource: string, mode: Acquisition["mode"]): string {
  const names = userNames(doc.leaves, resource, mode);
  const inShort = isAncestor(resource) && doc.scope.kind !== "resources" && names.length > MANY_WALKERS;
  return inShort ? `${names.length} calls, on their\nway to a page` : names.join("\n");
}

const MANY_WALKERS = 4;

/** The users in one mode; a variant is named when the leaf's variants differ, an asterisk marks a conditional use. */
function userNames(leaves: readonly Leaf[], resource: string, mode: Acquisition["mode"]): readonly string[] {
  const uses = (leaf: Leaf): readonly Acquisition[] =>
    leaf.acquisitions.filter((a) => a.resource === resource && a.mode === mode);
  const names = leaves.flatMap((leaf) => {
    const rows = uses(leaf);
    if (rows.length === 0) return [];
    const alike = leaves.filter((other) => other.name === leaf.name).every((other) => uses(other).length > 0);
    const mark = rows.every((a) => a.when !== null) ? " *" : "";
    return [`${alike ? leaf.name : entryName(leaf)}${mark}`];
  });
  return [...new Set(names)];
}

function calls(doc: ReportDocument, leaves: readonly Leaf[], what: string): Block[] {
  const groups = leaves
    .filter((leaf) => leaf.acquisitions.length > 0)
    .map((leaf) =>
      merged(leaf.acquisitions).map((rows, i): Row => callRow(rows, i === 0 ? entryName(leaf) : "", doc.evidence)),
    );
  const without = leaves.filter((leaf) => leaf.acquisitions.length === 0).map(entryName);
  const none: Block[] = without.length === 0 ? [] : [{ kind: "paragraph", text: `No lock: ${without.join(", ")}.` }];
  const heading: Block = { kind: "heading", text: `${what}s in scope` };
  if (groups.length === 0) return [heading, ...none];
  const head = [what, "Lock Name", "Lock Type", "Resource"];
  return [heading, { kind: "table", head, widths: CALL_WIDTHS, groups }, ...none];
}

/** Rows as lines: the ancestors that one PAMT walk takes in the same way share a line. */
function merged(rows: readonly Acquisition[]): readonly (readonly Acquisition[])[] {
  const lines: Acquisition[][] = [];
  for (const row of rows) {
    const last = lines.at(-1);
    const first = last?.[0];
    const joins =
      first !== undefined &&
      isAncestor(first.resource) &&
      isAncestor(row.resource) &&
      !last?.some((r) => r.resource === row.resource);
    if (joins && first.mode === row.mode && first.when === row.when && first.times === row.times) last?.push(row);
    else lines.push([row]);
  }
  return lines;
}

function callRow(rows: readonly Acquisition[], name: string, evidence: boolean): Row {
  const [row] = rows;
  if (row === undefined) return { cells: [] };
  // Which page an ancestor is above shows from the row that follows; its role only repeats that page's variable.
  const resource = rows.map((r) => resourceText(r.resource, isAncestor(r.resource) ? null : r.role)).join(", ");
  const below = [
    ...(row.when === null ? [] : [`    when ${evidence ? row.when : conditionText(row.when)}`]),
    ...(row.times === "1" ? [] : [`    times: ${row.times}`]),
    ...(evidence ? rows.flatMap((r) => evidenceLines(r.evidence)) : []),
  ];
  return { cells: [name, kindName(row.lock), modeText(row), resource], below };
}

function evidenceLines(sites: readonly Site[]): readonly string[] {
  if (sites.length === 0) return ["    (no source line)"];
  return sites.map((site, i) => `${" ".repeat(4 + Math.min(i, 8))}${site.file}:${site.line} (${site.function})`);
}

function notes(doc: ReportDocument): Block[] {
  if (doc.notes.length === 0) return [];
  return [
    { kind: "heading", text: "Notes" },
    ...doc.notes.flatMap((note): Block[] => [
      { kind: "paragraph", text: `${note.leaf}` },
      { kind: "list", items: note.sentences, indent: 2 },
    ]),
  ];
}

function summary(doc: ReportDocument): Block[] {
  return doc.summary.flatMap((entry, i): Block[] => {
    const { long } = resourceFacts(entry.resource);
    const what = long === entry.resource ? "" : ` (${long})`;
    return [
      { kind: "paragraph", text: `(${i + 1}) ${entry.resource}${what}:` },
      { kind: "list", items: entry.sentences, indent: 4 },
    ];
  });
}
