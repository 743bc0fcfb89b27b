/** Where a report's facts come from. */
import sources from "../../data/module-sources.json" with { type: "json" };
import type { Catalog } from "../catalog/index.ts";
import { list } from "./words.ts";

interface ModuleSource {
  readonly version: string;
  readonly repository: string;
  readonly revision: string;
  /** A public tag of the vendor's repository with which the tree was compared. */
  readonly compared?: { readonly repository: string; readonly tag: string; readonly differ: readonly string[] };
}

const SOURCES: readonly ModuleSource[] = sources;

/** One sentence about the source of the facts, and one about the public tag that the tree equals, where that is known. */
export function provenance({ module, leaves }: Catalog): string[] {
  const { version, origin, repository, revision } = module;
  if (origin === "published") {
    const files = [...new Set(leaves.map((leaf) => leaf.handler.file))];
    return [
      `A table made and published by hand${files.length === 0 ? "" : ` (${list(files)})`}; it states no operands, statuses or OP_STATEs.`,
    ];
  }
  if (origin === "read") return [readByHand(version, repository, revision)];
  const where = `${repository ?? `the source of ${version}`}${revision === null ? "" : `, revision ${revision.slice(0, 12)}`}`;
  return [`Extracted from ${where}${mirror(version, revision)}; lines: --evidence.`, ...sameAs(version, revision)];
}

/** What a text about a module says first where its facts were read by hand; empty for any other. */
export function readInPart({ origin, version }: Pick<Catalog["module"], "origin" | "version">): string[] {
  if (origin !== "read") return [];
  return [`${version} was read by hand from single files: calls are missing, and rows may be missing or wrong.`];
}

function readByHand(version: string, repository: string | null, revision: string | null): string {
  const where = `${repository === null ? "" : ` of ${repository}`}${revision === null ? "" : `, the newest at revision ${revision.slice(0, 12)}`}`;
  return `${version} was read by hand from single files${where}, not extracted: every row is as good as its reader, calls are missing, and no line numbers are known.`;
}

/** A tree that nobody compared with the vendor's is called what it is. */
function mirror(version: string, revision: string | null): string {
  const known = SOURCES.find((source) => source.version === version && source.revision === revision);
  return known !== undefined && known.compared === undefined ? " (a mirror, not compared with the vendor's tag)" : "";
}

function sameAs(version: string, revision: string | null): string[] {
  const known = SOURCES.find((source) => source.version === version && source.revision === revision);
  if (known === undefined) return [];
  const { compared } = known;
  if (compared === undefined) return [];
  const but = compared.differ.length === 0 ? "" : ` but for ${list(compared.differ)}`;
  return [`The tree equals tag ${compared.tag} of ${compared.repository}${but}.`];
}
