/** What the page and its workers say to each other. Both kinds of worker run one program. */
import type { Catalog } from "../../catalog/index.ts";
import type { HostProfile } from "../../host/index.ts";
import type { Stated, TraceDocument } from "../../trace/index.ts";
import type { Answer, Question } from "./questions.ts";
import type { Request } from "./runs.ts";

/** To a worker that answers questions; the facts come first. */
export type ToAnalyst =
  /** `text` is what `pack` made. */
  { readonly kind: "facts"; readonly text: string } | { readonly kind: "ask"; readonly question: Question };

/** From it. A long answer comes in parts, and then an answer of null: each part is a short task for the page. */
export type FromAnalyst =
  | { readonly kind: "part"; readonly question: Question; readonly items: readonly unknown[] }
  | { readonly kind: "answer"; readonly question: Question; readonly answer: Answer | null }
  | { readonly kind: "failure"; readonly question: Question; readonly message: string };

/** To a worker that reads a recording. */
export interface ReadRecording {
  readonly kind: "recording";
  readonly file: Blob;
  readonly catalog: Catalog;
  readonly host: HostProfile | null;
}

/** From it. */
export type FromReader =
  | { readonly kind: "reading"; readonly share: number }
  | { readonly kind: "recorded"; readonly document: TraceDocument; readonly stated: Stated }
  | { readonly kind: "unreadable"; readonly message: string; readonly hint: string | null };

export type ToWorker = Request | ToAnalyst | ReadRecording;
