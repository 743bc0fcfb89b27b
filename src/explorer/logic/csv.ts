/** Tables as CSV (RFC 4180). */

/**
 * Rows as CSV. A cell that a spreadsheet would run as a formula gets an apostrophe before it, for facts can come from a file that
 * somebody sent.
 */
export function csvText(rows: readonly (readonly string[])[]): string {
  return rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

function cell(value: string): string {
  const safe = /^[=+@\t\r]|^-[^A-Z\d]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
