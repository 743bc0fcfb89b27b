/** Objects of a caller, as the functions that it gives them to see them. */

import { isWithin, type State } from "./state.ts";
import { objectValue, setOf, TOP, type Value } from "./values.ts";

/** Objects of the caller under the callee's names. */
export interface Passed {
  readonly args: readonly Value[];
  readonly vars: ReadonlyMap<string, Value>;
  /** The callee's name of an object → the caller's path. */
  readonly names: ReadonlyMap<string, string>;
  /** The caller's path of a callee's path; null for what is the callee's own. */
  readonly own: (path: string) => string | null;
  readonly back: (path: string) => Value;
}

/** Gives the objects that some values point to names of the callee's, with all that is known of them. */
export function passObjects(args: readonly Value[], state: State): Passed {
  const names = new Map<string, string>();
  const vars = new Map<string, Value>();
  const queue: string[] = [];
  const nameOf = (path: string): string => {
    for (const [name, known] of names) if (isWithin(path, known)) return name + path.slice(known.length);
    const name = `@${names.size}`;
    names.set(name, path);
    queue.push(path);
    return name;
  };
  const passed = (value: Value): Value => {
    if (value.objects.length === 0) return value;
    return setOf(value.atoms.flatMap((a) => (a.kind === "object" ? objectAtoms(nameOf(a.path)) : [a])));
  };
  const given = args.map(passed);
  for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
    const name = [...names].find(([, known]) => known === path)?.[0] as string;
    for (const [rest, value] of state.contents(path)) vars.set(name + rest, passed(value));
  }
  const own = (path: string): string | null => {
    const dot = /^@\d+/.exec(path)?.[0];
    const known = dot === undefined ? undefined : names.get(dot);
    return known === undefined || dot === undefined ? null : known + path.slice(dot.length);
  };
  const back = (path: string): Value => {
    const known = own(path);
    return known === null ? TOP : setOf(objectAtoms(known));
  };
  return { args: given, vars, names, own, back };
}

function objectAtoms(path: string): Value["atoms"] {
  return objectValue(path).atoms;
}
