/**
 * What the analysis knows of a C value: a constant, an address, something unknown with a name, or one of two by a condition.
 */

import { binaryText, joinedText, unaryText } from "../text.ts";

/** What a location starts at. */
export type Root =
  /** A variable or parameter of one invocation. */
  | { readonly kind: "variable"; readonly invocation: number; readonly name: string }
  | { readonly kind: "global"; readonly name: string }
  /** What a pointer points to. */
  | { readonly kind: "pointee"; readonly pointer: Value }
  /** Any string literal. */
  | { readonly kind: "literal" }
  /** A structure that is itself an unknown value, such as what a call returned. */
  | { readonly kind: "value"; readonly value: Value };

/** One step further into a structure or an array. */
export type Step =
  | { readonly kind: "field"; readonly name: string }
  | { readonly kind: "element"; readonly index: Value };

/**
 * A location in memory: a root, and steps of field and element from there. `Space` makes them, each once: two are the same
 * location exactly when they are the same object.
 */
export interface Location {
  /** The same for the same location of another run; for identities that are made of it, never to be taken apart. */
  readonly key: string;
  readonly root: Root;
  /** The structure or array that it is in; null for a root. */
  readonly parent: Location | null;
  /** The step from its parent; null for a root. */
  readonly step: Step | null;
  /** The invocation whose variables it is one of, or part of; 0 for none. */
  readonly invocation: number;
}

/** How an unknown value came to be. */
export type Origin =
  /** Nothing is known of it; numbered in the order in which such values come up. */
  | { readonly how: "fresh"; readonly number: number }
  | { readonly how: "call"; readonly callee: string; readonly args: readonly Value[] }
  /** A pointer to what an address that is no pointer means. */
  | { readonly how: "mapping"; readonly address: Value }
  | { readonly how: "operation"; readonly operands: readonly Value[] }
  /** A loop's counter: any of its values, for each of them or for some. */
  | { readonly how: "counter"; readonly isEach: boolean; readonly below: bigint | null };

/** An unknown value. Two are the same value exactly when their `id`s are equal; `text` is how a person would write it. */
export interface Sym {
  readonly t: "sym";
  readonly id: string;
  readonly text: string;
  /** The location it was read from, so that an assumption about it can be remembered there. */
  readonly location: Location | null;
  readonly nonNull: boolean;
  /** Null for what a location held from the start, and for what a function is given. */
  readonly origin: Origin | null;
}

export type Value =
  | { readonly t: "num"; readonly v: bigint; readonly name: string | null }
  /** The address of a location. */
  | { readonly t: "ref"; readonly at: Location; readonly text: string }
  | Sym
  | { readonly t: "ite"; readonly c: Formula; readonly a: Value; readonly b: Value }
  /** Some status that is an error; which one does not matter any more. */
  | { readonly t: "error" }
  /** A structure or array of zeroes. */
  | { readonly t: "zero" };

/** A condition over unknown values. Formulas with equal keys are the same condition. */
export type Formula =
  | { readonly k: "const"; readonly value: boolean; readonly key: string }
  | Test
  | { readonly k: "not"; readonly f: Formula; readonly key: string }
  | { readonly k: "and"; readonly fs: readonly Formula[]; readonly key: string }
  | { readonly k: "or"; readonly fs: readonly Formula[]; readonly key: string };

/** A single test: an atom of formulas. */
export interface Test {
  readonly k: "atom";
  readonly key: string;
  readonly text: string;
  readonly negated: string;
  /** What follows when it holds. */
  readonly binding: Binding | null;
  /** What follows when it does not. */
  readonly otherwise: Binding | null;
  /** For one that compares an unknown value with a constant, or with another unknown value: how. */
  readonly compared: Comparison | null;
  /** What is asked of {@link left}: `set` is "not zero". */
  readonly op: "set" | "==" | "<" | ">";
  readonly left: Value;
  /** What it is compared with; of `set` the zero by the name that the source gives it, null where it gives none. */
  readonly right: Value | null;
}

/** `unknown == value`: what assuming an atom teaches about an unknown value, and about where it was read from. */
export interface Binding {
  readonly id: string;
  readonly location: Location | null;
  readonly value: Value;
}

/** `unknown < constant`, `unknown > constant`, or `unknown == unknown`. */
export type Comparison =
  | { readonly op: "<" | ">"; readonly id: string; readonly value: bigint }
  | { readonly op: "=="; readonly id: string; readonly other: string };

