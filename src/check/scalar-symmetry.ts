/**
 * Which scalar sets (pages, TDs) are symmetric: their indices can be renumbered in any state without changing what can happen, whether a
 * property holds, or who is met when busy. Decided on the lowered moves: swapping two indices must turn the moves of every label into the
 * moves of that label, and every property into itself. So loops that a model has unrolled are recognised, too.
 *
 * A variable that holds an index is often reset to a constant where it is not used. A label where the variable always has the same value
 * is left alone by a renumbering; that is sound as long as nobody reads it there, every way on sets it before it is used, and no step that leads
 * there looks at it once it is set.
 */
import {
  elementSlots,
  holderConditions,
  type Instance,
  type Ir,
  type IrEffect,
  irReads,
  isBusy,
  type LoweredMove,
  lower,
  lowerProperty,
  type VariableSlots,
  visitIr,
  visitIrEffects,
} from "../language/index.ts";
import { type Analysis, effectIrs, mayFault, stepNumbers, writtenSlots } from "./analyze.ts";
import type { Packing } from "./pack.ts";

/** A variable whose value is an index of the set. */
export interface IndexSlot {
  readonly slot: number;
  /** The program counter of the process that alone changes it, and the labels where its value is left alone. */
  readonly pc: number;
  readonly fixed: readonly number[];
}

/** A symmetric scalar set, and where a state depends on its numbering. */
export interface ScalarSymmetry {
  readonly name: string;
  readonly size: number;
  /** First slots of the arrays over it. */
  readonly arrays: readonly number[];
  readonly values: readonly IndexSlot[];
  /** Steps that turn into each other: what one did, the other would have done. By numbers of `stepNumbers`. */
  readonly twins: readonly (readonly [number, number])[];
}

/** So many renumberings are tried for each state at most. */
const MAX_RENUMBERINGS = 24;

const factorial = (n: number): number => (n < 2 ? 1 : n * factorial(n - 1));

/** Thrown where something depends on the numbering. */
class Unfair extends Error {}

/** What a renumbering does: which arrays it permutes and which variables' values it renames. */
class Renumbering {
  readonly #analysis: Analysis;
  readonly #bySlot: ReadonlyMap<number, number>;
  readonly #values: ReadonlyMap<number, IndexSlot>;
  readonly #swap: number;

  /** `swap`: exchange that index and the next; -1: change nothing. */
  constructor(
    analysis: Analysis,
    size: number,
    arrays: readonly number[],
    values: ReadonlyMap<number, IndexSlot>,
    swap: number,
  ) {
    this.#analysis = analysis;
    this.#bySlot = new Map(arrays.flatMap((first) => Array.from({ length: size }, (_, i) => [first + i, first])));
    this.#values = values;
    this.#swap = swap;
  }

  #index(i: number): number {
    if (this.#swap < 0) return i;
    return i === this.#swap ? i + 1 : i === this.#swap + 1 ? i - 1 : i;
  }

