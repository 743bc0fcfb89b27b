/** What is seen, as text: for views of which the command line prints nothing of the kind. */

/** A part of a view, from top to bottom. */
type Block =
  | { readonly kind: "heading"; readonly level: number; readonly text: string }
  | { readonly kind: "line"; readonly text: string }
  | { readonly kind: "item"; readonly text: string }
  | { readonly kind: "table"; readonly rows: readonly (readonly string[])[] };

const LEFT_OUT = "form, button, svg, nav, dialog, [hidden], .no-copy, [role=toolbar]";

function blocksOf(element: Element): Block[] {
  if (element.matches(LEFT_OUT)) return [];
  if (element instanceof HTMLDetailsElement && !element.open) return [];
  const name = element.tagName.toLowerCase();
  if (name === "table") return [{ kind: "table", rows: rowsOf(element as HTMLTableElement) }];
  const text = oneLine(element);
  if (/^h[1-6]$/.test(name)) return text === "" ? [] : [{ kind: "heading", level: Number(name[1]), text }];
  if (/^(p|summary|figcaption|dt|dd|pre|blockquote)$/.test(name)) return text === "" ? [] : [{ kind: "line", text }];
  if (name === "li") return text === "" ? [] : [{ kind: "item", text }];
  return [...element.children].flatMap(blocksOf);
}

function rowsOf(table: HTMLTableElement): string[][] {
  return [...table.rows].map((row) => [...row.cells].map(oneLine));
}

function oneLine(element: Element): string {
  // biome-ignore lint/performance/useDomNodeTextContent: what is hidden was not seen
  const text = element instanceof HTMLElement ? element.innerText : (element.textContent ?? "");
  return text.replaceAll(/\s+/g, " ").trim();
}

/** The view as Markdown. */
export function seenAsMarkdown(element: Element): string {
  const cell = (text: string): string => text.replaceAll("|", "\\|");
  const row = (cells: readonly string[]): string => `| ${cells.map(cell).join(" | ")} |`;
  const written = blocksOf(element).map((block): string => {
    if (block.kind === "heading") return `${"#".repeat(block.level)} ${block.text}`;
    if (block.kind === "item") return `- ${block.text}`;
    if (block.kind === "line") return block.text;
    const [head = [], ...rest] = block.rows;
    return [row(head), row(head.map(() => "---")), ...rest.map(row)].join("\n");
  });
  return `${joined(written)}\n`;
}

/** The view as plain text: a line for each row of a table. */
export function seenAsText(element: Element): string {
  const written = blocksOf(element).map((block): string => {
    if (block.kind === "table") return block.rows.map((cells) => cells.filter((c) => c !== "").join("  ")).join("\n");
    return block.kind === "item" ? `- ${block.text}` : block.text;
  });
  return `${joined(written)}\n`;
}

/** Items of a list stand under each other, all else apart. */
function joined(parts: readonly string[]): string {
  return parts.reduce((text, part) => {
    if (text === "") return part;
    const isList = part.startsWith("- ") && text.split("\n").at(-1)?.startsWith("- ") === true;
    return `${text}${isList ? "\n" : "\n\n"}${part}`;
  }, "");
}
