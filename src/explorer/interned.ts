/**
 * JSON in which equal parts stand once: thirteen versions of a catalog say the same of most calls, too far apart for a compressor to
 * see it. Nodes refer to others by index: a text, number, boolean or null is itself, `[-1, …]` an array, `[keys, …]` an object.
 */

type Node = string | number | boolean | null | readonly number[];

/** What {@link intern} made. */
export interface Interned {
  readonly nodes: readonly Node[];
  readonly root: number;
}

const ARRAY = -1;

/** Any value that JSON can say. */
export function intern(value: unknown): Interned {
  const nodes: Node[] = [];
  const known = new Map<string, number>();
  const add = (node: Node): number => {
    const key = JSON.stringify(node);
    const at = known.get(key) ?? nodes.length;
    if (at === nodes.length) {
      nodes.push(node);
      known.set(key, at);
    }
    return at;
  };
  const put = (part: unknown): number => {
    if (Array.isArray(part)) return add([ARRAY, ...part.map((item) => put(item ?? null))]);
    if (typeof part !== "object" || part === null) return add(part as Node);
    const entries = Object.entries(part).filter(([, inner]) => inner !== undefined);
    return add([put(entries.map(([name]) => name)), ...entries.map(([, inner]) => put(inner))]);
  };
  const root = put(value);
  return { nodes, root };
}

/** A part of what was interned, by its index. Every call makes new objects, as `JSON.parse` does: equal parts are not one object. */
export function restore({ nodes }: Interned, at: number): unknown {
  const shapes = new Map<number, readonly string[]>();
  const namesOf = (kind: number): readonly string[] => {
    const names = shapes.get(kind) ?? (nodes[kind] as readonly number[]).slice(1).map((name) => nodes[name] as string);
    shapes.set(kind, names);
    return names;
  };
  const make = (index: number): unknown => {
    const node = nodes[index];
    if (!Array.isArray(node)) return node;
    const parts = node as readonly number[];
    const kind = parts[0] as number;
    if (kind === ARRAY) {
      const items: unknown[] = [];
      for (let i = 1; i < parts.length; i++) items.push(make(parts[i] as number));
      return items;
    }
    const made: Record<string, unknown> = {};
    namesOf(kind).forEach((name, i) => {
      const value = make(parts[i + 1] as number);
      // The one name that an assignment does not make a property of.
      if (name === "__proto__")
        Object.defineProperty(made, name, { value, enumerable: true, writable: true, configurable: true });
      else made[name] = value;
    });
    return made;
  };
  return make(at);
}

/** The index of a part of an object or array that was interned; `undefined` where there is none of that name. */
export function partOf({ nodes }: Interned, at: number, name: string | number): number | undefined {
  const [kind = ARRAY, ...parts] = nodes[at] as readonly number[];
  if (kind === ARRAY) return parts[Number(name)];
  const names = (nodes[kind] as readonly number[]).slice(1);
  return parts[names.findIndex((index) => nodes[index] === name)];
}

/** How many items an array has that was interned. */
export function lengthOf({ nodes }: Interned, at: number): number {
  return (nodes[at] as readonly number[]).length - 1;
}
