/**
 * The parts of a report before they are laid out: one content, two forms.
 *
 * Text is plain ASCII in 80 columns without tabs, so that it can be pasted into a mail to a mailing list.
 */

/** A row of a table; lines `below` belong to it and run over its full width. */
export interface Row {
  readonly cells: readonly string[];
  readonly below?: readonly string[];
}

export type Block =
  | { readonly kind: "title"; readonly text: string }
  | { readonly kind: "heading"; readonly text: string }
  | { readonly kind: "paragraph"; readonly text: string; readonly indent?: number }
  | { readonly kind: "list"; readonly items: readonly string[]; readonly indent?: number }
  /** `widths` are the columns of the text form; they sum to at most 80. A rule stands between groups of rows. */
  | {
      readonly kind: "table";
      readonly head: readonly string[];
      readonly widths: readonly number[];
      readonly groups: readonly (readonly Row[])[];
    };

const WIDTH = 80;

/** The blocks as plain text, ending with a newline. */
export function textOf(blocks: readonly Block[]): string {
  const parts = blocks.map((block) =>
    textBlock(block)
      .map((line) => line.trimEnd())
      .join("\n"),
  );
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

/** The blocks as Markdown, ending with a newline. */
export function markdownOf(blocks: readonly Block[]): string {
  return `${blocks
    .map(markdownBlock)
    .filter((part) => part !== "")
    .join("\n\n")}\n`;
}

function textBlock(block: Block): readonly string[] {
  switch (block.kind) {
    case "title":
      return wrap(block.text, 0, 2);
    case "heading":
      return wrap(`=== ${block.text} ===`, 0, 4);
    case "paragraph":
      return wrap(block.text, block.indent ?? 0, block.indent ?? 0);
    case "list":
      return block.items.flatMap((item) => wrap(`- ${item}`, block.indent ?? 0, (block.indent ?? 0) + 2));
    case "table":
      return textTable(block);
  }
}

function textTable({ head, widths, groups }: Extract<Block, { kind: "table" }>): readonly string[] {
  const rule = "-".repeat(Math.min(WIDTH, Math.max(72, widths.reduce((sum, w) => sum + w, 0) - 4)));
  const body = groups.flatMap((rows, i) => [
    ...(i === 0 ? [] : [groups.every((g) => g.length === 1) ? rule : ""]),
    ...rows.flatMap((row) => textRow(row, widths)),
  ]);
  return [...textRow({ cells: head }, widths), rule, ...body];
}

function textRow({ cells, below = [] }: Row, widths: readonly number[]): readonly string[] {
  const columns = cells.map((cell, i) => cellLines(cell, (widths[i] ?? WIDTH) - (i === widths.length - 1 ? 0 : 1)));
  const height = Math.max(...columns.map((lines) => lines.length), 1);
  const lines = Array.from({ length: height }, (_, n) =>
    columns.map((column, i) => (column[n] ?? "").padEnd(widths[i] ?? 0)).join(""),
  );
  return [...lines, ...below.flatMap((line) => wrap(line, indentOf(line), indentOf(line) + 2))];
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}

function cellLines(cell: string, width: number): readonly string[] {
  return cell.split("\n").flatMap((line) => wrap(line, 0, 1, width));
}

/** Lines of at most `width` columns, the first indented by `first`, the others by `rest`; a longer word is cut. */
export function wrap(text: string, first: number, rest: number, width: number = WIDTH): string[] {
  const lines: string[] = [];
  let line = " ".repeat(first);
  let empty = true;
  const flush = (): void => {
    lines.push(line);
    line = " ".repeat(rest);
    empty = true;
  };
  for (let word of plain(text)
    .split(" ")
    .filter((w) => w !== "")) {
    if (!empty && line.length + 1 + word.length > width) flush();
    while (word.length > width - line.length - (empty ? 0 : 1)) {
      const room = Math.max(1, width - line.length);
      line += word.slice(0, room);
      word = word.slice(room);
      flush();
    }
    if (word === "") continue;
    line += empty ? word : ` ${word}`;
    empty = false;
  }
  if (!empty || lines.length === 0) lines.push(line);
  return lines;
}

const ASCII: Readonly<Record<string, string>> = {
  "\u2013": "-",
  "\u2014": "-",
  "\u2018": "'",
  "\u2019": "'",
  "\u201C": '"',
  "\u201D": '"',
  "\u2026": "...",
  "\u2192": "->",
  "\u2264": "<=",
  "\u2265": ">=",
  "\u00D7": "x",
};

/** Printable ASCII only: white space becomes one space each, what has no ASCII form a question mark. */
export function plain(text: string): string {
  return text.replaceAll(/\s/gu, " ").replaceAll(/[^ -~]/gu, (c) => ASCII[c] ?? "?");
}

function markdownBlock(block: Block): string {
  switch (block.kind) {
    case "title":
      return `# ${inline(block.text)}`;
    case "heading":
      return `## ${inline(block.text)}`;
    case "paragraph":
      return inline(block.text);
    case "list":
      return block.items.map((item) => `- ${inline(item)}`).join("\n");
    case "table":
      return markdownTable(block);
  }
}

function markdownTable({ head, groups }: Extract<Block, { kind: "table" }>): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const rows = groups.flat().map(({ cells, below = [] }) => {
    const texts = cells.map((cell) => cell.split("\n").map(inline).join("<br>"));
    const last = texts.length - 1;
    const extra = below.map((text) => inline(text.trim()));
    return line(texts.map((text, i) => (i === last ? [text, ...extra].filter((t) => t !== "").join("<br>") : text)));
  });
  return [line(head.map(inline)), line(head.map(() => "---")), ...rows].join("\n");
}

/** Text that Markdown shows as it is: names keep their underscores and asterisks. */
function inline(text: string): string {
  return text.replaceAll(/\s/gu, " ").replaceAll(/[\\`*_<>|[\]#]/g, (c) => `\\${c}`);
}
