/** The lock status report for people. */
import type { ReportDocument } from "./document.ts";

/** The report as plain ASCII text in 80 columns, ending with a newline. */
export function renderReportText(doc: ReportDocument): string {
  return `${doc.resources.map((r) => r.resource).join("\n")}\n`;
}

/** The report as Markdown, ending with a newline. */
export function renderReportMarkdown(doc: ReportDocument): string {
  return renderReportText(doc);
}
