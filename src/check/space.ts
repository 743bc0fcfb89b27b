/** One memory of a search: the code that works on it, the arena and the index, and how they grow. */
import { runOn } from "./kernel.ts";
import {
  BATCH,
  GROUP_BYTES,
  type KernelCode,
  type KernelExports,
  leastPages,
  OWN,
  ownAddress,
  reserveOf,
  SHARED,
} from "./kernel-memory.ts";
import { type LinearMemory, MAX_BYTES, newMemory } from "./wasm.ts";
import type { Pausing } from "./watch.ts";

const PAGE = 65536;
/** The least of what systems give memory by, in bytes. */
const SYSTEM_PAGE = 4096;
const FIRST_SLOTS = 1 << 14;
/** How full the index gets. Its groups are probed in a row, so that even a full one costs little; the more often it grew, the more would be lost. */
const LOAD = 0.95;
/** How many times larger an index gets that has fewer slots than this: a small one grows faster, so that few states are entered again. */
const GROWTHS = [
  { slots: 1 << 20, by: 64 },
  { slots: 1 << 22, by: 8 },
  { slots: Infinity, by: 2 },
] as const;
/** Where bytes are bounded an index grows by less, but not by less than this. */
const LEAST_GROWTH = 9 / 8;

/** Of a search in several memories, which will all be large, an index of so many slots lies at the very end of its memory: there it covers the one before. */
const LARGE_SLOTS = 1 << 20;
/** What stays unused behind an index at the very end: its own end must be an address. */
const END = MAX_BYTES - 64;

/** So many states are expanded between two pauses when parents are sought. */
const PIECE = 1 << 12;

/** Something that was met: which of `KernelCode.eventKinds`, and at which state. */
export interface Event {
  readonly kind: number;
  readonly id: number;
}

/** Where a search is in a space: the number of the next new state, the next state to expand, the end of its level, and where all levels begin. */
export interface SearchPlace {
  readonly count: number;
  readonly head: number;
  readonly levelEnd: number;
  readonly levels: readonly number[];
}

/** What is needed to work on a space in another thread. */
export type SpaceCode = Pick<
  KernelCode,
  "module" | "places" | "parts" | "threads" | "together" | "words" | "recordBytes" | "branching" | "batch" | "chunk"
>;

/** Where states live. Numbers of states start at 1. All that changes is in the memory, so several threads may look at one space. */
export class Space {
  readonly memory: LinearMemory;
  /** Which of the threads that may use it looks at it so. */
  readonly thread: number;
  readonly code: SpaceCode;
  readonly #exports: KernelExports;
  /** The number of the first state of each level that was begun. Kept by the thread that drives the search. */
  readonly levels: number[] = [];
  /** From where to where indexes were and are. Kept by the thread that drives the search, too. */
  #used: readonly (readonly [low: number, high: number])[] = [];
  #buffer: ArrayBufferLike;
  #ints: Int32Array;
  #bytes: Uint8Array;

  /** For one of the threads: on a memory that another one made, or on a new one. */
  constructor(code: SpaceCode, memory?: LinearMemory, thread = 0) {
    this.code = code;
    this.thread = thread;
    this.memory = memory ?? newMemory(leastPages(code.places), code.threads > 1);
    this.#exports = runOn<KernelExports>(code, this.memory, this.thread);
    this.#buffer = this.memory.buffer;
    this.#ints = new Int32Array(this.#buffer);
    this.#bytes = new Uint8Array(this.#buffer);
    if (memory !== undefined) return;
    this.#put(SHARED.count, 1);
    this.#put(SHARED.head, 1);
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

  /** One word of what a thread has for itself. */
  #own(place: number, thread = this.thread): number {
    return this.control(this.#at(place, thread));
  }

  #putOwn(place: number, value: number, thread = this.thread): void {
    this.#put(this.#at(place, thread), value);
  }

