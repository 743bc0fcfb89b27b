/** The documents that the analysis makes, `seamlock/contend@1` and `seamlock/diff@1`, with their types. */
import { z } from "zod";
import {
  lockKindSchema,
  lockModeSchema,
  moduleInfoSchema,
  sideSchema,
  siteSchema,
  statusSchema,
} from "../catalog/index.ts";

const text = z.string().min(1);

/** Why a pair cannot contend. */
export const exclusionSchema = z.strictObject({
  kind: z
    .enum(["host-lock", "op-state", "sept-state", "life-cycle", "kick", "earlier-lock"])
    .describe("earlier-lock: the two always meet at another lock first"),
  what: text,
});

/** Two leaves, or one leaf twice, on one lock in conflicting modes. */
export const pairSchema = z.strictObject({
  a: text,
  b: text,
  variantA: text.nullable(),
  variantB: text.nullable(),
  resource: text.describe("of two names for one lock word, the more specific"),
  modeA: lockModeSchema,
  modeB: lockModeSchema,
  whenA: text.nullable(),
  whenB: text.nullable(),
  statusA: statusSchema.nullable().describe("what A returns when B holds the lock"),
  statusB: statusSchema.nullable().describe("what B returns when A holds the lock"),
  opStates: z
    .array(text)
    .nullable()
    .describe("OP_STATEs in which both are legal; null where no OP_STATE binds the two"),
  possible: z.boolean(),
  excludedBy: z.array(exclusionSchema),
  paths: z.array(z.strictObject({ a: text, b: text, possible: z.boolean(), excludedBy: z.array(exclusionSchema) })),
  resourceA: text,
  resourceB: text,
  roleA: text.nullable(),
  roleB: text.nullable(),
  sideA: sideSchema,
  sideB: sideSchema,
  priorityStatusA: statusSchema.nullable().describe("what A, a guest, returns while the host-priority bit is set"),
  priorityStatusB: statusSchema.nullable(),
  stopsA: text.describe("the resource at which A stops when B holds all its locks"),
  stopsB: text.describe("the resource at which B stops when A holds all its locks"),
  busyA: z.boolean().describe("can A come as far as this lock while B holds it?"),
  busyB: z.boolean().describe("can B come as far as this lock while A holds it?"),
  maskedBy: text.nullable().describe("the earlier resource at which one of the two always stops instead"),
});

/** A leaf that walks a structure without its lock. */
export const unlockedSchema = z.strictObject({
  leaf: text,
  variant: text.nullable(),
  resource: text,
  role: text.nullable(),
  when: text.nullable(),
  coveredBy: z.array(text).describe("resources that the leaf holds EXCLUSIVE by then"),
});

/** `seamlock/contend@1`. */
export const contendSchema = z.strictObject({
  schema: z.literal("seamlock/contend@1"),
  module: moduleInfoSchema,
  opState: text.nullable(),
  pairs: z.array(pairSchema),
  unlocked: z.array(unlockedSchema),
  assumptions: z.array(text),
});

const rowSchema = z.strictObject({
  lock: lockKindSchema,
  mode: lockModeSchema,
  when: text.nullable(),
  side: sideSchema,
  times: text,
  release: text.nullable(),
  object: z.string(),
  evidence: z.array(siteSchema),
});

/** One row that differs. */
export const changeSchema = z.strictObject({
  leaf: text,
  variant: text.nullable(),
  resource: text,
  role: text.nullable(),
  before: rowSchema.nullable(),
  after: rowSchema.nullable(),
});

/** `seamlock/diff@1`. */
export const diffSchema = z.strictObject({
  schema: z.literal("seamlock/diff@1"),
  before: moduleInfoSchema,
  after: moduleInfoSchema,
  leaves: z.strictObject({ added: z.array(text), removed: z.array(text) }),
  changed: z.array(changeSchema),
  contention: z.strictObject({ appeared: z.array(pairSchema), disappeared: z.array(pairSchema) }),
});

export type Exclusion = z.infer<typeof exclusionSchema>;
export type ContendPair = z.infer<typeof pairSchema>;
export type Unlocked = z.infer<typeof unlockedSchema>;
export type ContendDocument = z.infer<typeof contendSchema>;
export type RowFacts = z.infer<typeof rowSchema>;
export type RowChange = z.infer<typeof changeSchema>;
export type DiffDocument = z.infer<typeof diffSchema>;
