/**
 * Behaviours of the module in which versions differ beyond their locks, as a catalog has them from its own tree: how SEPT entries are
 * written, by its writers; what the functions do that the models restate by hand, by the variant that each was recognised as.
 */
import { type Catalog, type EntryWriteName, entryWriteName } from "../catalog/index.ts";

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

/**
 * Does TDG.MEM.PAGE.ATTR.WR write the L1 entry before it gives the entry's lock back, though its attributes are fixed?
 * - `rewrites-the-entry`: with the state that it read, in the way of `SeptWrite`.
 */
export type AttributeWrite = "leaves-the-entry" | "rewrites-the-entry";

/** The variants of one module; what of it was not read is told by `unreadBehaviours`. */
export interface Lineage {
  readonly septWrite: SeptWrite;
  readonly pendingFault: PendingFault;
  readonly attributeWrite: AttributeWrite;
}

const SEPT_WRITES: Readonly<Record<EntryWriteName, SeptWrite>> = {
  "whole-word": "whole-word",
  "keep-host-priority": "exchange",
  "keep-then-store": "exchange-then-store",
};
/** What is taken of a tree that does not say: as in the newest releases. */
const TAKEN = { septWrite: "exchange", pendingFault: "without-ve", attributeWrite: "rewrites-the-entry" } as const;

/** Which variants a catalog's module has; of what it does not say, that of the newest release. */
export function lineageOf(catalog: Catalog): Lineage {
  const write = entryWriteName(catalog);
  const variant = (behaviour: string) => catalog.behaviours.find(({ name }) => name === behaviour)?.variant ?? null;
  const fault = variant("pending-fault");
  const attributes = variant("attribute-write");
  return {
    septWrite: write === null ? TAKEN.septWrite : SEPT_WRITES[write],
    pendingFault: fault === "always" || fault === "without-ve" ? fault : TAKEN.pendingFault,
    attributeWrite:
      attributes === "leaves-the-entry" || attributes === "rewrites-the-entry" ? attributes : TAKEN.attributeWrite,
  };
}
