/** Where a lock is given back in one word, as people read it and as catalogs had it before there was a field for its kind; and when. */
import type { Acquisition, Release, ReleasePlace } from "./types.ts";

/** Where a lock is given back, for people: the kind, or the function's name; null where it is not known to be given back. */
export const releaseText = (release: Release | null | undefined): string | null =>
  !release ? null : release.kind === "function" ? release.function : release.kind;

type NamedKind = Exclude<ReleasePlace["kind"], "function">;
const NAMED: readonly NamedKind[] = ["leaf-exit", "iteration-end", "before-td-entry", "td-exit", "page-removed"];

/** One of the words of {@link ReleasePlace}, or the name of the function that gives the lock back. */
export function releasePlace(at: string): ReleasePlace & Pick<Release, "at"> {
  const kind = NAMED.find((word) => word === at);
  return kind === undefined ? { kind: "function", function: at, at } : { kind, at };
}

/**
 * Does a call give `row` back before it takes `later`? Where the catalog does not say so it is taken as still held, which can
 * only hide a contention behind an earlier one of the same two calls.
 */
export function releasedBefore(row: Acquisition, later: Acquisition): boolean {
  const [released, taken] = [row.release?.order, later.order];
  return released !== undefined && taken !== undefined && taken !== null && released <= taken;
}
