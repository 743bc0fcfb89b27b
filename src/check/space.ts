/** The memory of one search, or of one part of a divided search: the code that works on it, the arena and the index, and how they grow. */
import { runOn } from "./kernel.ts";
import {
  BATCH,
  boxedBytes,
  CONTROL,
  GROUP_BYTES,
  type KernelCode,
  type KernelExports,
  leastPages,
} from "./kernel-memory.ts";
import { type LinearMemory, MAX_PAGES, newMemory } from "./wasm.ts";
import type { Pausing } from "./watch.ts";

const PAGE = 65536;
const FIRST_SLOTS = 1 << 14;
/** How full the index gets. Its groups are probed in a row, so that even a full one costs little; the more often it grew, the more would be lost. */
const LOAD = 0.95;
/** How many times larger an index gets, up to so many slots: a small one grows faster. */
const GROWTHS = [
  { slots: 1 << 20, by: 8 },
  { slots: 1 << 22, by: 4 },
  { slots: Infinity, by: 2 },
] as const;

/** So many states are expanded between two pauses when parents are sought. */
const PIECE = 1 << 12;

/** Something that was met: which of `KernelCode.eventKinds`, and at which state. */
export interface Event {
  readonly kind: number;
  readonly id: number;
}

/** Where a search is in a space: the next state to expand, the end of its level, and where all levels begin. */
export interface SearchPlace {
  readonly head: number;
  readonly levelEnd: number;
  readonly levels: readonly number[];
}

/** What is needed to work on a space in another thread. */
export type SpaceCode = Pick<
  KernelCode,
  "module" | "places" | "parts" | "words" | "recordBytes" | "branching" | "batch"
>;

