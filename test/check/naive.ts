/** The explorer one would write first: states as strings in a Map, the interpreter as the step function. The yardstick of correctness. */
import {
  apply,
  type Choice,
  conflicts,
  enabledMoves,
  evaluate,
  faultName,
  holds,
  holdsByLabel,
  initialState,
  isBusy,
  isDeadlock,
  type Layout,
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
  /** Each failed try that was met, with whom it met; null: nobody. As JSON of process, leaf, resource, status and holder. */
  readonly busy: ReadonlySet<string>;
}

/** Whom a failed try meets: what every other instance holds where it stands, looked up one by one. */
function met(layout: Layout, state: readonly number[], { instance, move }: Choice): string[] {
  const { leaf = null, resource, lock = resource, status = null, object, mode } = move.step.meta;
  const wanted = object && evaluate({ layout, state, instance, params: move.choices }, object);
  const holders = new Set<string | null>();
  for (const other of layout.instances) {
    if (other === instance) continue;
    const context = { layout, state, instance: other, params: {} };
    for (const hold of holdsByLabel(other.type)[state[other.pc] as number] ?? []) {
      if (hold.resource !== lock || !conflicts(mode, hold.mode)) continue;
      if (wanted !== undefined && hold.object !== null && evaluate(context, hold.object) !== wanted) continue;
      if (hold.when !== null && evaluate(context, hold.when) === 0) continue;
      holders.add(hold.leaf ?? other.type.name);
    }
  }
  if (holders.size === 0) holders.add(null);
  return [...holders].map((holder) => JSON.stringify([move.type.name, leaf, resource, status, holder]));
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
  const busy = new Set<string>();
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
      if (isBusy(move.step)) for (const one of met(layout, state, { instance, move })) busy.add(one);
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
  return { states: seen.size, transitions, seen, violated, witnessed, ran, busy };
}
