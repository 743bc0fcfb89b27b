/** What a person reads: reports, contention lists and differences, as text and Markdown. */

export { type Explained, renderAccountMarkdown, renderAccountText } from "./account.ts";
export { wrap } from "./blocks.ts";
export { isExceptional } from "./conclusion.ts";
export { outcomeOf } from "./conclusion-table.ts";
export { type ContendOptions, renderContendMarkdown, renderContendText } from "./contend.ts";
export {
  type DiffDigest,
  type DiffOptions,
  type DiffOutcome,
  diffDigest,
  type Effect,
  type FactChange,
  goesOtherwise,
  narrowedDiff,
  renderDiffMarkdown,
  renderDiffText,
} from "./diff.ts";
export {
  buildReport,
  hostLeaves,
  kvmLeaves,
  type ReportOptions,
  type ReportScope,
} from "./document.ts";
export { type ExplanationWords, explanationWords, renderExplainMarkdown, renderExplainText } from "./explain.ts";
export {
  busyPhrase,
  conditionPhrase,
  conditionsWithoutWords,
  conditionWords,
  heldWords,
  hostAlias,
  lockNameOf,
  POLICIES,
  type PolicyWords,
  pathWords,
  resourceAliases,
  resourceNoun,
} from "./glossary.ts";
export { handlings, verdictText } from "./handling.ts";
export { reasonText } from "./host-conclusion.ts";
export {
  type HostDiffDigest,
  type HostDiffOptions,
  hostDiffDigest,
  narrowedHostDiff,
  type OutcomeChange,
  type PathFact,
  renderHostDiffMarkdown,
  renderHostDiffText,
} from "./host-diff.ts";
export { severityText } from "./meetings.ts";
export {
  assumptions,
  type Decidable,
  paragraph,
  proofSentences,
  type Standing,
  simulationSentences,
  standings,
  subject,
} from "./proof.ts";
export { asFarAsKnown } from "./provenance.ts";
export { outcomesText, renderRecordingMarkdown, renderRecordingText } from "./recording.ts";
export { type RenderOptions, renderReportMarkdown, renderReportText } from "./report.ts";
export { sarifOf } from "./sarif.ts";
export { type ConclusionRow, type Handling, handlingSchema, type ReportDocument, reportSchema } from "./schema.ts";
export { busyStatus, refusalWords, shortStatus } from "./status.ts";
export { renderSweepMarkdown, renderSweepText, type Sweep } from "./sweep.ts";
export { runStates } from "./tldr.ts";
export { renderTraceText } from "./trace.ts";
export { count, foldedCalls, hostTitle, list, runLength } from "./words.ts";
