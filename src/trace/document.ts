/** `seamlock/trace@1`: what a recording shows. */
import { z } from "zod";
import { moduleInfoSchema, statusSchema } from "../catalog/index.ts";
import { CERTAINTIES } from "./blame.ts";
import { TOOLS } from "./commands.ts";
import { FORMAT_NAMES } from "./formats/index.ts";

const text = z.string().min(1);
const count = z.int().min(0);
const time = z.number().describe("nanoseconds of the recording's clock");
const key = text.nullable();

/** One call of the host. */
export const callSchema = z.strictObject({
  leaf: text,
  begin: time.nullable().describe("null: before the recording"),
  end: time.nullable().describe("null: still open when the recording ended"),
  cpu: z.int(),
  tid: z.int().describe("-1: not recorded"),
  td: key.describe("frame number of the TDR page in hexadecimal, or the kernel's pointer"),
  vp: key.describe("the same of the vCPU"),
  gpa: key,
  level: count.nullable(),
  status: statusSchema.nullable(),
});

export const culpritSchema = z.strictObject({
  kind: z.enum(["call", "guest"]),
  leaf: text.nullable().describe("of a guest: null, or the one TDCALL that can have been it"),
  mode: text.nullable(),
  sameObject: z.boolean(),
  calls: z
    .array(callSchema)
    .describe("the call; of a guest: the entries of the vCPUs that ran then, the last entered first"),
});

export const DOUBTS = [
  "lost",
  "edge",
  "unwatched",
  "unsure",
  "object",
  "several",
  "status",
  "host-priority",
  "crowded",
] as const;

export const busySchema = z.strictObject({
  call: callSchema,
  status: statusSchema,
  resources: z.array(text),
  certainty: z.enum(CERTAINTIES),
  asLikely: count.describe(
    "so many of the first culprits are as likely as the first: the recording does not tell between them",
  ),
  oneOfThese: z.boolean().describe("is it sure that one of the culprits held it?"),
  doubts: z.array(z.enum(DOUBTS)),
  culprits: z.array(culpritSchema).describe("most likely first"),
  chain: z.array(text).describe("functions that led to the call, innermost first; empty when not recorded"),
});

const histogram = z.record(z.string(), count).describe("upper bound in ns, a power of two: how many");

export const episodeSchema = z.strictObject({
  leaf: text,
  td: key,
  vp: key,
  gpa: key,
  cpu: z.int(),
  tid: z.int(),
  begin: time,
  lost: time.describe(
    "from the first try's beginning to that of the one that got through, or to the end of the last; what came before a beginning that is not recorded is not counted",
  ),
  tries: count,
  atOnce: count.describe("tries without an entry of the guest in between"),
  outcome: z.enum(["done", "other", "given-up", "open"]),
  vcpusOut: time
    .nullable()
    .describe(
      "time that vCPUs of the TD were out of the guest meanwhile, added up; null: not recorded, it took longer than runs are kept, or of too many vCPUs",
    ),
  around: z
    .array(callSchema)
    .describe("of the longest ones: calls for the TD, and runs of its vCPUs, meanwhile, by their beginning"),
});

/** Something that was seen and that the host profile says does not happen. */
export const surpriseSchema = z.strictObject({
  kind: z.enum(["meeting", "busy", "reaction"]),
  a: text,
  b: text.nullable(),
  resource: text.nullable(),
  excludedBy: z.array(text),
  count,
  first: z.array(callSchema).describe("the first time"),
  what: text,
});

