/**
 * What is known of memory, by location.
 *
 * The variables of each invocation are a region of their own, and everything else is one more. Copies share the regions that
 * neither has changed since, so that a copy costs little, the end of an invocation is the end of its region, and where two
 * copies meet again only what differs is looked at.
 */

import type { Value } from "./values.ts";

interface Region {
  readonly values: Map<string, Value>;
  /** More than one memory may have it: whoever changes it copies it first. */
  shared: boolean;
}

/** The region of what is no invocation's variable. */
const REST = 0;

/** The number of the invocation whose variable a location is in: of `f12:x` and `f12:x.y`; 0 for any other location. */
export function invocationOf(key: string): number {
  if (key.charCodeAt(0) !== 102) return REST;
  let number = 0;
  for (let i = 1; i < key.length; i++) {
    const c = key.charCodeAt(i);
    if (c === 58) return number;
    if (c < 48 || c > 57) return REST;
    number = number * 10 + c - 48;
  }
  return REST;
}

export class Memory {
  private readonly regions: Map<number, Region>;

  constructor(regions: Map<number, Region> = new Map()) {
    this.regions = regions;
  }

  copy(): Memory {
    for (const region of this.regions.values()) region.shared = true;
    return new Memory(new Map(this.regions));
  }

  get(key: string): Value | undefined {
    return this.regions.get(invocationOf(key))?.values.get(key);
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  set(key: string, value: Value): void {
    this.own(invocationOf(key)).set(key, value);
  }

  delete(key: string): void {
    if (this.has(key)) this.own(invocationOf(key)).delete(key);
  }

  /** The locations in the structure or array at `key`, and their values. */
  inside(key: string): readonly (readonly [key: string, value: Value])[] {
    return [...(this.regions.get(invocationOf(key))?.values ?? [])].filter(([other]) => isInside(other, key));
  }

  /** Forgets the locations in the structure or array at `key`. */
  deleteInside(key: string): void {
    const number = invocationOf(key);
    for (const other of this.regions.get(number)?.values.keys() ?? [])
      if (isInside(other, key)) this.own(number).delete(other);
  }

  /** Forgets the variables of an invocation. */
  deleteInvocation(number: number): void {
    this.regions.delete(number);
  }

  /** Every location and its value. */
  *entries(): Generator<[key: string, value: Value]> {
    for (const { values } of this.regions.values()) yield* values;
  }

  /** The variables of one invocation. */
  variables(invocation: number): Iterable<[key: string, value: Value]> {
    return this.regions.get(invocation)?.values ?? [];
  }

  /**
   * The memory where two ways meet.
   *
   * @param merge value of a location that one of the two, or each, has a value for
   */
  static meet(a: Memory, b: Memory, merge: (key: string) => Value): Memory {
    const result = new Memory();
    for (const number of new Set([...a.regions.keys(), ...b.regions.keys()])) {
      const first = a.regions.get(number);
      const second = b.regions.get(number);
      if (first && first === second) {
        first.shared = true;
        result.regions.set(number, first);
        continue;
      }
      const values = new Map<string, Value>();
      for (const key of first?.values.keys() ?? []) values.set(key, merge(key));
      for (const key of second?.values.keys() ?? []) if (!values.has(key)) values.set(key, merge(key));
      result.regions.set(number, { values, shared: false });
    }
    return result;
  }

  /** The values of a region, to be changed. */
  private own(number: number): Map<string, Value> {
    let region = this.regions.get(number);
    if (region === undefined || region.shared) {
      region = { values: new Map(region?.values), shared: false };
      this.regions.set(number, region);
    }
    return region.values;
  }
}

function isInside(key: string, outer: string): boolean {
  if (key.length <= outer.length) return false;
  const next = key.charCodeAt(outer.length);
  return (next === 46 || next === 91) && key.startsWith(outer);
}
