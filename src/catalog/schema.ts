/**
 * The Catalog's schema: what `seamlock/catalog@1` may hold, field by field, in the order in which it is written.
 *
 * It mirrors types.ts; the two assignments at the end fail to compile when they drift apart.
 */
import { z } from "zod";
import { conditionSchema } from "./conditions.ts";
import { behaviourSchema, lockProgramSchema, otherAtomicSchema, septWriterSchema } from "./programs-schema.ts";
import type { Catalog } from "./types.ts";

const STATUS = z.string().regex(/^0x[0-9A-F]{16}$/, "a status is 0x and 16 upper-case hex digits");
const LINE = z.int().min(1);
/** Of a place in a release that was read by hand, from text without line numbers: 0. */
const SITE_LINE = z.int().min(0);
/** Far more than any module has (a hundred leaves, twenty rows each): every pair of rows is looked at, so their number is bounded. */
const MOST_LEAVES = 400;
const MOST_ROWS = 200;
const LEAF_NUMBER = z.int().min(0).max(0xffff);

export const sideSchema = z.enum(["host", "guest"]);
export const lockKindSchema = z.enum(["sharex", "sharex_hp", "sept_entry", "mutex", "bit", "bit_hp"]);
export const lockModeSchema = z.enum(["SHARED", "EXCLUSIVE", "NO_LOCK"]);
export const statusSchema = STATUS;

/** A line of the module's source. */
export const siteSchema = z.strictObject({ file: z.string().min(1), line: SITE_LINE, function: z.string().min(1) });

/** An operand of a status. */
export const operandSchema = z.strictObject({ id: z.string().min(1), number: z.int().min(0) });

const busyStatusSchema = z.strictObject({ status: STATUS, operand: operandSchema.nullable() });
const pageSizesSchema = z.array(z.enum(["4K", "2M", "1G"])).min(1);
const releaseBody = {
  order: z.int().min(0).optional(),
  sequence: z.int().min(0).optional(),
  at: z.string().min(1),
  evidence: z.array(siteSchema),
  elsewhere: z.array(z.array(siteSchema)).min(1).optional(),
};
const releaseSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.enum(["leaf-exit", "iteration-end", "before-td-entry", "td-exit", "page-removed"]),
    ...releaseBody,
  }),
  z.strictObject({ kind: z.literal("function"), function: z.string().min(1), ...releaseBody }),
]);

/** One lock acquisition of a leaf. */
export const acquisitionSchema = z.strictObject({
  resource: z.string().min(1),
  role: z.string().min(1).nullable(),
  object: z.string(),
  word: z.array(z.string().min(1)).min(1).optional(),
  lock: lockKindSchema,
  mode: lockModeSchema,
  side: sideSchema,
  pageSizes: pageSizesSchema.optional(),
  td: z.enum(["own", "named", "other"]).nullable().optional(),
  order: z.int().min(0).nullable().optional(),
  when: z.string().min(1).nullable(),
  condition: conditionSchema.nullable().optional(),
  times: z.string().min(1),
  operand: operandSchema.nullable(),
  busyStatus: STATUS.nullable(),
  busyWhen: z.string().min(1).optional(),
  hostPriorityStatus: STATUS.nullable(),
  hostPriorityExit: z.strictObject({ status: STATUS, detail: STATUS }).optional(),
  otherStatuses: z.array(busyStatusSchema).default([]),
  release: releaseSchema.nullable(),
  evidence: z.array(siteSchema),
  promotion: z.array(siteSchema).nullable().default(null),
  promotedSizes: pageSizesSchema.optional(),
});

const otherBusySchema = z.strictObject({
  status: STATUS,
  name: z.string().min(1),
  object: z.string(),
  operand: operandSchema.nullable(),
  indexed: z.literal(true).optional(),
  when: z.string().min(1).nullable(),
  condition: conditionSchema.nullable().optional(),
  evidence: z.array(siteSchema),
});

/** One leaf, or one variant of it. */
export const leafSchema = z.strictObject({
  name: z.string().regex(/^td[hg]_[a-z0-9_]+$/, "a leaf is named tdh_… or tdg_…, in lower case"),
  number: LEAF_NUMBER,
  side: sideSchema,
  handler: siteSchema,
  variant: z.string().min(1).nullable(),
  opStates: z.array(z.string().min(1)).nullable(),
  septStates: z.array(z.string().min(1)).nullable(),
  acquisitions: z.array(acquisitionSchema).max(MOST_ROWS),
  otherBusy: z.array(otherBusySchema),
  statuses: z.array(z.int().min(0)).optional().describe("positions in the catalog's statuses"),
});

