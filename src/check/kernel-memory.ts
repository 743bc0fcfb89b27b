/**
 * What lies where in the linear memory of a search: a control block; for each thread that works in it flags, events, states whose parents
 * are sought, one batch of successors and their hashes; then the arena, which holds one record per state, and above it the index.
 */
import type { LoweredMove } from "../language/index.ts";
import type { ScalarSymmetry } from "./scalar-symmetry.ts";
import type { Symmetric } from "./symmetry.ts";
import type { CompiledModule } from "./wasm.ts";

/** A place in the code where a step can fail. */
export interface FaultSite {
  readonly kind: "assertion" | "range";
  readonly name: string;
}

/** One possible entry of the `busy` list. `holder` null: nobody was seen to hold it. */
export interface BusySite {
  readonly leaf: string | null;
  readonly resource: string;
  readonly holder: string | null;
  readonly holderProcess: string | null;
  readonly status: string | null;
  readonly process: string;
}

/** Which reductions the code performs. */
export interface Reductions {
  /** Instances that are sorted. */
  readonly symmetric: Symmetric;
  /** Sets whose indices are renumbered. */
  readonly scalar: readonly ScalarSymmetry[];
  /** By instance, in the layout's order: labels whose steps are taken along with the step that leads there. */
  readonly folded: readonly ReadonlySet<number>[];
}

/** What the code reports: of the states at which it is met, in the first level that meets it, the one with the least words. */
export type EventKind =
  | { readonly kind: "property"; readonly property: number }
  /** A state without successors in which not all processes are idle. */
  | { readonly kind: "deadlock" }
  /** The state is the one whose step fails. */
  | { readonly kind: "fault"; readonly site: FaultSite };

/** Byte addresses of 32-bit words that all threads see. */
export const SHARED = {
  /** Where the index is, and how many groups of slots it has. */
  table: 0,
  groups: 4,
  /** How many bits of a slot hold a state's number; those above it hold bits of its hash. */
  idBits: 8,
  /** How many states fit below the index. */
  capacity: 12,
  /** As long as there are fewer states than this, every thread may begin another piece of work. */
  limit: 16,
  /** The first state of the next level, and where this turn ends: at most there. */
  levelEnd: 20,
  until: 24,
  /** Which part of a search with several memories this is. */
  part: 28,
  /** 1: the index is empty and all states must be entered. */
  emptied: 32,
  // Words that threads change while others read them lie on lines of the cache of their own.
  /** The number of the next new state; of several threads: of the next block of numbers. */
  count: 128,
  /** The next state to expand. */
  head: 256,
} as const;

const SHARED_BYTES = 384;

/** Offsets of 32-bit words that each thread has for itself, where its own things begin. */
export const OWN = {
  faults: 0,
  /** Bytes of successors made since the driver last cleared it. */
  made: 4,
  batchEnd: 8,
  sink: 12,
  /** The numbers it may give to new states: from `next` on, until `last`. */
  next: 16,
  last: 20,
  /** The states it has taken to expand and not expanded: from `chunk` on, until `chunkEnd`. */
  chunk: 24,
  chunkEnd: 28,
} as const;

const OWN_BYTES = 64;

/** Where everything else starts. Counted from where a thread's own things begin (see `ownAddress`), all but the arena. */
export interface Places {
  /** One byte per step (see `stepNumbers`): 1 when it ran. */
  readonly ran: number;
  readonly busy: number;
  /** One byte per event kind: 1 when a level that is done has met it. */
  readonly met: number;
  /** By event kind that only the level under way has met: the number of the least state at which it did; 0: none. */
  readonly events: number;
  /** Room for `WANTED` states, each with a number behind it. */
  readonly wanted: number;
  /** Successors: a state's words each; in code for edges, and an edge's number. */
  readonly out: number;
  /** By successor of a batch: its hash, and the address of the group of slots it starts at. */
  readonly hashes: number;
  readonly groups: number;
  /** In code for edges, by state of a batch: how many edges it has, and which expressions are true of it. */
  readonly degrees: number;
  readonly marks: number;
  /**
   * Of a search with several memories: per part, the end of what lies in the box, and the box: successors, each with its hash behind it.
   * The box of the part that the memory belongs to is where what is brought to it is copied.
   */
  readonly boxEnds: number;
  readonly boxes: number;
  readonly boxBytes: number;
  /** Bytes of all this: from one thread's to the next one's. */
  readonly stride: number;
  /** State 0 is here, behind all threads' own things; it is not used, so that 0 can mean "empty" in the index. */
  readonly arena: number;
}

