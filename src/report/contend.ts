/** Contention lists for people. */
import { type ContendDocument, type ContendPair, isAncestor, resourceFacts } from "../analysis/index.ts";
import { type Block, markdownOf, type Row, textOf } from "./blocks.ts";
import { contenderSentences } from "./contenders.ts";
import { hostVerdictBlocks, hostVerdicts } from "./host-conclusion.ts";
import { conditionText, count, groupBy, list, resourceText } from "./words.ts";

/** Up to this many pairs, each is shown with its conditions, statuses and OP_STATEs. */
const IN_DETAIL = 40;
const WIDTHS = [29, 11, 29, 11];

/** The pairs as plain ASCII text in 80 columns, ending with a newline. */
export function renderContendText(doc: ContendDocument): string {
  return textOf(contendBlocks(doc));
}

/** The pairs as Markdown, ending with a newline. */
export function renderContendMarkdown(doc: ContendDocument): string {
  return markdownOf(contendBlocks(doc));
}

function contendBlocks(doc: ContendDocument): readonly Block[] {
  const possible = doc.pairs.filter((p) => p.possible);
  const excluded = doc.pairs.length - possible.length;
  const inState = doc.opState === null ? "" : `, in OP_STATE ${doc.opState}`;
  return [
    { kind: "title", text: `Contention in the TDX module, ${doc.module.version}${inState}${underHost(doc)}` },
    {
      kind: "paragraph",
      text: `${count(doc.pairs.length, "pair")} of calls in conflicting modes: ${possible.length} possible, ${excluded} excluded.`,
    },
    ...(doc.host === null
      ? groupBy(doc.pairs, (p) => p.resource).flatMap(([resource, pairs]) =>
          resourceBlocks(resource, pairs, doc.pairs.length <= IN_DETAIL),
        )
      : hostVerdictBlocks(hostVerdicts(doc.pairs, []))),
    ...unlocked(doc),
    ...(doc.pairs.length === 0 ? [] : [{ kind: "heading", text: "Assumed" } as const]),
    ...(doc.pairs.length === 0 ? [] : [{ kind: "list", items: doc.assumptions } as const]),
  ];
}

function underHost(doc: ContendDocument): string {
  return doc.host === null ? "" : `, under ${doc.host.name}`;
}

function resourceBlocks(resource: string, pairs: readonly ContendPair[], detail: boolean): Block[] {
  const { long } = resourceFacts(resource);
  const possible = pairs.filter((p) => p.possible);
  const excluded = pairs.filter((p) => !p.possible);
  return [
    { kind: "heading", text: long === resource ? resource : `${resource} (${long})` },
    ...(possible.length === 0 ? [] : [isAncestor(resource) ? inSentences(possible) : pairTable(possible, detail)]),
    ...excludedBlocks(excluded),
  ];
}

/** Overlapping pages are many pairs that say little each. */
function inSentences(pairs: readonly ContendPair[]): Block {
  return { kind: "list", items: contenderSentences(pairs) };
}

/** The possible pairs of one resource as a table. */
export function pairTable(pairs: readonly ContendPair[], detail: boolean): Block {
  const rows = pairs.map(
    (p): Row => ({
      cells: [name(p.a, p.variantA, p.whenA), p.modeA, name(p.b, p.variantB, p.whenB), p.modeB],
      below: detail ? details(p) : roles(p),
    }),
  );
  return { kind: "table", head: ["CALL", "MODE", "AGAINST", "MODE"], widths: WIDTHS, groups: [rows] };
}

function name(leaf: string, variant: string | null, when: string | null): string {
  return `${leaf}${variant === null ? "" : ` [${variant}]`}${when === null ? "" : " *"}`;
}

/** Roles are told where the two do not name the object in the same way. */
function roles(p: ContendPair): string[] {
  if (p.resourceA === p.resourceB && p.roleA === p.roleB) return [];
  return [`    ${resourceText(p.resourceA, p.roleA)} against ${resourceText(p.resourceB, p.roleB)}`];
}

function details(p: ContendPair): string[] {
  return [
    ...roles(p),
    ...(p.whenA === null ? [] : [`    * ${p.a}: when ${conditionText(p.whenA)}`]),
    ...(p.whenB === null || (p.a === p.b && p.whenA === p.whenB)
      ? []
      : [`    * ${p.b}: when ${conditionText(p.whenB)}`]),
    ...statuses(p),
    ...(p.opStates === null ? [] : [`    OP_STATE ${list(p.opStates, "or")}`]),
    ...(p.busyA ? [] : [`    ${p.a} as the second stops at ${p.stopsA} already`]),
    ...(p.busyB || p.a === p.b ? [] : [`    ${p.b} as the second stops at ${p.stopsB} already`]),
  ];
}

function statuses(p: ContendPair): string[] {
  const one = (leaf: string, status: string | null, priority: string | null): string | null => {
    if (status === null) return null;
    return `${leaf} gets ${status}${priority === null ? "" : ` or ${priority}`}`;
  };
  const a = one(p.a, p.statusA, p.priorityStatusA);
  const b = one(p.b, p.statusB, p.priorityStatusB);
  return [...new Set([a, b])].flatMap((text) => (text === null ? [] : [`    ${text}`]));
}

/** Excluded pairs by reason, calls with the same opponents on one line. */
function excludedBlocks(pairs: readonly ContendPair[]): Block[] {
  return groupBy(pairs, reason).flatMap(([why, group]): Block[] => [
    { kind: "paragraph", text: `Excluded, ${why}:` },
    {
      kind: "list",
      indent: 2,
      items: groupBy(group, (p) => name(p.a, p.variantA, null)).map(([a, of]) => {
        const against = [...new Set(of.map((p) => name(p.b, p.variantB, null)))];
        return `${a} against ${list(against)}`;
      }),
    },
  ]);
}

function reason(pair: ContendPair): string {
  const kinds = pair.excludedBy.map((e) => {
    if (e.kind === "op-state") return "no OP_STATE allows both";
    if (e.kind === "sept-state") return "no SEPT entry state allows both";
    if (e.kind === "earlier-lock") return `the two always meet at ${e.what} first`;
    return e.what;
  });
  return list(kinds);
}

function unlocked(doc: ContendDocument): Block[] {
  if (doc.unlocked.length === 0) return [];
  const items = doc.unlocked.map((u) => {
    const under = u.coveredBy.length === 0 ? "" : `, holding ${list(u.coveredBy)} EXCLUSIVE`;
    return `${name(u.leaf, u.variant, u.when)}: ${resourceText(u.resource, u.role)}${under}`;
  });
  return [
    { kind: "heading", text: "Without the lock, and so in conflict with nothing at it" },
    { kind: "list", items },
  ];
}