export const traceSchema = z.strictObject({
  schema: z.literal("seamlock/trace@1"),
  module: moduleInfoSchema,
  host: text.nullable(),
  recording: z.strictObject({
    format: text,
    kernel: text.nullable(),
    clock: text.nullable(),
    resolution: count.describe("ns; times are no more exact"),
    lines: count,
    calls: count,
    unread: count.describe("lines that nothing could be made of"),
    passed: count.describe("lines about something else"),
    lost: count.describe("events that are known to be missing"),
    unmatched: count.describe("ends without a beginning, and beginnings without an end"),
    open: count.describe("calls still open at the end"),
    late: count.describe("calls that were printed too late to be told in their order"),
    from: time.nullable(),
    to: time.nullable(),
    cpus: count,
    tds: count,
    vcpus: count,
  }),
  leaves: z.array(
    z.strictObject({ leaf: text, calls: count, busy: count, errors: count, time, longest: time, durations: histogram }),
  ),
  busy: z.strictObject({
    count,
    byCertainty: z.strictObject({ certain: count, likely: count, possible: count, none: count }),
    pairs: z
      .array(
        z.strictObject({
          leaf: text,
          resource: text,
          by: text.describe("a leaf, `guest`, or `nobody seen`"),
          certainty: z.enum(CERTAINTIES),
          count,
        }),
      )
      .describe("most frequent first"),
    paths: z.array(z.strictObject({ leaf: text, chain: z.array(text), count })),
    shown: z.array(busySchema).describe("the first ones"),
  }),
  episodes: z.strictObject({
    count,
    outcomes: z.strictObject({ done: count, other: count, "given-up": count, open: count }),
    lost: time,
    vcpusOut: time,
    tries: z.record(z.string(), count).describe("tries: how many episodes"),
    durations: histogram,
    worst: z.array(episodeSchema),
  }),
  surprises: z.array(surpriseSchema),
  neverSeen: z.array(text).describe("paths of the host profile of which no call was seen"),
  diagnostics: z.array(
    z.strictObject({
      code: text,
      severity: z.enum(["error", "warning", "note"]),
      message: text,
      line: count.nullable(),
      hint: text.nullable().describe("what to do next"),
    }),
  ),
});

export type TraceDocument = z.infer<typeof traceSchema>;
export type CallFacts = z.infer<typeof callSchema>;
export type BusyFacts = z.infer<typeof busySchema>;
export type EpisodeFacts = z.infer<typeof episodeSchema>;

/** `seamlock/culprits@1`: who really held what was busy in a recording that `simulate` wrote. */
export const culpritsSchema = z.strictObject({
  schema: z.literal("seamlock/culprits@1"),
  module: text,
  format: z.enum(FORMAT_NAMES),
  busy: z.array(
    z.strictObject({
      call: callSchema,
      resource: text,
      recorded: z.boolean().describe("is the call in the recording, with its status?"),
      culprits: z
        .array(
          z.strictObject({
            kind: z.enum(["call", "guest"]),
            leaf: text.describe("that took the lock"),
            mode: text,
            call: callSchema.describe("the call in flight; of a guest the entry of its vCPU"),
            recorded: z.boolean().describe("does the recording show it at all?"),
          }),
        )
        .describe("empty: nobody was seen to hold it"),
    }),
  ),
});

const ofCertainty = z.strictObject({ count, right: count });

/** `seamlock/agreement@1`: how far blame agrees with known culprits. */
export const agreementSchema = z.strictObject({
  schema: z.literal("seamlock/agreement@1"),
  known: count.describe("BUSYs in the recording whose culprit is known"),
  found: count,
  right: count.describe("the first culprit named held the lock"),
  amongFirst: count.describe(
    "one of those named as the most likely did: several where what is recorded does not tell between them",
  ),
  among: count.describe("one of those named did"),
  certain: count,
  certainWrong: count,
  noneOfThese: count.describe("told as one of several, and none of them held it"),
  byCertainty: z.strictObject({ certain: ofCertainty, likely: ofCertainty, possible: ofCertainty, none: ofCertainty }),
  wrong: z
    .array(z.strictObject({ busy: culpritsSchema.shape.busy.element, blame: busySchema }))
    .describe("the first ones"),
});

/** `seamlock/record@1`: the commands that record. */
export const recordSchema = z.strictObject({
  schema: z.literal("seamlock/record@1"),
  tool: z.enum(TOOLS),
  release: text,
  known: z.boolean().describe("was the release, or one next to it, read from source?"),
  script: text,
  sees: z.array(text),
  misses: z.array(text),
});

export type Culprits = z.infer<typeof culpritsSchema>;
