/** Reads excerpts out of a tree. */
import { readFileSync, statSync } from "node:fs";
import { resolve, sep } from "node:path";
import { type Excerpt, placeKey, placesIn, type SourceLine } from "../excerpts.ts";

/** Lines before and after the one that is named. */
const AROUND = 1;
/** No line is shown longer than this. */
const LONGEST = 240;

/**
 * The lines around every place that facts name, by {@link placeKey}. A place whose file cannot be read, or that is outside the tree, has
 * none.
 */
export function excerptsOf(tree: string, facts: unknown): Record<string, Excerpt> {
  const files = new Map<string, readonly string[] | null>();
  const linesOf = (file: string): readonly string[] | null => {
    if (!files.has(file)) files.set(file, read(tree, file));
    return files.get(file) ?? null;
  };
  const found = placesIn(facts).map((place) => [placeKey(place), excerpt(place, linesOf(place.file))] as const);
  return Object.fromEntries(found.filter((pair): pair is [string, Excerpt] => pair[1] !== null));
}

function excerpt({ line }: SourceLine, lines: readonly string[] | null): Excerpt | null {
  if (lines === null || line < 1 || line > lines.length) return null;
  const first = Math.max(1, line - AROUND);
  return { first, lines: lines.slice(first - 1, line + AROUND).map((text) => text.trimEnd().slice(0, LONGEST)) };
}

function read(tree: string, file: string): readonly string[] | null {
  const path = resolve(tree, file);
  if (!path.startsWith(resolve(tree) + sep)) return null;
  try {
    return statSync(path).isFile() ? readFileSync(path, "utf8").split("\n") : null;
  } catch {
    return null;
  }
}
