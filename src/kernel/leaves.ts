/** The names of SEAMCALL leaves, from the macros that number them. */

import type { Program } from "../c/index.ts";
import { matches } from "./profile.ts";
import type { KernelRules } from "./rules.ts";

/** A leaf as a caller names it. */
export interface LeafName {
  readonly name: string;
  /** As host profiles have it: `version>=1`; null for version 0. */
  readonly variant: string | null;
}

/** Names of the numbers that the macros of the rules give. */
export class LeafNames {
  private readonly byNumber = new Map<bigint, string>();
  private readonly rules: KernelRules["seamcalls"];

  constructor(program: Program, { seamcalls }: KernelRules) {
    this.rules = seamcalls;
    for (const name of program.macros.keys()) {
      if (!seamcalls.leaves.some((pattern) => matches(pattern, name))) continue;
      const value = program.constant(name);
      if (value !== null && !this.byNumber.has(value)) this.byNumber.set(value, name.toLowerCase());
    }
  }

  /** The leaf of a number with a version; null when no macro names it. */
  of(value: bigint): LeafName | null {
    const { shift, mask } = this.rules.version;
    const plain = BigInt.asUintN(64, value);
    const version = (plain >> BigInt(shift)) & BigInt(mask);
    const name = this.byNumber.get(plain) ?? this.byNumber.get(plain & ~(BigInt(mask) << BigInt(shift)));
    if (name === undefined) return null;
    return { name, variant: version === 0n ? null : `version>=${version}` };
  }
}
