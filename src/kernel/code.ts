/**
 * A function as straight code: assignments, calls, jumps. What C hides in expressions (calls, `&&`, `++`, statement expressions) and
 * at the end of scopes (the release of a guard) is an instruction of its own, in the order in which it happens.
 *
 * Expressions in instructions are pure: no call, no assignment. A name that begins with `$` holds the result of one instruction and is
 * read once.
 */

import type { Expr } from "../c/index.ts";

export type Instruction =
  | { readonly op: "assign"; readonly to: Expr; readonly value: Expr; readonly line: number }
  /** Nothing is known of a variable any more; with `zero`, all of it is zero. */
  | { readonly op: "forget"; readonly name: string; readonly zero: boolean; readonly line: number }
  | {
      readonly op: "call";
      /** A name that gets the result; null when nobody asks for it. */
      readonly to: string | null;
      readonly callee: Expr;
      readonly args: readonly Expr[];
      readonly line: number;
      /** The constants of the cases and comparisons that the call stands under, outermost first. */
      readonly cases: readonly string[];
    }
  /** Goes on with the next instruction when the test holds, else at `no`. */
  | { readonly op: "branch"; readonly test: Expr; no: number; readonly line: number }
  /** May go on, or at `to`: nothing is known of what decides. */
  | { readonly op: "choose"; to: number; readonly line: number }
  | { readonly op: "jump"; to: number; readonly line: number }
  | {
      readonly op: "switch";
      readonly value: Expr;
      readonly arms: { readonly from: Expr; readonly to: Expr; target: number }[];
      otherwise: number;
      readonly line: number;
    }
  /** A round of a loop over all objects of a kind begins; `variable` points to each in turn. */
  | { readonly op: "round"; readonly loop: number; readonly variable: string; readonly line: number }
  /** All rounds are over; or the loop is left in one of them. */
  | { readonly op: "rounds-begin" | "rounds-end" | "rounds-left"; readonly loop: number; readonly line: number }
  /** Something complains when the test holds; the test itself follows. */
  | { readonly op: "check"; readonly name: string; readonly test: Expr; readonly line: number }
  /** The complaint is made. */
  | { readonly op: "report"; readonly name: string; readonly args: readonly Expr[]; readonly line: number }
  | { readonly op: "return"; readonly value: Expr | null; readonly line: number };

/** A function that was lowered. */
export interface Code {
  readonly name: string;
  readonly file: string;
  readonly line: number;
  readonly instructions: readonly Instruction[];
  readonly parameters: readonly string[];
  /** The type that it returns. */
  readonly type: string;
  /** Types of parameters and local variables. */
  readonly types: ReadonlyMap<string, string>;
  /** Lines of statements that were not understood, or not lowered. */
  readonly lost: readonly number[];
}

/** A scope guard: what taking and dropping it evaluates. */
export interface GuardClass {
  /** Names that stand for the arguments of the use, in `acquire`. */
  readonly parameters: readonly string[];
  /** What stands for the argument of the use, in both, when there are no parameters: `_T`, `_T->lock`. */
  readonly object: Expr | null;
  readonly acquire: Expr;
  /** A statement's text, in which {@link variable} is the guard. */
  readonly release: string;
  readonly variable: string;
}

/** Is it the result of a call or of a condition, to which lowering gives a name of its own that no source can have? */
export const isTemporary = (name: string): boolean => name.startsWith("$");
