/**
 * From a module's source tree to its Catalog.
 */

import { cacheKey } from "../cache.ts";
import { type Catalog, NO_VERSION, serializeCatalog } from "../catalog/index.ts";
import { isRead, noteRead, readCache, writeCache } from "./cache.ts";
import { readTree } from "./tree.ts";

export { defaultCacheDir } from "../cache.ts";
export { tuneForOneExtraction } from "./tune.ts";

export interface ExtractOptions {
  /** Directory of the source tree. */
  readonly tree: string;
  /** Public repository that the tree comes from, for the evidence links; default null. */
  readonly repository?: string | null;
  /** Commit of that repository; default null. */
  readonly revision?: string | null;
  /** Version to record; default: what the tree's build files state. */
  readonly version?: string | null;
  /** Folder for results of unchanged trees; null (the default) keeps none. */
  readonly cacheDir?: string | null;
}

export interface ExtractResult {
  readonly catalog: Catalog;
  readonly fromCache: boolean;
  /**
   * The catalog's text, as `serializeCatalog` gives it, which `--module` is known to take.
   *
   * @throws SeamlockError SL1054 when it would be refused
   */
  readonly document: () => Promise<string>;
}

/**
 * Extracts a Catalog.
 *
 * What could not be resolved stands in the catalog's diagnostics; one of severity "error" means that rows may be missing or
 * wrong where it points.
 *
 * @throws SeamlockError SL1001–SL1004 when the directory is not a module's source tree, SL1005 when it is far larger than one
 */
export async function extractTree(options: ExtractOptions): Promise<ExtractResult> {
  const tree = readTree(options.tree);
  const version = options.version ?? tree.statedVersion ?? NO_VERSION;
  const dir = options.cacheDir ?? null;
  const key = cacheKey([
    tree.digest,
    JSON.stringify(tree.skipped),
    version,
    options.repository ?? null,
    options.revision ?? null,
  ]);
  const result = (catalog: Catalog, text: string, fromCache: boolean): ExtractResult => ({
    catalog,
    fromCache,
    async document() {
      if (dir !== null && isRead(dir, key)) return text;
      const { checkDocument } = await import("./document.ts");
      checkDocument(text, options.tree);
      if (dir !== null) noteRead(dir, key);
      return text;
    },
  });
  const cached = dir === null ? null : readCache(dir, key);
  if (cached) return result(cached.catalog, cached.text, true);
  // Loaded only when there is work to do: an unchanged tree is answered sooner than all of it is read.
  const { analyseTree } = await import("./analyse.ts");
  const catalog = await analyseTree(tree, {
    version,
    repository: options.repository ?? null,
    revision: options.revision ?? null,
  });
  const text = serializeCatalog(catalog);
  if (dir !== null) writeCache(dir, key, text);
  return result(catalog, text, false);
}
