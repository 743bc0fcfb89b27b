/**
 * `leads-to` under fairness, on stored states: is there a fair run that meets `from` and never `to`? Such a run ends in a state without
 * successors, or stays for ever in a strongly connected set of states that no fairness constraint forbids (`live-region.ts`,
 * `fair-components.ts`). The run that is shown (`lasso.ts`) has a shortest stem: no fair run that breaks the property ends, or comes to its
 * loop, after fewer steps, where folded ones do not count. The loop itself is short. Which reductions are sound: `live-reductions.ts`.
 */
import { type Choice, type Instance, type Property, type Trace, traceOf } from "../language/index.ts";
import { fairComponents, Net } from "./fair-components.ts";
import { constraintsOf, maskOf, strengthsOf } from "./fairness.ts";
import { compileEdges, emptyGraph, type Graph, type GraphSize, graphBytes, MOST_MARKS, NoRoom } from "./graph.ts";
import type { KernelCode } from "./kernel-memory.ts";
import { loopOf, Nearest, stemTo, verify } from "./lasso.ts";
import { Numbering, UNMOVED } from "./live-numbering.ts";
import type { PropertyMarks } from "./live-region.ts";
import { packState } from "./pack.ts";
import { pathTo, type Reached, successors } from "./path.ts";
import type { Search } from "./search.ts";
import { whoAfter } from "./walk.ts";
import type { Pausing } from "./watch.ts";

export type LeadsTo = Property & { readonly kind: "leads-to" };

/** What the analysis of one property found. */
export interface LivenessResult {
  /** A fair run that breaks the property; null: it holds. */
  readonly trace: Trace | null;
  /** No reachable state satisfies the premise. */
  readonly vacuous: boolean;
}

/** The edges of a search's states, and what their numbers mean. */
export interface Edges {
  readonly graph: Graph;
  readonly code: KernelCode;
  /** Bytes that there are beside them, and beside what is always worked with. */
  readonly room: number;
}

/** So many properties can be decided on the same edges. */
export const MOST_AT_ONCE = Math.floor(MOST_MARKS / 2);

/**
 * Find the edges for some properties, at most `MOST_AT_ONCE`. `search` must have explored its state space completely, in one memory, with no
 * reductions but those that are sound for the properties. Throws `NoRoom`, as does what works on the edges.
 *
 * @param room bytes that there are for the edges and what is worked with
 */
export function* edgesFor(search: Search, properties: readonly LeadsTo[], room: number): Pausing<Edges> {
  const { prepared, store } = search;
  const marks = properties.flatMap(({ from, to }) => [from, to]);
  const code = compileEdges(prepared, marks, store.code);
  const { branching, edges, permutations } = code;
  const size: GraphSize = {
    states: store.single.count,
    edges: search.transitions,
    marks: marks.length,
    kinds: edges.length * permutations,
    branching,
  };
  const left = room - graphBytes(size);
  if (left < 0) throw new NoRoom();
  const graph = emptyGraph(size, code.threads > 1);
  yield* store.link(code, graph);
  return { graph, code, room: left };
}

/** Decide one property: of those that the edges were found for, by its number. */
export function* checkLeadsTo(
  search: Search,
  { graph, code, room }: Edges,
  property: LeadsTo,
  number: number,
): Pausing<LivenessResult> {
  const { layout } = search.prepared;
  const marks: PropertyMarks = { premise: 1 << (2 * number), conclusion: 1 << (2 * number + 1) };
  const constraints = constraintsOf(layout, property.fairness);
  const strengths = strengthsOf(constraints);
  // Of the folded steps of an edge fairness sees nothing that it does not see of the first: `live-reductions.ts`.
  const moveMasks = code.edges.map(([move]) => maskOf(constraints, (constraint) => constraint.matches(move as Choice)));
  const numbering = new Numbering(search.prepared, constraints);
  const net = new Net({ graph, marks, room }, { strengths, moveMasks }, numbering, code.permutations);
  const nearest = new Nearest(search.space, net);
  const { part, isMet, hasEnds } = yield* fairComponents(net, (component) => nearest.add(component));
  if (!isMet) return { trace: null, vacuous: true };
  if (hasEnds) yield* nearest.addEnds();
  const { turn } = nearest;
  if (turn === null) return { trace: null, vacuous: false };
  const { component } = turn;
  const loop = component === null ? [] : yield* loopOf(search.space, net, { ...turn, component }, part);
  const { entry, edges } = yield* stemTo(search.space, net, yield* nearest.region(), turn);
  const { choices, loopStart } = concrete(search, net, code.edges, yield* pathTo(search, entry), edges, loop);
  verify(layout, property, choices, loopStart, constraints);
  return { trace: traceOf(layout, choices, loopStart), vacuous: false };
}

/** The steps of a run of the model: those to a state where edges start, then those of the edges and of a loop, made by whoever is in their places. */
function concrete(
  search: Search,
  net: Net,
  moves: KernelCode["edges"],
  from: Reached,
  edges: readonly number[],
  loop: readonly number[],
): { choices: readonly Choice[]; loopStart: number | null } {
  const { prepared, store } = search;
  const { layout, packing } = prepared;
  const { numbering } = net;
  const choices: Choice[] = [...from.choices];
  let { state } = from;
  // Who is in each place: of those that `first` says are where they are named, those that `who` says.
  let first = numbering.inverse(numbering.sorting(packState(packing, state)));
  let who = UNMOVED;
  const go = (edge: number): void => {
    const actor = layout.instances.indexOf(moves[net.move(edge)]?.[0]?.instance as Instance);
    const instance = layout.instances[numbering.place(first, numbering.place(who, actor))];
    who = whoAfter(search.space, net, who, edge);
    const wanted = numbering.given(store.words(net.target(edge)), numbering.composed(first, who)).join();
    const next = successors(prepared, state).find(
      (reached) => reached.choices[0]?.instance === instance && packState(packing, reached.state).join() === wanted,
    );
    if (next === undefined) throw new Error("an edge of the region is no step of the model");
    choices.push(...next.choices);
    state = next.state;
  };
  edges.forEach(go);
  const loopStart = loop.length === 0 ? null : choices.length;
  // The loop was made for those who are in their own places where it begins.
  first = numbering.composed(first, who);
  who = UNMOVED;
  loop.forEach(go);
  return { choices, loopStart };
}
