/** A recording, piece by piece: a file or standard input, of any length. */
import { closeSync, openSync, readSync } from "node:fs";
import { SeamlockError } from "../errors.ts";
import { reason, statOf, takeStandardInput, unreadable } from "./files.ts";

/** Takes the next piece, which is written over afterwards. */
type Take = (piece: Uint8Array) => void | Promise<void>;

const PIECE = 1 << 18;

/**
 * Hands on the bytes of a file, or of standard input for `-`.
 *
 * @returns false when `stop` was aborted before the end
 * @throws SeamlockError SL0006 when it cannot be read
 */
export async function readPieces(name: string, take: Take, stop: AbortSignal): Promise<boolean> {
  return name === "-" ? readStandardInput(take, stop) : readFile(name, take, stop);
}

async function readFile(path: string, take: Take, stop: AbortSignal): Promise<boolean> {
  if (statOf(path)?.isDirectory()) throw unreadable(path, "is a directory, not a file");
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    throw unreadable(path, `cannot be read: ${reason(error)}`);
  }
  try {
    const buffer = Buffer.allocUnsafe(PIECE);
    for (;;) {
      const read = readSync(file, buffer, 0, PIECE, null);
      if (read === 0) return true;
      await take(buffer.subarray(0, read));
      // A signal is heard in between.
      await new Promise((resolve) => setImmediate(resolve));
      if (stop.aborted) return false;
    }
  } finally {
    closeSync(file);
  }
}

async function readStandardInput(take: Take, stop: AbortSignal): Promise<boolean> {
  if (process.stdin.isTTY) {
    throw new SeamlockError("SL0004", "there is no recording to read", {
      hint: "name a file, or pipe a recording into it",
    });
  }
  takeStandardInput();
  // A pipe may be silent for long.
  stop.addEventListener("abort", () => process.stdin.destroy(), { once: true });
  try {
    for await (const piece of process.stdin) {
      await take(piece as Buffer);
      if (stop.aborted) return false;
    }
  } catch (error) {
    if (!stop.aborted) throw error;
  }
  return !stop.aborted;
}
