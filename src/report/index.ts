/** What a person reads: reports, contention lists and differences, as text and Markdown. */

export { type Explained, renderAccountMarkdown, renderAccountText } from "./account.ts";
export { wrap } from "./blocks.ts";
export { type ContendOptions, renderContendMarkdown, renderContendText } from "./contend.ts";
export { type DiffOptions, renderDiffMarkdown, renderDiffText } from "./diff.ts";
export {
  buildReport,
  hostLeaves,
  kvmLeaves,
  type ReportOptions,
  type ReportScope,
} from "./document.ts";
export { renderExplainMarkdown, renderExplainText } from "./explain.ts";
export {
  busyPhrase,
  conditionPhrase,
  conditionsWithoutWords,
  conditionWords,
  hostAlias,
  lockNameOf,
  POLICIES,
  type PolicyWords,
  resourceAliases,
} from "./glossary.ts";
export { handlings, verdictText } from "./handling.ts";
export { type HostDiffOptions, renderHostDiffMarkdown, renderHostDiffText } from "./host-diff.ts";
export { renderRecordingMarkdown, renderRecordingText } from "./recording.ts";
export { type RenderOptions, renderReportMarkdown, renderReportText } from "./report.ts";
export { sarifOf } from "./sarif.ts";
export { type Handling, handlingSchema, type ReportDocument, reportSchema } from "./schema.ts";
export { renderSweepMarkdown, renderSweepText, type Sweep } from "./sweep.ts";
export { renderTraceText } from "./trace.ts";
export { list } from "./words.ts";
