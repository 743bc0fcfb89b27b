/** Other spellings of leaf names: facts from `data/aliases.json`, with the functions that apply them. */
import aliases from "../../data/aliases.json" with { type: "json" };

/** A leaf, or one variant of it; a null variant means every one. */
export interface LeafRef {
  readonly leaf: string;
  readonly variant: string | null;
}

interface Alias {
  readonly spelling: string;
  readonly means: readonly LeafRef[];
  readonly source: string;
}

const GENERAL: readonly Alias[] = aliases.leaves;
const PUBLISHED: readonly (Alias & { readonly module: string })[] = aliases.published;

/** What a spelling means in the dispatcher's names, or null when it is no alias. */
export function leafAlias(spelling: string): readonly LeafRef[] | null {
  return GENERAL.find((a) => a.spelling === spelling)?.means ?? null;
}

/** What a leaf name of the module `version` means in the dispatcher's names; the name itself when it is no alias. */
export function dispatcherNames(version: string, leaf: string): readonly LeafRef[] {
  const special = PUBLISHED.find((a) => a.module === version && a.spelling === leaf);
  return special?.means ?? leafAlias(leaf) ?? [{ leaf, variant: null }];
}

/** The aliases that mean a leaf of the dispatcher, or a variant of it. */
export function aliasesOf(leaf: string): readonly string[] {
  return GENERAL.filter((a) => a.means.some((m) => m.leaf === leaf)).map((a) => a.spelling);
}

/** Every alias there is. */
export function allAliases(): readonly string[] {
  return GENERAL.map((a) => a.spelling);
}
