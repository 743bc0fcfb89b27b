/** What the neighbours of each instruction must know of it, worked out once for each function. */

import type { Expr } from "../c/index.ts";
import { type Code, type Instruction, isTemporary } from "./code.ts";

/** What one instruction's neighbours must know of it. */
export interface Plan {
  /** Is it jumped to? Then ways meet there. */
  readonly isTarget: readonly boolean[];
  /** Results of calls that nothing after it reads. */
  readonly dead: readonly (readonly string[] | undefined)[];
  /** Does a test at it, or a store, speak of a member that is followed? */
  readonly speaks: readonly boolean[];
}

/** The plan of a function. `words` are the names of the members and globals that are followed. */
export function planOf(code: Code, words: ReadonlySet<string>): Plan {
  const isTarget: boolean[] = [];
  const last = new Map<string, number>();
  code.instructions.forEach((instruction, at) => {
    for (const target of targetsOf(instruction)) isTarget[target] = true;
    for (const name of temporariesIn(instruction)) last.set(name, at);
  });
  const dead: string[][] = [];
  for (const [name, at] of last) dead[at] = [...(dead[at] ?? []), name];
  return { isTarget, dead, speaks: code.instructions.map((instruction) => speaksOf(instruction, words)) };
}

function speaksOf(instruction: Instruction, words: ReadonlySet<string>): boolean {
  if (instruction.op === "branch" || instruction.op === "check") return mentions(instruction.test, words);
  return instruction.op === "assign" && mentions(instruction.to, words);
}

function targetsOf(instruction: Instruction): number[] {
  switch (instruction.op) {
    case "branch":
      return [instruction.no];
    case "jump":
    case "choose":
      return [instruction.to];
    case "switch":
      return [...instruction.arms.map((arm) => arm.target), instruction.otherwise];
    default:
      return [];
  }
}

/** Does an expression name one of some members or globals? */
function mentions(e: Expr, words: ReadonlySet<string>): boolean {
  switch (e.kind) {
    case "name":
      return words.has(e.name);
    case "member":
      return words.has(e.field) || mentions(e.object, words);
    case "unary":
    case "cast":
      return mentions(e.operand, words);
    case "binary":
      return mentions(e.left, words) || mentions(e.right, words);
    case "conditional":
      return mentions(e.test, words) || mentions(e.yes, words) || mentions(e.no, words);
    default:
      return false;
  }
}

/** Results of calls that an instruction reads or sets. */
function temporariesIn(instruction: Instruction): string[] {
  const found: string[] = [];
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) for (const part of value) visit(part);
    else if (value !== null && typeof value === "object") {
      const { kind, name } = value as { kind?: unknown; name?: unknown };
      if (kind === "name" && typeof name === "string" && isTemporary(name)) found.push(name);
      else for (const part of Object.values(value)) visit(part);
    }
  };
  visit(instruction);
  if (instruction.op === "call" && instruction.to !== null) found.push(instruction.to);
  return found;
}
