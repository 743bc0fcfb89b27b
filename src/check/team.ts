/**
 * A search divided among threads. A state belongs to the part that its hash names, with an arena and an index in a memory of its own, so
 * nothing is locked: in turns, all threads expand states of the same level into boxes, one per part, and all take in what the others have
 * for them. Nothing that is shown depends on the order in which states were found (`keepLeast` in `kernel-code.ts`), so any number of threads
 * ends with the same result.
 */
import { CONTROL, type KernelCode, WANTED } from "./kernel-memory.ts";
import { isLess } from "./pack.ts";
import { type Event, Space, type SpaceCode } from "./space.ts";
import type { LinearMemory } from "./wasm.ts";
import type { Pausing } from "./watch.ts";

const COMMAND = { distribute: 1, grow: 2, absorb: 3, stop: 4 } as const;

/** Words that the threads share: how many commands were given, the latest one, and how many threads have done it. */
const [TURN, WHAT, DONE] = [0, 1, 2];

/** What a helping thread is sent. */
export interface HelperTask {
  readonly code: SpaceCode;
  readonly memories: readonly LinearMemory[];
  readonly part: number;
  readonly signal: Int32Array;
}

/** A thread of the caller's, for instance a `Worker`; on each message it must run `serve`. */
export interface Helper {
  postMessage(task: HelperTask): void;
}

function obey(own: Space, parts: readonly Space[], command: number): void {
  try {
    if (command === COMMAND.distribute) own.distribute();
    else if (command === COMMAND.absorb) own.absorb(parts);
    else if (own.isFull(own.mostIncoming(parts))) own.grow();
  } catch (error) {
    // Nobody can go on without this part, whatever happened.
    own.fail();
    if (!(error instanceof RangeError)) throw error;
  }
}

/** How often a thread looks for others, by successor that it has just made: a tenth of what it has worked at most. */
const LOOKS = 4;

/** Wait until a shared word has another value than this one. To be woken up takes longer than most waits, so look so many times before falling asleep. */
function untilChanged(signal: Int32Array, at: number, old: number, looks: number): void {
  for (let look = 0; look < looks; look++) if (Atomics.load(signal, at) !== old) return;
  while (Atomics.load(signal, at) === old) Atomics.wait(signal, at, old);
}

/** The work of a helping thread on one search. Returns when the search is over. */
export function serve({ code, memories, part, signal }: HelperTask): void {
  const parts = memories.map((memory) => new Space(code, memory));
  const own = parts[part] as Space;
  let looks = 0;
  // The next command is not given before this one is done, so none is missed.
  for (let turn = 0; ; turn++) {
    untilChanged(signal, TURN, turn, looks);
    const command = Atomics.load(signal, WHAT);
    if (command === COMMAND.stop) return;
    try {
      obey(own, parts, command);
      looks = LOOKS * own.made;
    } finally {
      Atomics.add(signal, DONE, 1);
      Atomics.notify(signal, DONE);
    }
  }
}

/** Threads that help one search at a time. */
export class Helpers {
  readonly #threads: readonly Helper[];
  #signal: Int32Array | null = null;

  constructor(threads: readonly Helper[]) {
    this.#threads = threads;
  }

  get count(): number {
    return this.#threads.length;
  }

  /** Let them help a new search; the one before is over. */
  start(code: SpaceCode, memories: readonly LinearMemory[]): Int32Array {
    this.stop();
    const signal = new Int32Array(new SharedArrayBuffer(12));
    this.#signal = signal;
    this.#threads.forEach((thread, i) => {
      const { module, places, parts, words, recordBytes, branching, batch } = code;
      const part = i + 1;
      thread.postMessage({
        code: { module, places, parts, words, recordBytes, branching, batch },
        memories,
        part,
        signal,
      });
    });
    return signal;
  }

  /** Let them go. */
  stop(): void {
    if (this.#signal !== null) give(this.#signal, COMMAND.stop);
    this.#signal = null;
  }
}

function give(signal: Int32Array, command: number): void {
  Atomics.store(signal, DONE, 0);
  Atomics.store(signal, WHAT, command);
  Atomics.add(signal, TURN, 1);
  Atomics.notify(signal, TURN);
}

/** How many bytes there may be, and how many of them another search holds. */
interface Room {
  readonly memory: number;
  readonly held: number;
}

/** Where a search's states are: in one space, or divided among several. Numbers of states are those of the part times the parts, plus the part. */
export class Store {
  readonly code: KernelCode;
  readonly parts: readonly Space[];
  readonly #signal: Int32Array | null;
  readonly #helpers: number;

  constructor(code: KernelCode, helpers: Helpers | null) {
    this.code = code;
    this.parts = Array.from({ length: code.parts }, () => new Space(code));
    this.parts.forEach((space, part) => {
      space.setPart(part);
    });
    this.#helpers = helpers?.count ?? 0;
    this.#signal =
      helpers === null
        ? null
        : helpers.start(
            code,
            this.parts.map(({ memory }) => memory),
          );
  }

  /** The only space of an undivided search. */
  get single(): Space {
    return this.parts[0] as Space;
  }

