/** Lock words in memory that several threads share, by way of `Atomics`. */
import type { LockWord, Word } from "../catalog/index.ts";

/** Memory that holds lock words: one typed array per word size. */
export type LockMemory = Uint8Array | Uint16Array | Uint32Array | BigUint64Array;

/**
 * A word in memory that several threads can share.
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
      xor: (bits) => Atomics.xor(memory, index, bits),
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
    xor: (bits) => wide(Atomics.xor(memory, index, narrow(bits))),
    load: () => wide(Atomics.load(memory, index)),
  };
}

/** An array over shared memory for `count` words of a lock. */
export function sharedMemory(word: LockWord, count = 1): LockMemory {
  return lockMemory(word, new SharedArrayBuffer((word.bits / 8) * count));
}

/** A view of shared memory, for the thread that it was sent to. */
export function lockMemory(word: LockWord, buffer: SharedArrayBuffer): LockMemory {
  switch (word.bits) {
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
