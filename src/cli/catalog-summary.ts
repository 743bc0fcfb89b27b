import type { Catalog, Severity } from "../catalog/index.ts";
import { table } from "./table.ts";

/** What a catalog holds, in a few lines. */
export function catalogSummary(catalog: Catalog): string {
  const { module, leaves, coverage, diagnostics } = catalog;
  const count = (severity: Severity) => diagnostics.filter((diagnostic) => diagnostic.severity === severity).length;
  const names = (side: string) => new Set(leaves.filter((leaf) => leaf.side === side).map((leaf) => leaf.name)).size;
  const source = module.repository === null ? "-" : `${module.repository}@${module.revision ?? "?"}`;
  const rows = [
    ["module", `${module.version} (${module.origin})`],
    ["source", source],
    ["digest", module.sourceDigest],
    ["leaves", `${names("host")} host, ${names("guest")} guest`],
    ["acquisitions", String(leaves.reduce((sum, leaf) => sum + leaf.acquisitions.length, 0))],
    ["lock sites", coverage === null ? "-" : coverageText(coverage)],
    ["diagnostics", `${count("error")} errors, ${count("warning")} warnings, ${count("note")} notes`],
  ];
  return table(rows);
}

function coverageText({ sites, visited, explained }: NonNullable<Catalog["coverage"]>): string {
  return `${visited} of ${sites} visited, ${explained.length} explained`;
}
