import { text } from "node:stream/consumers";

/** All of standard input, or null when it is a terminal at which somebody sits. */
export async function readStdin(): Promise<string | null> {
  return process.stdin.isTTY ? null : text(process.stdin);
}
