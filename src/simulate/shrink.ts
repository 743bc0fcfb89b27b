/**
 * A run made short and easy to follow: steps that have no part in how it ends are left out, and steps of one actor are moved together
 * as far as the run still ends so. What comes out is a run of the model too.
 */
import { initialState, isDeadlock } from "../language/index.ts";
import type { CompiledModel } from "./compile.ts";
import { brokenProperty, faultOf } from "./runner.ts";

/** What the last step of a run must do. */
export type Ending =
  | { readonly kind: "violation"; readonly property: string }
  /** Meet one of these busy sites, by number. */
  | { readonly kind: "busy"; readonly sites: readonly number[] };

/** Work on one run at most; a bound in steps looked at, not in time, so that the outcome is always the same. */
const BUDGET = 3_000_000;
/** Tells whether moves can be made one after another from the start, and end as wanted. */
class Replayer {
  readonly #program: CompiledModel;
  readonly #ending: Ending;
  readonly #start: readonly number[];
  readonly #state: Int32Array;
  readonly #able: Int32Array;
  readonly #owner: Int32Array;
  left = BUDGET;

  constructor(program: CompiledModel, ending: Ending) {
    this.#program = program;
    this.#ending = ending;
    this.#start = initialState(program.layout);
    this.#state = new Int32Array(this.#start.length);
    this.#able = new Int32Array(Math.max(1, program.moves.length));
    this.#owner = ownersOf(program);
  }

