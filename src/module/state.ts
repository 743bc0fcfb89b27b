/**
 * One possible situation during the analysis of a leaf: what is known of memory, what was assumed, what was locked.
 */

import {
  Assumptions,
  type Formula,
  type Guard,
  isConst,
  joinPaths,
  Memory,
  num,
  type Path,
  sameValue,
  sym,
  type Value,
} from "../c/index.ts";
import type { LockKind, LockMode, Side, Site } from "../catalog/index.ts";

/** A loop: its test as the source writes it, and where it stands. */
export interface LoopTest {
  readonly text: string;
  readonly line: number;
  /** The variable that it counts; null for another loop. */
  readonly counter: string | null;
}

interface EventBase {
  /** Identity of the lock word's owner, e.g. a structure; the lock is one of its fields. */
  readonly lockKey: string;
  readonly evidence: readonly Site[];
  readonly guards: readonly Guard[];
  /** How the analysis came to it; under the same guards it may come to it on several paths. */
  path: Path;
  /** Tests of the loops around it, outermost first. */
  readonly loops: readonly LoopTest[];
}

export interface AcquireEvent extends EventBase {
  readonly kind: "acquire";
  readonly primitive: string;
  readonly lock: LockKind;
  readonly mode: LockMode;
  readonly side: Side;
  /** Key of the object that holds the lock, and the path from there to the lock. */
  readonly objectKey: string;
  readonly members: readonly string[];
  readonly text: string;
  /** The invocation (not the function) in which it happened; acquisitions of one PAMT walk share it. */
  readonly invocation: number;
}

export interface PromoteEvent extends EventBase {
  readonly kind: "promote" | "demote";
}

export interface ReleaseEvent extends EventBase {
  readonly kind: "release";
  /** The mode that is given back; null when the release does not say one. */
  readonly mode: LockMode | null;
  /** The function that released, when it is not the lock's own release primitive. */
  readonly by: string | null;
}

/** A PAMT entry's page type was found (`assume`) or set (`assign`). */
export interface TypeFact {
  readonly objectKey: string;
  readonly type: string;
  readonly how: "assume" | "assign";
  /** Where it was set; empty for an assumption. */
  readonly evidence: readonly Site[];
}

/** A BUSY-class status came into being without a lock primitive failing. */
export interface BusyFact {
  readonly status: bigint;
  readonly evidence: readonly Site[];
  readonly guards: readonly Guard[];
  readonly path: Path;
  /** The same call had such a status before on this way. */
  readonly isHandedOn: boolean;
}

/** Which status one is, whatever its operand and flags. */
export const statusKind = (status: bigint): bigint => (status >> 32n) & 0xffffn;

/** What happens to locks, in order. */
export type LockEvent = AcquireEvent | PromoteEvent | ReleaseEvent;

/** In this situation one acquisition failed. */
export interface Failure {
  readonly event: AcquireEvent | PromoteEvent;
  /** The status or return name that the primitive gave. */
  readonly outcome: string;
}

export class State {
  store: Memory;
  assumptions: Assumptions;
  path: Path;
  events: readonly LockEvent[];
  /** Acquisitions that were skipped because the mode is "no lock". */
  skipped: readonly AcquireEvent[];
  /** Page types: what was found on every way here, and what was set on some way here. */
  types: readonly TypeFact[];
  busy: readonly BusyFact[];
  failure: Failure | null;
  /** Inside a branch that is walked only to see which locks it would take. */
  ghost: boolean;

  constructor() {
    this.store = new Memory();
    this.assumptions = Assumptions.NONE;
    this.path = null;
    this.events = [];
    this.skipped = [];
    this.types = [];
    this.busy = [];
    this.failure = null;
    this.ghost = false;
  }

  clone(): State {
    const copy = new State();
    copy.store = this.store.copy();
    copy.assumptions = this.assumptions;
    copy.events = this.events;
    copy.skipped = this.skipped;
    copy.types = this.types;
    copy.busy = this.busy;
    copy.failure = this.failure;
    copy.path = this.path;
    copy.ghost = this.ghost;
    return copy;
  }

  get guards(): readonly Guard[] {
    return this.assumptions.guards;
  }

  add(event: LockEvent): void {
    this.events = [...this.events, event];
  }

  /** Is the lock at a place held here? */
  holds(lockKey: string): boolean {
    const last = this.events.findLast(
      (event) => event.lockKey === lockKey && (event.kind === "acquire" || event.kind === "release"),
    );
    return last?.kind === "acquire";
  }

  skip(event: AcquireEvent): void {
    if (!this.skipped.includes(event)) this.skipped = [...this.skipped, event];
  }

  addType(fact: TypeFact): void {
    this.types = [...this.types, fact];
  }

  /** What the assumptions so far say about a condition. */
  simplify(f: Formula): Formula {
    return this.assumptions.simplify(f);
  }

