/**
 * The locations and the fresh values of one run: each location is made once, and fresh values are numbered as they come up.
 */

import { LIMITS } from "../limits.ts";
import { idOf, type Location, num, type Root, type Step, type Sym, sym, type Value } from "./values.ts";

/** An index that is no constant. */
const UNKNOWN_INDEX = sym("?", "?");

class KnownLocation implements Location {
  readonly key: string;
  readonly root: Root;
  readonly parent: KnownLocation | null;
  readonly step: Step | null;
  readonly invocation: number;
  /** How the source writes it; null when it was never seen written. */
  written: string | null = null;
  /** Something was stored in it. */
  isCompound = false;
  /** Of a root: it, or something in it, was made all zeroes. */
  isZeroed = false;
  readonly inside = new Map<string, KnownLocation>();

  constructor(key: string, root: Root, parent: KnownLocation | null, step: Step | null) {
    this.key = key;
    this.root = root;
    this.parent = parent;
    this.step = step;
    this.invocation = parent?.invocation ?? (root.kind === "variable" ? root.invocation : 0);
  }
}

export class Space {
  /** Work that no statement shows: comparisons of states, values that were joined, assumptions that were copied. */
  work = 0;
  /** So much of it counts as one statement. */
  static readonly WORK_A_STEP = 32;
  private readonly roots = new Map<string, KnownLocation>();
  private unknowns = 0;

  /** Whether the run has done all the work that it may: it ends with a diagnostic, and what it joins no longer matters. */
  get isSpent(): boolean {
    return this.work > LIMITS.leafSteps * Space.WORK_A_STEP;
  }

  /** A variable of an invocation, for whoever keeps it: the caller asks once for each. */
  variable(invocation: number, name: string): Location {
    return new KnownLocation(`f${invocation}:${name}`, { kind: "variable", invocation, name }, null, null);
  }

  global(name: string): Location {
    return this.root(`g:${name}`, { kind: "global", name });
  }

  literal(): Location {
    return this.root("string", { kind: "literal" });
  }

  /** What a pointer points to. */
  pointee(pointer: Value): Location {
    return pointer.t === "ref" ? pointer.at : this.root(`*{${idOf(pointer)}}`, { kind: "pointee", pointer });
  }

  /** Where a structure is: where it was read from, if it is still what was there. */
  of(structure: Value): Location {
    const id = idOf(structure);
    if (structure.t === "sym" && structure.location?.key === id) return structure.location;
    return this.root(id, { kind: "value", value: structure });
  }

  field(of: Location, name: string): Location {
    return this.step(of as KnownLocation, `.${name}`, { kind: "field", name });
  }

  /** @param index null for one that is not known */
  element(of: Location, index: Value | bigint | null): Location {
    const value = index === null ? UNKNOWN_INDEX : typeof index === "bigint" ? num(index) : index;
    return this.step(of as KnownLocation, `[${idOf(value)}]`, { kind: "element", index: value });
  }

  /** The location that is to `to` what `at` is to `from`, which it is in. */
  moved(at: Location, from: Location, to: Location): Location {
    if (at === from || at.parent === null || at.step === null) return to;
    const outer = this.moved(at.parent, from, to);
    return at.step.kind === "field" ? this.field(outer, at.step.name) : this.element(outer, at.step.index);
  }

  /** A fresh unknown value, shown as `text`. */
  fresh(text: string, location: Location | null = null): Sym {
    const number = ++this.unknowns;
    return sym(`#${number}`, text, location, false, { how: "fresh", number });
  }

  /** What a location holds that nothing was stored at. */
  initial(at: Location): Sym {
    return sym(at.key, this.textOf(at), at);
  }

  /** Remembers how the source writes a location, where it first does. */
  name(at: Location, text: string): void {
    (at as KnownLocation).written ??= text;
  }

  /** How the source writes a location, or what its steps say of it when it was never seen written. */
  textOf(at: Location): string {
    return (at as KnownLocation).written ?? described(at) ?? stepsText(at);
  }

  /** Remembers that something was stored at a location. */
  noteStored(at: Location, value: Value): void {
    if (value.t === "zero") rootOf(at as KnownLocation).isZeroed = true;
    for (let outer = (at as KnownLocation).parent; outer !== null; outer = outer.parent) outer.isCompound = true;
  }

  /** Was anything ever stored in a location? */
  isCompound(at: Location): boolean {
    return (at as KnownLocation).isCompound;
  }

  /** Was anything around a location ever made all zeroes? */
  mayBeZeroed(at: Location): boolean {
    return rootOf(at as KnownLocation).isZeroed;
  }

  private root(key: string, root: Root): KnownLocation {
    let place = this.roots.get(key);
    if (place === undefined) {
      place = new KnownLocation(key, root, null, null);
      this.roots.set(key, place);
    }
    return place;
  }

  private step(parent: KnownLocation, suffix: string, step: Step): KnownLocation {
    let place = parent.inside.get(suffix);
    if (place === undefined) {
      place = new KnownLocation(parent.key + suffix, parent.root, parent, step);
      parent.inside.set(suffix, place);
    }
    return place;
  }
}

function rootOf(at: KnownLocation): KnownLocation {
  let root = at;
  while (root.parent !== null) root = root.parent;
  return root;
}

/** A location in the source's terms; null where it leads through something that has none. */
function described(at: Location): string | null {
  if (at.parent === null || at.step === null) {
    const { root } = at;
    if (root.kind === "variable") return root.name;
    return root.kind === "pointee" ? pointerText(root.pointer) : null;
  }
  const outer = described(at.parent);
  if (outer === null) return null;
  if (at.step.kind === "field") {
    const isPointee = at.parent.parent === null && at.root.kind === "pointee";
    return `${outer}${isPointee ? "->" : "."}${at.step.name}`;
  }
  const { index } = at.step;
  const shown =
    index.t === "num" ? index.v.toString() : index.t === "sym" && index.location ? described(index.location) : null;
  return shown === null ? null : `${outer}[${shown}]`;
}

/** A pointer that a variable or a member holds, or that a function was given. */
function pointerText(pointer: Value): string | null {
  if (pointer.t !== "sym") return null;
  if (pointer.location?.key === pointer.id) return described(pointer.location);
  return pointer.origin === null ? pointer.text : null;
}

/** The last steps of a location. */
function stepsText(at: Location): string {
  const { step, parent, root } = at;
  if (step === null || parent === null) return root.kind === "global" ? root.name : "";
  if (step.kind === "element") return `${stepsText(parent)}[…]`;
  const outer = stepsText(parent);
  return outer === "" ? step.name : `${outer}.${step.name}`;
}
