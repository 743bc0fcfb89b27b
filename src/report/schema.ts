/** The document `seamlock/report@1`, with its types. Nothing that makes a report needs it, so that no report waits for it. */
import { z } from "zod";
import { hostInfoSchema, pairSchema, unlockedSchema } from "../analysis/index.ts";
import { catalogSchema, leafSchema, lockKindSchema, moduleInfoSchema, siteSchema } from "../catalog/index.ts";
import { SEVERITIES } from "../host/index.ts";
import { PARTS, SECTIONS } from "./sections.ts";

const text = z.string().min(1);

const endSchema = z.strictObject({
  calls: z.array(text),
  paths: z.array(text).describe("names of the profile"),
  label: text.describe("the paths in few words"),
  labels: z.array(text).describe("the same, one by one"),
  apart: z
    .array(text)
    .describe("of these, those that the other end meets only of another guest_memfd file than its own"),
  onBusy: z.array(text).describe("what they do, worst first"),
  worst: z.enum(SEVERITIES).describe("how bad the first of these is"),
  does: z.array(z.array(text)).describe("the same in the profile's words"),
  guest: z.boolean(),
});

/** One row of the conclusion. */
export const conclusionRowSchema = z.strictObject({
  section: z
    .enum(SECTIONS)
    .describe("late: only if a path outlasts its gate; exceptional: what ordinary operation does not meet"),
  resource: text,
  left: endSchema,
  right: endSchema,
  severity: z.enum(SEVERITIES),
  another: z.array(text).describe("objects that are not the same for both: inode, vcpu, ..."),
});

export type ConclusionRow = z.infer<typeof conclusionRowSchema>;
export type Section = ConclusionRow["section"];

/** One way of handling BUSY, as far as it was decided. */
export const handlingSchema = z.strictObject({
  policy: text,
  title: text,
  proposal: text.nullable().describe("set where the published mail proposes it"),
  hosts: z.boolean().describe("is it what this host does?"),
  verdicts: z.array(
    z.strictObject({
      module: text.describe("the version on which it was decided"),
      vcpus: z.int(),
      pages: z.int(),
      retries: z.int().nullable(),
      outcome: text,
      violations: z
        .array(z.strictObject({ property: text, steps: z.int(), loop: z.int().optional(), shortest: z.boolean() }))
        .describe(
          "with the length of a run; `loop`: so many steps come before its loop; `shortest`: none needs fewer, before its loop if it has one",
        ),
      states: z.int(),
      whole: z.boolean().describe("was everything explored? Else a violation was found, and others may be unknown"),
      reproduce: text,
    }),
  ),
});

export type Handling = z.infer<typeof handlingSchema>;

/** What a host leaves of one resource's contentions. */
export const hostVerdictSchema = z.strictObject({
  resource: text,
  verdict: z
    .enum(["no-conflict", "avoided", "possible", "not-judged"])
    .describe(
      "not-judged: nothing is possible among the calls that the profile names, but it does not name all TDCALLs that meet there",
    ),
  severity: z.enum(SEVERITIES).describe("the worst outcome of what is possible"),
  phases: z
    .array(text)
    .describe("life-cycle phases in which contention is possible without any path outlasting its gate"),
  onlyThrough: text.nullable().describe("the one path without which nothing would be possible"),
  why: z.array(text).describe("the reasons that rule pairs out, most frequent first"),
  meetings: z.array(text).describe("who can still meet whom, worst first"),
});

export type HostVerdict = z.infer<typeof hostVerdictSchema>;

/** `seamlock/report@1`. */
export const reportSchema = z.strictObject({
  schema: z.literal("seamlock/report@1"),
  module: moduleInfoSchema,
  scope: z.strictObject({ kind: z.enum(["kvm", "all", "leaves", "resources", "host"]), title: text }),
  evidence: z.boolean(),
  pamt: z.boolean().describe("are PAMT entries above pages shown in tables?"),
  tldr: z.array(text),
  handling: z.array(handlingSchema).describe("ways of handling BUSY with their verdicts; empty for a part of a report"),
  hostHandling: z
    .array(text)
    .describe("what was decided of the host's own paths; empty where nobody asked it of this host on this module"),
  locks: catalogSchema.shape.locks,
  unreadPrimitives: z
    .array(z.strictObject({ kind: lockKindSchema, name: text, site: siteSchema }))
    .describe(
      "lock primitives that no bundled module has: what is said of a lock kind beside its fields was not read of these",
    ),
  septEntryBits: catalogSchema.shape.septEntryBits,
  resources: z.array(
    z.strictObject({ resource: text, shared: z.array(text), exclusive: z.array(text), noLock: z.array(text) }),
  ),
  leaves: z.array(leafSchema),
  contention: z.array(pairSchema),
  unlocked: z.array(unlockedSchema),
  pamtNote: text.nullable().describe("what stands for the rows of PAMT entries above pages; null where they are shown"),
  notes: z.array(
    z.strictObject({ letter: text, leaf: text.describe("the calls that it is about"), sentences: z.array(text) }),
  ),
  summary: z.array(z.strictObject({ resource: text, sentences: z.array(text) })),
  exchanges: z
    .array(text)
    .describe("who is refused without a lock, because what it read has changed, and whom that is by"),
  guestSummary: text.nullable().describe("what TDCALLs leave alone"),
  conclusion: z.array(text),
  conclusionRows: z.array(conclusionRowSchema).describe("who can still meet whom under the host; empty without one"),
  conclusionOf: z
    .strictObject({ phase: z.enum(PARTS).nullable(), exceptional: z.boolean() })
    .describe("what `conclusionRows` are narrowed to: a part of a TD's life, what ordinary operation does not come to"),
  outOfScope: z
    .strictObject({ host: z.array(text), guest: z.array(text) })
    .describe("calls that take locks and are left out"),
  assumptions: z.array(text),
  provenance: z.array(text),
  host: hostInfoSchema.nullable().describe("null: the module alone"),
  hostVerdicts: z.array(hostVerdictSchema).describe("empty without a host"),
  constants: catalogSchema.shape.constants,
  behaviours: catalogSchema.shape.behaviours,
  diagnostics: catalogSchema.shape.diagnostics,
});

export type ReportDocument = z.infer<typeof reportSchema>;
