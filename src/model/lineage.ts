/**
 * Behaviours of the module in which versions differ and which its catalog does not state: which variant a tree has is a fact of
 * data/behaviours.json, with the line where it was read. A tree that was not read is said to be so.
 */
import facts from "../../data/behaviours.json" with { type: "json" };
import type { Catalog, Site } from "../catalog/index.ts";

/**
 * How a new state gets into a SEPT entry whose lock the caller holds.
 * - `whole-word`: one store of a copy that was read under the lock. A host-priority bit set since then is lost.
 * - `exchange-then-store`: a compare-and-exchange that keeps the bit as it is in memory, then a plain store of the same value. Whatever
 *   changed in the entry between the two is lost: a host-priority bit and, where the write also unlocks, somebody's lock.
 * - `exchange`: the compare-and-exchange alone.
 */
export type SeptWrite = "whole-word" | "exchange-then-store" | "exchange";

/**
 * Does TDH.VP.ENTER, under zero-step suspicion, take a pending page for one that would fault again (`is_epf_expected`)?
 * - `always`
 * - `without-ve`: only where the TD has #VE of pending pages disabled.
 */
export type PendingFault = "always" | "without-ve";

/** The variants of one module. */
export interface Lineage {
  readonly septWrite: SeptWrite;
  readonly pendingFault: PendingFault;
  /** Behaviours that were not read in this tree, each with what is taken instead and where that was read; empty for the bundled catalogs. */
  readonly unread: readonly string[];
}

interface Read {
  readonly module: string;
  readonly sourceDigest: string;
  readonly site: Site;
}
interface Variant {
  readonly name: string;
  readonly read: readonly Read[];
}

/** Which variants a catalog's module has. */
export function lineageOf(catalog: Catalog): Lineage {
  const write = variantOf(catalog, "sept-write");
  const fault = variantOf(catalog, "pending-fault");
  return {
    septWrite: write.name as SeptWrite,
    pendingFault: fault.name as PendingFault,
    unread: [write.unread, fault.unread].filter((text) => text !== null),
  };
}

/** The variant read in the very tree; else the one read in the release of that name; else the newest. The latter two are guesses, and told. */
function variantOf({ module }: Catalog, name: string): { readonly name: string; readonly unread: string | null } {
  const behaviour = facts.behaviours.find((one) => one.name === name);
  if (behaviour === undefined) throw new Error(`data/behaviours.json has no ${name}`);
  const read = behaviour.variants.flatMap((variant: Variant) => variant.read.map((at) => ({ ...at, variant })));
  const same = read.find(({ sourceDigest }) => sourceDigest === module.sourceDigest);
  if (same !== undefined) return { name: same.variant.name, unread: null };
  const taken = read.find((at) => at.module === module.version) ?? read.at(-1);
  if (taken === undefined) throw new Error(`data/behaviours.json says of no tree which ${name} it has`);
  const { file, line, function: where } = taken.site;
  return {
    name: taken.variant.name,
    unread: `${behaviour.what}: taken as in ${taken.module} (${where}, ${file}:${line})`,
  };
}
