/**
 * What a lock primitive is: the atomic instructions that the module's source performs, one after the other, and how each goes on.
 *
 * Conditions are expressions of the modelling language over the fields of the word as the instruction found it. From this one form come
 * the sequential function, the processes that the checker explores, and the implementation on shared memory.
 */
import { and, type BoolExpr, eq, type IntExpr } from "../language/index.ts";

/** The lock kinds of the module's source; `bit` is the single bit that migration streams are locked with. */
export type LockKind = "sharex" | "sharex_hp" | "sept_entry" | "mutex" | "bit";
/** Who asks: a SEAMCALL is the host's, a TDCALL the guest's. */
export type Side = "host" | "guest";

/** A field of a lock word. The counter is always the topmost field, so that it wraps as the word does. */
export interface Field {
  readonly name: FieldName;
  readonly lsb: number;
  readonly width: number;
}
export type FieldName = "exclusive" | "hp" | "counter" | "state";

/** Where the fields stand. Bits that no field names belong to somebody else and stay as they are. */
export interface WordLayout {
  readonly bits: 8 | 16 | 32 | 64;
  readonly fields: readonly Field[];
}

/** Values for some fields; the others are 0. */
export type FieldValues = Readonly<Partial<Record<FieldName, number>>>;

/** One atomic instruction on the word. */
export type Instruction =
  | { readonly op: "xadd"; readonly field: FieldName; readonly by: number }
  | { readonly op: "cmpxchg"; readonly expected: FieldValues; readonly desired: FieldValues }
  | { readonly op: "xchg"; readonly value: FieldValues }
  | { readonly op: "or"; readonly field: FieldName }
  /** Keep some fields, clear the others. */
  | { readonly op: "and"; readonly keep: readonly FieldName[] }
  | { readonly op: "bts"; readonly field: FieldName }
  | { readonly op: "btr"; readonly field: FieldName }
  | { readonly op: "read" };

/** How a primitive ends. `halt`: a sanity check failed and the module stops for good. */
export type LockResult = "success" | "busy" | "busy-host-priority" | "halt";

/** What follows an instruction, decided on the word as the instruction found it. */
export interface Branch {
  readonly when: BoolExpr;
  /** A result, or the number of the next instruction. */
  readonly to: LockResult | number;
  /** The source's number of the sanity check that fails here. */
  readonly check?: number;
}

export interface Step {
  readonly instruction: Instruction;
  /** The first branch whose condition holds is taken; the last one always holds. */
  readonly branches: readonly Branch[];
}

/** A primitive: it starts with its first instruction. */
export interface Primitive {
  readonly kind: LockKind;
  /** The source's function. */
  readonly name: string;
  readonly operation: "acquire" | "release" | "promote" | "demote";
  readonly mode: "SHARED" | "EXCLUSIVE";
  /** Null: the same for host and guest. */
  readonly side: Side | null;
  readonly steps: readonly Step[];
}

/** The value of a field of the word as the instruction found it. */
export const old = (field: FieldName): IntExpr => ({ op: "param", sort: "int", name: field });

/** Was the word exactly this? */
export function oldWas(layout: WordLayout, values: FieldValues): BoolExpr {
  return and(
    ...layout.fields.filter(({ name }) => name !== "state").map(({ name }) => eq(old(name), values[name] ?? 0)),
  );
}
