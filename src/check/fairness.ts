/** Fairness of a property as bit masks: one bit for each constraint and instance. */
import { SeamlockError } from "../errors.ts";
import type { Choice, Fairness, Layout } from "../language/index.ts";

const MAX_CONSTRAINTS = 31;

/** One fairness constraint for one instance. */
export interface Constraint {
  /** Of which instance, by its number in the layout. */
  readonly index: number;
  readonly strong: boolean;
  /** What is assumed of the instance; see `assumptionOf`. */
  readonly assumption: string;
  matches(choice: Choice): boolean;
}

/** What is assumed of an instance, whichever it is: the same text for the same. */
export const assumptionOf = ({ strength, labels }: Pick<Fairness, "strength" | "labels">): string =>
  JSON.stringify([strength, labels === null ? null : [...new Set(labels)].sort()]);

/**
 * What a property assumes, instance by instance; what it says twice only once, so that a constraint of one instance has one like it of
 * another. Throws SL4101 when there are more constraints than a mask has bits.
 */
export function constraintsOf(layout: Layout, fairness: readonly Fairness[]): Constraint[] {
  const all = fairness.flatMap((fair) =>
    layout.instances
      .filter(
        (instance) =>
          instance.type.name === fair.process && (fair.instance === null || instance.instance === fair.instance),
      )
      .map(
        (instance): Constraint => ({
          index: layout.instances.indexOf(instance),
          assumption: assumptionOf(fair),
          strong: fair.strength === "strong",
          matches: (choice) =>
            choice.instance === instance && (fair.labels === null || fair.labels.includes(choice.move.label.name)),
        }),
      ),
  );
  const found = [...new Map(all.map((one) => [`${one.index} ${one.assumption}`, one])).values()];
  if (found.length > MAX_CONSTRAINTS)
    throw new SeamlockError("SL4101", `more than ${MAX_CONSTRAINTS} fairness constraints on one property`);
  return found;
}

/** The bits of the constraints that a test is true of. */
export const maskOf = (constraints: readonly Constraint[], test: (constraint: Constraint) => boolean): number =>
  constraints.reduce((mask, constraint, i) => (test(constraint) ? mask | (1 << i) : mask), 0);

/** Which constraints are weak, which strong. */
export interface Strengths {
  readonly weak: number;
  readonly strong: number;
}

export const strengthsOf = (constraints: readonly Constraint[]): Strengths => ({
  weak: maskOf(constraints, ({ strong }) => !strong),
  strong: maskOf(constraints, ({ strong }) => strong),
});
