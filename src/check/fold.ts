/**
 * Safe-step folding: a label is safe when whatever its process does there can neither influence nor be influenced by any other process,
 * and no property can see it. Such steps are taken along with the step that leads to the label, and the states between are not stored.
 *
 * A label is safe when all of this holds for every move that can start there:
 * - it reads only slots that no other process writes, and writes only slots that no other process reads or writes; counters that
 *   everybody only ever increments and decrements, no other process reads and that provably stay in range may be changed by all;
 * - one of its moves can always run, and none can end in a fault;
 * - no property, no other process's `at`, and no entry of the `busy` list can tell the state before from the state after (what such an
 *   entry asks of an instance, the object of its failed try or of what it holds, counts as read by that instance);
 * - following safe labels never leads round in a circle.
 *
 * Then the process alone is a persistent set in every state where it stands at a safe label, its steps are invisible, and no cycle
 * consists of them: exploring only its steps there keeps deadlocks, violations, witnesses, the steps that run, and `busy`.
 */
import {
  constantIncrement,
  elementSlots,
  evaluateIr,
  type Hold,
  type Instance,
  type Ir,
  type IrEffect,
  irReads,
  isBusy,
  type LoweredMove,
  lockOf,
  lower,
  lowerProperty,
  visitIr,
  visitIrEffects,
} from "../language/index.ts";
import { type Analysis, mayFault } from "./analyze.ts";
import { propertyExprs } from "./symmetry.ts";
import type { Pausing } from "./watch.ts";

/** What one move touches. */
interface Footprint {
  readonly lowered: LoweredMove;
  /** Slots read, except by increments of themselves. */
  readonly reads: ReadonlySet<number>;
  readonly writes: ReadonlySet<number>;
  /** Program counters looked at by label: the sets of labels asked for. */
  readonly asks: readonly { readonly slot: number; readonly labels: readonly number[] }[];
}

/** Program counters asked about, and other slots read. */
function readsOf(irs: readonly Ir[], reads: Set<number>, asks: { slot: number; labels: readonly number[] }[]): void {
  for (const ir of irs) {
    const pcs = new Set<number>();
    visitIr(ir, (node) => {
      if (node.k !== "at") return;
      pcs.add(node.s);
      asks.push({ slot: node.s, labels: node.labels });
    });
    for (const slot of irReads(ir)) if (!pcs.has(slot)) reads.add(slot);
  }
}

function footprint(lowered: LoweredMove, constants: ReadonlyMap<number, number>): Footprint {
  const reads = new Set<number>();
  const writes = new Set<number>();
  const asks: { slot: number; labels: readonly number[] }[] = [];
  readsOf([lowered.guard], reads, asks);
  visitIrEffects(lowered.effects, (effect: IrEffect) => {
    if (effect.k !== "set") return readsOf([effect.c], reads, asks);
    // A constant slot is only ever written with its own value.
    for (const slot of elementSlots(effect.s, effect.n, effect.i)) if (!constants.has(slot)) writes.add(slot);
    if (constantIncrement(effect) === null)
      readsOf(effect.i === null ? [effect.value] : [effect.i, effect.value], reads, asks);
  });
  return { lowered, reads, writes, asks };
}

/** Everything that folding must respect, for the whole model. */
interface FoldConstraints {
  readonly analysis: Analysis;
  readonly footprints: readonly Footprint[];
  /** By slot: instances that read it, or write it. */
  readonly readers: ReadonlyMap<number, ReadonlySet<Instance>>;
  readonly writers: ReadonlyMap<number, ReadonlySet<Instance>>;
  /** Slots that properties read. */
  readonly visible: ReadonlySet<number>;
  /** Label sets that properties or processes ask about, by program counter, with who asks (null: a property). */
  readonly asks: readonly { readonly slot: number; readonly labels: readonly number[]; readonly by: Instance | null }[];
  /** Resources for which some failed try can run. */
  readonly contended: ReadonlySet<string>;
}

function note(map: Map<number, Set<Instance>>, slots: ReadonlySet<number>, instance: Instance): void {
  for (const slot of slots) {
    const known = map.get(slot);
    if (known === undefined) map.set(slot, new Set([instance]));
    else known.add(instance);
  }
}

/** What decides who is met when busy: the objects of an instance's failed tries, and objects and conditions of what it holds anywhere. */
function told(
  { layout, live, constants, holds }: Analysis,
  contended: ReadonlySet<string>,
): { readonly instance: Instance; readonly irs: readonly Ir[] }[] {
  const tried = live.flatMap(({ instance, move: { step, choices } }) => {
    const { object } = step.meta;
    if (!isBusy(step) || object === undefined) return [];
    return [{ instance, irs: [lower({ layout, instance, params: choices, constants }, object)] }];
  });
  const held = layout.instances.map((instance) => {
    const here = (holds[instance.typeIndex] ?? []).flat().filter(({ resource }) => contended.has(resource));
    const exprs = here.flatMap(({ object, when }) => [object, when]).filter((expr) => expr !== null);
    return { instance, irs: exprs.map((expr) => lower({ layout, instance, params: {}, constants }, expr)) };
  });
  return [...tried, ...held];
}

