/** One JSON document, as every verb's `--json` writes it: two-space indent, a newline at the end. */
export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
