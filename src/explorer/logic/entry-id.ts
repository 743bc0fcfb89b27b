/** Names of catalog entries in addresses. */
import type { ContendPair } from "../../analysis/index.ts";

/** `tdh_mem_track`, or `tdh_vp_init~version=0`: an entry's name in URLs. */
export function entryId(leaf: { readonly name: string; readonly variant: string | null }): string {
  return leaf.variant === null ? leaf.name : `${leaf.name}~${leaf.variant}`;
}

/** `tdh_vp_init version=0`: the same for people; other words stay. */
export const entryTitle = (id: string): string => id.replace("~", " ");

/** One end of a pair as an entry's name. */
export function endId(pair: ContendPair, end: "a" | "b"): string {
  return end === "a"
    ? entryId({ name: pair.a, variant: pair.variantA })
    : entryId({ name: pair.b, variant: pair.variantB });
}
