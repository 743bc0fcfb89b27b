/** Where a lock is given back, in one word: as people read it, and as catalogs had it before there was a field for its kind. */
import type { Release, ReleasePlace } from "./types.ts";

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
