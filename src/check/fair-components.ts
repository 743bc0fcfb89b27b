/** Strongly connected sets of a region that a fair run can stay in for ever: Tarjan's algorithm, and Streett's leaving out. */
import type { Strengths } from "./fairness.ts";
import { type Graph, NoRoom } from "./graph.ts";
import { type Numbering, UNMOVED } from "./live-numbering.ts";
import { PIECE, type PropertyMarks } from "./live-region.ts";
import type { Pausing } from "./watch.ts";

/** The edges of all states, and what a property and its fairness see in them. */
export class Net {
  readonly graph: Graph;
  readonly marks: PropertyMarks;
  readonly strengths: Strengths;
  readonly numbering: Numbering;
  /** How many bytes there are to judge components. */
  readonly room: number;
  readonly #moveMasks: readonly number[];
  readonly #permutations: number;
  #indices: Int32Array | null = null;

  /** `moveMasks`: by move, the constraints that its edges act for; `permutations`: how many there can be. */
  constructor(
    found: { readonly graph: Graph; readonly marks: PropertyMarks; readonly room: number },
    fairness: { readonly strengths: Strengths; readonly moveMasks: readonly number[] },
    numbering: Numbering,
    permutations: number,
  ) {
    this.graph = found.graph;
    this.marks = found.marks;
    this.room = found.room;
    this.strengths = fairness.strengths;
    this.numbering = numbering;
    this.#moveMasks = fairness.moveMasks;
    this.#permutations = permutations;
  }

