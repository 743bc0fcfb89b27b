/** `seamlock/explain@1`: the document that explain makes. */
import { z } from "zod";
import { conditionSchema, lockModeSchema, moduleInfoSchema, statusSchema } from "../../catalog/index.ts";
import { hostInfoSchema } from "../schema.ts";

const text = z.string().min(1);
export const KINDS = ["busy", "tracking", "retry", "caller", "fatal", "success", "unknown"] as const;

/** What the low half of a status says, bits by bits. */
const detailSchema = z.strictObject({
  bits: text.describe("31:0, 15:0"),
  is: text.describe(
    "operand, level, op-state, vcpu-state, msr, index, count, exit-reason, ...; number where the source does not say",
  ),
  value: z.int(),
  text: text.describe("the same for people: RCX (1), level 1 (2M), MSR 0x1a0 (IA32_MISC_ENABLE)"),
});

/** What a host's path does when this call fails like this. */
const reactionSchema = z.strictObject({
  paths: z.array(text).min(1),
  before: z.array(text).describe("done before the kernel prints a line"),
  after: z.array(text).describe("done after that"),
  silent: z.boolean().describe("the kernel prints no line for it here"),
});

/** One status, explained. */
export const explanationSchema = z.strictObject({
  line: z.string().nullable().describe("the log line, as pasted"),
  status: statusSchema.nullable().describe("null where the kernel that printed the line dropped the status"),
  name: text.nullable(),
  operand: z.strictObject({ id: text, number: z.int() }).nullable(),
  leaf: text.nullable(),
  version: z.int().nullable().describe("leaf version, where the line shows it"),
  kind: z.enum(KINDS),
  meaning: text,
  bits: z
    .strictObject({
      error: z.boolean(),
      nonRecoverable: z.boolean(),
      fatal: z.boolean(),
      hostRecoverabilityHint: z.boolean(),
      class: z.int(),
      code: z.int(),
      detail: z.int(),
    })
    .nullable(),
  outputs: z.record(text, text).describe("output registers that the line shows"),
  leaves: z
    .array(text)
    .describe(
      "leaves that can return this status, when the line names none; `leaf` may be the likeliest of a kind then",
    ),
  resources: z.array(
    z.strictObject({
      leaf: text,
      resource: text,
      role: text.nullable(),
      mode: lockModeSchema.nullable(),
      when: text.nullable(),
    }),
  ),
  holders: z.array(
    z.strictObject({
      leaf: text,
      variant: text.nullable(),
      resource: text,
      mode: lockModeSchema,
      when: text.nullable(),
      condition: conditionSchema.nullable().describe("`when` as a tree; null also where the catalog has none"),
      held: text.nullable().describe("until when the holder keeps the lock"),
      possible: z.boolean(),
      judged: z
        .boolean()
        .describe(
          "false: the profile names no guest that makes one of the two, so that it is not said whether it can hold the lock",
        ),
      paths: z.array(text).describe("host paths that can hold it, where a host is given"),
      barred: z.boolean().describe("a vCPU, and the host had kept all of them out when it printed the line"),
    }),
  ),
  elsewhere: z
    .array(z.strictObject({ modules: z.array(text), holders: z.array(text) }))
    .describe("module versions on which other leaves can hold it, and which, where versions to compare were given"),
  advice: z.array(text),
  giver: z.enum(["module", "p-seamldr", "tdvmcall", "linux"]).describe("who gave the status"),
  callee: text.nullable().describe("the call as the line names it, where it is no leaf of this module"),
  details: z.array(detailSchema).describe("what the low half says; empty when it says nothing"),
  returned: z
    .boolean()
    .nullable()
    .describe("can the leaf end with this status, by its source? null when that is not known"),
  cut: z.int().nullable().describe("digits that the line has of the number, where some are missing"),
  adviceFor: z.strictObject({ developer: z.array(text), operator: z.array(text), guest: z.array(text) }),
  changed: z.array(text).describe("what was changed though the call failed"),
  causes: z.array(text).describe("further causes than a holder of the lock"),
  reactions: z.array(reactionSchema),
  notes: z.array(text),
  count: z.int().min(1).describe("how often the input has it"),
  first: text.nullable().describe("when it was printed first and last, as the log writes it"),
  last: text.nullable(),
});

/** `seamlock/explain@1`: the first status of the input, and the others. */
export const explainSchema = z.strictObject({
  schema: z.literal("seamlock/explain@1"),
  module: moduleInfoSchema,
  host: hostInfoSchema.nullable(),
  ...explanationSchema.shape,
  others: z.array(explanationSchema),
  unread: z.array(z.string()).describe("lines without a status: of a short text all, of a log those that concern TDX"),
  sequences: z.array(text).describe("what the order of the statuses tells"),
  input: z.strictObject({
    lines: z.int(),
    about: z.int().describe("lines that concern TDX"),
    successes: z.int().describe("calls that ended well, where others did not"),
    beyond: z.int().describe("further statuses, left out"),
    module: text.nullable().describe("version of the module that the input states"),
    kernel: text.nullable().describe("release of the kernel that the input states"),
  }),
  assumptions: z.array(text).describe("what the input does not say and the answer rests on"),
});

export type StatusExplanation = z.infer<typeof explanationSchema>;
export type ExplainDocument = z.infer<typeof explainSchema>;
export type Kind = (typeof KINDS)[number];

/** What is said of one status before advice is added. */
export type Unadvised = Omit<StatusExplanation, "advice" | "adviceFor">;