  /** Assumes a condition. False when it cannot hold. */
  assume(formula: Formula, fork: string, side: boolean, written: string | null = null): boolean {
    const f = this.simplify(formula);
    if (isConst(f, false)) return false;
    if (isConst(f, true)) return true;
    this.assumptions = this.assumptions.with({ fork, side, formula: f, written });
    this.path = { before: this.path, test: f };
    this.learn(f);
    return true;
  }

  private learn(f: Formula): void {
    if (f.k === "and") for (const part of f.fs) this.learn(part);
    const binding = f.k === "atom" ? f.binding : f.k === "not" && f.f.k === "atom" ? f.f.otherwise : null;
    if (!binding || binding.location === null) return;
    const { location, value } = binding;
    this.set(location, value);
    const objectKey = typedObject(location);
    if (objectKey !== null && value.t === "num" && value.name !== null)
      this.addType({ objectKey, type: value.name, how: "assume", evidence: [] });
  }

  /** Have both seen the same, so that they can be one? */
  canMeet(other: State): boolean {
    if (this.failure !== other.failure || this.ghost !== other.ghost || this.events.length !== other.events.length)
      return false;
    const isSame = this.events === other.events || this.events.every((event, i) => event === other.events[i]);
    // Which status a failure has become is what the leaf returns for it.
    return isSame && (this.failure === null || sameStatuses(this.store, other.store));
  }

  /** Takes in another that ends the same way: what it skipped, found busy and assumed. Memory no longer matters. */
  meet(other: State): void {
    this.skipped = union(this.skipped, other.skipped);
    this.types = mergeTypes(this.types, other.types);
    this.busy = union(this.busy, other.busy);
    this.assumptions = this.assumptions.shared(other.assumptions);
    this.path = joinPaths(this.path, other.path);
  }

  /** Resolves a value by what is assumed. */
  resolve(v: Value): Value {
    return this.assumptions.resolve(v);
  }

  /** What is stored at a location, or known of it because a structure or array around it is all zero; else null. */
  read(key: string): Value | null {
    const own = this.store.get(key);
    if (own !== undefined) return own;
    let end = parentEnd(key, key.length);
    if (end <= 0 || !zeroed.has(rootOf(key))) return null;
    for (; end > 0; end = parentEnd(key, end)) {
      const outer = this.store.get(key.slice(0, end));
      if (outer !== undefined) return outer.t === "zero" ? num(0) : null;
    }
    return null;
  }

  /** Stores a value at a location; what is known below it stays. */
  set(key: string, value: Value): void {
    this.store.set(key, value);
    if (value.t === "zero") zeroed.add(rootOf(key));
    for (let end = parentEnd(key, key.length); end > 0; end = parentEnd(key, end)) compound.add(key.slice(0, end));
  }

  /** Stores below one location what is stored below another. */
  copyInside(from: string, to: string): void {
    if (!compound.has(from)) return;
    for (const [key, value] of this.store.inside(from)) this.set(to + key.slice(from.length), value);
  }

  /** Forgets everything below a location. */
  forgetBelow(key: string): void {
    if (compound.has(key)) this.store.deleteInside(key);
  }
}

/** An error status by name: the module's "no address" constants have the error bit too. */
const isErrorStatus = (v: Value): boolean =>
  v.t === "error" || (v.t === "num" && v.v >> 63n === 1n && v.name?.startsWith("TDX_") === true);

/** Do all variables that hold an error status in both hold the same one? */
function sameStatuses(a: Memory, b: Memory): boolean {
  for (const [key, value] of a.entries()) {
    if (!isErrorStatus(value)) continue;
    const other = b.get(key);
    if (other !== undefined && isErrorStatus(other) && !sameValue(value, other)) return false;
  }
  return true;
}

/** How the source writes a location, as far as the analysis saw it written. */
const writtenAs = new Map<string, string>();

/** Remembers how a location is written. */
export function nameLocation(key: string, text: string): void {
  if (!writtenAs.has(key)) writtenAs.set(key, text);
}

/** How the source writes a location, or what its key says of it when it was never seen written. */
export function textOfLocation(key: string): string {
  return writtenAs.get(key) ?? keyText(key);
}

function keyText(key: string): string {
  let text = key.replace(/\b(?:f\d+|arg):/g, "");
  for (let inner = ""; inner !== text; ) {
    inner = text;
    text = text.replace(
      /\*\{([^{}]*)\}(\.?)/g,
      (_, pointer: string, dot: string) => pointer + (dot === "" ? "" : "->"),
    );
  }
  return /^[\w.>[\]-]+$/.test(text) ? text : key.replace(/^.*[:*{}]\.?/, "");
}

/** Locations under which something was ever stored, and variables that were ever zeroed: both only to look less often. */
const compound = new Set<string>();
const zeroed = new Set<string>();

function rootOf(key: string): string {
  for (let i = 0; i < key.length; i++) {
    const c = key.charCodeAt(i);
    if (c === 46 || c === 91) return key.slice(0, i);
  }
  return key;
}

/** Member of a PAMT entry that is its page's type. */
export const PAGE_TYPE = "pt";

