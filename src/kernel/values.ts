/**
 * Abstract values: what is known of a C value on the ways that lead to a place. A value is a small set of atoms; every atom stands
 * for one number, or for all numbers of a sign, or for one thing that a pointer may point to.
 *
 * Equal values are one object, so that comparing is comparing identities and operations are remembered.
 */

interface AtomBase {
  readonly id: number;
  /** The same thing without the mark that says that the status which is followed decided on it; null when it bears none. */
  readonly bare: Atom | null;
}

/** One thing that a value may be. */
export type Atom = AtomBase &
  (
    | { readonly kind: "number"; readonly value: bigint }
    /** Any negative number; any positive one, or a pointer to something of the instance. */
    | { readonly kind: "negative" }
    /** Any negative number but those whose upper half, in which a SEAMCALL's status says what it is, is this one. */
    | { readonly kind: "unlike"; readonly upper: bigint }
    | { readonly kind: "positive"; readonly of: Instance }
    /** A function, by a key of the call graph. */
    | { readonly kind: "function"; readonly name: string }
    /** The address of a local object. */
    | { readonly kind: "object"; readonly path: string }
    /** The address of a member of a structure that is no local object, or of a global object. */
    | { readonly kind: "member"; readonly member: string; readonly of: Instance }
  );

/** Whose something is: the path's own, each one's in turn in a loop over all, all of theirs, or some other's. */
export type Instance = "self" | "each" | "all" | "other";

/** A set of atoms. */
export interface Value {
  readonly id: number;
  readonly atoms: readonly Atom[];
  /** Paths of the local objects that it may point to. */
  readonly objects: readonly string[];
  /** Did the status that is followed decide on it? */
  readonly isMarked: boolean;
}

/** More numbers than these are told apart by their sign only. */
const MAX_NUMBERS = 12;

const atoms = new Map<string, Atom>();
const values = new Map<string, Value>();
/** Values of one atom, by its id. */
const singles: (Value | undefined)[] = [];
let count = 0;

function atom<T extends { readonly kind: Atom["kind"] }>(key: string, make: T): Atom {
  const known = atoms.get(key);
  if (known !== undefined) return known;
  const made = { ...make, id: ++count, bare: null } as unknown as Atom;
  atoms.set(key, made);
  return made;
}

const markedAtoms = new Map<Atom, Atom>();

/** An atom with the mark of the status that is followed; what points to something bears none. */
function markedAtom(a: Atom): Atom {
  if (a.bare !== null || a.kind === "function" || a.kind === "object" || a.kind === "member") return a;
  const known = markedAtoms.get(a);
  if (known !== undefined) return known;
  const made: Atom = { ...a, id: ++count, bare: a };
  markedAtoms.set(a, made);
  return made;
}

const numberAtom = (value: bigint): Atom => atom(`#${value}`, { kind: "number", value: BigInt.asIntN(64, value) });
const NEGATIVE = atom("-", { kind: "negative" });
const unlikeAtom = (upper: bigint): Atom => atom(`!${upper}`, { kind: "unlike", upper });
const positiveAtom = (of: Instance): Atom => atom(`+${of}`, { kind: "positive", of });

/** The value that has these atoms; equal sets are one object. */
export function setOf(list: readonly Atom[]): Value {
  let plain = list;
  if (list.length > MAX_NUMBERS && list.filter((a) => a.kind === "number").length > MAX_NUMBERS) {
    plain = list.map(signAtom);
  }
  const [first] = plain;
  if (plain.length === 1 && first !== undefined) {
    const single = singles[first.id];
    if (single !== undefined) return single;
  }
  const sorted = plain.length < 2 ? plain : [...new Set(plain)].sort((a, b) => a.id - b.id);
  const key = sorted.map((a) => a.id).join();
  const known = values.get(key);
  if (known !== undefined) return known;
  const objects = sorted.flatMap((a) => (a.kind === "object" ? [a.path] : []));
  const made = { id: values.size, atoms: sorted, objects, isMarked: sorted.some((a) => a.bare !== null) };
  values.set(key, made);
  if (sorted.length === 1 && first !== undefined) singles[first.id] = made;
  return made;
}

