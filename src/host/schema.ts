/** The schema of a host profile, `seamlock/host@1`: what a hypervisor does around its SEAMCALLs, as facts. */
import { z } from "zod";
import { KNOWN_BY, LOCK_KINDS, LOCK_SCOPES, REACTION, TD_EXITS } from "./vocabulary.ts";

const text = z.string().min(1);

export const hostLockSchema = z.strictObject({
  name: text,
  kind: z.enum(LOCK_KINDS),
  per: z.enum(LOCK_SCOPES),
  what: text.optional(),
});

export const phaseSchema = z.strictObject({
  name: text,
  what: text,
  opStates: z.array(text).min(1).optional().describe("OP_STATEs that the TD can have in this phase"),
  singleThreaded: z.boolean().optional().describe("one thread does all that is done to the VM in this phase"),
});

const placeSchema = z.strictObject({ function: text, file: text, line: z.int().min(1) });

/** A lock that is held, in full: a profile may write a bare name, which is that lock, exclusive, of the path's own object. */
export const heldLockSchema = z.strictObject({
  lock: text,
  mode: z.enum(["exclusive", "shared"]).optional().describe("exclusive unless stated"),
  of: z
    .enum(["self", "all", "target", "other"])
    .optional()
    .describe(
      "whose: of the path's own object (unless stated), of every one, of the one the call names, of some other",
    ),
  assumed: text.optional().describe("set where no source says so: what is taken for granted"),
  by: z
    .enum(KNOWN_BY)
    .optional()
    .describe("derived from the source, asserted by it, told by a rule for a protocol that is no lock, or stated"),
  evidence: z.array(placeSchema).min(1).optional().describe("where it is taken, or asserted"),
});

export const lockUseSchema = z.union([text, heldLockSchema], {
  error: "is neither a lock's name nor { lock, mode, of, assumed }",
});

const reaction = z.string().regex(REACTION, {
  message:
    "is no reaction; there are retry:N, retry:unbounded, kick-and-retry:N, return:-ERRNO, refault, reenter, warn, bug-vm, leak, misread, ignore, unknown",
});

export const busyClauseSchema = z.strictObject({
  on: z.array(text).min(1).optional().describe("operand IDs in the status for which this holds; any, unless stated"),
  do: z.array(reaction).min(1).describe("in order: the next one follows when the one before did not help"),
  note: text.optional(),
});

export const stepSchema = z.strictObject({
  call: text.describe("a SEAMCALL leaf in any spelling"),
  variant: text.optional(),
  times: text.optional(),
  when: text.optional(),
  context: text.optional(),
  interrupts: z.literal("off").optional().describe("of the CPU that makes the call"),
  phases: z.array(text).min(1).optional().describe("where the step runs in some of the path's phases only"),
  onEach: z
    .enum(["cpu", "package"])
    .optional()
    .describe("one run makes the call on several CPUs at once: on every CPU, or on one CPU of every package"),
  vcpu: z.enum(["self", "any"]).optional().describe("the vCPU that the call names: the path's own unless stated"),
  holds: z.array(lockUseSchema).optional().describe("besides what the whole path holds"),
  onBusy: z.array(busyClauseSchema).optional(),
  exceptional: text.optional().describe("why the step is no ordinary operation: what must have happened"),
  evidence: z
    .array(placeSchema.extend({ case: text.optional().describe("the case of a switch that it stands in") }))
    .min(1)
    .optional()
    .describe("the chain of calls, from the entry down to the SEAMCALL"),
  note: text.optional(),
});

export const pathSchema = z.strictObject({
  name: text,
  function: text.optional(),
  per: z.enum(["machine", "vm", "vcpu"]).describe("what one run of the path works for"),
  phases: z.array(text).min(1),
  gate: text.optional(),
  overruns: z
    .array(text)
    .min(1)
    .optional()
    .describe("later phases into which a run can last, for no lock holds its gate"),
  atMostOne: z.enum(["machine", "vm", "vcpu"]).optional().describe("no two runs at once per machine, VM or vCPU"),
  exceptional: text.optional().describe("why the path is no ordinary operation: what must have happened"),
  entries: z.array(text).min(1).optional().describe("where it begins: function, and commands or exits that lead to it"),
  sources: z.array(text).min(1),
  assumed: z.array(text).optional(),
  note: text.optional(),
  holds: z.array(lockUseSchema).optional().describe("held at every step"),
  steps: z.array(stepSchema),
});

