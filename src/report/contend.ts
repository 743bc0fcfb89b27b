/** Contention lists for people. */
import type { ContendDocument } from "../analysis/index.ts";

/** The pairs as plain ASCII text in 80 columns, ending with a newline. */
export function renderContendText(doc: ContendDocument): string {
  return `${doc.pairs.map((p) => `${p.resource}: ${p.a} ${p.modeA} / ${p.b} ${p.modeB}`).join("\n")}\n`;
}

/** The pairs as Markdown, ending with a newline. */
export function renderContendMarkdown(doc: ContendDocument): string {
  return renderContendText(doc);
}
