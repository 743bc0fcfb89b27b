/**
 * Results of long work, kept by what they were made from. Safe to delete at any time, and safe against two runs at once: an entry is
 * written whole under another name and then renamed.
 */

import { createHash, randomBytes } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeFolders } from "./folders.ts";

/** The user's cache folder for seamlock: `$XDG_CACHE_HOME/seamlock` or `~/.cache/seamlock`; null for a user without a home. */
export function defaultCacheDir(): string | null {
  const base = process.env["XDG_CACHE_HOME"];
  if (base?.startsWith("/")) return join(base, "seamlock");
  try {
    return join(homedir(), ".cache", "seamlock");
  } catch {
    // Without $HOME it stands in the list of users, where a container's user often is not.
    return null;
  }
}

const sha256 = (text: string | Uint8Array): string => createHash("sha256").update(text).digest("hex");

let program: string | null = null;

/**
 * Digest of the program's own code, so that a new version never reads an old result: all that stands beside or below this file, built or as
 * source. Source has its tables in another folder; a build has them in it.
 */
function programDigest(): string {
  if (program !== null) return program;
  // Where the program cannot read itself, nobody can tell its results from another's: they are found by this run alone.
  program = randomBytes(16).toString("hex");
  try {
    const own = fileURLToPath(import.meta.url);
    const folder = dirname(own);
    const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
    const code = names.filter((name) => /\.[jt]s$/.test(name) && !/\.d\.ts$/.test(name));
    const tables = own.endsWith(".ts") ? tablesIn(join(folder, "..", "data")) : [];
    program = sha256(
      [...code.map((name) => join(folder, name)), ...tables].map((file) => sha256(readFileSync(file))).join(),
    );
  } catch {
    // Said above.
  }
  return program;
}

const tablesIn = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .sort()
    .map((name) => join(folder, name));

/** The name of an entry: the program, and everything else that the result depends on. */
export function cacheKey(parts: readonly (string | null)[]): string {
  return sha256([programDigest(), ...parts.map((part) => part ?? "\0")].join("\n"));
}

/** The text of an entry; null when there is none that can be read whole. */
export function readCached(dir: string, key: string): string | null {
  const file = join(dir, `${key}.json`);
  try {
    // What is no file, such as a pipe, would be waited for.
    if (!lstatSync(file).isFile()) return null;
    const entry = readFileSync(file, "utf8");
    const end = entry.indexOf("\n");
    const text = entry.slice(end + 1);
    return entry.slice(0, end) === sha256(text) ? text : null;
  } catch {
    return null;
  }
}

/** Keeps a text; its first line is the digest of the rest. A cache that cannot be written is no error: the next run works again. */
export function writeCached(dir: string, key: string, text: string): void {
  const temporary = join(dir, `${key}.${randomBytes(6).toString("hex")}.tmp`);
  try {
    makeFolders(dir);
    writeFileSync(temporary, `${sha256(text)}\n${text}`, { flag: "wx" });
    renameSync(temporary, join(dir, `${key}.json`));
  } catch {
    try {
      rmSync(temporary, { force: true });
    } catch {
      // Where nothing can be written, nothing was left.
    }
  }
}
