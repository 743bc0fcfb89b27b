/**
 * What can be known of a Model before it runs: slots that never change, steps that can never run, and counters that provably stay in
 * range. All of it is used for speed only; none of it changes what is reachable.
 */
import {
  constantIncrement,
  elementSlots,
  evaluateIr,
  type Hold,
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
  type Move,
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
  /** By process type and label: what an instance there holds. */
  readonly holds: readonly (readonly (readonly Hold[])[])[];
  /** By slot that one instance alone changes: the instance's program counter, and the labels at which the slot's value is always the same. */
  readonly known: ReadonlyMap<number, { readonly pc: number; readonly labels: readonly number[] }>;
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

/** A lowered move, and the constants that were used to lower it: it stays right as long as they are constant. */
interface Cached {
  readonly lowered: LoweredMove;
  readonly used: readonly number[];
}

/** Lowers moves under constants that become fewer, each again only when a constant that it used was lost. */
class Lowering {
  readonly #layout: Layout;
  readonly #constants: ReadonlyMap<number, number>;
  readonly #cache = new Map<Instance, Map<Move, Cached>>();

  constructor(layout: Layout, constants: ReadonlyMap<number, number>) {
    this.#layout = layout;
    this.#constants = constants;
  }

  #lower(instance: Instance, move: Move): Cached {
    const used = new Set<number>();
    const constants = {
      get: (slot: number) => {
        const value = this.#constants.get(slot);
        if (value !== undefined) used.add(slot);
        return value;
      },
    };
    return { lowered: lowerMove(this.#layout, instance, move, constants), used: [...used] };
  }

  /** An instance's moves at a label, without those that never run. */
  movesFrom(instance: Instance, label: number): LoweredMove[] {
    const cache = this.#cache.get(instance) ?? new Map<Move, Cached>();
    this.#cache.set(instance, cache);
    return (this.#layout.movesAt[instance.typeIndex]?.[label] ?? []).flatMap((move) => {
      let cached = cache.get(move);
      if (cached === undefined || !cached.used.every((slot) => this.#constants.has(slot))) {
        cached = this.#lower(instance, move);
        cache.set(move, cached);
      }
      const { guard } = cached.lowered;
      return guard.k === "const" && guard.v === 0 ? [] : [cached.lowered];
    });
  }
}

/** Conditional constant propagation over all processes at once. */
function* propagate(layout: Layout): Pausing<{ constants: Map<number, number>; live: LoweredMove[] }> {
  const frontier: Frontier = {
    constants: new Map(layout.slots.map((slot, i) => [i, slot.init])),
    reached: layout.instances.map((instance) => new Set([layout.slots[instance.pc]?.init ?? 0])),
  };
  const lowering = new Lowering(layout, frontier.constants);
  let changed = true;
  while (changed) {
    changed = false;
    for (const [i, instance] of layout.instances.entries()) {
      // The set grows while it is walked: labels reached now are followed in the same pass.
      for (const label of frontier.reached[i] as Set<number>) {
        for (const lowered of lowering.movesFrom(instance, label)) changed = disturb(frontier, lowered, i) || changed;
        yield;
      }
    }
  }
  const live = layout.instances.flatMap((instance, i) =>
    [...(frontier.reached[i] as Set<number>)]
      .sort((a, b) => a - b)
      .flatMap((label) => lowering.movesFrom(instance, label)),
  );
  return { constants: frontier.constants, live };
}

/** The change that effects make to a slot, when it is the same constant on every path through them; else null. */
function delta(effects: readonly IrEffect[], slot: number): number | null {
  let sum = 0;
  for (const effect of effects) {
    if (effect.k === "set") {
      if (slot < effect.s || slot >= effect.s + effect.n) continue;
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

/** A slot whose value follows from where the processes stand. */
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
function readSlots(
  layout: Layout,
  live: readonly LoweredMove[],
  constants: ReadonlyMap<number, number>,
  holds: Analysis["holds"],
): Set<number> {
  const reads = new Set<number>();
  for (const { guard, effects, instance, move } of live) {
    irReads(guard, reads);
    const { object } = move.step.meta;
    if (object !== undefined) irReads(lower({ layout, instance, params: move.choices, constants }, object), reads);
    visitIrEffects(effects, (effect) => {
      if (effect.k === "set" && constantIncrement(effect) !== null) return;
      for (const ir of effectIrs(effect)) irReads(ir, reads);
    });
  }
  for (const property of layout.model.properties) {
    const exprs = property.kind === "leads-to" ? [property.from, property.to] : [property.expr];
    for (const expr of exprs) irReads(lowerProperty(layout, expr, constants), reads);
  }
  for (const instance of layout.instances) {
    const scope = { layout, instance, params: {}, constants };
    for (const { object, when } of holds[instance.typeIndex]?.flat() ?? [])
      for (const expr of [object, when]) if (expr !== null) irReads(lower(scope, expr), reads);
  }
  return reads;
}

/** Values known at a label; null there: not the same whenever an instance is there. */
type Known = Map<number, number | null>;

/** By instance: the slots that only it changes. */
function ownSlots(layout: Layout, live: readonly LoweredMove[]): Map<Instance, Set<number>> {
  const writer = new Map<number, Instance | null>();
  for (const { instance, effects } of live)
    for (const slot of writtenSlots(effects)) {
      if (slot === instance.pc) continue;
      const known = writer.get(slot);
      writer.set(slot, known === undefined || known === instance ? instance : null);
    }
  const own = new Map(layout.instances.map((instance) => [instance, new Set<number>()]));
  for (const [slot, instance] of writer) if (instance !== null) own.get(instance)?.add(slot);
  return own;
}

/** The expressions that stand directly in an effect. */
export function effectIrs(effect: IrEffect): readonly Ir[] {
  if (effect.k !== "set") return [effect.c];
  return effect.i === null ? [effect.value] : [effect.i, effect.value];
}

/** Every slot that effects may write. */
export function writtenSlots(effects: readonly IrEffect[]): Set<number> {
  const written = new Set<number>();
  visitIrEffects(effects, (effect) => {
    if (effect.k === "set") for (const slot of elementSlots(effect.s, effect.n, effect.i)) written.add(slot);
  });
  return written;
}

/** An expression's value where every slot it reads is known; else null. */
function knownValue(ir: Ir, known: Known): number | null {
  if (ir.k === "const") return ir.v;
  for (const slot of irReads(ir)) if ((known.get(slot) ?? null) === null) return null;
  // Of what it reads everything is a number.
  return evaluateIr(ir, known as ReadonlyMap<number, number>);
}

/** Two ways lead here: keep what both agree on. True when that changed `into`. */
function join(into: Known, other: Known): boolean {
  let changed = false;
  for (const [slot, value] of into) {
    if (value === null || other.get(slot) === value) continue;
    into.set(slot, null);
    changed = true;
  }
  return changed;
}

/** `unproven` gets the slots that may be assigned a value outside their range, which ends the step even if a later effect assigns another. */
function runEffects(effects: readonly IrEffect[], known: Known, unproven: Set<number>): void {
  for (const effect of effects) {
    if (effect.k === "set") {
      const value = knownValue(effect.value, known);
      const [min, max] = effect.range;
      const fits = value !== null && value >= min && value <= max;
      for (const slot of elementSlots(effect.s, effect.n, effect.i)) {
        if (!fits && !within(effect.value, effect.range)) unproven.add(slot);
        if (known.has(slot)) known.set(slot, fits && effect.i === null ? value : null);
      }
    } else if (effect.k === "if") {
      const other = new Map(known);
      runEffects(effect.a, known, unproven);
      runEffects(effect.b, other, unproven);
      join(known, other);
    }
  }
}

/** By label that an instance may reach: what its own slots hold whenever it is there. */
function knownByLabel(moves: MovesByLabel, start: number, init: Known, unproven: Set<number>): Map<number, Known> {
  const found = new Map([[start, init]]);
  const work = [start];
  for (let label = work.pop(); label !== undefined; label = work.pop()) {
    const here = found.get(label) as Known;
    for (const { guard, effects, move } of moves.get(label) ?? []) {
      if (knownValue(guard, here) === 0) continue;
      const after = new Map(here);
      runEffects(effects, after, unproven);
      const before = found.get(move.nextIndex);
      if (before === undefined) found.set(move.nextIndex, after);
      else if (!join(before, after)) continue;
      work.push(move.nextIndex);
    }
  }
  return found;
}

/** Moves simplified by what is known where they start; and the slots that are known wherever their process is. */
interface Flow {
  readonly known: Analysis["known"];
  readonly live: readonly LoweredMove[];
  readonly determined: ReadonlyMap<number, Derived>;
}

/** Propagate the values of each instance's own slots along its labels. */
function* flowOf(layout: Layout, live: readonly LoweredMove[], constants: ReadonlyMap<number, number>): Pausing<Flow> {
  const own = ownSlots(layout, live);
  const simpler: LoweredMove[] = [];
  const determined = new Map<number, Derived>();
  const everywhere = new Map<number, { pc: number; labels: number[] }>();
  for (const [at, instance] of layout.instances.entries()) {
    const moves = live.filter((lowered) => lowered.instance === instance);
    const init: Known = new Map([...(own.get(instance) ?? [])].map((slot) => [slot, layout.slots[slot]?.init ?? 0]));
    const unproven = new Set<number>();
    const known = knownByLabel(byLabel(moves), layout.slots[instance.pc]?.init ?? 0, new Map(init), unproven);
    yield;
    for (const lowered of moves) {
      const here = known.get(lowered.move.labelIndex);
      if (here !== undefined) simpler.push(...simplified(layout, lowered, here, constants));
    }
    for (const [slot, first] of init) {
      const byLabel = new Map([...known].map(([label, values]) => [label, values.get(slot) ?? null]));
      const labels = [...byLabel].flatMap(([label, value]) => (value === null ? [] : [label]));
      everywhere.set(slot, { pc: instance.pc, labels });
      if (unproven.has(slot) || [...byLabel.values()].includes(null)) continue;
      const added = new Map([...byLabel].map(([label, value]) => [label, (value as number) - (first as number)]));
      const byInstance = layout.instances.map((_, i) => (i === at ? added : new Map<number, number>()));
      determined.set(slot, { init: first as number, byInstance });
    }
    yield;
  }
  return { live: simpler, determined, known: everywhere };
}

/** The move lowered again with what is known at its label; nothing when it can never run. */
function simplified(
  layout: Layout,
  lowered: LoweredMove,
  here: Known,
  constants: ReadonlyMap<number, number>,
): LoweredMove[] {
  const { instance, move } = lowered;
  const reads = irReads(lowered.guard);
  visitIrEffects(lowered.effects, (effect) => {
    for (const ir of effectIrs(effect)) irReads(ir, reads);
  });
  if (![...reads].some((slot) => (here.get(slot) ?? null) !== null)) return [lowered];
  const known = (slot: number) => here.get(slot) ?? constants.get(slot);
  const { guard } = lowerMove(layout, instance, move, { get: known });
  if (guard.k === "const" && guard.v === 0) return [];
  // What the effects write is known only until they do.
  const written = writtenSlots(lowered.effects);
  const lasting = { get: (slot: number) => (written.has(slot) ? constants.get(slot) : known(slot)) };
  const { effects } = lowerMove(layout, instance, move, lasting);
  return [{ instance, move, guard, effects }];
}

/** Analyse a validated model. */
export function* analyze(layout: Layout): Pausing<Analysis> {
  const { constants, live: possible } = yield* propagate(layout);
  const { live, determined, known } = yield* flowOf(layout, possible, constants);
  const counters = yield* countersOf(layout, live);
  const holds = layout.model.processes.map(holdsByLabel);
  const reads = readSlots(layout, live, constants, holds);
  const derived = new Map([...counters, ...determined].filter(([slot]) => !reads.has(slot)));
  return {
    layout,
    constants,
    live,
    bounded: new Set([...counters.keys(), ...determined.keys()]),
    derived,
    holds,
    known,
  };
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

/** A move's step number: choices of one step share it. */
export function stepNumbers(layout: Layout): Map<number, number> {
  const numbers = new Map<string, number>();
  const byMove = new Map<number, number>();
  for (const move of layout.moves) {
    const name = `${move.typeIndex}.${move.labelIndex}.${move.stepIndex}`;
    if (!numbers.has(name)) numbers.set(name, numbers.size);
    byMove.set(move.id, numbers.get(name) as number);
  }
  return byMove;
}