export const TRUE: Formula = { k: "const", value: true, key: "true" };
export const FALSE: Formula = { k: "const", value: false, key: "false" };

export const num = (v: bigint | number, name: string | null = null): Value => ({ t: "num", v: BigInt(v), name });
export const sym = (
  id: string,
  text: string,
  location: Location | null = null,
  nonNull = false,
  origin: Origin | null = null,
): Sym => ({ t: "sym", id, text, location, nonNull, origin });

export function not(f: Formula): Formula {
  if (f.k === "const") return f.value ? FALSE : TRUE;
  if (f.k === "not") return f.f;
  return { k: "not", f, key: `!(${f.key})` };
}

function join(k: "and" | "or", parts: readonly Formula[]): Formula {
  const absorbing = k === "or";
  const kept: Formula[] = [];
  const keys = new Set<string>();
  for (const part of parts.flatMap((p) => (p.k === k ? p.fs : [p]))) {
    if (part.k === "const") {
      if (part.value === absorbing) return part;
      continue;
    }
    if (keys.has(part.key)) continue;
    if (keys.has(not(part).key)) return absorbing ? TRUE : FALSE;
    keys.add(part.key);
    kept.push(part);
  }
  if (kept.length === 0) return absorbing ? FALSE : TRUE;
  if (kept.length === 1) return kept[0] as Formula;
  return { k, fs: kept, key: `(${kept.map((f) => f.key).join(k === "and" ? " && " : " || ")})` };
}

export const and = (...fs: readonly Formula[]): Formula => join("and", fs);
export const or = (...fs: readonly Formula[]): Formula => join("or", fs);

/** A formula as a person would write it in C. */
export function textOf(f: Formula): string {
  switch (f.k) {
    case "const":
      return String(f.value);
    case "atom":
      return f.text;
    case "not":
      if (f.f.k === "atom") return f.f.negated;
      if (f.f.k === "and") return textOf(or(...f.f.fs.map(not)));
      if (f.f.k === "or") return textOf(and(...f.f.fs.map(not)));
      return unaryText("!", textOf(f.f));
    case "and":
      return joinedText("&&", f.fs.map(textOf));
    case "or":
      return joinedText("||", f.fs.map(textOf));
  }
}

/** The tests that a formula is made of. */
export function atomsOf(f: Formula): readonly Test[] {
  switch (f.k) {
    case "const":
      return [];
    case "atom":
      return [f];
    case "not":
      return atomsOf(f.f);
    default:
      return f.fs.flatMap(atomsOf);
  }
}

export const isConst = (f: Formula, value: boolean): boolean => f.k === "const" && f.value === value;

/** Identity of a value, for comparison and for the ids of calls that take it. */
export function idOf(v: Value): string {
  switch (v.t) {
    case "num":
      return v.v.toString();
    case "ref":
      return `&${v.at.key}`;
    case "sym":
      return v.id;
    case "ite":
      return `(${v.c.key}?${idOf(v.a)}:${idOf(v.b)})`;
    case "error":
      return "<error>";
    case "zero":
      return "{0}";
  }
}

export function sameValue(a: Value, b: Value): boolean {
  return a === b || (a.t === b.t && idOf(a) === idOf(b));
}

/** A value in the source's terms. */
export function valueText(v: Value): string {
  switch (v.t) {
    case "num":
      return v.name ?? v.v.toString();
    case "ref":
      return unaryText("&", v.text);
    case "sym":
      return v.text;
    case "ite":
      return `(${textOf(v.c)} ? ${valueText(v.a)} : ${valueText(v.b)})`;
    case "error":
      return "an error";
    case "zero":
      return "0";
  }
}

/** Is the value true as a C condition? */
export function truth(v: Value): Formula {
  switch (v.t) {
    case "num":
      return v.v === 0n ? FALSE : TRUE;
    case "ref":
    case "error":
      return TRUE;
    case "zero":
      return FALSE;
    case "ite":
      return or(and(v.c, truth(v.a)), and(not(v.c), truth(v.b)));
    case "sym":
      return v.nonNull ? TRUE : isSet(v, null);
  }
}

