/** The matrix: which two calls can meet, and on what. */
import type { ContendPair } from "../../analysis/index.ts";
import type { Leaf } from "../../catalog/index.ts";

/** `tdh_mem_track`, or `tdh_vp_init~version=0`: an entry's name in URLs. */
export function entryId(leaf: { readonly name: string; readonly variant: string | null }): string {
  return leaf.variant === null ? leaf.name : `${leaf.name}~${leaf.variant}`;
}

/** One end of a pair as an entry's name. */
export function endId(pair: ContendPair, end: "a" | "b"): string {
  return end === "a"
    ? entryId({ name: pair.a, variant: pair.variantA })
    : entryId({ name: pair.b, variant: pair.variantB });
}

/** What the matrix leaves out. */
export interface MatrixFilter {
  readonly resource: string | null;
  readonly opState: string | null;
  /** `host`: two SEAMCALLs; `guest`: at least one TDCALL. */
  readonly side: "host" | "guest" | null;
}

/** What two calls are to each other. */
export interface Cell {
  readonly verdict: "possible" | "excluded";
  readonly pairs: readonly ContendPair[];
  /** Resources on which the two can contend, in the order of reports. */
  readonly on: readonly string[];
}

/** Cells by {@link cellKey}; two calls without a cell never conflict. */
export type Matrix = ReadonlyMap<string, Cell>;

/** The key of two entries, in either order. */
export function cellKey(a: string, b: string): string {
  return a <= b ? `${a}\n${b}` : `${b}\n${a}`;
}

/** Does a pair pass the filter? */
export function passes(pair: ContendPair, { resource, opState, side }: MatrixFilter): boolean {
  if (resource !== null && pair.resource !== resource) return false;
  if (opState !== null && pair.opStates !== null && !pair.opStates.includes(opState)) return false;
  const guests = Number(pair.sideA === "guest") + Number(pair.sideB === "guest");
  return side === null || (side === "host" ? guests === 0 : guests > 0);
}

/** The cells of all pairs that pass. */
export function matrixOf(pairs: readonly ContendPair[], filter: MatrixFilter): Matrix {
  const groups = new Map<string, ContendPair[]>();
  for (const pair of pairs) {
    if (!passes(pair, filter)) continue;
    const key = cellKey(endId(pair, "a"), endId(pair, "b"));
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [pair]);
    else group.push(pair);
  }
  return new Map([...groups].map(([key, group]) => [key, cellOf(group)]));
}

function cellOf(pairs: readonly ContendPair[]): Cell {
  const on = [...new Set(pairs.filter((p) => p.possible).map((p) => p.resource))];
  return { verdict: on.length > 0 ? "possible" : "excluded", pairs, on };
}

/** The entries that have a cell with another one of the list, in the list's order. */
export function withCells(entries: readonly Leaf[], matrix: Matrix): readonly Leaf[] {
  const ids = entries.map(entryId);
  return entries.filter((_, i) => ids.some((other) => matrix.has(cellKey(ids[i] ?? "", other))));
}

/** A cell in one sentence. */
export function cellText(a: string, b: string, cell: Cell | undefined): string {
  const names = a === b ? `${a} with itself` : `${a} and ${b}`;
  if (cell === undefined) return `${names}: never`;
  if (cell.verdict === "possible") return `${names}: possible on ${cell.on.join(", ")}`;
  const why = [...new Set(cell.pairs.flatMap((p) => p.excludedBy.map(({ kind, what }) => `${kind}: ${what}`)))];
  return `${names}: excluded (${why.slice(0, 3).join("; ")}${why.length > 3 ? "; …" : ""})`;
}