  #slot(slot: number): number {
    const first = this.#bySlot.get(slot);
    return first === undefined ? slot : first + this.#index(slot - first);
  }

  #isIndex(ir: Ir): boolean {
    if (ir.k === "slot") return this.#values.has(ir.s);
    return ir.k === "ite" && (this.#isIndex(ir.a) || this.#isIndex(ir.b));
  }

  /** An expression whose value is an index of the set. */
  #indexText(ir: Ir): string {
    if (ir.k === "const") return `#${this.#index(ir.v)}`;
    if (ir.k === "slot" && this.#values.has(ir.s)) return `i${this.#slot(ir.s)}`;
    if (ir.k === "ite") return `(${this.text(ir.c)}?${this.#indexText(ir.a)}:${this.#indexText(ir.b)})`;
    throw new Unfair();
  }

  /** An expression after the renumbering, in a form that does not depend on the order of operands. */
  text(ir: Ir): string {
    switch (ir.k) {
      case "const":
        return String(ir.v);
      case "slot":
        if (this.#values.has(ir.s)) throw new Unfair();
        return `s${this.#slot(ir.s)}`;
      case "elem": {
        const over = this.#bySlot.has(ir.s);
        return `e${ir.s}[${over ? this.#indexText(ir.i) : this.text(ir.i)}]`;
      }
      case "at":
        return `at${ir.s}(${[...ir.labels].sort((a, b) => a - b).join()})`;
      case "not":
        return `!${this.text(ir.a)}`;
      case "ite":
        return `(${this.text(ir.c)}?${this.text(ir.a)}:${this.text(ir.b)})`;
      case "and":
      case "or":
        return `${ir.k}(${ir.args
          .map((arg) => this.text(arg))
          .sort()
          .join()})`;
      case "bin":
        return this.#binary(ir);
    }
  }

  #binary(ir: Ir & { k: "bin" }): string {
    const equality = ir.op === "eq" || ir.op === "ne";
    const side = (operand: Ir) =>
      equality && (this.#isIndex(ir.a) || this.#isIndex(ir.b)) ? this.#indexText(operand) : this.text(operand);
    if (ir.op === "add") return `add(${this.#summands(ir).sort().join()})`;
    const sides = [side(ir.a), side(ir.b)];
    if (equality) sides.sort();
    return `${ir.op}(${sides.join()})`;
  }

  #summands(ir: Ir): string[] {
    return ir.k === "bin" && ir.op === "add" ? [...this.#summands(ir.a), ...this.#summands(ir.b)] : [this.text(ir)];
  }

  #effectText(effect: IrEffect, next: number): string {
    if (effect.k === "assert") return `assert ${effect.name} ${this.text(effect.c)}`;
    if (effect.k === "if")
      return `if ${this.text(effect.c)} {${this.effects(effect.a, next)}} {${this.effects(effect.b, next)}}`;
    const over = this.#bySlot.has(effect.s);
    const target =
      effect.i === null
        ? `s${this.#slot(effect.s)}`
        : `e${effect.s}[${over ? this.#indexText(effect.i) : this.text(effect.i)}]`;
    const index = this.#values.get(effect.s);
    if (index === undefined) return `${target}=${this.text(effect.value)}`;
    if (!index.fixed.includes(next)) return `${target}=${this.#indexText(effect.value)}`;
    if (effect.value.k !== "const") throw new Unfair();
    return `${target}=${effect.value.v}`;
  }

  /** Effects after the renumbering; neighbours that do not touch each other's slots are put in order. */
  effects(effects: readonly IrEffect[], next: number): string {
    const items = effects.map((effect) => {
      const reads = new Set<number>();
      visitIrEffects([effect], (inner) => {
        for (const ir of effectIrs(inner)) irReads(ir, reads);
      });
      const movable = !mayFault(this.#analysis, [effect]);
      return { text: this.#effectText(effect, next), reads, writes: writtenSlots([effect]), movable };
    });
    type Item = (typeof items)[number];
    const apart = (a: Item, b: Item) =>
      a.movable &&
      b.movable &&
      [...a.writes].every((slot) => !b.reads.has(slot) && !b.writes.has(slot)) &&
      [...b.writes].every((slot) => !a.reads.has(slot));
    for (let i = 1; i < items.length; i++) {
      for (let j = i; j > 0; j--) {
        const [a, b] = [items[j - 1] as Item, items[j] as Item];
        if (a.text <= b.text || !apart(a, b)) break;
        items[j - 1] = b;
        items[j] = a;
      }
    }
    return items.map(({ text }) => text).join(";");
  }

  /** All of a move that anybody can tell. */
  move({ guard, effects, move, instance }: LoweredMove): string {
    const { leaf, action, resource, mode, result, status } = move.step.meta;
    const lowered = { guard, effects, move, instance };
    const { layout, constants, holds } = this.#analysis;
    const met = isBusy(move.step) ? holderConditions(layout, constants, holds, lowered) : [];
    return JSON.stringify([
      move.labelIndex,
      move.nextIndex,
      [leaf, action, resource, mode, result, status],
      this.text(guard),
      this.effects(effects, move.nextIndex),
      met.map(({ holder, when }) => [holder, this.text(when)]),
    ]);
  }
}

/** All variables of the model with their first slots. */
const placesOf = ({ layout }: Analysis): VariableSlots[] => [
  ...layout.globals.values(),
  ...layout.instances.flatMap(({ locals }) => [...locals.values()]),
];

/** First slots of arrays that are read or written at an index of another kind than the set's. */
function indexedOtherwise(analysis: Analysis, isIndex: (slot: number) => boolean): Set<number> {
  const found = new Set<number>();
  const note = (s: number, i: Ir) => {
    if ([...irReads(i)].every(isIndex) && irReads(i).size > 0) return;
    found.add(s);
  };
  const look = (ir: Ir) =>
    visitIr(ir, (node) => {
      if (node.k === "elem") note(node.s, node.i);
    });
  for (const { guard, effects } of analysis.live) {
    look(guard);
    visitIrEffects(effects, (effect) => {
      for (const ir of effectIrs(effect)) look(ir);
      if (effect.k === "set" && effect.i !== null) note(effect.s, effect.i);
    });
  }
  return found;
}

/** The instance that a slot's labels are known of; its program counter. */
function indexSlots(analysis: Analysis, packing: Packing, name: string): IndexSlot[] {
  return analysis.layout.slots.flatMap(({ type }, slot) => {
    if (type.kind !== "index" || type.of !== name || packing.fields[slot]?.width === 0) return [];
    const known = analysis.known.get(slot);
    return [{ slot, pc: known?.pc ?? -1, fixed: [...(known?.labels ?? [])] }];
  });
}

/** Is a slot read by an effect that comes after one that sets it? */
function readOnceSet(effects: readonly IrEffect[], slot: number): boolean {
  let [isSet, isRead] = [false, false];
  visitIrEffects(effects, (effect) => {
    isRead ||= isSet && effectIrs(effect).some((ir) => irReads(ir).has(slot));
    isSet ||= effect.k === "set" && effect.s === slot;
  });
  return isRead;
}

/** Nothing reads a variable where it is left alone, and every way from there sets it before it counts. */
function checkFixed(analysis: Analysis, { slot, pc, fixed }: IndexSlot): void {
  if (fixed.length === 0) return;
  const { layout, live, holds, constants } = analysis;
  const reads = (irs: readonly Ir[]) => irs.some((ir) => irReads(ir).has(slot));
  for (const { guard, effects, instance, move } of live) {
    const all: Ir[] = [guard];
    visitIrEffects(effects, (effect) => all.push(...effectIrs(effect)));
    if (instance.pc !== pc) {
      if (reads(all)) throw new Unfair();
      continue;
    }
    const here = fixed.includes(move.labelIndex);
    if (here && reads(all)) throw new Unfair();
    const sets = effects.some((effect) => effect.k === "set" && effect.i === null && effect.s === slot);
    const there = fixed.includes(move.nextIndex);
    if (there ? readOnceSet(effects, slot) : here && !sets) throw new Unfair();
  }
  for (const property of layout.model.properties)
    if (property.kind !== "leads-to" && reads([lowerProperty(layout, property.expr, constants)])) throw new Unfair();
  const owner = layout.instances.find((instance) => instance.pc === pc) as Instance;
  holds[owner.typeIndex]?.forEach((here, label) => {
    for (const { object, when } of here)
      for (const expr of [object, when])
        if (
          expr !== null &&
          fixed.includes(label) &&
          reads([lower({ layout, instance: owner, params: {}, constants }, expr)])
        )
          throw new Unfair();
  });
}

/** The steps that turn into each other when two neighbours are swapped. Throws `Unfair` when the set is not symmetric. */
function twinsOf(
  analysis: Analysis,
  size: number,
  arrays: readonly number[],
  values: readonly IndexSlot[],
): [number, number][] {
  const { layout, live, constants } = analysis;
  const bySlot = new Map(values.map((value) => [value.slot, value]));
  for (const value of values) {
    checkFixed(analysis, value);
    const owner = layout.instances.find((instance) => instance.pc === value.pc);
    const start = layout.slots[owner?.pc ?? -1]?.init ?? -1;
    const init = layout.slots[value.slot]?.init ?? 0;
    if (init < size && !value.fixed.includes(start)) throw new Unfair();
  }
  const steps = stepNumbers(layout);
  const same = new Renumbering(analysis, size, arrays, bySlot, -1);
  const twins: [number, number][] = [];
  const textsOf = (renumbering: Renumbering, instance: Instance) =>
    live
      .filter((lowered) => lowered.instance === instance)
      .map((lowered) => ({ text: renumbering.move(lowered), step: steps.get(lowered.move.id) as number }))
      .sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : a.step - b.step));
  const before = new Map(layout.instances.map((instance) => [instance, textsOf(same, instance)]));
  for (let swap = 0; swap + 1 < size; swap++) {
    const swapped = new Renumbering(analysis, size, arrays, bySlot, swap);
    for (const property of layout.model.properties) {
      if (property.kind === "leads-to") continue;
      const ir = lowerProperty(layout, property.expr, constants);
      if (swapped.text(ir) !== same.text(ir)) throw new Unfair();
    }
    for (const [instance, texts] of before) {
      textsOf(swapped, instance).forEach(({ text, step }, i) => {
        if (texts[i]?.text !== text) throw new Unfair();
        if (texts[i]?.step !== step) twins.push([step, texts[i]?.step as number]);
      });
    }
  }
  return twins;
}