  /** The byte address of one of a thread's own places. */
  #at(place: number, thread = this.thread): number {
    return ownAddress(this.code.places, thread) + place;
  }

  /** The number of the next new state. */
  get count(): number {
    return this.control(SHARED.count);
  }

  /** States found but not expanded. */
  get frontier(): number {
    return this.count - this.control(SHARED.head);
  }

  /** Is every state of the level that is being expanded expanded? */
  get levelDone(): boolean {
    return this.control(SHARED.head) >= this.control(SHARED.levelEnd);
  }

  /** Begin the level of all states found and not expanded. */
  beginLevel(): void {
    this.levels.push(this.control(SHARED.head));
    this.#put(SHARED.levelEnd, this.count);
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
    return high === this.levels.length && id >= this.control(SHARED.levelEnd) ? high : low;
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
    const at = this.#at(this.code.places.out) / 4;
    return this.ints.slice(at, at + this.code.words);
  }

  /**
   * Seek, among the states of a level that were expanded, those that lead to the wanted states, which must be at most `WANTED` and canonical.
   * Gives, for each, the number of the one with the least words, or 0. Pauses after so many states.
   */
  *parents(level: number, wanted: readonly Int32Array[]): Pausing<number[]> {
    const first = this.levels[level] ?? this.count;
    const end = Math.min(this.levels[level + 1] ?? this.count, this.control(SHARED.head));
    const size = this.code.words + 1;
    const at = this.#at(this.code.places.wanted) / 4;
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
    return (this.control(SHARED.groups) * GROUP_BYTES) / 4;
  }

  /** Bytes in use: the records and the whole index. */
  get bytes(): number {
    return this.count * this.code.recordBytes + this.#slots * 4;
  }

  /** How many slots an index can have if it and the states that it has room for may need so many bytes. */
  #slotsWithin(bytes: number): number {
    return 4 * Math.floor(bytes / (LOAD * this.code.recordBytes + 4) / 4);
  }

  /** Is it worth while to grow, within so many bytes? To enter all states again for a few others is not. */
  canGrow(bytes: number): boolean {
    return this.#slotsWithin(bytes) >= LEAST_GROWTH * this.#slots;
  }

  /** How many slots an index can have, as far as a memory reaches. */
  get #mostSlots(): number {
    const most = (MAX_BYTES - 128 - this.address(2)) / (LOAD * this.code.recordBytes + 4);
    return 4 * Math.floor(most / 4);
  }

  /** How many slots the index has when it has grown, if bytes are no matter. */
  #nextSlots(): number {
    const slots = this.#slots;
    return Math.min(this.#mostSlots, slots * (GROWTHS.find((growth) => slots < growth.slots)?.by as number));
  }

  /** Put an empty index of at least so many slots above the arena: as high as the states it can take will reach, or at the very end. */
  #placeIndex(slots: number): void {
    const groups = Math.ceil((4 * slots) / GROUP_BYTES);
    const bytes = groups * GROUP_BYTES;
    const capacity = Math.floor((bytes / 4) * LOAD);
    const isLarge = this.code.parts > 1 && slots >= LARGE_SLOTS;
    const start = isLarge ? Math.floor((END - bytes) / 64) * 64 : Math.ceil(this.address(capacity + 1) / 64) * 64;
    if (start < this.address(capacity + 1)) throw new RangeError("no memory is large enough for so many states");
    const missing = Math.ceil((start + bytes - this.memory.buffer.byteLength) / PAGE);
    if (missing > 0) this.memory.grow(missing);
    this.#refresh();
    // What was never used is empty; where indexes were is not.
    for (const [low, high] of this.#used) this.#bytes.fill(0, Math.max(low, start), Math.min(high, start + bytes));
    // An end lies up to 48 bytes lower than another one: of an index before this one, a group may stick out behind.
    this.#used = [...this.#used.filter(([low, high]) => low < start || high > start + bytes), [start, start + bytes]];
    this.#put(SHARED.capacity, capacity);
    this.#put(SHARED.limit, this.#limit);
    this.#put(SHARED.table, start);
    this.#put(SHARED.groups, groups);
    // A larger index holds larger numbers: fewer bits of the hash fit beside them.
    this.#put(SHARED.idBits, 32 - Math.clz32(capacity));
  }

  /** As long as there are fewer states than this, every thread may go on. */
  get #limit(): number {
    return Math.max(0, this.control(SHARED.capacity) - this.#reserve);
  }

  get #reserve(): number {
    return this.code.threads * reserveOf(this.code);
  }

  /** Is there no room to go on? */
  get isFull(): boolean {
    return Atomics.load(this.#ints, SHARED.count / 4) >>> 0 >= this.control(SHARED.limit);
  }

  /** Is the memory as large as one can be? */
  get isAtEnd(): boolean {
    return this.#nextSlots() <= this.#slots;
  }

  /** Make room for more states, all within so many bytes; they must then be entered. Throws a RangeError when there is no memory left. */
  grow(bytes = Number.POSITIVE_INFINITY): void {
    this.#placeIndex(Math.min(this.#nextSlots(), this.#slotsWithin(bytes)));
    this.#put(SHARED.emptied, 1);
  }

  /**
   * Of a thread that helps, before it works: see the memory as large as it is. Of growth while the memory was on its way to the thread V8 does
   * not tell it, and the thread's code would take what was grown for out of bounds. To grow by nothing is to look.
   */
  noticeGrowth(): void {
    const end = this.control(SHARED.table) + GROUP_BYTES * this.control(SHARED.groups);
    if (this.memory.buffer.byteLength < end) this.memory.grow(0);
  }

  /** One of so many threads fills its share of an emptied index. In small pieces: code is only optimised between calls. */
  refill(share: number, shares: number): void {
    if (this.control(SHARED.emptied) === 0) return;
    const { count } = this;
    const groups = this.control(SHARED.groups);
    const [low, high] = [share, share + 1].map(
      (part) => this.control(SHARED.table) + GROUP_BYTES * Math.floor((groups * part) / shares),
    ) as [number, number];
    this.#claim(low, high);
    for (let id = 1; id < count; id += BATCH) this.#exports.enter(id, Math.min(count, id + BATCH), low, high);
  }

  /**
   * Write to every page between two addresses, and change nothing. A page that is read before it is written comes to be twice: as one of
   * zeros that all share, then as a copy of it, for which the processors of all other threads are interrupted. An add or an or would
   * read first, too.
   */
  #claim(low: number, high: number): void {
    const { ints } = this;
    for (let at = low; at < high; at += SYSTEM_PAGE) Atomics.compareExchange(ints, at / 4, 0, 0);
  }

  /** All states are entered. */
  refilled(): void {
    this.#put(SHARED.emptied, 0);
  }

  /** Successors that this thread has made since they were last taken. */
  get made(): number {
    return this.#own(OWN.made) / (4 * this.code.words);
  }

  /** How many of all threads, and begin to count anew. */
  takeMade(): number {
    let made = 0;
    for (let thread = 0; thread < this.code.threads; thread++) {
      made += this.#own(OWN.made, thread);
      this.#putOwn(OWN.made, 0, thread);
    }
    return made / (4 * this.code.words);
  }

  /** Of a thread by itself: expand up to `slice` states of the level, or until the space is full. */
  run(slice: number): void {
    const head = this.control(SHARED.head);
    const until = Math.min(this.control(SHARED.levelEnd), head + slice);
    this.#put(SHARED.head, this.#exports.run?.(head, until, this.control(SHARED.limit)) as number);
  }

  /** Begin a turn of several threads, in which up to `slice` states of the level are expanded. Returns how many. */
  beginTurn(slice: number): number {
    const head = this.control(SHARED.head);
    const until = Math.min(this.control(SHARED.levelEnd), head + slice);
    this.#put(SHARED.until, until);
    return until - head;
  }

  /** Of one thread of several: expand what it has taken, and more if it may, until there is no room, the turn is over, or a box is full. Returns whether one is. */
  work(mayTake: boolean): boolean {
    return this.#exports.work?.(Number(mayTake)) !== 0;
  }

  /** Of a search with several memories: insert what this thread has found for another one there, where `other` is this thread's view of it. */
  deliver(other: Space): void {
    const part = other.control(SHARED.part);
    const { boxes, boxBytes, boxEnds } = this.code.places;
    const box = this.#at(boxes + part * boxBytes);
    const length = this.#own(boxEnds + 4 * part);
    if (length === 0) return;
    // The memory's own box there is where it is copied to.
    other.ints.set(this.#ints.subarray(box / 4, (box + length) / 4), box / 4);
    other.#exports.absorb?.(box, box + length);
    this.#putOwn(boxEnds + 4 * part, 0);
  }

  /**
   * When all threads rest: the numbers they have taken and not used are used by the last states, so that there is no gap. `kinds`: how many
   * kinds of events there are, which speak of states by number.
   */
  endTurn(kinds: number): void {
    if (!this.code.together) return;
    this.#put(SHARED.head, Math.min(this.control(SHARED.head), this.control(SHARED.until)));
    const gaps = Array.from({ length: this.code.threads }, (_, thread) => ({
      next: this.#own(OWN.next, thread),
      last: this.#own(OWN.last, thread),
    }));
    const reported = this.nonEmptyEvents(kinds);
    let { count } = this;
    for (;;) {
      const atEnd = gaps.find(({ next, last }) => next < last && last === count);
      const gap = atEnd ?? gaps.find(({ next, last }) => next < last);
      if (gap === undefined) break;
      if (gap === atEnd) count = gap.last = gap.next;
      else this.#move(--count, gap.next++, reported);
    }
    this.#put(SHARED.count, count);
    for (let thread = 0; thread < this.code.threads; thread++) {
      this.#putOwn(OWN.next, 0, thread);
      this.#putOwn(OWN.last, 0, thread);
    }
  }

  /** Give a state another number, also where it was reported. */
  #move(from: number, to: number, reported: readonly Int32Array[]): void {
    this.#exports.move?.(from, to);
    for (const own of reported) for (const [kind, id] of own.entries()) if (id === from) own[kind] = to;
  }

  /**
   * By thread, and by event kind: the number of the least state at which that thread met it in the level under way, if no level before did; 0:
   * none. They share memory with the search.
   */
  events(kinds: number): Int32Array[] {
    const { ints } = this;
    return Array.from({ length: this.code.threads }, (_, thread) => {
      const first = this.#at(this.code.places.events, thread) / 4;
      return ints.subarray(first, first + kinds);
    });
  }

  /** Those of threads that have met something: of most levels none has. */
  nonEmptyEvents(kinds: number): Int32Array[] {
    return this.events(kinds).filter((own) => own.some((id) => id !== 0));
  }

  /** Put words where the code reads a state that is not stored. */
  #place(words: Int32Array): number {
    const out = this.#at(this.code.places.out);
    this.ints.set(words, out / 4);
    return out;
  }

  /** Insert a state, when all other threads rest. */
  insert(words: Int32Array, kinds: number): void {
    this.#exports.flush(this.#place(words) + 4 * this.code.words);
    this.#put(SHARED.until, this.control(SHARED.head));
    this.endTurn(kinds);
  }

  /** Of a search with several memories: the part that a canonical state belongs to. */
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

  /** Flags of all threads: by thread, `length` bytes from one of its own places on. They share memory with the search. */
  flags(place: number, length: number): Uint8Array[] {
    this.#refresh();
    return Array.from({ length: this.code.threads }, (_, thread) => {
      const at = this.#at(place, thread);
      return this.#bytes.subarray(at, at + length);
    });
  }

  /** Take over another space's records and where its search was. */
  restore(records: Uint8Array, at: SearchPlace): void {
    const { count } = at;
    // More threads need more room beside the states; where a memory ends there may be none, but the states must lie below the index.
    const slots = Math.max(FIRST_SLOTS, Math.ceil((count + 2 * this.#reserve) / LOAD));
    this.#placeIndex(Math.max(Math.ceil(count / LOAD), Math.min(this.#mostSlots, slots)));
    this.#bytes.set(records, this.address(1));
    this.#put(SHARED.count, count);
    this.#put(SHARED.head, at.head);
    this.#put(SHARED.levelEnd, at.levelEnd);
    this.levels.length = 0;
    for (const first of at.levels) this.levels.push(first);
    this.#put(SHARED.emptied, 1);
    this.refill(0, 1);
    this.refilled();
  }

  /** Which part of a search with several memories this is. */
  setPart(part: number): void {
    this.#put(SHARED.part, part);
  }
}
