/** A run from a file: what `check --json` or `simulate --json` wrote. */
import type { VNode } from "preact";
import { type Trace, traceOfDocument } from "../../language/index.ts";
import { failRun, openedTrace } from "./run-engine.ts";
import { ANEW } from "./run-job.ts";
import { setParams } from "./store.ts";

/** The control that takes a file. */
export function OpenFile(): VNode {
  const open = async (input: HTMLInputElement): Promise<void> => {
    const file = input.files?.[0];
    if (file !== undefined) await takeFile(file);
    input.value = "";
  };
  return (
    <label class="file" title="what `seamlock check` or `simulate` wrote with --json">
      Open a saved run …
      <input type="file" accept=".json,application/json" onChange={(event) => void open(event.currentTarget)} />
    </label>
  );
}

/** Shows what is in a file; says so when it is nothing of the kind. */
export async function takeFile(file: File): Promise<void> {
  const trace = await file.text().then(readTrace, () => null);
  if (trace === null) {
    openedTrace.value = null;
    return failRun(null, `${file.name} has no run in it`, "give what `seamlock check … --json` wrote");
  }
  openedTrace.value = { trace, title: `A run from the file ${file.name}` };
  setParams(ANEW);
}

function readTrace(text: string): Trace | null {
  try {
    return traceOfDocument(JSON.parse(text));
  } catch {
    return null;
  }
}