/** The value of one number, in 64 bits. */
export const number = (value: bigint): Value => setOf([numberAtom(BigInt.asIntN(64, value))]);
export const ZERO = number(0n);
export const ONE = number(1n);
/** No value at all. */
export const NOTHING = setOf([]);
/** Nothing is known. */
export const TOP = setOf([NEGATIVE, numberAtom(0n), positiveAtom("self")]);
export const TRUTH = setOf([numberAtom(0n), numberAtom(1n)]);
export const NEGATIVES = setOf([NEGATIVE]);
/** No zero and no error: a pointer to something, or a positive number. */
export const POSITIVE = setOf([positiveAtom("self")]);
/** A pointer to something, or NULL. */
export const POINTER = setOf([numberAtom(0n), positiveAtom("self")]);
export const NOT_ZERO = setOf([NEGATIVE, positiveAtom("self")]);
/** Any number but those negative ones that have the upper half of the one given. */
export const unlike = (status: bigint): Value =>
  setOf([unlikeAtom(upperOf(status)), numberAtom(0n), positiveAtom("self")]);
export const pointerTo = (of: Instance): Value => setOf([positiveAtom(of)]);
export const functionValue = (name: string): Value => setOf([atom(`f${name}`, { kind: "function", name })]);
export const objectValue = (path: string): Value => setOf([atom(`&${path}`, { kind: "object", path })]);
export const memberValue = (member: string, of: Instance): Value =>
  setOf([atom(`.${of} ${member}`, { kind: "member", member, of })]);
export const only = (a: Atom): Value => setOf([a]);

/** The value with the mark of the status that is followed. */
export function marked(value: Value): Value {
  return remembered("marked", value, value, () => setOf(value.atoms.map(markedAtom)));
}

/** The value with every number but zero known by its sign only. */
export function signsOf(value: Value): Value {
  return setOf(value.atoms.map(signAtom));
}

function signAtom(a: Atom): Atom {
  if (a.kind !== "number" || a.value === 0n) return a;
  const sign = a.value < 0n ? NEGATIVE : positiveAtom("self");
  return a.bare === null ? sign : markedAtom(sign);
}

/** The value without marks. */
export function unmarked(value: Value): Value {
  return value.isMarked ? setOf(value.atoms.map((a) => a.bare ?? a)) : value;
}

/** What either of two values may be. */
export function union(a: Value, b: Value): Value {
  if (a === b || b.atoms.length === 0) return a;
  if (a.atoms.length === 0) return b;
  return remembered("either", a, b, () => setOf([...a.atoms, ...b.atoms]));
}

/** Does a value, whoever decided on it, lie in another one? */
export function isPart(value: Value, whole: Value): boolean {
  return unmarked(value).atoms.every((a) => whole.atoms.includes(a));
}

/** May two values, whoever decided on them, be equal? */
export function mayBeEqual(a: Value, b: Value): boolean {
  return truthOf(binaryValue("==", unmarked(a), unmarked(b))).yes;
}

/** The number that a value is; null when it may be another one or none. */
export function constantOf(value: Value): bigint | null {
  const [first] = value.atoms;
  return value.atoms.length === 1 && first?.kind === "number" ? first.value : null;
}

/** The keys of the functions that a pointer may point to. */
export function functionsOf(value: Value): string[] {
  return value.atoms.flatMap((a) => (a.kind === "function" ? [a.name] : []));
}

/** Whose the thing is that a pointer points to: `other` as soon as it may be. */
export function instanceOf(value: Value): Instance {
  let found: Instance = "self";
  for (const a of value.atoms) {
    if (a.kind !== "positive" && a.kind !== "member") continue;
    if (a.of === "other") return "other";
    if (a.of !== "self") found = a.of;
  }
  return found;
}

/** The value with every pointer's instance set. */
export function withInstance(value: Value, of: Instance): Value {
  if (of === "self") return value;
  return setOf(
    value.atoms.map((a) => {
      if (a.kind !== "positive") return a;
      return a.bare === null ? positiveAtom(of) : markedAtom(positiveAtom(of));
    }),
  );
}

/** Can a value be zero, and can it be something else? */
export function truthOf(value: Value): { readonly no: boolean; readonly yes: boolean } {
  let no = false;
  let yes = false;
  for (const a of value.atoms) {
    if (a.kind === "number" && a.value === 0n) no = true;
    else yes = true;
  }
  return { no, yes };
}

/** A value as C's `bool` keeps it. */
export function asBool(value: Value): Value {
  const { yes, no } = truthOf(value);
  const truth = yes && no ? TRUTH : yes ? ONE : ZERO;
  return value.isMarked ? marked(truth) : truth;
}

