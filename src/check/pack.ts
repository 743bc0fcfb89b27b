/** Slots packed into 32-bit words. An instance's slots stay together, so that symmetry can sort instances as whole bit blocks. */
import type { Layout } from "../language/index.ts";
import type { Analysis, Derived } from "./analyze.ts";

/** Where a slot lives. Width 0: it has one value only. */
export interface Field {
  readonly word: number;
  readonly shift: number;
  readonly width: number;
  readonly min: number;
}

/** A block of bits that holds part of each instance of a process type, at the same offsets in each. */
export interface Chunk {
  readonly width: number;
  /** Word and shift, by instance. */
  readonly places: readonly { readonly word: number; readonly shift: number }[];
}

/** A stored state: of each word only the bytes that are in use, one word after the other. */
export interface RecordShape {
  readonly bytes: number;
  /** By word: where its bytes are in the record, and how many. */
  readonly parts: readonly { readonly offset: number; readonly bytes: number }[];
}

export interface Packing {
  readonly words: number;
  /** How a stored state's words lie in its record. */
  readonly record: RecordShape;
  /** By word: how many of its bits are in use, from the low end. */
  readonly used: readonly number[];
  /** Slots that are not stored but computed. */
  readonly derived: ReadonlyMap<number, Derived>;
  readonly pcs: readonly number[];
  readonly bits: number;
  readonly fields: readonly Field[];
  /** By process type: the chunks that together hold its instances' tuples. */
  readonly chunks: readonly (readonly Chunk[])[];
}

/** Bits kept together: `copies` times `width`, each copy holding the listed slots at the listed offsets. */
interface Unit {
  readonly width: number;
  /** By copy: the slots and their offsets within the copy. */
  readonly copies: readonly (readonly { slot: number; offset: number }[])[];
  readonly chunkOf: { readonly typeIndex: number; readonly chunk: number; readonly instance: number } | null;
}

const MAX_CHUNK = 30;
const widthOf = (values: number): number => (values <= 1 ? 0 : 32 - Math.clz32(values - 1));

/** The slots that belong to each instance of a process type, in the same order for each. */
export function instanceSlots(layout: Layout, typeIndex: number): number[][] {
  const type = layout.model.processes[typeIndex];
  const owned = [...layout.globals.values()].filter(({ variable }) => variable.by === type?.name);
  return layout.instances
    .filter((instance) => instance.typeIndex === typeIndex)
    .map((instance) => {
      const locals = [...instance.locals.values()].flatMap(({ slot, variable }) =>
        Array.from({ length: variable.size ?? 1 }, (_, i) => slot + i),
      );
      return [instance.pc, ...locals, ...owned.map(({ slot }) => slot + instance.instance)];
    });
}

/** Split one instance's slots into chunks of at most MAX_CHUNK bits; the same split serves every instance. */
function split(slots: readonly number[], width: (position: number) => number): number[][] {
  const chunks: number[][] = [];
  let used = MAX_CHUNK + 1;
  slots.forEach((_, position) => {
    const bits = width(position);
    if (bits === 0) return;
    if (used + bits > MAX_CHUNK) {
      chunks.push([]);
      used = 0;
    }
    chunks.at(-1)?.push(position);
    used += bits;
  });
  return chunks;
}

function processUnits(layout: Layout, typeIndex: number, widths: readonly number[]): Unit[] {
  const tuples = instanceSlots(layout, typeIndex);
  const [first] = tuples;
  if (first === undefined) return [];
  const width = (position: number) => Math.max(...tuples.map((tuple) => widths[tuple[position] as number] as number));
  return split(first, width).flatMap((positions, chunk) => {
    let total = 0;
    const offsets = positions.map((position) => {
      const offset = total;
      total += width(position);
      return offset;
    });
    const copies = tuples.map((tuple) =>
      positions.map((position, i) => ({ slot: tuple[position] as number, offset: offsets[i] as number })),
    );
    // All instances in one word when they fit: arrays by process then have a constant stride.
    if (total * copies.length <= 32) return [{ width: total, copies, chunkOf: { typeIndex, chunk, instance: 0 } }];
    return copies.map((copy, instance) => ({ width: total, copies: [copy], chunkOf: { typeIndex, chunk, instance } }));
  });
}

function globalUnits(layout: Layout, widths: readonly number[], taken: ReadonlySet<number>): Unit[] {
  return [...layout.globals.values()].flatMap(({ slot, variable }): Unit[] => {
    if (taken.has(slot)) return [];
    const slots = Array.from({ length: variable.size ?? 1 }, (_, i) => slot + i);
    const width = Math.max(...slots.map((s) => widths[s] as number));
    const copies = slots.map((s) => [{ slot: s, offset: 0 }]);
    if (width === 0) return [];
    if (width * slots.length <= 32) return [{ width, copies, chunkOf: null }];
    return copies.map((copy) => ({ width, copies: [copy], chunkOf: null }));
  });
}

