/** The part of a state space that a run can be in after a property's premise and before its conclusion, explored by distance from the start. */
import { compileKernel, runOn } from "./kernel.ts";
import { type EdgeExports, type KernelCode, ownAddress } from "./kernel-memory.ts";
import type { Numbering } from "./live-numbering.ts";
import type { LeadsTo } from "./liveness.ts";
import type { Search } from "./search.ts";
import type { Pausing } from "./watch.ts";

/** So many nodes are worked on between two pauses. */
export const PIECE = 1 << 12;

/** Growable list of integers. */
export class Ints {
  data = new Int32Array(1 << 12);
  length = 0;
  push(value: number): void {
    if (this.length === this.data.length) {
      const larger = new Int32Array(this.data.length * 2);
      larger.set(this.data);
      this.data = larger;
    }
    this.data[this.length++] = value;
  }
  at(i: number): number {
    return this.data[i] as number;
  }
}

/**
 * Nodes, edges, and what fairness sees of them. A node's distance is the least number of steps of a run that ends there and has met the
 * premise, and since then not the conclusion; nodes are numbered in the order of their distance. Steps folded into others do not count.
 */
export interface Region {
  /** By node: the state's number. */
  readonly ids: Ints;
  /** By node: the node it was first reached from, and the edge; or -1 when it satisfies the premise at its own distance from the start. */
  readonly parent: Ints;
  readonly parentEdge: Ints;
  /** By node: its distance. */
  readonly distance: Ints;
  /** By node: 1 when the state satisfies the premise. */
  readonly premise: Ints;
  /** By node, and one more: where its edges start. */
  readonly starts: Ints;
  readonly targets: Ints;
  readonly moves: Ints;
  /** By edge: how its end was permuted; see `Numbering`. */
  readonly permutations: Ints;
  /** By node: constraints that can run there. */
  readonly enabled: Ints;
  /** Nodes without any successor in the whole state space, the nearest first. */
  readonly ends: number[];
}

/** Code that finds the moves out of stored states, and says which states satisfy the premise and the conclusion. */
export interface Edges extends EdgeExports {
  readonly code: KernelCode;
  /** The address of the successors. */
  readonly out: number;
}

export function edgesOf({ prepared, space }: Search, { from, to }: LeadsTo): Edges {
  const { analysis, packing, reductions } = prepared;
  const code = compileKernel(analysis, packing, reductions, { edgesFor: [from, to], threads: space.code.threads });
  const out = ownAddress(code.places, 0) + code.places.out;
  return { code, out, ...runOn<EdgeExports>(code, space.memory) };
}

/** The states that satisfy the premise and not the conclusion, nearest to the start first; and whether any satisfies the premise. */
function* sourcesOf({ space }: Search, edges: Edges): Pausing<{ sources: Ints; premise: boolean }> {
  const { out } = edges;
  const sources = new Ints();
  let premise = false;
  for (let id = 1; id < space.count; id++) {
    if (id % PIECE === 0) yield;
    space.unpack(id);
    if (edges.test0(out) === 0) continue;
    premise = true;
    if (edges.test1(out) === 0) sources.push(id);
  }
  return { sources, premise };
}

const emptyRegion = (): Region => ({
  ids: new Ints(),
  parent: new Ints(),
  parentEdge: new Ints(),
  distance: new Ints(),
  premise: new Ints(),
  starts: new Ints(),
  targets: new Ints(),
  moves: new Ints(),
  permutations: new Ints(),
  enabled: new Ints(),
  ends: [],
});

/**
 * Explore the region level by level. States that satisfy the premise enter at their own distance from the start, which the search left in
 * the order of its states; what follows in the region is one step farther.
 *
 * @returns null when no state satisfies the premise
 */
export function* explore(
  search: Search,
  edges: Edges,
  edgeMasks: readonly number[],
  numbering: Numbering,
): Pausing<Region | null> {
  const { sources, premise } = yield* sourcesOf(search, edges);
  if (!premise) return null;
  const { space } = search;
  const { words } = space.code;
  const { out } = edges;
  const nodeOf = new Int32Array(space.count).fill(-1);
  const region = emptyRegion();
  const add = (id: number, distance: number, parent: number, edge: number): number => {
    const node = region.ids.length;
    nodeOf[id] = node;
    region.ids.push(id);
    region.distance.push(distance);
    region.parent.push(parent);
    region.parentEdge.push(edge);
    region.premise.push(0);
    return node;
  };
  const expand = (node: number): void => {
    region.starts.push(region.targets.length);
    const end = edges.successors(region.ids.at(node));
    let mask = 0;
    for (let at = out; at < end; at += 4 * (words + 1)) {
      const move = space.ints[at / 4 + words] as number;
      mask |= edgeMasks[move] as number;
      if (edges.test1(at) !== 0) continue;
      region.permutations.push(numbering.sorting(space.ints, at / 4));
      if (numbering.isSorted) space.canonicalAt(at);
      const id = space.findAt(at);
      const known = nodeOf[id] as number;
      region.targets.push(known >= 0 ? known : add(id, region.distance.at(node) + 1, node, region.moves.length));
      region.moves.push(move);
    }
    region.enabled.push(mask);
    if (end === out) region.ends.push(node);
  };
  let [node, source] = [0, 0];
  while (node < region.ids.length || source < sources.length) {
    // Nothing left of this level and the next: go on where the next premise is met.
    const level = node < region.ids.length ? region.distance.at(node) : space.levelOf(sources.at(source));
    for (; source < sources.length && space.levelOf(sources.at(source)) <= level; source++) {
      const id = sources.at(source);
      const known = nodeOf[id] as number;
      region.premise.data[known >= 0 ? known : add(id, level, -1, -1)] = 1;
    }
    for (const end = region.ids.length; node < end && region.distance.at(node) === level; node++) {
      if (node % PIECE === 0) yield;
      expand(node);
    }
  }
  region.starts.push(region.targets.length);
  return region;
}
