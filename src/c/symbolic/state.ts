/**
 * One abstract state during the analysis of a function: what is known of memory, what was assumed on the path, and what the
 * project's domains remember.
 */

import { Assumptions, type Guard } from "./assumptions.ts";
import { isInside, Memory } from "./memory.ts";
import { joinPaths, type Path } from "./path.ts";
import type { Space } from "./space.ts";
import { type Formula, isConst, type Location, num, sameValue, type Value } from "./values.ts";

/** What states ask of a domain, whose part they carry. */
export interface StateDomain {
  /** Its part at the start. */
  initial(): unknown;
  /** Can two states be one, as far as this domain goes? */
  canJoin(a: AbstractState, b: AbstractState): boolean;
  /** Its part where two states join. */
  merge(a: unknown, b: unknown): unknown;
  /** Is a value some error, of which it does not matter which? */
  isError(value: Value): boolean;
  /** Did something fail in a state that the domain follows to its end? Then errors are told apart in it. */
  isExceptional(state: AbstractState): boolean;
  /** A test told the value at a location. */
  decided(at: Location, value: Value, state: AbstractState): void;
}

export class AbstractState {
  readonly space: Space;
  readonly domains: readonly StateDomain[];
  store: Memory;
  assumptions: Assumptions;
  path: Path;
  /** What each domain remembers, by its place among them; never changed, only replaced. */
  private parts: readonly unknown[];

  private constructor(
    space: Space,
    domains: readonly StateDomain[],
    store: Memory,
    assumptions: Assumptions,
    path: Path,
    parts: readonly unknown[],
  ) {
    this.space = space;
    this.domains = domains;
    this.store = store;
    this.assumptions = assumptions;
    this.path = path;
    this.parts = parts;
  }

  /** The state in which nothing is known yet. */
  static start(space: Space, domains: readonly StateDomain[]): AbstractState {
    const parts = domains.map((domain) => domain.initial());
    return new AbstractState(space, domains, new Memory(), Assumptions.NONE, null, parts);
  }

  clone(): AbstractState {
    return new AbstractState(this.space, this.domains, this.store.copy(), this.assumptions, this.path, this.parts);
  }

  get guards(): readonly Guard[] {
    return this.assumptions.guards;
  }

  /** What the domain at a place remembers. */
  part(slot: number): unknown {
    return this.parts[slot];
  }

  setPart(slot: number, part: unknown): void {
    this.parts = this.parts.with(slot, part);
  }

  /** What the assumptions so far say about a condition. */
  simplify(f: Formula): Formula {
    return this.assumptions.simplify(f);
  }

  /** Resolves a value by what is assumed. */
  resolve(v: Value): Value {
    return this.assumptions.resolve(v);
  }

  /** Assumes a condition. False when it cannot hold. */
  assume(formula: Formula, fork: string, side: boolean, written: Guard["written"] = null): boolean {
    const f = this.simplify(formula);
    if (isConst(f, false)) return false;
    if (isConst(f, true)) return true;
    // A formula is kept with all its parts, each with a key of its own: what is long takes time and memory.
    this.space.work += this.guards.length + f.key.length;
    this.assumptions = this.assumptions.with({ fork, side, formula: f, written });
    this.path = { before: this.path, test: f };
    this.learn(f);
    return true;
  }

  private learn(f: Formula): void {
    if (f.k === "and") for (const part of f.fs) this.learn(part);
    const binding = f.k === "atom" ? f.binding : f.k === "not" && f.f.k === "atom" ? f.f.otherwise : null;
    if (!binding || binding.location === null) return;
    this.set(binding.location, binding.value);
    for (const domain of this.domains) domain.decided(binding.location, binding.value, this);
  }

  isError(value: Value): boolean {
    return value.t === "error" || this.domains.some((domain) => domain.isError(value));
  }

  isExceptional(): boolean {
    return this.domains.some((domain) => domain.isExceptional(this));
  }

  /** Have both seen the same, so that they can be one? */
  canJoin(other: AbstractState): boolean {
    return this.domains.every((domain) => domain.canJoin(this, other));
  }

  /** Takes in another that ends the same way. Memory no longer matters. */
  absorb(other: AbstractState): void {
    this.parts = this.mergedParts(other);
    this.assumptions = this.assumptions.shared(other.assumptions);
    this.path = joinPaths(this.path, other.path);
  }

  /**
   * The state that stands for this one and another.
   *
   * @param decide what holds in this one and not in the other; null when that is no one condition
   */
  joined(other: AbstractState, decide: Formula | null): AbstractState {
    const condition = decide ?? this.oneTest(other);
    return new AbstractState(
      this.space,
      this.domains,
      Memory.join(this.store, other.store, (at) => this.joinedValue(at, other, condition)),
      this.assumptions.shared(other.assumptions),
      joinPaths(this.path, other.path),
      this.mergedParts(other),
    );
  }

  private mergedParts(other: AbstractState): readonly unknown[] {
    return this.parts.map((part, slot) => {
      const domain = this.domains[slot] as StateDomain;
      return part === other.parts[slot] ? part : domain.merge(part, other.parts[slot]);
    });
  }

  /** The one test whose two sides the two states are; null when there is more between them. */
  private oneTest(other: AbstractState): Formula | null {
    const common = this.assumptions.commonWith(other.assumptions);
    const first = this.guards[common];
    const second = other.guards[common];
    const isOne =
      first !== undefined &&
      first.fork === second?.fork &&
      this.guards.length === common + 1 &&
      other.guards.length === common + 1;
    return isOne ? first.formula : null;
  }

