/** Extraction results, kept by what they were made from. */

import { readCached, writeCached } from "../cache.ts";
import { type Catalog, readOwnCatalog } from "../catalog/index.ts";

/** The cached catalog and its text, or null when there is none that can be read whole. */
export function readCache(dir: string, key: string): { readonly catalog: Catalog; readonly text: string } | null {
  const text = readCached(dir, key);
  try {
    return text === null ? null : { catalog: readOwnCatalog(text, key), text };
  } catch {
    return null;
  }
}

/** Keeps a catalog's text. What seamlock wrote itself need not be checked field by field again. */
export function writeCache(dir: string, key: string, text: string): void {
  writeCached(dir, key, text);
}

/** Was this catalog's text read field by field before? */
export const isRead = (dir: string, key: string): boolean => readCached(dir, markOf(key)) !== null;

export const noteRead = (dir: string, key: string): void => writeCached(dir, markOf(key), key);

const markOf = (key: string): string => `${key}-read`;
