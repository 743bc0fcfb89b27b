/** The memory of one search, or of one part of a divided search: the code that works on it, the arena and the index, and how they grow. */
import { runOn } from "./kernel.ts";
import { BATCH, CONTROL, type KernelCode, type KernelExports, leastPages } from "./kernel-memory.ts";
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

/** What is needed to work on a space in another thread. */
export type SpaceCode = Pick<KernelCode, "module" | "places" | "parts" | "record" | "branching">;

/** Where states live. Numbers of states start at 1. All that changes is in the memory, so several threads may look at one space. */
export class Space {
  readonly code: SpaceCode;
  readonly memory: LinearMemory;
  readonly #exports: KernelExports;
  #buffer: ArrayBufferLike;
  #ints: Int32Array;
  #bytes: Uint8Array;

  /** On a memory that another thread made, or on a new one. */
  constructor(code: SpaceCode, memory?: LinearMemory) {
    this.code = code;
    this.memory = memory ?? newMemory(leastPages(code.places), code.parts > 1);
    this.#exports = runOn<KernelExports>(code.module, this.memory);
    this.#buffer = this.memory.buffer;
    this.#ints = new Int32Array(this.#buffer);
    this.#bytes = new Uint8Array(this.#buffer);
    if (memory !== undefined) return;
    this.#put(CONTROL.count, 1);
    this.#put(CONTROL.head, 1);
    this.#placeTable(FIRST_TABLE);
  }

  /** Take notice of growth, in another thread perhaps. */
  #refresh(): void {
    if (this.memory.buffer === this.#buffer) return;
    this.#buffer = this.memory.buffer;
    this.#ints = new Int32Array(this.#buffer);
    this.#bytes = new Uint8Array(this.#buffer);
  }

  /** The memory's 32-bit words, as they are now; growing the space makes them stale. */
  get ints(): Int32Array {
    this.#refresh();
    return this.#ints;
  }

  /** One word of the control block. */
  control(address: number): number {
    return (this.#ints[address / 4] as number) >>> 0;
  }

  #put(address: number, value: number): void {
    this.#ints[address / 4] = value;
  }

  /** The number of the next new state. */
  get count(): number {
    return this.control(CONTROL.count);
  }

  /** States found but not expanded. */
  get frontier(): number {
    return this.count - this.control(CONTROL.head);
  }

  /** Is every state of the level that is being expanded expanded? */
  get levelDone(): boolean {
    return this.control(CONTROL.head) >= this.control(CONTROL.levelEnd);
  }

  /** Begin the level of all states found and not expanded. */
  beginLevel(): void {
    this.#put(CONTROL.levelEnd, this.count);
  }

  /** The byte address of a state's record. */
  address(id: number): number {
    return this.code.places.arena + 4 * this.code.record * id;
  }

  /** One word of a state. */
  word(id: number, word: number): number {
    return this.ints[this.address(id) / 4 + word] as number;
  }

  /** The words of a state. */
  words(id: number): Int32Array {
    const at = this.address(id) / 4;
    return this.ints.slice(at, at + this.code.record - 1);
  }

  /** The number of the state that a state was first reached from; 0: it is an initial one. */
  parent(id: number): number {
    return this.word(id, this.code.record - 1) >>> 0;
  }

  /** The records of all states from number 1 on. They share memory with the search. */
  records(): Uint8Array {
    this.#refresh();
    return this.#bytes.subarray(this.address(1), this.address(this.count));
  }

