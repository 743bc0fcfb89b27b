/** The catalogs that come with the package are read without a field by field check at run time; it is done here. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import sources from "../../data/module-sources.json" with { type: "json" };
import {
  type Catalog,
  catalogOfReading,
  parseCatalog,
  readingSchema,
  readOwnCatalog,
  serializeCatalog,
} from "../../src/catalog/index.ts";

const FOLDER = "data/modules";
const FILES = readdirSync(FOLDER);

/** Lines of every place of a catalog. */
function linesIn(catalog: Catalog): Set<number> {
  return new Set([...JSON.stringify(catalog).matchAll(/"line":(\d+)/g)].map(([, line]) => Number(line)));
}

it("statuses stand in documents with the numbers that they have", () => {
  const { statusCodes } = parseCatalog(readFileSync(`${FOLDER}/1.5.25.json`, "utf8"), "1.5.25");
  const documents = ["README.md", "CHANGELOG.md", ...readdirSync("docs").map((file) => `docs/${file}`)];
  const told = documents
    .filter((file) => file.endsWith(".md"))
    .flatMap((file) => [
      ...readFileSync(file, "utf8").matchAll(/(TDX_[A-Z0-9_]+)`? \(`?(0x[0-9A-F]{8})[0-9A-F]{8}\b/g),
    ]);
  expect(told.length).toBeGreaterThan(2);
  for (const [, name = "", high] of told) expect([name, statusCodes[name]?.slice(0, 10)]).toEqual([name, high]);
});

describe("bundled catalogs", () => {
  it("are those of every source tree, the published table, and what was read by hand", () => {
    const names = [...sources.map((source) => `${source.version}.json`), "lkml-2024-09-13.json", "2.0.18-read.json"];
    expect(FILES.toSorted()).toEqual(names.toSorted());
  });

  it.each(FILES)("%s has its fields in one order, whether it is checked field by field or not", (file) => {
    const text = readFileSync(`${FOLDER}/${file}`, "utf8");
    expect(JSON.stringify(parseCatalog(text, file))).toBe(JSON.stringify(readOwnCatalog(text, file)));
  });

  it.each(FILES)("%s is a valid catalog in its canonical form", (file) => {
    const text = readFileSync(`${FOLDER}/${file}`, "utf8");
    const catalog = parseCatalog(text, file);
    expect(readOwnCatalog(text, file)).toEqual(catalog);
    expect(serializeCatalog(catalog)).toBe(text);
  });

  it.each(sources.filter(({ version }) => version.startsWith("1.5")))(
    "$version does nothing that the models restate in a way that nobody has read",
    ({ version }) => {
      const { behaviours } = parseCatalog(readFileSync(`${FOLDER}/${version}.json`, "utf8"), version);
      expect(behaviours.filter(({ variant }) => variant === null).map((one) => one.function)).toEqual([]);
      expect(behaviours.length).toBeGreaterThanOrEqual(15);
    },
  );

  it("2.0.18 as read by hand is what its reading makes, incomplete, and its calls are those of the release it was compared with", () => {
    const text = readFileSync("data/readings/2.0.18.json", "utf8");
    const reading = readingSchema.parse(JSON.parse(text));
    const base = parseCatalog(readFileSync(`${FOLDER}/${reading.base}.json`, "utf8"), reading.base);
    const made = parseCatalog(readFileSync(`${FOLDER}/${reading.version}.json`, "utf8"), reading.version);
    expect(catalogOfReading(reading, base, made.module.sourceDigest)).toEqual(made);
    expect(made.module).toMatchObject({ origin: "read", repository: "intel/tdx-module" });
    expect(made.diagnostics.filter((d) => d.severity === "error").map((d) => d.code)).toEqual(["SL1060"]);
    expect(made.diagnostics.filter((d) => d.severity === "note").map((d) => d.code)).toContain("SL1061");
    expect(linesIn(made)).toEqual(new Set([0]));
    const rows = (catalog: Catalog, name: string) =>
      catalog.leaves
        .filter((leaf) => leaf.name === name)
        .map(({ variant, acquisitions }) => [
          variant,
          acquisitions.map(({ evidence: _e, release: _r, promotion: _p, ...row }) => row),
        ]);
    for (const { name } of reading.leaves.filter((leaf) => "as" in leaf))
      expect(rows(made, name)).toEqual(rows(base, name));
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
