import type { Catalog } from "../catalog/index.ts";
import { SeamlockError } from "../errors.ts";
import { didYouMean } from "./suggest.ts";

/**
 * The resource of a catalog that a word on the command line means; case does not matter.
 *
 * @throws SeamlockError SL0009
 */
export function resourceNamed(catalog: Catalog, word: string): string {
  const resources = catalog.leaves.flatMap((leaf) => leaf.acquisitions.map((row) => row.resource));
  return named(word, [...new Set(resources)], `resource of module ${catalog.module.version}`);
}

/**
 * The OP_STATE of a catalog that a word means; case does not matter.
 *
 * @throws SeamlockError SL0009
 */
export function opStateNamed(catalog: Catalog, word: string): string {
  return named(word, catalog.opStates, `OP_STATE of module ${catalog.module.version}`);
}

function named(word: string, names: readonly string[], what: string): string {
  const found = names.find((name) => name.toUpperCase() === word.toUpperCase());
  if (found !== undefined) return found;
  const known = names.length === 0 ? "it states none" : `it has ${names.join(", ")}`;
  throw new SeamlockError("SL0009", `\`${word}\` is no ${what}`, { hint: didYouMean(word, names, known) });
}
