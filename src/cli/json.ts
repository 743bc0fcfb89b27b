import { createHash } from "node:crypto";
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

/** A digest of a value as JSON, in 32 hexadecimal digits: tells a document that was written from one that was changed since. */
export const jsonDigest = (value: unknown): string =>
  createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 32);
