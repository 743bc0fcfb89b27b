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
 *   SL2005 another version of the format · SL2006 a field is missing, unknown, of the wrong type, or names what is not there ·
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
  checkReleaseOrders(parsed.data, body, file);
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

/** An order of releases that is not of the leaf's rows would be looked up by nobody, and the usual one taken instead. */
function checkReleaseOrders({ leaves }: Catalog, text: string, file: string): void {
  for (const [i, { acquisitions, releaseOrders = [] }] of leaves.entries()) {
    const rows = new Set(acquisitions.flatMap(({ order }) => order ?? []));
    for (const [k, { end, refused, locks }] of releaseOrders.entries()) {
      const fail = (field: readonly (string | number)[], fault: string): SeamlockError => {
        const path = ["leaves", i, "releaseOrders", k, ...field];
        const hint = "schemas/catalog.json describes every field";
        return new SeamlockError("SL2006", `${fieldPath(path)}: ${fault}`, { place: placeOf(text, file, path), hint });
      };
      if (refused === undefined && end === "busy") throw fail([], "a call that ends busy is refused at a lock");
      if (refused !== undefined && end !== "busy") throw fail(["refused"], `a call that ends in ${end} is not refused`);
      if (refused !== undefined && !rows.has(refused)) throw fail(["refused"], `no row has the order ${refused}`);
      for (const [n, lock] of locks.entries()) {
        if (!rows.has(lock)) throw fail(["locks", n], `no row has the order ${lock}`);
        if (locks.indexOf(lock) < n) throw fail(["locks", n], `${lock} stands there twice`);
      }
    }
  }
}
