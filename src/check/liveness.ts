/**
 * `leads-to` under fairness, on the stored plain state space: is there a fair run that meets `from` and never `to`? Such a run ends in a
 * state without successors, or stays for ever in a strongly connected set of states that no fairness constraint forbids.
 */
import { SeamlockError } from "../errors.ts";
import {
  apply,
  type Choice,
  enabledMoves,
  type Fairness,
  holds,
  initialState,
  type Layout,
  type Property,
  type Trace,
  traceOf,
} from "../language/index.ts";
import { compileKernel, runOn } from "./kernel.ts";
import type { EdgeExports, KernelCode } from "./kernel-memory.ts";
import { pathTo } from "./path.ts";
import type { Search } from "./search.ts";
import type { Pausing } from "./watch.ts";

export type LeadsTo = Property & { readonly kind: "leads-to" };

/** What the analysis of one property found. */
export interface LivenessResult {
  /** A fair run that breaks the property; null: it holds. */
  readonly trace: Trace | null;
  /** No reachable state satisfies the premise. */
  readonly vacuous: boolean;
}

const MAX_CONSTRAINTS = 31;
/** So many nodes are worked on between two pauses. */
const PIECE = 1 << 12;

/** One fairness constraint for one instance. */
interface Constraint {
  readonly strong: boolean;
  matches(choice: Choice): boolean;
}

function constraintsOf(layout: Layout, fairness: readonly Fairness[]): Constraint[] {
  const found = fairness.flatMap((fair) =>
    layout.instances
      .filter(
        (instance) =>
          instance.type.name === fair.process && (fair.instance === null || instance.instance === fair.instance),
      )
      .map(
        (instance): Constraint => ({
          strong: fair.strength === "strong",
          matches: (choice) =>
            choice.instance === instance && (fair.labels === null || fair.labels.includes(choice.move.label.name)),
        }),
      ),
  );
  if (found.length > MAX_CONSTRAINTS)
    throw new SeamlockError("SL4101", `more than ${MAX_CONSTRAINTS} fairness constraints on one property`);
  return found;
}

const maskOf = (constraints: readonly Constraint[], test: (constraint: Constraint) => boolean): number =>
  constraints.reduce((mask, constraint, i) => (test(constraint) ? mask | (1 << i) : mask), 0);

