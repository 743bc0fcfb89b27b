/** Primitives carried out: on a plain value, and on memory that several threads share. */
import { type Expr, evaluate } from "../language/index.ts";
import type { FieldName, FieldValues, Instruction, LockResult, Primitive, WordLayout } from "./primitive.ts";

/** What a primitive returned, and which sanity check failed if one did. */
export interface Outcome {
  readonly result: LockResult;
  readonly check: number | null;
}

/** One word of memory, with the atomic instructions that the primitives need. Each returns the word as it was before. */
export interface Word {
  add(by: bigint): bigint;
  compareExchange(expected: bigint, desired: bigint): bigint;
  exchange(value: bigint): bigint;
  or(mask: bigint): bigint;
  and(mask: bigint): bigint;
  load(): bigint;
}

const mask = (width: number): bigint => (1n << BigInt(width)) - 1n;

/** A field's bits in a word. */
function fieldMask(layout: WordLayout, name: FieldName): bigint {
  const field = layout.fields.find((candidate) => candidate.name === name);
  if (field === undefined) throw new Error(`the word has no field ${name}`);
  return mask(field.width) << BigInt(field.lsb);
}

/** A word with these fields and nothing else. */
export function wordOf(layout: WordLayout, values: FieldValues): bigint {
  return layout.fields.reduce(
    (word, { name, lsb, width }) => word | ((BigInt(values[name] ?? 0) & mask(width)) << BigInt(lsb)),
    0n,
  );
}

/** The fields of a word. */
export function fieldsOf(layout: WordLayout, word: bigint): Record<string, number> {
  return Object.fromEntries(
    layout.fields.map(({ name, lsb, width }) => [name, Number((word >> BigInt(lsb)) & mask(width))]),
  );
}

function perform(word: Word, layout: WordLayout, instruction: Instruction): bigint {
  switch (instruction.op) {
    case "xadd": {
      const field = layout.fields.find(({ name }) => name === instruction.field);
      return word.add(BigInt(instruction.by) << BigInt(field?.lsb ?? 0));
    }
    case "cmpxchg":
      return word.compareExchange(wordOf(layout, instruction.expected), wordOf(layout, instruction.desired));
    case "xchg":
      return word.exchange(wordOf(layout, instruction.value));
    case "or":
    case "bts":
      return word.or(fieldMask(layout, instruction.field));
    case "and":
      return word.and(instruction.keep.reduce((kept, name) => kept | fieldMask(layout, name), 0n));
    case "btr":
      return word.and(mask(layout.bits) ^ fieldMask(layout, instruction.field));
    case "read":
      return word.load();
  }
}

const NOWHERE = { layout: null as never, state: [], instance: null };
const holds = (condition: Expr, fields: Readonly<Record<string, number>>): boolean =>
  evaluate({ ...NOWHERE, params: fields }, condition) !== 0;

/** Carry out a primitive on a word, one atomic instruction after the other. */
export function execute(primitive: Primitive, layout: WordLayout, word: Word): Outcome {
  let at = 0;
  for (;;) {
    const step = primitive.steps[at];
    if (step === undefined) throw new Error(`${primitive.name} has no instruction ${at}`);
    const fields = fieldsOf(layout, perform(word, layout, step.instruction));
    const branch = step.branches.find(({ when }) => holds(when, fields));
    if (branch === undefined) throw new Error(`${primitive.name}: no branch of instruction ${at} holds`);
    if (typeof branch.to !== "number") return { result: branch.to, check: branch.check ?? null };
    at = branch.to;
  }
}

/** A word that nobody else sees. */
class PlainWord implements Word {
  value: bigint;
  readonly #mask: bigint;

  constructor(value: bigint, bits: number) {
    this.value = value;
    this.#mask = mask(bits);
  }
  #swap(value: bigint): bigint {
    const before = this.value;
    this.value = value & this.#mask;
    return before;
  }
  add(by: bigint): bigint {
    return this.#swap(this.value + by);
  }
  compareExchange(expected: bigint, desired: bigint): bigint {
    return this.#swap(this.value === expected ? desired : this.value);
  }
  exchange(value: bigint): bigint {
    return this.#swap(value);
  }
  or(bits: bigint): bigint {
    return this.#swap(this.value | bits);
  }
  and(bits: bigint): bigint {
    return this.#swap(this.value & bits);
  }
  load(): bigint {
    return this.value;
  }
}

/** The sequential function of a primitive: the word before → the word after and the result, as if nobody else were there. */
export function apply(primitive: Primitive, layout: WordLayout, before: bigint): Outcome & { readonly word: bigint } {
  const word = new PlainWord(before, layout.bits);
  return { ...execute(primitive, layout, word), word: word.value };
}

/** Memory that holds lock words: one typed array per word size. */
export type LockMemory = Uint8Array | Uint16Array | Uint32Array | BigUint64Array;

/**
 * A word in memory that several threads can share, by way of `Atomics`.
 *
 * @param memory over a `SharedArrayBuffer`; its elements have the size of the lock's word
 */
export function sharedWord(memory: LockMemory, index: number): Word {
  if (memory instanceof BigUint64Array) {
    return {
      add: (by) => Atomics.add(memory, index, BigInt.asUintN(64, by)),
      compareExchange: (expected, desired) => Atomics.compareExchange(memory, index, expected, desired),
      exchange: (value) => Atomics.exchange(memory, index, value),
      or: (bits) => Atomics.or(memory, index, bits),
      and: (bits) => Atomics.and(memory, index, bits),
      load: () => Atomics.load(memory, index),
    };
  }
  const narrow = (value: bigint): number => Number(BigInt.asIntN(32, value));
  const wide = (value: number): bigint => BigInt(value);
  return {
    add: (by) => wide(Atomics.add(memory, index, narrow(by))),
    compareExchange: (expected, desired) =>
      wide(Atomics.compareExchange(memory, index, narrow(expected), narrow(desired))),
    exchange: (value) => wide(Atomics.exchange(memory, index, narrow(value))),
    or: (bits) => wide(Atomics.or(memory, index, narrow(bits))),
    and: (bits) => wide(Atomics.and(memory, index, narrow(bits))),
    load: () => wide(Atomics.load(memory, index)),
  };
}

/** How many bytes a lock's word has, and an array over shared memory for `count` of them. */
export function sharedMemory(layout: WordLayout, count = 1): LockMemory {
  const buffer = new SharedArrayBuffer((layout.bits / 8) * count);
  return lockMemory(layout, buffer);
}

/** A view of shared memory, for the thread that it was sent to. */
export function lockMemory(layout: WordLayout, buffer: SharedArrayBuffer): LockMemory {
  switch (layout.bits) {
    case 8:
      return new Uint8Array(buffer);
    case 16:
      return new Uint16Array(buffer);
    case 32:
      return new Uint32Array(buffer);
    case 64:
      return new BigUint64Array(buffer);
  }
}
