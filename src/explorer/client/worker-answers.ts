/** Answers the questions of the views beside the page. */
import { type ExplorerData, unpack } from "../data.ts";
import { answerTo, type Question } from "../logic/questions.ts";
import type { FromAnalyst } from "../logic/worker-messages.ts";

/** Reading this many pairs takes the page a few milliseconds. */
const PART = 250;

let facts: ExplorerData | null = null;

/** Takes the facts that all questions are about. */
export function takeFacts(text: string): void {
  facts = unpack(text).data;
}

/** Answers a question, in parts where the answer is long. */
export function takeQuestion(question: Question): void {
  try {
    if (facts === null) throw new Error("the facts are not here yet");
    const answer = answerTo(question, facts);
    if (!Array.isArray(answer)) return say({ kind: "answer", question, answer });
    for (let at = 0; at < answer.length; at += PART) {
      say({ kind: "part", question, items: answer.slice(at, at + PART) });
    }
    say({ kind: "answer", question, answer: null });
  } catch (error) {
    say({ kind: "failure", question, message: error instanceof Error ? error.message : String(error) });
  }
}

function say(message: FromAnalyst): void {
  self.postMessage(message);
}
