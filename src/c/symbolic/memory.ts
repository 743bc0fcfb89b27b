/**
 * What is known of memory, by location.
 *
 * The variables of each invocation are a region of their own, and everything else is one more. Copies share the regions that
 * neither has changed since, so that a copy costs little, the end of an invocation is the end of its region, and where two
 * copies join again only what differs is looked at.
 */

import type { Location, Value } from "./values.ts";

interface Region {
  readonly values: Map<Location, Value>;
  /** More than one memory may have it: whoever changes it copies it first. */
  shared: boolean;
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

  get(at: Location): Value | undefined {
    return this.regions.get(at.invocation)?.values.get(at);
  }

  has(at: Location): boolean {
    return this.get(at) !== undefined;
  }

  set(at: Location, value: Value): void {
    this.own(at.invocation).set(at, value);
  }

  delete(at: Location): void {
    if (this.has(at)) this.own(at.invocation).delete(at);
  }

  /** The locations in the structure or array at a place, and their values. */
  inside(at: Location): readonly (readonly [at: Location, value: Value])[] {
    return [...(this.regions.get(at.invocation)?.values ?? [])].filter(([other]) => isInside(other, at));
  }

  /** Forgets the locations in the structure or array at a place. */
  deleteInside(at: Location): void {
    const number = at.invocation;
    for (const other of this.regions.get(number)?.values.keys() ?? [])
      if (isInside(other, at)) this.own(number).delete(other);
  }

  /** Forgets the variables of an invocation. */
  deleteInvocation(number: number): void {
    this.regions.delete(number);
  }

  /** Every location and its value. */
  *entries(): Generator<[at: Location, value: Value]> {
    for (const { values } of this.regions.values()) yield* values;
  }

  /** The variables of one invocation. */
  variables(invocation: number): Iterable<[at: Location, value: Value]> {
    return this.regions.get(invocation)?.values ?? [];
  }

  /**
   * The memory where two paths join.
   *
   * @param merge value of a location that one of the two, or each, has a value for
   */
  static join(a: Memory, b: Memory, merge: (at: Location) => Value): Memory {
    const result = new Memory();
    for (const number of new Set([...a.regions.keys(), ...b.regions.keys()])) {
      const first = a.regions.get(number);
      const second = b.regions.get(number);
      if (first && first === second) {
        first.shared = true;
        result.regions.set(number, first);
        continue;
      }
      const values = new Map<Location, Value>();
      for (const at of first?.values.keys() ?? []) values.set(at, merge(at));
      for (const at of second?.values.keys() ?? []) if (!values.has(at)) values.set(at, merge(at));
      result.regions.set(number, { values, shared: false });
    }
    return result;
  }

  /** The values of a region, to be changed. */
  private own(number: number): Map<Location, Value> {
    let region = this.regions.get(number);
    if (region === undefined || region.shared) {
      region = { values: new Map(region?.values), shared: false };
      this.regions.set(number, region);
    }
    return region.values;
  }
}

/** Is a location a member or an element of another, or in one? */
export function isInside(at: Location, outer: Location): boolean {
  for (let around = at.parent; around !== null; around = around.parent) if (around === outer) return true;
  return false;
}
