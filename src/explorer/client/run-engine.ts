/** The run in progress, and the run that is shown. */
import { signal } from "@preact/signals";
import type { Trace } from "../../language/index.ts";
import type { TraceDocument } from "../../trace/index.ts";
import { type RunRequest, requestKey } from "../logic/run-request.ts";
import type { Found, Job, JobProgress, Reply, Request } from "../logic/runs.ts";
import { startWorker } from "./load.ts";

/** Where the worker is. Whatever it says, it says it of its request, not of what the form says by then. */
export type RunState =
  | { readonly kind: "idle" }
  | {
      readonly kind: "running";
      readonly request: RunRequest;
      readonly progress: JobProgress | null;
      readonly cancelling: boolean;
    }
  | { readonly kind: "done"; readonly request: RunRequest; readonly found: Found }
  | {
      readonly kind: "failed";
      /** Null where it was no run that failed. */
      readonly request: RunRequest | null;
      readonly message: string;
      readonly hint: string | null;
    };

/** The state of the last run that was started. */
export const runState = signal<RunState>({ kind: "idle" });

/** A run that was opened from a file; it goes before what was found here. */
export const openedTrace = signal<{ readonly trace: Trace; readonly title: string } | null>(null);

/** A recording that was opened, or that is being read. */
export type OpenedRecording =
  | { readonly kind: "reading"; readonly name: string; readonly share: number }
  | {
      readonly kind: "read";
      readonly name: string;
      readonly document: TraceDocument;
      /** What differs between the machine, as the recording states it, and the choice above; empty where nothing does. */
      readonly notes: readonly string[];
    };

/** It goes before what was found here. */
export const openedRecording = signal<OpenedRecording | null>(null);

/** The last run that was started, by its request, so that going back to its address does not start it again. */
export function startedKey(): string {
  const state = runState.value;
  return state.kind === "idle" || state.request === null ? "" : requestKey(state.request);
}

let worker: Worker | null = null;
let starts = 0;

/** Starts a job; one that is under way, or that is about to start, is given up. */
export async function startRun(request: RunRequest, job: Job): Promise<void> {
  openedTrace.value = null;
  openedRecording.value = null;
  runState.value = { kind: "running", request, progress: null, cancelling: false };
  worker?.terminate();
  worker = null;
  const start = ++starts;
  try {
    const mine = await startWorker();
    if (start === starts) put(request, job, mine);
    else mine.terminate();
  } catch (error) {
    if (start === starts) failRun(request, error instanceof Error ? error.message : String(error));
  }
}

function put(request: RunRequest, job: Job, mine: Worker): void {
  worker = mine;
  mine.onmessage = ({ data }: MessageEvent<Reply>) => {
    if (worker === mine) take(request, data);
  };
  mine.onerror = (event) => {
    if (worker === mine) failRun(request, event.message || "the worker does not start", SERVER_GONE);
  };
  send(mine, { kind: "start", job });
}

/** A served page gets its worker from the server, each time anew. */
const SERVER_GONE = "where `seamlock explore` has ended, start it again; what is shown stays";

/** Says that a run, or the opening of a file, failed. */
export function failRun(request: RunRequest | null, message: string, hint: string | null = null): void {
  runState.value = { kind: "failed", request, message, hint };
}

/** What was said of a file that could not be opened is not of the next one; a run that failed stays. */
export function forgetFailedFile(): void {
  if (runState.value.kind === "failed" && runState.value.request === null) runState.value = { kind: "idle" };
}

/** Asks the worker to stop; it answers with what it found so far. */
export function cancelRun(): void {
  if (runState.value.kind !== "running") return;
  if (worker === null) {
    // It has not begun: there is nothing to wait for.
    starts += 1;
    runState.value = { kind: "idle" };
    return;
  }
  runState.value = { ...runState.value, cancelling: true };
  send(worker, { kind: "cancel" });
}

function send(to: Worker, request: Request): void {
  to.postMessage(request);
}

function take(request: RunRequest, reply: Reply): void {
  switch (reply.kind) {
    case "progress":
      if (runState.value.kind === "running") runState.value = { ...runState.value, progress: reply.progress };
      return;
    case "done":
      runState.value = { kind: "done", request, found: reply.found };
      return;
    case "failed":
      failRun(request, `${reply.code === null ? "" : `${reply.code}: `}${reply.message}`, reply.hint);
  }
}