const statusPartSchema = z.strictObject({
  high: z.int().min(0).max(31),
  low: z.int().min(0).max(31),
  is: z.enum([
    "operand",
    "level",
    "op-state",
    "vcpu-state",
    "msr",
    "cpuid-leaf",
    "field",
    "x2apic-id",
    "package",
    "index",
    "count",
    "vm",
    "exit-reason",
    "number",
  ]),
  value: z.int().min(0).nullable(),
  indexed: z.literal(true).optional(),
});

const statusSourceSchema = z.strictObject({
  status: z.string().min(1),
  fatal: z.boolean(),
  parts: z.array(statusPartSchema),
  at: z.array(siteSchema).min(1),
});

const primitiveSchema = z.strictObject({
  function: z.string().min(1),
  operation: z.enum(["acquire", "release", "promote", "demote"]),
  mode: z.enum(["SHARED", "EXCLUSIVE"]).nullable(),
  side: sideSchema.nullable(),
  outcomes: z.array(z.string().min(1)),
  atomics: z.array(z.string().min(1)),
  setsHostPriority: z.boolean(),
  evidence: siteSchema,
});

const bitFieldSchema = z.strictObject({
  name: z.string().min(1),
  lsb: z.int().min(0).max(63),
  width: z.int().min(1).max(64),
});

/** What the source defines about one lock kind. */
export const lockDefinitionSchema = z.strictObject({
  kind: lockKindSchema,
  type: z.string().min(1).nullable(),
  width: z.int().min(1).max(64),
  fields: z.array(bitFieldSchema),
  primitives: z.array(primitiveSchema),
});

/** A diagnostic of an extraction. */
export const diagnosticSchema = z.strictObject({
  code: z.string().regex(/^SL\d{4}$/, "a code is SL and four digits"),
  severity: z.enum(["error", "warning", "note"]),
  message: z.string().min(1),
  file: z.string().min(1).nullable(),
  line: LINE.nullable(),
});

/** Which module the facts are about. */
export const moduleInfoSchema = z.strictObject({
  version: z.string().min(1),
  origin: z.enum(["extracted", "published", "read"]),
  repository: z.string().min(1).nullable(),
  revision: z.string().min(1).nullable(),
  sourceDigest: z.string().regex(/^sha256:[0-9a-f]{64}$/, "a digest is sha256: and 64 lower-case hex digits"),
});

const coverageSchema = z.strictObject({
  sites: z.int().min(0),
  visited: z.int().min(0),
  explained: z.array(z.strictObject({ site: siteSchema, reason: z.string().min(1) })),
});

/** The whole document, `seamlock/catalog@1`. */
export const catalogSchema = z.strictObject({
  schema: z.literal("seamlock/catalog@1"),
  module: moduleInfoSchema,
  leaves: z.array(leafSchema).max(MOST_LEAVES),
  locks: z.array(lockDefinitionSchema),
  primitives: z.array(lockProgramSchema).default([]),
  writers: z.array(septWriterSchema).default([]),
  behaviours: z.array(behaviourSchema).default([]),
  otherAtomics: z.array(otherAtomicSchema).default([]),
  septEntryBits: z.record(z.string().min(1), z.int().min(0).max(63)),
  opStates: z.array(z.string().min(1)),
  septStates: z.array(z.string().min(1)),
  statusCodes: z.record(z.string().min(1), STATUS),
  operandIds: z.record(z.string().min(1), z.int().min(0)),
  statuses: z.array(statusSourceSchema).optional(),
  constants: z.record(z.string().min(1), z.number()),
  coverage: coverageSchema.nullable(),
  diagnostics: z.array(diagnosticSchema),
});

/** The list of bundled modules, `seamlock/modules@1`. */
export const modulesSchema = z.strictObject({
  schema: z.literal("seamlock/modules@1"),
  modules: z.array(
    moduleInfoSchema
      .omit({ sourceDigest: true })
      .extend({ leaves: z.int().min(0).describe("how many leaves, each once") }),
  ),
});

type Parsed = z.infer<typeof catalogSchema>;
type Mutable<T> = T extends readonly (infer U)[]
  ? Mutable<U>[]
  : T extends object
    ? { -readonly [K in keyof T]: Mutable<T[K]> }
    : T;
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;

/** Compile-time only: types.ts and this schema say the same. */
export type SchemaMatchesTypes = Same<Mutable<Parsed>, Mutable<Catalog>>;
true satisfies SchemaMatchesTypes;
