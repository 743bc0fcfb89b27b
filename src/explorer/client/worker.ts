/** The program of the page's workers: one of them answers questions, others check and simulate. */
import type { ToWorker } from "../logic/worker-messages.ts";
import { takeFacts, takeQuestion } from "./worker-answers.ts";
import { takeRecording } from "./worker-recordings.ts";
import { takeRequest } from "./worker-runs.ts";

/** Takes messages from here on. */
export function serve(): void {
  self.onmessage = ({ data }: MessageEvent<ToWorker>) => {
    switch (data.kind) {
      case "facts":
        return takeFacts(data.text);
      case "ask":
        return takeQuestion(data.question);
      case "recording":
        return takeRecording(data);
      default:
        return takeRequest(data);
    }
  };
}