  #sum(of: (space: Space) => number): number {
    return this.parts.reduce((sum, space) => sum + of(space), 0);
  }

  get states(): number {
    return this.#sum(({ count }) => count - 1);
  }
  get frontier(): number {
    return this.#sum(({ frontier }) => frontier);
  }
  get bytes(): number {
    return this.#sum(({ bytes }) => bytes);
  }
  get levelDone(): boolean {
    return this.parts.every(({ levelDone }) => levelDone);
  }
  beginLevel(): void {
    for (const space of this.parts) space.beginLevel();
  }

  #owner(id: number): Space {
    return this.parts[id % this.parts.length] as Space;
  }
  #local(id: number): number {
    return Math.floor(id / this.parts.length);
  }
  words(id: number): Int32Array {
    return this.#owner(id).words(this.#local(id));
  }
  levelOf(id: number): number {
    return this.#owner(id).levelOf(this.#local(id));
  }

  /**
   * For each of some states of a level above the first: the number of the state that leads there from the level before; of several the one with
   * the least words, so that it does not matter in which order they were found.
   */
  *parents(level: number, ids: readonly number[]): Pausing<number[]> {
    const found = new Map<number, number>();
    for (const [part, space] of this.parts.entries())
      for (let at = 0; at < ids.length; at += WANTED) {
        const some = ids.slice(at, at + WANTED);
        const locals = yield* space.parents(
          level - 1,
          some.map((id) => this.words(id)),
        );
        for (const [i, id] of some.entries()) {
          const local = locals[i] as number;
          if (local !== 0) found.set(id, this.#lesser(found.get(id), local * this.parts.length + part));
        }
      }
    return ids.map((id) => found.get(id) ?? 0);
  }
  canonical(words: Int32Array): void {
    this.single.canonical(words);
  }

  /** Make room for what comes next. Returns why there is none; null: there is. Throws a RangeError when there is no memory left. */
  grow(room: Room | null): string | null {
    for (;;) {
      const full = this.parts.filter((space) => space.isFull(space.mostIncoming(this.parts)));
      if (full.length === 0) return null;
      const growth = full.reduce((sum, { nextGrowth }) => sum + nextGrowth, 0);
      if (room !== null && room.held + this.bytes + growth > room.memory)
        return `the memory bound of ${room.memory} bytes was reached`;
      if (this.#signal === null) this.single.grow();
      else this.#together(COMMAND.grow);
    }
  }

  /** All threads do the same. */
  #together(command: number): void {
    const signal = this.#signal as Int32Array;
    give(signal, command);
    obey(this.single, this.parts, command);
    for (;;) {
      const done = Atomics.load(signal, DONE);
      if (done === this.#helpers) break;
      untilChanged(signal, DONE, done, LOOKS * this.single.made);
    }
    if (this.parts.some((space) => space.control(CONTROL.failed) !== 0)) throw new RangeError("memory ran out");
  }

  /**
   * Expand a piece of the level; `slice` states of an undivided search. Returns how many successors were made, or why there is no room.
   * Throws a RangeError when there is no memory left.
   */
  run(slice: number, room: Room | null): number | string {
    const full = this.grow(room);
    if (full !== null) return full;
    if (this.#signal === null) return this.single.run(slice);
    for (const space of this.parts) space.reserve(this.parts);
    this.#together(COMMAND.distribute);
    this.#together(COMMAND.absorb);
    for (const space of this.parts) space.emptyBoxes();
    return this.#sum((space) => space.takeMade());
  }

  /** What the level under way has met and none before: each kind at the least state at which it did. */
  events(): Event[] {
    const least = new Map<number, number>();
    for (const [part, space] of this.parts.entries())
      for (const [kind, local] of space.events(this.code.eventKinds.length).entries())
        if (local !== 0) least.set(kind, this.#lesser(least.get(kind), local * this.parts.length + part));
    return [...least].map(([kind, id]) => ({ kind, id }));
  }

  /** The level is done, and what it has met is closed: what later levels meet of it is not reported, to whichever part. */
  closeEvents(events: readonly Event[]): void {
    const { places, eventKinds } = this.code;
    for (const space of this.parts) {
      for (const { kind } of events) space.flags(places.met + kind, 1)[0] = 1;
      space.events(eventKinds.length).fill(0);
    }
  }

  /** Set what the level under way has met, as it was read; the space has met nothing. */
  restoreEvents(events: readonly Event[]): void {
    const { length } = this.code.eventKinds;
    for (const { kind, id } of events) this.#owner(id).events(length)[kind] = this.#local(id);
  }

  /** Of two states, the one with the lesser words. */
  #lesser(one: number | undefined, other: number): number {
    return one === undefined || isLess(this.words(other), this.words(one)) ? other : one;
  }

  /** Insert an initial state. */
  insert(words: Int32Array): void {
    this.canonical(words);
    (this.parts[this.single.partOf(words)] as Space).insert(words);
  }

  /** Note that a step ran. */
  noteRan(step: number): void {
    this.single.flags(this.code.places.ran + step, 1)[0] = 1;
  }

  /** Set all flags again, as they were read. */
  restoreFlags(flags: { ran: readonly number[]; busy: readonly number[]; met: readonly number[] }): void {
    const { places, steps, busySites, eventKinds } = this.code;
    for (const space of this.parts) {
      space.flags(places.ran, steps).set(flags.ran);
      space.flags(places.busy, busySites.length).set(flags.busy);
      space.flags(places.met, eventKinds.length).set(flags.met);
    }
  }

  #flags(start: number, length: number): Uint8Array {
    const all = new Uint8Array(length);
    for (const space of this.parts)
      for (const [i, flag] of space.flags(start, length).entries()) if (flag !== 0) all[i] = 1;
    return all;
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
}
