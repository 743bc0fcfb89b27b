/**
 * Makes data/history.json and data/bundled-digests.json of the bundled facts: `npm run history`. What changes from version to version of the locks of a call,
 * and of who can contend with whom, so that the report of one version can say what others do without reading them all.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { contendingPairs, isAncestor } from "../src/analysis/index.ts";
import { type Acquisition, type Catalog, type Leaf, readOwnCatalog } from "../src/catalog/index.ts";
import { bundledModules } from "../src/cli/modules.ts";
import { parseHost } from "../src/host/index.ts";

const data = join(import.meta.dirname, "..", "data");

/** Extracted catalogs, oldest first. */
export function extractedCatalogs(): Catalog[] {
  const catalogs = bundledModules().map((name) => {
    const file = join(data, "modules", `${name}.json`);
    return readOwnCatalog(readFileSync(file, "utf8"), file);
  });
  return catalogs.filter(({ module }) => module.origin === "extracted");
}

/** One line a fact; what is the same in every version that has the call is left out. */
export function historyText(catalogs: readonly Catalog[]): string {
  const versions = catalogs.map(({ module }) => module.version);
  const facts = (of: (catalog: Catalog) => ReadonlyMap<string, string>, names: readonly string[]): string =>
    changing(catalogs, of)
      .map(([key, values]) => {
        const parts = key.split("|");
        return JSON.stringify({ ...Object.fromEntries(names.map((name, i) => [name, parts[i]])), from: since(values) });
      })
      .join(",\n");
  const since = (values: readonly (string | null)[]): Record<string, string | null> =>
    Object.fromEntries(values.flatMap((value, i) => (i > 0 && value === values[i - 1] ? [] : [[versions[i], value]])));
  const sections = [
    `"locks": [\n${facts(locksOf, ["resource"])}\n]`,
    `"modes": [\n${facts(modesOf, ["leaf", "resource"])}\n]`,
    `"pairs": [\n${facts(pairsOf, ["a", "b", "resource"])}\n]`,
    `"ancestors": ${JSON.stringify(since(catalogs.map((catalog) => ancestorsOf(catalog).join(" "))))}`,
  ];
  return `{\n"schema": "seamlock/history@1",\n"versions": ${JSON.stringify(versions)},\n${sections.join(",\n")}\n}\n`;
}

/** Per version a value, for the keys whose value is not the same in all versions that have one. */
function changing(
  catalogs: readonly Catalog[],
  of: (catalog: Catalog) => ReadonlyMap<string, string>,
): [string, (string | null)[]][] {
  const maps = catalogs.map(of);
  const keys = [...new Set(maps.flatMap((map) => [...map.keys()]))].sort();
  return keys.flatMap((key): [string, (string | null)[]][] => {
    const values = maps.map((map) => map.get(key) ?? null);
    const told = values.filter((value) => value !== null);
    return told.some((value) => value !== told[0]) ? [[key, values]] : [];
  });
}

/** Every lock that some call takes, for one map that goes by a key. */
function collected(
  catalog: Catalog,
  of: (leaf: Leaf, row: Acquisition) => readonly [string, string],
): Map<string, string> {
  const found = new Map<string, Set<string>>();
  for (const leaf of catalog.leaves) {
    for (const row of leaf.acquisitions) {
      if (isAncestor(row.resource) || row.mode === "NO_LOCK") continue;
      const [key, value] = of(leaf, row);
      found.set(key, (found.get(key) ?? new Set()).add(value));
    }
  }
  return new Map([...found].map(([key, values]) => [key, [...values].sort().join(", ")]));
}

/** `resource` → `sharex_hp`. */
function locksOf(catalog: Catalog): Map<string, string> {
  return collected(catalog, (_leaf, row) => [row.resource, row.lock]);
}

/** `leaf|resource` → `SHARED`, of all variants. */
function modesOf(catalog: Catalog): Map<string, string> {
  return collected(catalog, (leaf, row) => [`${leaf.name}|${row.resource}`, row.mode]);
}

/** Calls that take the PAMT entry of a whole range EXCLUSIVE, not as a page's own. */
function ancestorsOf({ leaves }: Catalog): string[] {
  const takes = ({ acquisitions }: Leaf): boolean =>
    acquisitions.some(({ resource, mode }) => isAncestor(resource) && mode === "EXCLUSIVE");
  return [...new Set(leaves.filter(takes).map(({ name }) => name))].sort();
}

/** `a|b|resource` → can the two contend by the module's own rules? Only of calls that the version has. */
function pairsOf(catalog: Catalog): Map<string, string> {
  const found = new Map<string, string>();
  for (const pair of contendingPairs(catalog)) {
    if (isAncestor(pair.resource)) continue;
    const key = `${pair.a}|${pair.b}|${pair.resource}`;
    if (pair.possible || !found.has(key)) found.set(key, pair.possible ? "yes" : "no");
  }
  const names = new Set(catalog.leaves.map(({ name }) => name));
  for (const key of ALL_PAIRS) {
    const [a = "", b = ""] = key.split("|");
    if (!found.has(key) && names.has(a) && names.has(b)) found.set(key, "no");
  }
  return found;
}

/** Pairs that some version has, so that others that have both calls say no. */
const ALL_PAIRS = new Set<string>();

/** Makes the text; reads every catalog twice, for a pair that one version lacks is a no only if another has it. */
export function makeHistory(catalogs: readonly Catalog[] = extractedCatalogs()): string {
  ALL_PAIRS.clear();
  for (const catalog of catalogs) for (const key of pairsOf(catalog).keys()) ALL_PAIRS.add(key);
  return historyText(catalogs);
}

/** Digests of the sources that the bundled facts come from: of each release of the module, and of each host; null: written by hand. */
export function makeDigests(catalogs: readonly Catalog[] = extractedCatalogs()): string {
  const folder = join(data, "hosts");
  const hosts = readdirSync(folder).map((file) => parseHost(readFileSync(join(folder, file), "utf8"), file).profile);
  const named = hosts.map(({ name, extracted }) => [name, extracted?.digest ?? null] as const);
  const modules = catalogs.map(({ module }) => [module.version, module.sourceDigest] as const);
  const [of, at] = [Object.fromEntries(modules), Object.fromEntries(named.sort(([x], [y]) => (x < y ? -1 : 1)))];
  return `${JSON.stringify({ schema: "seamlock/bundled-digests@1", modules: of, hosts: at }, null, 2)}\n`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  writeFileSync(join(data, "history.json"), makeHistory());
  writeFileSync(join(data, "bundled-digests.json"), makeDigests());
}
