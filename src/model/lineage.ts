/**
 * Behaviours of the module in which versions differ beyond their locks, as a catalog has them from its own tree: how SEPT entries are
 * written, by its writers; what the functions do that the models restate by hand, by the variant that each was recognised as.
 */
import facts from "../../data/behaviours.json" with { type: "json" };
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

/** The variants of one module. */
export interface Lineage {
  readonly septWrite: SeptWrite;
  readonly pendingFault: PendingFault;
  /** Behaviours that were not read in this tree, each with its place, and what is taken instead; empty for the bundled catalogs from 1.5 on. */
  readonly unread: readonly string[];
}

const SEPT_WRITES: Readonly<Record<EntryWriteName, SeptWrite>> = {
  "whole-word": "whole-word",
  "keep-host-priority": "exchange",
  "keep-then-store": "exchange-then-store",
};
/** What is taken of a tree that does not say: as in the newest releases. */
const TAKEN = { septWrite: "exchange", pendingFault: "without-ve" } as const;

/** Which variants a catalog's module has. */
export function lineageOf(catalog: Catalog): Lineage {
  const name = entryWriteName(catalog);
  const write = name === null ? null : SEPT_WRITES[name];
  const fault = catalog.behaviours.find(({ name }) => name === "pending-fault")?.variant ?? null;
  return {
    septWrite: write ?? TAKEN.septWrite,
    pendingFault: fault === "always" || fault === "without-ve" ? fault : TAKEN.pendingFault,
    unread: [...(write === null ? [unreadWrite(catalog)] : []), ...unreadFunctions(catalog)],
  };
}

function unreadWrite({ writers }: Catalog): string {
  const places = writers
    .filter(({ unlocks }) => unlocks)
    .map(({ function: name, evidence: { file, line } }) => `${name}, ${file}:${line}`);
  const where = places.length === 0 ? "no function is known to do it" : places.join("; ");
  return `how a new state gets into a SEPT entry (${where}): taken as one compare-and-exchange that keeps host priority`;
}

/** Functions of unknown variants, and those that the tree does not have. */
function unreadFunctions({ behaviours }: Catalog): string[] {
  return facts.behaviours.flatMap(({ behaviour, function: name, restatedBy }) => {
    const found = behaviours.find((one) => one.name === behaviour && one.function === name);
    if (found === undefined)
      return [`${behaviour}: no function ${name} was read; ${restatedBy} is taken as in the newest release`];
    if (found.variant !== null) return [];
    const { file, line } = found.evidence;
    return [
      `${behaviour}: an unknown variant of ${name}, ${file}:${line}; ${restatedBy} is taken as in the newest release`,
    ];
  });
}
