/** The Catalog's schema: what `seamlock/catalog@1` may hold, field by field, in the order in which it is written. Its types: types.ts. */
import { z } from "zod";
import { conditionSchema } from "./conditions.ts";
import { LEAF_NAME } from "./leaves.ts";
import { behaviourSchema, lockProgramSchema, otherAtomicSchema, septWriterSchema } from "./programs-schema.ts";

const STATUS = z.string().regex(/^0x[0-9A-F]{16}$/, "is no status: 0x and 16 upper-case hex digits");
const LINE = z.int().min(1);
/** Of a place in a release that was read by hand, from text without line numbers: 0. */
const SITE_LINE = z.int().min(0);
/** Far more than any module has (a hundred leaves, twenty rows each): every pair of rows is looked at, so their number is bounded. */
const MOST_LEAVES = 400;
const MOST_ROWS = 200;
const LEAF_NUMBER = z.int().min(0).max(0xffff);

/** Who asks: a SEAMCALL or the VMM (`host`), a TDCALL or the TD (`guest`). Host-priority locks treat the two differently. */
export const sideSchema = z.enum(["host", "guest"]);
/**
 * The lock kinds that the module's `tdx_locks.h` defines; `bit` is a single bit of another word, as the migration code adds it, and
 * `bit_hp` one with a host-priority bit beside it, like that of a SEPT entry.
 */
export const lockKindSchema = z.enum(["sharex", "sharex_hp", "sept_entry", "mutex", "bit", "bit_hp"]);
/**
 * `NO_LOCK`: the leaf walks the structure without the lock, on purpose: it asks for the lock in the mode "no lock"
 * (`TDX_LOCK_NO_LOCK`), or walks by a function that knows no lock (`secure_ept_walk`, `gpa_translate`) while it does not hold it.
 */
export const lockModeSchema = z.enum(["SHARED", "EXCLUSIVE", "NO_LOCK"]);
export const statusSchema = STATUS;

/** A line of the module's source; `file` is relative to the root of the tree, `line` is 1-based, or 0 where it is not known (origin `read`). */
export const siteSchema = z.strictObject({ file: z.string().min(1), line: SITE_LINE, function: z.string().min(1) });

/** An operand as the module reports it in the low 32 bits of a status. `id` drops the `OPERAND_ID_` prefix. */
export const operandSchema = z.strictObject({ id: z.string().min(1), number: z.int().min(0) });

/** One more status that tells of the same busy lock. */
const busyStatusSchema = z.strictObject({ status: STATUS, operand: operandSchema.nullable() });
/** The size of a page. */
export const pageSizeSchema = z.enum(["4K", "2M", "1G"]);
const pageSizesSchema = z.array(pageSizeSchema).min(1);
/** Whose TD an object is: that of the guest that calls, the one that the host's call names, or another one that a call names. */
export const tdSchema = z.enum(["own", "named", "other"]);
/** The place in one word: the kind, or the function's name. For readers of catalogs that have nothing else; `kind` says what it is. */
const releaseAt = z.string().min(1);

const releaseBody = {
  /** Rows of this {@link Acquisition.order} and later ones are taken only after it was given back. Absent where nobody has read it. */
  order: z.int().min(0).optional(),
  /**
   * Position in the order in which a call gives its locks back, which need not be the reverse of that in which it takes them: an earlier
   * one is given back first, but where {@link Leaf.releaseOrders} tells otherwise. Of two that are given back before a later lock is taken,
   * in different orders on different paths, it says nothing; nor of what different rounds of a loop take, where the row's `times` does not say
   * how many there are. Absent for `page-removed`, and where nobody has read it.
   */
  sequence: z.int().min(0).optional(),
  /** From the leaf's own call down to what gives it back on success; for `page-removed`, to where the page becomes free. */
  evidence: z.array(siteSchema),
  /**
   * Other places that give it back, where the call ends or goes on differently, each from the leaf's own call down; in the order of
   * the source. Absent where there are none.
   */
  elsewhere: z.array(z.array(siteSchema)).min(1).optional(),
};
/**
 * Where a lock taken by a leaf is given back.
 * - `leaf-exit`: in the leaf's clean-up, or elsewhere in the leaf's own function.
 * - `iteration-end`: in the iteration of the loop that took it, so that the leaf holds at most one at a time.
 * - `before-td-entry`, `td-exit`: by the leaf that enters the TD; the latter locks stay held while the guest runs.
 * - `page-removed`: never; the lock word lies in a page that the leaf removes, and goes with it.
 * - `function`: in a function that gives it back earlier.
 */
export const releaseSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    at: releaseAt,
    kind: z.enum(["leaf-exit", "iteration-end", "before-td-entry", "td-exit", "page-removed"]),
    ...releaseBody,
  }),
  z.strictObject({ at: releaseAt, kind: z.literal("function"), function: z.string().min(1), ...releaseBody }),
]);

