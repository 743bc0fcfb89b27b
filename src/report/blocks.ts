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
  /** With `tight`, what follows stands directly below. */
  | { readonly kind: "paragraph"; readonly text: string; readonly indent?: number; readonly tight?: boolean }
  | { readonly kind: "list"; readonly items: readonly string[]; readonly indent?: number; readonly tight?: boolean }
  /** Texts that each begin with a mark of their own, `(a)`, and hang below it. */
  | { readonly kind: "entries"; readonly entries: readonly { readonly mark: string; readonly text: string }[] }
  /** `widths` are the columns of the text form; they sum to at most 80. */
  | {
      readonly kind: "table";
      readonly head: readonly string[];
      readonly widths: readonly number[];
      readonly groups: readonly (readonly Row[])[];
      /** What stands between groups of rows in the text form: by default a rule when each has one row, else a blank line. */
      readonly between?: "rule" | "blank" | "nothing";
      /** What follows stands directly below. */
      readonly tight?: boolean;
      /** A word with slashes is the path of a file, which stays whole where a line holds it; by default it is folded names. */
      readonly keepsPaths?: boolean;
    };

const WIDTH = 80;

/** How text is laid out. */
export interface Layout {
  /** Columns of a line; 80 unless stated. */
  readonly width?: number;
  /** Every line as one of a mail that is quoted. */
  readonly quote?: boolean;
}

const QUOTE = "> ";

/** The blocks as plain text, ending with a newline. */
export function textOf(blocks: readonly Block[], { width = WIDTH, quote = false }: Layout = {}): string {
  const room = quote ? width - QUOTE.length : width;
  const parts = blocks.map((block) =>
    textBlock(block, room)
      .map((line) => line.trimEnd())
      .join("\n"),
  );
  const text = `${joined(blocks, parts)}\n`;
  return quote ? text.replaceAll(/^.*$(?=\n)/gm, (line) => `${QUOTE}${line}`.trimEnd()) : text;
}

/** The blocks as Markdown, ending with a newline. */
export function markdownOf(blocks: readonly Block[]): string {
  return `${blocks
    .map(markdownBlock)
    .filter((part) => part !== "")
    .join("\n\n")}\n`;
}

/** A blank line stands between blocks, but not below a heading, nor below what asks for none unless a heading follows. */
function joined(blocks: readonly Block[], parts: readonly string[]): string {
  let text = "";
  let tight = false;
  parts.forEach((part, i) => {
    if (part === "") return;
    const block = blocks[i];
    const close = tight && block?.kind !== "heading";
    text += text === "" ? part : `${close ? "\n" : "\n\n"}${part}`;
    tight = block?.kind === "heading" || (block !== undefined && "tight" in block && block.tight === true);
  });
  return text;
}

function textBlock(block: Block, width: number): readonly string[] {
  switch (block.kind) {
    case "title":
      return wrap(block.text, 0, 2, width);
    case "heading":
      return wrap(`=== ${block.text} ===`, 0, 4, width);
    case "paragraph":
      return wrap(block.text, block.indent ?? 0, block.indent ?? 0, width);
    case "list":
      return block.items.flatMap((item) => wrap(`- ${item}`, block.indent ?? 0, (block.indent ?? 0) + 2, width));
    case "entries":
      return block.entries.flatMap(({ mark, text }) => wrap(`${mark} ${text}`, 0, 4, width));
    case "table":
      return textTable(block, width);
  }
}

function textTable(table: Extract<Block, { kind: "table" }>, width: number): readonly string[] {
  const { head, groups } = table;
  const widths = fitted(table.widths, width);
  const lines = (row: Row) => textRow(row, widths, width, !table.keepsPaths);
  const rule = "-".repeat(
    Math.min(
      width,
      Math.max(
        72,
        widths.reduce((sum, w) => sum + w, 0),
      ),
    ),
  );
  const between = table.between ?? (groups.every((g) => g.length === 1) ? "rule" : "blank");
  const gap = between === "nothing" ? [] : [between === "rule" ? rule : ""];
  const body = groups.flatMap((rows, i) => [...(i === 0 ? [] : gap), ...rows.flatMap(lines)]);
  const top = head.length === 0 ? [] : [...lines({ cells: head }), rule];
  return [...top, ...body];
}

/** The last column takes what a wider or narrower page gives or takes. */
function fitted(widths: readonly number[], width: number): readonly number[] {
  const last = widths.at(-1) ?? 0;
  const others = widths.reduce((sum, w) => sum + w, 0) - last;
  const wider = width > WIDTH ? width - others : Math.min(last, width - others);
  return [...widths.slice(0, -1), Math.max(NARROWEST, wider)];
}

const NARROWEST = 8;

function textRow(
  { cells, below = [] }: Row,
  widths: readonly number[],
  width: number,
  atSlashes: boolean,
): readonly string[] {
  const columns = cells.map((cell, i) =>
    cellLines(cell, (widths[i] ?? width) - (i === widths.length - 1 ? 0 : 1), atSlashes),
  );
  const height = Math.max(...columns.map((lines) => lines.length), 1);
  const lines = Array.from({ length: cells.length === 0 ? 0 : height }, (_, n) =>
    columns.map((column, i) => (column[n] ?? "").padEnd(widths[i] ?? 0)).join(""),
  );
  return [...lines, ...below.flatMap((line) => wrap(line, indentOf(line), indentOf(line) + 2, width))];
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}

