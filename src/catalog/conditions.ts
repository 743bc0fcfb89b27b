/**
 * A condition of the module's source as a tree, beside its text: so that programs ask what it tests and only people read the text.
 *
 * It says what tells the successful runs on which something happens from the others; see `Acquisition.when`.
 */
import { z } from "zod";

/** What a test looks at. `text` is how the leaf's own functions write it, for people. */
export type Term =
  /** A number; `name` as the source names it, or null. `value` in decimal digits. */
  | { readonly kind: "constant"; readonly name: string | null; readonly value: string }
  /**
   * What a variable or a member holds. `path` starts with the variable's name, or with `*` for what a pointer points to; then its
   * members by name, and `[]` for an element of an array.
   */
  | { readonly kind: "memory"; readonly path: readonly string[]; readonly text: string }
  /** The address of such a variable or member. */
  | { readonly kind: "address"; readonly path: readonly string[]; readonly text: string }
  /** What a call gives back; an argument that is itself a call's is `computed`. */
  | { readonly kind: "call"; readonly function: string; readonly arguments: readonly Term[]; readonly text: string }
  /** What the leaf is given, where no register that it is read from is known. */
  | { readonly kind: "input"; readonly text: string }
  /** What is computed of other values. */
  | { readonly kind: "computed"; readonly text: string };

export type Condition =
  | { readonly is: "all" | "any"; readonly of: readonly Condition[] }
  /** Not zero, or zero. */
  | { readonly is: "set" | "clear"; readonly left: Term }
  | { readonly is: "==" | "!=" | "<" | "<=" | ">" | ">="; readonly left: Term; readonly right: Term }
  /** What functions check before it passes: left out of a long condition, whose other tests say which case it is. */
  | { readonly is: "earlier-checks-pass" }
  /** One of too many cases to list. */
  | { readonly is: "unlisted" }
  /** Words of somebody who states it, as a published table does. */
  | { readonly is: "stated"; readonly text: string };

const TEXT = z.string().min(1);

/** One side of a test. */
export const termSchema: z.ZodType<Term> = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("constant"),
    name: TEXT.nullable(),
    value: z.string().regex(/^-?\d+$/, "is no whole number"),
  }),
  z.strictObject({ kind: z.enum(["memory", "address"]), path: z.array(TEXT).min(1), text: TEXT }),
  z.strictObject({
    kind: z.literal("call"),
    function: TEXT,
    arguments: z.array(z.lazy(() => termSchema)),
    text: TEXT,
  }),
  z.strictObject({ kind: z.enum(["input", "computed"]), text: TEXT }),
]);

/** A condition as a tree. */
export const conditionSchema: z.ZodType<Condition> = z.discriminatedUnion("is", [
  z.strictObject({ is: z.enum(["all", "any"]), of: z.array(z.lazy(() => conditionSchema)).min(1) }),
  z.strictObject({ is: z.enum(["set", "clear"]), left: termSchema }),
  z.strictObject({ is: z.enum(["==", "!=", "<", "<=", ">", ">="]), left: termSchema, right: termSchema }),
  z.strictObject({ is: z.literal("earlier-checks-pass") }),
  z.strictObject({ is: z.literal("unlisted") }),
  z.strictObject({ is: z.literal("stated"), text: TEXT }),
]);

/** The tests of a condition, from left to right. */
export function testsOf(condition: Condition): readonly Condition[] {
  return "of" in condition ? condition.of.flatMap(testsOf) : [condition];
}
