/**
 * Regenerates data/modules/*.json, the catalogs of the public releases, byte for byte, from a folder of source trees.
 *
 *     npm run modules -- TREES            write them
 *     npm run modules -- TREES --check    only say whether they would change; exit status 1 when one would
 *
 * A lock that the release before takes and this one does not is an error, unless data/rows-gone.json says why: else a function
 * under a new name could take rows with it.
 *
 * TREES holds one folder per release, named by its version as in data/module-sources.json, each the tree of that
 * repository at that revision; CONTRIBUTING.md shows how to make them with git.
 */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Catalog, serializeCatalog } from "../src/catalog/index.ts";
import { extractTree } from "../src/module/index.ts";

interface ModuleSource {
  readonly version: string;
  readonly repository: string;
  readonly revision: string;
}

interface Gone {
  readonly version: string;
  readonly leaf: string;
  readonly resource: string;
  readonly why: string;
}

const read = <T>(name: string): T => JSON.parse(readFileSync(new URL(`../data/${name}`, import.meta.url), "utf8")) as T;

/** How many locks of a resource the leaves take, by leaf and resource; of variants, the most. */
function locksOf(catalog: Catalog): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { name, acquisitions } of catalog.leaves) {
    for (const { resource } of acquisitions) {
      const roles = new Set(acquisitions.filter((row) => row.resource === resource).map(({ role }) => role));
      const key = `${name} ${resource}`;
      counts.set(key, Math.max(counts.get(key) ?? 0, roles.size));
    }
  }
  return counts;
}

/** Locks that a release no longer takes, and nothing says why; notes on what is not gone, too. */
function unexplained(before: Catalog | null, after: Catalog, notes: readonly Gone[]): string[] {
  const { version } = after.module;
  const said = new Set(notes.filter((note) => note.version === version).map((note) => `${note.leaf} ${note.resource}`));
  const now = locksOf(after);
  const gone = [...(before ? locksOf(before) : [])].flatMap(([key, count]) =>
    (now.get(key) ?? 0) < count ? [key] : [],
  );
  return [
    ...gone
      .filter((key) => !said.has(key))
      .map((key) => `${key}: fewer rows than ${before?.module.version} has, and no note`),
    ...[...said].filter((key) => !gone.includes(key)).map((key) => `${key}: said to be gone, and is not`),
  ];
}

async function make(trees: string, checkOnly: boolean): Promise<number> {
  const notes = read<Gone[]>("rows-gone.json");
  let before: Catalog | null = null;
  let bad = 0;
  for (const source of read<ModuleSource[]>("module-sources.json")) {
    const { catalog } = await extractTree({
      tree: join(trees, source.version),
      version: source.version,
      repository: source.repository,
      revision: source.revision,
    });
    const errors = catalog.diagnostics.filter((d) => d.severity === "error");
    for (const d of errors) console.error(`${source.version}: ${d.code} ${d.message} (${d.file}:${d.line})`);
    const gone = unexplained(before, catalog, notes);
    for (const text of gone) console.error(`${source.version}: ${text}; data/rows-gone.json`);
    before = catalog;
    const file = new URL(`../data/modules/${source.version}.json`, import.meta.url);
    const text = serializeCatalog(catalog);
    const isSame = existsSync(file) && readFileSync(file, "utf8") === text;
    if (!isSame && !checkOnly) writeFileSync(file, text);
    if (errors.length + gone.length > 0 || (checkOnly && !isSame)) bad++;
    const rows = catalog.leaves.reduce((n, leaf) => n + leaf.acquisitions.length, 0);
    console.log(
      `${source.version.padEnd(10)} ${catalog.leaves.length} leaf entries, ${rows} rows, ${isSame ? "unchanged" : checkOnly ? "DIFFERS" : "written"}`,
    );
  }
  return bad;
}

const [trees, flag] = process.argv.slice(2);
if (trees === undefined || (flag !== undefined && flag !== "--check")) {
  console.error("usage: npm run modules -- TREES [--check]");
  process.exitCode = 2;
} else if ((await make(trees, flag === "--check")) > 0) process.exitCode = 1;
