import type { Format } from "./options.ts";

/** One JSON document, as every verb's `--json` writes it: two-space indent, a newline at the end. */
export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** A document in the form that was asked for. */
export function rendered<Document>(
  document: Document,
  format: Format,
  render: Readonly<Record<"text" | "markdown", (document: Document) => string>>,
): string {
  return format === "json" ? jsonText(document) : render[format](document);
}