  get #table(): number {
    return this.control(CONTROL.tableMask) + 1;
  }

  /** Bytes in use: the records and the whole index. */
  get bytes(): number {
    return this.count * this.code.record * 4 + this.#table * 4;
  }

  /** By how many bytes the index would grow next. */
  get nextGrowth(): number {
    return (this.#nextTable() - this.#table) * 4;
  }

  #nextTable(): number {
    const table = this.#table * TABLE_GROWTH;
    return this.address(Math.floor(table * LOAD)) + 64 + table * 4 <= MAX_PAGES * PAGE ? table : this.#table * 2;
  }

  /** Put an empty index of that length above the arena, as high as the states it can take will reach. */
  #placeTable(length: number): void {
    const fits = Math.floor((MAX_PAGES * PAGE - 64 - length * 4 - this.address(0)) / (4 * this.code.record));
    const capacity = Math.min(Math.floor(length * LOAD), fits);
    const start = Math.ceil(this.address(capacity) / 64) * 64;
    const old = this.memory.buffer.byteLength;
    const missing = Math.ceil((start + length * 4 - old) / PAGE);
    if (missing > 0) this.memory.grow(missing);
    this.#refresh();
    // What was grown is empty; what the old index left there is not.
    this.#bytes.fill(0, start, Math.min(old, start + length * 4));
    this.#put(CONTROL.capacity, capacity);
    this.#put(CONTROL.table, start);
    this.#put(CONTROL.tableMask, length - 1);
    // A larger table holds larger numbers: fewer bits of the hash fit beside them.
    this.#put(CONTROL.tagMask, -1 << Math.max(26, Math.ceil(Math.log2(capacity + 1))));
  }

  /** Is there no room for that many more states and another batch? */
  isFull(more = 0): boolean {
    return this.count + more >= this.control(CONTROL.capacity) - BATCH - this.code.branching - 1;
  }

  /** Make room for more states. Throws a RangeError when there is no memory left. */
  grow(): void {
    const before = this.control(CONTROL.capacity);
    this.#placeTable(this.#nextTable());
    if (this.control(CONTROL.capacity) <= before) throw new RangeError("a memory of 4 GiB is full");
    this.#exports.rehash();
  }

  /** Successors made since the last call. */
  takeMade(): number {
    const made = this.control(CONTROL.made) / (4 * this.code.record);
    this.#put(CONTROL.made, 0);
    return made;
  }

  #until(slice: number): { head: number; until: number } {
    const head = this.control(CONTROL.head);
    return { head, until: Math.min(this.control(CONTROL.levelEnd), head + slice) };
  }

  /** Expand up to `slice` states of the level, or until the space is full. Returns how many successors were made. */
  run(slice: number): number {
    const { head, until } = this.#until(slice);
    const limit = this.control(CONTROL.capacity) - BATCH - this.code.branching - 1;
    this.#put(CONTROL.head, this.#exports.run?.(head, until, limit) as number);
    return this.takeMade();
  }

  /** Of a part: expand states of the level until a box is full. */
  distribute(): void {
    const { boxEnds } = this.code.places;
    this.#ints.fill(0, boxEnds / 4, boxEnds / 4 + this.code.parts);
    this.#put(CONTROL.fullest, 0);
    const { head, until } = this.#until(Infinity);
    this.#put(CONTROL.head, this.#exports.distribute?.(head, until) as number);
  }

  /** How many records lie in this part's box for another part. */
  boxed(part: number): number {
    return this.control(this.code.places.boxEnds + 4 * part) / (4 * this.code.record);
  }

  /** Of a part: insert the records that the parts have for it. */
  absorb(parts: readonly Space[]): void {
    const { boxes, boxBytes, out } = this.code.places;
    const { record } = this.code;
    const self = this.control(CONTROL.part);
    for (const from of parts) {
      const first = (boxes + self * boxBytes) / 4;
      const end = first + from.boxed(self) * record;
      for (let at = first; at < end; at += BATCH * record) {
        if (this.isFull()) this.grow();
        const length = Math.min(BATCH * record, end - at);
        this.#ints.set(from.#ints.subarray(at, at + length), out / 4);
        this.#exports.flush(out + 4 * length);
      }
    }
  }

  /** What was reported since the last call. */
  events(): Event[] {
    const end = this.control(CONTROL.eventsEnd);
    const first = this.code.places.events / 4;
    this.#put(CONTROL.eventsEnd, 0);
    return Array.from({ length: end / 8 }, (_, i) => ({
      kind: this.#ints[first + 2 * i] as number,
      id: this.#ints[first + 2 * i + 1] as number,
    }));
  }

  /** Put words where the code reads a state that is not stored. */
  #place(words: Int32Array): number {
    this.ints.set(words, this.code.places.out / 4);
    return this.code.places.out;
  }

  /** Insert a state without a parent. */
  insert(words: Int32Array): void {
    const out = this.#place(words);
    this.#ints[out / 4 + words.length] = 0;
    this.#exports.flush(out + 4 * this.code.record);
  }

  /** Of a divided search: the part that a canonical state belongs to. */
  partOf(words: Int32Array): number {
    return this.#exports.partOf?.(this.#place(words)) ?? 0;
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

  /** Flags: `length` bytes from an address on. They share memory with the search. */
  flags(start: number, length: number): Uint8Array {
    this.#refresh();
    return this.#bytes.subarray(start, start + length);
  }

  /** Take over another space's records and where its search was. */
  restore(records: Uint8Array, at: { readonly head: number; readonly levelEnd: number }): void {
    const count = 1 + records.length / (4 * this.code.record);
    let length = FIRST_TABLE;
    while (length * LOAD < count + 2 * (BATCH + this.code.branching)) length *= TABLE_GROWTH;
    this.#placeTable(length);
    this.#bytes.set(records, this.address(1));
    this.#put(CONTROL.count, count);
    this.#put(CONTROL.head, at.head);
    this.#put(CONTROL.levelEnd, at.levelEnd);
    this.#exports.rehash();
  }

  /** Make this space a part of a divided search. */
  setPart(part: number): void {
    this.#put(CONTROL.part, part);
  }

  /** Note that there was no memory to grow into. */
  fail(): void {
    this.#put(CONTROL.failed, 1);
  }
}
