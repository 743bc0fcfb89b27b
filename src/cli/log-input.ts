/** The lines of a log from a file or standard input, as they come: a log may be larger than memory, and may have no end. */
import { constants, createReadStream, openSync, statSync } from "node:fs";
import { Socket } from "node:net";
import type { Readable } from "node:stream";
import { SeamlockError } from "../errors.ts";
import { reason } from "./files.ts";
import { type Io, tellProgress } from "./io.ts";

/** A line is handed on in pieces of so many characters where it is longer. */
const MAX_PIECE = 1 << 18;
/** Progress is told so often. */
const PROGRESS_BYTES = 4 << 20;

export interface LogInput {
  readonly stream: Readable;
  /** Its name for messages; null for standard input. */
  readonly file: string | null;
}

/** A file, or a pipe with a name, whose writer may never come: waiting for it in a system call would keep Ctrl-C waiting too. */
export function fileInput(file: string): LogInput {
  if (!statSync(file).isFIFO()) return { stream: createReadStream(file), file };
  const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  return { stream: new Socket({ fd, readable: true, writable: false }), file };
}

/** Standard input; null when it is a terminal at which somebody sits. */
export const stdinInput = (): LogInput | null => (process.stdin.isTTY ? null : { stream: process.stdin, file: null });

/** So many bytes tell a file that is no text. */
const BEGINNING = 32;

/**
 * Hands every line to `take`, without its end.
 *
 * @returns false when it was interrupted: what was read until then was handed on
 * @throws SeamlockError SL0006 when the file cannot be read, or is none that has lines: compressed, say
 */
export async function readLines(input: LogInput, io: Io, take: (line: string) => void): Promise<boolean> {
  io.handleInterrupt();
  const { stream } = input;
  const stop = (): void => void stream.destroy();
  io.signal.addEventListener("abort", stop, { once: true });
  const progress = progressOn(io);
  const decoder = new TextDecoder();
  let rest = "";
  let isBegun = false;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      if (!isBegun) await refuseBinary(chunk.subarray(0, BEGINNING), input.file);
      isBegun = true;
      progress.add(chunk.length);
      rest = handOn(rest + decoder.decode(chunk, { stream: true }), take);
      if (io.signal.aborted) break;
      // A chunk is read in less than a hundredth of a second; between two of them signals are heard.
      await new Promise((resolve) => setImmediate(resolve));
    }
  } catch (error) {
    if (error instanceof SeamlockError) throw error;
    if (!io.signal.aborted) throw unreadable(input.file, reason(error));
  } finally {
    io.signal.removeEventListener("abort", stop);
    progress.end();
  }
  rest += decoder.decode();
  if (rest !== "") take(rest.endsWith("\r") ? rest.slice(0, -1) : rest);
  return !io.signal.aborted;
}

/** A log of UTF-16 is read all the same: its statuses stand in it, with a zero after each character. */
async function refuseBinary(beginning: Uint8Array, file: string | null): Promise<void> {
  if (beginning.every((byte) => byte < 0x80 && byte >= 9)) return;
  const { binaryKind, UTF16 } = await import("../trace/index.ts");
  const kind = binaryKind(beginning, "explain");
  if (kind !== null && kind.what !== UTF16) throw unreadable(file, `it is ${kind.what}, not text`, kind.hint);
}

/** Hands on the whole lines of a text; what follows the last of them comes back. */
function handOn(text: string, take: (line: string) => void): string {
  let at = 0;
  for (let end = text.indexOf("\n", at); end !== -1; end = text.indexOf("\n", at)) {
    take(text.slice(at, text[end - 1] === "\r" ? end - 1 : end));
    at = end + 1;
  }
  for (; text.length - at > MAX_PIECE; at += MAX_PIECE) take(text.slice(at, at + MAX_PIECE));
  return text.slice(at);
}

function progressOn(io: Io): { add(characters: number): void; end(): void } {
  if (!io.errIsTerminal) return { add: () => undefined, end: () => undefined };
  let read = 0;
  let told = 0;
  return {
    add(characters) {
      read += characters;
      if (read - told < PROGRESS_BYTES) return;
      told = read;
      tellProgress(io, `\rread ${Math.round(read / (1 << 20))} MB`);
    },
    end() {
      if (told > 0) tellProgress(io, "\r\u001b[K");
    },
  };
}

function unreadable(file: string | null, why: string, hint = "name a file that you can read"): SeamlockError {
  const what = file === null ? "standard input" : `\`${file}\``;
  return new SeamlockError("SL0006", `${what} cannot be read: ${why}`, {
    ...(file === null ? {} : { place: { file } }),
    hint,
  });
}
