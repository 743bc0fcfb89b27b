/**
 * From a module's source tree to its Catalog.
 */

import type { Catalog } from "../catalog/index.ts";
import { analyseTree } from "./analyse.ts";
import { cacheKey, readCache, writeCache } from "./cache.ts";
import { readTree } from "./tree.ts";

export { defaultCacheDir } from "../cache.ts";
export { tuneForOneExtraction } from "./threads.ts";

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
  const version = options.version ?? tree.statedVersion ?? "unknown";
  const key = cacheKey([
    tree.digest,
    JSON.stringify(tree.skipped),
    version,
    options.repository ?? null,
    options.revision ?? null,
  ]);
  const cached = options.cacheDir ? readCache(options.cacheDir, key) : null;
  if (cached) return { catalog: cached, fromCache: true };
  const catalog = await analyseTree(tree, {
    version,
    repository: options.repository ?? null,
    revision: options.revision ?? null,
  });
  if (options.cacheDir) writeCache(options.cacheDir, key, catalog);
  return { catalog, fromCache: false };
}