/** Where states live. Numbers of states start at 1. All that changes is in the memory, so several threads may look at one space. */
export class Space {
  readonly code: SpaceCode;
  readonly memory: LinearMemory;
  readonly #exports: KernelExports;
  /** The number of the first state of each level that was begun. Kept by the thread that drives the search. */
  readonly levels: number[] = [];
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
    this.#placeIndex(FIRST_SLOTS);
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
    this.levels.push(this.control(CONTROL.head));
    this.#put(CONTROL.levelEnd, this.count);
  }

  /** The level of a state: its distance from the start. */
  levelOf(id: number): number {
    let [low, high] = [0, this.levels.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((this.levels[middle] as number) <= id) low = middle;
      else high = middle;
    }
    // What lies behind the level that was begun last is of the next.
    return high === this.levels.length && id >= this.control(CONTROL.levelEnd) ? high : low;
  }

  /** The byte address of a state's record. */
  address(id: number): number {
    return this.code.places.arena + this.code.recordBytes * id;
  }

  /** Write the words of a state to where batches of successors are made. */
  unpack(id: number): void {
    this.#exports.unpack(id);
  }

  /** The words of a state. */
  words(id: number): Int32Array {
    this.unpack(id);
    const at = this.code.places.out / 4;
    return this.ints.slice(at, at + this.code.words);
  }

  /**
   * Seek, among the states of a level that were expanded, those that lead to the wanted states, which must be at most `WANTED` and canonical.
   * Gives, for each, the number of the one with the least words, or 0. Pauses after so many states.
   */
  *parents(level: number, wanted: readonly Int32Array[]): Pausing<number[]> {
    const first = this.levels[level] ?? this.count;
    const end = Math.min(this.levels[level + 1] ?? this.count, this.control(CONTROL.head));
    const size = this.code.words + 1;
    const at = this.code.places.wanted / 4;
    wanted.forEach((words, i) => {
      this.ints.set([...words, 0], at + i * size);
    });
    for (let head = first; head < end; head += PIECE) {
      this.#exports.seek(head, Math.min(end, head + PIECE), 4 * (at + wanted.length * size));
      yield;
    }
    return wanted.map((_, i) => (this.ints[at + (i + 1) * size - 1] as number) >>> 0);
  }

  /** The records of all states from number 1 on. They share memory with the search. */
  records(): Uint8Array {
    this.#refresh();
    return this.#bytes.subarray(this.address(1), this.address(this.count));
  }

  get #slots(): number {
    return (this.control(CONTROL.groups) * GROUP_BYTES) / 4;
  }

  /** Bytes in use: the records and the whole index. */
  get bytes(): number {
    return this.count * this.code.recordBytes + this.#slots * 4;
  }

  /** By how many bytes the index would grow next. */
  get nextGrowth(): number {
    return (this.#nextSlots() - this.#slots) * 4;
  }

  /** How many slots the index has when it has grown, as far as a memory reaches. */
  #nextSlots(): number {
    const slots = this.#slots;
    const most = Math.floor((MAX_PAGES * PAGE - 128 - this.address(2)) / (LOAD * this.code.recordBytes + 4));
    return Math.min(most, slots * (GROWTHS.find((growth) => slots < growth.slots)?.by as number));
  }

  /** Put an empty index of at least so many slots above the arena, as high as the states it can take will reach. */
  #placeIndex(slots: number): void {
    const groups = Math.ceil((4 * slots) / GROUP_BYTES);
    const length = (groups * GROUP_BYTES) / 4;
    const capacity = Math.floor(length * LOAD);
    const start = Math.ceil(this.address(capacity + 1) / 64) * 64;
    const old = this.memory.buffer.byteLength;
    const missing = Math.ceil((start + length * 4 - old) / PAGE);
    if (missing > 0) this.memory.grow(missing);
    this.#refresh();
    // What was grown is empty; what the old index left there is not.
    this.#bytes.fill(0, start, Math.min(old, start + length * 4));
    this.#put(CONTROL.capacity, capacity);
    this.#put(CONTROL.table, start);
    this.#put(CONTROL.groups, groups);
    // A larger index holds larger numbers: fewer bits of the hash fit beside them.
    this.#put(CONTROL.idBits, 32 - Math.clz32(capacity));
  }

  /** As long as there are fewer states than this, another batch fits. */
  get #limit(): number {
    return this.control(CONTROL.capacity) - this.#reserve;
  }

  get #reserve(): number {
    return this.code.batch + this.code.branching + 1;
  }

  /** Is there no room for that many more states and another batch? */
  isFull(more = 0): boolean {
    return this.count + more >= this.#limit;
  }

  /** Make room for more states. Throws a RangeError when there is no memory left. */
  grow(): void {
    const slots = this.#nextSlots();
    if (slots <= this.#slots) throw new RangeError("a memory of 4 GiB is full");
    this.#placeIndex(slots);
    this.#refill();
  }

  /** Enter all states into an emptied index. In small pieces: code is only optimised between calls. */
  #refill(): void {
    const { count } = this;
    for (let id = 1; id < count; id += BATCH) this.#exports.enter(id, Math.min(count, id + BATCH));
  }

  /** Successors made since they were last taken. */
  get made(): number {
    return this.control(CONTROL.made) / (4 * this.code.words);
  }

  /** How many, and begin to count anew. */
  takeMade(): number {
    const { made } = this;
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
    this.#put(CONTROL.head, this.#exports.run?.(head, until, this.#limit) as number);
    return this.takeMade();
  }

  /**
   * Of a part: how many successors the others can have for it at most when all have expanded next. Known before they do, so that a search for
   * which there is no more memory ends with every state either expanded or not.
   */
  mostIncoming(parts: readonly Space[]): number {
    const { boxBytes } = this.code.places;
    const box = boxBytes / boxedBytes(this.code.words);
    return parts.reduce((sum, from) => sum + (from === this ? 0 : Math.min(box, from.#mostSuccessors)), 0);
  }

  get #mostSuccessors(): number {
    return (this.control(CONTROL.levelEnd) - this.control(CONTROL.head)) * this.code.branching;
  }

  /** Of a part: keep room for what others may have for it. */
  reserve(parts: readonly Space[]): void {
    this.#put(CONTROL.limit, this.#limit - this.mostIncoming(parts));
  }

  /** Of a part: expand states of the level until a box is full, or there is no more room than what was reserved. */
  distribute(): void {
    const { head, until } = this.#until(Infinity);
    this.#put(CONTROL.head, this.#exports.distribute?.(head, until, this.control(CONTROL.limit)) as number);
  }

  /** The end of what lies in this part's box for another part, counted from where the box begins. */
  #boxEnd(part: number): number {
    return this.control(this.code.places.boxEnds + 4 * part);
  }

  /** Of a part: insert the successors that the others have for it. */
  absorb(parts: readonly Space[]): void {
    const { boxes, boxBytes } = this.code.places;
    const self = this.control(CONTROL.part);
    const box = boxes + self * boxBytes;
    for (const from of parts) {
      const length = from.#boxEnd(self);
      this.#ints.set(from.#ints.subarray(box / 4, (box + length) / 4), box / 4);
      this.#exports.absorb?.(box, box + length);
    }
  }

  /** Of a part: forget what lay in its boxes. */
  emptyBoxes(): void {
    const { boxEnds } = this.code.places;
    this.#ints.fill(0, boxEnds / 4, boxEnds / 4 + this.code.parts);
  }

  /** By event kind: the number of the least state at which the level under way met it, if none before did; 0: none. It shares memory with the search. */
  events(kinds: number): Int32Array {
    const first = this.code.places.events / 4;
    return this.ints.subarray(first, first + kinds);
  }

  /** Put words where the code reads a state that is not stored. */
  #place(words: Int32Array): number {
    this.ints.set(words, this.code.places.out / 4);
    return this.code.places.out;
  }

  /** Insert a state. */
  insert(words: Int32Array): void {
    this.#exports.flush(this.#place(words) + 4 * this.code.words);
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

  /** The same for the words at an address. */
  canonicalAt(address: number): void {
    this.#exports.canonical(address);
  }

  /** Flags: `length` bytes from an address on. They share memory with the search. */
  flags(start: number, length: number): Uint8Array {
    this.#refresh();
    return this.#bytes.subarray(start, start + length);
  }

  /** Take over another space's records and where its search was. */
  restore(records: Uint8Array, at: SearchPlace): void {
    const count = 1 + records.length / this.code.recordBytes;
    this.#placeIndex(Math.max(FIRST_SLOTS, Math.ceil((count + 2 * this.#reserve) / LOAD)));
    this.#bytes.set(records, this.address(1));
    this.#put(CONTROL.count, count);
    this.#put(CONTROL.head, at.head);
    this.#put(CONTROL.levelEnd, at.levelEnd);
    this.levels.length = 0;
    for (const first of at.levels) this.levels.push(first);
    this.#refill();
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
