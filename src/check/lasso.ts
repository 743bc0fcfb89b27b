/** Runs that break a `leads-to`: the nearest one of a region, a short loop for it, and its check by the interpreter. */
import { apply, type Choice, enabledMoves, holds, initialState, type Layout } from "../language/index.ts";
import { type Component, judge, type Net } from "./fair-components.ts";
import type { Constraint } from "./fairness.ts";
import { explore, PIECE, type Region } from "./live-region.ts";
import type { LeadsTo } from "./liveness.ts";
import { isLess } from "./pack.ts";
import type { Space } from "./space.ts";
import { type Passed, type Place, walkTo } from "./walk.ts";
import type { Pausing } from "./watch.ts";

/** Where a run that breaks the property ends, or begins to go round. */
export interface Turn {
  readonly node: number;
  /** How many steps lead there. */
  readonly steps: number;
  /** The set of states that it stays in; null: it ends at the node. */
  readonly component: Component | null;
  /** Must the loop meet the premise, which the way to it need not have met? */
  readonly premiseInLoop: boolean;
}

/** Of some nodes, one with the fewest steps; of several the one with the least words, so that no numbers of states decide. */
function first(
  space: Space,
  nodes: Iterable<number>,
  stepsTo: (node: number) => number,
): { node: number; steps: number } {
  let best = { node: -1, steps: Number.POSITIVE_INFINITY };
  let words: Int32Array | null = null;
  for (const node of nodes) {
    const steps = stepsTo(node);
    if (steps > best.steps) continue;
    if (steps === best.steps) {
      words ??= space.words(best.node);
      const others = space.words(node);
      if (!isLess(others, words)) continue;
      words = others;
    } else words = null;
    best = { node, steps };
  }
  return best;
}

/** First those that end, last those whose loop must meet the premise. */
const rankOf = ({ component, premiseInLoop }: Turn): number => (component === null ? 0 : premiseInLoop ? 2 : 1);

/**
 * Of all fair runs of a region, one that ends or comes to its loop after the fewest steps from the start of the model. Where the premise can be
 * met in the loop, the way there is the shortest to any state of it; else it is the way through the region.
 */
export class Nearest {
  readonly #space: Space;
  readonly #net: Net;
  #region: Region | null = null;
  #turn: Turn | null = null;

  constructor(space: Space, net: Net) {
    this.#space = space;
    this.#net = net;
  }

  /** Null: there is none. */
  get turn(): Turn | null {
    return this.#turn;
  }

  /** The region by distance. It is explored for the first run that is found: of a property that holds it is not asked for. */
  *region(): Pausing<Region> {
    this.#region ??= yield* explore(this.#space, this.#net.graph, this.#net.marks);
    return this.#region;
  }