  private joinedValue(at: Location, other: AbstractState, decide: Formula | null): Value {
    const { space } = this;
    space.work++;
    // What was never stored there is what was there before.
    const before = decide ? space.initial(at) : null;
    const a = this.read(at) ?? before;
    const b = other.read(at) ?? before;
    if (a === null || b === null) return space.fresh(space.textOf(at));
    if (sameValue(a, b)) return a;
    if (this.isError(a) && this.isError(b)) return { t: "error" };
    return decide ? { t: "ite", c: decide, a, b } : space.fresh(space.textOf(at));
  }

  /** What is stored at a location, or known of it because a structure or array around it is all zero; else null. */
  read(at: Location): Value | null {
    const own = this.store.get(at);
    if (own !== undefined) return own;
    if (at.parent === null || !this.space.mayBeZeroed(at)) return null;
    for (let inner = at; inner.parent !== null; inner = inner.parent) {
      if (this.mayBeStored(inner)) return null;
      const outer = this.store.get(inner.parent);
      if (outer !== undefined) return outer.t === "zero" ? num(0) : null;
    }
    return null;
  }

  /** Was something stored in an element that may be this one, though it is counted otherwise? */
  private mayBeStored({ parent, step }: Location): boolean {
    if (parent === null || step?.kind !== "element" || !this.space.isCompound(parent)) return false;
    const isUnknown = step.index.t !== "num";
    return this.store.inside(parent).some(([at, value]) => {
      const other = elementOf(at, parent);
      return value.t !== "zero" && (isUnknown || other.t !== "num");
    });
  }

  /** Stores a value at a location; what is known below it stays. */
  set(at: Location, value: Value): void {
    this.store.set(at, value);
    this.space.noteStored(at, value);
  }

  /** Stores below one location what is stored below another. */
  copyInside(from: Location, to: Location): void {
    if (!this.space.isCompound(from)) return;
    for (const [at, value] of this.store.inside(from)) this.set(this.space.moved(at, from, to), value);
  }

  /** Forgets everything below a location. */
  forgetBelow(at: Location): void {
    if (this.space.isCompound(at)) this.store.deleteInside(at);
  }

  /** Forgets what is known of a structure beside a member: what is stored there, and that it is all zero. */
  forgetBeside(member: Location): void {
    const structure = member.parent;
    if (structure === null) return;
    for (const [at] of this.store.inside(structure)) if (at !== member && !isInside(at, member)) this.store.delete(at);
    if (this.isZeroed(structure)) this.set(structure, this.space.initial(structure));
  }

  private isZeroed(structure: Location): boolean {
    if (!this.space.mayBeZeroed(structure)) return false;
    const value = this.store.get(structure) ?? this.read(structure);
    return value?.t === "zero" || (value?.t === "num" && value.v === 0n);
  }

  /** Do all variables that hold an error in both hold the same one? */
  hasSameErrors(other: AbstractState): boolean {
    for (const [at, value] of this.store.entries()) {
      if (!this.isError(value)) continue;
      const second = other.store.get(at);
      if (second !== undefined && this.isError(second) && !sameValue(value, second)) return false;
    }
    return true;
  }
}

/**
 * Joins states that have seen the same, where the paths of one test come together.
 *
 * @param formula what tells the first from the others, when that is one condition
 */
export function joinStates(states: readonly AbstractState[], formula: Formula | null): AbstractState[] {
  const groups: AbstractState[][] = [];
  for (const state of states) {
    if (groups.length > 0 && state.space.isSpent) break;
    state.space.work += groups.length;
    const group = groups.find((g) => (g[0] as AbstractState).canJoin(state));
    if (group) group.push(state);
    else groups.push([state]);
  }
  return groups.map((group) => group.reduce((a, b) => a.joined(b, group.length === 2 ? formula : null)));
}

/**
 * Joins states that are all on their way out with an error: they have seen the same, with the same constants in the function's
 * variables and an error in the same ones. Which error it was does not matter.
 *
 * @param invocation number of the function's invocation
 */
export function joinErrors(states: readonly AbstractState[], invocation: number): AbstractState[] {
  const groups = new Map<string, AbstractState[]>();
  const rest: AbstractState[] = [];
  for (const state of states) {
    const key = state.isExceptional() ? null : errorSignature(state, invocation);
    if (key === null) {
      rest.push(state);
      continue;
    }
    const group = groups.get(key);
    if (group) group.push(state);
    else groups.set(key, [state]);
  }
  return [...rest, ...[...groups.values()].flatMap((group) => joinStates(group, null))];
}

/** Joins what can be joined, but never a state on its way out with an error and one that is not. */
export function joinAll(states: readonly AbstractState[], invocation: number): AbstractState[] {
  const failing = states.filter((state) => errorSignature(state, invocation) !== null);
  const fine = states.filter((state) => !failing.includes(state));
  return [...joinStates(fine, null), ...joinStates(failing, null)];
}

/** Null when no variable of the function holds an error. */
function errorSignature(state: AbstractState, invocation: number): string | null {
  const parts: string[] = [];
  let hasError = false;
  for (const [at, value] of state.store.variables(invocation)) {
    if (state.isError(value)) {
      hasError = true;
      parts.push(`${at.key}!`);
    } else if (value.t === "num") parts.push(`${at.key}=${value.v}`);
  }
  return hasError ? parts.sort().join(";") : null;
}

/** The index of the element of an array that a location is, or is in. */
function elementOf(at: Location, array: Location): Value {
  let inner = at;
  while (inner.parent !== null && inner.parent !== array) inner = inner.parent;
  if (inner.step?.kind !== "element") throw new Error(`${at.key} is in no element of ${array.key}`);
  return inner.step.index;
}
