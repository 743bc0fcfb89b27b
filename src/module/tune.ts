/** Settings of the JavaScript engine for a program that extracts once. */

import { setFlagsFromString } from "node:v8";

/** The newest Node.js of which it is known that its V8 has the flag. */
const NEWEST_KNOWN = 24;

/**
 * Makes V8 optimise later. One extraction is over before optimised code pays for its making, which takes a quarter of
 * the processor time otherwise (`npm run bench:extract-ways`). The whole process is affected: for a program that extracts once.
 */
export function tuneForOneExtraction(): void {
  if (Number.parseInt(process.versions.node, 10) <= NEWEST_KNOWN) setFlagsFromString("--interrupt-budget=2000000");
}
