/** How large a model is, told before anything is built from it. */
import { SeamlockError } from "../errors.ts";
import type { Model, ProcessType, Variable } from "../language/index.ts";
import { thousands } from "../text.ts";

/** Parts of a model that the simulator makes code and memory for. */
export interface ModelSize {
  /** Steps of all instances, once for every combination of their choices: a function each. */
  readonly steps: number;
  /** Variables, array elements and places of processes: a number each. */
  readonly slots: number;
}

/**
 * Twice the steps of the largest scenario that the bundled kinds allow. A model of 27,000 steps took a gigabyte and 20 seconds to
 * get ready, since what each try-acquire may meet grows with the square of the processes.
 */
export const LARGEST: ModelSize = { steps: 12_000, slots: 100_000 };

export function modelSize(model: Model): ModelSize {
  const sum = <T>(items: readonly T[], of: (item: T) => number) => items.reduce((total, item) => total + of(item), 0);
  const slots = (variables: readonly Variable[]) => sum(variables, ({ size }) => size ?? 1);
  const steps = ({ count, labels }: ProcessType) =>
    count *
    sum(labels, (label) => sum(label.steps, ({ choose }) => choose.reduce((product, { size }) => product * size, 1)));
  return {
    steps: sum(model.processes, steps),
    slots: slots(model.variables) + sum(model.processes, (type) => type.count * (1 + slots(type.locals))),
  };
}

/**
 * Says so when a model is too large to simulate, before anything is built.
 *
 * @throws SeamlockError SL5201
 */
export function checkSize(model: Model, largest: ModelSize = LARGEST): void {
  const size = modelSize(model);
  const counted = (n: number, what: string) => `${thousands(n)} ${what}`;
  const over =
    size.steps > largest.steps
      ? `${counted(size.steps, "steps")}, and the simulator takes ${counted(largest.steps, "at most")}`
      : size.slots > largest.slots
        ? `${counted(size.slots, "variables")}, and the simulator takes ${counted(largest.slots, "at most")}`
        : null;
  if (over === null) return;
  const [most] = [...model.processes].sort((a, b) => b.count - a.count);
  throw new SeamlockError("SL5201", `model ${model.name} is too large to simulate: it has ${over}`, {
    hint: `make it smaller; it has ${model.processes.map(({ name, count }) => `${count} x ${name}`).join(", ")}${most === undefined ? "" : `, so fewer of ${most.name} or fewer choices in its steps`}`,
  });
}
