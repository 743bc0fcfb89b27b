/** What is known at one place of a function on some of the ways to it: locks, local objects, facts. */

import type { Episode } from "./episode.ts";
import type { Site, Taken } from "./graph.ts";
import type { LockSet } from "./locks.ts";
import { TOP, truthOf, union, type Value, ZERO } from "./values.ts";

/** Members and globals of which something else is known than at the entry; equal sets are one object. */
export interface Facts {
  readonly id: number;
  readonly values: ReadonlyMap<string, Value>;
}

const allFacts = new Map<string, Facts>();

export function factsOf(values: ReadonlyMap<string, Value>): Facts {
  const sorted = [...values].sort(([a], [b]) => (a < b ? -1 : 1));
  const key = sorted.map(([name, value]) => `${name}=${value.id}`).join();
  const known = allFacts.get(key);
  if (known !== undefined) return known;
  const made = { id: allFacts.size, values: new Map(sorted) };
  allFacts.set(key, made);
  return made;
}

export const NO_FACTS = factsOf(new Map());

export class State {
  locks: LockSet;
  facts: Facts;
  /** By path: `name`, `name.member`; `name.*` for every member that has no entry. What is not here is not known. */
  readonly vars: Map<string, Value>;
  /** Where the locks were taken that the function itself, or what it calls, took. */
  readonly taken: Map<string, Taken>;
  /** Of a way on which a SEAMCALL gave BUSY. */
  episode: Episode | null = null;

  constructor(locks: LockSet, facts: Facts, vars: Map<string, Value>, taken: Map<string, Taken>) {
    this.locks = locks;
    this.facts = facts;
    this.vars = vars;
    this.taken = taken;
  }

  copy(): State {
    const state = new State(this.locks, this.facts, new Map(this.vars), new Map(this.taken));
    state.episode = this.episode;
    return state;
  }

  /**
   * States with equal keys are joined: locks, facts and whether the results of calls that are still to be looked at are zero; in an
   * episode, also what the status decided.
   */
  key(): string {
    let key = `${this.locks.id} ${this.facts.id}`;
    if (this.episode !== null) {
      const own = [...this.vars].flatMap(([name, value]) => (value.isMarked ? [`${name}=${value.id}`] : []));
      key += ` ${this.episode.key} ${own.sort().join()}`;
    }
    for (const [name, value] of this.vars) {
      if (name.charCodeAt(0) !== 36) continue;
      const { yes, no } = truthOf(value);
      if (yes !== no) key += ` ${name}${yes ? "+" : "-"}`;
    }
    return key;
  }

  read(path: string): Value {
    const own = this.vars.get(path);
    if (own !== undefined) return own;
    for (let at = path.lastIndexOf("."); at > 0; at = path.lastIndexOf(".", at - 1)) {
      const rest = this.vars.get(`${path.slice(0, at)}.*`);
      if (rest !== undefined) return rest;
    }
    return TOP;
  }

  write(path: string, value: Value): void {
    if (value === TOP && !this.hasDefault(path)) this.vars.delete(path);
    else this.vars.set(path, value);
  }

  private hasDefault(path: string): boolean {
    for (let at = path.lastIndexOf("."); at > 0; at = path.lastIndexOf(".", at - 1))
      if (this.vars.has(`${path.slice(0, at)}.*`)) return true;
    return false;
  }

  /** Nothing is known any more of an object and its members. */
  forget(path: string): void {
    for (const key of this.vars.keys()) if (isWithin(key, path)) this.vars.delete(key);
    if (this.hasDefault(path)) {
      this.vars.set(path, TOP);
      this.vars.set(`${path}.*`, TOP);
    }
  }

  /** All members of an object are zero. */
  zero(path: string): void {
    this.forget(path);
    this.vars.set(`${path}.*`, ZERO);
  }

  /** Paths and values of an object and its members, the path taken off. */
  contents(path: string): [string, Value][] {
    const found: [string, Value][] = [];
    for (const [key, value] of this.vars) if (isWithin(key, path)) found.push([key.slice(path.length), value]);
    return found;
  }
}

export function isWithin(key: string, path: string): boolean {
  if (!key.startsWith(path)) return false;
  const next = key.charCodeAt(path.length);
  return Number.isNaN(next) || next === 46 || next === 91;
}

/**
 * What holds on the ways of two states with one key. Gives `a` itself when `b` adds nothing.
 *
 * @param widen what differs is not known any more, so that a loop comes to its end
 */
export function join(a: State, b: State, widen: boolean): State {
  let changed: State | null = null;
  const target = (): State => {
    changed ??= a.copy();
    return changed;
  };
  for (const [path, value] of a.vars) {
    const other = b.vars.get(path) ?? (path.endsWith(".*") ? null : b.read(path));
    if (other === value) continue;
    const both = other === null || widen ? TOP : union(value, other);
    if (both === value) continue;
    if (path.endsWith(".*")) target().vars.delete(path);
    else target().write(path, both);
  }
  // What only the other one knows is joined with what this one knows by default.
  for (const [path, value] of b.vars) {
    if (a.vars.has(path) || path.endsWith(".*")) continue;
    const own = a.read(path);
    if (own === TOP || own === value) continue;
    target().write(path, widen ? TOP : union(own, value));
  }
  for (const [key, place] of b.taken) {
    const own = a.taken.get(key);
    if (own === undefined || comparePlaces(place, own) < 0) target().taken.set(key, place);
  }
  return changed ?? a;
}

export function comparePlaces(a: Site, b: Site): number {
  return a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1;
}

/** The state after something that is not known did what it liked with the objects that it was given. */
export function forgetting(state: State, args: readonly Value[]): State {
  const seen = new Set<string>();
  const queue = args.flatMap((value) => value.objects);
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (seen.has(path)) continue;
    seen.add(path);
    for (const [, value] of state.contents(path)) queue.push(...value.objects);
    state.forget(path);
  }
  return state;
}
