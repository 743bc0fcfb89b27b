/** The pairs of two calls as a table, one row for each lock on which they meet. */
import { type ContendPair, type PairVerdict, verdictOf } from "../../analysis/index.ts";
import type { Catalog } from "../../catalog/index.ts";
import { conditionWords, shortStatus } from "../../report/index.ts";
import { exclusionTexts } from "./exclusions.ts";

/** What a verdict is called. */
export const VERDICT_WORDS: Readonly<Record<PairVerdict, string>> = {
  possible: "possible",
  excluded: "excluded",
  "not-judged": "not judged",
};

const HEAD = ["On", "Verdict", "Excluded by", "OP_STATEs"];
const SIDE = ["call", "mode", "resource", "when", "status", "stops at"];

/** Rows of text, the head first. */
export function pairRows(catalog: Catalog, pairs: readonly ContendPair[]): string[][] {
  const head = [...HEAD, ...SIDE.map((name) => `A: ${name}`), ...SIDE.map((name) => `B: ${name}`)];
  return [head, ...pairs.map((pair) => pairRow(catalog, pair))];
}

/** When one end of a pair takes the lock, in words; null: always. */
export function endWords(pair: ContendPair, end: "a" | "b"): string | null {
  return end === "a"
    ? conditionWords(pair.a, { resource: pair.resourceA, when: pair.whenA, condition: pair.conditionA })
    : conditionWords(pair.b, { resource: pair.resourceB, when: pair.whenB, condition: pair.conditionB });
}

function pairRow(catalog: Catalog, pair: ContendPair): string[] {
  const named = (name: string, more: string | null): string => (more === null ? name : `${name} ${more}`);
  const status = (code: string | null): string => (code === null ? "none" : shortStatus(catalog, code));
  return [
    pair.resource,
    VERDICT_WORDS[verdictOf(pair)],
    exclusionTexts(pair.excludedBy).join("; "),
    pair.opStates === null ? "any" : pair.opStates.join(" "),
    named(pair.a, pair.variantA),
    pair.modeA,
    named(pair.resourceA, pair.roleA),
    endWords(pair, "a") ?? "always",
    status(pair.statusA),
    pair.stopsA,
    named(pair.b, pair.variantB),
    pair.modeB,
    named(pair.resourceB, pair.roleB),
    endWords(pair, "b") ?? "always",
    status(pair.statusB),
    pair.stopsB,
  ];
}
