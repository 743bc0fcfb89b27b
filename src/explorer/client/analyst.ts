/** Answers to the questions of the views: worked out in a worker of their own, and kept. */
import type { ExplorerData, FirstAnswer } from "../data.ts";
import { type Answer, answerTo, keyOf, type Question } from "../logic/questions.ts";
import type { FromAnalyst, ToAnalyst } from "../logic/worker-messages.ts";
import { startWorker } from "./load.ts";

/** An answer, or why there is none. */
type Outcome = { readonly answer: Answer } | { readonly failure: string };

const outcomes = new Map<string, Outcome>();
const asked = new Map<string, Promise<void>>();
/** Parts of a long answer that is arriving. */
const arriving = new Map<string, unknown[]>();
const settled = new Map<string, () => void>();

let worker: Promise<Worker | null> = Promise.resolve(null);
let facts: ExplorerData | null = null;

/** Takes answers that came with the facts. */
export function takeFirst(answers: readonly FirstAnswer[]): void {
  for (const { key, answer } of answers) {
    outcomes.set(key, { answer: answer as Answer });
    asked.set(key, Promise.resolve());
  }
}

/** Gives the analyst the facts, packed as they travelled; questions wait until it is ready. */
export function startAnalyst(text: string, data: ExplorerData): void {
  facts = data;
  worker = startWorker().then(
    (started) => {
      started.onmessage = ({ data }: MessageEvent<FromAnalyst>) => take(data);
      started.onerror = giveUp;
      send(started, { kind: "facts", text });
      return started;
    },
    () => null,
  );
}

/** Are all of these answered? */
export function areKnown(questions: readonly Question[]): boolean {
  return questions.every((question) => outcomes.has(keyOf(question)));
}

/** Resolves when all of these are answered, or cannot be. */
export async function ask(questions: readonly Question[]): Promise<void> {
  await Promise.all(questions.map(askOne));
}

/**
 * The answer to a question that was asked before.
 *
 * @throws Error when it was not, or when it has no answer
 */
export function known<Q extends Question>(question: Q): Answer<Q> {
  const outcome = outcomes.get(keyOf(question));
  if (outcome === undefined) throw new Error(`nobody asked for ${question.kind}`);
  if ("failure" in outcome) throw new Error(outcome.failure);
  return outcome.answer as Answer<Q>;
}

function askOne(question: Question): Promise<void> {
  const key = keyOf(question);
  const waiting = asked.get(key);
  if (waiting !== undefined) return waiting;
  const promise = new Promise<void>((resolve) => {
    settled.set(key, resolve);
  });
  asked.set(key, promise);
  void worker.then((started) => {
    if (started === null) answerHere(question);
    else send(started, { kind: "ask", question });
  });
  return promise;
}

function send(to: Worker, message: ToAnalyst): void {
  to.postMessage(message);
}

function take(message: FromAnalyst): void {
  const key = keyOf(message.question);
  if (message.kind === "part") {
    const items = arriving.get(key) ?? [];
    arriving.set(key, items);
    items.push(...message.items);
  } else if (message.kind === "failure") settle(key, { failure: message.message });
  else settle(key, { answer: message.answer ?? ((arriving.get(key) ?? []) as unknown as Answer) });
}

function settle(key: string, outcome: Outcome): void {
  outcomes.set(key, outcome);
  arriving.delete(key);
  settled.get(key)?.();
  settled.delete(key);
}

/** Where no worker can run the page does the work itself, and is slower. */
function giveUp(): void {
  worker = Promise.resolve(null);
  for (const key of settled.keys()) answerHere(JSON.parse(key) as Question);
}

function answerHere(question: Question): void {
  const key = keyOf(question);
  try {
    if (facts === null) throw new Error("the facts are not here yet");
    settle(key, { answer: answerTo(question, facts) });
  } catch (error) {
    settle(key, { failure: error instanceof Error ? error.message : String(error) });
  }
}
