/**
 * `leads-to` under fairness, on the stored plain state space: is there a fair run that meets `from` and never `to`? Such a run ends in a
 * state without successors, or stays for ever in a strongly connected set of states that no fairness constraint forbids
 * (`live-region.ts`, `fair-components.ts`). The run that is shown (`lasso.ts`) has a shortest stem: no fair run that breaks the property
 * ends, or comes to its loop, after fewer steps. The loop itself is short.
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

/** Decide one property. `search` must have explored the plain state space completely. */
export function* checkLeadsTo(search: Search, property: LeadsTo): Pausing<LivenessResult> {
  const { layout } = search.prepared;
  const edges = edgesOf(search, property);
  const constraints = constraintsOf(layout, property.fairness);
  const edgeMasks = edges.code.edges.map(([lowered]) =>
    maskOf(constraints, (constraint) => lowered !== undefined && constraint.matches(lowered)),
  );
  const region = yield* explore(search, edges, edgeMasks);
  if (region === null) return { trace: null, vacuous: true };
  const strengths = strengthsOf(constraints);
  const fair = yield* fairComponents(region, edgeMasks, strengths);
  const turn = nearest(search, region, fair);
  if (turn === null) return { trace: null, vacuous: false };
  const { component } = turn;
  const loop = component === null ? [] : loopOf(region, { ...turn, component }, fair.part, edgeMasks, strengths);
  const choice = (move: number): Choice => edges.code.edges[move]?.[0] as Choice;
  const { entry, moves } = stemTo(region, turn);
  const stem = [...(yield* pathTo(search, entry)).choices, ...moves.map(choice)];
  const choices = [...stem, ...loop.map(choice)];
  const loopStart = component === null ? null : stem.length;
  verify(layout, property, choices, loopStart, constraints);
  return { trace: traceOf(layout, choices, loopStart), vacuous: false };
}
