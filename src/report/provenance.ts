/** Where a report's facts come from. */
import sources from "../../data/module-sources.json" with { type: "json" };
import { bundledRelease, type Catalog, LEAF_NAME, sideOf } from "../catalog/index.ts";
import { callNames, list } from "./words.ts";

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
  const known = SOURCES.find((source) => source.version === bundledRelease(module) && source.revision === revision);
  if (origin === "published") {
    const files = [...new Set(leaves.map((leaf) => leaf.handler.file))];
    return [
      `A table made and published by hand${files.length === 0 ? "" : ` (${list(files)})`}; it states no operands, statuses or OP_STATEs.`,
    ];
  }
  if (origin === "read") return [readByHand(version, repository, revision)];
  const where = `${repository ?? `the source of ${version}`}${revision === null ? "" : ` at ${revision.slice(0, 12)}`}`;
  return [`Extracted from ${where}${mirror(known)}; lines: --evidence.`, ...sameAs(known)];
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

/** How far a report sees of its module: all of it, what somebody read, or what a table lists. */
type Origin = Catalog["module"]["origin"];

/**
 * Calls of a host, or of its guests, that the catalog has not. Only an extracted module can be said not to have them.
 *
 * @param missing names of calls
 */
export function missingCalls(origin: Origin, missing: readonly string[]): string[] {
  // A host calls the P-SEAMLDR, too, whose calls no module has.
  const own = missing.filter((name) => LEAF_NAME.test(name));
  const sides = (["host", "guest"] as const).flatMap((side) => {
    const names = callNames(own.filter((name) => sideOf(name) === side));
    return names.length === 0 ? [] : [`${list(names)}, which ${side === "host" ? "the host" : "a guest"} calls`];
  });
  if (sides.length === 0) return [];
  if (origin === "extracted") return [`The module does not have ${sides.join(", nor ")}.`];
  return [
    `Not ${origin === "read" ? "read" : "in the table"}, so that nobody knows whom they meet: ${sides.join("; ")}.`,
  ];
}

/** ` among the calls that were read`: what a sentence adds that says what no call does, where not all calls are known. */
export function asFarAsKnown(origin: Origin): string {
  if (origin === "extracted") return "";
  return origin === "read" ? " among the calls that were read" : " in the table";
}

/** A tree that nobody compared with the vendor's is called what it is. */
function mirror(known: ModuleSource | undefined): string {
  return known !== undefined && known.compared === undefined ? " (a mirror, not compared with a tag)" : "";
}

function sameAs(known: ModuleSource | undefined): string[] {
  if (known === undefined) return [];
  const { compared } = known;
  if (compared === undefined) return [];
  const but = compared.differ.length === 0 ? "" : ` but for ${list(compared.differ)}`;
  return [`The tree equals tag ${compared.tag} of ${compared.repository}${but}.`];
}
