/** The memory of one search: the code that works on it, the arena and the index in it, and how both grow. */
import { BATCH, CONTROL, type KernelCode, type KernelExports, leastPages, runOn } from "./kernel.ts";
import { type LinearMemory, MAX_PAGES, newMemory } from "./wasm.ts";

const PAGE = 65536;
const FIRST_TABLE = 1 << 14;
const LOAD = 0.7;
const TABLE_GROWTH = 4;

/** Something rare that was met: which of `KernelCode.eventKinds`, and at which state. */
export interface Event {
  readonly kind: number;
  readonly id: number;
}

/** Where states live. Numbers of states start at 1. */
export class Space {
  readonly code: KernelCode;
  readonly memory: LinearMemory;
  readonly #exports: KernelExports;
  /** The memory as 32-bit words and as bytes; made anew whenever it grows. */
  #ints: Int32Array<ArrayBufferLike>;
  #bytes: Uint8Array<ArrayBufferLike>;
  /** The length of the index. */
  #table = 0;
  /** How many states fit below the index. */
  #capacity = 0;

  constructor(code: KernelCode) {
    this.code = code;
    this.memory = newMemory(leastPages(code.places), false);
    this.#exports = runOn<KernelExports>(code, this.memory);
    this.#ints = new Int32Array(this.memory.buffer);
    this.#bytes = new Uint8Array(this.memory.buffer);
    this.#ints[CONTROL.count / 4] = 1;
    this.#placeTable(FIRST_TABLE);
  }

  #control(address: number): number {
    return (this.#ints[address / 4] as number) >>> 0;
  }

  /** The number of the next new state. */
  get count(): number {
    return this.#control(CONTROL.count);
  }

  /** The byte address of a state's record. */
  address(id: number): number {
    return this.code.places.arena + 4 * this.code.record * id;
  }

  /** One word of a state. */
  word(id: number, word: number): number {
    return this.#ints[this.address(id) / 4 + word] as number;
  }

  /** The words of a state. */
  words(id: number): Int32Array {
    const at = this.address(id) / 4;
    return this.#ints.slice(at, at + this.code.record - 1);
  }

  /** The number of the state that a state was first reached from; 0: it is an initial one. */
  parent(id: number): number {
    return this.word(id, this.code.record - 1);
  }

  /** The records of all states from number 1 on. They share memory with the search. */
  records(): Uint8Array {
    return this.#bytes.subarray(this.address(1), this.address(this.count));
  }

  /** Bytes in use: the records and the whole index. */
  get bytes(): number {
    return this.count * this.code.record * 4 + this.#table * 4;
  }

  /** How much larger the index would get next, in bytes. */
  get nextGrowth(): number {
    return this.#table * (this.#nextTable() / this.#table - 1) * 4;
  }

