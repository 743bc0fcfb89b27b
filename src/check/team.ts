/**
/**
 * A search by several threads. They work in the same memory: each takes some states of the level, expands them, and inserts what comes of
 * them into the one index, where a slot is filled by whoever is first. In turns, so that the thread that drives the search can look at
 * bounds; an index grows between two turns. More states than one memory holds are divided among several memories by their hash; then each
 * thread works in each of them, and brings what belongs to another one there.
 *
 * The order in which states are met is chance. Nothing that is shown depends on it (`keepLeast` in `kernel-code.ts`), so any number of threads
 * ends with the same result.
 */
import { type Graph, LINKS, Linker, type LinkTask } from "./graph.ts";
import { type KernelCode, SHARED, WANTED } from "./kernel-memory.ts";
import { isLess } from "./pack.ts";
import { type Event, type SearchPlace, Space, type SpaceCode } from "./space.ts";
import { type LinearMemory, MAX_BYTES } from "./wasm.ts";
import type { Pausing } from "./watch.ts";

const COMMAND = { work: 1, refill: 2, stop: 3 } as const;

/** Words that the threads share: how many commands were given, the latest one, how many threads have done it, and whether one has failed. */
const [TURN, WHAT, DONE, FAILED] = [0, 1, 2, 3];

/** What a thread is sent that helps a search. */
interface SearchTask {
  readonly code: SpaceCode;
  readonly memories: readonly LinearMemory[];
  readonly thread: number;
  readonly signal: Int32Array;
}

/** What a helping thread is sent. */
export type HelperTask = SearchTask | LinkTask;

/** A thread of the caller's, for instance a `Worker`; on each message it must run `serve`. */
export interface Helper {
  postMessage(task: HelperTask): void;
}

/** Expand states of the turn until there are no more, or no room; what this thread has taken it expands to the end. */
function work(spaces: readonly Space[]): void {
  for (;;) {
    let isBoxFull = false;
    for (const space of spaces) {
      const mayTake = spaces.every(({ isFull }) => !isFull);
      if (space.work(mayTake)) isBoxFull = true;
      for (const other of spaces) if (other !== space) space.deliver(other);
    }
    if (!isBoxFull) return;
  }
}

function obey(spaces: readonly Space[], command: number): void {
  if (command === COMMAND.work) work(spaces);
  else for (const space of spaces) space.refill(space.thread, space.code.threads);
}

/** How often a thread looks for others, by successor that it has just made: a tenth of what it has worked at most. */
const LOOKS = 4;

const looksAfter = (spaces: readonly Space[]): number => LOOKS * spaces.reduce((sum, { made }) => sum + made, 0);

/** Has a shared word another value than this one? To be woken up takes longer than most waits, so look so many times before falling asleep. */
function isChanged(signal: Int32Array, at: number, old: number, looks: number): boolean {
  for (let look = 0; look < looks; look++) if (Atomics.load(signal, at) !== old) return true;
  return Atomics.load(signal, at) !== old;
}

/** Wait until it has. */
function untilChanged(signal: Int32Array, at: number, old: number, looks: number): void {
  if (isChanged(signal, at, old, looks)) return;
  while (Atomics.load(signal, at) === old) Atomics.wait(signal, at, old);
}

/**
 * After so many milliseconds, whoever waits for others lets other work run. That a thread has ended, its owner learns as other work; one that
 * was ended in the middle says nothing itself.
 */
const PATIENCE = 100;

/** Wait until a count that the helpers raise has come so far. */
function* untilDone(helpers: Helpers, shared: Int32Array, at: number, wanted: number, looks = 0): Pausing<void> {
  for (;;) {
    const done = Atomics.load(shared, at);
    if (done === wanted) return;
    if (isChanged(shared, at, done, looks) || Atomics.wait(shared, at, done, PATIENCE) !== "timed-out") continue;
    yield;
    if (helpers.loss !== null) throw helpers.loss;
  }
}

/** The work of a helping thread on one search, or on its edges. Returns when that is over. */
export function serve(task: HelperTask): void {
  if ("graph" in task) serveLinks(task);
  else serveSearch(task);
}

function serveLinks(task: LinkTask): void {
  try {
    const linker = new Linker(task);
    while (linker.work());
  } catch (error) {
    Atomics.store(task.shared, LINKS.failed, 1);
    throw error;
  } finally {
    Atomics.add(task.shared, LINKS.done, 1);
    Atomics.notify(task.shared, LINKS.done);
  }
}

