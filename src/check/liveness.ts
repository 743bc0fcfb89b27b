/**
 * `leads-to` under fairness, on stored states: is there a fair run that meets `from` and never `to`? Such a run ends in a state without
 * successors, or stays for ever in a strongly connected set of states that no fairness constraint forbids (`live-region.ts`,
 * `fair-components.ts`). The run that is shown (`lasso.ts`) has a shortest stem: no fair run that breaks the property ends, or comes to its
 * loop, after fewer steps, where folded ones do not count. The loop itself is short. Which reductions are sound: `live-reductions.ts`.
 */
import { type Choice, type Instance, type Property, type Trace, traceOf } from "../language/index.ts";
import { fairComponents, type Net } from "./fair-components.ts";
import { constraintsOf, maskOf, strengthsOf } from "./fairness.ts";
import type { KernelCode } from "./kernel-memory.ts";
import { loopOf, nearest, stemTo, verify } from "./lasso.ts";
import { Numbering } from "./live-numbering.ts";
import { edgesOf, explore } from "./live-region.ts";
import { packState } from "./pack.ts";
import { pathTo, type Reached, successors } from "./path.ts";
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

/** Decide one property. `search` must have explored its state space completely, with no reductions but those that are sound for the property. */
export function* checkLeadsTo(search: Search, property: LeadsTo): Pausing<LivenessResult> {
  const { layout } = search.prepared;
  const code = edgesOf(search, property);
  const constraints = constraintsOf(layout, property.fairness);
  // Of the folded steps of an edge fairness sees nothing that it does not see of the first: `live-reductions.ts`.
  const edgeMasks = code.code.edges.map(([first]) =>
    maskOf(constraints, (constraint) => constraint.matches(first as Choice)),
  );
  const numbering = new Numbering(search.prepared, constraints);
  const region = yield* explore(search, code, edgeMasks, numbering);
  if (region === null) return { trace: null, vacuous: true };
  const net: Net = { region, edgeMasks, strengths: strengthsOf(constraints), numbering };
  const fair = yield* fairComponents(net);
  const turn = nearest(search, region, fair);
  if (turn === null) return { trace: null, vacuous: false };
  const { component } = turn;
  const loop = component === null ? [] : loopOf(net, { ...turn, component }, fair.part);
  const { entry, edges } = stemTo(region, turn);
  const { choices, loopStart } = concrete(search, net, code.code.edges, yield* pathTo(search, entry), edges, loop);
  verify(layout, property, choices, loopStart, constraints);
  return { trace: traceOf(layout, choices, loopStart), vacuous: false };
}

/** The steps of a run of the model: those to a state where edges start, then those of the edges and of a loop, made by whoever is in their places. */
function concrete(
  search: Search,
  { region, numbering }: Net,
  moves: KernelCode["edges"],
  from: Reached,
  edges: readonly number[],
  loop: readonly number[],
): { choices: readonly Choice[]; loopStart: number | null } {
  const { prepared, store } = search;
  const { layout, packing } = prepared;
  const choices: Choice[] = [...from.choices];
  let { state } = from;
  let who = numbering.inverse(numbering.sorting(packState(packing, state)));
  const go = (edge: number): void => {
    const actor = layout.instances.indexOf(moves[region.moves.at(edge)]?.[0]?.instance as Instance);
    const instance = layout.instances[numbering.place(who, actor)];
    who = numbering.after(who, region.permutations.at(edge));
    const wanted = numbering.given(store.words(region.ids.at(region.targets.at(edge))), who).join();
    const next = successors(prepared, state).find(
      (reached) => reached.choices[0]?.instance === instance && packState(packing, reached.state).join() === wanted,
    );
    if (next === undefined) throw new Error("an edge of the region is no step of the model");
    choices.push(...next.choices);
    state = next.state;
  };
  edges.forEach(go);
  const loopStart = loop.length === 0 ? null : choices.length;
  loop.forEach(go);
  return { choices, loopStart };
}
