/**
 * `leads-to` under fairness, on stored states: is there a fair run that meets `from` and never `to`? Such a run ends in a state without
 * successors, or stays for ever in a strongly connected set of states that no fairness constraint forbids (`live-region.ts`,
 * `fair-components.ts`). The run that is shown (`lasso.ts`) has a shortest stem: no fair run that breaks the property ends, or comes to its
 * loop, after fewer steps, where folded ones do not count. The loop itself is short. Which reductions are sound: `live-reductions.ts`.
 */
import { type Choice, type Property, type Trace, traceOf } from "../language/index.ts";
import { fairComponents } from "./fair-components.ts";
import { constraintsOf, maskOf, strengthsOf } from "./fairness.ts";
import { loopOf, nearest, stemTo, verify } from "./lasso.ts";
import { edgesOf, explore } from "./live-region.ts";
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

/** Decide one property. `search` must have explored its state space completely, with no reductions but those that are sound for the property. */
export function* checkLeadsTo(search: Search, property: LeadsTo): Pausing<LivenessResult> {
  const { layout } = search.prepared;
  const edges = edgesOf(search, property);
  const constraints = constraintsOf(layout, property.fairness);
  // Of the folded steps of an edge fairness sees nothing that it does not see of the first: `live-reductions.ts`.
  const edgeMasks = edges.code.edges.map(([first]) =>
    maskOf(constraints, (constraint) => constraint.matches(first as Choice)),
  );
  const region = yield* explore(search, edges, edgeMasks);
  if (region === null) return { trace: null, vacuous: true };
  const strengths = strengthsOf(constraints);
  const fair = yield* fairComponents(region, edgeMasks, strengths);
  const turn = nearest(search, region, fair);
  if (turn === null) return { trace: null, vacuous: false };
  const { component } = turn;
  const loop = component === null ? [] : loopOf(region, { ...turn, component }, fair.part, edgeMasks, strengths);
  const steps = (moves: readonly number[]): readonly Choice[] =>
    moves.flatMap((move) => edges.code.edges[move] as readonly Choice[]);
  const { entry, moves } = stemTo(region, turn);
  const stem = [...(yield* pathTo(search, entry)).choices, ...steps(moves)];
  const choices = [...stem, ...steps(loop)];
  const loopStart = component === null ? null : stem.length;
  verify(layout, property, choices, loopStart, constraints);
  return { trace: traceOf(layout, choices, loopStart), vacuous: false };
}
