/**
 * Reductions that keep `leads-to`: folding, and instances sorted.
 *
 * **Folding.** A label of an instance is folded when it is safe (`fold.ts`; what premises and conclusions read counts as what
 * properties read) and every property has a constraint, weak or strong, of that instance that covers the label. Then the plain space has a fair run
 * that breaks a property just if the folded one has:
 *
 * - An instance at a safe label can always make a step of that label, and no other. So no fair run has one stay there for ever: the constraint that
 *   covers the label could run from then on and never would. Nor does a run end there.
 * - From plain to folded: make each folded step directly after the step of the same instance before it. It commutes with what others did in
 *   between, since neither reads or writes what the other writes, and no property sees it; each chain of folded steps is finite, for folded labels
 *   make no circle. What comes out has the steps of the first run, each instance's in the same order, and after the same steps that are not folded the
 *   same values wherever others look. It is fair; let a constraint act finitely often in the first run. Weak: there are infinitely many states where it
 *   cannot run. If its instance is at a folded label there, the constraint does not cover that label, and so it cannot run there in the second run
 *   either; if not, it cannot run in the second run after the same steps. Strong: whenever its instance leaves a label that it covers, it
 *   acts. So from some time on the instance is at no such label, or for ever at one, which is not folded; in both runs, and it can run in the one
 *   when it can in the other.
 * - From folded to plain: a folded run is a plain run, and fairness sees nothing in its states between. Others can run there if they can where the
 *   edge ends, for folded steps change nothing that they read. Of the instance itself, take a constraint and a set of states that a run stays in: if the
 *   constraint can run in one of them and the instance ever moves, it leaves that label, so the constraint acts by the first step of an edge; if it
 *   can run in none, or the instance does not move, folded steps could only let it act. So an edge counts as its first step.
 *
 * **Instances sorted.** Those of a process type are, but for those that a premise or conclusion names by number, when every step, premise and
 * conclusion treats them alike (`symmetry.ts`) and every property assumes the same of each. A run of the quotient is one of the plain space with everybody's place followed through the permutations of the edges
 * (`live-numbering.ts`), and has the same length. What is fair to one is then asked of each thread of places, not of each place (`judgeThreads` in
 * `fair-components.ts`; Emerson and Sistla, 1997; Gyuris and Sistla, 1999): a run that goes along all edges of a component, from all places of its
 * threads, is fair just if every thread acts or is as it may be without, since every place is somebody's at any time.
 *
 * Scalar sets are not renumbered: it was sound, and left no state away of any bundled property (docs/engine.md).
 */
import { type Instance, layoutOf, type Model, type ProcessType, type Property } from "../language/index.ts";
import { analyze } from "./analyze.ts";
import { factorial } from "./canonical.ts";
import { assumptionOf } from "./fairness.ts";
import { foldedLabels } from "./fold.ts";
import type { Reductions } from "./kernel-memory.ts";
import type { LeadsTo } from "./liveness.ts";
import { pack } from "./pack.ts";
import type { Prepared } from "./search.ts";
import { type Symmetric, symmetricTypes } from "./symmetry.ts";
import type { Pausing } from "./watch.ts";

/** A property's premise and conclusion, as properties that a safety search sees. */
const seen = ({ name, from, to }: LeadsTo): Property[] => [
  { kind: "sometimes", name: `${name}: premise`, expr: from },
  { kind: "sometimes", name: `${name}: conclusion`, expr: to },
];

/** Does fairness make the instance move on from the label? */
const drives = ({ fairness }: LeadsTo, { type, instance }: Instance, label: number): boolean =>
  fairness.some(
    (fair) =>
      fair.process === type.name &&
      (fair.instance === null || fair.instance === instance) &&
      (fair.labels === null || fair.labels.includes(type.labels[label]?.name ?? "")),
  );

/** Does a property assume the same of each of some instances of the process type? */
const isUniform = ({ fairness }: LeadsTo, { name }: ProcessType, instances: readonly number[]): boolean =>
  fairness
    .filter((fair) => fair.process === name && fair.instance !== null && instances.includes(fair.instance))
    .every((fair) =>
      instances.every((instance) =>
        fairness.some(
          (other) =>
            other.process === name && other.instance === instance && assumptionOf(other) === assumptionOf(fair),
        ),
      ),
    );

/** In so many ways at most may sorting permute instances, those of eight of one type: an edge tells which, in one number with its move. */
const MOST_PERMUTATIONS = 40_320;

/** The instances that are sorted. */
function sortable(watched: Model, properties: readonly LeadsTo[]): Symmetric {
  let permutations = 1;
  const sorted = new Map<number, readonly number[]>();
  for (const [typeIndex, instances] of symmetricTypes(watched)) {
    const type = watched.processes[typeIndex] as ProcessType;
    const more = permutations * factorial(instances.length);
    if (more > MOST_PERMUTATIONS || !properties.every((property) => isUniform(property, type, instances))) continue;
    permutations = more;
    sorted.set(typeIndex, instances);
  }
  return sorted;
}

/** How far a search is reduced: as far as is sound, or only as far as lengths are kept, or not at all. */
export type Reduced = "all" | "keeping lengths" | "not";

/** The properties in groups for which the same instances may be sorted: one that speaks of one instance keeps the others from nothing. */
export function* sortedAlike(model: Model, properties: readonly LeadsTo[]): Pausing<readonly (readonly LeadsTo[])[]> {
  const groups = new Map<string, LeadsTo[]>();
  for (const property of properties) {
    const key = JSON.stringify([...sortable({ ...model, properties: seen(property) }, [property])]);
    groups.set(key, [...(groups.get(key) ?? []), property]);
    yield;
  }
  return [...groups.values()];
}

/** A model made ready for a search on which these properties of it can be decided. */
export function* preparingLiveness(model: Model, properties: readonly LeadsTo[], reduced: Reduced): Pausing<Prepared> {
  const watched = { ...model, properties: properties.flatMap(seen), deadlock: false };
  const layout = layoutOf(watched);
  yield;
  const analysis = yield* analyze(layout);
  const packing = pack(analysis);
  yield;
  const driven = (instance: Instance, label: number) =>
    properties.every((property) => drives(property, instance, label));
  const reductions: Reductions = {
    symmetric: reduced === "not" ? new Map() : sortable(watched, properties),
    scalar: [],
    folded: reduced === "all" ? yield* foldedLabels(analysis, driven) : layout.instances.map(() => new Set<number>()),
  };
  yield;
  return { model: watched, layout, analysis, packing, reductions };
}

/** Are all of some reductions among those that are sound? */
export const within = (reductions: Reductions, sound: Reductions): boolean =>
  [...reductions.symmetric].every(([typeIndex, instances]) =>
    instances.every((instance) => sound.symmetric.get(typeIndex)?.includes(instance)),
  ) &&
  reductions.scalar.length === 0 &&
  reductions.folded.every((labels, i) => [...labels].every((label) => sound.folded[i]?.has(label)));
