/**
 * Extraction results, kept by what they were made from. Safe to delete at any time, and safe against two runs at once:
 * an entry is written whole under another name and then renamed.
 */

import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Catalog, readOwnCatalog, serializeCatalog } from "../catalog/index.ts";

/** The user's cache folder for seamlock: `$XDG_CACHE_HOME/seamlock` or `~/.cache/seamlock`. */
export function defaultCacheDir(): string {
  const base = process.env["XDG_CACHE_HOME"];
  return join(base?.startsWith("/") ? base : join(homedir(), ".cache"), "seamlock");
}

/** Digest of this program's own extraction code, so that a new version never reads an old result. */
function programDigest(): string {
  try {
    return createHash("sha256")
      .update(readFileSync(fileURLToPath(import.meta.url)))
      .digest("hex");
  } catch {
    return "unknown";
  }
}

/** The name of an entry: everything that the result depends on. */
export function cacheKey(parts: readonly (string | null)[]): string {
  return createHash("sha256")
    .update([programDigest(), ...parts.map((part) => part ?? "\0")].join("\n"))
    .digest("hex");
}

/** The cached catalog, or null when there is none that can be read whole. */
export function readCache(dir: string, key: string): Catalog | null {
  const file = join(dir, `${key}.json`);
  try {
    const entry = readFileSync(file, "utf8");
    const end = entry.indexOf("\n");
    const text = entry.slice(end + 1);
    return entry.slice(0, end) === digestOf(text) ? readOwnCatalog(text, file) : null;
  } catch {
    return null;
  }
}

/** First line of an entry: the digest of the rest. What seamlock wrote itself need not be checked field by field again. */
const digestOf = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Keeps a catalog. A cache that cannot be written is no error: the next run extracts again. */
export function writeCache(dir: string, key: string, catalog: Catalog): void {
  const temporary = join(dir, `${key}.${randomBytes(6).toString("hex")}.tmp`);
  try {
    mkdirSync(dir, { recursive: true });
    const text = serializeCatalog(catalog);
    writeFileSync(temporary, `${digestOf(text)}\n${text}`, { flag: "wx" });
    renameSync(temporary, join(dir, `${key}.json`));
  } catch {
    try {
      rmSync(temporary, { force: true });
    } catch {
      // Where nothing can be written, nothing was left.
    }
  }
}
