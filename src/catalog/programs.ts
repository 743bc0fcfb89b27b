/**
 * What the module's functions do to a word of memory that others use at the same time, as small programs: atomic instructions in
 * order, and what each caller does next, decided on the word as its instruction found it.
 */
import type { LockKind, Side, Site } from "./types.ts";

/** What a field of a lock word is for. `counter` counts readers; `hp` says that a host was refused and goes first. */
export type FieldName = "exclusive" | "hp" | "counter";

/** Values of some fields of a word; the others are 0. As a mask: the bits of each field. */
export type FieldValues = Readonly<Partial<Record<FieldName, number>>>;

/** The word that a lock lives in. Bits that no field names belong to somebody else; no instruction of a program changes them. */
export interface LockWord {
  /** The source's type name; null where the word is a plain integer. */
  readonly type: string | null;
  readonly bits: 8 | 16 | 32 | 64;
  /** By position. A counter is always topmost, so that it wraps as the word does. */
  readonly fields: readonly { readonly name: FieldName; readonly lsb: number; readonly width: number }[];
}

/** One instruction on the word. All but `read` and `write` are atomic read-modify-writes; those two are plain accesses. */
export type AtomicInstruction =
  /** Adds to a field; what does not fit goes into the fields above it. */
  | { readonly op: "xadd"; readonly field: FieldName; readonly by: number }
  | { readonly op: "cmpxchg"; readonly expected: FieldValues; readonly desired: FieldValues }
  | { readonly op: "xchg" | "write"; readonly value: FieldValues }
  | { readonly op: "or" | "bts"; readonly set: FieldValues }
  | { readonly op: "btr"; readonly clear: FieldValues }
  | { readonly op: "xor"; readonly flip: FieldValues }
  | { readonly op: "and"; readonly keep: FieldValues }
  | { readonly op: "read" };

/** How a program ends. `halt`: a sanity check failed and the module stops for good. */
export type LockResult = "success" | "busy" | "busy-host-priority" | "halt";

/** A test of one field: its bits under the mask have the value, or with `not`, another one. */
export interface FieldTest {
  readonly field: FieldName;
  /** Null: all bits of the field. */
  readonly mask: number | null;
  readonly is: number;
  readonly not: boolean;
}

/** What follows an instruction. */
export interface ProgramBranch {
  /** Holds when all tests of one of these lists hold, on the word as the instruction found it; null: in all other cases. */
  readonly when: readonly (readonly FieldTest[])[] | null;
  /** A result, or the number of the next step. */
  readonly to: LockResult | number;
  /** Of `halt`: the source's number of the sanity check that fails; null where it has none. */
  readonly check: number | null;
}

export interface ProgramStep {
  readonly instruction: AtomicInstruction;
  readonly line: number;
  /** The first branch whose condition holds is taken; the last one always holds. */
  readonly branches: readonly ProgramBranch[];
}

/** One lock primitive, as one side performs it. It starts with its first step. */
export interface LockProgram {
  readonly function: string;
  readonly kind: LockKind;
  readonly operation: "acquire" | "release" | "promote" | "demote";
  /** The mode asked for, given back, or got. */
  readonly mode: "SHARED" | "EXCLUSIVE";
  /** Null: the same for host and guest. */
  readonly side: Side | null;
  readonly word: LockWord;
  readonly steps: readonly ProgramStep[];
  readonly evidence: Site;
}

/**
 * Where a bit of a written word comes from.
 * - `kept`: as it is in memory at that instant.
 * - `earlier`: as an earlier step of the same writer found it; what happened to it since is lost.
 * - `given`: as in a word that the caller made before; what happened to the bit in memory since is lost.
 * - `clear`, `set`: always 0, always 1.
 */
export type BitSource = "kept" | "earlier" | "given" | "clear" | "set";

/** One access to a SEPT entry's whole word. */
export interface WriterStep {
  readonly instruction: "read" | "cmpxchg" | "write";
  /** Of a compare-exchange: is it made again, with what it found, until it succeeds? */
  readonly retries: boolean;
  /** What becomes of the host-priority bit; null of a `read`. */
  readonly hostPriority: BitSource | null;
  /** What becomes of the entry's lock bit; null of a `read`. */
  readonly lock: BitSource | null;
  readonly site: Site;
}

/** A function that writes the whole word of a SEPT entry, as it does so when it succeeds. */
export interface SeptWriter {
  readonly function: string;
  /** What its arguments are here, where they decide how it writes: `keep_tdhp`, `!keep_tdhp`; else null. */
  readonly when: string | null;
  readonly steps: readonly WriterStep[];
  /** Does some leaf give an entry's lock back by this write? */
  readonly unlocks: boolean;
  readonly evidence: Site;
}

/** An atomic instruction on memory that is neither a lock nor a SEPT entry, and what it is. */
export interface OtherAtomic {
  readonly instruction: string;
  /** The memory, in the source's own terms. */
  readonly object: string;
  readonly reason: string;
  readonly site: Site;
}

/** A function whose effect a model restates by hand, as this tree has it. */
export interface Behaviour {
  /** The behaviour that the function is part of. */
  readonly name: string;
  readonly function: string;
  /** SHA-256 over its syntax tree, without comments, traces, line numbers and the names of its variables. */
  readonly digest: string;
  /** The variant that a person has read and described; null where nobody has. */
  readonly variant: string | null;
  readonly evidence: Site;
}
