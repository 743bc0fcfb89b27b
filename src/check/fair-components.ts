/** Strongly connected sets of a region that a fair run can stay in for ever: Tarjan's algorithm, and Streett's leaving out. */
import type { Strengths } from "./fairness.ts";
import { PIECE, type Region } from "./live-region.ts";
import type { Pausing } from "./watch.ts";

/** Scratch arrays of Tarjan's algorithm, by node. An index of 0: not visited. */
interface Scratch {
  readonly index: Int32Array;
  readonly low: Int32Array;
  readonly onStack: Uint8Array;
  /** By node: its next edge to follow. */
  readonly edge: Int32Array;
}

/** A set of nodes, and the tag that they have in `part`. */
export interface Component {
  readonly nodes: readonly number[];
  readonly tag: number;
}

/** All the fair components, which have no node in common. A node is in one when `part` has that one's tag. */
export interface FairComponents {
  readonly found: readonly Component[];
  readonly part: Int32Array;
}

/** Strongly connected components of the nodes whose `part` is `wanted`, by Tarjan's algorithm without recursion. */
function* components(
  region: Region,
  nodes: readonly number[] | Int32Array,
  part: Int32Array,
  wanted: number,
  { index, low, onStack, edge }: Scratch,
): Pausing<number[][]> {
  for (const node of nodes) index[node] = 0;
  const stack: number[] = [];
  const found: number[][] = [];
  const call: number[] = [];
  let visited = 0;
  const open = (node: number) => {
    index[node] = low[node] = ++visited;
    edge[node] = region.starts.at(node);
    stack.push(node);
    onStack[node] = 1;
    call.push(node);
  };
  const lower = (node: number, value: number) => {
    if (value < (low[node] as number)) low[node] = value;
  };
  let worked = 0;
  for (const root of nodes) {
    if (index[root] !== 0) continue;
    open(root);
    for (let node = call.at(-1); node !== undefined; node = call.at(-1)) {
      if (++worked % PIECE === 0) yield;
      const at = edge[node] as number;
      if (at < region.starts.at(node + 1)) {
        edge[node] = at + 1;
        const target = region.targets.at(at);
        if (part[target] !== wanted) continue;
        if (index[target] === 0) open(target);
        else if (onStack[target] === 1) lower(node, index[target] as number);
        continue;
      }
      call.pop();
      const parent = call.at(-1);
      if (parent !== undefined) lower(parent, low[node] as number);
      if (low[node] !== index[node]) continue;
      const component: number[] = [];
      for (let member = -1; member !== node; ) {
        member = stack.pop() as number;
        onStack[member] = 0;
        component.push(member);
      }
      found.push(component);
    }
  }
  return found;
}

/** What fairness sees of a component. */
export interface Summary {
  /** Constraints that act on an edge inside it. */
  readonly acts: number;
  /** Constraints that can run in all its states, and in some. */
  readonly everywhere: number;
  readonly somewhere: number;
  /** How many edges lie inside it. */
  readonly edges: number;
}

/** `part` must have the component's tag at its nodes and at no other. */
export function summary(
  region: Region,
  { nodes, tag }: Component,
  part: Int32Array,
  edgeMasks: readonly number[],
): Summary {
  let [acts, everywhere, somewhere, edges] = [0, -1, 0, 0];
  for (const node of nodes) {
    everywhere &= region.enabled.at(node);
    somewhere |= region.enabled.at(node);
    for (let e = region.starts.at(node); e < region.starts.at(node + 1); e++) {
      if (part[region.targets.at(e)] !== tag) continue;
      edges++;
      acts |= edgeMasks[region.moves.at(e)] as number;
    }
  }
  return { acts, everywhere, somewhere, edges };
}

/**
 * All sets of states that a fair run can stay in for ever, as large as they can be: every loop of a fair run lies in one of them. A component
 * where a strong constraint could run and never acts is taken apart anew without the states where it could.
 */
export function* fairComponents(
  region: Region,
  edgeMasks: readonly number[],
  { weak, strong }: Strengths,
): Pausing<FairComponents> {
  const size = region.ids.length;
  const part = new Int32Array(size);
  const scratch: Scratch = {
    index: new Int32Array(size),
    low: new Int32Array(size),
    onStack: new Uint8Array(size),
    edge: new Int32Array(size),
  };
  const found: Component[] = [];
  let tags = 0;
  const work: { nodes: number[] | Int32Array; tag: number }[] = [{ nodes: Int32Array.from(part, (_, i) => i), tag: 0 }];
  for (let job = work.pop(); job !== undefined; job = work.pop()) {
    for (const nodes of yield* components(region, job.nodes, part, job.tag, scratch)) {
      const component: Component = { nodes, tag: ++tags };
      for (const node of nodes) part[node] = component.tag;
      const { acts, everywhere, somewhere, edges } = summary(region, component, part, edgeMasks);
      if (edges === 0 || (weak & everywhere & ~acts) !== 0) continue;
      const missing = strong & somewhere & ~acts;
      if (missing === 0) {
        found.push(component);
        continue;
      }
      const rest = nodes.filter((node) => (region.enabled.at(node) & missing) === 0);
      if (rest.length === 0) continue;
      const tag = ++tags;
      for (const node of rest) part[node] = tag;
      work.push({ nodes: rest, tag });
    }
  }
  return { found, part };
}