  /** Of those with equally few steps the first kind, then the one whose node has the least words. */
  #offer(turn: Turn): void {
    const space = this.#space;
    const best = this.#turn;
    const difference = best === null ? -1 : turn.steps - best.steps || rankOf(turn) - rankOf(best);
    if (difference < 0 || (difference === 0 && isLess(space.words(turn.node), space.words((best as Turn).node))))
      this.#turn = turn;
  }

  /** Runs can end. */
  *addEnds(): Pausing<void> {
    const { ends, reached } = yield* this.region();
    const nearest = first(this.#space, ends, (node) => (reached[node] as number) - 1);
    this.#offer({ ...nearest, component: null, premiseInLoop: false });
  }

  /** Runs can stay in this component. */
  *add(component: Component): Pausing<void> {
    const { reached } = yield* this.region();
    const space = this.#space;
    const { nodes } = component;
    const { steps = Number.POSITIVE_INFINITY } = this.#turn ?? {};
    // A way through the region is no shorter than the shortest way.
    if (nodes.every((node) => space.levelOf(node) > steps)) return;
    const nearest = first(space, nodes, (node) => (reached[node] as number) - 1);
    this.#offer({ ...nearest, component, premiseInLoop: false });
    if (nodes.some((node) => this.#net.isPremise(node)))
      this.#offer({ ...first(space, nodes, (node) => space.levelOf(node)), component, premiseInLoop: true });
  }
}

/** One number for a node, and who is in each place there. */
const placeOf = ({ node, who }: Place): number => who * 2 ** 32 + node;

/** The bit beside those of the constraints: the premise. */
const PREMISE = 1 << 31;

/**
 * The edges of a loop that meets every constraint: a step of each that can act, a state without one for each that cannot. It goes to whatever is
 * nearest of what is still to be met, again and again, and then back; what it went round without need is left out. So it is short, but a
 * shorter one may exist.
 */
export function* loopOf(
  space: Space,
  net: Net,
  turn: Turn & { readonly component: Component },
  part: Int32Array,
): Pausing<number[]> {
  const { numbering } = net;
  const { weak, strong } = net.strengths;
  const start: Passed = { edge: -1, node: turn.node, who: 0 };
  const acts = judge(net, turn.component, part).acts(start.node);
  const wanted = weak | strong | (turn.premiseInLoop ? PREMISE : 0);
  // A weak constraint is also met where it cannot run; a strong one only if it can run nowhere or acts.
  const metAt = ({ node, who }: Passed): number =>
    (~numbering.mask(who, net.enabled(node)) & (weak | (strong & ~acts))) | (net.isPremise(node) ? PREMISE : 0);
  const metBy = (from: Passed, to: Passed): number => numbering.mask(from.who, net.mask(to.edge)) | metAt(to);
  const inside = (node: number): boolean => part[node] === turn.component.tag;
  const way: Passed[] = [];
  const here = (): Passed => way.at(-1) ?? start;
  let met = metAt(start);
  function* go(goal: (from: Passed, to: Passed) => boolean): Pausing<void> {
    for (const to of yield* walkTo(space, net, inside, here(), goal)) {
      met |= metBy(here(), to);
      way.push(to);
    }
  }
  while ((wanted & ~met) !== 0) yield* go((from, to) => (metBy(from, to) & wanted & ~met) !== 0);
  if (way.length === 0 || placeOf(here()) !== placeOf(start)) yield* go((_, to) => placeOf(to) === placeOf(start));
  return withoutDetours({ start, way, met: metAt(start) }, metBy, wanted).map(({ edge }) => edge);
}

/**
 * A closed walk without the parts between two visits of a place that it is as good without: it still meets what is wanted. `met`: what its
 * start meets by itself.
 */
function withoutDetours(
  { start, way, met }: { readonly start: Passed; readonly way: readonly Passed[]; readonly met: number },
  metBy: (from: Passed, to: Passed) => number,
  wanted: number,
): readonly Passed[] {
  const before = (i: number): Passed => way[i - 1] ?? start;
  // By place: before which steps the walk is there, and at its end.
  const visits = new Map<number, number[]>();
  for (let i = 0; i <= way.length; i++) {
    const known = visits.get(placeOf(before(i)));
    if (known === undefined) visits.set(placeOf(before(i)), [i]);
    else known.push(i);
  }
  // By step: what is met from there on.
  const later = new Int32Array(way.length + 1);
  for (let i = way.length - 1; i >= 0; i--) later[i] = (later[i + 1] as number) | metBy(before(i), way[i] as Passed);
  const kept: Passed[] = [];
  let soFar = met;
  for (let i = 0; i < way.length; i++) {
    const isGood = (next: number) =>
      next > i && kept.length + way.length - next > 0 && (wanted & ~(soFar | (later[next] as number))) === 0;
    i = visits.get(placeOf(before(i)))?.findLast(isGood) ?? i;
    if (i === way.length) break;
    kept.push(way[i] as Passed);
    soFar |= metBy(before(i), way[i] as Passed);
  }
  return kept;
}

/** The way to where a run turns: the number of a state to go to by the shortest way, and the edges from there inside the region. */
export function* stemTo(
  space: Space,
  net: Net,
  region: Region,
  { node, premiseInLoop }: Turn,
): Pausing<{ entry: number; edges: number[] }> {
  const { reached } = region;
  const edges: number[] = [];
  let at = node;
  const isEntry = (distance: number) => net.isPremise(at) && space.levelOf(at) === distance;
  for (let distance = (reached[at] as number) - 1; !premiseInLoop && !isEntry(distance); distance--) {
    const before = yield* leadingTo(space, net, region, { wanted: at, distance: distance - 1 });
    edges.push(before.edge);
    at = before.node;
  }
  return { entry: at, edges: edges.reverse() };
}

/** Of the nodes at a distance that have an edge to a node, the one with the least words; and the first such edge. */
function* leadingTo(
  space: Space,
  net: Net,
  { order, levels }: Region,
  { wanted, distance }: { readonly wanted: number; readonly distance: number },
): Pausing<{ node: number; edge: number }> {
  const edges = new Map<number, number>();
  const end = levels[distance + 1] ?? order.length;
  for (let i = levels[distance] ?? end; i < end; i++) {
    if (i % PIECE === 0) yield;
    const node = order[i] as number;
    for (let edge = net.end(node) - 1; edge >= net.start(node); edge--)
      if (net.target(edge) === wanted) edges.set(node, edge);
  }
  const { node } = first(space, edges.keys(), () => distance);
  return { node, edge: edges.get(node) as number };
}

/** The moves that can be made without a fault: a step that fails ends the run, so fairness does not ask for it. */
const completing = (layout: Layout, state: readonly number[]): Choice[] =>
  enabledMoves(layout, state).filter(({ instance, move }) => apply(layout, state, instance, move).fault === null);

/** Replay a lasso with the interpreter, and check that it is one, that it is fair, and that it breaks the property. */
export function verify(
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
