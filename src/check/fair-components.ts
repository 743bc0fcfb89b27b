/** Strongly connected sets of a region that a fair run can stay in for ever: Tarjan's algorithm, and Streett's leaving out. */
import type { Strengths } from "./fairness.ts";
import type { Numbering } from "./live-numbering.ts";
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
export interface Judgement {
  /** No fair run stays in it, nor in a part of it. */
  readonly isUnfair: boolean;
  /** Of its nodes: those that a fair run which stays in it does not come to again and again. */
  isLeft(node: number): boolean;
  /** Of a node: the constraints that act somewhere for whoever is in their places there. */
  acts(node: number): number;
}

/** `part` must have the component's tag at its nodes and at no other. */
export function judge(net: Net, component: Component, part: Int32Array): Judgement {
  return net.numbering.isSorted ? judgeThreads(net, component, part) : judgePlain(net, component, part);
}

/** A region, and what fairness sees in it. */
export interface Net {
  readonly region: Region;
  /** By move: the constraints that its edges act for. */
  readonly edgeMasks: readonly number[];
  readonly strengths: Strengths;
  readonly numbering: Numbering;
}

function judgePlain({ region, edgeMasks, strengths }: Net, { nodes, tag }: Component, part: Int32Array): Judgement {
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
  const missing = strengths.strong & somewhere & ~acts;
  return {
    isUnfair: edges === 0 || (strengths.weak & everywhere & ~acts) !== 0,
    isLeft: (node) => (region.enabled.at(node) & missing) !== 0,
    acts: () => acts,
  };
}

const [ACTS, RUNS, RESTS] = [1, 2, 4];

/**
 * The same where instances are sorted. What a constraint sees is a thread: its instance's places along a run, which the edges' permutations tell. A
 * node and a constraint's bit are a place of a thread; edges join places, and all that are joined can be come to from each other, since going round a
 * loop of the component often enough brings everybody back. Each place of each node is somebody's, so a run that stays in the component must be
 * fair to all that is joined.
 */
function judgeThreads(
  { region, edgeMasks, strengths, numbering }: Net,
  { nodes, tag }: Component,
  part: Int32Array,
): Judgement {
  const bits = 32 - Math.clz32(strengths.weak | strengths.strong);
  const indexOf = new Map(nodes.map((node, i) => [node, i]));
  const joined = Int32Array.from({ length: nodes.length * bits }, (_, i) => i);
  const root = (place: number): number => {
    let at = place;
    for (; joined[at] !== at; at = joined[at] as number) joined[at] = joined[joined[at] as number] as number;
    return at;
  };
  let edges = 0;
  const inner = (visit: (i: number, edge: number, target: number) => void): void =>
    nodes.forEach((node, i) => {
      for (let e = region.starts.at(node); e < region.starts.at(node + 1); e++) {
        const target = region.targets.at(e);
        if (part[target] === tag) visit(i, e, indexOf.get(target) as number);
      }
    });
  inner((i, edge, target) => {
    edges++;
    for (let bit = 0; bit < bits; bit++) {
      const to = target * bits + numbering.bit(region.permutations.at(edge), bit);
      joined[root(i * bits + bit)] = root(to);
    }
  });
  const flags = new Uint8Array(joined.length);
  const flag = (place: number, what: number): void => {
    flags[root(place)] = (flags[root(place)] as number) | what;
  };
  nodes.forEach((node, i) => {
    for (let bit = 0; bit < bits; bit++)
      flag(i * bits + bit, ((region.enabled.at(node) >> bit) & 1) === 1 ? RUNS : RESTS);
  });
  inner((i, edge) => {
    const mask = edgeMasks[region.moves.at(edge)] as number;
    for (let bit = 0; bit < bits; bit++) if (((mask >> bit) & 1) === 1) flag(i * bits + bit, ACTS);
  });
  const maskAt = (node: number, mask: number, test: (flags: number) => boolean): number => {
    let found = 0;
    for (let bit = 0; bit < bits; bit++)
      if (test(flags[root((indexOf.get(node) as number) * bits + bit)] as number)) found |= 1 << bit;
    return found & mask;
  };
  return {
    isUnfair: edges === 0 || nodes.some((node) => maskAt(node, strengths.weak, (is) => is === RUNS) !== 0),
    isLeft: (node) => (maskAt(node, strengths.strong, (is) => (is & ACTS) === 0) & region.enabled.at(node)) !== 0,
    acts: (node) => maskAt(node, -1, (is) => (is & ACTS) !== 0),
  };
}

/** Is it one node that no edge leads back to? Most components are; nobody stays there. */
function isAlone({ starts, targets }: Region, nodes: readonly number[]): boolean {
  const node = nodes[0] as number;
  if (nodes.length > 1) return false;
  for (let e = starts.at(node); e < starts.at(node + 1); e++) if (targets.at(e) === node) return false;
  return true;
}

/**
 * All sets of states that a fair run can stay in for ever, as large as they can be: every loop of a fair run lies in one of them. A component
 * where a strong constraint could run and never acts is taken apart anew without the states where it could.
 */
export function* fairComponents(net: Net): Pausing<FairComponents> {
  const { region } = net;
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
      if (isAlone(region, nodes)) continue;
      const component: Component = { nodes, tag: ++tags };
      for (const node of nodes) part[node] = component.tag;
      const { isUnfair, isLeft } = judge(net, component, part);
      if (isUnfair) continue;
      const rest = nodes.filter((node) => !isLeft(node));
      if (rest.length === nodes.length) {
        found.push(component);
        continue;
      }
      if (rest.length === 0) continue;
      const tag = ++tags;
      for (const node of rest) part[node] = tag;
      work.push({ nodes: rest, tag });
    }
  }
  return { found, part };
}
