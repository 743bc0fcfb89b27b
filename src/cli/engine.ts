/**
 * Which engine this is: a digest of all the code that decides what a check of a model finds and how its result is written.
 *
 * A number that is raised by hand would be forgotten; the digest is of the sources, and is put in by the build (tsdown.config.ts), so that
 * what was built and what runs from the same sources are one engine. Whatever else decides a result (the model, bounds, parameters) is in
 * the result's name.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** Put in by the build. */
declare const SEAMLOCK_ENGINE: string | undefined;

/** Files, and folders with all below them. */
const PARTS = [
  "check",
  "language",
  "errors.ts",
  // What a result says of what was found.
  "cli/check-document.ts",
  "cli/sweep-results.ts",
  "cli/verbs/sweep.ts",
  "model/doubts.ts",
  // The threads that help a search.
  "cli/check-worker.ts",
] as const;

const isFolder = (path: string): boolean => statSync(path).isDirectory();

/** The engine's files, in alphabetical order, as they are named below `src` on every system. */
export function engineFiles(src: string): string[] {
  const below = (folder: string): string[] =>
    readdirSync(join(src, folder)).flatMap((name) =>
      isFolder(join(src, folder, name)) ? below(`${folder}/${name}`) : [`${folder}/${name}`],
    );
  return PARTS.flatMap((part) => (isFolder(join(src, part)) ? below(part) : [part])).sort();
}

/** The digest of the engine whose sources are in the folder `src`. Line ends count as one, whatever a checkout made of them. */
export function engineDigest(src: string): string {
  const hash = createHash("sha256");
  for (const file of engineFiles(src)) {
    const text = readFileSync(join(src, file), "utf8").replaceAll("\r\n", "\n");
    hash.update(JSON.stringify([file, text]));
  }
  return `sha256:${hash.digest("hex")}`;
}

/** The digest of the engine that runs. */
export const ownEngine = (): string =>
  typeof SEAMLOCK_ENGINE === "string" ? SEAMLOCK_ENGINE : engineDigest(join(import.meta.dirname, ".."));
