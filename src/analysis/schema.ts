/** The documents that the analysis makes, `seamlock/contend@1` and `seamlock/diff@1`, with their types. */
import { z } from "zod";
import {
  conditionSchema,
  lockKindSchema,
  lockModeSchema,
  moduleInfoSchema,
  sideSchema,
  siteSchema,
  statusSchema,
} from "../catalog/index.ts";
import { SEVERITIES } from "../host/index.ts";

const text = z.string().min(1);

/** Why a pair cannot contend. */
export const exclusionSchema = z.strictObject({
  kind: z
    .enum([
      "host-lock",
      "op-state",
      "sept-state",
      "life-cycle",
      "kick",
      "earlier-lock",
      "not-called",
      "not-named",
      "page-size",
    ])
    .describe(
      "earlier-lock: the two always meet at another lock first; not-called: the host never issues one of the two; " +
        "not-named: the profile names no guest that makes one of the two, a TDCALL, which rules nothing out: where all reasons are " +
        "that one, whether the two meet is not judged; " +
        "page-size: the host uses no pages of the size at which the two would meet",
    ),
  reason: z
    .enum(["creation", "phases", "single-thread", "at-most-one"])
    .optional()
    .describe("of life-cycle: which it is"),
  what: text,
});

/** How bad the worst outcome is that the host's handling of a BUSY can have, worst first. */
export const hostSeveritySchema = z.enum(SEVERITIES);

/** One end of a pair of host paths. */
const pathEndSchema = z.strictObject({
  function: text.nullable(),
  held: z.array(text).describe("host locks held at this call"),
  busy: z.boolean().describe("can this end get the BUSY?"),
  reaction: z.array(text).describe("what it then does, per operand where that matters"),
  does: z
    .array(z.array(text))
    .describe(
      "the same in the profile's words, a list per clause, as far as they are reached when vCPUs can be kept out",
    ),
  severity: hostSeveritySchema,
  exceptional: text.nullable().describe("why ordinary operation does not come here, where the profile says so"),
});