/** What the code can do. Addresses and ends are byte addresses. */
export interface KernelExports {
  /** Of a thread by itself: expand states from `head` until `until`, or until there are `limit` states. Returns the next head. */
  run?(head: number, until: number, limit: number): number;
  /**
   * Of one thread of several: expand the states it has taken, then take more, as long as it may (0: it may not), there is room, and the turn
   * has more. Returns 1 when a box is full, else 0.
   */
  work?(mayTake: number): number;
  /** Of one thread of several, while the others rest: give a state the unused number `to`, below its own. */
  move?(from: number, to: number): void;
  /** Insert the successors from `out` to `end`, at most a batch. */
  flush(end: number): void;
  /** Note in wanted states (from `places.wanted` to `wantedEnd`) which state leads there: of those from `head` until `until`, and the one noted before, the least. */
  seek(head: number, until: number, wantedEnd: number): void;
  /** Of a search with several memories: insert the states that lie from `at` to `end`, as in a box. */
  absorb?(at: number, end: number): void;
  /** Of a search with several memories: the part that the state whose words are at an address belongs to. */
  partOf?(address: number): number;
  /** Enter into the index those of the states from `id` until `until`, at most `BATCH`, whose first groups lie from `low` up to `high`. */
  enter(id: number, until: number, low: number, high: number): void;
  /** The number of the state whose words are at an address, or 0. */
  find(address: number): number;
  /** Write a stored state's words to `out`. */
  unpack(id: number): void;
  /** Bring the words at an address into canonical form. */
  canonical(address: number): void;
}

/** What code for edges can do. */
export interface EdgeExports {
  /** Find the edges of the states from `head` until `until`; see `defineLink`. */
  link(head: number, until: number): number;
}

/** The code for one model, and what its numbers mean. */
export interface KernelCode {
  readonly module: CompiledModule;
  readonly places: Places;
  /** How many memories the states are divided among. */
  readonly parts: number;
  /** How many threads may use a memory. */
  readonly threads: number;
  /** Is it for threads that work in one memory at the same time? */
  readonly together: boolean;
  /** Words of a state. */
  readonly words: number;
  /** Bytes of a stored state. */
  readonly recordBytes: number;
  readonly steps: number;
  readonly busySites: readonly BusySite[];
  readonly eventKinds: readonly EventKind[];
  /** Of code for edges: the moves by number, and how many permutations there can be. */
  readonly edges: readonly (readonly LoweredMove[])[];
  readonly permutations: number;
  /** At most this many successors has one state. */
  readonly branching: number;
  /** How many successors are collected before they are looked up. */
  readonly batch: number;
  /** How many states one of several threads takes at most at once. */
  readonly chunk: number;
}

/** Room in a box of a search with several memories, in successors. */
const BOX = 1 << 13;

/** How many numbers of new states one of several threads takes at once. */
export const BLOCK = 64;

/** One of several threads takes states to expand in pieces of which at most about so many successors come. */
const CHUNK_SUCCESSORS = 1 << 14;

export const chunkOf = (branching: number): number =>
  Math.max(8, Math.min(1024, Math.floor(CHUNK_SUCCESSORS / Math.max(1, branching))));

/** A piece is at most so small a share of what is left of the turn, by thread. */
export const SHARES = 4;

/**
 * How many states one thread can add to a memory since it last saw that there was room there: what keeps it from overflowing. Of several
 * memories it may have a piece of each under way, put off because a box was full, and all that comes of them may belong to this one, as may
 * what is in the box that it fills meanwhile.
 */
export function reserveOf(code: Pick<KernelCode, "together" | "parts" | "batch" | "branching" | "chunk">): number {
  const { together, parts, batch, branching, chunk } = code;
  const piece = batch + branching + 1;
  if (!together) return piece;
  return parts * chunk * branching + piece + BLOCK + (parts === 1 ? 0 : BOX + piece);
}

/** Bytes of a successor in a box. */
export const boxedBytes = (words: number): number => 4 * (words + 1);

/** The index is probed by groups of four slots. */
export const GROUP_BYTES = 16;

/** How many successors are looked up at once. With several memories as many times more are collected as there are. */
export const BATCH = 128;

/** Of how many states the parents are sought at once. */
export const WANTED = 32;

const aligned = (address: number): number => Math.ceil(address / 128) * 128;

/** Lay out the memory of so many threads. */
export function placesOf(sizes: {
  steps: number;
  busy: number;
  events: number;
  batch: number;
  words: number;
  parts: number;
  threads: number;
}): Places {
  const ran = OWN_BYTES;
  const busy = ran + sizes.steps;
  const met = busy + sizes.busy;
  const events = aligned(met + sizes.events);
  const wanted = aligned(events + 4 * sizes.events);
  const out = aligned(wanted + 4 * (sizes.words + 1) * WANTED);
  const hashes = aligned(out + 4 * (sizes.words + 1) * sizes.batch);
  const groups = aligned(hashes + 4 * sizes.batch);
  const degrees = aligned(groups + 4 * sizes.batch);
  const marks = aligned(degrees + 4 * BATCH);
  const boxEnds = aligned(marks + 4 * BATCH);
  const boxes = aligned(boxEnds + 4 * sizes.parts);
  const boxBytes = sizes.parts === 1 ? 0 : boxedBytes(sizes.words) * (BOX + sizes.batch);
  const stride = aligned(boxes + sizes.parts * boxBytes);
  const arena = SHARED_BYTES + sizes.threads * stride;
  return {
    ran,
    busy,
    met,
    events,
    wanted,
    out,
    hashes,
    groups,
    degrees,
    marks,
    boxEnds,
    boxes,
    boxBytes,
    stride,
    arena,
  };
}

/** Where in the memory a thread's own things begin. */
export const ownAddress = ({ stride }: Pick<Places, "stride">, thread: number): number =>
  SHARED_BYTES + thread * stride;

/** What a memory for this code must have at least, in pages of 64 KiB. */
export const leastPages = (places: Places): number => Math.ceil(places.arena / 65536);
