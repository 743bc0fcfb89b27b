/** The schema of programs.ts, field by field, in the order in which it is written. */
import { z } from "zod";

const line = z.int().min(0);
const site = z.strictObject({ file: z.string().min(1), line, function: z.string().min(1) });
const fieldName = z.enum(["exclusive", "hp", "counter"]);
const fieldValues = z.partialRecord(fieldName, z.int().min(0));
const lockResult = z.enum(["success", "busy", "busy-host-priority", "halt"]);

/** The word that a lock lives in. */
const wordSchema = z.strictObject({
  type: z.string().min(1).nullable(),
  bits: z.union([z.literal(8), z.literal(16), z.literal(32), z.literal(64)]),
  fields: z.array(z.strictObject({ name: fieldName, lsb: z.int().min(0).max(63), width: z.int().min(1).max(16) })),
});

const instructionSchema = z.discriminatedUnion("op", [
  z.strictObject({ op: z.literal("xadd"), field: fieldName, by: z.int() }),
  z.strictObject({ op: z.literal("cmpxchg"), expected: fieldValues, desired: fieldValues }),
  z.strictObject({ op: z.enum(["xchg", "write"]), value: fieldValues }),
  z.strictObject({ op: z.enum(["or", "bts"]), set: fieldValues }),
  z.strictObject({ op: z.literal("btr"), clear: fieldValues }),
  z.strictObject({ op: z.literal("xor"), flip: fieldValues }),
  z.strictObject({ op: z.literal("and"), keep: fieldValues }),
  z.strictObject({ op: z.literal("read") }),
]);

const testSchema = z.strictObject({
  field: fieldName,
  mask: z.int().min(1).nullable(),
  is: z.int().min(0),
  not: z.boolean(),
});

const branchSchema = z.strictObject({
  when: z.array(z.array(testSchema)).nullable(),
  to: z.union([lockResult, z.int().min(0)]),
  check: z.int().min(0).nullable(),
});

/** One lock primitive, as one side performs it. */
export const lockProgramSchema = z.strictObject({
  function: z.string().min(1),
  kind: z.enum(["sharex", "sharex_hp", "sept_entry", "mutex", "bit", "bit_hp"]),
  operation: z.enum(["acquire", "release", "promote", "demote"]),
  mode: z.enum(["SHARED", "EXCLUSIVE"]),
  side: z.enum(["host", "guest"]).nullable(),
  word: wordSchema,
  steps: z
    .array(z.strictObject({ instruction: instructionSchema, line, branches: z.array(branchSchema).min(1) }))
    .min(1),
  evidence: site,
});

const bitSource = z.enum(["kept", "earlier", "given", "clear", "set"]);

/** A function that writes the whole word of a SEPT entry. */
export const septWriterSchema = z.strictObject({
  function: z.string().min(1),
  when: z.string().min(1).nullable(),
  steps: z.array(
    z.strictObject({
      instruction: z.enum(["read", "cmpxchg", "write"]),
      retries: z.boolean(),
      hostPriority: bitSource.nullable(),
      lock: bitSource.nullable(),
      site,
    }),
  ),
  unlocks: z.boolean(),
  evidence: site,
});

/** An atomic instruction on memory that is neither a lock nor a SEPT entry. */
export const otherAtomicSchema = z.strictObject({
  instruction: z.string().min(1),
  object: z.string().min(1),
  reason: z.string().min(1),
  site,
});

/** A function whose effect a model restates by hand. */
export const behaviourSchema = z.strictObject({
  name: z.string().min(1),
  function: z.string().min(1),
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/, "a digest is sha256: and 64 lower-case hex digits"),
  variant: z.string().min(1).nullable(),
  evidence: site,
});
