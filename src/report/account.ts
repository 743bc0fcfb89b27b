/** A published table against an extraction: each explanation once, with what it accounts for. */
import {
  type Account,
  type ContendPair,
  contentionCauses,
  type DiffDocument,
  type Explanation,
} from "../analysis/index.ts";
import { type Block, markdownOf, textOf } from "./blocks.ts";
import { callNames, count, groupBy, list } from "./words.ts";

/** A difference with its explanations. */
export interface Explained {
  readonly diff: DiffDocument;
  readonly account: Account;
  readonly explanations: readonly Explanation[];
  /** The extraction's pairs, excluded ones too, for what a contention that one side lacks follows from. */
  readonly pairs: readonly ContendPair[];
}

/** The account as plain ASCII text in 80 columns, ending with a newline. */
export function renderAccountText(explained: Explained): string {
  return textOf(accountBlocks(explained));
}

/** The account as Markdown, ending with a newline. */
export function renderAccountMarkdown(explained: Explained): string {
  return markdownOf(accountBlocks(explained));
}

const KINDS: readonly (readonly [Explanation["kind"], string])[] = [
  ["published-wrong", "The published table is wrong"],
  ["extraction-wrong", "The extraction is wrong"],
  ["detail", "The published table says less"],
  ["variant", "Variants that it does not tell apart"],
  ["naming", "Other names"],
  ["scope", "Outside its scope"],
];

function accountBlocks({ diff, account, explanations, pairs }: Explained): readonly Block[] {
  const { before, after } = diff;
  const of = (kind: Explanation["kind"]): readonly Explanation[] => explanations.filter((e) => e.kind === kind);
  const sections = KINDS.flatMap(([kind, title]): Block[] => {
    const own = of(kind);
    return own.length === 0
      ? []
      : [{ kind: "heading", text: title }, ...own.map((one) => explainedBlock(one, account))];
  });
  const left = account.unexplained;
  return [
    { kind: "title", text: `The published table ${before.version} against the source of ${after.version}` },
    {
      kind: "paragraph",
      text: `In ${count(of("published-wrong").length, "point")} the published table is wrong, in ${of("extraction-wrong").length} the extraction; ${count(account.rows.length, "row")} and ${count(account.leavesAdded.length + account.leavesRemoved.length, "call")} differ, ${left.length === 0 ? "all explained" : `${left.length} of them unexplained`}.`,
    },
    ...sections,
    ...(left.length === 0
      ? []
      : [{ kind: "heading", text: "Not explained" } as const, { kind: "list", items: left } as const]),
    ...contention(diff, pairs),
  ];
}

function explainedBlock(explanation: Explanation, account: Account): Block {
  const rows = account.rows.filter(({ by }) => by === explanation);
  const calls = [...account.leavesAdded, ...account.leavesRemoved].filter(({ by }) => by === explanation);
  const names = [...new Set(rows.map(({ difference }) => difference.leaf))];
  const covers =
    rows.length > 0
      ? ` Rows: ${rows.length}, of ${names.length > FEW ? count(names.length, "call") : list(callNames(names))}.`
      : calls.length > 0
        ? ` Calls: ${calls.length}.`
        : "";
  const lines = explanation.published.map(({ line }) => String(line));
  const mail = lines.length === 0 ? "" : ` Mail, ${lines.length === 1 ? "line" : "lines"} ${list(lines)}.`;
  const source = explanation.source === undefined ? "" : ` Source: ${explanation.source.join(", ")}.`;
  return { kind: "list", items: [`${explanation.text.trim()}${covers}${mail}${source}`] };
}

const FEW = 6;

const CAUSES: Readonly<Record<string, string>> = {
  call: "one of the two calls is on one side only",
  row: "a row of one of the two differs, as explained",
  "op-state": "no OP_STATE allows both, which the published table cannot know",
  "sept-state": "no SEPT entry state allows both, which the published table cannot know",
  "earlier-lock": "by the order of locks the two always meet at another lock first",
};

function contention(diff: DiffDocument, pairs: readonly ContendPair[]): Block[] {
  const causes = contentionCauses(diff, pairs);
  if (causes.length === 0) return [];
  const items = groupBy(causes, ({ cause }) => cause ?? "").map(
    ([cause, of]) => `${of.length}: ${CAUSES[cause] ?? "nothing accounts for them"}`,
  );
  return [
    { kind: "heading", text: "Contentions on one side only" },
    { kind: "list", items },
  ];
}
