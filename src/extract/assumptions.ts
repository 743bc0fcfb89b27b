/**
 * What was assumed on the way to a situation: which side of which tests, and what follows from that.
 *
 * Assumptions never change; each further one makes a new value that knows the one it was made from. Where two ways meet again
 * they are back at what held before the ways parted.
 */

import { and, FALSE, type Formula, not, or, sameValue, TRUE, type Value } from "./values.ts";

/** A branch that was taken: which test, which side, and what that means. */
export interface Guard {
  /** The same for both sides of one test in one calling context. */
  readonly fork: string;
  readonly side: boolean;
  readonly formula: Formula;
  /** The test as its own function writes it. */
  readonly written: string | null;
}

export class Assumptions {
  static readonly NONE = new Assumptions(null, [], new Map(), new Map());
  /** In the order in which they were made. */
  readonly guards: readonly Guard[];
  private readonly parent: Assumptions | null;
  /** Conditions that the guards decide, by key. */
  private readonly known: Map<string, boolean>;
  /** Unknown values that a guard equates with a constant. */
  private readonly equals: Map<string, Value>;

  private constructor(
    parent: Assumptions | null,
    guards: readonly Guard[],
    known: Map<string, boolean>,
    equals: Map<string, Value>,
  ) {
    this.parent = parent;
    this.guards = guards;
    this.known = known;
    this.equals = equals;
  }

  with(guard: Guard): Assumptions {
    const result = new Assumptions(this, [...this.guards, guard], new Map(this.known), new Map(this.equals));
    result.remember(guard.formula, true);
    return result;
  }

  /** The first `count` of these. */
  first(count: number): Assumptions {
    let result: Assumptions = this;
    while (result.guards.length > count && result.parent) result = result.parent;
    return result;
  }

  /** Those of these, in their order, that two ways share. */
  shared(other: Assumptions): Assumptions {
    const common = this.commonWith(other);
    if (common === this.guards.length) return this;
    if (common === other.guards.length) return other;
    let result = this.first(common);
    const rest = other.guards.slice(common);
    for (const guard of this.guards.slice(common)) if (rest.includes(guard)) result = result.with(guard);
    return result;
  }

  /** How many guards two ways have in common before they part. */
  commonWith(other: Assumptions): number {
    let common = 0;
    while (common < this.guards.length && this.guards[common] === other.guards[common]) common++;
    return common;
  }

  /** What the assumptions say about a condition. */
  simplify(f: Formula): Formula {
    switch (f.k) {
      case "const":
        return f;
      case "not":
        return not(this.simplify(f.f));
      case "and":
      case "or": {
        const known = this.known.get(f.key);
        if (known !== undefined) return known ? TRUE : FALSE;
        const parts = f.fs.map((p) => this.simplify(p));
        if (parts.every((part, i) => part === f.fs[i])) return f;
        return f.k === "and" ? and(...parts) : or(...parts);
      }
      case "atom": {
        const known = this.known.get(f.key);
        return known === undefined ? f : known ? TRUE : FALSE;
      }
    }
  }

  /** Resolves a value by what is assumed. */
  resolve(v: Value): Value {
    if (v.t === "sym") return this.equals.get(v.id) ?? v;
    if (v.t !== "ite") return v;
    const c = this.simplify(v.c);
    if (c.k === "const") return this.resolve(c.value ? v.a : v.b);
    const a = this.resolve(v.a);
    const b = this.resolve(v.b);
    if (a === v.a && b === v.b && c === v.c) return sameValue(a, b) ? a : v;
    return sameValue(a, b) ? a : { t: "ite", c, a, b };
  }

  /** Remembers a condition and what follows from it. */
  private remember(f: Formula, value: boolean): void {
    if (f.k === "const") return;
    this.known.set(f.key, value);
    const binding = f.k === "atom" ? (value ? f.binding : f.otherwise) : null;
    if (binding) this.equals.set(binding.id, binding.value);
    if (f.k === "not") this.remember(f.f, !value);
    else if ((f.k === "and" && value) || (f.k === "or" && !value)) for (const part of f.fs) this.remember(part, value);
  }
}
