/** A file: a run that `check --json` or `simulate --json` wrote, what `trace --json` wrote, or a recording of a host. */
import type { VNode } from "preact";
import { type Trace, traceOfDocument } from "../../language/index.ts";
import type { TraceDocument } from "../../trace/index.ts";
import type { FromReader, ReadRecording } from "../logic/worker-messages.ts";
import { startWorker } from "./load.ts";
import { failRun, forgetFailedFile, openedRecording, openedTrace } from "./run-engine.ts";
import { ANEW } from "./run-job.ts";
import { currentHost, currentModule, navigate, route, setParams, tabLink } from "./store.ts";

/** The control that takes a file; one that is dropped on the page is taken, too. */
export function OpenFile(): VNode {
  const open = async (input: HTMLInputElement): Promise<void> => {
    const file = input.files?.[0];
    if (file !== undefined) await takeFile(file);
    input.value = "";
  };
  return (
    <label
      class="file"
      title="what `check`, `simulate` or `trace` wrote with --json, or what `seamlock record` records; or drop it here"
    >
      Open a saved run or a recording …
      <input type="file" onChange={(event) => void open(event.currentTarget)} />
    </label>
  );
}

/** Takes what is dropped anywhere on the page; it opens in Runs. Without this the browser would leave the page for the file. */
export function takeDrops(): void {
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    const file = event.dataTransfer?.files[0];
    if (file === undefined) return;
    if (route.value.view !== "runs") navigate(tabLink("runs"));
    void takeFile(file);
  });
}

/** So much of a file says what it is. */
const BEGINNING = 4096;

/** Shows what is in a file; says so when it is nothing of the kind. */
export async function takeFile(file: File): Promise<void> {
  openedTrace.value = null;
  openedRecording.value = null;
  forgetFailedFile();
  const beginning = await file.slice(0, BEGINNING).text();
  const isDocument = /^\s*(\{\s*(?!"recording")|\[)/.test(beginning) && !/^\s*\{"recording"/.test(beginning);
  if (!isDocument) return readRecording(file);
  const found = await file.text().then(readDocument, () => null);
  if (found === null) {
    return failRun(null, `${file.name} has no run in it`, "give what `seamlock check … --json` wrote, or a recording");
  }
  if ("schema" in found) openedRecording.value = { kind: "read", name: file.name, document: found, notes: [] };
  else openedTrace.value = { trace: found, title: `A run from the file ${file.name}` };
  setParams(ANEW);
}

function readDocument(text: string): Trace | TraceDocument | null {
  try {
    const value = JSON.parse(text) as { readonly schema?: unknown };
    if (value.schema === "seamlock/trace@1") return value as TraceDocument;
    return traceOfDocument(value);
  } catch {
    return null;
  }
}

async function readRecording(file: File): Promise<void> {
  const { name, catalog } = currentModule.value;
  const host = currentHost.value;
  openedRecording.value = { kind: "reading", name: file.name, share: 0 };
  setParams(ANEW);
  const worker = await startWorker();
  worker.onmessage = ({ data }: MessageEvent<FromReader>) => {
    if (openedRecording.value?.kind !== "reading" || openedRecording.value.name !== file.name)
      return worker.terminate();
    if (data.kind === "reading") {
      openedRecording.value = { kind: "reading", name: file.name, share: data.share };
      return;
    }
    worker.terminate();
    openedRecording.value = null;
    if (data.kind === "unreadable") return failRun(null, `${file.name}: ${data.message}`, data.hint);
    const { module, kernel } = data.stated;
    const notes = [
      ...(module === null
        ? [`The recording states no module: it is read with ${name}, which is chosen above.`]
        : module === name
          ? []
          : [`The recording states module ${module}; it is read with ${name}.`]),
      ...(kernel === null || host === null || host.name === `linux-${kernel}`
        ? []
        : [`The recording states Linux ${kernel}; it is held against ${host.name}.`]),
    ];
    openedRecording.value = { kind: "read", name: file.name, document: data.document, notes };
  };
  worker.onerror = (event) => {
    openedRecording.value = null;
    failRun(null, event.message || "the worker does not start");
  };
  worker.postMessage({ kind: "recording", file, catalog, host: host?.profile ?? null } satisfies ReadRecording);
}