function constraintsOf(analysis: Analysis): FoldConstraints {
  const footprints = analysis.live.map((lowered) => footprint(lowered, analysis.constants));
  const [readers, writers] = [new Map<number, Set<Instance>>(), new Map<number, Set<Instance>>()];
  for (const { lowered, reads, writes } of footprints) {
    note(readers, reads, lowered.instance);
    note(writers, writes, lowered.instance);
  }
  const visible = new Set<number>();
  const asked: { slot: number; labels: readonly number[] }[] = [];
  const exprs = analysis.layout.model.properties.flatMap(propertyExprs);
  readsOf(
    exprs.map((expr) => lowerProperty(analysis.layout, expr as never, analysis.constants)),
    visible,
    asked,
  );
  const asks: { slot: number; labels: readonly number[]; by: Instance | null }[] = [
    ...asked.map((ask) => ({ ...ask, by: null })),
    ...footprints.flatMap((print) => print.asks.map((ask) => ({ ...ask, by: print.lowered.instance }))),
  ];
  const contended = new Set(
    analysis.live.filter(({ move }) => isBusy(move.step)).map(({ move }) => lockOf(move.step) as string),
  );
  for (const { instance, irs } of told(analysis, contended)) {
    const [reads, at] = [new Set<number>(), [] as typeof asked];
    readsOf(irs, reads, at);
    note(readers, reads, instance);
    asks.push(...at.map((ask) => ({ ...ask, by: null })));
  }
  return {
    analysis,
    footprints,
    readers,
    writers,
    visible,
    asks,
    contended,
  };
}

const onlyBy = (users: ReadonlySet<Instance> | undefined, instance: Instance): boolean =>
  users === undefined || [...users].every((user) => user === instance);

/** Can the move neither influence nor be influenced by what others do? */
function independent(constraints: FoldConstraints, { lowered, reads, writes, asks }: Footprint): boolean {
  const { analysis, readers, writers, visible } = constraints;
  const { instance } = lowered;
  const isOwn = (slot: number) => onlyBy(writers.get(slot), instance);
  // Where several write a bounded slot all of them only count on it.
  const mayWrite = (slot: number) =>
    onlyBy(readers.get(slot), instance) && !visible.has(slot) && (isOwn(slot) || analysis.bounded.has(slot));
  return asks.every(({ slot }) => slot === instance.pc) && [...reads].every(isOwn) && [...writes].every(mayWrite);
}

/** Can nobody else tell from the program counter that the move was made? */
function silent(constraints: FoldConstraints, { instance, move }: LoweredMove): boolean {
  return constraints.asks.every(
    ({ slot, labels, by }) =>
      slot !== instance.pc || by === instance || labels.includes(move.labelIndex) === labels.includes(move.nextIndex),
  );
}

/** Does the move change nothing of what the `busy` list could tell of its process? */
function keepsHolds(constraints: FoldConstraints, print: Footprint, holds: readonly (readonly Hold[])[]): boolean {
  const { instance, move } = print.lowered;
  const { layout, constants } = constraints.analysis;
  const of = (label: number) => (holds[label] ?? []).filter((hold) => constraints.contended.has(hold.resource));
  const [before, after] = [of(move.labelIndex), of(move.nextIndex)];
  if (JSON.stringify(before) !== JSON.stringify(after)) return false;
  const scope = { layout, instance, params: {}, constants };
  const looked = new Set<number>();
  for (const hold of before)
    for (const expr of [hold.object, hold.when]) if (expr !== null) irReads(lower(scope, expr), looked);
  return [...print.writes].every((slot) => !looked.has(slot));
}

const GRID = 4096;

/** Does some move's guard hold whatever values the slots they read have? Decided by trying them all; too many count as no. */
function alwaysEnabled(constraints: FoldConstraints, moves: readonly LoweredMove[]): boolean {
  if (moves.some(({ guard }) => guard.k === "const" && guard.v !== 0)) return true;
  const slots = [...moves.reduce((all, { guard }) => irReads(guard, all), new Set<number>())];
  const ranges = slots.map((slot) => constraints.analysis.layout.slots[slot] as { min: number; max: number });
  const size = ranges.reduce((product, { min, max }) => product * (max - min + 1), 1);
  if (size > GRID) return false;
  for (let n = 0; n < size; n++) {
    const values = new Map<number, number>();
    let rest = n;
    slots.forEach((slot, i) => {
      const { min, max } = ranges[i] as { min: number; max: number };
      values.set(slot, min + (rest % (max - min + 1)));
      rest = Math.floor(rest / (max - min + 1));
    });
    if (!moves.some(({ guard }) => evaluateIr(guard, values) !== 0)) return false;
  }
  return true;
}

