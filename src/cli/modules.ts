import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import releases from "../../data/known-releases.json" with { type: "json" };
import { type Catalog, NO_VERSION, readOwnCatalog } from "../catalog/index.ts";
import { SeamlockError } from "../errors.ts";
import { didYouMean } from "../text.ts";
import { readText, statOf } from "./files.ts";

/** The folder of the bundled facts: beside `dist/` in the package, at the root of a checkout. */
function dataFolder(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const data = join(folder, "data", "modules");
    if (existsSync(data)) return data;
    if (folder === dirname(folder)) {
      throw missingData();
    }
  }
}

function missingData(): SeamlockError {
  return new SeamlockError("SL0008", "the bundled module data is missing", { hint: "install the package again" });
}

/** Bundled module names, oldest version first, then the published tables. */
export function bundledModules(): string[] {
  const names = readdirSync(dataFolder()).filter((file) => file.endsWith(".json"));
  return names.map((file) => file.slice(0, -".json".length)).sort(byVersion);
}

/** Bundled releases that were extracted from source, oldest first. */
export function bundledReleases(): string[] {
  return bundledModules().filter(isVersion);
}

/** Bundled tables of releases that were read by hand. */
export function tablesReadByHand(): string[] {
  const known: readonly KnownRelease[] = releases.releases;
  return [...new Set(known.flatMap(({ read }) => (read === undefined ? [] : [read])))];
}

/** `1.5.9` before `1.5.10`, and whatever is no version after those that are. */
export function byVersion(a: string, b: string): number {
  if (!isVersion(a) || !isVersion(b))
    return Number(!isVersion(a)) - Number(!isVersion(b)) || (a < b ? -1 : Number(a > b));
  const [left, right] = [a.split(".").map(Number), b.split(".").map(Number)];
  const at = left.findIndex((part, i) => part !== right[i]);
  return at === -1 ? left.length - right.length : (left[at] ?? 0) - (right[at] ?? -1);
}

function isVersion(name: string): boolean {
  return /^\d+(\.\d+)*$/.test(name);
}

/** What a bundled module is called, as people write it: `TDX_1.5.05`, `v1.5.05`, `latest`; other words stay as they are. */
function moduleName(word: string | undefined, bundled: readonly string[]): string | undefined {
  if (word === undefined || word === "latest") return bundled.filter(isVersion).at(-1) ?? bundled.at(-1);
  if (bundled.includes(word)) return word;
  const version = word.replace(/^(tdx[_-]?(module[_-])?|v)(?=\d)/i, "");
  return bundled.includes(version) ? version : word;
}

/** Does a word name a bundled module? */
export function isModule(word: string): boolean {
  const bundled = bundledModules();
  return word !== "latest" && bundled.includes(moduleName(word, bundled) ?? "");
}

/** Does a module's name mean the folder of a source tree? A bundled module of that name goes first. */
export const isModuleTree = (name: string): boolean => !isModule(name) && statOf(name)?.isDirectory() === true;

/**
 * The catalog that `--module` names: a bundled one, a file, or a module's source tree, which is extracted, or was before. Without a name,
 * the newest bundled version.
 *
 * @throws SeamlockError SL0005 when there is no such module, SL0006 when its file cannot be read, SL2xxx when that file is no catalog,
 *   SL10xx when it is a folder and no module's source tree
 */
export async function loadModule(name?: string): Promise<Catalog> {
  const bundled = bundledModules();
  const wanted = moduleName(name, bundled);
  if (wanted === undefined) throw missingData();
  if (bundled.includes(wanted)) return readBundled(wanted);
  if (!isPath(wanted)) throw unknownModule(wanted, bundled);
  if (isModuleTree(wanted)) {
    const { defaultCacheDir, extractTree } = await import("../module/index.ts");
    const { document } = await extractTree({ tree: wanted, cacheDir: defaultCacheDir() });
    // As read from its text, so that what is printed does not depend on whether the cache had it.
    return calledBy(wanted, readOwnCatalog(await document(), wanted));
  }
  const { parseCatalog } = await import("./foreign-files.ts");
  const catalog = parseCatalog(await readText(wanted), wanted);
  return catalog.module.version === NO_VERSION && wanted !== "-" ? calledBy(wanted, catalog) : catalog;
}

/** A tree is named as its user does, so that two can be told apart: it states no version, or that of the release that it was made of. */
const calledBy = (word: string, catalog: Catalog): Catalog => ({
  ...catalog,
  module: { ...catalog.module, version: word },
});

/** A bundled catalog, at once. */
export function readBundled(name: string): Catalog {
  const file = join(dataFolder(), `${name}.json`);
  return readOwnCatalog(readFileSync(file, "utf8"), file);
}

function isPath(name: string): boolean {
  return name === "-" || /[/\\]|\.json$/.test(name) || statOf(name) !== undefined;
}

/** A public release whose catalog is not bundled. */
export interface KnownRelease {
  readonly version: string;
  /** The bundled release that is most like it, and what is known to differ. */
  readonly nearest: string;
  readonly differs: readonly string[];
  /** A bundled table of calls that {@link nearest} does not have. */
  readonly read?: string;
}

/** The release that a word names, in any spelling; null when it is bundled, or not known. */
export function knownRelease(word: string): KnownRelease | null {
  const all: readonly KnownRelease[] = releases.releases;
  const name = moduleName(
    word,
    all.map(({ version }) => version),
  );
  return all.find(({ version }) => version === name) ?? null;
}

function unknownModule(name: string, bundled: readonly string[]): SeamlockError {
  const known = knownRelease(name);
  if (known) {
    const { version, nearest, differs, read } = known;
    const table = read === undefined ? "" : ` Calls that it does not have, as read by hand: --module ${read}.`;
    return new SeamlockError("SL0005", `module ${version} is a known release, but not bundled`, {
      hint: `make its catalog from its source: seamlock extract TREE -o ${version}.json, then --module ./${version}.json. Nearest bundled: ${nearest}; known to differ: ${differs.join("; ")}.${table}`,
    });
  }
  return new SeamlockError("SL0005", `no module \`${name}\` is bundled, and no file has that name`, {
    hint: didYouMean(name, bundled, `bundled are ${bundled.join(", ")}`),
  });
}
