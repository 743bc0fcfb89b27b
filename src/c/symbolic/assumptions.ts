/**
 * What was assumed on the way to a situation: which side of which tests, and what follows from that.
 *
 * Assumptions never change; each further one makes a new value that knows the one it was made from. Where two ways meet again
 * they are back at what held before the ways parted.
 */

import {
  and,
  type Comparison,
  FALSE,
  type Formula,
  not,
  or,
  sameValue,
  type Test,
  TRUE,
  type Value,
} from "./values.ts";

/** A branch that was taken: which test, which side, and what that means. */
export interface Guard {
  /** The same for both sides of one test in one calling context. */
  readonly fork: string;
  readonly side: boolean;
  readonly formula: Formula;
  readonly written: WrittenTest | null;
}

/** The test of an `if`, as its function writes it. */
export interface WrittenTest {
  readonly text: string;
  /** Is it an `else if`, so that the test before it is part of the same choice? */
  readonly isElse: boolean;
}

/** The least and the largest value that an unknown value can have; values are unsigned 64-bit numbers. */
interface Range {
  readonly least: bigint;
  readonly most: bigint;
}

const ANY: Range = { least: 0n, most: (1n << 64n) - 1n };

export class Assumptions {
  static readonly NONE = new Assumptions(null, [], new Map(), new Map(), new Map());
  /** In the order in which they were made. */
  readonly guards: readonly Guard[];
  private readonly parent: Assumptions | null;
  /** Conditions that the guards decide, by key. */
  private readonly known: Map<string, boolean>;
  /** Unknown values that a guard equates with a constant. */
  private equals: ReadonlyMap<string, Value>;
  /** Unknown values that guards compare with constants. */
  private ranges: ReadonlyMap<string, Range>;

  private constructor(
    parent: Assumptions | null,
    guards: readonly Guard[],
    known: Map<string, boolean>,
    equals: ReadonlyMap<string, Value>,
    ranges: ReadonlyMap<string, Range>,
  ) {
    this.parent = parent;
    this.guards = guards;
    this.known = known;
    this.equals = equals;
    this.ranges = ranges;
  }

  with(guard: Guard): Assumptions {
    const result = new Assumptions(this, [...this.guards, guard], new Map(this.known), this.equals, this.ranges);
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
        const known = this.known.get(f.key) ?? this.decidedByRange(f);
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
    if (binding) this.equals = new Map(this.equals).set(binding.id, binding.value);
    if (f.k === "not") this.remember(f.f, !value);
    else if (f.k === "atom" && f.compared) this.narrow(f.compared, value);
    else if ((f.k === "and" && value) || (f.k === "or" && !value)) for (const part of f.fs) this.remember(part, value);
  }

  /** Narrows the range of what a condition compares, given whether it holds. */
  private narrow(compared: Comparison, holds: boolean): void {
    const { id } = compared;
    if (compared.op === "==") {
      if (!holds) return;
      const both = intersection(this.rangeOf(id), this.rangeOf(compared.other));
      if (both === ANY) return;
      this.ranges = new Map(this.ranges).set(id, both).set(compared.other, both);
      return;
    }
    const { op, value } = compared;
    // Not below is at least, not above is at most.
    const isUpper = (op === "<") === holds;
    const limit = holds ? (op === "<" ? value - 1n : value + 1n) : value;
    const side: Range = isUpper ? { ...ANY, most: limit } : { ...ANY, least: limit };
    this.ranges = new Map(this.ranges).set(id, intersection(this.rangeOf(id), side));
  }

  private rangeOf(id: string): Range {
    return this.ranges.get(id) ?? ANY;
  }

  /** Does the range of what an atom compares decide it? Undefined when it does not. */
  private decidedByRange(atom: Test): boolean | undefined {
    if (this.ranges.size === 0) return undefined;
    const { compared } = atom;
    if (compared?.op === "<" || compared?.op === ">") {
      const { least, most } = this.rangeOf(compared.id);
      const { op, value } = compared;
      if (op === "<" ? most < value : least > value) return true;
      if (op === "<" ? least >= value : most <= value) return false;
      return undefined;
    }
    const bound = atom.binding ?? atom.otherwise;
    if (bound?.value.t !== "num") return undefined;
    const { least, most } = this.rangeOf(bound.id);
    const isOutside = bound.value.v < least || bound.value.v > most;
    return isOutside ? atom.binding === null : undefined;
  }
}

function intersection(a: Range, b: Range): Range {
  if (a === ANY) return b;
  if (b === ANY) return a;
  const [, least = a.least] = ascending(a.least, b.least);
  const [most = a.most] = ascending(a.most, b.most);
  return { least, most };
}

const ascending = (a: bigint, b: bigint): readonly bigint[] => (a <= b ? [a, b] : [b, a]);