function serveSearch({ code, memories, thread, signal }: SearchTask): void {
  let spaces: readonly Space[] | null = null;
  let looks = 0;
  // The next command is not given before this one is done, so none is missed.
  for (let turn = 0; ; turn++) {
    untilChanged(signal, TURN, turn, looks);
    const command = Atomics.load(signal, WHAT);
    if (command === COMMAND.stop) return;
    try {
      // Here, so that it is told when there is no room for them: who drives the search waits for the thread.
      spaces ??= memories.map((memory) => new Space(code, memory, thread));
      for (const space of spaces) space.noticeGrowth();
      obey(spaces, command);
      looks = looksAfter(spaces);
    } catch (error) {
      Atomics.store(signal, FAILED, 1);
      throw error;
    } finally {
      Atomics.add(signal, DONE, 1);
      Atomics.notify(signal, DONE);
    }
  }
}

/** What can be sent of the code, and is needed. */
function sent(code: SpaceCode): SpaceCode {
  const { module, places, parts, threads, together, words, recordBytes, branching, batch, chunk } = code;
  return { module, places, parts, threads, together, words, recordBytes, branching, batch, chunk };
}

/** So many states are found before threads are asked for: until then a search is over sooner without them. */
const ASK_FROM = 200_000;

/** Threads that help one search at a time. */
export class Helpers {
  /** How many. */
  readonly count: number;
  /** A search asks for them when it has found so many states. */
  readonly from: number;
  readonly #start: (() => Promise<readonly Helper[]>) | null;
  #threads: readonly Helper[] | null;
  #signal: Int32Array | null = null;
  #asked = false;
  #loss: Error | null = null;
  /** They are in the middle of something, and whoever asked for it waits for them. */
  #isWaitedFor = false;

  /** Threads that are there; they help from the first state on. */
  constructor(threads: readonly Helper[]);
  /**
   * So many threads, which `start` starts when a search gets large: has found `from` states. They help from when it is done, which is seen in a
   * check that gives way to other work. If they cannot be started, nobody helps.
   */
  constructor(count: number, start: () => Promise<readonly Helper[]>, from?: number);
  constructor(
    threads: readonly Helper[] | number,
    start: (() => Promise<readonly Helper[]>) | null = null,
    from = ASK_FROM,
  ) {
    this.#threads = typeof threads === "number" ? null : threads;
    this.count = typeof threads === "number" ? threads : threads.length;
    this.from = typeof threads === "number" ? from : 0;
    this.#start = start;
  }