export const guestSchema = z.strictObject({
  calls: z.array(text).describe("TDCALL leaves that the guest may issue at any moment while it runs"),
  onBusy: z.array(busyClauseSchema).optional(),
  note: text.optional(),
});

/** What an extraction had to say of its tree. */
export const hostDiagnosticSchema = z.strictObject({
  code: text,
  severity: z.enum(["error", "warning", "note"]),
  message: text,
  file: text.nullable(),
  line: z.int().nullable(),
});

/** Of a profile that was extracted from source. */
export const extractedSchema = z.strictObject({
  tree: text.describe("what the tree is: a package or a repository and its revision, or just its version"),
  kernel: text.describe("the version that the tree states"),
  digest: text.describe("of all files that were read"),
  rulesDigest: text,
  rules: text.describe("the name of the rules"),
  excluded: z
    .array(z.strictObject({ what: text, reason: text, places: z.array(placeSchema) }))
    .describe("ways to a SEAMCALL that a rule leaves out, and why"),
  diagnostics: z.array(hostDiagnosticSchema),
});

export const exitSchema = z.strictObject({
  exit: z
    .enum(TD_EXITS)
    .describe(
      "host-priority-timeout: TDH.VP.ENTER returns TDX_HOST_PRIORITY_BUSY_TIMEOUT; pending-page: an EPT violation of a pending page, #VE disabled",
    ),
  reaction: z
    .enum(["enters", "error", "vm-dead"])
    .describe("the vCPU enters again; user space gets an error that it does not expect; the VM is ended"),
  sources: z.array(text).min(1),
  note: text.optional(),
});

export const removalSchema = z.strictObject({
  policy: z.enum(["fail-fast", "retry-n", "retry-forever", "kick-first", "kick-on-busy"]),
  barUntil: z.enum(["removed", "returned", "kicked"]).describe("when entry is allowed again after a kick"),
  afterTrack: z.boolean().describe("are vCPUs kicked after TDH.MEM.TRACK?"),
  sources: z.array(text).min(1),
});

/** `seamlock/host@1`. */
export const hostSchema = z.strictObject({
  schema: z.literal("seamlock/host@1"),
  name: text,
  description: text,
  confidence: text.optional(),
  sources: z.array(text).min(1),
  assumed: z.array(text).optional().describe("what the whole profile takes for granted"),
  pageSizes: z
    .array(z.enum(["4K", "2M", "1G"]))
    .min(1)
    .optional()
    .describe("sizes of private pages; any, unless stated"),
  phases: z.array(phaseSchema).min(1),
  locks: z.array(hostLockSchema),
  paths: z.array(pathSchema).min(1),
  guest: guestSchema.optional(),
  removal: removalSchema.optional().describe("how a page of a running TD is removed: block, track, remove"),
  exits: z.array(exitSchema).optional().describe("what the host does after TD exits that hosts treat differently"),
  extracted: extractedSchema.optional(),
});

/** `seamlock/hosts@1`: the bundled profiles. */
export const hostsSchema = z.strictObject({
  schema: z.literal("seamlock/hosts@1"),
  hosts: z.array(z.strictObject({ name: text, description: text, paths: z.int() })),
});

/** `seamlock/host-lint@1`: remarks about a profile. */
export const hostLintSchema = z.strictObject({
  schema: z.literal("seamlock/host-lint@1"),
  host: text,
  module: text,
  findings: z.array(
    z.strictObject({
      code: text,
      severity: z.enum(["error", "warning", "note"]),
      message: text,
      place: z.strictObject({ file: text, line: z.int().optional(), column: z.int().optional() }),
      hint: text,
    }),
  ),
});

export type HostLock = z.infer<typeof hostLockSchema>;
export type LockUse = z.infer<typeof heldLockSchema>;
export type Phase = z.infer<typeof phaseSchema>;
export type BusyClause = z.infer<typeof busyClauseSchema>;
export type HostStep = z.infer<typeof stepSchema>;
export type HostPath = z.infer<typeof pathSchema>;
export type HostPlace = z.infer<typeof placeSchema>;
export type Extracted = z.infer<typeof extractedSchema>;
export type HostProfile = z.infer<typeof hostSchema>;
