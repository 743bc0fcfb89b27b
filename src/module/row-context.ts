/** What is needed to read one leaf's rows off its run, and what they are read off as. */

import type {
  Acquisition,
  Leaf,
  LockMode,
  Operand,
  OtherBusy,
  PageSize,
  Release,
  Site,
  TdOf,
} from "../catalog/index.ts";
import type { AcquireEvent, ReleaseEvent } from "./events.ts";
import type { Knowledge } from "./knowledge.ts";
import type { LeafFinal, LeafRun } from "./leaf-run.ts";
import type { DispatchedLeaf } from "./leaves.ts";

/** What the statuses and operands of the tree are called. */
export interface StatusNames {
  readonly status: (value: bigint) => string | null;
  readonly operand: (value: bigint) => Operand | null;
}

/** Releases that the TD exit makes of what the TD entry left locked: by the hand-over field and the lock's member. */
export interface HandedOver {
  readonly releases: ReadonlyMap<string, readonly ReleaseEvent[]>;
  /** By {@link chainKey}: its place in the order in which the exit makes them. */
  readonly positions: ReadonlyMap<string, number>;
}

export interface RowTrouble {
  readonly what:
    | "no-success"
    | "not-released"
    | "released-as"
    | "released-unheld"
    | "leaked-on-error"
    | "lock-object"
    | "unclassified"
    | "unknown-walk"
    | "no-status"
    | "untold"
    | "untold-try"
    | "either-order";
  readonly message: string;
  readonly site: Site;
}

export interface LeafRows {
  readonly acquisitions: readonly Acquisition[];
  readonly releaseOrders: NonNullable<Leaf["releaseOrders"]>;
  readonly otherBusy: readonly OtherBusy[];
  readonly troubles: readonly RowTrouble[];
}

/** Everything that is needed to read one leaf's rows off its run. */
export interface RowContext {
  readonly leaf: DispatchedLeaf;
  readonly run: LeafRun;
  readonly knowledge: Knowledge;
  readonly names: StatusNames;
  readonly handedOver: HandedOver;
  readonly handler: Site;
}

/** One acquisition on one path through the leaf, with its resource. */
export interface HeldLock {
  readonly event: AcquireEvent;
  readonly mode: LockMode;
  readonly resource: string;
  readonly role: string | null;
  /** The role is a guess from the leaf's name. */
  readonly isGuess: boolean;
  readonly object: string;
  /** Undefined where it cannot be told. */
  readonly td: TdOf | null | undefined;
  /** Of which size the page is whose PAMT entry this is; null for other locks, and where the source does not tell. */
  readonly pageSize: PageSize | null;
  readonly release: Release | null;
  /** Where it was made EXCLUSIVE, when it was not taken in that mode. */
  readonly promotion: readonly Site[] | null;
}

/** What one path takes, and how it ends. */
export interface HeldOn {
  readonly final: LeafFinal;
  readonly held: readonly HeldLock[];
}

const chainKeys = new WeakMap<readonly Site[], string>();

/** A call chain as an identity. */
export function chainKey(evidence: readonly Site[]): string {
  let key = chainKeys.get(evidence);
  if (key === undefined) {
    key = evidence.map((s) => `${s.file}:${s.line}`).join(">");
    chainKeys.set(evidence, key);
  }
  return key;
}

export const isSameSite = (a: Site | undefined, b: Site | undefined): boolean =>
  a !== undefined && b !== undefined && a.file === b.file && a.line === b.line && a.function === b.function;

/** `do … while (0)` repeats nothing. */
export const repeats = (test: string): boolean => test !== "0" && test !== "false";

/** The operand in a status's low half; zero means RAX only in a status that carries operands. */
export function operandOf(status: bigint, { knowledge, names }: RowContext): Operand | null {
  const low = status & 0xffffffffn;
  if (low === 0n && !knowledge.rules.operandStatuses.test(names.status(status) ?? "")) return null;
  return names.operand(low);
}
