/**
 * `leads-to` under fairness decided another way, by the interpreter's explicit graph: the verdict by greatest fixpoints, one try per way to
 * meet strong fairness; the least distance of a loop or an end by asking of each state whether a fair loop leads through it.
 */
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

/** What is reached from some nodes by edges to nodes that are allowed, with the number of steps; the starts by their own numbers. */
function distances(
  starts: ReadonlyMap<number, number>,
  graph: readonly Edge[][],
  allowed: (node: number) => boolean,
): Map<number, number> {
  const found = new Map(starts);
  for (let changed = true; changed; ) {
    changed = false;
    for (const [node, steps] of found)
      for (const { to } of graph[node] ?? []) {
        if (!allowed(to) || (found.get(to) ?? Infinity) <= steps + 1) continue;
        found.set(to, steps + 1);
        changed = true;
      }
  }
  return found;
}

/** The states that lie on a loop with this one inside a zone, itself included; empty: it lies on none. */
function around(node: number, graph: readonly Edge[][], zone: ReadonlySet<number>): Set<number> {
  const inside = (other: number) => zone.has(other);
  if (!inside(node)) return new Set();
  const after = distances(new Map([[node, 0]]), graph, inside);
  const back = (other: number) =>
    graph[other]?.some(({ to }) => to === node) || distances(new Map([[other, 0]]), graph, inside).has(node);
  const all = [...after.keys()].filter((other) => other !== node && back(other));
  return all.length > 0 || graph[node]?.some(({ to }) => to === node) ? new Set([node, ...all]) : new Set();
}

/** How a property fares: does every fair run that meets the premise meet the conclusion, and if not, after how few steps a run ends or begins its loop. */
export interface Decided {
  readonly holds: boolean;
  readonly stem: number | null;
}

/** Decide a property of a model with few states. */
export function leadsTo(model: L.Model, property: L.Property & { kind: "leads-to" }, limit: number): Decided {
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
  const premise = (node: number) => before(node) && L.holds(layout, states[node] as number[], property.from);
  const fromStart = distances(new Map([[number.get(L.initialState(layout).join()) as number, 0]]), graph, () => true);
  const pending = distances(new Map([...fromStart].filter(([node]) => premise(node))), graph, before);
  const zone = new Set(pending.keys());
  const stems = [...zone].filter((node) => graph[node]?.length === 0).map((node) => pending.get(node) as number);
  let lives = false;
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
    lives ||= livesForEver(kept, graph, demands);
    // A state's loop may go through all that lies on loops with it: if these are together not fair, no loop through it is.
    const rest = new Set(kept);
    for (const node of kept) {
      if (!rest.has(node)) continue;
      const loop = around(node, graph, kept);
      for (const other of loop) rest.delete(other);
      const met = (demand: (node: number, edge: Edge) => boolean) =>
        [...loop].some((one) => graph[one]?.some((edge) => loop.has(edge.to) && demand(one, edge)));
      if (loop.size === 0 || !demands.every(met)) continue;
      for (const one of loop) {
        stems.push(pending.get(one) as number);
        if ([...loop].some(premise)) stems.push(fromStart.get(one) as number);
      }
    }
  }
  const ends = [...zone].some((node) => graph[node]?.length === 0);
  return { holds: !ends && !lives, stem: stems.length === 0 ? null : Math.min(...stems) };
}
