import { type Catalog, type Leaf, resolveLeaf } from "../catalog/index.ts";
import { SeamlockError } from "../errors.ts";
import { resourceAliases } from "../report/index.ts";
import { didYouMean } from "../text.ts";

/**
 * The resource of a catalog that a word on the command line means; case does not matter.
 *
 * @throws SeamlockError SL0009
 */
export function resourceNamed(catalog: Catalog, word: string): string {
  const resources = [...new Set(catalog.leaves.flatMap((leaf) => leaf.acquisitions.map((row) => row.resource)))];
  const aliases = resourceAliases().filter(([, resource]) => resources.includes(resource));
  const known = new Map([...resources.map((name) => [name, name] as const), ...aliases]);
  const found = named(word, [...known.keys()], `resource of module ${catalog.module.version}`);
  return known.get(found) ?? found;
}

/**
 * The OP_STATE of a catalog that a word means; case does not matter.
 *
 * @throws SeamlockError SL0009
 */
export function opStateNamed(catalog: Catalog, word: string): string {
  return named(word, catalog.opStates, `OP_STATE of module ${catalog.module.version}`);
}

/**
 * The entries of a catalog that a word means: a leaf in any spelling, or a pattern such as `tdh_mem_*`.
 *
 * @throws SeamlockError SL2102 when there is none
 */
export function leavesNamed(catalog: Catalog, word: string): readonly Leaf[] {
  if (!/[*?]/.test(word)) return resolveLeaf(catalog, word);
  const source = word
    .toLowerCase()
    .replaceAll(".", "_")
    .replaceAll(/[+^${}()|[\]\\]/g, "\\$&");
  const pattern = new RegExp(`^${source.replaceAll("*", ".*").replaceAll("?", ".")}$`);
  const found = catalog.leaves.filter(({ name }) => pattern.test(name));
  if (found.length > 0) return found;
  throw new SeamlockError("SL2102", `no leaf of module ${catalog.module.version} fits \`${word}\``, {
    hint: "quote the pattern, and see `seamlock leaves`",
  });
}

function named(word: string, names: readonly string[], what: string): string {
  const found = names.find((name) => name.toUpperCase() === word.toUpperCase());
  if (found !== undefined) return found;
  const known = names.length === 0 ? "it states none" : `it has ${names.join(", ")}`;
  throw new SeamlockError("SL0009", `\`${word}\` is no ${what}`, { hint: didYouMean(word, names, known) });
}