/** Two host paths, or a host path and the guest in another, at the two calls of a pair. */
export const pathPairSchema = z.strictObject({
  a: text,
  b: text,
  possible: z.boolean(),
  excludedBy: z.array(exclusionSchema),
  endA: pathEndSchema,
  endB: pathEndSchema,
  severity: hostSeveritySchema.describe("the worse of the two ends"),
  phases: z.array(text).describe("in which both can be; empty when the two are of different VMs"),
  unlike: z.array(text).describe("locks that both hold in conflicting modes, but not necessarily the same one"),
  unlikePer: z.array(text).describe("what these belong to: inode, vcpu, ..."),
  late: z.boolean().describe("only because a path can outlast its gate, so that its call is no longer legal"),
  assumes: z.array(text).describe("what the verdict takes for granted"),
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
  conditionA: conditionSchema.nullable().describe("whenA as a tree; null also where the catalog has none"),
  conditionB: conditionSchema.nullable(),
  statusA: statusSchema.nullable().describe("what A returns when B holds the lock"),
  statusB: statusSchema.nullable().describe("what B returns when A holds the lock"),
  opStates: z
    .array(text)
    .nullable()
    .describe("OP_STATEs in which both are legal; null where no OP_STATE binds the two"),
  possible: z.boolean(),
  excludedBy: z.array(exclusionSchema),
  paths: z.array(pathPairSchema).describe("with a host: who can issue the two calls, possible ones first, worst first"),
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

/** The host whose paths were taken into account. */
export const hostInfoSchema = z.strictObject({
  name: text,
  description: text,
  missing: z.array(text).describe("calls of the host that the module does not have"),
});

/** `seamlock/contend@1`. */
export const contendSchema = z.strictObject({
  schema: z.literal("seamlock/contend@1"),
  module: moduleInfoSchema,
  host: hostInfoSchema.nullable().describe("null: the module alone"),
  opState: text.nullable(),
  pairs: z.array(pairSchema),
  unlocked: z.array(unlockedSchema),
  assumptions: z.array(text),
});

const rowSchema = z.strictObject({
  lock: lockKindSchema,
  mode: lockModeSchema,
  when: text.nullable(),
  condition: conditionSchema.nullable(),
  side: sideSchema,
  times: text,
  release: text.nullable(),
  object: z.string(),
  status: statusSchema.nullable().describe("what the call returns when the lock is busy"),
  priorityStatus: statusSchema.nullable(),
  otherStatuses: z.array(statusSchema),
  promoted: z.boolean().describe("taken SHARED first, then promoted"),
  evidence: z.array(siteSchema),
});

/** What differs of a call beside its rows. */
export const leafChangeSchema = z.strictObject({
  leaf: text,
  variant: text.nullable(),
  field: z
    .enum(["op-states", "sept-states", "other-busy", "release-order", "success-orders", "busy-orders", "other-orders"])
    .describe(
      "release-order: the usual order of giving locks back; success-orders, busy-orders, other-orders: the orders of calls that succeed, " +
        "that are refused at a lock, that end otherwise, where some call has another than the usual one",
    ),
  before: z.array(text).nullable().describe("null: the module checks none"),
  after: z.array(text).nullable(),
});

const namedPairSchema = z.strictObject({
  a: text,
  b: text,
  resource: text,
  severity: hostSeveritySchema.optional().describe("under a host: the worst that either side comes to"),
});

/** A contention that a host leaves possible with both modules, and that ends otherwise. */
const outcomeChangeSchema = z.strictObject({
  a: text,
  b: text,
  resource: text,
  before: hostSeveritySchema,
  after: hostSeveritySchema,
});

/** A fact that changed, with the calls of which it did, and the contentions that follow from it. */
export const causeSchema = z.strictObject({
  kind: z.enum([
    "call-added",
    "call-removed",
    "variant-added",
    "variant-removed",
    "row-added",
    "row-removed",
    "lock",
    "mode",
    "condition",
    "side",
    "times",
    "status",
    "promotion",
    "release",
    "op-states",
    "sept-states",
    "other-busy",
    "release-order",
    "success-orders",
    "busy-orders",
    "other-orders",
    "order",
  ]),
  resource: text.nullable(),
  role: text.nullable(),
  before: z.string().nullable().describe("of lists what is gone"),
  after: z.string().nullable().describe("of lists what is new"),
  conditions: z
    .strictObject({ before: conditionSchema.nullable(), after: conditionSchema.nullable() })
    .optional()
    .describe("of a condition: as trees"),
  calls: z.array(text),
  appeared: z.array(namedPairSchema),
  disappeared: z.array(namedPairSchema),
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

const shownSchema = z.strictObject({ text, site: siteSchema }).nullable();

/** One way in which two modules behave differently, beside their rows. */
export const behaviourChangeSchema = z.strictObject({
  kind: z.enum(["primitive", "writer", "function", "leaf"]),
  name: text.describe("the function or the leaf"),
  what: text.describe("what it means"),
  before: shownSchema,
  after: shownSchema,
  resources: z.array(text).describe("whose contention it is about"),
  pairs: z
    .array(z.strictObject({ a: text, b: text, resource: text }))
    .describe("contentions that go otherwise for it: of the newer module, or of the older one where it is gone"),
});

/** `seamlock/diff@1`. */
export const diffSchema = z.strictObject({
  schema: z.literal("seamlock/diff@1"),
  before: moduleInfoSchema,
  after: moduleInfoSchema,
  leaves: z.strictObject({ added: z.array(text), removed: z.array(text) }),
  changed: z.array(changeSchema),
  leafChanges: z.array(leafChangeSchema),
  causes: z
    .array(causeSchema)
    .describe("each changed fact once; every contention that appeared or disappeared stands under one"),
  behaviour: z.array(behaviourChangeSchema),
  constants: z
    .array(z.strictObject({ name: text, before: z.number(), after: z.number() }))
    .describe("constants that both modules state, with other values"),
  contention: z.strictObject({ appeared: z.array(pairSchema), disappeared: z.array(pairSchema) }),
  host: z
    .strictObject({
      name: text,
      worst: z.strictObject({ before: hostSeveritySchema, after: hostSeveritySchema }),
      outcomes: z.array(outcomeChangeSchema).describe("contentions of both modules that end otherwise, worst first"),
    })
    .nullable()
    .describe("what a contention comes to under the host; null: the modules alone"),
});

export type Exclusion = z.infer<typeof exclusionSchema>;
export type ContendPair = z.infer<typeof pairSchema>;
export type PathPair = z.infer<typeof pathPairSchema>;
export type HostInfo = z.infer<typeof hostInfoSchema>;
export type Unlocked = z.infer<typeof unlockedSchema>;
export type ContendDocument = z.infer<typeof contendSchema>;
export type RowFacts = z.infer<typeof rowSchema>;
export type BehaviourChange = z.infer<typeof behaviourChangeSchema>;
export type LeafChange = z.infer<typeof leafChangeSchema>;
export type Cause = z.infer<typeof causeSchema>;
export type RowChange = z.infer<typeof changeSchema>;
export type OutcomeChange = z.infer<typeof outcomeChangeSchema>;
export type DiffDocument = z.infer<typeof diffSchema>;
