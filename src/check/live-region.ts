/** The part of a state space that a run can be in after a property's premise and before its conclusion, explored by distance from the start. */
import type { Graph } from "./graph.ts";
import type { Space } from "./space.ts";
import type { Pausing } from "./watch.ts";

/** So many states are worked on between two pauses. */
export const PIECE = 1 << 14;

/** The bits of a property's premise and conclusion among the marks of a graph. */
export interface PropertyMarks {
  readonly premise: number;
  readonly conclusion: number;
}

/**
 * A state's distance is the least number of steps of a run that ends there and has met the premise, and since then not the conclusion. Steps
 * folded into others do not count.
 */
export interface Region {
  /** By state: its distance plus one; nought or less: it is not in the region. */
  readonly reached: Int32Array;
  /** The states by distance, and by distance where those of it begin. */
  readonly order: Int32Array;
  readonly levels: readonly number[];
  /** The nearest of those that have no successor in the whole state space. */
  readonly ends: readonly number[];
}

/** What no run comes to, for it satisfies the conclusion. */
const CLOSED = -1;

/** Mark the states that no region has. */
function* closing({ marks }: Graph, { conclusion }: PropertyMarks, reached: Int32Array): Pausing<void> {
  for (let id = 1; id < reached.length; id++) {
    if (id % PIECE === 0) yield;
    if (((marks[id] as number) & conclusion) !== 0) reached[id] = CLOSED;
  }
}

/**
 * Explore the region level by level. States that satisfy the premise enter at their own distance from the start, by which the search has
 * numbered its states; what follows in the region is one step farther.
 */
export function* explore(space: Space, graph: Graph, bits: PropertyMarks): Pausing<Region> {
  const { starts, degrees, targets, marks } = graph;
  const { length: count } = starts;
  const reached = new Int32Array(count);
  yield* closing(graph, bits, reached);
  const order = new Int32Array(count);
  const levels: number[] = [];
  const ends: number[] = [];
  let [length, head, source] = [0, 0, 1];
  const add = (id: number, distance: number): void => {
    if (reached[id] !== 0) return;
    reached[id] = distance + 1;
    order[length++] = id;
  };
  const expand = (id: number, distance: number): void => {
    const start = starts[id] as number;
    const end = start + (degrees[id] as number);
    if (start === end && (ends.length === 0 || reached[ends[0] as number] === distance + 1)) ends.push(id);
    for (let edge = start; edge < end; edge++) add(targets[edge] as number, distance + 1);
  };
  while (head < length || source < count) {
    const level = head < length ? (reached[order[head] as number] as number) - 1 : space.levelOf(source);
    while (levels.length <= level) levels.push(head);
    const next = space.levels[level + 1] ?? count;
    for (; source < next; source++) {
      if (source % PIECE === 0) yield;
      if (((marks[source] as number) & bits.premise) !== 0) add(source, level);
    }
    for (const end = length; head < end; head++) {
      if (head % PIECE === 0) yield;
      expand(order[head] as number, level);
    }
  }
  return { reached, order: order.subarray(0, length), levels, ends };
}