/** Growable list of integers. */
class Ints {
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

/** The part of the state space that a run can be in after `from` and before `to`: nodes, edges, and what fairness sees of them. */
interface Region {
  /** By node: the state's number. */
  readonly ids: Ints;
  /** By node: the node it was first reached from, or -1; and the edge's move. */
  readonly parent: Ints;
  readonly parentMove: Ints;
  /** By node, and one more: where its edges start. */
  readonly starts: Ints;
  readonly targets: Ints;
  readonly moves: Ints;
  /** By node: constraints that can run there. */
  readonly enabled: Ints;
  /** Nodes without any successor in the whole state space. */
  readonly ends: number[];
}

/** Code that finds the moves out of stored states, and says which states satisfy the premise and the conclusion. */
interface Edges extends EdgeExports {
  readonly code: KernelCode;
}

function edgesOf({ prepared, space }: Search, { from, to }: LeadsTo): Edges {
  const code = compileKernel(prepared.analysis, prepared.packing, prepared.reductions, { edgesFor: [from, to] });
  return { code, ...runOn<EdgeExports>(code.module, space.memory) };
}

/** Explore the region breadth-first from every state that satisfies `from` and not `to`. */
function* explore(
  search: Search,
  edges: Edges,
  edgeMasks: readonly number[],
): Pausing<{ region: Region; premise: boolean }> {
  const { space } = search;
  const { words } = space.code;
  const { out } = edges.code.places;
  const nodeOf = new Int32Array(space.count).fill(-1);
  const region: Region = {
    ids: new Ints(),
    parent: new Ints(),
    parentMove: new Ints(),
    starts: new Ints(),
    targets: new Ints(),
    moves: new Ints(),
    enabled: new Ints(),
    ends: [],
  };
  const add = (id: number, parent: number, move: number): number => {
    const node = region.ids.length;
    nodeOf[id] = node;
    region.ids.push(id);
    region.parent.push(parent);
    region.parentMove.push(move);
    return node;
  };
  let premise = false;
  for (let id = 1; id < space.count; id++) {
    if (id % PIECE === 0) yield;
    space.unpack(id);
    if (edges.test0(out) === 0) continue;
    premise = true;
    if (edges.test1(out) === 0) add(id, -1, -1);
  }
  for (let node = 0; node < region.ids.length; node++) {
    if (node % PIECE === 0) yield;
    region.starts.push(region.targets.length);
    const end = edges.successors(region.ids.at(node));
    let mask = 0;
    for (let at = out; at < end; at += 4 * (words + 1)) {
      const move = space.ints[at / 4 + words] as number;
      mask |= edgeMasks[move] as number;
      if (edges.test1(at) !== 0) continue;
      const id = space.findAt(at);
      const known = nodeOf[id] as number;
      region.targets.push(known >= 0 ? known : add(id, node, move));
      region.moves.push(move);
    }
    region.enabled.push(mask);
    if (end === out) region.ends.push(node);
  }
  region.starts.push(region.targets.length);
  return { region, premise };
}

/** Scratch arrays of Tarjan's algorithm, by node. A depth of 0: not visited. */
interface Scratch {
  readonly index: Int32Array;
  readonly low: Int32Array;
  readonly onStack: Uint8Array;
  /** By node: its next edge to follow. */
  readonly edge: Int32Array;
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

/** What fairness sees of a component: constraints that act inside it, that can run everywhere in it, somewhere in it. */
function summary(
  region: Region,
  component: readonly number[],
  part: Int32Array,
  tag: number,
  edgeMasks: readonly number[],
) {
  let [acts, everywhere, somewhere, edges] = [0, -1, 0, 0];
  for (const node of component) {
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

/** A set of states that a fair run can stay in for ever, or null. Strong constraints that cannot act are met by leaving out where they could. */
function* fairComponent(
  region: Region,
  edgeMasks: readonly number[],
  weak: number,
  strong: number,
): Pausing<{ nodes: number[]; part: Int32Array; tag: number } | null> {
  const size = region.ids.length;
  const part = new Int32Array(size);
  const scratch: Scratch = {
    index: new Int32Array(size),
    low: new Int32Array(size),
    onStack: new Uint8Array(size),
    edge: new Int32Array(size),
  };
  let tags = 0;
  const work: { nodes: number[] | Int32Array; tag: number }[] = [{ nodes: Int32Array.from(part, (_, i) => i), tag: 0 }];
  for (let job = work.pop(); job !== undefined; job = work.pop()) {
    for (const component of yield* components(region, job.nodes, part, job.tag, scratch)) {
      const tag = ++tags;
      for (const node of component) part[node] = tag;
      const { acts, everywhere, somewhere, edges } = summary(region, component, part, tag, edgeMasks);
      if (edges === 0 || (weak & everywhere & ~acts) !== 0) continue;
      const missing = strong & somewhere & ~acts;
      if (missing === 0) return { nodes: component, part, tag };
      const rest = component.filter((node) => (region.enabled.at(node) & missing) === 0);
      if (rest.length === 0) continue;
      const restTag = ++tags;
      for (const node of rest) part[node] = restTag;
      work.push({ nodes: rest, tag: restTag });
    }
  }
  return null;
}

/** Walks inside a component: shortest ways from a node to a goal. */
class Walk {
  readonly moves: number[] = [];
  node: number;
  readonly #region: Region;
  readonly #inside: (node: number) => boolean;

  constructor(region: Region, inside: (node: number) => boolean, start: number) {
    this.#region = region;
    this.#inside = inside;
    this.node = start;
  }

  /** Go to the nearest edge that satisfies `goal`, and along it. */
  along(goal: (edge: number, source: number) => boolean): boolean {
    const region = this.#region;
    const from = new Map<number, { node: number; move: number } | null>([[this.node, null]]);
    for (const node of from.keys()) {
      for (let e = region.starts.at(node); e < region.starts.at(node + 1); e++) {
        const target = region.targets.at(e);
        if (!this.#inside(target)) continue;
        if (goal(e, node)) {
          this.#append(from, node);
          this.moves.push(region.moves.at(e));
          this.node = target;
          return true;
        }
        if (!from.has(target)) from.set(target, { node, move: region.moves.at(e) });
      }
    }
    return false;
  }

  #append(from: ReadonlyMap<number, { node: number; move: number } | null>, to: number): void {
    const way: number[] = [];
    for (let step = from.get(to); step; step = from.get(step.node)) way.push(step.move);
    this.moves.push(...way.reverse());
  }
}

/** A cycle through a fair component that meets every constraint: acts for those that can act, else visits a state where it cannot run. */
function cycle(
  region: Region,
  fair: { nodes: readonly number[]; part: Int32Array; tag: number },
  edgeMasks: readonly number[],
  constraints: number,
  start: number,
): number[] {
  const inside = (node: number) => fair.part[node] === fair.tag;
  const { acts } = summary(region, fair.nodes, fair.part, fair.tag, edgeMasks);
  const walk = new Walk(region, inside, start);
  let met = 0;
  const meet = (bit: number) => {
    if ((met & bit) !== 0) return;
    const before = walk.moves.length;
    if ((acts & bit) !== 0) walk.along((edge) => ((edgeMasks[region.moves.at(edge)] as number) & bit) !== 0);
    else if ((region.enabled.at(walk.node) & bit) !== 0)
      walk.along((edge) => (region.enabled.at(region.targets.at(edge)) & bit) === 0);
    for (const move of walk.moves.slice(before)) met |= edgeMasks[move] as number;
  };
  for (let bit = 1; bit !== 0 && bit <= constraints; bit <<= 1) if ((constraints & bit) !== 0) meet(bit);
  if (walk.moves.length === 0 || walk.node !== start) walk.along((edge) => region.targets.at(edge) === start);
  return walk.moves;
}

/** The way inside the region from where it was entered to a node, and the number of the state where it was entered. */
function stemTo(region: Region, node: number): { entry: number; moves: number[] } {
  const moves: number[] = [];
  let at = node;
  for (; region.parent.at(at) >= 0; at = region.parent.at(at)) moves.push(region.parentMove.at(at));
  return { entry: region.ids.at(at), moves: moves.reverse() };
}

/** Decide one property. `search` must have explored the plain state space completely. */
export function* checkLeadsTo(search: Search, property: LeadsTo): Pausing<LivenessResult> {
  const { prepared } = search;
  const { layout } = prepared;
  const edges = edgesOf(search, property);
  const constraints = constraintsOf(layout, property.fairness);
  const edgeMasks = edges.code.edges.map(([lowered]) =>
    maskOf(constraints, (constraint) => lowered !== undefined && constraint.matches(lowered)),
  );
  const { region, premise } = yield* explore(search, edges, edgeMasks);
  if (!premise) return { trace: null, vacuous: true };
  const choice = (move: number): Choice => edges.code.edges[move]?.[0] as Choice;
  const run = function* (node: number, loop: readonly number[]): Pausing<LivenessResult> {
    const { entry, moves } = stemTo(region, node);
    const stem = [...(yield* pathTo(search, entry)).choices, ...moves.map(choice)];
    const choices = [...stem, ...loop.map(choice)];
    verify(layout, property, choices, loop.length === 0 ? null : stem.length, constraints);
    return { trace: traceOf(layout, choices, loop.length === 0 ? null : stem.length), vacuous: false };
  };
  const [end] = region.ends;
  if (end !== undefined) return yield* run(end, []);
  const weak = maskOf(constraints, ({ strong }) => !strong);
  const strong = maskOf(constraints, (constraint) => constraint.strong);
  const fair = yield* fairComponent(region, edgeMasks, weak, strong);
  if (fair === null) return { trace: null, vacuous: false };
  const start = fair.nodes.reduce((best, node) => Math.min(best, node));
  return yield* run(start, cycle(region, fair, edgeMasks, weak | strong, start));
}

/** The moves that can be made without a fault: a step that fails ends the run, so fairness does not ask for it. */
const completing = (layout: Layout, state: readonly number[]): Choice[] =>
  enabledMoves(layout, state).filter(({ instance, move }) => apply(layout, state, instance, move).fault === null);

/** Replay a lasso with the interpreter, and check that it is one, that it is fair, and that it breaks the property. */
function verify(
  layout: Layout,
  property: LeadsTo,
  choices: readonly Choice[],
  loop: number | null,
  constraints: readonly Constraint[],
): void {
  const states: (readonly number[])[] = [initialState(layout)];
  for (const { instance, move } of choices)
    states.push(apply(layout, states.at(-1) as readonly number[], instance, move).state);
  const last = states.at(-1) as readonly number[];
  const fail = (why: string): never => {
    throw new Error(`the run found for ${property.name} is wrong: ${why}`);
  };
  const since = states.findLastIndex((state) => holds(layout, state, property.to)) + 1;
  if (!states.slice(since).some((state) => holds(layout, state, property.from)))
    fail("the premise is met by no state after the conclusion");
  if (loop === null) {
    if (completing(layout, last).length > 0) fail("it could go on");
    return;
  }
  if (since > loop) fail("the conclusion is met in the loop");
  if ((states[loop] as readonly number[]).join() !== last.join()) fail("the loop does not close");
  const looping = states.slice(loop, -1);
  for (const constraint of constraints) {
    if (choices.slice(loop).some((choice) => constraint.matches(choice))) continue;
    const able = looping.map((state) => completing(layout, state).some((choice) => constraint.matches(choice)));
    if (constraint.strong ? able.some(Boolean) : able.every(Boolean)) fail("it is not fair");
  }
}