/** `v != 0`, written as the source writes it: against a named zero, or as a truth value. */
function isSet(v: Sym, zero: string | null): Formula {
  return {
    k: "atom",
    key: `${v.id}!=0`,
    text: zero === null ? v.text : binaryText("!=", v.text, zero),
    negated: zero === null ? unaryText("!", v.text) : binaryText("==", v.text, zero),
    binding: null,
    compared: null,
    op: "set",
    left: v,
    right: zero === null ? null : num(0, zero),
    otherwise: { id: v.id, location: v.location, value: num(0, zero) },
  };
}

/** `a == b` */
export function equal(a: Value, b: Value): Formula {
  if (a.t === "zero") return equal(num(0), b);
  if (b.t === "zero") return equal(a, num(0));
  if (a.t === "ite") return or(and(a.c, equal(a.a, b)), and(not(a.c), equal(a.b, b)));
  if (b.t === "ite") return equal(b, a);
  if (a.t === "num" && b.t === "num") return a.v === b.v ? TRUE : FALSE;
  if (a.t === "num") return equal(b, a);
  const isZero = b.t === "num" && b.v === 0n;
  if (b.t === "num" && isBelow(a, b.v)) return FALSE;
  // An address is no constant, neither NULL nor the module's own "no address".
  if (b.t === "num" && (a.t === "ref" || (a.t === "sym" && a.nonNull))) return FALSE;
  if (isZero && a.t === "error") return FALSE;
  if (isZero && a.t === "sym") return not(isSet(a, b.name));
  // A boolean is true or false.
  if (b.t === "num" && b.v === 1n && b.name === "true" && a.t === "sym") return truth(a);
  if (sameValue(a, b) && a.t !== "error") return TRUE;
  const [left, right] = b.t === "num" || idOf(a) <= idOf(b) ? [a, b] : [b, a];
  const binding = bindingOf(left, right);
  return {
    k: "atom",
    key: `${idOf(left)}==${idOf(right)}`,
    text: binaryText("==", valueText(a), valueText(b)),
    negated: binaryText("!=", valueText(a), valueText(b)),
    binding,
    otherwise: null,
    compared: left.t === "sym" && right.t === "sym" ? { op: "==", id: left.id, other: right.id } : null,
    op: "==",
    left: a,
    right: b,
  };
}

/** Is it the counter of a loop that counts up to no more than a number? */
export const isBelow = (value: Value, number: bigint): boolean =>
  value.t === "sym" && value.origin?.how === "counter" && value.origin.below !== null && value.origin.below <= number;

/** A test in other words; anything but a single test stays as it is. */
export function worded(f: Formula, text: string, negated: string): Formula {
  if (f.k === "atom") return { ...f, text, negated };
  return f.k === "not" && f.f.k === "atom" ? not({ ...f.f, text: negated, negated: text }) : f;
}

/** A formula with each test in other words, which `words` makes of the test and a text of it. */
export function reworded(f: Formula, words: (test: Test, text: string) => string): Formula {
  switch (f.k) {
    case "const":
      return f;
    case "atom":
      return { ...f, text: words(f, f.text), negated: words(f, f.negated) };
    case "not":
      return not(reworded(f.f, words));
    default:
      return { ...f, fs: f.fs.map((part) => reworded(part, words)) };
  }
}

/** What `a == b` teaches: a constant, or, of two unknown values, that the later is the earlier. */
function bindingOf(a: Value, b: Value): Binding | null {
  if (a.t !== "sym") return null;
  if (b.t === "num") return { id: a.id, location: a.location, value: b };
  if (b.t !== "sym") return null;
  const [later, earlier] = age(a) > age(b) ? [a, b] : [b, a];
  return age(later) > 0 ? { id: later.id, location: later.location, value: earlier } : null;
}

/** The number of a fresh value; 0 for one that was there from the start. */
const age = ({ origin }: Sym): number => (origin?.how === "fresh" ? origin.number : 0);

/** `a < b` or `a > b`; the other relations are negations of these. */
export function ordering(op: "<" | ">", a: Value, b: Value): Formula {
  return {
    k: "atom",
    key: `${idOf(a)}${op}${idOf(b)}`,
    text: binaryText(op, valueText(a), valueText(b)),
    negated: binaryText(op === "<" ? ">=" : "<=", valueText(a), valueText(b)),
    binding: null,
    otherwise: null,
    compared: a.t === "sym" && b.t === "num" ? { op, id: a.id, value: b.v } : null,
    op,
    left: a,
    right: b,
  };
}