/** The object whose page type a location is; null when the location is no page type. */
export function typedObject(key: string): string | null {
  return key.endsWith(`.${PAGE_TYPE}`) ? key.slice(0, -PAGE_TYPE.length - 1) : null;
}

function parentEnd(key: string, end: number): number {
  return Math.max(key.lastIndexOf(".", end - 1), key.lastIndexOf("[", end - 1));
}

let unknowns = 0;

/** Starts afresh, before each leaf: what a leaf's rows say must not depend on what was analysed before. */
export function forgetNames(): void {
  writtenAs.clear();
  compound.clear();
  zeroed.clear();
  unknowns = 0;
}

/** A fresh unknown value, shown as `text`. */
export function fresh(text: string, location: string | null = null): Value {
  return sym(`#${++unknowns}`, text, location);
}

/**
 * Joins situations that have seen the same events, where the paths of one test meet again.
 *
 * @param formula what tells the first from the others, when that is one condition
 */
export function mergeStates(states: readonly State[], formula: Formula | null): State[] {
  const groups: State[][] = [];
  for (const state of states) {
    const group = groups.find((g) => (g[0] as State).canMeet(state));
    if (group) group.push(state);
    else groups.push([state]);
  }
  return groups.map((group) => group.reduce((a, b) => mergeTwo(a, b, group.length === 2 ? formula : null)));
}

/**
 * Joins situations that are all on their way out with an error: same events, same constants in the function's variables,
 * an error in the same variables. Which error it was does not matter to any lock.
 *
 * @param invocation number of the function's invocation
 */
export function mergeErrors(states: readonly State[], invocation: number): State[] {
  const groups = new Map<string, State[]>();
  const rest: State[] = [];
  for (const state of states) {
    const key = state.failure ? null : errorSignature(state, invocation);
    if (key === null) {
      rest.push(state);
      continue;
    }
    const group = groups.get(key);
    if (group) group.push(state);
    else groups.set(key, [state]);
  }
  return [...rest, ...[...groups.values()].flatMap((group) => mergeStates(group, null))];
}

/** Joins what can be joined, but never a situation on its way out with an error and one that is not. */
export function joinAll(states: readonly State[], invocation: number): State[] {
  const failing = states.filter((state) => errorSignature(state, invocation) !== null);
  const fine = states.filter((state) => !failing.includes(state));
  return [...mergeStates(fine, null), ...mergeStates(failing, null)];
}

/** Null when no variable of the function holds an error. */
function errorSignature(state: State, invocation: number): string | null {
  const parts: string[] = [];
  let hasError = false;
  for (const [key, value] of state.store.variables(invocation)) {
    if (isErrorStatus(value)) {
      hasError = true;
      parts.push(`${key}!`);
    } else if (value.t === "num") parts.push(`${key}=${value.v}`);
  }
  return hasError ? parts.sort().join(";") : null;
}

const sameFact = (a: TypeFact, b: TypeFact): boolean =>
  a.objectKey === b.objectKey && a.type === b.type && a.how === b.how;

function mergeTypes(a: readonly TypeFact[], b: readonly TypeFact[]): readonly TypeFact[] {
  if (a === b) return a;
  const inBoth = (fact: TypeFact, other: readonly TypeFact[]) => other.some((o) => sameFact(o, fact));
  const fromA = a.filter((fact) => fact.how === "assign" || inBoth(fact, b));
  return [...fromA, ...b.filter((fact) => fact.how === "assign" && !inBoth(fact, fromA))];
}

function union<T>(a: readonly T[], b: readonly T[]): readonly T[] {
  return a === b ? a : [...a, ...b.filter((x) => !a.includes(x))];
}

function mergeTwo(a: State, b: State, formula: Formula | null): State {
  const result = new State();
  const common = a.assumptions.commonWith(b.assumptions);
  const first = a.guards[common];
  const second = b.guards[common];
  const isOneTest =
    first !== undefined &&
    first.fork === second?.fork &&
    a.guards.length === common + 1 &&
    b.guards.length === common + 1;
  result.assumptions = a.assumptions.shared(b.assumptions);
  const decide = formula ?? (isOneTest ? first.formula : null);
  result.path = joinPaths(a.path, b.path);
  result.events = a.events;
  result.skipped = union(a.skipped, b.skipped);
  result.types = mergeTypes(a.types, b.types);
  result.busy = union(a.busy, b.busy);
  result.failure = a.failure;
  result.ghost = a.ghost;
  result.store = Memory.meet(a.store, b.store, (key) => {
    // What was never stored there is what was there before.
    const before = decide ? sym(key, textOfLocation(key), key) : null;
    const va = a.read(key) ?? before;
    const vb = b.read(key) ?? before;
    if (va === null || vb === null) return fresh(textOfLocation(key));
    if (sameValue(va, vb)) return va;
    if (isErrorStatus(va) && isErrorStatus(vb)) return { t: "error" };
    return decide ? { t: "ite", c: decide, a: va, b: vb } : fresh(textOfLocation(key));
  });
  return result;
}
