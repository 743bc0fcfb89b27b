/** Text → Catalog, with a place and a next step for whatever is wrong. */
import type { z } from "zod";
import { SeamlockError } from "../errors.ts";
import { fieldAt, fieldFault, fieldPath } from "../text.ts";
import { checkKind, nameReleaseKinds, placeOf, readJson } from "./own-catalog.ts";
import { catalogSchema } from "./schema.ts";
import type { Catalog } from "./types.ts";

/**
 * Reads a Catalog from the text of `seamlock/catalog@1`.
 *
 * @param text the whole file
 * @param file its name, for messages
 * @throws SeamlockError SL2001 empty · SL2002 not JSON · SL2003 truncated · SL2004 another kind of document ·
 *   SL2005 another version of the format · SL2006 a field is missing, unknown or of the wrong type ·
 *   SL2007 two entries of one leaf and variant
 */
export function parseCatalog(text: string, file: string): Catalog {
  const body = text.startsWith("\uFEFF") ? text.slice(1) : text;
  const value = readJson(body, file);
  checkKind(value, body, file);
  nameReleaseKinds(value);
  const parsed = catalogSchema.safeParse(value);
  if (!parsed.success) throw invalidField(parsed.error.issues, value, body, file);
  checkUnique(parsed.data, body, file);
  return parsed.data;
}

function invalidField(issues: readonly z.core.$ZodIssue[], value: unknown, text: string, file: string): SeamlockError {
  const [first] = issues;
  const path = (first?.path ?? []).map((step) => (typeof step === "number" ? step : String(step)));
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : "";
  const fault = first === undefined ? "is not valid" : fieldFault(first, fieldAt(value, path));
  const place = placeOf(text, file, path);
  const hint = "schemas/catalog.json describes every field";
  return new SeamlockError("SL2006", `${fieldPath(path) || "the document"}: ${fault}${more}`, { place, hint });
}

function checkUnique(catalog: Catalog, text: string, file: string): void {
  const seen = new Set<string>();
  catalog.leaves.forEach((leaf, i) => {
    const key = `${leaf.name} ${leaf.variant ?? ""}`;
    if (seen.has(key)) {
      const variant = leaf.variant === null ? "without a variant" : `of variant "${leaf.variant}"`;
      const place = placeOf(text, file, ["leaves", i]);
      const hint = "give each entry of one leaf its own variant";
      throw new SeamlockError("SL2007", `${leaf.name} has two entries ${variant}`, { place, hint });
    }
    seen.add(key);
  });
}
