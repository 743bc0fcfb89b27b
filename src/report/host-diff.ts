/** Differences between two hosts for people: what a series of patches opened and closed. */
import { type ContendPair, compareResources, type HostDiffDocument } from "../analysis/index.ts";
import { type Block, markdownOf, textOf } from "./blocks.ts";
import { meetings, meetingText } from "./meetings.ts";
import { count, groupBy, list } from "./words.ts";

/** The differences as plain ASCII text in 80 columns, ending with a newline. */
export function renderHostDiffText(doc: HostDiffDocument): string {
  return textOf(hostDiffBlocks(doc));
}

/** The differences as Markdown, ending with a newline. */
export function renderHostDiffMarkdown(doc: HostDiffDocument): string {
  return markdownOf(hostDiffBlocks(doc));
}

function hostDiffBlocks(doc: HostDiffDocument): readonly Block[] {
  const { opened, closed, changed } = doc.paths;
  const title: Block = {
    kind: "title",
    text: `What the host leaves of contention in the TDX module, ${doc.module.version}: ${doc.before.name} -> ${doc.after.name}`,
  };
  if (opened.length + closed.length + changed.length === 0)
    return [title, { kind: "paragraph", text: "No difference." }];
  const { appeared, disappeared } = doc.contention;
  return [
    title,
    {
      kind: "paragraph",
      text:
        `${count(appeared.length, "pair")} of calls opened, ${disappeared.length} closed; of pairs of paths, ` +
        `${opened.length} opened, ${closed.length} closed, ${changed.length} with another outcome.`,
    },
    ...section("Opened", opened),
    ...section("Closed", closed),
    ...section(
      "With another outcome; as it is now",
      changed.map(({ pair, after }) => ({ pair, path: after })),
    ),
  ];
}

type Changed = HostDiffDocument["paths"]["opened"];

function section(heading: string, items: Changed): Block[] {
  if (items.length === 0) return [];
  const groups = groupBy(items, ({ pair }) => pair.resource).sort(([a], [b]) => compareResources(a, b));
  return [
    { kind: "heading", text: heading },
    ...groups.flatMap(([resource, of]): Block[] => [
      { kind: "paragraph", text: `${resource}: ${list([count(of.length, "pair of paths", "pairs of paths")])}` },
      { kind: "list", items: meetings(of.map(asPair)).map(meetingText), indent: 2 },
    ]),
  ];
}

function asPair({ pair, path }: Changed[number]): ContendPair {
  return { ...pair, paths: [path] };
}
