/**
 * What the module's functions do to a word of memory that others use at the same time, as small programs: atomic instructions in
 * order, and what each caller does next, decided on the word as its instruction found it. Field by field, in the order in which it
 * is written; programs.ts has the types.
 */
import { z } from "zod";

const line = z.int().min(0);
const site = z.strictObject({ file: z.string().min(1), line, function: z.string().min(1) });
/** What a field of a lock word is for. `counter` counts readers; `hp` says that a host was refused and goes first. */
export const fieldName = z.enum(["exclusive", "hp", "counter"]);
/** Values of some fields of a word; the others are 0. As a mask: the bits of each field. */
export const fieldValues = z.partialRecord(fieldName, z.int().min(0));
/** How a program ends. `halt`: a sanity check failed and the module stops for good. */
export const lockResult = z.enum(["success", "busy", "busy-host-priority", "halt"]);

/** The word that a lock lives in. Bits that no field names belong to somebody else; no instruction of a program changes them. */
export const wordSchema = z.strictObject({
  /** The source's type name; null where the word is a plain integer. */
  type: z.string().min(1).nullable(),
  bits: z.literal([8, 16, 32, 64]),
  /** By position. A counter is always topmost, so that it wraps as the word does. */
  fields: z.array(z.strictObject({ name: fieldName, lsb: z.int().min(0).max(63), width: z.int().min(1).max(16) })),
});

/** One instruction on the word. All but `read` and `write` are atomic read-modify-writes; those two are plain accesses. */
export const instructionSchema = z.discriminatedUnion("op", [
  /** Adds to a field; what does not fit goes into the fields above it. */
  z.strictObject({ op: z.literal("xadd"), field: fieldName, by: z.int() }),
  z.strictObject({ op: z.literal("cmpxchg"), expected: fieldValues, desired: fieldValues }),
  z.strictObject({ op: z.enum(["xchg", "write"]), value: fieldValues }),
  z.strictObject({ op: z.enum(["or", "bts"]), set: fieldValues }),
  z.strictObject({ op: z.literal("btr"), clear: fieldValues }),
  z.strictObject({ op: z.literal("xor"), flip: fieldValues }),
  z.strictObject({ op: z.literal("and"), keep: fieldValues }),
  z.strictObject({ op: z.literal("read") }),
]);

/** A test of one field: its bits under the mask have the value, or with `not`, another one. */
export const testSchema = z.strictObject({
  field: fieldName,
  /** Null: all bits of the field. */
  mask: z.int().min(1).nullable(),
  is: z.int().min(0),
  not: z.boolean(),
});

/** What follows an instruction. */
export const branchSchema = z.strictObject({
  /** Holds when all tests of one of these lists hold, on the word as the instruction found it; null: in all other cases. */
  when: z.array(z.array(testSchema)).nullable(),
  /** A result, or the number of the next step. */
  to: z.union([lockResult, z.int().min(0)], { error: "is neither a result nor the number of a step" }),
  /** Of `halt`: the source's number of the sanity check that fails; null where it has none. */
  check: z.int().min(0).nullable(),
});

export const stepSchema = z.strictObject({
  instruction: instructionSchema,
  line,
  /** The first branch whose condition holds is taken; the last one always holds. */
  branches: z.array(branchSchema).min(1),
});

/** One lock primitive, as one side performs it. It starts with its first step. */
export const lockProgramSchema = z.strictObject({
  function: z.string().min(1),
  kind: z.enum(["sharex", "sharex_hp", "sept_entry", "mutex", "bit", "bit_hp"]),
  operation: z.enum(["acquire", "release", "promote", "demote"]),
  /** The mode asked for, given back, or got. */
  mode: z.enum(["SHARED", "EXCLUSIVE"]),
  /** Null: the same for host and guest. */
  side: z.enum(["host", "guest"]).nullable(),
  word: wordSchema,
  steps: z.array(stepSchema).min(1),
  evidence: site,
});

/**
 * Where a bit of a written word comes from.
 * - `kept`: as it is in memory at that instant.
 * - `earlier`: as an earlier step of the same writer found it; what happened to it since is lost.
 * - `given`: as in a word that the caller made before; what happened to the bit in memory since is lost.
 * - `clear`, `set`: always 0, always 1.
 */
export const bitSource = z.enum(["kept", "earlier", "given", "clear", "set"]);

/** One access to a SEPT entry's whole word. */
export const writerStepSchema = z.strictObject({
  instruction: z.enum(["read", "cmpxchg", "write"]),
  /** Of a compare-exchange: is it made again, with what it found, until it succeeds? */
  retries: z.boolean(),
  /** What becomes of the host-priority bit; null of a `read`. */
  hostPriority: bitSource.nullable(),
  /** What becomes of the entry's lock bit; null of a `read`. */
  lock: bitSource.nullable(),
  site,
});

/** A function that writes the whole word of a SEPT entry, as it does so when it succeeds. */
export const septWriterSchema = z.strictObject({
  function: z.string().min(1),
  /** What its arguments are here, where they decide how it writes: `keep_tdhp`, `!keep_tdhp`; else null. */
  when: z.string().min(1).nullable(),
  steps: z.array(writerStepSchema),
  /** Does some leaf give an entry's lock back by this write? */
  unlocks: z.boolean(),
  evidence: site,
});

/** An atomic instruction on memory that is neither a lock nor a SEPT entry, and what it is. */
export const otherAtomicSchema = z.strictObject({
  instruction: z.string().min(1),
  /** The memory, in the source's own terms. */
  object: z.string().min(1),
  reason: z.string().min(1),
  site,
});

/** A function whose effect a model restates by hand, as this tree has it. */
export const behaviourSchema = z.strictObject({
  /** The behaviour that the function is part of. */
  name: z.string().min(1),
  function: z.string().min(1),
  /** SHA-256 over its syntax tree, without comments, traces, line numbers and the names of its variables. */
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/, "is no digest: sha256: and 64 lower-case hex digits"),
  /** The variant that a person has read and described; null where nobody has. */
  variant: z.string().min(1).nullable(),
  evidence: site,
});
