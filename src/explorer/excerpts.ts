/**
 * Lines of source around the places that facts name. They are of a tree on its user's machine: its page is served them, and no file that
 * travels gets them.
 */

/** A line of a tree, as facts name it. */
export interface SourceLine {
  readonly file: string;
  readonly line: number;
}

/** A few lines, and the number of the first. */
export interface Excerpt {
  readonly first: number;
  readonly lines: readonly string[];
}

/** By the name of a module or host, then by {@link placeKey}. */
type OfTrees = Readonly<Record<string, Readonly<Record<string, Excerpt>>>>;

/** What trees say that were named on the command line. */
export interface Excerpts {
  readonly modules: OfTrees;
  readonly hosts: OfTrees;
}

/** No tree is at hand. */
export const NO_EXCERPTS: Excerpts = { modules: {}, hosts: {} };

/** `src/a.c:12` */
export const placeKey = ({ file, line }: SourceLine): string => `${file}:${line}`;

/** What a tree says at a place; null where it was not read. */
export function excerptAt(trees: OfTrees, name: string, place: SourceLine): Excerpt | null {
  const tree = Object.hasOwn(trees, name) ? trees[name] : undefined;
  const key = placeKey(place);
  return (tree !== undefined && Object.hasOwn(tree, key) ? tree[key] : undefined) ?? null;
}

/** Every place that facts name, each once, in the order in which it is met. */
export function placesIn(facts: unknown): readonly SourceLine[] {
  const found = new Map<string, SourceLine>();
  const walk = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    const { file, line } = value as Partial<SourceLine>;
    if (typeof file === "string" && Number.isInteger(line)) found.set(`${file}:${line}`, value as SourceLine);
    for (const inner of Object.values(value)) walk(inner);
  };
  walk(facts);
  return [...found.values()];
}
