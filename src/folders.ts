/** Folders that are made where something is to be written. */
import { mkdirSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";

/**
 * Makes a folder and those above it that are missing. One at a time: Node's own way to make them all at once never ends where a file
 * system takes no folders, such as /proc.
 *
 * @throws what Node.js throws where a folder cannot be made, or something else has its name
 */
export function makeFolders(path: string): void {
  const missing: string[] = [];
  for (let at = resolve(path); statSync(at, { throwIfNoEntry: false }) === undefined; at = dirname(at))
    missing.push(at);
  for (const folder of missing.reverse()) mkdirSync(folder);
  if (!statSync(path).isDirectory()) throw new Error("something else has this name");
}
