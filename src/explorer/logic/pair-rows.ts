/** The pairs of two calls as a table, one row for each lock on which they meet. */
import type { ContendPair } from "../../analysis/index.ts";
import { type Catalog, statusText } from "../../catalog/index.ts";

const HEAD = ["On", "Verdict", "Excluded by", "OP_STATEs"];
const SIDE = ["call", "mode", "resource", "when", "status", "stops at"];

/** Rows of text, the head first. */
export function pairRows(catalog: Catalog, pairs: readonly ContendPair[]): string[][] {
  const head = [...HEAD, ...SIDE.map((name) => `A: ${name}`), ...SIDE.map((name) => `B: ${name}`)];
  return [head, ...pairs.map((pair) => pairRow(catalog, pair))];
}

function pairRow(catalog: Catalog, pair: ContendPair): string[] {
  const named = (name: string, more: string | null): string => (more === null ? name : `${name} ${more}`);
  const status = (code: string | null): string => (code === null ? "none" : statusText(catalog, code));
  return [
    pair.resource,
    pair.possible ? "possible" : "excluded",
    pair.excludedBy.map(({ kind, what }) => `${kind}: ${what}`).join("; "),
    pair.opStates === null ? "any" : pair.opStates.join(" "),
    named(pair.a, pair.variantA),
    pair.modeA,
    named(pair.resourceA, pair.roleA),
    pair.whenA ?? "always",
    status(pair.statusA),
    pair.stopsA,
    named(pair.b, pair.variantB),
    pair.modeB,
    named(pair.resourceB, pair.roleB),
    pair.whenB ?? "always",
    status(pair.statusB),
    pair.stopsB,
  ];
}
