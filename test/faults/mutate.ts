/** Faults put into a Model: steps found by what they are, changed in one respect. */
import {
  type BoolExpr,
  bool,
  type Effect,
  type Expr,
  type Label,
  type Model,
  type Step,
} from "../../src/language/index.ts";

/** Which steps: each given field must be equal; `writes` is a variable that the step assigns. */
export interface Where {
  readonly process?: string;
  readonly label?: string;
  readonly leaf?: string;
  readonly action?: string;
  readonly mode?: string;
  readonly result?: string;
  readonly note?: string;
  readonly writes?: string;
  readonly next?: string;
}

/** What becomes of a step: other steps in its place, and labels that they need. */
export interface Changed {
  readonly steps: readonly Step[];
  readonly labels?: readonly Label[];
}
export type Change = (step: Step, label: Label) => Changed;

function writes(effects: readonly Effect[], name: string): boolean {
  return effects.some(
    (effect) =>
      (effect.kind === "set" && effect.name === name) ||
      (effect.kind === "if" && (writes(effect.then, name) || writes(effect.else, name))),
  );
}

function matches(where: Where, process: string, label: string, step: Step): boolean {
  const { leaf, action, mode, result, note } = step.meta;
  const found: Where = {
    process,
    label,
    next: step.next,
    ...step.meta,
    ...{ leaf, action, mode, result, note },
  } as Where;
  return Object.entries(where).every(([field, wanted]) =>
    field === "writes" ? writes(step.effects, wanted) : found[field as keyof Where] === wanted,
  );
}

/**
 * The model with the change made wherever `where` says.
 *
 * @throws when no step is there: a mutation that mutates nothing must not pass for one that is not found
 */
export function mutated(model: Model, where: Where, change: Change): Model {
  let hits = 0;
  const processes = model.processes.map((type) => {
    const added: Label[] = [];
    const labels = type.labels.map((label): Label => {
      const steps = label.steps.flatMap((step) => {
        if (!matches(where, type.name, label.name, step)) return [step];
        hits++;
        const changed = change(step, label);
        added.push(...(changed.labels ?? []));
        return changed.steps;
      });
      // A label that lost its last step is one where the process stays.
      return { ...label, steps, idle: label.idle || steps.length === 0 };
    });
    return { ...type, labels: [...labels, ...added] };
  });
  if (hits === 0) throw new Error(`${model.name} has no step ${JSON.stringify(where)}`);
  return reachable({ ...model, processes });
}

/** Without labels to which no step leads any more: a model must not have them. */
function reachable(model: Model): Model {
  const processes = model.processes.map((type) => {
    const seen = new Set([type.start]);
    for (const name of seen)
      for (const step of type.labels.find((label) => label.name === name)?.steps ?? []) seen.add(step.next);
    return { ...type, labels: type.labels.filter(({ name }) => seen.has(name)) };
  });
  return { ...model, processes };
}

const mapSets = (effects: readonly Effect[], map: (set: Effect & { kind: "set" }) => Effect[]): Effect[] =>
  effects.flatMap((effect): Effect[] => {
    if (effect.kind === "set") return map(effect);
    if (effect.kind === "assert") return [effect];
    // biome-ignore lint/suspicious/noThenProperty: the branch of a conditional effect
    return [{ ...effect, then: mapSets(effect.then, map), else: mapSets(effect.else, map) }];
  });

const one = (step: Step): Changed => ({ steps: [step] });

/** It forgets to write these variables. */
export const forgets =
  (...names: string[]): Change =>
  (step) =>
    one({ ...step, effects: mapSets(step.effects, (set) => (names.includes(set.name) ? [] : [set])) });

/** It writes another value to a variable. */
export const writing =
  (name: string, value: (value: Expr) => Expr): Change =>
  (step) =>
    one({
      ...step,
      effects: mapSets(step.effects, (set) => [set.name === name ? { ...set, value: value(set.value) } : set]),
    });

/** It also does something else. */
export const also =
  (...effects: Effect[]): Change =>
  (step) =>
    one({ ...step, effects: [...step.effects, ...effects] });

/** It does something else instead. */
export const doing =
  (effects: readonly Effect[]): Change =>
  (step) =>
    one({ ...step, effects });

/** It does not look at what it should. */
export const when =
  (guard: BoolExpr): Change =>
  (step) =>
    one({ ...step, guard });
export const unguarded: Change = when(bool(true));

/** It is not there. */
export const missing: Change = () => ({ steps: [] });

/** It goes on elsewhere. */
export const goingTo =
  (next: string): Change =>
  (step) =>
    one({ ...step, next });

/** It is no single atomic instruction: others can act between its look at the word and its write. */
export const torn: Change = (step, label) => {
  const between = `${label.name}, between`;
  const write: Step = { ...step, guard: bool(true), effects: step.effects.flatMap(unconditional) };
  return {
    steps: [{ ...step, effects: [], next: between, meta: { ...step.meta, action: "instruction", result: "" } }],
    labels: [{ name: between, idle: false, holds: null, steps: [write] }],
  };
};

/** The compare is over; what is left is the write. */
const unconditional = (effect: Effect): Effect[] =>
  effect.kind === "if" ? effect.then.flatMap(unconditional) : [effect];

/** The effects of the step that is there. */
export function effectsOf(model: Model, where: Where): readonly Effect[] {
  const found = model.processes.flatMap((type) =>
    type.labels.flatMap((label) => label.steps.filter((step) => matches(where, type.name, label.name, step))),
  );
  if (found[0] === undefined) throw new Error(`${model.name} has no step ${JSON.stringify(where)}`);
  return found[0].effects;
}