/**
 * A value as an integer type keeps it.
 *
 * @param bits negative for a type with a sign; 1 for truth values
 * @param from the same of the type that it has; null when that is not known
 */
export function asInteger(value: Value, bits: number, from: number | null): Value {
  if (bits === 1) return asBool(value);
  const isKept = Math.abs(bits) === 64 || from === bits || (from !== null && holdsAll(bits, from));
  return isKept
    ? value
    : remembered(`as${bits}`, value, value, () => setOf(value.atoms.flatMap((a) => keptAtom(a, bits).atoms)));
}

/** Has a type of so many bits all numbers of another one? */
function holdsAll(bits: number, from: number): boolean {
  if (from > 0) return Math.abs(bits) > from || bits === from;
  return bits < 0 && bits <= from;
}

/** A value with what an integer type keeps of each number in it; what is no number is as it was. */
export function cutNumbers(value: Value, bits: number): Value {
  if (bits === 1 || Math.abs(bits) === 64 || !value.atoms.some((a) => a.kind === "number")) return value;
  return setOf(value.atoms.flatMap((a) => (a.kind === "number" ? keptAtom(a, bits).atoms : [a])));
}

function keptAtom(a: Atom, bits: number): Value {
  if (a.bare !== null) return marked(keptAtom(a.bare, bits));
  if (a.kind === "number") return number(bits < 0 ? BigInt.asIntN(-bits, a.value) : BigInt.asUintN(bits, a.value));
  if (a.kind === "function" || a.kind === "object" || a.kind === "member") return only(a);
  // What is left of a number of which no more than its sign is known may be anything.
  return bits < 0 ? TOP : POINTER;
}

const known = new Map<string, Map<number, Value>>();

function remembered(op: string, a: Value, b: Value, make: () => Value): Value {
  let results = known.get(op);
  if (results === undefined) {
    results = new Map();
    known.set(op, results);
  }
  // Of two numbers one, exact as long as there are fewer than 2^26 values: a kernel has some thousands.
  const key = a.id * 2 ** 26 + b.id;
  const before = results.get(key);
  if (before !== undefined) return before;
  const made = make();
  results.set(key, made);
  return made;
}

/** A number that is counted up or down by one: 0 and 1 are told from others of their sign. */
export function countedBy(op: "++" | "--", a: Value): Value {
  return remembered(op, a, a, () => setOf(a.atoms.flatMap((x) => countedAtom(op, x).atoms)));
}

function countedAtom(op: "++" | "--", a: Atom): Value {
  if (a.kind === "number") {
    const next = number(a.value + (op === "++" ? 1n : -1n));
    return [0n, 1n].includes(constantOf(next) as bigint) ? next : signsOf(next);
  }
  if (isNegative(a)) return op === "++" ? setOf([NEGATIVE, numberAtom(0n)]) : NEGATIVES;
  return a.kind !== "positive" || op === "++" ? only(a) : setOf([numberAtom(0n), a]);
}

/** `op a`. */
export function unaryValue(op: string, a: Value): Value {
  return remembered(`u${op}`, a, a, () => setOf(a.atoms.flatMap((x) => unaryAtom(op, x).atoms)));
}

function unaryAtom(op: string, given: Atom): Value {
  if (given.bare !== null) return marked(unaryAtom(op, given.bare));
  const a = given;
  if (op === "+") return only(a);
  if (op === "!") return a.kind === "number" && a.value === 0n ? ONE : ZERO;
  if (a.kind === "number") {
    if (op === "-") return number(-a.value);
    if (op === "~") return number(~a.value);
  }
  if (op === "-" && a.kind === "positive") return NEGATIVES;
  if (op === "-" && isNegative(a)) return POSITIVE;
  return TOP;
}

/** `a op b`. */
export function binaryValue(op: string, a: Value, b: Value): Value {
  return remembered(op, a, b, () => {
    if (op === "&&" || op === "||") return logical(op, a, b);
    // Pointer arithmetic stays within the object, and within the instance.
    if (a.atoms.length * b.atoms.length > 144) return a.isMarked || b.isMarked ? marked(TOP) : TOP;
    return setOf(a.atoms.flatMap((x) => b.atoms.flatMap((y) => binaryAtom(op, x, y).atoms)));
  });
}

function logical(op: string, a: Value, b: Value): Value {
  const [x, y] = [truthOf(a), truthOf(b)];
  const yes = op === "&&" ? x.yes && y.yes : x.yes || y.yes;
  const no = op === "&&" ? x.no || y.no : x.no && y.no;
  const truth = yes && no ? TRUTH : yes ? ONE : ZERO;
  return a.isMarked || b.isMarked ? marked(truth) : truth;
}

