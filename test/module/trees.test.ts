import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Catalog, serializeCatalog } from "../../src/catalog/index.ts";
import { extractTree } from "../../src/module/index.ts";

const ROOT = join(import.meta.dirname, "../..");
const TREES = process.env["SEAMLOCK_TREES"];
const sources: readonly { version: string; repository: string; revision: string }[] = JSON.parse(
  readFileSync(join(ROOT, "data/module-sources.json"), "utf8"),
);
const has = (name: string) => TREES !== undefined && existsSync(join(TREES, name));
const why = TREES === undefined ? " (skipped: SEAMLOCK_TREES names no folder of source trees)" : "";

/** Calls of acquire and promote primitives that no leaf reached and that nothing explains. */
function unexplainedSites({ coverage }: Catalog): number {
  if (coverage === null) throw new Error("an extracted catalog says what it covers");
  return coverage.sites - coverage.visited - coverage.explained.length;
}

describe(`the releases, from their source${why}`, () => {
  for (const { version, repository, revision } of sources) {
    it.skipIf(!has(version))(
      `${version} gives the bundled catalog byte for byte, without an error`,
      async () => {
        const { catalog } = await extractTree({ tree: join(TREES as string, version), version, repository, revision });
        expect(serializeCatalog(catalog)).toBe(readFileSync(join(ROOT, `data/modules/${version}.json`), "utf8"));
        expect(catalog.diagnostics.filter((d) => d.severity === "error")).toEqual([]);
        expect(unexplainedSites(catalog)).toBe(0);
      },
      60_000,
    );
  }
});

describe(`forks and betas${why}`, () => {
  for (const name of ["opentdx", "1.5-beta", "1.0.0", "intel-1.5.01", "niooss-1.5.05"]) {
    it.skipIf(!has(name))(
      `${name} is extracted, and what is not understood is a diagnostic`,
      async () => {
        const { catalog } = await extractTree({ tree: join(TREES as string, name) });
        expect(catalog.leaves.length).toBeGreaterThan(40);
        expect(catalog.diagnostics.filter((d) => d.code === "SL1040")).toHaveLength(unexplainedSites(catalog));
      },
      60_000,
    );
  }
});
