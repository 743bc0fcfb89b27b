/** Questions about locations and values: what they are made of, and whether two are alike. */

import type { Memory } from "./memory.ts";
import { idOf, type Location, type Step, type Sym, type Value } from "./values.ts";

/** The location that an unknown value was read from, if it is still what was there; else null. */
export function readFrom(value: Value): Location | null {
  return value.t === "sym" && value.location?.key === value.id ? value.location : null;
}

/** The pointer that a location is behind; null for one that is a variable, or part of one. */
export function pointerTo(at: Location): Value | null {
  return at.root.kind === "pointee" ? at.root.pointer : null;
}

/** The steps of a location from its root. */
export function stepsOf(at: Location): readonly Step[] {
  const steps: Step[] = [];
  for (let inner: Location | null = at; inner !== null; inner = inner.parent) if (inner.step) steps.unshift(inner.step);
  return steps;
}

/** The steps that lead to a location, also those to the pointers that it is behind, and to what these map. */
export function wayTo(at: Location): readonly Step[] {
  const from = startOf(at);
  return [...(from ? wayTo(from) : []), ...stepsOf(at)];
}

/** What the pointer that a location is behind points into, or was read from; that of a mapping: what was mapped. */
function startOf(at: Location): Location | null {
  const pointer = pointerTo(at);
  const address = pointer?.t === "sym" && pointer.origin?.how === "mapping" ? pointer.origin.address : pointer;
  return address?.t === "ref" ? address.at : address && readFrom(address);
}

/** The locations of the pointers that a location is behind, the innermost first. */
export function pointersTo(at: Location): readonly Location[] {
  const pointer = pointerTo(at);
  const from = pointer && readFrom(pointer);
  return from ? [...pointersTo(from), from] : [];
}

/** A value and all that it was computed of. */
export function* sourcesOf(value: Value): Generator<Value> {
  yield value;
  if (value.t === "ref") yield* sourcesOfLocation(value.at);
  else if (value.t === "ite") yield* allSources([value.a, value.b]);
  else if (value.t === "sym") {
    const from = readFrom(value);
    if (from) yield* sourcesOfLocation(from);
    else yield* allSources(operandsOf(value));
  }
}

/** The values that a location is reached by: pointers and indices. */
export function* sourcesOfLocation(at: Location): Generator<Value> {
  if (at.root.kind === "pointee") yield* sourcesOf(at.root.pointer);
  else if (at.root.kind === "value") yield* sourcesOf(at.root.value);
  for (const step of stepsOf(at)) if (step.kind === "element") yield* sourcesOf(step.index);
}

function* allSources(values: readonly Value[]): Generator<Value> {
  for (const value of values) yield* sourcesOf(value);
}

function operandsOf({ origin }: Sym): readonly Value[] {
  switch (origin?.how) {
    case "call":
      return origin.args;
    case "mapping":
      return [origin.address];
    case "operation":
      return origin.operands;
    default:
      return [];
  }
}

/** Is a location one that another stands for, whose elements may stand for each of an array? */
export function isInstanceOf(at: Location, general: Location): boolean {
  if (at === general || at.key === general.key) return true;
  if (at.parent === null || general.parent === null) {
    const [a, b] = [pointerTo(at), pointerTo(general)].map((pointer) => pointer && readFrom(pointer));
    return at.parent === null && general.parent === null && !!a && !!b && isInstanceOf(a, b);
  }
  const [a, b] = [at.step, general.step] as [Step, Step];
  if (!isInstanceOf(at.parent, general.parent)) return false;
  if (a.kind === "field" || b.kind === "field") return a.kind === "field" && b.kind === "field" && a.name === b.name;
  return idOf(a.index) === idOf(b.index) || isEach(b.index);
}

/**
 * May two locations be elements that loops have counted in the same arrays? They are reached in the same way, and where they are in
 * different elements, it is not known which one `at` is in: a loop that counts otherwise may come to the other's, too.
 *
 * @param store tells which element a structure is kept in that `other` was found in
 */
export function isCountedLike(at: Location, other: Location, store: Memory): boolean {
  if (at === other || at.key === other.key) return true;
  if (other.parent === null) {
    const { root } = other;
    if (root.kind === "value") return homesOf(root.value, store).some((home) => isCountedLike(at, home, store));
    const [from, otherFrom] = [startOf(at), startOf(other)];
    return at.parent === null && !!from && !!otherFrom && isCountedLike(from, otherFrom, store);
  }
  if (at.parent === null || !isCountedLike(at.parent, other.parent, store)) return false;
  const [a, b] = [at.step, other.step] as [Step, Step];
  if (a.kind === "field" || b.kind === "field") return a.kind === "field" && b.kind === "field" && a.name === b.name;
  return idOf(a.index) === idOf(b.index) || isEach(b.index) || isUnknownLike(a.index, b.index, store);
}

/** Is it not known which of its elements an index gives, or is it found in the same way as the other? */
function isUnknownLike(index: Value, other: Value, store: Memory): boolean {
  if (index.t === "num") return false;
  const [from, otherFrom] = [readFrom(index), readFrom(other)];
  return from === null || otherFrom === null || isCountedLike(from, otherFrom, store);
}

/** Where a structure is kept. */
const homesOf = (structure: Value, store: Memory): Location[] =>
  [...store.entries()].filter(([, value]) => value.t === "sym" && value.id === idOf(structure)).map(([at]) => at);

const isEach = (index: Value): boolean => index.t === "sym" && index.origin?.how === "counter" && index.origin.isEach;

/**
 * The identity of a location, but for which element of some arrays it is in.
 *
 * @param arrays members that are such arrays
 */
export function keyWithoutElements(at: Location, arrays: ReadonlySet<string>): string {
  const value = (v: Value): string => {
    const from = readFrom(v);
    if (from) return location(from);
    if (v.t === "ref") return `&${location(v.at)}`;
    if (v.t === "ite") return `(${v.c.key}?${value(v.a)}:${value(v.b)})`;
    if (v.t !== "sym") return idOf(v);
    const parts = operandsOf(v);
    const keys = parts.map(value);
    return keys.every((key, i) => key === idOf(parts[i] as Value)) ? v.id : `${v.origin?.how}(${keys.join(",")})`;
  };
  const location = ({ root, parent, step, key }: Location): string => {
    if (parent === null || step === null) {
      if (root.kind === "pointee") return `*{${value(root.pointer)}}`;
      return root.kind === "value" ? value(root.value) : key;
    }
    const outer = location(parent);
    if (step.kind === "field") return `${outer}.${step.name}`;
    const isLeftOut = parent.step?.kind === "field" && arrays.has(parent.step.name);
    return isLeftOut ? `${outer}[]` : `${outer}[${value(step.index)}]`;
  };
  return location(at);
}
