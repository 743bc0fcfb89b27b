/**
 * Under which conditions the analysis came to a situation: every test that was decided on the way, also where ways met again.
 */

import type { Formula } from "./values.ts";

/** Null is the start: no test was decided yet. Paths share what they have in common and are never changed. */
export type Path = PathStep | PathJoin | null;

/** A path, and then a test that came out so. */
export interface PathStep {
  readonly before: Path;
  readonly test: Formula;
}

/** Either of two paths, where they met. */
export interface PathJoin {
  readonly ways: readonly [Path, Path];
}

/** Either of two paths. */
export function joinPaths(a: Path, b: Path): Path {
  if (a === b) return a;
  return a === null || b === null ? null : { ways: [a, b] };
}
