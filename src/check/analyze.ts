/**
 * What can be known of a Model before it runs: slots that never change, steps that can never run, and counters that provably stay in
 * range. All of it is used for speed only; none of it changes what is reachable.
 */
import {
  constantIncrement,
  elementSlots,
  holdsByLabel,
  type Instance,
  type Ir,
  type IrEffect,
  irRange,
  irReads,
  type Layout,
  type LoweredMove,
  lower,
  lowerMove,
  lowerProperty,
  visitIrEffects,
} from "../language/index.ts";
import type { Pausing } from "./watch.ts";

export interface Analysis {
  readonly layout: Layout;
  /** Slots with the same value in every reachable state. */
  readonly constants: ReadonlyMap<number, number>;
  /** Moves that may run, per instance, lowered under those constants. Others provably never do. */
  readonly live: readonly LoweredMove[];
  /** Slots that only ever change by steps whose sum at each label is known, and stay in range: no run-time check needed. */
  readonly bounded: ReadonlySet<number>;
  /** Those of them that nothing reads: their values follow from where the processes stand, so they are not stored. */
  readonly derived: ReadonlyMap<number, Derived>;
}

/** The set of constants and reached labels, shrinking and growing until neither changes. */
interface Frontier {
  readonly constants: Map<number, number>;
  /** By instance: labels it may reach. */
  readonly reached: Set<number>[];
}

/** Let one move act on what is still believed constant; true when that changed something. */
function disturb(frontier: Frontier, lowered: LoweredMove, at: number): boolean {
  let changed = false;
  const lose = (slot: number) => {
    changed = frontier.constants.delete(slot) || changed;
  };
  visitIrEffects(lowered.effects, (effect) => {
    if (effect.k !== "set") return;
    for (const slot of elementSlots(effect.s, effect.n, effect.i)) {
      if (effect.value.k !== "const" || frontier.constants.get(slot) !== effect.value.v) lose(slot);
    }
  });
  const reached = frontier.reached[at] as Set<number>;
  if (!reached.has(lowered.move.nextIndex)) {
    reached.add(lowered.move.nextIndex);
    changed = true;
  }
  if (lowered.move.nextIndex !== lowered.move.labelIndex) lose(lowered.instance.pc);
  return changed;
}

function movesFrom(
  layout: Layout,
  instance: Instance,
  labels: readonly number[],
  constants: ReadonlyMap<number, number>,
): LoweredMove[] {
  const here = labels.flatMap((label) => layout.movesAt[instance.typeIndex]?.[label] ?? []);
  return here
    .map((move) => lowerMove(layout, instance, move, constants))
    .filter(({ guard }) => !(guard.k === "const" && guard.v === 0));
}

/** Conditional constant propagation over all processes at once. */
function* propagate(layout: Layout): Pausing<Frontier> {
  const frontier: Frontier = {
    constants: new Map(layout.slots.map((slot, i) => [i, slot.init])),
    reached: layout.instances.map((instance) => new Set([layout.slots[instance.pc]?.init ?? 0])),
  };
  let changed = true;
  while (changed) {
    changed = false;
    for (const [i, instance] of layout.instances.entries()) {
      // The set grows while it is walked: labels reached now are followed in the same pass.
      for (const label of frontier.reached[i] as Set<number>) {
        for (const lowered of movesFrom(layout, instance, [label], frontier.constants))
          changed = disturb(frontier, lowered, i) || changed;
        yield;
      }
    }
  }
  return frontier;
}

/** The change that effects make to a slot, when it is the same constant on every path through them; else null. */
function delta(effects: readonly IrEffect[], slot: number): number | null {
  let sum = 0;
  for (const effect of effects) {
    if (effect.k === "set") {
      if (!elementSlots(effect.s, effect.n, effect.i).includes(slot)) continue;
      const by = constantIncrement(effect);
      if (by === null) return null;
      sum += by;
    } else if (effect.k === "if") {
      const [a, b] = [delta(effect.a, slot), delta(effect.b, slot)];
      if (a === null || a !== b) return null;
      sum += a;
    }
  }
  return sum;
}

type MovesByLabel = ReadonlyMap<number, readonly LoweredMove[]>;

/** What one instance can have added to a slot: bounds, and the exact sum by label. */
interface Contribution {
  readonly low: number;
  readonly high: number;
  readonly byLabel: ReadonlyMap<number, number>;
}

function byLabel(moves: readonly LoweredMove[]): MovesByLabel {
  const grouped = new Map<number, LoweredMove[]>();
  for (const lowered of moves) {
    const { labelIndex } = lowered.move;
    const known = grouped.get(labelIndex);
    if (known === undefined) grouped.set(labelIndex, [lowered]);
    else known.push(lowered);
  }
  return grouped;
}

/** The lowest and highest total one instance can have added to a slot, when that total is determined by its label; else null. */
function contribution(moves: MovesByLabel, start: number, slot: number): Contribution | null {
  const total = new Map([[start, 0]]);
  let [low, high] = [0, 0];
  const work = [start];
  for (const label of work) {
    for (const { move, effects } of moves.get(label) ?? []) {
      const by = delta(effects, slot);
      if (by === null) return null;
      const after = (total.get(label) as number) + by;
      const known = total.get(move.nextIndex);
      if (known !== undefined && known !== after) return null;
      // Between the effects of one step the sum may swing by the sizes of its increments.
      const swing = swings(effects, slot);
      low = Math.min(low, (total.get(label) as number) - swing, after);
      high = Math.max(high, (total.get(label) as number) + swing, after);
      if (known === undefined) {
        total.set(move.nextIndex, after);
        work.push(move.nextIndex);
      }
    }
  }
  return { low, high, byLabel: total };
}