function symmetryOf(analysis: Analysis, packing: Packing, name: string, size: number): ScalarSymmetry | null {
  const values = indexSlots(analysis, packing, name);
  const isValue = new Set(values.map(({ slot }) => slot));
  const otherwise = indexedOtherwise(analysis, (slot) => isValue.has(slot));
  const arrays = placesOf(analysis).flatMap(({ variable, slot }) => {
    if (variable.size !== size || (variable.by !== null && variable.by !== name) || otherwise.has(slot)) return [];
    const fields = elementSlots(slot, size, { k: "slot", s: -1, range: [0, size - 1] }).map((s) => packing.fields[s]);
    if (fields.every((field) => field?.width === 0 && field.min === fields[0]?.min)) return [];
    return [{ slot, fields }];
  });
  const alike = arrays.every(({ slot, fields }) =>
    fields.every(
      (field, i) =>
        field?.width === fields[0]?.width &&
        field?.min === fields[0]?.min &&
        !isValue.has(slot + i) &&
        analysis.layout.slots[slot + i]?.init === analysis.layout.slots[slot]?.init,
    ),
  );
  if (!alike || arrays.length === 0) return null;
  const firsts = arrays.map(({ slot }) => slot);
  try {
    return { name, size, arrays: firsts, values, twins: twinsOf(analysis, size, firsts, values) };
  } catch (error) {
    if (error instanceof Unfair) return null;
    throw error;
  }
}

/** The symmetric scalar sets, as long as there are not too many renumberings. */
export function symmetricSets(analysis: Analysis, packing: Packing): ScalarSymmetry[] {
  let renumberings = 1;
  return analysis.layout.model.scalarSets.flatMap(({ name, size }) => {
    if (size < 2 || renumberings * factorial(size) > MAX_RENUMBERINGS) return [];
    const found = symmetryOf(analysis, packing, name, size);
    if (found === null) return [];
    renumberings *= factorial(size);
    return [found];
  });
}
