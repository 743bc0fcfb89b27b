/** From a state number back to the steps that lead there. */
import { apply, type Choice, enabledMoves, faultName, initialState, type Layout } from "../language/index.ts";
import { packState } from "./pack.ts";
import type { Finding, Prepared, Search } from "./search.ts";
import type { Pausing } from "./watch.ts";

/** A state reached, and the steps taken to it, the folded ones included. */
export interface Reached {
  readonly state: readonly number[];
  readonly choices: readonly Choice[];
}

const indexOf = (layout: Layout, choice: Choice): number => layout.instances.indexOf(choice.instance);

/** Follow folded labels from a state until no process stands at one. Without folding: the state itself. */
export function foldedSuccessors(
  prepared: Prepared,
  state: readonly number[],
  taken: readonly Choice[] = [],
): Reached[] {
  const { layout, reductions } = prepared;
  const at = layout.instances.findIndex((instance, i) => reductions.folded[i]?.has(state[instance.pc] as number));
  if (at < 0) return [{ state, choices: taken }];
  return enabledMoves(layout, state)
    .filter((choice) => indexOf(layout, choice) === at)
    .flatMap((choice) =>
      foldedSuccessors(prepared, apply(layout, state, choice.instance, choice.move).state, [...taken, choice]),
    );
}

/** All stored successors of a state, with their steps; before they are made canonical. */
export function successors(prepared: Prepared, state: readonly number[]): Reached[] {
  return enabledMoves(prepared.layout, state).flatMap((choice) => {
    const after = apply(prepared.layout, state, choice.instance, choice.move);
    return after.fault === null ? foldedSuccessors(prepared, after.state, [choice]) : [];
  });
}

function sameState(search: Search, id: number, state: readonly number[]): boolean {
  const { packing } = search.prepared;
  const words = packState(packing, state);
  search.store.canonical(words);
  const stored = search.store.words(id);
  return words.every((word, i) => word === stored[i]);
}

/** The numbers of the states from the initial one to `id`. */
function* ancestors(search: Search, id: number): Pausing<number[]> {
  const parents = yield* search.findParents([id]);
  const ids: number[] = [];
  for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) ids.push(at);
  return ids.reverse();
}

/**
 * A run of the model to a stored state. With symmetry, stored states are canonical, so the run ends in the stored state or in one that
 * differs from it by a renumbering of instances.
 */
export function* pathTo(search: Search, id: number): Pausing<{ choices: Choice[]; state: readonly number[] }> {
  const [first, ...rest] = yield* ancestors(search, id);
  const start = foldedSuccessors(search.prepared, initialState(search.prepared.layout)).find(({ state }) =>
    sameState(search, first as number, state),
  );
  if (start === undefined) throw new Error("the search's first state is not an initial state");
  const choices = [...start.choices];
  let { state } = start;
  for (const next of rest) {
    const step = successors(search.prepared, state).find((reached) => sameState(search, next, reached.state));
    if (step === undefined) throw new Error(`no step leads to state ${next} of the search`);
    choices.push(...step.choices);
    state = step.state;
  }
  return { choices, state };
}

/** The run that shows a finding: for a fault, the failing step comes last. */
export function* pathOf(search: Search, finding: Finding): Pausing<Choice[]> {
  const { choices, state } = yield* pathTo(search, finding.id);
  if (finding.kind !== "assertion" && finding.kind !== "range") return choices;
  return [...choices, failingStep(search.prepared.layout, state, finding)];
}

function failingStep(layout: Layout, state: readonly number[], finding: Finding): Choice {
  // Folded steps cannot fail, so the failing step is the first one; another instance may be the one that fails here, by symmetry.
  const failing = enabledMoves(layout, state).find((choice) => {
    const { fault } = apply(layout, state, choice.instance, choice.move);
    return fault !== null && faultName(fault) === finding.property;
  });
  if (failing === undefined) throw new Error(`no step fails with ${finding.property}`);
  return failing;
}
