/** Finding leaves by any of their spellings. */
import { SeamlockError } from "../errors.ts";
import { didYouMean } from "../text.ts";
import { aliasesOf, allAliases, leafAlias } from "./aliases.ts";
import type { Catalog, Leaf, Side } from "./types.ts";

/**
 * The entries of the catalog that a spelling means: `tdh_mem_track`, `TDH.MEM.TRACK`, `38`, `0x26`, or an alias such as
 * `tdh_mng_rdwr`. A name gives every variant of the leaf; an alias may give one variant, or two leaves. A bare number
 * means the SEAMCALL of that number, or the TDCALL when no SEAMCALL has it.
 *
 * @returns at least one entry, in catalog order
 * @throws SeamlockError SL2102 when no leaf of the catalog is meant, with the nearest name as a hint
 */
export function resolveLeaf(catalog: Catalog, spelling: string): readonly Leaf[] {
  const text = spelling.trim();
  const number = leafNumber(text);
  const found = number === null ? byName(catalog, leafName(text)) : byNumber(catalog, number);
  if (found.length > 0) return found;
  throw unknownLeaf(catalog, spelling, number);
}

/** `TDH.MEM.TRACK`, `tdh-mem-track()` → `tdh_mem_track`. */
export function leafName(spelling: string): string {
  return spelling
    .trim()
    .toLowerCase()
    .replace(/\(\)$/, "")
    .replaceAll(/[.\-\s]+/g, "_");
}

/** How a module's leaves are named in a catalog. What a host calls by another name, such as the P-SEAMLDR's calls, is no leaf. */
export const LEAF_NAME = /^td[hg]_[a-z0-9_]+$/;

/** The side of a leaf's name: every leaf is named `tdh_…` for the host or `tdg_…` for the guest, which the catalog's schema demands. */
export const sideOf = (leaf: string): Side => (leaf.startsWith("tdg_") ? "guest" : "host");

/** `tdh_mem_track` → `TDH.MEM.TRACK`: a leaf's name as Intel's specification spells it. */
export const spelledName = (leaf: string): string => leaf.toUpperCase().replaceAll("_", ".");

function leafNumber(text: string): number | null {
  return /^(0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : null;
}

function byNumber(catalog: Catalog, number: number): readonly Leaf[] {
  const found = catalog.leaves.filter((leaf) => leaf.number === number);
  const host = found.filter((leaf) => leaf.side === "host");
  return host.length > 0 ? host : found;
}

function byName(catalog: Catalog, name: string): readonly Leaf[] {
  const exact = catalog.leaves.filter((leaf) => leaf.name === name);
  if (exact.length > 0) return exact;
  const meant = leafAlias(name);
  if (meant !== null) {
    const entries = catalog.leaves.filter((leaf) => meant.some((m) => m.leaf === leaf.name && fits(m.variant, leaf)));
    if (entries.length > 0) return entries;
  }
  // The published table has only the aliases: the dispatcher's names, and other aliases of them, lead there too.
  const others = new Set((meant ?? [{ leaf: name }]).flatMap((m) => aliasesOf(m.leaf)));
  return catalog.leaves.filter((leaf) => others.has(leaf.name));
}

function fits(variant: string | null, leaf: Leaf): boolean {
  return variant === null || leaf.variant === null || leaf.variant === variant;
}

function unknownLeaf(catalog: Catalog, spelling: string, number: number | null): SeamlockError {
  const of = `in module ${catalog.module.version}`;
  if (number !== null) {
    return new SeamlockError("SL2102", `no leaf has the number ${spelling} ${of}`, {
      hint: "`seamlock report --all` lists every leaf",
    });
  }
  const names = [...new Set([...catalog.leaves.map((leaf) => leaf.name), ...allAliases()])];
  const hint = didYouMean(leafName(spelling), names, "`seamlock report --all` lists every leaf");
  return new SeamlockError("SL2102", `there is no leaf "${spelling}" ${of}`, { hint });
}
