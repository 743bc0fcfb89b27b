/** Runs that break a `leads-to`: the nearest one of a region, a short loop for it, and its check by the interpreter. */
import { apply, type Choice, enabledMoves, holds, initialState, type Layout } from "../language/index.ts";
import { type Component, type FairComponents, summary } from "./fair-components.ts";
import type { Constraint, Strengths } from "./fairness.ts";
import type { Region } from "./live-region.ts";
import type { LeadsTo } from "./liveness.ts";
import type { Search } from "./search.ts";

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

/**
 * Of all fair runs of a region, one that ends or comes to its loop after the fewest steps from the start of the model; null: there is none.
 * Where the premise can be met in the loop, the way there is the shortest to any state of it; else it is the way through the region.
 */
export function nearest({ space }: Search, region: Region, { found }: FairComponents): Turn | null {
  const turns: Turn[] = [];
  const [end] = region.ends;
  if (end !== undefined)
    turns.push({ node: end, steps: region.distance.at(end), component: null, premiseInLoop: false });
  for (const component of found) {
    const { nodes } = component;
    // Nodes are numbered by their distance in the region, states by that from the start.
    const inRegion = nodes.reduce((best, node) => Math.min(best, node));
    turns.push({ node: inRegion, steps: region.distance.at(inRegion), component, premiseInLoop: false });
    if (!nodes.some((node) => region.premise.at(node) !== 0)) continue;
    const node = nodes.reduce((best, one) => (region.ids.at(one) < region.ids.at(best) ? one : best));
    turns.push({ node, steps: space.levelOf(region.ids.at(node)), component, premiseInLoop: true });
  }
  return turns.reduce<Turn | null>((best, turn) => (best === null || turn.steps < best.steps ? turn : best), null);
}

/** A walk from a node to the nearest edge inside a component that satisfies a goal, and along it: its edges. */
function walkTo(
  region: Region,
  inside: (node: number) => boolean,
  start: number,
  goal: (edge: number) => boolean,
): number[] {
  const from = new Map<number, { node: number; edge: number } | null>([[start, null]]);
  for (const node of from.keys()) {
    for (let edge = region.starts.at(node); edge < region.starts.at(node + 1); edge++) {
      const target = region.targets.at(edge);
      if (!inside(target)) continue;
      if (goal(edge)) {
        const way = [edge];
        for (let step = from.get(node); step; step = from.get(step.node)) way.push(step.edge);
        return way.reverse();
      }
      if (!from.has(target)) from.set(target, { node, edge });
    }
  }
  throw new Error("a component is not strongly connected");
}

/** The bit beside those of the constraints: the premise. */
const PREMISE = 1 << 31;

/**
 * The moves of a loop that meets every constraint: a step of each that can act, a state without one for each that cannot. It goes to whatever is
 * nearest of what is still to be met, again and again, and then back; what it went round without need is left out. So it is short, but a
 * shorter one may exist.
 */
export function loopOf(
  region: Region,
  { node: start, component, premiseInLoop }: Turn & { readonly component: Component },
  part: Int32Array,
  edgeMasks: readonly number[],
  { weak, strong }: Strengths,
): number[] {
  const { acts } = summary(region, component, part, edgeMasks);
  const wanted = weak | strong | (premiseInLoop ? PREMISE : 0);
  // A weak constraint is also met where it cannot run; a strong one only if it can run nowhere or acts.
  const metAt = (node: number): number =>
    (~region.enabled.at(node) & (weak | (strong & ~acts))) | (region.premise.at(node) !== 0 ? PREMISE : 0);
  const metBy = (edge: number): number => (edgeMasks[region.moves.at(edge)] as number) | metAt(region.targets.at(edge));
  const met = (edges: readonly number[]): number => edges.reduce((mask, edge) => mask | metBy(edge), metAt(start));
  const inside = (node: number): boolean => part[node] === component.tag;
  const edges: number[] = [];
  const here = (): number => (edges.length === 0 ? start : region.targets.at(edges.at(-1) as number));
  for (let missing = wanted & ~met([]); missing !== 0; missing = wanted & ~met(edges))
    edges.push(...walkTo(region, inside, here(), (edge) => (metBy(edge) & missing) !== 0));
  if (edges.length === 0 || here() !== start)
    edges.push(...walkTo(region, inside, here(), (edge) => region.targets.at(edge) === start));
  return withoutDetours(region, start, edges, (rest) => (wanted & ~met(rest)) === 0).map((edge) =>
    region.moves.at(edge),
  );
}

/** A closed walk without the parts between two visits of a node that it is as good without. */
function withoutDetours(
  region: Region,
  start: number,
  walk: readonly number[],
  isGood: (edges: readonly number[]) => boolean,
): readonly number[] {
  const nodeBefore = (edges: readonly number[], i: number): number =>
    i === 0 ? start : region.targets.at(edges[i - 1] as number);
  let edges = walk;
  for (let i = 0; i < edges.length; i++) {
    for (let end = edges.length; end > i; end--) {
      if (nodeBefore(edges, end) !== nodeBefore(edges, i)) continue;
      const rest = [...edges.slice(0, i), ...edges.slice(end)];
      if (rest.length === 0 || !isGood(rest)) continue;
      edges = rest;
      break;
    }
  }
  return edges;
}

/** The way to where a run turns: the number of a state to go to by the shortest way, and the moves from there inside the region. */
export function stemTo(region: Region, { node, premiseInLoop }: Turn): { entry: number; moves: number[] } {
  const moves: number[] = [];
  let at = node;
  if (!premiseInLoop) for (; region.parent.at(at) >= 0; at = region.parent.at(at)) moves.push(region.parentMove.at(at));
  return { entry: region.ids.at(at), moves: moves.reverse() };
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
