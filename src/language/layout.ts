/**
 * A Model's state as a flat list of slots, and its steps as a flat list of moves. Every engine agrees on these two numberings, which
 * is why a trace found by one can be replayed by another.
 */
import type { Label, Model, ProcessType, Step, Variable, VariableType } from "./types.ts";

/** One scalar of the state: a variable, an array element, or an instance's program counter. */
export interface Slot {
  /** As a person reads it: `pg[0]`, `vcpu[1].k`, `vcpu[1]` for the program counter. */
  readonly display: string;
  readonly type: VariableType | { readonly kind: "pc"; readonly labels: readonly string[] };
  readonly min: number;
  readonly max: number;
  readonly init: number;
  /** Of which lock it is the host-priority bit; absent where it is none. */
  readonly hostPriority?: { readonly resource: string; readonly object: number | null };
}

/** A variable's place: its first slot; elements follow one another. */
export interface VariableSlots {
  readonly variable: Variable;
  readonly slot: number;
}

/** An instance of a process type. */
export interface Instance {
  readonly type: ProcessType;
  readonly typeIndex: number;
  readonly instance: number;
  readonly display: string;
  readonly pc: number;
  readonly locals: ReadonlyMap<string, VariableSlots>;
}

/** A step with its choices made. The same moves serve every instance of the process type. */
export interface Move {
  readonly id: number;
  readonly typeIndex: number;
  readonly labelIndex: number;
  readonly stepIndex: number;
  readonly type: ProcessType;
  readonly label: Label;
  readonly step: Step;
  readonly choices: Readonly<Record<string, number>>;
  readonly nextIndex: number;
}

export interface Layout {
  readonly model: Model;
  readonly slots: readonly Slot[];
  readonly globals: ReadonlyMap<string, VariableSlots>;
  readonly instances: readonly Instance[];
  readonly moves: readonly Move[];
  /** Moves by process type and label. */
  readonly movesAt: readonly (readonly (readonly Move[])[])[];
}

/** The size of an index type's set. */
export function setSize(model: Model, name: string): number {
  const process = model.processes.find((type) => type.name === name);
  return process?.count ?? model.scalarSets.find((set) => set.name === name)?.size ?? 0;
}

/** The smallest and largest value of a type. */
export function typeRange(model: Model, type: VariableType): readonly [number, number] {
  switch (type.kind) {
    case "bool":
      return [0, 1];
    case "int":
      return [type.min, type.max];
    case "enum":
      return [0, type.values.length - 1];
    case "index":
      return [0, setSize(model, type.of) - (type.none ? 0 : 1)];
  }
}

/** Every combination of the step's choices. */
function combinations(choose: Step["choose"]): Record<string, number>[] {
  let found: Record<string, number>[] = [{}];
  for (const { param, size } of choose) {
    found = found.flatMap((chosen) => Array.from({ length: size }, (_, value) => ({ ...chosen, [param]: value })));
  }
  return found;
}

function addVariable(model: Model, slots: Slot[], variable: Variable, prefix: string): VariableSlots {
  const place = { variable, slot: slots.length };
  const [min, max] = typeRange(model, variable.type);
  for (let i = 0; i < (variable.size ?? 1); i++) {
    const suffix = variable.size === null ? "" : `[${i}]`;
    const init = typeof variable.init === "number" ? variable.init : (variable.init[i] ?? 0);
    slots.push({
      display: prefix + elementName(variable.name, suffix),
      type: variable.type,
      min,
      max,
      init,
      ...(variable.hostPriorityOf !== undefined && {
        hostPriority: { resource: variable.hostPriorityOf, object: variable.size === null ? null : i },
      }),
    });
  }
  return place;
}

/** `sept.state` and `[0]` read best as `sept[0].state`. */
function elementName(name: string, suffix: string): string {
  const dot = name.indexOf(".");
  return dot < 0 ? name + suffix : name.slice(0, dot) + suffix + name.slice(dot);
}

function movesOf(type: ProcessType, typeIndex: number, moves: Move[]): Move[][] {
  const index = new Map(type.labels.map((label, i) => [label.name, i]));
  return type.labels.map((label, labelIndex) => {
    const here: Move[] = [];
    label.steps.forEach((step, stepIndex) => {
      for (const choices of combinations(step.choose)) {
        const move = {
          id: moves.length,
          typeIndex,
          labelIndex,
          stepIndex,
          type,
          label,
          step,
          choices,
          nextIndex: index.get(step.next) ?? 0,
        };
        moves.push(move);
        here.push(move);
      }
    });
    return here;
  });
}

/** Number a validated model's slots and moves: globals first, then per instance its program counter and its locals. */
export function layoutOf(model: Model): Layout {
  const slots: Slot[] = [];
  const globals = new Map(model.variables.map((variable) => [variable.name, addVariable(model, slots, variable, "")]));
  const instances: Instance[] = [];
  const moves: Move[] = [];
  const movesAt: Move[][][] = [];
  model.processes.forEach((type, typeIndex) => {
    movesAt.push(movesOf(type, typeIndex, moves));
    const labels = type.labels.map((label) => label.name);
    for (let instance = 0; instance < type.count; instance++) {
      const display = type.count === 1 ? type.name : `${type.name}[${instance}]`;
      const pc = slots.length;
      slots.push({
        display,
        type: { kind: "pc", labels },
        min: 0,
        max: Math.max(0, labels.length - 1),
        init: Math.max(0, labels.indexOf(type.start)),
      });
      const locals = new Map(
        type.locals.map((variable) => [variable.name, addVariable(model, slots, variable, `${display}.`)]),
      );
      instances.push({ type, typeIndex, instance, display, pc, locals });
    }
  });
  return { model, slots, globals, instances, moves, movesAt };
}

/** The initial state. */
export const initialState = (layout: Layout): number[] => layout.slots.map((slot) => slot.init);

/** A slot's value as a person reads it. */
export function showValue(layout: Layout, slot: Slot, value: number): string | number | boolean {
  switch (slot.type.kind) {
    case "pc":
      return slot.type.labels[value] ?? value;
    case "bool":
      return value !== 0;
    case "enum":
      return slot.type.values[value] ?? value;
    case "index":
      return slot.type.none && value === setSize(layout.model, slot.type.of) ? "none" : value;
    case "int":
      return value;
  }
}
