/** HostProfile → YAML, as people read it: one line for a place, a lock use and a clause. */
import { Document, isMap, isSeq, type Node, visit } from "yaml";
import type { HostProfile } from "./schema.ts";

/** Keys whose values stand on one line each. */
const FLAT = new Set(["evidence", "places", "onBusy", "locks", "phases", "opStates", "calls", "overruns", "pageSizes"]);

/** A profile as a YAML file; the same profile gives the same bytes. */
export function serializeHost(profile: HostProfile): string {
  const doc = new Document(profile, { aliasDuplicateObjects: false });
  visit(doc, {
    Pair(_key, pair) {
      const name = (pair.key as { value?: unknown } | null)?.value;
      const { value } = pair;
      if (typeof name !== "string" || !isSeq(value)) return undefined;
      if (name === "holds") for (const item of value.items) flattenUse(item as Node);
      else if (FLAT.has(name)) flatten(name, value.items as Node[], value);
      return undefined;
    },
  });
  return doc.toString({ lineWidth: 0, flowCollectionPadding: true });
}

/** A lock use stands on one line, but for its evidence. */
function flattenUse(use: Node): void {
  if (isMap(use)) use.flow = true;
}

function flatten(name: string, items: readonly Node[], list: { flow?: boolean }): void {
  if (items.every((item) => !isMap(item))) list.flow = true;
  // Phases of a profile are described at length; those of a path are words.
  else if (name !== "phases") for (const item of items) if (isMap(item)) item.flow = true;
}