/** How far a step may move a slot on the way, when it changes it more than once. */
function swings(effects: readonly IrEffect[], slot: number): number {
  const sizes: number[] = [];
  visitIrEffects(effects, (effect) => {
    if (effect.k === "set" && effect.s === slot && effect.i === null)
      sizes.push(Math.abs(constantIncrement(effect) ?? 0));
  });
  return sizes.length < 2 ? 0 : sizes.reduce((a, b) => a + b, 0);
}

/** A counter whose value follows from where the processes stand. */
export interface Derived {
  readonly init: number;
  /** By instance, in the layout's order: what it has added, by label. */
  readonly byInstance: readonly ReadonlyMap<number, number>[];
}

/** Counters that provably stay in range, with what determines their values. */
function* countersOf(layout: Layout, live: readonly LoweredMove[]): Pausing<Map<number, Derived>> {
  const incremented = new Set<number>();
  for (const { effects } of live) {
    visitIrEffects(effects, (effect) => {
      if (effect.k === "set" && constantIncrement(effect) !== null) incremented.add(effect.s);
    });
  }
  const moves = layout.instances.map((instance) => byLabel(live.filter((lowered) => lowered.instance === instance)));
  const found = new Map<number, Derived>();
  for (const slot of incremented) {
    const derived = deriveCounter(layout, moves, slot);
    if (derived !== null) found.set(slot, derived);
    yield;
  }
  return found;
}

function deriveCounter(layout: Layout, moves: readonly MovesByLabel[], slot: number): Derived | null {
  const { init, min, max } = layout.slots[slot] as { init: number; min: number; max: number };
  let [low, high] = [init, init];
  const byInstance: ReadonlyMap<number, number>[] = [];
  for (const [i, instance] of layout.instances.entries()) {
    const part = contribution(moves[i] as MovesByLabel, layout.slots[instance.pc]?.init ?? 0, slot);
    if (part === null) return null;
    low += part.low;
    high += part.high;
    byInstance.push(part.byLabel);
  }
  return low >= min && high <= max ? { init, byInstance } : null;
}

/** Slots that something reads: a guard, a value, an index, an assertion or a property; an increment does not read what it increments. */
function readSlots(layout: Layout, live: readonly LoweredMove[], constants: ReadonlyMap<number, number>): Set<number> {
  const reads = new Set<number>();
  for (const { guard, effects, instance, move } of live) {
    irReads(guard, reads);
    const { object } = move.step.meta;
    if (object !== undefined) irReads(lower({ layout, instance, params: move.choices, constants }, object), reads);
    visitIrEffects(effects, (effect) => {
      if (effect.k !== "set") {
        irReads(effect.c, reads);
      } else if (constantIncrement(effect) === null) {
        irReads(effect.value, reads);
        if (effect.i !== null) irReads(effect.i, reads);
      }
    });
  }
  for (const property of layout.model.properties) {
    const exprs = property.kind === "leads-to" ? [property.from, property.to] : [property.expr];
    for (const expr of exprs) irReads(lowerProperty(layout, expr, constants), reads);
  }
  for (const [typeIndex, type] of layout.model.processes.entries()) {
    const holds = holdsByLabel(type).flat();
    for (const instance of layout.instances.filter((candidate) => candidate.typeIndex === typeIndex)) {
      const scope = { layout, instance, params: {}, constants };
      for (const { object, when } of holds)
        for (const expr of [object, when]) if (expr !== null) irReads(lower(scope, expr), reads);
    }
  }
  return reads;
}

/** Analyse a validated model. */
export function* analyze(layout: Layout): Pausing<Analysis> {
  const { constants, reached } = yield* propagate(layout);
  const live = layout.instances.flatMap((instance, i) =>
    movesFrom(
      layout,
      instance,
      [...(reached[i] as Set<number>)].sort((a, b) => a - b),
      constants,
    ),
  );
  yield;
  const counters = yield* countersOf(layout, live);
  const reads = readSlots(layout, live, constants);
  const derived = new Map([...counters].filter(([slot]) => !reads.has(slot)));
  return { layout, constants, live, bounded: new Set(counters.keys()), derived };
}

/** Can this move end in a fault, as far as the analysis can tell? */
export function mayFault(analysis: Analysis, effects: readonly IrEffect[]): boolean {
  let may = false;
  visitIrEffects(effects, (effect) => {
    if (effect.k === "assert") may = true;
    if (effect.k !== "set") return;
    const inRange =
      within(effect.value, effect.range) || (constantIncrement(effect) !== null && analysis.bounded.has(effect.s));
    const inArray = effect.i === null || within(effect.i, [0, effect.n - 1]);
    if (!inRange || !inArray) may = true;
  });
  return may;
}

function within(ir: Ir, [min, max]: readonly [number, number]): boolean {
  const [low, high] = irRange(ir);
  return low >= min && high <= max;
}
