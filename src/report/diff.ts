/** Differences between modules for people. */
import type { DiffDocument } from "../analysis/index.ts";

/** The differences as plain ASCII text in 80 columns, ending with a newline. */
export function renderDiffText(doc: DiffDocument): string {
  return `${doc.changed.map((c) => `${c.leaf} ${c.resource}`).join("\n")}\n`;
}

/** The differences as Markdown, ending with a newline. */
export function renderDiffMarkdown(doc: DiffDocument): string {
  return renderDiffText(doc);
}
