/**
 * When, within a call, a lock is tried and for how long it is held: by the order in which the catalog has the leaf take and give back its
 * locks. It serves to tell the likely from the less likely among those that were in flight; nothing is certain because of it.
 *
 * A call takes its locks one after the other, does its work, and gives them back, mostly the last first: so the first one is held for nearly
 * all of its time, and one in the middle for the middle part. A call that is refused turns round where it is. The entry of a
 * guest is the first moment of a run that can be long; how long that moment is is learned from entries that were refused.
 */
import type { Catalog } from "../catalog/index.ts";
import { type Call, SUCCESS } from "./call.ts";
import type { Holder } from "./holders.ts";
import { ENTER } from "./wrappers.ts";

/** As long as nothing was learned: how long after its beginning an entry comes to a lock, in ns. */
const UNLEARNED = 1_000;
/** How fast what is learned follows what is seen. */
const RATE = 0.05;
/** How far two times lie apart that are both cut off somewhere within one unit: the standard deviation, in such units. */
const OF_TWO_TIMES = Math.sqrt(1 / 6);
/** Nobody in flight is ruled out by this. */
const LEAST = 0.01;

export class Spans {
  /** By leaf: how many locks a successful call takes. */
  readonly #rows: ReadonlyMap<string, number>;
  /** By status: how long an entry takes to the lock at which it is refused with it. */
  readonly #entry = new Map<string, number>();
  /** How long a call takes for one lock. */
  #step = UNLEARNED / 8;

  constructor(catalog: Catalog) {
    this.#rows = new Map(
      catalog.leaves.map(({ name, acquisitions }) => [
        name,
        acquisitions.filter(({ mode, when }) => mode !== "NO_LOCK" && when === null).length,
      ]),
    );
  }

  /** Takes note of how long a call took. */
  learn({ leaf, begin, end, status, beginUnsure, endUnsure }: Call, busy: boolean): void {
    if (beginUnsure || endUnsure || status === null) return;
    if (leaf === ENTER.leaf) {
      if (!busy) return;
      const known = this.#entry.get(status);
      const half = (end - begin) * REFUSED_AT;
      this.#entry.set(status, known === undefined ? half : known + RATE * (half - known));
    } else if (status === SUCCESS) {
      const step = (end - begin) / (2 * (this.#rows.get(leaf) ?? 4) + 1);
      this.#step += RATE * (step - this.#step);
    }
  }

  /** From nearly 0 to 1: how well the time at which `busy` tried fits the time for which `call` held; times are no more exact than `tolerance`. */
  fit(busy: Call, call: Call, holder: Holder, refused: boolean, tolerance: number): number {
    const lasted = busy.end - busy.begin;
    const tried = busy.begin + lasted * REFUSED_AT;
    const [from, to, doubt] =
      call.leaf === ENTER.leaf && !holder.whileGuestRuns
        ? this.#entryHolds(call, holder)
        : this.#callHolds(call, holder, refused);
    const apart = tried < from ? from - tried : Math.max(0, tried - to);
    const sigma = Math.max(1, Math.hypot(lasted / 5 + doubt, tolerance * OF_TWO_TIMES));
    const gap = Math.max(call.begin - busy.end, busy.begin - call.end);
    return Math.max(LEAST, Math.exp(-((apart / sigma) ** 2) / 2) * chanceToOverlap(gap, tolerance));
  }

  #entryHolds({ begin }: Call, { status, order, shortly }: Holder): readonly [number, number, number] {
    const reached = this.#entry.get(status ?? "") ?? Math.min(UNLEARNED, this.#step * (order + 1));
    const from = begin + reached;
    const held = this.#step * (shortly ? 3 : 4);
    return [from, from + held, reached / 4];
  }

  #callHolds(
    { leaf, begin, end }: Call,
    { order, shortly }: Holder,
    refused: boolean,
  ): readonly [number, number, number] {
    if (!Number.isFinite(begin) || !Number.isFinite(end)) return [begin, end, 0];
    const lasted = end - begin;
    const rows = Math.max(order + 1, this.#rows.get(leaf) ?? order + 1);
    const all = 2 * rows + 1;
    const from = begin + (lasted * (order + 0.5)) / all;
    const to = shortly && !refused ? begin + (lasted * (rows + 1.5)) / all : end - (lasted * (order + 0.5)) / all;
    return [from, Math.max(from, to), lasted / all];
  }
}

/** How likely one began before another one ended, of which `gap` says how long after it began: both times are cut off somewhere within one unit. */
function chanceToOverlap(gap: number, unit: number): number {
  if (gap <= -unit) return 1;
  const x = gap / unit;
  if (x >= 1) return 0;
  return x > 0 ? (1 - x) ** 2 / 2 : 1 - (1 + x) ** 2 / 2;
}

/** Where in its time a call that is refused turns round. */
const REFUSED_AT = 0.55;
