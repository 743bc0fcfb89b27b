/**
 * Regenerates data/modules/*.json, the catalogs of the public releases, byte for byte, from a folder of source trees.
 *
 *     npm run modules -- TREES            write them
 *     npm run modules -- TREES --check    only say whether they would change; exit status 1 when one would
 *
 * TREES holds one folder per release, named by its version as in data/module-sources.json, each the tree of that
 * repository at that revision; CONTRIBUTING.md shows how to make them with git.
 */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { serializeCatalog } from "../src/catalog/index.ts";
import { extractTree } from "../src/module/index.ts";

interface ModuleSource {
  readonly version: string;
  readonly repository: string;
  readonly revision: string;
}

async function make(trees: string, checkOnly: boolean): Promise<number> {
  const sources = JSON.parse(
    readFileSync(new URL("../data/module-sources.json", import.meta.url), "utf8"),
  ) as ModuleSource[];
  let bad = 0;
  for (const source of sources) {
    const { catalog } = await extractTree({
      tree: join(trees, source.version),
      version: source.version,
      repository: source.repository,
      revision: source.revision,
    });
    const errors = catalog.diagnostics.filter((d) => d.severity === "error");
    for (const d of errors) console.error(`${source.version}: ${d.code} ${d.message} (${d.file}:${d.line})`);
    const file = new URL(`../data/modules/${source.version}.json`, import.meta.url);
    const text = serializeCatalog(catalog);
    const isSame = existsSync(file) && readFileSync(file, "utf8") === text;
    if (!isSame && !checkOnly) writeFileSync(file, text);
    if (errors.length > 0 || (checkOnly && !isSame)) bad++;
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