function isSafe(
  constraints: FoldConstraints,
  prints: readonly Footprint[],
  holds: readonly (readonly Hold[])[],
): boolean {
  const ok = prints.every(
    (print) =>
      !isBusy(print.lowered.move.step) &&
      !mayFault(constraints.analysis, print.lowered.effects) &&
      independent(constraints, print) &&
      silent(constraints, print.lowered) &&
      keepsHolds(constraints, print, holds),
  );
  return (
    ok &&
    alwaysEnabled(
      constraints,
      prints.map(({ lowered }) => lowered),
    )
  );
}

/** Code is generated for every way through folded labels; a label from which there would be more, or longer ones, is stored instead. */
const MAX_PATHS = 24;
const MAX_DEPTH = 48;

/** From a label to the next stored ones: how many ways there are, and how long the longest is. A stored label: itself. */
interface Ways {
  readonly paths: number;
  readonly depth: number;
}
const STORED: Ways = { paths: 1, depth: 0 };

/**
 * Of the safe labels, those to fold: following them never leads round in a circle, and only few and short ways lead through them.
 * Depth first: a label met again on the way to itself is dropped then, a label with too many ways is dropped when it is left; what was
 * left stays as it is, so each label is visited once.
 */
function foldable(safe: ReadonlySet<number>, nexts: ReadonlyMap<number, readonly number[]>): ReadonlyMap<number, Ways> {
  const folded = new Map<number, Ways>();
  const dropped = new Set<number>();
  const stored = (label: number) => !safe.has(label) || dropped.has(label);
  for (const root of safe) {
    const open = new Set<number>();
    const stack: { label: number; at: number }[] = [];
    const enter = (label: number) => {
      if (folded.has(label) || stored(label)) return;
      open.add(label);
      stack.push({ label, at: 0 });
    };
    enter(root);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const { label } = top;
      const next = nexts.get(label)?.[top.at++];
      if (next !== undefined) {
        if (open.has(next)) dropped.add(next);
        else enter(next);
        continue;
      }
      stack.pop();
      open.delete(label);
      const ways = (nexts.get(label) ?? []).map((after) => folded.get(after) ?? STORED);
      const paths = ways.reduce((sum, way) => sum + way.paths, 0);
      const depth = 1 + Math.max(0, ...ways.map((way) => way.depth));
      if (!dropped.has(label) && paths <= MAX_PATHS && depth <= MAX_DEPTH) folded.set(label, { paths, depth });
      else dropped.add(label);
    }
  }
  return folded;
}

/** So many first states at most; else the labels where processes start are stored. */
const MAX_STARTS = 256;

/** By instance, in the layout's order: the labels that are folded, of those that may be. */
export function* foldedLabels(
  analysis: Analysis,
  mayFold: (instance: Instance, label: number) => boolean = () => true,
): Pausing<ReadonlySet<number>[]> {
  const constraints = constraintsOf(analysis);
  yield;
  const { layout } = analysis;
  const { holds } = analysis;
  const prints = new Map<Instance, Map<number, Footprint[]>>(layout.instances.map((instance) => [instance, new Map()]));
  for (const print of constraints.footprints) {
    const labels = prints.get(print.lowered.instance) as Map<number, Footprint[]>;
    const { labelIndex } = print.lowered.move;
    const known = labels.get(labelIndex);
    if (known === undefined) labels.set(labelIndex, [print]);
    else known.push(print);
  }
  const candidates: { safe: Set<number>; nexts: Map<number, number[]>; start: number }[] = [];
  for (const instance of layout.instances) {
    const safe = new Set<number>();
    const nexts = new Map<number, number[]>();
    for (const [label, here] of prints.get(instance) ?? []) {
      nexts.set(
        label,
        here.map(({ lowered }) => lowered.move.nextIndex),
      );
      if (mayFold(instance, label) && isSafe(constraints, here, holds[instance.typeIndex] ?? [])) safe.add(label);
      yield;
    }
    candidates.push({ safe, nexts, start: layout.slots[instance.pc]?.init ?? 0 });
  }
  const folded = candidates.map(({ safe, nexts }) => foldable(safe, nexts));
  const starts = folded.reduce(
    (product, ways, i) => product * (ways.get(candidates[i]?.start ?? 0) ?? STORED).paths,
    1,
  );
  if (starts <= MAX_STARTS) return folded.map((ways) => new Set(ways.keys()));
  return candidates.map(({ safe, nexts, start }) => {
    safe.delete(start);
    return new Set(foldable(safe, nexts).keys());
  });
}