/** First fit, largest first. */
function place(units: readonly Unit[]): { used: number[]; at: Map<Unit, { word: number; shift: number }> } {
  const used: number[] = [];
  const at = new Map<Unit, { word: number; shift: number }>();
  const size = (unit: Unit) => unit.width * unit.copies.length;
  for (const unit of [...units].sort((a, b) => size(b) - size(a))) {
    let word = used.findIndex((bits) => bits + size(unit) <= 32);
    if (word < 0) word = used.push(0) - 1;
    at.set(unit, { word, shift: used[word] as number });
    used[word] = (used[word] as number) + size(unit);
  }
  return { used: used.length === 0 ? [0] : used, at };
}

function recordShape(used: readonly number[]): RecordShape {
  let bytes = 0;
  const parts = used.map((bits) => {
    const part = { offset: bytes, bytes: Math.ceil(bits / 8) };
    bytes += part.bytes;
    return part;
  });
  return { bytes, parts };
}

/** Decide where every slot lives. */
export function pack({ layout, constants, derived }: Analysis): Packing {
  const widths = layout.slots.map((slot, i) =>
    constants.has(i) || derived.has(i) ? 0 : widthOf(slot.max - slot.min + 1),
  );
  const processes = layout.model.processes.flatMap((_, typeIndex) => processUnits(layout, typeIndex, widths));
  const taken = new Set(layout.model.processes.flatMap((_, typeIndex) => instanceSlots(layout, typeIndex).flat()));
  const units = [...processes, ...globalUnits(layout, widths, taken)];
  const { used, at } = place(units);
  const fields: Field[] = layout.slots.map((slot, i) => ({
    word: 0,
    shift: 0,
    width: 0,
    min: constants.get(i) ?? slot.min,
  }));
  const chunks: { width: number; places: { word: number; shift: number }[] }[][] = layout.model.processes.map(() => []);
  for (const unit of units) {
    const { word, shift } = at.get(unit) as { word: number; shift: number };
    unit.copies.forEach((copy, c) => {
      const base = shift + c * unit.width;
      for (const { slot, offset } of copy) {
        const width = widths[slot] as number;
        // An element that never changes keeps its value, though others of its array are stored.
        if (width > 0) fields[slot] = { word, shift: base + offset, width, min: layout.slots[slot]?.min ?? 0 };
      }
      if (unit.chunkOf === null) return;
      const list = chunks[unit.chunkOf.typeIndex] as { width: number; places: { word: number; shift: number }[] }[];
      list[unit.chunkOf.chunk] ??= { width: unit.width, places: [] };
      list[unit.chunkOf.chunk]?.places.push({ word, shift: base });
    });
  }
  const pcs = layout.instances.map((instance) => instance.pc);
  return {
    words: used.length,
    record: recordShape(used),
    used,
    derived,
    pcs,
    bits: units.reduce((sum, unit) => sum + unit.width * unit.copies.length, 0),
    fields,
    chunks,
  };
}

/** Are a state's words less than another's, compared as numbers without a sign, the first that differ? An order of states that no search decides. */
export function isLess(words: Int32Array, other: Int32Array): boolean {
  const at = words.findIndex((word, i) => word !== other[i]);
  return at >= 0 && (words[at] as number) >>> 0 < (other[at] as number) >>> 0;
}

const mask = (width: number): number => (width === 32 ? -1 : 2 ** width - 1);

/** A state's slots as words. */
export function packState(packing: Packing, slots: readonly number[]): Int32Array {
  const words = new Int32Array(packing.words);
  packing.fields.forEach(({ word, shift, width, min }, i) => {
    if (width > 0) words[word] = (words[word] as number) | (((slots[i] as number) - min) << shift);
  });
  return words;
}

/** The value of a slot that is stored. */
export const valueIn = (words: Int32Array, { word, shift, width, min }: Field, offset = 0): number =>
  width === 0 ? min : (((words[offset + word] as number) >>> shift) & mask(width)) + min;

/** A state's words, `offset` into `words`, as slots. */
export function unpackState(packing: Packing, words: Int32Array, offset: number): number[] {
  const slots = packing.fields.map((field) => valueIn(words, field, offset));
  for (const [slot, { init, byInstance }] of packing.derived) {
    slots[slot] = byInstance.reduce(
      (sum, added, i) => sum + (added.get(slots[packing.pcs[i] as number] as number) ?? 0),
      init,
    );
  }
  return slots;
}
