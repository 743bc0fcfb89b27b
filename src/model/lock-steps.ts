/**
 * A call's locks as steps, for every scenario: one try, which is granted or BUSY, and giving back what is held. Which lock, in which mode,
 * what a refused try returns and which lock goes first is the catalog's row.
 */
import type { Acquisition, Leaf } from "../catalog/index.ts";
import {
  type BoolExpr,
  BUSY,
  type Effect,
  type IntLike,
  not,
  type ProcessBuilder,
  type StepMeta,
  toInt,
} from "../language/index.ts";
import type { Attempt } from "./call-locks.ts";

/** A lock that a call takes: its row, and which object of the resource's class. */
export interface Held {
  readonly row: Acquisition;
  readonly object: IntLike;
}

/** A scenario's lock words. */
export interface Locks {
  attempt(row: Acquisition, object: IntLike): Attempt;
  release(row: Acquisition, object: IntLike): readonly Effect[];
  /** Does the lock exist once per object? */
  indexed(row: Acquisition): boolean;
}

/** Where a try goes on, and what the caller notes with its outcome. */
export interface Outcomes {
  readonly granted: string;
  readonly busy: string;
  /** Effects of a refused try besides those on the lock. */
  readonly onBusy?: readonly Effect[];
}

/** Adds the steps on locks of one process. */
export class LockSteps {
  readonly #p: ProcessBuilder;
  readonly #locks: Locks;
  readonly #actor: { readonly actor?: string };
  readonly #known = new Set<string>();

  /** `actor`: who is told to act; the process, unless stated. */
  constructor(p: ProcessBuilder, locks: Locks, actor?: string) {
    this.#p = p;
    this.#locks = locks;
    this.#actor = actor === undefined ? {} : { actor };
  }

  /** Metadata of a step on a lock. */
  meta(leaf: Leaf, action: string, { row, object }: Held, more: Partial<StepMeta> = {}): StepMeta {
    const index = this.#locks.indexed(row) ? { object: toInt(object) } : {};
    return { ...this.#actor, leaf: leaf.name, action, resource: row.resource, mode: row.mode, ...index, ...more };
  }

  /** One try at `label`. */
  attempt(label: string, leaf: Leaf, lock: Held, to: Outcomes): void {
    const { granted, take, refused } = this.#locks.attempt(lock.row, lock.object);
    const status = lock.row.busyStatus === null ? {} : { status: lock.row.busyStatus };
    this.#p.step(label, {
      when: granted,
      do: take,
      next: to.granted,
      meta: this.meta(leaf, "acquire", lock, { result: "ok" }),
    });
    this.#p.step(label, {
      when: not(granted),
      do: [...refused, ...(to.onBusy ?? [])],
      next: to.busy,
      meta: this.meta(leaf, "acquire", lock, { result: BUSY, ...status }),
    });
  }

  /** Give one lock back at `label`. */
  giveBack(
    label: string,
    leaf: Leaf,
    lock: Held,
    to: { readonly next: string; readonly when?: BoolExpr },
    more: Partial<StepMeta> = {},
  ): void {
    this.#p.step(label, {
      ...to,
      do: this.#locks.release(lock.row, lock.object),
      meta: this.meta(leaf, "release", lock, more),
    });
  }

  /**
   * The label from which exactly these locks are given back, in the catalog's order, and the process goes on at `to`; adds its steps the
   * first time.
   *
   * @param name a label for what is held; equal ones are one label
   * @param last what to say of the step that gives back the last one
   */
  leave(
    leaf: Leaf,
    held: readonly Held[],
    to: string,
    name: (held: readonly Held[]) => string,
    last: Partial<StepMeta> = {},
  ): string {
    const lock = firstGivenBack(held);
    if (lock === undefined) return to;
    const label = name(held);
    if (this.#known.has(label)) return label;
    this.#known.add(label);
    const rest = held.filter((other) => other !== lock);
    const next = this.leave(leaf, rest, to, name, last);
    this.giveBack(label, leaf, lock, { next }, held.length === 1 ? last : {});
    return label;
  }
}

/** Of the locks that a successful call holds, those that it gives back at all: a row without a release stays taken. */
export const givenBack = (held: readonly Held[]): readonly Held[] => held.filter(({ row }) => row.release !== null);

/**
 * Of the locks that a call holds, in the order of taking, that which it gives back first: the last one, unless the catalog says that
 * others go before it (of a call that succeeds: of one that fails it does not say, and it is taken for the same). A row that says nothing of its turn (`sequence`) goes when all that were taken later are gone.
 */
function firstGivenBack(held: readonly Held[]): Held | undefined {
  const last = held.at(-1);
  if (last === undefined || turnOf(last) === undefined) return last;
  return held.reduce(
    (first, other) => ((turnOf(other) ?? Infinity) < (turnOf(first) ?? Infinity) ? other : first),
    last,
  );
}

const turnOf = ({ row }: Held): number | undefined => row.release?.sequence;
