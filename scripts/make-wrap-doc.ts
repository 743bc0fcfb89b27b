/**
 * Makes docs/counter-wrap.md: `npm run wrap-doc`. Which calls can meet so that the counter of a sharex_hp lock wraps, for every bundled module,
 * from the catalogs; the explanation and the evidence are written by hand, in docs/counter-wrap-notes.md.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type CounterWrap, counterWraps, resourceFacts } from "../src/analysis/index.ts";
import type { Catalog } from "../src/catalog/index.ts";
import { bundledModules, loadModule } from "../src/cli/modules.ts";

const docs = join(import.meta.dirname, "..", "docs");
const names = (wraps: readonly CounterWrap[], role: "holder" | "refused" | "reader"): string[] =>
  [...new Set(wraps.map((wrap) => wrap[role].leaf))].sort();
/** Hosts that are refused are whoever takes the lock; a long list of them says no more. */
const listed = (leaves: readonly string[]): string =>
  leaves.length > 8 ? `${leaves.length} leaves` : leaves.map((leaf) => `\`${leaf}\``).join(", ");
const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

/** What is said of one module: rows of the table, and the long lists. */
function shown(catalog: Catalog): string {
  const wraps = counterWraps(catalog);
  if (wraps.length === 0) {
    const shares = catalog.leaves.some(({ acquisitions }) =>
      acquisitions.some(({ lock, mode, side }) => lock === "sharex_hp" && mode === "SHARED" && side === "guest"),
    );
    return shares
      ? "No triple: a guest looks at host priority first, and takes nothing back."
      : "No triple: these have no sharex_hp lock that a guest shares.";
  }
  const resources = [...new Set(wraps.map(({ resource }) => resource))];
  const rows = resources.map((resource) => {
    const here = wraps.filter((wrap) => wrap.resource === resource);
    const left = here.filter(({ excludedBy }) => excludedBy === null);
    const why = new Map<string, number>();
    for (const { excludedBy } of here) if (excludedBy !== null) why.set(excludedBy, (why.get(excludedBy) ?? 0) + 1);
    const excluded = [...why].map(([reason, count]) => `${count}: ${reason}`).join("; ");
    return [
      `\`${resource}\``,
      ...(["holder", "refused", "reader"] as const).map((role) => listed(names(left, role))),
      String(left.length),
      excluded || "0",
    ];
  });
  const long = resources.flatMap((resource) => {
    const leaves = names(
      wraps.filter((wrap) => wrap.resource === resource && wrap.excludedBy === null),
      "holder",
    );
    if (leaves.length <= 8) return [];
    return [`Exclusive holders of \`${resource}\`: ${leaves.map((leaf) => `\`${leaf}\``).join(", ")}.`];
  });
  const head = ["lock", "holds it exclusively", "host that is refused", "guest that shares", "left", "excluded"];
  return [[head, head.map(() => "---"), ...rows].map(line).join("\n"), ...long, pages(catalog)].join("\n\n");
}

/** A TDR's lock is that of its page: calls on pages take the same kind of word. */
function pages(catalog: Catalog): string {
  const leaves = catalog.leaves.filter(({ acquisitions }) =>
    acquisitions.some(
      ({ resource, mode }) =>
        mode === "EXCLUSIVE" && resource !== "TDR" && resourceFacts(resource).backing === resourceFacts("TDR").backing,
    ),
  );
  const found = [...new Set(leaves.map(({ name }) => name))].sort();
  return `Beside these, ${found.length} leaves lock the PAMT entry of some other page exclusively, a word of the same kind: ${found.map((leaf) => `\`${leaf}\``).join(", ")}.`;
}

/** The page as the bundled catalogs make it now. */
export async function wrapDoc(): Promise<string> {
  const groups = new Map<string, string[]>();
  for (const name of bundledModules()) {
    const catalog = await loadModule(name);
    if (catalog.module.origin === "published") continue;
    const text = shown(catalog);
    groups.set(text, [...(groups.get(text) ?? []), name]);
  }
  const sections = [...groups].map(([text, modules]) => `### ${modules.join(", ")}\n\n${text}`);
  const notes = readFileSync(join(docs, "counter-wrap-notes.md"), "utf8").trim();
  return `# Where the counter of sharex_hp can wrap

Made by \`npm run wrap-doc\` from the catalogs and docs/counter-wrap-notes.md; do not edit.

${notes}

## By module

${sections.join("\n\n")}
`;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href)
  writeFileSync(join(docs, "counter-wrap.md"), await wrapDoc());
