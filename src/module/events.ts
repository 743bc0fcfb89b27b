/** What the domains of a leaf's analysis remember of each path: locks, page types, statuses. */

import type { Guard, Location, LoopTest, Path } from "../c/index.ts";
import type { LockKind, LockMode, Side, Site } from "../catalog/index.ts";

interface EventBase {
  /** The lock word. */
  readonly lock: Location;
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
  readonly lockKind: LockKind;
  readonly mode: LockMode;
  readonly side: Side;
  /** The object that holds the lock, and the members that lead from there to the lock. */
  readonly object: Location;
  readonly members: readonly string[];
  readonly text: string;
  /** The invocation (not the function) of the PAMT walk that it is part of, else the one in which it happened. */
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

/** What happens to locks, in order. */
export type LockEvent = AcquireEvent | PromoteEvent | ReleaseEvent;

/** On this path one acquisition failed. */
export interface Failure {
  readonly event: AcquireEvent | PromoteEvent;
  /** The status or return name that the primitive gave. */
  readonly outcome: string;
  /** How many events were before it on the path. */
  readonly at: number;
}

/**
 * Does an event try again what a failure did not get: the same lock, or one at the same place in the source? What leads to a lock may be a
 * variable of a function that is called once more.
 */
export const isTriedAgain = ({ event }: Failure, { kind, lock, evidence }: LockEvent): boolean =>
  kind === event.kind && (lock === event.lock || isSameSite(evidence.at(-1), event.evidence.at(-1)));

const isSameSite = (a: Site | undefined, b: Site | undefined): boolean => a?.line === b?.line && a?.file === b?.file;

/** A PAMT entry's page type was found (`assume`) or set (`assign`). */
export interface TypeFact {
  /** The PAMT entry. */
  readonly object: Location;
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
  /** The same call had such a status before on this path. */
  readonly isHandedOn: boolean;
}

/** Which status one is, whatever its operand and flags. */
export const statusKind = (status: bigint): bigint => (status >> 32n) & 0xffffn;

/** Both lists' items, each once. */
export function union<T>(a: readonly T[], b: readonly T[]): readonly T[] {
  return a === b ? a : [...a, ...b.filter((x) => !a.includes(x))];
}
