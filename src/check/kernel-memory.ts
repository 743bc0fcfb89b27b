/**
 * What lies where in the linear memory of a search: a control block, flags, events, states whose parents are sought, one batch of
 * successors and their hashes; then the arena, which holds one record per state, and above it the index.
 */
import type { LoweredMove } from "../language/index.ts";
import type { ScalarSymmetry } from "./scalar-symmetry.ts";
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
  /** Process types whose instances are sorted. */
  readonly symmetric: ReadonlySet<number>;
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

/** Byte addresses in the memory. The first four are 32-bit words of the control block. */
export const CONTROL = {
  /** The number of the next new state. */
  count: 0,
  /** Where the index is, and how many groups of slots it has. */
  table: 4,
  groups: 8,
  /** How many bits of a slot hold a state's number; those above it hold bits of its hash. */
  idBits: 12,
  faults: 16,
  /** Successors made since the driver last cleared it. */
  made: 24,
  batchEnd: 28,
  sink: 32,
  /** How many states fit below the index. */
  capacity: 36,
  /** The next state to expand, and the first one of the next level. */
  head: 40,
  levelEnd: 44,
  /** Which part of a divided search this is. */
  part: 48,
  /** Of such a part: as long as it has fewer states than this, another batch fits beside what others may have for it. */
  limit: 52,
  /** 1: there was no memory to grow into. */
  failed: 56,
} as const;

const FLAGS = 64;

/** Where everything else starts. */
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
  /**
   * Of a divided search: per part, the end of what lies in its box, and the box: successors, each with its hash behind it. The part's own
   * box is where what others have for it is copied to.
   */
  readonly boxEnds: number;
  readonly boxes: number;
  readonly boxBytes: number;
  /** State 0 is here; it is not used, so that 0 can mean "empty" in the index. */
  readonly arena: number;
}

/** What the code can do. Addresses and ends are byte addresses. */
export interface KernelExports {
  /** Of an undivided search: expand states from `head` until `until`, or until there are `limit` states. Returns the next head. */
  run?(head: number, until: number, limit: number): number;
  /** Insert the successors from `out` to `end`, at most a batch. */
  flush(end: number): void;
  /** Note in wanted states (from `places.wanted` to `wantedEnd`) which state leads there: of those from `head` until `until`, and the one noted before, the least. */
  seek(head: number, until: number, wantedEnd: number): void;
  /** Of a divided search: expand likewise, until a box is full, and put what belongs to other parts into their boxes. */
  distribute?(head: number, until: number, limit: number): number;
  /** Of a divided search: insert the states that lie from `at` to `end`, as in a box. */
  absorb?(at: number, end: number): void;
  /** Of a divided search: the part that the state whose words are at an address belongs to. */
  partOf?(address: number): number;
  /** Enter into the index the stored states from `id` until `until`, at most `BATCH`, which it does not hold. */
  enter(id: number, until: number): void;
  /** The number of the state whose words are at an address, or 0. */
  find(address: number): number;
  /** Write a stored state's words to `out`. */
  unpack(id: number): void;
  /** Bring the words at an address into canonical form. */
  canonical(address: number): void;
}

/** What code for edges can do. */
export interface EdgeExports {
  /** All successors of a state into `out`, each with its edge's number; returns their end. */
  successors(id: number): number;
  /** Does the state whose words are at an address satisfy the first expression, the second? Zero: no. */
  test0(address: number): number;
  test1(address: number): number;
}

/** The code for one model, and what its numbers mean. */
export interface KernelCode {
  readonly module: CompiledModule;
  readonly places: Places;
  /** Into how many parts the search is divided. */
  readonly parts: number;
  /** Words of a state. */
  readonly words: number;
  /** Bytes of a stored state. */
  readonly recordBytes: number;
  readonly steps: number;
  readonly busySites: readonly BusySite[];
  readonly eventKinds: readonly EventKind[];
  /** The moves that successors of code for edges carry by number. */
  readonly edges: readonly (readonly LoweredMove[])[];
  /** At most this many successors has one state. */
  readonly branching: number;
  /** How many successors are collected before they are looked up. */
  readonly batch: number;
}

/** Room in a box of a divided search, in successors. */
const BOX = 1 << 15;

/** Bytes of a successor in a box. */
export const boxedBytes = (words: number): number => 4 * (words + 1);

/** The index is probed by groups of four slots. */
export const GROUP_BYTES = 16;

/** How many successors are looked up at once. In a divided search as many times more are collected as there are parts. */
export const BATCH = 128;

/** Of how many states the parents are sought at once. */
export const WANTED = 32;

const aligned = (address: number): number => Math.ceil(address / 64) * 64;

/** Lay out the memory. */
export function placesOf(sizes: {
  steps: number;
  busy: number;
  events: number;
  batch: number;
  words: number;
  parts: number;
}): Places {
  const ran = FLAGS;
  const busy = ran + sizes.steps;
  const met = busy + sizes.busy;
  const events = aligned(met + sizes.events);
  const wanted = aligned(events + 4 * sizes.events);
  const out = aligned(wanted + 4 * (sizes.words + 1) * WANTED);
  const hashes = aligned(out + 4 * (sizes.words + 1) * sizes.batch);
  const groups = aligned(hashes + 4 * sizes.batch);
  const boxEnds = aligned(groups + 4 * sizes.batch);
  const boxes = aligned(boxEnds + 4 * sizes.parts);
  const boxBytes = sizes.parts === 1 ? 0 : boxedBytes(sizes.words) * (BOX + sizes.batch);
  const arena = aligned(boxes + sizes.parts * boxBytes);
  return { ran, busy, met, events, wanted, out, hashes, groups, boxEnds, boxes, boxBytes, arena };
}

/** What a memory for this code must have at least, in pages of 64 KiB. */
export const leastPages = (places: Places): number => Math.ceil(places.arena / 65536);