/**
 * A TD exit that a guest's call ends in because the host has priority. TDH.VP.ENTER returns `status`; `detail` is in RDX, and in
 * the guest's RAX when the host enters the TD again, where bit 60 is set if the host says that it has mended what was wrong.
 */
const hostPriorityExitSchema = z.strictObject({ status: STATUS, detail: STATUS });

/** One lock acquisition of a leaf, on its success path. Rows stand in source order. An extraction says so (SL1037, SL1039) where only a call that fails takes a lock, or tries it at a place. */
export const acquisitionSchema = z.strictObject({
  /** A name of the fixed vocabulary (see {@link RESOURCES}), or the lock's field name if it fits none. */
  resource: z.string().min(1),
  /** What the leaf does with a target page (`to-add`, `to-remove`, …) or which of two objects of a class; else null. */
  role: z.string().min(1).nullable(),
  /** The object that holds the lock, in the leaf's own terms: its variable, e.g. `tdcs_ptr`; of a bit lock the word, e.g. `f_migsc_links[migs_i]`. */
  object: z.string(),
  /**
   * Of a lock that is bits of a word: the word's member in its structure, and `[]` for an element of an array. Other members are other
   * words. Absent where nobody has read it.
   */
  word: z.array(z.string().min(1)).min(1).optional(),
  lock: lockKindSchema,
  mode: lockModeSchema,
  side: sideSchema,
  /**
   * Of the entry of a page in the PAMT: of which sizes the page can be there, smallest first, where the source tells. Absent for
   * locks of other things.
   */
  pageSizes: pageSizesSchema.optional(),
  /** Whose TD the object is, or is part of; null for what is no TD's. Absent where nobody has read it. */
  td: tdSchema.nullable().optional(),
  /**
   * Position in the order in which a call takes its locks: on every path of the leaf that takes both, an earlier one is taken before a later
   * one; where paths take two in either order, that is a diagnostic. Of what different rounds of a loop take, where {@link times} does not
   * say how many there are, it says nothing. Null for NO_LOCK rows. Absent where nobody has read it.
   */
  order: z.int().min(0).nullable().optional(),
  /**
   * Null when every successful run takes the lock; else what tells those that do from the other successful runs, in the source's
   * own terms. Where that is long, the tests of inputs and fields stand for it, with `(earlier checks pass)` for what
   * functions check before.
   */
  when: z.string().min(1).nullable(),
  /** {@link when} as a tree, for programs; null when every successful run takes the lock. Absent where nobody has read it. */
  condition: conditionSchema.nullable().optional(),
  /** `"1"`, or how often it is tried: `per L2 VM`, `per list entry`, `16` in a loop of so many rounds, which may end with the first that takes it. */
  times: z.string().min(1),
  /** The operand in the status that the leaf returns when this lock is busy; null when the status carries none. */
  operand: operandSchema.nullable(),
  /** The 64-bit status returned when this lock is busy, `0x` and 16 upper-case digits; null when the leaf does not return one. */
  busyStatus: STATUS.nullable(),
  /**
   * What tells the calls that end when this lock is busy from those that go on without it, in the source's own terms. Absent where
   * every call ends, and where none does: then there is no {@link busyStatus}.
   */
  busyWhen: z.string().min(1).optional(),
  /**
   * The status when a guest asks (`side`, or a TDCALL on another TD) and the host-priority bit is set, as the leaf returns it; null
   * where that cannot happen, and where the call does not return it ({@link hostPriorityExit}). The TDCALL dispatcher of every 1.5
   * turns it into TDX_OPERAND_BUSY before the guest sees it, or into a TD exit once the time-out has passed.
   */
  hostPriorityStatus: STATUS.nullable(),
  /** The TD exit that the call ends in instead. Absent where it ends in none. */
  hostPriorityExit: hostPriorityExitSchema.optional(),
  /**
   * Further statuses of this row, in ascending order: the lock of each other L2 VM has an operand of its own, and what is
   * an error of one call in one phase of an import is fatal in another. Empty for most rows.
   */
  otherStatuses: z.array(busyStatusSchema).default([]),
  /** Null for NO_LOCK rows. */
  release: releaseSchema.nullable(),
  /** From the leaf's own call down to the primitive. */
  evidence: z.array(siteSchema),
  /** Of a lock that is taken SHARED and then made EXCLUSIVE, on some path: from the leaf's own call down to the promotion; else null. */
  promotion: z.array(siteSchema).nullable().default(null),
  /** Those {@link pageSizes} of which the lock is promoted; of the others it is taken EXCLUSIVE at once. Absent without a promotion of a page's entry. */
  promotedSizes: pageSizesSchema.optional(),
});

