/** What the page and its workers say to each other. Both kinds of worker run one program. */
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

export type ToWorker = Request | ToAnalyst;