  ends(codes: readonly number[]): boolean {
    const program = this.#program;
    const state = this.#state;
    state.set(this.#start);
    const last = codes.length - 1;
    this.left -= codes.length;
    for (let at = 0; at <= last; at++) {
      this.left--;
      const code = codes[at] as number;
      if (!this.#canMake(code)) return false;
      const before = at === last ? this.#met() : 0;
      const fault = faultOf(program, program.fire(code, state));
      const broken = fault ?? brokenProperty(program, state);
      if (at === last) return this.#asWanted(broken, before);
      if (broken !== null) return false;
    }
    // No step at all: the initial state itself may be the violation.
    return this.#ending.kind === "violation" && this.#asWanted(brokenProperty(program, state), 0);
  }

  /** The states before each of the moves, as text. */
  states(codes: readonly number[]): string[] {
    this.#state.set(this.#start);
    return codes.map((code) => {
      const before = this.#state.join();
      this.#program.fire(code, this.#state);
      return before;
    });
  }

  #canMake(code: number): boolean {
    const n = this.#program.enabled(this.#owner[code] as number, this.#state, this.#able);
    for (let k = 0; k < n; k++) if (this.#able[k] === code) return true;
    return false;
  }

  #met(): number {
    const { sites } = this.#ending.kind === "busy" ? this.#ending : { sites: [] };
    return sites.reduce((sum, site) => sum + (this.#program.busy.counts[site] as number), 0);
  }

  #asWanted(broken: string | null, before: number): boolean {
    if (this.#ending.kind === "busy") return this.#met() > before;
    if (this.#ending.property !== "deadlock") return broken === this.#ending.property;
    return broken === null && isDeadlock(this.#program.layout, [...this.#state]);
  }
}

/** By move: the instance that makes it. */
function ownersOf({ moves, layout }: CompiledModel): Int32Array {
  const numbers = new Map(layout.instances.map((instance, i) => [instance, i]));
  return Int32Array.from(moves, ({ instance }) => numbers.get(instance) as number);
}

/** Shrinks a run, given as the codes of its moves. What cannot be made shorter within the budget is returned as it is. */
export function shrink(program: CompiledModel, codes: readonly number[], ending: Ending): number[] {
  const replayer = new Replayer(program, ending);
  if (!replayer.ends(codes)) return [...codes];
  const owner = ownersOf(program);
  const actors = program.layout.instances.map((_, i) => i);
  let best = shortcut(codes, replayer.states(codes));
  for (let before = -1; best.length !== before && replayer.left > 0; ) {
    before = best.length;
    for (const actor of actors) best = withoutLoops(replayer, best, (code) => owner[code] === actor, labelsOf(program));
    best = withoutLoops(replayer, best, () => true, placesOf(program, owner));
  }
  return together(replayer, best, owner);
}

/** The shortest way to the last step among the states that the run went through; a state that comes again is a loop that can go. */
function shortcut(codes: readonly number[], states: readonly string[]): number[] {
  const last = codes.length - 1;
  const steps = new Map<string, number[]>();
  states.forEach((state, i) => {
    const here = steps.get(state) ?? [];
    here.push(i);
    steps.set(state, here);
  });
  const reached = new Map<string, number | null>([[states[0] ?? "", null]]);
  for (const state of reached.keys()) {
    for (const i of steps.get(state) ?? []) {
      const next = states[i + 1];
      if (next !== undefined && !reached.has(next)) reached.set(next, i);
    }
  }
  const way = last < 0 ? [] : [codes[last] as number];
  for (let i = reached.get(states[last] ?? ""); i !== null && i !== undefined; i = reached.get(states[i] ?? ""))
    way.unshift(codes[i] as number);
  return way;
}

/** Where the makers of these moves stand before each of them and after the last; only that much of a state is compared. */
type Standing = (codes: readonly number[]) => readonly (string | number)[];

/** One actor's labels. */
function labelsOf({ moves }: CompiledModel): Standing {
  const label = (code: number) => moves[code]?.move.labelIndex ?? -1;
  return (codes) => [...codes.map(label), moves[codes.at(-1) as number]?.move.nextIndex ?? -1];
}

/** The labels of all of them. */
function placesOf({ moves, layout }: CompiledModel, owner: Int32Array): Standing {
  return (codes) => {
    const labels = layout.instances.map(({ type }) => type.labels.findIndex(({ name }) => name === type.start));
    const places = [labels.join()];
    for (const code of codes) {
      labels[owner[code] as number] = moves[code]?.move.nextIndex ?? -1;
      places.push(labels.join());
    }
    return places;
  };
}

/**
 * Leaves out what leads back to where it began, and what leads nowhere: steps from one place to the next time at that place, or to the end,
 * longest first. Only steps that `mine` names are looked at; others stay.
 */
function withoutLoops(
  replayer: Replayer,
  codes: readonly number[],
  mine: (code: number) => boolean,
  standing: Standing,
): number[] {
  let best = [...codes];
  for (let from = 0; replayer.left > 0; from++) {
    const at = best.flatMap((code, i) => (mine(code) ? [i] : []));
    if (from >= at.length) break;
    const places = standing(at.map((i) => best[i] as number));
    for (let to = at.length; to > from && replayer.left > 0; to--) {
      if (to < at.length && places[to] !== places[from]) continue;
      const block = new Set(at.slice(from, to));
      const shorter = best.filter((_, i) => !block.has(i));
      if (!replayer.ends(shorter)) continue;
      best = shorter;
      from--;
      break;
    }
  }
  return best;
}

/** Moves steps forward to their actor's step before them, wherever that spares a change of actor. */
function together(replayer: Replayer, codes: readonly number[], owner: Int32Array): number[] {
  let best = [...codes];
  const changes = (order: readonly number[]) =>
    order.filter((code, i) => i > 0 && owner[code] !== owner[order[i - 1] as number]).length;
  for (let at = 1; at < best.length && replayer.left > 0; at++) {
    const actor = owner[best[at - 1] as number];
    if (owner[best[at] as number] === actor) continue;
    const next = best.findIndex((code, i) => i > at && owner[code] === actor);
    if (next < 0) continue;
    const moved = [...best.slice(0, at), best[next] as number, ...best.slice(at, next), ...best.slice(next + 1)];
    if (changes(moved) <= changes(best) && replayer.ends(moved)) best = moved;
  }
  return best;
}