  /** The first of a node's edges. */
  start(node: number): number {
    return this.graph.starts[node] as number;
  }
  /** Behind the last of them. */
  end(node: number): number {
    return this.start(node) + (this.graph.degrees[node] as number);
  }
  target(edge: number): number {
    return this.graph.targets[edge] as number;
  }
  /** The number of an edge's move. */
  move(edge: number): number {
    return Math.floor((this.graph.kinds[edge] as number) / this.#permutations);
  }
  /** The constraints that an edge acts for. */
  mask(edge: number): number {
    return this.#moveMasks[this.move(edge)] as number;
  }
  /** How an edge's end was permuted; see `Numbering`. */
  permutation(edge: number): number {
    return this.numbering.numbered((this.graph.kinds[edge] as number) % this.#permutations);
  }
  /** The constraints that can run at a node. */
  enabled(node: number): number {
    let mask = 0;
    for (let edge = this.start(node), end = this.end(node); edge < end; edge++) mask |= this.mask(edge);
    return mask;
  }
  /** By node, room for where it is among those of the component that is looked at. */
  get indices(): Int32Array {
    this.#indices ??= new Int32Array(this.graph.starts.length);
    return this.#indices;
  }
  isPremise(node: number): boolean {
    return ((this.graph.marks[node] as number) & this.marks.premise) !== 0;
  }
  isConclusion(node: number): boolean {
    return ((this.graph.marks[node] as number) & this.marks.conclusion) !== 0;
  }
}

/** A set of nodes, and the tag that they have in `part`. */
export interface Component {
  readonly nodes: Int32Array;
  readonly tag: number;
}

/** A stack of integers. */
class Stack {
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
  get top(): number {
    return this.data[this.length - 1] as number;
  }
  /** Take off all that lie above, and give them. */
  cut(length: number): Int32Array {
    const rest = this.data.slice(length, this.length);
    this.length = length;
    return rest;
  }
}

/** The tag of what is in no component; those of components are below it, and above the numbers of visits. */
const NONE = 2 ** 31 - 1;

/**
 * Strongly connected components by Tarjan's algorithm without recursion, in the form that has one number for each node (Pearce, 2016): nought
 * before it is visited, then the number of the earliest visit that it is known to lead back to, and when its component is found that one's tag. Tags
 * are greater than all visits, so what is found is never led back to.
 */
class Components {
  readonly part: Int32Array;
  /** Does some state satisfy the premise? */
  isMet = false;
  /** Was a node come to that has no edge? */
  hasEnds = false;
  readonly #net: Net;
  readonly #take: (component: Component) => Pausing<void> | null;
  readonly #calls = new Stack();
  readonly #nextEdges = new Stack();
  readonly #visits = new Stack();
  /** Visited, and not the first of their components. */
  readonly #waiting = new Stack();
  #visited = 0;
  #worked = 0;
  #tag = NONE;

  /**
   * `take` is called with each component that has an edge inside, as soon as it is found: what is known of its nodes is still near at hand then.
   * It gives what is to be done before others are sought; null: nothing.
   */
  constructor(net: Net, take: (component: Component) => Pausing<void> | null) {
    this.#net = net;
    this.#take = take;
    this.part = new Int32Array(net.graph.starts.length);
  }

  /** Find the components of the region: of what can be come to from states that satisfy the premise, and not by way of the conclusion. */
  *find(): Pausing<void> {
    yield* this.#close();
    for (let id = 1; id < this.part.length; id++) {
      if (id % PIECE === 0) yield;
      if (this.part[id] === 0 && this.#net.isPremise(id)) yield* this.#explore(id);
    }
  }

  /** Find those of some nodes that were in one and are taken apart anew. */
  *findAgain(nodes: Int32Array): Pausing<void> {
    for (const node of nodes) this.part[node] = 0;
    this.#visited = 0;
    for (const node of nodes) if (this.part[node] === 0) yield* this.#explore(node);
  }

  /** No run comes to a state that satisfies the conclusion. */
  *#close(): Pausing<void> {
    for (let id = 1; id < this.part.length; id++) {
      if (id % PIECE === 0) yield;
      if (this.#net.isPremise(id)) this.isMet = true;
      if (this.#net.isConclusion(id)) this.part[id] = NONE;
    }
  }

  /** Visit what a node leads to and was not visited. */
  *#explore(root: number): Pausing<void> {
    this.#open(root);
    while (this.#calls.length > 0) {
      if (++this.#worked % PIECE === 0) yield;
      const component = this.#step();
      const work = component === null ? null : this.#take(component);
      if (work !== null) yield* work;
    }
  }

  #open(node: number): void {
    this.part[node] = ++this.#visited;
    this.#calls.push(node);
    this.#visits.push(this.#visited);
    this.#nextEdges.push(this.#net.start(node));
    if (this.#net.start(node) === this.#net.end(node)) this.hasEnds = true;
  }

  /** Go along the edges of the node that was opened last, up to one that leads to a new node, or close it. */
  #step(): Component | null {
    const { part } = this;
    const net = this.#net;
    const node = this.#calls.top;
    let least = part[node] as number;
    for (let edge = this.#nextEdges.top, end = net.end(node); edge < end; edge++) {
      const target = net.target(edge);
      const other = part[target] as number;
      if (other === 0) {
        // It is looked at once more when the new node is closed: then it is known where that leads back to.
        part[node] = least;
        this.#nextEdges.data[this.#nextEdges.length - 1] = edge;
        this.#open(target);
        return null;
      }
      if (other < least) least = other;
    }
    part[node] = least;
    return this.#leave(node);
  }

  #leave(node: number): Component | null {
    const { part } = this;
    const visit = this.#visits.top;
    for (const stack of [this.#calls, this.#visits, this.#nextEdges]) stack.length--;
    if ((part[node] as number) < visit) {
      this.#waiting.push(node);
      return null;
    }
    let length = this.#waiting.length;
    while (length > 0 && (part[this.#waiting.data[length - 1] as number] as number) >= visit) length--;
    if (length === this.#waiting.length && this.#isAlone(node)) {
      part[node] = NONE;
      return null;
    }
    this.#waiting.push(node);
    const component = { nodes: this.#waiting.cut(length), tag: --this.#tag };
    for (const member of component.nodes) part[member] = component.tag;
    return component;
  }

  /** Does no edge lead from the node back to it? */
  #isAlone(node: number): boolean {
    const net = this.#net;
    for (let edge = net.start(node), end = net.end(node); edge < end; edge++)
      if (net.target(edge) === node) return false;
    return true;
  }
}

/** What fairness sees of a component; it holds until another one is judged. */
export interface Judgement {
  /** No fair run stays in it, nor in a part of it. */
  readonly isUnfair: boolean;
  /** Of its nodes: those that a fair run which stays in it does not come to again and again. */
  isLeft(node: number): boolean;
  /** Of a node: the constraints that act somewhere for whoever is in their places there. */
  acts(node: number): number;
}

/** What fairness sees of a component which has an edge inside. `part` must have its tag at its nodes and at no other. */
export const judge = (net: Net, component: Component, part: Int32Array, scratch = new Scratch(net.room)): Judgement =>
  judgePlaces(net, component, part) ?? judgeThreads(net, component, part, scratch);

/** Where everybody stays in their places; null: somebody does not. */
function judgePlaces(net: Net, { nodes, tag }: Component, part: Int32Array): Judgement | null {
  const { strong, weak } = net.strengths;
  let [acts, everywhere] = [0, -1];
  for (const node of nodes) {
    let enabled = 0;
    for (let edge = net.start(node), end = net.end(node); edge < end; edge++) {
      const mask = net.mask(edge);
      enabled |= mask;
      if (part[net.target(edge)] !== tag) continue;
      if (net.permutation(edge) !== UNMOVED) return null;
      acts |= mask;
    }
    everywhere &= enabled;
  }
  const missing = strong & ~acts;
  return {
    isUnfair: (weak & everywhere & ~acts) !== 0,
    isLeft: (node) => (net.enabled(node) & missing) !== 0,
    acts: () => acts,
  };
}

const [ACTS, RUNS, RESTS] = [1, 2, 4];

/** Bytes for a place in what a component is judged by. */
const PLACE_BYTES = 5;

/** Room to judge one component after the other: most are small, and there are many. */
class Scratch {
  joined = new Int32Array(0);
  flags = new Uint8Array(0);
  readonly #most: number;

  /** `room`: how many bytes there are. */
  constructor(room: number) {
    this.#most = Math.floor(room / PLACE_BYTES);
  }

  /** Nothing joined, nothing flagged. */
  begin(places: number): void {
    if (this.joined.length < places) {
      if (places > this.#most) throw new NoRoom();
      const length = Math.min(2 * places, this.#most);
      this.joined = new Int32Array(length);
      this.flags = new Uint8Array(length);
    }
    for (let place = 0; place < places; place++) this.joined[place] = place;
    this.flags.fill(0, 0, places);
  }

  root(place: number): number {
    const { joined } = this;
    let at = place;
    for (let next = joined[at] as number; next !== at; next = joined[at] as number) {
      joined[at] = joined[next] as number;
      at = next;
    }
    return at;
  }

  join(one: number, other: number): void {
    this.joined[this.root(one)] = this.root(other);
  }

  flag(place: number, what: number): void {
    this.flags[place] = (this.flags[place] as number) | what;
  }

  /** What any of those that are joined is flagged with, at their root. */
  gather(places: number): void {
    for (let place = 0; place < places; place++) this.flag(this.root(place), this.flags[place] as number);
  }
}

/**
 * The same where sorting moves instances. What a constraint sees is a thread: its instance's places along a run, which the edges' permutations tell. A
 * node and a constraint's bit are a place of a thread; edges join places, and all that are joined can be come to from each other, since going round a
 * loop of the component often enough brings everybody back. Each place of each node is somebody's, so a run that stays in the component must be
 * fair to all that is joined.
 */
function judgeThreads(net: Net, { nodes, tag }: Component, part: Int32Array, scratch: Scratch): Judgement {
  const { strengths, numbering, indices } = net;
  const bits = 32 - Math.clz32(strengths.weak | strengths.strong);
  const places = nodes.length * bits;
  scratch.begin(places);
  for (let i = 0; i < nodes.length; i++) indices[nodes[i] as number] = i;
  for (let i = 0; i < nodes.length; i++) {
    const node = nodes[i] as number;
    let enabled = 0;
    for (let edge = net.start(node), end = net.end(node); edge < end; edge++) {
      const mask = net.mask(edge);
      enabled |= mask;
      const target = net.target(edge);
      if (part[target] !== tag) continue;
      const there = (indices[target] as number) * bits;
      const goes = numbering.bits(net.permutation(edge));
      for (let bit = 0; bit < bits; bit++) {
        scratch.join(i * bits + bit, there + (goes[bit] as number));
        if (((mask >> bit) & 1) === 1) scratch.flag(i * bits + bit, ACTS);
      }
    }
    for (let bit = 0; bit < bits; bit++) scratch.flag(i * bits + bit, ((enabled >> bit) & 1) === 1 ? RUNS : RESTS);
  }
  scratch.gather(places);
  const flagsAt = (node: number, bit: number) =>
    scratch.flags[scratch.root((indices[node] as number) * bits + bit)] as number;
  const maskAt = (node: number, mask: number, test: (flags: number) => boolean): number => {
    let found = 0;
    for (let bit = 0; bit < bits; bit++) if (((mask >> bit) & 1) === 1 && test(flagsAt(node, bit))) found |= 1 << bit;
    return found;
  };
  return {
    // Each thread passes all nodes.
    isUnfair: maskAt(nodes[0] as number, strengths.weak, (flags) => flags === RUNS) !== 0,
    isLeft: (node) => maskAt(node, strengths.strong & net.enabled(node), (flags) => (flags & ACTS) === 0) !== 0,
    acts: (node) => maskAt(node, -1, (flags) => (flags & ACTS) !== 0),
  };
}

/**
 * Can at each node a strong constraint run that no edge inside acts for, nor for any that it may be after others moved into its place? Then no fair run
 * stays, for whoever is in that place never acts. Most components are such, and to see it one need not know who is where.
 */
function isStarved(net: Net, { nodes, tag }: Component, part: Int32Array): boolean {
  let acts = 0;
  for (const node of nodes)
    for (let edge = net.start(node), end = net.end(node); edge < end; edge++)
      if (part[net.target(edge)] === tag) acts |= net.mask(edge);
  const missing = net.strengths.strong & ~net.numbering.orbit(acts);
  return nodes.every((node) => (net.enabled(node) & missing) !== 0);
}

/** What was found of a region. */
export interface Staying {
  /** By node the tag of its component. */
  readonly part: Int32Array;
  /** Does some state satisfy the premise? */
  readonly isMet: boolean;
  /** Is there a state in the region without successors? */
  readonly hasEnds: boolean;
}

/**
 * All sets of states that a fair run can stay in for ever, as large as they can be, which have no node in common: every loop of a fair run lies
 * in one of them. Each is told as soon as it is found, for there may be as many as there are states. A component where a strong constraint could
 * run and never acts is taken apart anew without the states where it could: all that are left of such ones at once, since what did not hang
 * together does not without some of it.
 *
 * @param found gives what is to be done with one before others are sought
 */
export function* fairComponents(net: Net, found: (component: Component) => Pausing<void>): Pausing<Staying> {
  const scratch = new Scratch(net.room);
  const left = new Stack();
  const take = (component: Component): Pausing<void> | null => {
    if (isStarved(net, component, components.part)) return null;
    const { isUnfair, isLeft } = judge(net, component, components.part, scratch);
    if (isUnfair) return null;
    const rest = component.nodes.filter((node) => !isLeft(node));
    if (rest.length === component.nodes.length) return found(component);
    for (const node of rest) left.push(node);
    return null;
  };
  const components = new Components(net, take);
  yield* components.find();
  while (left.length > 0) yield* components.findAgain(left.cut(0));
  return components;
}
