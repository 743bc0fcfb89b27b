/** The catalogs that come with the package are read without a field by field check at run time; it is done here. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import sources from "../../data/module-sources.json" with { type: "json" };
import { parseCatalog, readOwnCatalog, serializeCatalog } from "../../src/catalog/index.ts";

const FOLDER = "data/modules";
const FILES = readdirSync(FOLDER);

describe("bundled catalogs", () => {
  it("are those of every source tree, and the published table", () => {
    const names = [...sources.map((source) => `${source.version}.json`), "lkml-2024-09-13.json"];
    expect(FILES.toSorted()).toEqual(names.toSorted());
  });

  it.each(FILES)("%s is a valid catalog in its canonical form", (file) => {
    const text = readFileSync(`${FOLDER}/${file}`, "utf8");
    const catalog = parseCatalog(text, file);
    expect(readOwnCatalog(text, file)).toEqual(catalog);
    expect(serializeCatalog(catalog)).toBe(text);
  });

  it.each(sources)(
    "$version has its origin, no error, and every lock site of its tree visited or explained",
    // `compared` says which public tag the tree equals: a fact of the repository, not of the catalog.
    ({ compared: _, ...source }) => {
      const catalog = parseCatalog(readFileSync(`${FOLDER}/${source.version}.json`, "utf8"), source.version);
      expect(catalog.module).toMatchObject({ ...source, origin: "extracted" });
      expect(catalog.module.sourceDigest).toMatch(/^sha256:[0-9a-f]{64}$/);
      expect(catalog.diagnostics.filter((d) => d.severity === "error")).toEqual([]);
      const { coverage } = catalog;
      if (coverage === null) throw new Error("an extracted catalog has coverage");
      expect(coverage.visited + coverage.explained.length).toBe(coverage.sites);
    },
  );
});