  /** Are they there? If not, let them be started. */
  areThere(): boolean {
    if (!this.#asked && this.#start !== null) {
      this.#asked = true;
      this.#start().then(
        (threads) => {
          this.#threads = threads;
        },
        () => {},
      );
    }
    return this.#threads !== null && !this.#isWaitedFor;
  }

  /** Let them do something to the end; meanwhile nobody else may ask for them. */
  *waitedFor<T>(work: Pausing<T>): Pausing<T> {
    this.#isWaitedFor = true;
    try {
      return yield* work;
    } finally {
      this.#isWaitedFor = false;
    }
  }

  /** Why a thread is lost that may have been in the middle of something; null: none is. */
  get loss(): Error | null {
    return this.#loss;
  }

  /** Do they still help the search that shares this with them? They help the one that asked last. */
  helps(signal: Int32Array): boolean {
    return signal === this.#signal;
  }

  /** Let them help another search; the one before goes on without them. */
  begin(code: SpaceCode, memories: readonly LinearMemory[]): Int32Array {
    this.stop();
    const signal = new Int32Array(new SharedArrayBuffer(16));
    this.#signal = signal;
    for (const [i, helper] of (this.#threads ?? []).entries())
      helper.postMessage({ code: sent(code), memories, thread: i + 1, signal });
    return signal;
  }

  /** Let them find edges; no search has their help any more. Returns how many they are. */
  link({ code, ...task }: Omit<LinkTask, "thread" | "code"> & { readonly code: SpaceCode }): number {
    this.stop();
    const threads = this.#threads ?? [];
    for (const [i, helper] of threads.entries()) helper.postMessage({ ...task, code: sent(code), thread: i + 1 });
    return threads.length;
  }

  /**
   * One of them has failed, or has ended, which whoever started it says here: who waited for it once more would wait for ever. What it has
   * taken and not done, nobody does: a search that waits for it now fails, those after it go on alone.
   */
  lose(why: Error): void {
    this.#loss ??= why;
    this.stop();
    this.#threads = null;
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

/** A helper has said that it failed. Returns what is thrown. */
function failed(helpers: Helpers, message: string): Error {
  const error = new Error(message);
  helpers.lose(error);
  return error;
}

/** How many bytes there may be, and how many of them another search holds. */
interface Room {
  readonly memory: number;
  readonly held: number;
}

const boundReached = ({ memory }: Room): string => `the memory bound of ${memory} bytes was reached`;

/** The most memories that the states of one search are divided among. */
const MOST_PARTS = 16;

/** Among how many memories the states must be divided so that they may need so many bytes. */
export const partsFor = (bytes: number): number => Math.min(MOST_PARTS, Math.max(1, Math.ceil(bytes / MAX_BYTES)));

/** A turn with fewer states than this many pieces of work is done by one thread: to wake the others takes as long. */
const WORTH_WAKING = 4;

/**
 * Where a search's states are: in one memory, or divided among several. Numbers of states are those of the part times the parts, plus the
 * part.
 */
export class Store {
  readonly code: KernelCode;
  readonly parts: readonly Space[];
  readonly #helpers: Helpers | null;
  /** What is shared with helpers, while they help. */
  #signal: Int32Array | null = null;

  /** `code`: for as many threads as help, and one more. */
  constructor(code: KernelCode, helpers: Helpers | null) {
    this.code = code;
    this.#helpers = helpers;
    this.parts = Array.from({ length: code.parts }, () => new Space(code));
    this.parts.forEach((space, part) => {
      space.setPart(part);
    });
    if (helpers?.from === 0) this.#call();
  }

  /** Set where the search was in each part, as it was read. */
  restore(places: readonly SearchPlace[], records: readonly Uint8Array[]): void {
    this.parts.forEach((space, i) => {
      space.restore(records[i] as Uint8Array, places[i] as SearchPlace);
    });
  }

  /** The only space of a search in one memory. */
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

  /** Let the helpers begin, if they are there. */
  #call(): void {
    const helpers = this.#helpers;
    if (helpers === null || this.#signal !== null || this.states < helpers.from || !helpers.areThere()) return;
    this.#signal = helpers.begin(
      this.code,
      this.parts.map(({ memory }) => memory),
    );
  }

  /** Make room for what comes next; all threads rest. Returns why there is none; null: there is. Throws a RangeError when there is no memory left. */
  *grow(room: Room | null): Pausing<string | null> {
    for (;;) {
      const full = this.parts.filter(({ isFull }) => isFull);
      if (full.length === 0) return null;
      // States are divided among the memories by their hash, so evenly.
      const bytes = room === null ? Number.POSITIVE_INFINITY : (room.memory - room.held) / this.parts.length;
      if (room !== null && !full.every((space) => space.canGrow(bytes))) return boundReached(room);
      if (full.some(({ isAtEnd }) => isAtEnd))
        return `${this.parts.length === 1 ? "the memory" : "one of the memories"} of 4 GiB is full; with a larger bound (--memory) there are more`;
      for (const space of full) space.grow(bytes);
      if (this.#shared === null) for (const space of full) space.refill(0, 1);
      else yield* this.#together(this.#shared, COMMAND.refill);
      for (const space of full) space.refilled();
    }
  }

  /** What is shared with the helpers, if they help: to give a command to threads that help another search now is to wait for ever. */
  get #shared(): Int32Array | null {
    return this.#signal !== null && this.#helpers?.helps(this.#signal) ? this.#signal : null;
  }

  /** All threads do the same. It pauses in the middle of it where one takes long. */
  *#together(signal: Int32Array, command: number): Pausing<void> {
    const helpers = this.#helpers as Helpers;
    give(signal, command);
    obey(this.parts, command);
    yield* helpers.waitedFor(untilDone(helpers, signal, DONE, helpers.count, looksAfter(this.parts)));
    if (Atomics.load(signal, FAILED) === 0) return;
    throw failed(helpers, "a thread that helped the search has failed");
  }

  /**
   * Expand a piece of the level, `slice` states for each thread. Returns how many successors were made, or why there is no room.
   * Throws a RangeError when there is no memory left. Where it pauses, other threads are at work: nothing of the states may be read.
   */
  *run(slice: number, room: Room | null): Pausing<number | string> {
    this.#call();
    const full = (yield* this.grow(room)) ?? this.#filled(room);
    if (full !== null) return full;
    if (this.code.together) yield* this.#turn(slice * this.code.threads);
    else this.single.run(slice);
    return this.#sum((space) => space.takeMade());
  }

  /** A search that is taken up may have more than the bound already. Why there must be no more; null: there may. */
  #filled(room: Room | null): string | null {
    return room !== null && room.held + this.bytes > room.memory ? boundReached(room) : null;
  }

  *#turn(slice: number): Pausing<void> {
    const states = this.#sum((space) => space.beginTurn(slice));
    if (this.#shared === null || states < WORTH_WAKING * this.code.chunk) work(this.parts);
    else yield* this.#together(this.#shared, COMMAND.work);
    for (const space of this.parts) space.endTurn(this.code.eventKinds.length);
  }

  /** Fill the graph of all states with their edges. `code`: of `compileEdges`. */
  *link(code: KernelCode, graph: Graph): Pausing<void> {
    const helpers = this.#helpers !== null && this.states >= this.#helpers.from ? this.#helpers : null;
    const areThere = helpers?.areThere() === true;
    const shared = new Int32Array(areThere ? new SharedArrayBuffer(16) : new ArrayBuffer(16));
    Atomics.store(shared, LINKS.next, 1);
    const task = { code, memory: this.single.memory, graph, shared };
    const helping = areThere ? (helpers as Helpers).link(task) : 0;
    try {
      const linker = new Linker({ ...task, thread: 0 });
      while (linker.work()) yield;
    } finally {
      // Also when it is given up, or has failed, the helpers find nothing left.
      Atomics.store(shared, LINKS.next, graph.starts.length);
    }
    if (helping > 0) yield* (helpers as Helpers).waitedFor(untilDone(helpers as Helpers, shared, LINKS.done, helping));
    if (Atomics.load(shared, LINKS.failed) !== 0)
      throw failed(helpers as Helpers, "a thread that helped to find edges has failed");
    if (Atomics.load(shared, LINKS.edges) !== graph.targets.length)
      throw new Error("the search has counted more edges than there are");
  }

  /** What the level under way has met and none before: each kind at the least state at which it did. */
  events(): Event[] {
    const least = new Map<number, number>();
    for (const [part, space] of this.parts.entries())
      for (const own of space.nonEmptyEvents(this.code.eventKinds.length))
        for (const [kind, local] of own.entries())
          if (local !== 0) least.set(kind, this.#lesser(least.get(kind), local * this.parts.length + part));
    return [...least].map(([kind, id]) => ({ kind, id }));
  }

  /** The level is done, and what it has met is closed: what later levels meet of it is not reported, to whichever thread. */
  closeEvents(events: readonly Event[]): void {
    if (events.length === 0) return;
    const { places, eventKinds } = this.code;
    for (const space of this.parts) {
      for (const { kind } of events) for (const own of space.flags(places.met + kind, 1)) own.fill(1);
      for (const own of space.events(eventKinds.length)) own.fill(0);
    }
  }

  /** Set what the level under way has met, as it was read; the space has met nothing. */
  restoreEvents(events: readonly Event[]): void {
    const { length } = this.code.eventKinds;
    for (const { kind, id } of events)
      this.#owner(id)
        .events(length)[0]
        ?.fill(this.#local(id), kind, kind + 1);
  }

  /** Of two states, the one with the lesser words. */
  #lesser(one: number | undefined, other: number): number {
    return one === undefined || isLess(this.words(other), this.words(one)) ? other : one;
  }

  /** Insert an initial state. */
  insert(words: Int32Array): void {
    this.canonical(words);
    (this.parts[this.single.partOf(words)] as Space).insert(words, this.code.eventKinds.length);
  }

  /** Note that a step ran. */
  noteRan(step: number): void {
    (this.single.flags(this.code.places.ran + step, 1)[0] as Uint8Array)[0] = 1;
  }

  /** Set all flags again, as they were read. */
  restoreFlags(flags: { ran: readonly number[]; busy: readonly number[]; met: readonly number[] }): void {
    const { places } = this.code;
    for (const space of this.parts)
      for (const name of ["ran", "busy", "met"] as const)
        for (const own of space.flags(places[name], flags[name].length)) own.set(flags[name]);
  }

  #flags(start: number, length: number): Uint8Array {
    const all = new Uint8Array(length);
    for (const space of this.parts)
      for (const own of space.flags(start, length)) for (const [i, flag] of own.entries()) if (flag !== 0) all[i] = 1;
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

  /** Where the search is in each part. */
  get places(): SearchPlace[] {
    return this.parts.map((space) => ({
      count: space.count,
      head: space.control(SHARED.head),
      levelEnd: space.control(SHARED.levelEnd),
      levels: space.levels,
    }));
  }
}
