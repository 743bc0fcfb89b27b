/**
 * The edges between the states of a search, for questions about runs that go on for ever. They are found by all threads of the search: each
 * takes some states, and writes what comes of them to the next free places. So where a state's edges lie is chance, but not what they are, nor in
 * which order.
 */
import type { BoolExpr } from "../language/index.ts";
import { compileKernel, runOn } from "./kernel.ts";
import { BATCH, type EdgeExports, type KernelCode, OWN, ownAddress } from "./kernel-memory.ts";
import type { Prepared } from "./search.ts";
import type { SpaceCode } from "./space.ts";
import type { LinearMemory } from "./wasm.ts";

/** An array of integers as wide as its largest number needs. */
type Narrow = Uint8Array | Uint16Array | Uint32Array;

/** Edges by number, and by state the numbers of its edges: `degrees` from `starts` on. States are numbered from 1. */
export interface Graph {
  /** By state. */
  readonly starts: Int32Array;
  readonly degrees: Narrow;
  /** By state: a bit for each expression that is true of it. */
  readonly marks: Narrow;
  /** By edge: the state it leads to, and its kind: its move times the permutations there can be, plus its end's permutation. */
  readonly targets: Int32Array;
  readonly kinds: Narrow;
}

/** About so many bytes are worked with, by state, once the edges are there: distances, an order, components, what is still to be visited. */
const WORKED_WITH = 40;

/** What a graph must have room for. */
export interface GraphSize {
  /** One more than there are states. */
  readonly states: number;
  readonly edges: number;
  /** How many expressions are asked for, how many kinds of edges there can be, and how many edges a state can have. */
  readonly marks: number;
  readonly kinds: number;
  readonly branching: number;
}

const bytesFor = (largest: number): 1 | 2 | 4 => (largest < 1 << 8 ? 1 : largest < 1 << 16 ? 2 : 4);

const widths = ({ marks, kinds, branching }: GraphSize) => ({
  degrees: bytesFor(branching),
  marks: bytesFor(2 ** marks - 1),
  kinds: bytesFor(kinds - 1),
});

/** Bytes of a graph, and of what is worked with beside it. */
export function graphBytes(size: GraphSize): number {
  const { degrees, marks, kinds } = widths(size);
  return size.states * (4 + degrees + marks + WORKED_WITH) + size.edges * (4 + kinds);
}

/** There is memory, but not within the bound that is set. */
export class NoRoom extends RangeError {}

/** Of how many expressions a graph can say whether they are true of a state. */
export const MOST_MARKS = 30;

/** An empty graph; `isShared`: several threads fill it. Throws a RangeError when there is no memory for it. */
export function emptyGraph(size: GraphSize, isShared: boolean): Graph {
  const { states, edges, kinds } = size;
  // More cannot be counted by the threads, nor numbered.
  if (edges >= 2 ** 31 || kinds > 2 ** 32) throw new RangeError("too many edges");
  const room = (length: number, bytes: number) =>
    isShared ? new SharedArrayBuffer(length * bytes) : new ArrayBuffer(length * bytes);
  const narrow = (length: number, bytes: 1 | 2 | 4): Narrow => {
    const buffer = room(length, bytes);
    return bytes === 1 ? new Uint8Array(buffer) : bytes === 2 ? new Uint16Array(buffer) : new Uint32Array(buffer);
  };
  const bytes = widths(size);
  return {
    starts: new Int32Array(room(states, 4)),
    degrees: narrow(states, bytes.degrees),
    marks: narrow(states, bytes.marks),
    targets: new Int32Array(room(edges, 4)),
    kinds: narrow(edges, bytes.kinds),
  };
}

/** Code that finds the edges of a search's states, and which of some expressions are true of them. */
export const compileEdges = (
  { analysis, packing, reductions }: Prepared,
  marks: readonly BoolExpr[],
  { threads }: Pick<KernelCode, "threads">,
): KernelCode => compileKernel(analysis, packing, reductions, { edgesFor: marks, threads });

/** So many states are taken at once. */
const PIECE = 1 << 12;

/** Words that the threads share: the next state to take, the next free edge, how many helpers have done, and whether one has failed. */
export const LINKS = { next: 0, edges: 1, done: 2, failed: 3 } as const;

/** What a thread needs to work on a graph. */
export interface LinkTask {
  readonly code: Pick<SpaceCode, "module" | "places" | "words">;
  readonly memory: LinearMemory;
  readonly thread: number;
  readonly graph: Graph;
  /** See `LINKS`. */
  readonly shared: Int32Array;
}

/** One of the threads that find edges. */
export class Linker {
  readonly #task: LinkTask;
  readonly #exports: EdgeExports;
  readonly #ints: Int32Array;
  readonly #own: number;

  constructor(task: LinkTask) {
    const { code, memory, thread } = task;
    this.#task = task;
    this.#exports = runOn<EdgeExports>(code, memory, thread);
    this.#ints = new Int32Array(memory.buffer);
    this.#own = ownAddress(code.places, thread);
  }

  /** Take some states, and find their edges; false: none are left. */
  work(): boolean {
    const { graph, shared } = this.#task;
    const { length } = graph.starts;
    const first = Atomics.add(shared, LINKS.next, PIECE);
    if (first >= length) return false;
    const end = Math.min(length, first + PIECE);
    for (let head = first; head < end; ) head = this.#batch(head, Math.min(end, head + BATCH));
    return true;
  }

  #index(place: number): number {
    return (this.#own + place) / 4;
  }

  #batch(head: number, until: number): number {
    const { code, graph, shared } = this.#task;
    const { places, words } = code;
    const ints = this.#ints;
    const next = this.#exports.link(head, until);
    const bytes = (ints[this.#index(OWN.batchEnd)] as number) - this.#own - places.out;
    const edges = bytes / (4 * (words + 1));
    const first = Atomics.add(shared, LINKS.edges, edges);
    if (first + edges > graph.targets.length) throw new Error("the search has counted fewer edges than there are");
    const [targets, kinds] = [this.#index(places.hashes), this.#index(places.groups)];
    for (let i = 0; i < edges; i++) {
      const target = ints[targets + i] as number;
      if (target === 0) throw new Error("an edge leads to a state that the search has not found");
      graph.targets[first + i] = target;
      graph.kinds[first + i] = ints[kinds + i] as number;
    }
    this.#writeStates(head, next, first);
    return next;
  }

  #writeStates(head: number, next: number, firstEdge: number): void {
    const { code, graph } = this.#task;
    const [degrees, marks] = [this.#index(code.places.degrees), this.#index(code.places.marks)];
    let start = firstEdge;
    for (let i = 0; head + i < next; i++) {
      const degree = this.#ints[degrees + i] as number;
      graph.starts[head + i] = start;
      graph.degrees[head + i] = degree;
      graph.marks[head + i] = this.#ints[marks + i] as number;
      start += degree;
    }
  }
}