function binaryAtom(op: string, a: Atom, b: Atom): Value {
  if (a.bare !== null || b.bare !== null) return marked(binaryAtom(op, a.bare ?? a, b.bare ?? b));
  if (a.kind === "number" && b.kind === "number") return numberBinary(op, a.value, b.value);
  switch (op) {
    case "==":
      return sameAtom(a, b);
    case "!=":
      return unaryValue("!", sameAtom(a, b));
    case "<":
    case ">":
    case "<=":
    case ">=":
      return ordered(op, a, b);
    case "+":
    case "-": {
      if (a.kind === "object" || a.kind === "member" || a.kind === "function") return only(a);
      if (b.kind === "number" && b.value === 0n) return only(a);
      if (op === "+" && a.kind === "positive" && signOf(b) >= 0) return only(a);
      return TOP;
    }
    case "|":
      if (b.kind === "number" && b.value === 0n) return only(a);
      if (a.kind === "number" && a.value === 0n) return only(b);
      return isNegative(a) || isNegative(b) ? NEGATIVES : POSITIVE;
    case "&":
      if (a.kind === "unlike" && keepsUpper(b)) return only(a);
      if ((a.kind === "number" && a.value === 0n) || (b.kind === "number" && b.value === 0n)) return ZERO;
      // The sign bit is there where both have it.
      return isNegative(a) && isNegative(b) ? NEGATIVES : POINTER;
    default:
      return TOP;
  }
}

/** Is an atom a negative number, or several of them? */
export function isNegative(a: Atom): boolean {
  return a.kind === "negative" || a.kind === "unlike" || (a.kind === "number" && a.value < 0n);
}

const upperOf = (status: bigint): bigint => BigInt.asUintN(64, status) >> 32n;

/** Is it a mask that leaves the upper half of a number as it is? */
const keepsUpper = (a: Atom): boolean => a.kind === "number" && upperOf(a.value) === 0xffffffffn;

const signOf = (a: Atom): number => (isNegative(a) ? -1 : a.kind === "number" && a.value === 0n ? 0 : 1);

function sameAtom(a: Atom, b: Atom): Value {
  if (signOf(a) !== signOf(b)) return ZERO;
  const [x, y] = a.kind === "unlike" ? [a, b] : [b, a];
  if (x.kind === "unlike" && y.kind === "number" && upperOf(y.value) === x.upper) return ZERO;
  const exact = (x: Atom): boolean => x.kind === "number" || x.kind === "function";
  if (a === b && exact(a)) return ONE;
  return exact(a) && exact(b) ? ZERO : TRUTH;
}

function ordered(op: string, a: Atom, b: Atom): Value {
  const isLess = op === "<" || op === "<=";
  const [x, y] = [signOf(a), signOf(b)];
  if (x !== y) return isLess === x < y ? ONE : ZERO;
  // One is the least of those that are positive.
  const isLeast = (one: Atom): boolean => one.kind === "number" && one.value === 1n;
  if ((isLeast(a) && op === "<=") || (isLeast(b) && op === ">=")) return ONE;
  return (isLeast(a) && op === ">") || (isLeast(b) && op === "<") ? ZERO : TRUTH;
}

function numberBinary(op: string, a: bigint, b: bigint): Value {
  const truth = (yes: boolean): Value => (yes ? ONE : ZERO);
  switch (op) {
    case "==":
      return truth(a === b);
    case "!=":
      return truth(a !== b);
    case "<":
      return truth(a < b);
    case ">":
      return truth(a > b);
    case "<=":
      return truth(a <= b);
    case ">=":
      return truth(a >= b);
    case "+":
      return number(a + b);
    case "-":
      return number(a - b);
    case "*":
      return number(a * b);
    case "/":
      return b === 0n ? TOP : number(a / b);
    case "%":
      return b === 0n ? TOP : number(a % b);
    case "&":
      return number(a & b);
    case "|":
      return number(a | b);
    case "^":
      return number(a ^ b);
    case "<<":
      return b >= 0n && b < 64n ? number(a << b) : TOP;
    case ">>":
      return b >= 0n && b < 64n ? number((a < 0n ? BigInt.asUintN(64, a) : a) >> b) : TOP;
    default:
      return TOP;
  }
}