/** A BUSY-class status that comes from something other than a lock primitive (a failed cmpxchg, a reference count, …). */
export const otherBusySchema = z.strictObject({
  /** As the leaf returns it; without an {@link operand} its low half says nothing, or something that the call decides. */
  status: STATUS,
  name: z.string().min(1),
  /** The field or structure that is busy, in the source's own terms. */
  object: z.string(),
  operand: operandSchema.nullable(),
  /** The position in a list is added to the low half. */
  indexed: z.literal(true).optional(),
  /**
   * The last test before the status, after what tells the cases apart in which the leaf comes there from the other successful ones
   * (the leaf's own tests, where they are short); in the source's own terms.
   */
  when: z.string().min(1).nullable(),
  /** {@link when} as a tree. Absent where nobody has read it. */
  condition: conditionSchema.nullable().optional(),
  evidence: z.array(siteSchema),
});

/**
 * One order in which calls of a leaf give their locks back at an end at which it need not be the one that the rows' `sequence` tells: a helper
 * that fails gives back itself what it has taken, and the clean-up of a call that fails need not have the order of one that succeeds (1.5.05
 * tdh_mem_page_remove.c gives back SEPT_ENTRY at 216 and PAGE at 232, but PAGE at 232 and SEPT_ENTRY at 237 where it fails).
 */
export const releaseOrderSchema = z.strictObject({
  /** How the calls end: well, refused at a busy lock, or otherwise, as most errors do. */
  end: z.enum(["success", "busy", "other"]),
  /** Of `busy`: the {@link Acquisition.order} of the lock that is refused. */
  refused: z.int().min(0).optional(),
  /**
   * The {@link Acquisition.order} of the locks that the call takes, in the order in which it gives them back: without those that every
   * successful call gives back before it takes the last one, or the one that is refused ({@link Release.order}).
   */
  locks: z.array(z.int().min(0)).min(2),
});

/** One leaf function, or one variant of it when an input decides the lock modes. */
export const leafSchema = z.strictObject({
  /** Lower case, as the handler is named in the leaf's own header: `tdh_mem_track`. */
  name: z.string().regex(LEAF_NAME, "is no leaf's name: tdh_… or tdg_…, in lower case"),
  /** The leaf number in RAX[15:0]. */
  number: LEAF_NUMBER,
  side: sideSchema,
  handler: siteSchema,
  /** Null, or what tells this entry from the others of the same leaf: `version=0`, `version>=1`, `write`, … */
  variant: z.string().min(1).nullable(),
  /** OP_STATEs in which the leaf is legal; null when the module checks none for it. */
  opStates: z.array(z.string().min(1)).nullable(),
  /** SEPT entry states on which the leaf is legal; null when the module checks none for it. */
  septStates: z.array(z.string().min(1)).nullable(),
  acquisitions: z.array(acquisitionSchema).max(MOST_ROWS),
  /**
   * Orders of giving back, of each end at which some call has one that {@link Release.sequence} does not tell. To look one up, by how a call
   * ends and all locks that it holds: take the entries of that end that have all of these locks, and of them those with the fewest. Where
   * several are left, any of them may be; where none is, the order is that of {@link Release.sequence}. Who leaves locks out does so for each
   * set of locks that a call may hold, which is with what is left the locks of some entry. Absent where all calls have the order of
   * {@link Release.sequence}, and where nobody has read it.
   */
  releaseOrders: z.array(releaseOrderSchema).min(1).optional(),
  otherBusy: z.array(otherBusySchema),
  /**
   * Every status that the leaf can end with, by position in {@link Catalog.statuses}, in ascending order, success too. Read from the syntax
   * alone: one that no run can come to may be among them. Absent where nobody has read them.
   */
  statuses: z.array(z.int().min(0)).optional().describe("positions in the catalog's statuses"),
});

/** What a part of a status's low half is. */
export const statusDetailSchema = z.enum([
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
]);

/** Some bits of a status's low half, as the call that makes the status fills them. */
export const statusPartSchema = z.strictObject({
  high: z.int().min(0).max(31),
  low: z.int().min(0).max(31),
  is: statusDetailSchema,
  /** Null where the source does not fix it. */
  value: z.int().min(0).nullable(),
  /** An index is added to {@link value}. */
  indexed: z.literal(true).optional(),
});

/** A status as some leaf makes it. */
export const statusSourceSchema = z.strictObject({
  /** Its name in {@link Catalog.statusCodes}. */
  status: z.string().min(1),
  /** Made fatal: bit 61 is set on top of it. */
  fatal: z.boolean(),
  /** Highest bits first; empty when nothing is put into the low half. */
  parts: z.array(statusPartSchema),
  /** Where it is made, in the order of files and lines; of many places the first ones. */
  at: z.array(siteSchema).min(1),
});

