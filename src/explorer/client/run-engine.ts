/** The run in progress, and the run that is shown. */
import { signal } from "@preact/signals";
import type { Trace } from "../../language/index.ts";
import type { Found, Job, JobProgress, Reply, Request } from "../logic/runs.ts";
import { startWorker } from "./load.ts";

/** Where the worker is. */
export type RunState =
  | { readonly kind: "idle" }
  | { readonly kind: "running"; readonly progress: JobProgress | null; readonly cancelling: boolean }
  | { readonly kind: "done"; readonly found: Found }
  | { readonly kind: "failed"; readonly message: string; readonly hint: string | null };

/** The state of the last run that was started. */
export const runState = signal<RunState>({ kind: "idle" });

/** A run that was opened from a file; it goes before what was found here. */
export const openedTrace = signal<Trace | null>(null);

/** What the last run was about, so that going back to its address does not start it again. */
export const startedFor = signal<string>("");

let worker: Worker | null = null;

/** Starts a job; one that is under way is given up. */
export async function startRun(key: string, job: Job): Promise<void> {
  startedFor.value = key;
  openedTrace.value = null;
  runState.value = { kind: "running", progress: null, cancelling: false };
  worker?.terminate();
  const mine = await startWorker();
  worker = mine;
  mine.onmessage = ({ data }: MessageEvent<Reply>) => {
    if (worker === mine) take(data);
  };
  mine.onerror = (event) => {
    if (worker === mine)
      runState.value = { kind: "failed", message: event.message || "the worker does not start", hint: null };
  };
  send(mine, { kind: "start", job });
}

/** Asks the worker to stop; it answers with what it found so far. */
export function cancelRun(): void {
  if (worker === null || runState.value.kind !== "running") return;
  runState.value = { ...runState.value, cancelling: true };
  send(worker, { kind: "cancel" });
}

function send(to: Worker, request: Request): void {
  to.postMessage(request);
}

function take(reply: Reply): void {
  switch (reply.kind) {
    case "progress":
      if (runState.value.kind === "running") runState.value = { ...runState.value, progress: reply.progress };
      return;
    case "done":
      runState.value = reply;
      return;
    case "failed": {
      const code = reply.code === null ? "" : `${reply.code}: `;
      runState.value = { kind: "failed", message: `${code}${reply.message}`, hint: reply.hint };
    }
  }
}
