/** Where the tree tells a BUSY by what is busy: only one operand is followed, to which it gives no name. */

import { type Expr, partsOf } from "../c/index.ts";
import type { Instruction } from "./code.ts";
import type { Source } from "./source.ts";

/** The operand of the status that is followed, apart from the rest of it. */
export class Operands {
  private readonly status: bigint;
  private readonly mask: bigint;

  constructor(status: bigint, mask: bigint) {
    this.status = BigInt.asUintN(64, status);
    this.mask = mask;
  }

  /** What the rules say of it; null where they do not. */
  static of({ rules }: Source, constant: (text: string) => bigint | null): Operands | null {
    const { status, operand } = rules.busy;
    const [whole, mask] = [constant(status), operand === undefined ? null : constant(operand)];
    return whole === null || mask === null ? null : new Operands(whole, mask);
  }

  /** Is a status, or its operand alone, compared with one that differs in nothing but the operand? */
  areTold(one: bigint | null, other: bigint | null): boolean {
    if (one === null || other === null) return false;
    const [a, b] = [BigInt.asUintN(64, one), BigInt.asUintN(64, other)];
    const isStatus = a === this.status || a === (this.status & this.mask);
    // The status without an operand is what is left of each when that is masked.
    return isStatus && a !== b && (a & ~this.mask) === (b & ~this.mask) && (b & this.mask) !== 0n;
  }
}

const known = new WeakMap<Instruction, readonly (readonly [Expr, Expr])[]>();

/** What an instruction compares for being equal. */
export function comparisonsOf(instruction: Instruction): readonly (readonly [Expr, Expr])[] {
  const found = known.get(instruction) ?? expressionsOf(instruction).flatMap(comparisonsIn);
  known.set(instruction, found);
  if (instruction.op !== "switch") return found;
  return [...found, ...instruction.arms.map(({ from }) => [instruction.value, from] as const)];
}

function comparisonsIn(e: Expr): (readonly [Expr, Expr])[] {
  const own = e.kind === "binary" && (e.op === "==" || e.op === "!=") ? [[e.left, e.right] as const] : [];
  return [...own, ...partsOf(e).flatMap(comparisonsIn)];
}

function expressionsOf(instruction: Instruction): readonly Expr[] {
  switch (instruction.op) {
    case "assign":
    case "switch":
      return [instruction.value];
    case "branch":
    case "check":
      return [instruction.test];
    case "call":
      return instruction.args;
    case "return":
      return instruction.value === null ? [] : [instruction.value];
    default:
      return [];
  }
}
