/** Behaviours in which module versions differ beyond their locks, decided from what the catalog's evidence shows. */
import type { Acquisition, Catalog } from "../catalog/index.ts";

/**
 * How a new state gets into a SEPT entry.
 * - `whole-word`: the leaf writes back a copy of the entry that it read under the entry lock (up to 1.5.16: `atomic_mem_write_64b` in
 *   tdg_mem_page_accept.c, tdh_mem_page_remove.c, …). A host-priority bit that the host set since then is lost.
 * - `keep-host-priority`: a compare-and-exchange loop keeps the bit as it is in memory (from 1.5.20:
 *   `atomically_update_sept_state_keep_tdhp`, sept_manager.h).
 */
export type SeptWriteBack = "whole-word" | "keep-host-priority";

/** The variants of one module version. */
export interface Lineage {
  readonly septWriteBack: SeptWriteBack;
}

const KEEPS_HOST_PRIORITY = /keep_tdhp/;

/** Which variants a catalog's module has. The published table names no functions; it is of the whole-word lineage. */
export function lineageOf(catalog: Catalog): Lineage {
  const functions = catalog.leaves.flatMap(({ acquisitions }) => acquisitions.flatMap(releasingFunctions));
  return {
    septWriteBack: functions.some((name) => KEEPS_HOST_PRIORITY.test(name)) ? "keep-host-priority" : "whole-word",
  };
}

function releasingFunctions({ resource, release }: Acquisition): string[] {
  if (resource !== "SEPT_ENTRY" || release === null) return [];
  return [release.at, ...release.evidence.map((site) => site.function)];
}
