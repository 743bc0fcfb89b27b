/**
 * Where a CPU's interrupts are off: by what the functions on a chain of calls themselves do before they go on in it. What a function that
 * comes back did to them is left out: it comes back as it was called.
 */

import type { Instruction } from "./code.ts";
import { calleeName } from "./expressions.ts";
import { successorsOf } from "./flow.ts";
import type { Context } from "./graph.ts";
import type { KernelRules } from "./rules.ts";
import type { Source } from "./source.ts";

type State = "off" | "on";

/** What is known of interrupts at a place. */
export interface Interrupts {
  /**
   * At an instruction of a function; null where they are as they were when it was called, or nothing is known.
   *
   * @param isEntry it is called from outside, so that what it asserts of them is so
   */
  readonly at: (context: Context, instruction: number, isEntry: boolean) => State | null;
  /** Where something runs that another CPU asked for. */
  readonly in: (context: string) => State | null;
}

/** Answers by the rules' primitives, each function worked out once. */
export function interruptsOf(
  source: Source,
  { callbacks, locks }: Pick<KernelRules, "callbacks" | "locks">,
): Interrupts {
  const known = new Map<string, readonly (State | null)[]>();
  const does = (instruction: Instruction, isEntry: boolean): State | null | undefined => {
    const name = instruction.op === "call" ? calleeName(instruction.callee) : null;
    if (name === null) return undefined;
    if (isEntry && locks.asserts[name]?.interrupts !== undefined) return "off";
    const to = locks.calls[name]?.interrupts;
    return to === "restored" ? null : to;
  };
  const statesOf = ({ name, file }: Context, isEntry: boolean): readonly (State | null)[] => {
    const info = source.program.functions.get(name)?.find((one) => one.file === file);
    const instructions = (info && source.code(info)?.instructions) ?? [];
    return flow(instructions, (instruction) => does(instruction, isEntry));
  };
  const places = new Map<string, State>();
  for (const { context, interrupts, one } of Object.values(callbacks)) {
    places.set(context, interrupts);
    if (one !== undefined) places.set(one.context, interrupts);
  }
  return {
    at: (context, instruction, isEntry) => {
      const key = `${context.file} ${context.name} ${isEntry}`;
      const states = known.get(key) ?? statesOf(context, isEntry);
      known.set(key, states);
      return states[instruction] ?? null;
    },
    in: (context) => places.get(context) ?? null,
  };
}

/** What holds before each instruction on every way to it; null where ways differ, or where it is as it was at the beginning. */
function flow(
  instructions: readonly Instruction[],
  does: (instruction: Instruction) => State | null | undefined,
): (State | null)[] {
  const effects = instructions.map(does);
  if (effects.every((effect) => effect === undefined)) return [];
  const before = new Array<State | null | undefined>(instructions.length).fill(undefined);
  const queue = [0];
  before[0] = null;
  for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
    const effect = effects[at];
    const after = effect === undefined ? (before[at] as State | null) : effect;
    for (const next of successorsOf(instructions[at] as Instruction, at, instructions.length)) {
      const known = before[next];
      const met = known === undefined || known === after ? after : null;
      if (next >= instructions.length || known === met) continue;
      before[next] = met;
      queue.push(next);
    }
  }
  return before.map((state) => state ?? null);
}
