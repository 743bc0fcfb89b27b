/** Text → Catalog where nothing needs to be checked but that it is one; without the schema, which takes long to load. */
import { SeamlockError } from "../errors.ts";
import { findJsonFault, type JsonPath, lineAndColumn, locateJson } from "./json.ts";
import { releasePlace } from "./release.ts";
import type { Catalog } from "./types.ts";

const NAME = "seamlock/catalog";
const VERSION = 1;
const REMAKE = "make it again with `seamlock extract TREE -o FILE`";

/**
 * Reads a catalog that this package wrote itself and that its tests have checked field by field: the bundled ones. Checking
 * them again in every run would take longer than the report.
 *
 * @throws SeamlockError SL2001 to SL2005, as {@link parseCatalog}
 */
export function readOwnCatalog(text: string, file: string): Catalog {
  const value = readJson(text, file);
  checkKind(value, text, file);
  return value as Catalog;
}

/** @throws SeamlockError SL2001 to SL2003 */
export function readJson(text: string, file: string): unknown {
  if (text.trim() === "") {
    throw new SeamlockError("SL2001", "the file is empty", { place: { file }, hint: REMAKE });
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    const fault = findJsonFault(text);
    if (fault === null) throw cause;
    const place = { file, ...lineAndColumn(text, fault.offset) };
    if (fault.truncated) {
      throw new SeamlockError("SL2003", `the file is cut off: ${fault.message}`, { place, hint: REMAKE, cause });
    }
    const hint = "a catalog is a JSON file as `seamlock extract TREE -o FILE` writes it";
    throw new SeamlockError("SL2002", `not JSON: ${fault.message}`, { place, hint, cause });
  }
}

/** @throws SeamlockError SL2004, SL2005 */
export function checkKind(value: unknown, text: string, file: string): void {
  const schema = typeof value === "object" && value !== null ? (value as { schema?: unknown }).schema : undefined;
  if (schema === `${NAME}@${VERSION}`) return;
  const place = placeOf(text, file, ["schema"]);
  const [name, version] = typeof schema === "string" ? schema.split("@") : [];
  if (name !== NAME) {
    const found =
      schema === undefined ? 'there is no "schema" field' : `its schema is ${shortened(JSON.stringify(schema))}`;
    const hint = `a catalog has "schema": "${NAME}@${VERSION}"; ${REMAKE}`;
    throw new SeamlockError("SL2004", `not a seamlock catalog: ${found}`, { place, hint });
  }
  const hint = `this seamlock reads version ${VERSION}; ${REMAKE}, or use the seamlock that wrote it`;
  throw new SeamlockError("SL2005", `catalog format version ${version ?? "(none)"} is not known`, { place, hint });
}

/** A wrong value as a message can show it. */
const shortened = (value: string): string => (value.length > 80 ? `${value.slice(0, 80)}...` : value);

/** A release of a catalog from before there was `kind` has it in `at`: one of the words, or a function's name. */
export function nameReleaseKinds(value: unknown): void {
  for (const leaf of listOf(value, "leaves")) {
    for (const row of listOf(leaf, "acquisitions")) {
      const release = isRecord(row) ? row["release"] : null;
      if (!isRecord(release) || typeof release["at"] !== "string" || "kind" in release) continue;
      Object.assign(release, releasePlace(release["at"]));
    }
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

function listOf(value: unknown, key: string): readonly unknown[] {
  const list = isRecord(value) ? value[key] : null;
  return Array.isArray(list) ? list : [];
}

/** Where a value stands in the text of a file. */
export function placeOf(text: string, file: string, path: JsonPath): { file: string; line: number; column: number } {
  return { file, ...lineAndColumn(text, locateJson(text, path)) };
}
