/**
 * Makes the catalogs of releases that were read by hand, data/modules/*-read.json, of data/readings/*.json and the catalog of the
 * release that each was compared with.
 *
 *     npm run readings               write them
 *     npm run readings -- --check    only say whether they would change; exit status 1 when one would
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { catalogOfReading, parseCatalog, readingSchema, serializeCatalog } from "../src/catalog/index.ts";

const data = (name: string): URL => new URL(`../data/${name}`, import.meta.url);
const onlyCheck = process.argv.includes("--check");

for (const name of readdirSync(data("readings/")).sort()) {
  const text = readFileSync(data(`readings/${name}`), "utf8");
  const reading = readingSchema.parse(JSON.parse(text));
  const base = `modules/${reading.base}.json`;
  const digest = `sha256:${createHash("sha256").update(text).digest("hex")}`;
  const catalog = catalogOfReading(reading, parseCatalog(readFileSync(data(base), "utf8"), base), digest);
  const file = data(`modules/${reading.version}.json`);
  const made = serializeCatalog(catalog);
  const isSame = existsSync(file) && readFileSync(file, "utf8") === made;
  if (!isSame && !onlyCheck) writeFileSync(file, made);
  if (!isSame && onlyCheck) process.exitCode = 1;
  const rows = catalog.leaves.reduce((n, leaf) => n + leaf.acquisitions.length, 0);
  console.log(
    `${reading.version}: ${catalog.leaves.length} leaf entries, ${rows} rows, ${isSame ? "unchanged" : onlyCheck ? "DIFFERS" : "written"}`,
  );
}
