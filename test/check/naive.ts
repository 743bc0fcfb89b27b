/** The explorer one would write first: states as strings in a Map, the interpreter as the step function. The yardstick of correctness. */
import {
  apply,
  enabledMoves,
  faultName,
  holds,
  initialState,
  isDeadlock,
  layoutOf,
  type Model,
} from "../../src/language/index.ts";

export interface NaiveResult {
  readonly states: number;
  readonly transitions: number;
  /** Every reachable state, with its depth. */
  readonly seen: ReadonlyMap<string, number>;
  /** Names of what is violated, with the number of steps of the shortest run that shows it. */
  readonly violated: ReadonlyMap<string, number>;
  readonly witnessed: ReadonlySet<string>;
  readonly ran: ReadonlySet<number>;
}

/** Thrown when a model has more states than the limit. */
export class TooLarge extends Error {}

/** Explore a model breadth-first. */
export function explore(model: Model, limit = 200_000): NaiveResult {
  const layout = layoutOf(model);
  const start = initialState(layout);
  const seen = new Map([[start.join(), 0]]);
  const queue = [start];
  const violated = new Map<string, number>();
  const witnessed = new Set<string>();
  const ran = new Set<number>();
  let transitions = 0;
  const violate = (name: string, depth: number) => {
    if (!violated.has(name) || (violated.get(name) as number) > depth) violated.set(name, depth);
  };
  for (const state of queue) {
    const depth = seen.get(state.join()) as number;
    for (const property of model.properties) {
      if (property.kind === "always" && !holds(layout, state, property.expr)) violate(property.name, depth);
      if (property.kind === "sometimes" && holds(layout, state, property.expr)) witnessed.add(property.name);
    }
    if (model.deadlock && isDeadlock(layout, state)) violate("deadlock", depth);
    for (const { instance, move } of enabledMoves(layout, state)) {
      const after = apply(layout, state, instance, move);
      ran.add(move.id);
      if (after.fault !== null) {
        violate(faultName(after.fault), depth + 1);
        continue;
      }
      transitions++;
      const key = after.state.join();
      if (seen.has(key)) continue;
      if (seen.size >= limit) throw new TooLarge();
      seen.set(key, depth + 1);
      queue.push(after.state);
    }
  }
  return { states: seen.size, transitions, seen, violated, witnessed, ran };
}
