/** Reads a recording beside the page, a piece at a time: it may be larger than what fits into memory. */
import { SeamlockError } from "../../errors.ts";
import { Recording, statedIn } from "../../trace/index.ts";
import type { FromReader, ReadRecording } from "../logic/worker-messages.ts";

/** Takes a file; tells how far it is, and what it shows. */
export function takeRecording(request: ReadRecording): void {
  read(request).catch((error: unknown) => {
    const hint = error instanceof SeamlockError ? error.hint : null;
    say({ kind: "unreadable", message: error instanceof Error ? error.message : String(error), hint });
  });
}

function say(message: FromReader): void {
  self.postMessage(message);
}

async function read({ file, catalog, host }: ReadRecording): Promise<void> {
  const recording = new Recording({ catalog, ...(host !== null && { host }), most: 50 });
  const reader = file.stream().getReader();
  let done = 0;
  let stated: ReturnType<typeof statedIn> | null = null;
  for (;;) {
    const piece = await reader.read();
    if (piece.done) break;
    stated ??= statedIn(piece.value);
    recording.push(piece.value);
    done += piece.value.length;
    say({ kind: "reading", share: file.size === 0 ? 1 : done / file.size });
  }
  say({ kind: "recorded", document: recording.finish(), stated: stated ?? { kernel: null, module: null } });
}
