/** Extraction results, kept by what they were made from. */

import { cacheKey as keyOf, readCached, writeCached } from "../cache.ts";
import { type Catalog, readOwnCatalog, serializeCatalog } from "../catalog/index.ts";

/** The name of an entry: everything that the result depends on. */
export function cacheKey(parts: readonly (string | null)[]): string {
  return keyOf(import.meta.url, parts);
}

/** The cached catalog, or null when there is none that can be read whole. */
export function readCache(dir: string, key: string): Catalog | null {
  const text = readCached(dir, key);
  try {
    return text === null ? null : readOwnCatalog(text, key);
  } catch {
    return null;
  }
}

/** Keeps a catalog. What seamlock wrote itself need not be checked field by field again. */
export function writeCache(dir: string, key: string, catalog: Catalog): void {
  writeCached(dir, key, serializeCatalog(catalog));
}
