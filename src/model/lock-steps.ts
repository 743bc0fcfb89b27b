/**
 * A call's locks as steps, for every scenario: one try, which is granted or BUSY, and giving back what is held. Which lock, in which mode,
 * what a refused try returns and which lock goes first is the catalog's row.
 */
import { type Acquisition, type CallEnd, type Leaf, releaseOrders } from "../catalog/index.ts";
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
  /** The lock's own name, where the catalog has one lock under several; default: the row's. */
  name?(row: Acquisition): string;
  /** Does the call take a lock there that the scenario does not have? */
  leavesOut(row: Acquisition): boolean;
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
    const { resource, mode } = row;
    const name = this.#locks.name?.(row) ?? resource;
    const lock = name === resource ? {} : { lock: name };
    return { ...this.#actor, leaf: leaf.name, action, resource, ...lock, mode, ...index, ...more };
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
   * The label from which exactly these locks are given back, and the process goes on at `to`; adds its steps the first time. Of several
   * orders in which calls that end so give them back, each is a way on from there.
   *
   * @param held in the order of taking
   * @param end how the call ends
   * @param name a label for what is held, and for the way in which it is given back (empty for the usual one); equal ones are one label
   * @param last what to say of the step that gives back the last one
   */
  leave(
    leaf: Leaf,
    held: readonly Held[],
    end: CallEnd,
    to: string,
    name: (held: readonly Held[], way: string) => string,
    last: Partial<StepMeta> = {},
  ): string {
    const orders = this.#ordersOf(leaf, held, end);
    const usual = this.#ordersOf({ acquisitions: [] }, held, end)[0] ?? [];
    const wayOf = (order: readonly Held[]): string => (isTail(order, usual) ? "" : `, ${inWords(order)}`);
    const start = name(held, orders.length > 1 ? `, ${orders.map(inWords).join(" or ")}` : orders.map(wayOf).join(""));
    const steps = (label: string, leaving: readonly (readonly Held[])[]): string => {
      if (this.#known.has(label)) return label;
      this.#known.add(label);
      for (const [lock, ...rest] of leaving) {
        if (lock === undefined) continue;
        const kept = held.filter((other) => rest.includes(other));
        const next = rest.length === 0 ? to : steps(name(kept, wayOf(rest)), [rest]);
        this.giveBack(label, leaf, lock, { next }, rest.length === 0 ? last : {});
      }
      return label;
    };
    return held.length === 0 ? to : steps(start, orders);
  }

  /** The orders in which a call that ends so may give back what it holds. */
  #ordersOf(
    leaf: Pick<Leaf, "releaseOrders" | "acquisitions">,
    held: readonly Held[],
    end: CallEnd,
  ): readonly (readonly Held[])[] {
    const rows = held.map(({ row }) => row);
    return this.orders(leaf, rows, end).map((order) => order.flatMap((i) => held[i] ?? []));
  }

  /** The same by position in `rows`. */
  orders(
    leaf: Pick<Leaf, "releaseOrders" | "acquisitions">,
    rows: readonly Acquisition[],
    end: CallEnd,
  ): readonly (readonly number[])[] {
    const leftOut = leaf.acquisitions.filter((row) => this.#locks.leavesOut(row));
    return releaseOrders(leaf, rows, end, leftOut);
  }
}

/** Of the locks that a successful call holds, those that it gives back at all: a row without a release stays taken. */
export const givenBack = (held: readonly Held[]): readonly Held[] => held.filter(({ row }) => row.release !== null);

/** Is an order the end of another one? */
const isTail = (order: readonly Held[], of: readonly Held[]): boolean =>
  order.every((lock, i) => lock === of[of.length - order.length + i]);

const inWords = (order: readonly Held[]): string =>
  order.map(({ row }) => `${row.resource} ${row.order ?? ""}`).join(" then ");
