/** Differences between modules for people. */
import {
  type BehaviourChange,
  type ContendPair,
  compareResources,
  type DiffDocument,
  type RowChange,
  type RowFacts,
} from "../analysis/index.ts";
import { type Block, markdownOf, type Row, textOf } from "./blocks.ts";
import { pairTable } from "./contend.ts";
import { contenderSentences } from "./contenders.ts";
import { conditionText, count, groupBy, kindName, resourceText } from "./words.ts";

const WIDTHS = [26, 27, 27];
/** Up to this many pairs of one resource are listed; more are put in sentences. */
const LISTED = 12;

/** The differences as plain ASCII text in 80 columns, ending with a newline. */
export function renderDiffText(doc: DiffDocument): string {
  return textOf(diffBlocks(doc));
}

/** The differences as Markdown, ending with a newline. */
export function renderDiffMarkdown(doc: DiffDocument): string {
  return markdownOf(diffBlocks(doc));
}

function diffBlocks(doc: DiffDocument): readonly Block[] {
  const { appeared, disappeared } = doc.contention;
  const nothing =
    doc.leaves.added.length +
      doc.leaves.removed.length +
      doc.changed.length +
      doc.behaviour.length +
      appeared.length +
      disappeared.length ===
    0;
  const title: Block = {
    kind: "title",
    text: `Locks of the TDX module, ${doc.before.version} -> ${doc.after.version}`,
  };
  if (nothing) return [title, { kind: "paragraph", text: "No difference." }];
  return [
    title,
    { kind: "paragraph", text: tally(doc) },
    ...behaviour(doc),
    ...names("Calls added", doc.leaves.added),
    ...names("Calls removed", doc.leaves.removed),
    ...rows(doc),
    ...contention("Contention that appeared", appeared),
    ...contention("Contention that disappeared", disappeared),
  ];
}

function tally({ leaves, changed, contention: { appeared, disappeared } }: DiffDocument): string {
  const added = changed.filter((c) => c.before === null).length;
  const removed = changed.filter((c) => c.after === null).length;
  return (
    `${count(leaves.added.length, "call")} added, ${leaves.removed.length} removed; of the calls in both, ` +
    `${count(added, "row")} added, ${removed} removed, ${changed.length - added - removed} changed; ` +
    `${count(appeared.length, "contention")} appeared, ${disappeared.length} disappeared.`
  );
}

/** What works differently, with its place; of leaves one paragraph for each. */
function behaviour({ behaviour: changes, before, after }: DiffDocument): Block[] {
  if (changes.length === 0) return [];
  const versions = [before.version, after.version];
  return [{ kind: "heading", text: "Behaviour" }, ...changes.flatMap((change) => behaviourBlocks(change, versions))];
}

function behaviourBlocks(change: BehaviourChange, [older = "", newer = ""]: readonly string[]): Block[] {
  const { kind, name, what, before, after, resources } = change;
  const about = resources.length === 0 ? "" : ` (${resources.join(", ")})`;
  const said = (version: string, side: BehaviourChange["before"]): string =>
    side === null ? `${version}: not there` : `${version}: ${side.text} (${side.site.file}:${side.site.line})`;
  return [
    { kind: "paragraph", text: kind === "leaf" ? `${name}: ${what}` : `${what}${about}` },
    { kind: "list", items: [said(older, before), said(newer, after)], indent: 2 },
  ];
}

function names(heading: string, items: readonly string[]): Block[] {
  if (items.length === 0) return [];
  return [
    { kind: "heading", text: heading },
    { kind: "paragraph", text: items.join(", "), indent: 2 },
  ];
}

function rows(doc: DiffDocument): Block[] {
  if (doc.changed.length === 0) return [];
  const head = ["Resource", doc.before.version, doc.after.version];
  const leafOf = (c: RowChange): string => (c.variant === null ? c.leaf : `${c.leaf} [${c.variant}]`);
  return [
    { kind: "heading", text: "Rows" },
    ...groupBy(doc.changed, leafOf).flatMap(([leaf, changes]): Block[] => [
      { kind: "paragraph", text: leaf },
      { kind: "table", head, widths: WIDTHS, groups: [changes.map(changeRow)] },
    ]),
  ];
}

function changeRow(change: RowChange): Row {
  const { before, after } = change;
  const below = [...conditionLines(before, after), ...otherLines(before, after)];
  return { cells: [resourceText(change.resource, change.role), rowText(before), rowText(after)], below };
}

function rowText(row: RowFacts | null): string {
  return row === null ? "-" : `${row.mode} ${kindName(row.lock)}`;
}

function conditionLines(before: RowFacts | null, after: RowFacts | null): string[] {
  if (before?.when === after?.when) return before?.when == null ? [] : [`    when ${conditionText(before.when)}`];
  const line = (label: string, row: RowFacts | null): string[] =>
    row === null || (row.when === null && (before === null || after === null))
      ? []
      : [`    ${label}: ${row.when === null ? "always" : `when ${conditionText(row.when)}`}`];
  return [...line("before", before), ...line("after", after)];
}

function otherLines(before: RowFacts | null, after: RowFacts | null): string[] {
  if (before === null || after === null) return [];
  return [
    ...(before.times === after.times ? [] : [`    times: ${before.times} -> ${after.times}`]),
    ...(before.release === after.release || before.release === null || after.release === null
      ? []
      : [`    released at: ${before.release} -> ${after.release}`]),
    ...(before.side === after.side ? [] : [`    side: ${before.side} -> ${after.side}`]),
  ];
}

function contention(heading: string, pairs: readonly ContendPair[]): Block[] {
  if (pairs.length === 0) return [];
  const groups = groupBy(pairs, (p) => p.resource).sort(([a], [b]) => compareResources(a, b));
  return [
    { kind: "heading", text: heading },
    ...groups.flatMap(([resource, group]): Block[] => [
      { kind: "paragraph", text: `${resource}: ${count(group.length, "pair")}` },
      group.length <= LISTED ? pairTable(group, false) : { kind: "list", items: contenderSentences(group), indent: 2 },
    ]),
  ];
}
