/** `leads-to` under fairness decided another way: greatest fixpoints over an explicit graph, one try per way to meet strong fairness. */
import * as L from "../../src/language/index.ts";
import { explore } from "./naive.ts";

interface Edge {
  readonly to: number;
  readonly choice: L.Choice;
}
type Constraint = { readonly strong: boolean; readonly matches: (choice: L.Choice) => boolean };

function constraints(layout: L.Layout, fairness: readonly L.Fairness[]): Constraint[] {
  return fairness.flatMap((fair) =>
    layout.instances
      .filter(({ type, instance }) => type.name === fair.process && (fair.instance ?? instance) === instance)
      .map((owner) => ({
        strong: fair.strength === "strong",
        matches: (choice: L.Choice) =>
          choice.instance === owner && (fair.labels?.includes(choice.move.label.name) ?? true),
      })),
  );
}

/** Nodes of `zone` from which a node or edge wanted can be reached without leaving the zone. */
function reaching(
  zone: Set<number>,
  graph: readonly Edge[][],
  wanted: (node: number, edge: Edge) => boolean,
): Set<number> {
  const found = new Set<number>();
  for (let grown = true; grown; ) {
    grown = false;
    for (const node of zone) {
      if (found.has(node)) continue;
      const good = graph[node]?.some((edge) => zone.has(edge.to) && (found.has(edge.to) || wanted(node, edge)));
      if (good) {
        found.add(node);
        grown = true;
      }
    }
  }
  return found;
}

/** Is there a run inside the zone that meets every demand for ever? */
function livesForEver(
  start: Set<number>,
  graph: readonly Edge[][],
  demands: readonly ((node: number, edge: Edge) => boolean)[],
): boolean {
  let zone = start;
  for (let size = -1; size !== zone.size; ) {
    size = zone.size;
    for (const demand of [() => true, ...demands]) zone = reaching(zone, graph, demand);
  }
  return zone.size > 0;
}

/** Does every fair run that meets the premise meet the conclusion? */
export function leadsTo(model: L.Model, property: L.Property & { kind: "leads-to" }, limit: number): boolean {
  const layout = L.layoutOf(model);
  const states = [...explore(model, limit).seen.keys()].map((key) => key.split(",").map(Number));
  const number = new Map(states.map((state, i) => [state.join(), i]));
  const graph = states.map((state): Edge[] =>
    L.enabledMoves(layout, state).flatMap((choice) => {
      const after = L.apply(layout, state, choice.instance, choice.move);
      return after.fault === null ? [{ to: number.get(after.state.join()) as number, choice }] : [];
    }),
  );
  const before = (node: number) => !L.holds(layout, states[node] as number[], property.to);
  const zone = new Set<number>();
  const work = states
    .map((_, i) => i)
    .filter((i) => before(i) && L.holds(layout, states[i] as number[], property.from));
  for (const node of work) {
    if (zone.has(node)) continue;
    zone.add(node);
    for (const { to } of graph[node] ?? []) if (before(to)) work.push(to);
  }
  if ([...zone].some((node) => graph[node]?.length === 0)) return false;
  const able = (constraint: Constraint) => (node: number) =>
    graph[node]?.some(({ choice }) => constraint.matches(choice)) ?? false;
  const all = constraints(layout, property.fairness);
  const weak = all
    .filter(({ strong }) => !strong)
    .map((constraint) => (node: number, edge: Edge) => constraint.matches(edge.choice) || !able(constraint)(node));
  const strong = all.filter((constraint) => constraint.strong);
  for (let mask = 0; mask < 2 ** strong.length; mask++) {
    // Meet each strong constraint either by acting for ever or by never being able to act again.
    const never = strong.filter((_, i) => (mask & (1 << i)) !== 0);
    const often = strong.filter((_, i) => (mask & (1 << i)) === 0);
    const kept = new Set([...zone].filter((node) => !never.some((constraint) => able(constraint)(node))));
    const demands = [...weak, ...often.map((constraint) => (_: number, edge: Edge) => constraint.matches(edge.choice))];
    if (livesForEver(kept, graph, demands)) return false;
  }
  return true;
}