  #nextTable(): number {
    const quadruple = this.#table * TABLE_GROWTH;
    return this.#endOf(quadruple, this.#roomOf(quadruple)) <= MAX_PAGES * PAGE ? quadruple : this.#table * 2;
  }

  /** How many states a table of that length can hold. */
  #roomOf(table: number): number {
    return Math.floor(table * LOAD);
  }

  /** Where the memory ends with a table of that length above so many states. */
  #endOf(table: number, capacity: number): number {
    return this.address(capacity) + 64 + table * 4;
  }

  /** Put an empty index of that length above the arena, as high as the states it can hold will reach. */
  #placeTable(length: number): void {
    const most = MAX_PAGES * PAGE;
    const fits = Math.floor((most - 64 - length * 4 - this.address(0)) / (4 * this.code.record));
    const capacity = Math.min(this.#roomOf(length), fits);
    const start = Math.ceil(this.address(capacity) / 64) * 64;
    const missing = Math.ceil((start + length * 4) / PAGE) - this.memory.buffer.byteLength / PAGE;
    if (missing > 0) {
      const old = this.memory.buffer.byteLength;
      this.memory.grow(missing);
      this.#ints = new Int32Array(this.memory.buffer);
      this.#bytes = new Uint8Array(this.memory.buffer);
      // What was grown is empty; what the old index or old records left there is not.
      if (start < old) this.#bytes.fill(0, start, Math.min(old, start + length * 4));
    } else this.#bytes.fill(0, start, start + length * 4);
    this.#table = length;
    this.#capacity = capacity;
    this.#ints[CONTROL.table / 4] = start;
    this.#ints[CONTROL.tableMask / 4] = length - 1;
    // A larger table holds larger numbers: fewer bits of the hash fit beside them.
    this.#ints[CONTROL.tagMask / 4] = -1 << Math.max(26, Math.ceil(Math.log2(capacity + 1)));
  }

  /** From so many states on the space must grow before it takes another batch. */
  get limit(): number {
    return this.#capacity - BATCH - this.code.branching - 1;
  }

  /** Make room for more states. Throws a RangeError when there is no memory left. */
  grow(): void {
    const before = this.#capacity;
    this.#placeTable(this.#nextTable());
    if (this.#capacity <= before) throw new RangeError("a memory of 4 GiB is full");
    this.#exports.rehash();
  }

  /** Expand states from `head` until `until`, or until the space is full. */
  run(head: number, until: number): { readonly head: number; readonly made: number } {
    this.#ints[CONTROL.made / 4] = 0;
    const next = this.#exports.run(head, until, this.limit);
    return { head: next, made: this.#control(CONTROL.made) / (4 * this.code.record) };
  }

  /** What was reported since the last call. */
  events(): Event[] {
    const end = this.#control(CONTROL.eventsEnd);
    if (end === 0) return [];
    const first = this.code.places.events / 4;
    this.#ints[CONTROL.eventsEnd / 4] = 0;
    return Array.from({ length: end / 8 }, (_, i) => ({
      kind: this.#ints[first + 2 * i] as number,
      id: this.#ints[first + 2 * i + 1] as number,
    }));
  }

  /** Put words where the code reads a state that is not stored. */
  #place(words: Int32Array): number {
    this.#ints.set(words, this.code.places.out / 4);
    return this.code.places.out;
  }

  /** Insert a state without a parent. */
  insert(words: Int32Array): void {
    const out = this.#place(words);
    this.#ints[out / 4 + words.length] = 0;
    this.#exports.flush(out + 4 * this.code.record);
  }

  /** The number of a stored state, or 0. */
  find(words: Int32Array): number {
    return this.#exports.find(this.#place(words));
  }

  /** The same for the words at an address. */
  findAt(address: number): number {
    return this.#exports.find(address);
  }

  /** Bring words into canonical form, in place. */
  canonical(words: Int32Array): void {
    const out = this.#place(words);
    this.#exports.canonical(out);
    words.set(this.#ints.subarray(out / 4, out / 4 + words.length));
  }

  /** By step (see `stepNumbers`): 1 when it ran. */
  get ran(): Uint8Array {
    return this.#flags(this.code.places.ran, this.code.steps);
  }

  /** By entry of `busySites`: 1 when it was met. */
  get busy(): Uint8Array {
    return this.#flags(this.code.places.busy, this.code.busySites.length);
  }

  /** By event kind: 1 when it was reported. */
  get met(): Uint8Array {
    return this.#flags(this.code.places.met, this.code.eventKinds.length);
  }

  #flags(start: number, length: number): Uint8Array {
    return this.#bytes.subarray(start, start + length);
  }

  /** Take over records that another space gave. */
  restore(records: Uint8Array, count: number): void {
    let length = FIRST_TABLE;
    while (this.#roomOf(length) < count + BATCH + this.code.branching + 1) length *= TABLE_GROWTH;
    this.#placeTable(length);
    this.#bytes.set(records, this.address(1));
    this.#ints[CONTROL.count / 4] = count;
    this.#exports.rehash();
  }

  /** The memory's 32-bit words, as they are now; growing the space makes them stale. */
  get ints(): Int32Array {
    return this.#ints;
  }
}
