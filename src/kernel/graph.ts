/** What the analysis finds: calling contexts, what each calls with which locks, and the SEAMCALLs in it. */

import type { Held, LockSet } from "./locks.ts";
import type { Value } from "./values.ts";

/** A place in the source of a function. */
export interface Site {
  readonly function: string;
  readonly file: string;
  readonly line: number;
}

/** Where a lock was taken, or where the entry asserts that whoever calls it holds it. */
export interface Taken extends Site {
  readonly held: Pick<Held, "lock" | "of">;
  readonly isAsserted?: true;
}

/** Locks at a place of a function, and where those were taken that the function itself took. */
export interface LocksAt {
  readonly locks: LockSet;
  readonly taken: ReadonlyMap<string, Taken>;
}

/** A SEAMCALL. */
export interface Seamcall extends LocksAt {
  readonly at: number;
  readonly line: number;
  /** The leaf's number and flags, as the caller gives them; null when they are not known. */
  readonly leaf: bigint | null;
  /** Members of the rules' `bars` that may be set there. */
  readonly mayBeBarred: ReadonlySet<string>;
}

/** A call that was followed. */
export interface Edge extends LocksAt {
  readonly at: number;
  readonly line: number;
  /** Constants of the cases that the call stands in. */
  readonly cases: readonly string[];
  readonly to: Context;
  /** Where the callee runs, when not in the caller's own context: on another CPU, … */
  readonly context: string | null;
}

/** An assertion that a lock is held. */
export interface Assertion extends LocksAt {
  readonly line: number;
  readonly lock: string;
  readonly wanted: "exclusive" | "shared" | "any";
  readonly holds: boolean;
  /** Nothing is known of it, but the entry says so of whoever calls it: it is taken at its word. */
  readonly isTrusted: boolean;
}

/** A test of what a phase is told by, or a store to it, with the locks that are held there. */
export interface Gate {
  readonly line: number;
  readonly fact: string;
  readonly locks: LockSet;
}

/** A function as called with certain locks, arguments and facts. */
export interface Context {
  readonly id: number;
  readonly name: string;
  readonly file: string;
  readonly line: number;
  readonly args: readonly Value[];
  readonly seamcalls: Map<string, Seamcall>;
  readonly edges: Map<string, Edge>;
  readonly assertions: Map<string, Assertion>;
  readonly tests: Map<string, Gate>;
  readonly stores: Map<string, Gate & { readonly value: Value }>;
  /** The ways out of it. */
  readonly outcomes: ReadonlyMap<string, LocksAt>;
}

/** Some contexts, and all that they lead to. */
export function contextsBelow(roots: readonly Context[]): Context[] {
  const seen = new Map<number, Context>();
  const queue = [...roots];
  for (let context = queue.pop(); context !== undefined; context = queue.pop()) {
    if (seen.has(context.id)) continue;
    seen.set(context.id, context);
    for (const edge of context.edges.values()) queue.push(edge.to);
  }
  return [...seen.values()];
}