/** A cell has little room: folded names break after any slash, `mem_page_remove/` and `range_block`. */
function cellLines(cell: string, width: number, atSlashes: boolean): readonly string[] {
  return cell.split("\n").flatMap((line) => wrap(line, indentOf(line), 1, width, atSlashes));
}

/**
 * Lines of at most `width` columns, the first indented by `first`, the others by `rest`. A word that is longer breaks after a slash,
 * a comma or a bracket of its own; what has none is cut. A link stays whole, however long, for else nobody can follow it.
 */
export function wrap(text: string, first: number, rest: number, width: number = WIDTH, atSlashes = false): string[] {
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
    const room = width - line.length - 1;
    const begins = beginsHere(word, room, width - rest) || (atSlashes && slashWithin(word, room));
    if (!empty && word.length > room && !begins) flush();
    while (!isLink(word) && word.length > width - line.length - (empty ? 0 : 1)) {
      const gap = empty ? "" : " ";
      const cut = breakOf(word, Math.max(1, width - line.length - gap.length));
      line += gap + word.slice(0, cut);
      word = word.slice(cut);
      flush();
    }
    if (word === "") continue;
    line += empty ? word : ` ${word}`;
    empty = false;
  }
  if (!empty || lines.length === 0) lines.push(line);
  return lines;
}

const isLink = (word: string): boolean => /^https:\/\//.test(word);

/** Does a word that no line holds whole begin on this one, with `room` left? Where a slash or the like lets it. */
function beginsHere(word: string, room: number, most: number): boolean {
  return !isLink(word) && word.length > most && /[/,)\]]/.test(word.slice(0, room));
}

/** Can what stands before some slash of the word, and not only a letter or two, be on this line? */
function slashWithin(word: string, room: number): boolean {
  return !isLink(word) && word.lastIndexOf("/", room - 1) > 1;
}

/** Where a word of more than `room` characters is best broken. */
function breakOf(word: string, room: number): number {
  for (let at = room; at > 1; at--) if (/[/,)\]]/.test(word[at - 1] ?? "")) return at;
  return room;
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
    case "entries":
      return block.entries.map(({ mark, text }) => `- ${inline(`${mark} ${text}`)}`).join("\n");
    case "table":
      return markdownTable(block);
  }
}

function markdownTable({ head, groups }: Extract<Block, { kind: "table" }>): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const rows = groups.flat().map(({ cells, below = [] }) => {
    // What stands above a group of rows has a row of its own, in the first column.
    const texts = (cells.length > 0 ? cells : [""]).map((cell) => cell.split("\n").map(cellText).join("<br>"));
    const last = texts.length - 1;
    const extra = below.map((text) => cellText(text.trim()));
    return line(texts.map((text, i) => (i === last ? [text, ...extra].filter((t) => t !== "").join("<br>") : text)));
  });
  const columns = head.length > 0 ? head : (groups[0]?.[0]?.cells.map(() => "") ?? []);
  return [line(columns.map(cellText)), line(columns.map(() => "---")), ...rows].join("\n");
}

/**
 * What stands in backticks already; places in a source; links; and names with an underscore or an arrow, with what is folded into one:
 * `tdh_vp_enter()`, `kvm->mmu_lock`, `tdg_mem_page_attr_rd/wr()`, `vp_enter*`, `TDX_OPERAND_BUSY | SEPT`.
 */
const NAME =
  /`[^`]+`|\w[\w./-]*\.[ch]:\d+|https:\/\/\S+|[\w-]*\w(?:->\w+)+(?:\(\))?|\w+_\w*(?:\/\w+)*(?:\(\)|\*)?(?: \| [A-Z]\w*)?|\bBUSY \| [A-Z]\w*/g;

const cellText = (text: string): string => inline(text, true);

/** Text as Markdown that reads well as it stands, too: names are code, so that nothing in them needs a backslash. */
function inline(text: string, inTable = false): string {
  const line = text.replaceAll(/\s/gu, " ");
  let out = "";
  let from = 0;
  for (const { 0: name, index } of line.matchAll(NAME)) {
    out += `${escaped(line.slice(from, index), inTable)}${isLink(name) ? `<${name}>` : `\`${code(name, inTable)}\``}`;
    from = index + name.length;
  }
  return out + escaped(line.slice(from), inTable);
}

/** A bar ends a table's cell even between backticks. */
function code(name: string, inTable: boolean): string {
  const bare = name.replaceAll("`", "");
  return inTable ? bare.replaceAll("|", "\\|") : bare;
}

function escaped(text: string, inTable: boolean): string {
  return text.replaceAll(inTable ? /[\\`*<|]|^>/g : /[\\`*<]|^>/g, (c) => `\\${c}`);
}