/** One primitive of a lock kind, as its source function performs it. */
export const primitiveSchema = z.strictObject({
  function: z.string().min(1),
  operation: z.enum(["acquire", "release", "promote", "demote"]),
  /** The mode asked for or given back; null where the primitive has none (a mutex) or takes it as an argument. */
  mode: z.enum(["SHARED", "EXCLUSIVE"]).nullable(),
  /** Null when the primitive is the same for both sides. */
  side: sideSchema.nullable(),
  /** What the caller may see, in source order: status or return names. */
  outcomes: z.array(z.string().min(1)),
  /** The atomic instructions it performs, in source order: `lock xadd`, `lock cmpxchg`, `lock bts`, … */
  atomics: z.array(z.string().min(1)),
  /** True when a failed attempt sets the host-priority bit. */
  setsHostPriority: z.boolean(),
  evidence: siteSchema,
});

/** One field of a lock word. */
export const bitFieldSchema = z.strictObject({
  name: z.string().min(1),
  lsb: z.int().min(0).max(63),
  width: z.int().min(1).max(64),
});

/** What the source defines about one lock kind. */
export const lockDefinitionSchema = z.strictObject({
  kind: lockKindSchema,
  /** The source's type name, or null where the lock is bits of another word. */
  type: z.string().min(1).nullable(),
  /** Bits of the word that holds the lock. */
  width: z.int().min(1).max(64),
  fields: z.array(bitFieldSchema),
  primitives: z.array(primitiveSchema),
});

/** Errors leave the catalog incomplete (exit status 3); warnings are differences a reader must know; notes explain. */
export const severitySchema = z.enum(["error", "warning", "note"]);

/** A diagnostic of an extraction. */
export const diagnosticSchema = z.strictObject({
  /** `SL` and four digits; listed in docs/diagnostics.md. */
  code: z.string().regex(/^SL\d{4}$/, "is no code: SL and four digits"),
  severity: severitySchema,
  message: z.string().min(1),
  file: z.string().min(1).nullable(),
  line: LINE.nullable(),
});

/** Which module the facts are about. */
export const moduleInfoSchema = z.strictObject({
  version: z.string().min(1),
  /** `read`: by hand, from single files of a release whose tree could not be extracted; such a catalog is incomplete and says so. */
  origin: z.enum(["extracted", "published", "read"]),
  /** Public repository that the tree came from, `owner/name`, or null when not known. */
  repository: z.string().min(1).nullable(),
  /** Commit of that repository, or null. */
  revision: z.string().min(1).nullable(),
  /** SHA-256 over the tree's source files, or over the published table. */
  sourceDigest: z.string().regex(/^sha256:[0-9a-f]{64}$/, "is no digest: sha256: and 64 lower-case hex digits"),
});

/** Did the analysis see every lock site of the tree? */
export const coverageSchema = z.strictObject({
  /** Call sites of acquire and promote primitives in the tree. */
  sites: z.int().min(0),
  /** Sites that some leaf's analysis reached. */
  visited: z.int().min(0),
  /** Sites that no leaf reaches, each with the reason. */
  explained: z.array(z.strictObject({ site: siteSchema, reason: z.string().min(1) })),
});

/** The whole document, `seamlock/catalog@1`. */
export const catalogSchema = z.strictObject({
  schema: z.literal("seamlock/catalog@1"),
  module: moduleInfoSchema,
  /** Host leaves first, then guest leaves, each by number, then variant in source order. */
  leaves: z.array(leafSchema).max(MOST_LEAVES),
  locks: z.array(lockDefinitionSchema),
  /** What each lock primitive does to its word, instruction by instruction: by kind, operation, mode and side. */
  primitives: z.array(lockProgramSchema).default([]),
  /** Functions that write a SEPT entry's word, by place. */
  writers: z.array(septWriterSchema).default([]),
  /** Functions whose effect the models restate by hand, as this tree has them. */
  behaviours: z.array(behaviourSchema).default([]),
  /** Atomic instructions on memory that is neither a lock nor a SEPT entry, by place. */
  otherAtomics: z.array(otherAtomicSchema).default([]),
  /** Bit positions in a 64-bit SEPT entry that locking and TLB tracking use, by name. */
  septEntryBits: z.record(z.string().min(1), z.int().min(0).max(63)),
  /** All OP_STATE names, in the order of the source's enumeration. */
  opStates: z.array(z.string().min(1)),
  /** All SEPT entry state names, in the order of the source's table. */
  septStates: z.array(z.string().min(1)),
  statusCodes: z.record(z.string().min(1), STATUS),
  operandIds: z.record(z.string().min(1), z.int().min(0)),
  /** The statuses that leaves make, each once; by name, then by what their low half is. Absent where nobody has read them. */
  statuses: z.array(statusSourceSchema).optional(),
  /** Zero-step thresholds, list sizes, host-priority time-outs (microseconds, names end in `_USEC`), state names' values. */
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
