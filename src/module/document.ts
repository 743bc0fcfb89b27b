/** The text of an extracted catalog, known to be one that can be read again. Loads the schema: only what needs it imports this. */

import { parseCatalog } from "../catalog/index.ts";
import { SeamlockError } from "../errors.ts";

/**
 * Reads a catalog's text field by field, as `--module` does: a tree nobody thought of must not make one that it refuses.
 *
 * @throws SeamlockError SL1054
 */
export function checkDocument(text: string, tree: string): void {
  try {
    parseCatalog(text, tree);
  } catch (cause) {
    if (!(cause instanceof SeamlockError)) throw cause;
    throw new SeamlockError("SL1054", `what was read of ${tree} makes no catalog: ${cause.message}`, {
      cause,
      place: { file: tree },
      hint: "nothing was written; the diagnostics above say what was not understood",
    });
  }
}
