/**
 * The Catalog: what one version of the TDX module does with its locks, as facts.
 *
 * Everything downstream (tables, contention, models) is derived from a Catalog and nothing else about the module.
 * The JSON form (`seamlock/catalog@1`) has exactly these fields in this order.
 */

import type { Condition } from "./conditions.ts";
import type { Behaviour, LockProgram, OtherAtomic, SeptWriter } from "./programs.ts";

/**
 * The lock kinds that the module's `tdx_locks.h` defines; `bit` is a single bit of another word, as the migration code adds it, and
 * `bit_hp` one with a host-priority bit beside it, like that of a SEPT entry.
 */
export type LockKind = "sharex" | "sharex_hp" | "sept_entry" | "mutex" | "bit" | "bit_hp";

/**
 * `NO_LOCK`: the leaf walks the structure without the lock, on purpose: it asks for the lock in the mode "no lock"
 * (`TDX_LOCK_NO_LOCK`), or walks by a function that knows no lock (`secure_ept_walk`, `gpa_translate`) while it does not hold it.
 */
export type LockMode = "SHARED" | "EXCLUSIVE" | "NO_LOCK";

/** Who asks: a SEAMCALL or the VMM (`host`), a TDCALL or the TD (`guest`). Host-priority locks treat the two differently. */
export type Side = "host" | "guest";

/** A line of the module's source; `file` is relative to the root of the tree, `line` is 1-based, or 0 where it is not known (origin `read`). */
export interface Site {
  readonly file: string;
  readonly line: number;
  readonly function: string;
}

/** A place for people: `FILE:LINE`, or the file alone where the line is not known. */
export const placeText = ({ file, line }: Pick<Site, "file" | "line">): string => (line > 0 ? `${file}:${line}` : file);

/** An operand as the module reports it in the low 32 bits of a status. `id` drops the `OPERAND_ID_` prefix. */
export interface Operand {
  readonly id: string;
  readonly number: number;
}

/** One more status that tells of the same busy lock. */
export interface BusyStatus {
  readonly status: string;
  readonly operand: Operand | null;
}

/** Whose TD an object is: that of the guest that calls, the one that the host's call names, or another one that a call names. */
export type TdOf = "own" | "named" | "other";

/** The size of a page. */
export type PageSize = "4K" | "2M" | "1G";

/** Where a lock taken by a leaf is given back. */
export type Release = ReleasePlace & {
  /** Rows of this {@link Acquisition.order} and later ones are taken only after it was given back. Absent where nobody has read it. */
  readonly order?: number | undefined;
  /**
   * Position in the order in which a call gives its locks back, which need not be the reverse of that in which it takes them: on
   * every path that gives both back, an earlier one is given back first. Absent for `page-removed`, and where nobody has read it.
   */
  readonly sequence?: number | undefined;
  /** The place in one word: the kind, or the function's name. For readers of catalogs that have nothing else; `kind` says what it is. */
  readonly at: string;
  /** From the leaf's own call down to what gives it back on success; for `page-removed`, to where the page becomes free. */
  readonly evidence: readonly Site[];
  /**
   * Other places that give it back, where the call ends differently, each from the leaf's own call down; in the order of the
   * source. Absent where there are none.
   */
  readonly elsewhere?: readonly (readonly Site[])[] | undefined;
};

/**
 * - `leaf-exit`: in the leaf's clean-up, or elsewhere in the leaf's own function.
 * - `iteration-end`: in the iteration of the loop that took it, so that the leaf holds at most one at a time.
 * - `before-td-entry`, `td-exit`: by the leaf that enters the TD; the latter locks stay held while the guest runs.
 * - `page-removed`: never; the lock word lies in a page that the leaf removes, and goes with it.
 * - `function`: in a function that gives it back earlier.
 */
export type ReleasePlace =
  | { readonly kind: "leaf-exit" | "iteration-end" | "before-td-entry" | "td-exit" | "page-removed" }
  | { readonly kind: "function"; readonly function: string };

/**
 * A TD exit that a guest's call ends in because the host has priority. TDH.VP.ENTER returns `status`; `detail` is in RDX, and in
 * the guest's RAX when the host enters the TD again, where bit 60 is set if the host says that it has mended what was wrong.
 */
export interface HostPriorityExit {
  readonly status: string;
  readonly detail: string;
}

/** One lock acquisition of a leaf, on its success path. Rows stand in source order. */
export interface Acquisition {
  /** A name of the fixed vocabulary (see {@link RESOURCES}), or the lock's field name if it fits none. */
  readonly resource: string;
  /** What the leaf does with a target page (`to-add`, `to-remove`, …) or which of two objects of a class; else null. */
  readonly role: string | null;
  /** The object that holds the lock, in the leaf's own terms: its variable, e.g. `tdcs_ptr`; of a bit lock the word, e.g. `f_migsc_links[migs_i]`. */
  readonly object: string;
  /**
   * Of a lock that is bits of a word: the word's member in its structure, and `[]` for an element of an array. Other members are other
   * words. Absent where nobody has read it.
   */
  readonly word?: readonly string[] | undefined;
  readonly lock: LockKind;
  readonly mode: LockMode;
  readonly side: Side;
  /**
   * Of the entry of a page in the PAMT: of which sizes the page can be there, smallest first, where the source tells. Absent for
   * locks of other things.
   */
  readonly pageSizes?: readonly PageSize[] | undefined;
  /**
   * Null when every successful run takes the lock; else what tells those that do from the other successful runs, in the source's
   * own terms. Where that is long, the tests of inputs and fields stand for it, with `(earlier checks pass)` for what
   * functions check before.
   */
  readonly when: string | null;
  /** {@link when} as a tree, for programs; null when every successful run takes the lock. Absent where nobody has read it. */
  readonly condition?: Condition | null | undefined;
  /** Whose TD the object is, or is part of; null for what is no TD's. Absent where nobody has read it. */
  readonly td?: TdOf | null | undefined;
  /**
   * Position in the order in which a call takes its locks: on every path of the leaf that takes both, an earlier one is taken before a later
   * one. Null for NO_LOCK rows. Absent where nobody has read it.
   */
  readonly order?: number | null | undefined;
  /** `"1"`, or how often: `per L2 VM`, `per list entry`, … */
  readonly times: string;
  /** The operand in the status that the leaf returns when this lock is busy; null when the status carries none. */
  readonly operand: Operand | null;
  /** The 64-bit status returned when this lock is busy, `0x` and 16 upper-case digits; null when the leaf does not return one. */
  readonly busyStatus: string | null;
  /**
   * What tells the calls that end when this lock is busy from those that go on without it, in the source's own terms. Absent where
   * every call ends, and where none does: then there is no {@link busyStatus}.
   */
  readonly busyWhen?: string | undefined;
  /**
   * The status when a guest asks (`side`, or a TDCALL on another TD) and the host-priority bit is set, as the leaf returns it; null
   * where that cannot happen, and where the call does not return it ({@link hostPriorityExit}). The TDCALL dispatcher of every 1.5
   * turns it into TDX_OPERAND_BUSY before the guest sees it, or into a TD exit once the time-out has passed.
   */
  readonly hostPriorityStatus: string | null;
  /** The TD exit that the call ends in instead. Absent where it ends in none. */
  readonly hostPriorityExit?: HostPriorityExit | undefined;
  /**
   * Further statuses of this row, in ascending order: the lock of each other L2 VM has an operand of its own, and what is
   * an error of one call in one phase of an import is fatal in another. Empty for most rows.
   */
  readonly otherStatuses: readonly BusyStatus[];
  /** Null for NO_LOCK rows. */
  readonly release: Release | null;
  /** From the leaf's own call down to the primitive. */
  readonly evidence: readonly Site[];
  /** Of a lock that is taken SHARED and then made EXCLUSIVE, on some path: from the leaf's own call down to the promotion; else null. */
  readonly promotion: readonly Site[] | null;
  /** Those {@link pageSizes} of which the lock is promoted; of the others it is taken EXCLUSIVE at once. Absent without a promotion of a page's entry. */
  readonly promotedSizes?: readonly PageSize[] | undefined;
}

/** A BUSY-class status that comes from something other than a lock primitive (a failed cmpxchg, a reference count, …). */
export interface OtherBusy {
  /** As the leaf returns it; without an {@link operand} its low half says nothing, or something that the call decides. */
  readonly status: string;
  readonly name: string;
  /** The field or structure that is busy, in the source's own terms. */
  readonly object: string;
  readonly operand: Operand | null;
  /** The position in a list is added to the low half. */
  readonly indexed?: true | undefined;
  /**
   * The last test before the status, after what tells the cases apart in which the leaf comes there from the other successful ones
   * (the leaf's own tests, where they are short); in the source's own terms.
   */
  readonly when: string | null;
  /** {@link when} as a tree. Absent where nobody has read it. */
  readonly condition?: Condition | null | undefined;
  readonly evidence: readonly Site[];
}

/** What a part of a status's low half is. */
export type StatusDetail =
  | "operand"
  | "level"
  | "op-state"
  | "vcpu-state"
  | "msr"
  | "cpuid-leaf"
  | "field"
  | "x2apic-id"
  | "package"
  | "index"
  | "count"
  | "vm"
  | "exit-reason"
  | "number";

/** Some bits of a status's low half, as the call that makes the status fills them. */
export interface StatusPart {
  readonly high: number;
  readonly low: number;
  readonly is: StatusDetail;
  /** Null where the source does not fix it. */
  readonly value: number | null;
  /** An index is added to {@link value}. */
  readonly indexed?: true | undefined;
}

/** A status as some leaf makes it. */
export interface StatusSource {
  /** Its name in {@link Catalog.statusCodes}. */
  readonly status: string;
  /** Made fatal: bit 61 is set on top of it. */
  readonly fatal: boolean;
  /** Highest bits first; empty when nothing is put into the low half. */
  readonly parts: readonly StatusPart[];
  /** Where it is made, in the order of files and lines; of many places the first ones. */
  readonly at: readonly Site[];
}

/** One leaf function, or one variant of it when an input decides the lock modes. */
export interface Leaf {
  /** Lower case, as the handler is named in the leaf's own header: `tdh_mem_track`. */
  readonly name: string;
  /** The leaf number in RAX[15:0]. */
  readonly number: number;
  readonly side: Side;
  readonly handler: Site;
  /** Null, or what tells this entry from the others of the same leaf: `version=0`, `version>=1`, `write`, … */
  readonly variant: string | null;
  /** OP_STATEs in which the leaf is legal; null when the module checks none for it. */
  readonly opStates: readonly string[] | null;
  /** SEPT entry states on which the leaf is legal; null when the module checks none for it. */
  readonly septStates: readonly string[] | null;
  readonly acquisitions: readonly Acquisition[];
  readonly otherBusy: readonly OtherBusy[];
  /**
   * Every status that the leaf can end with, by position in {@link Catalog.statuses}, in ascending order, success too. Read from the syntax
   * alone: one that no run can come to may be among them. Absent where nobody has read them.
   */
  readonly statuses?: readonly number[] | undefined;
}

/** One field of a lock word. */
export interface BitField {
  readonly name: string;
  readonly lsb: number;
  readonly width: number;
}

/** One primitive of a lock kind, as its source function performs it. */
export interface LockPrimitive {
  readonly function: string;
  readonly operation: "acquire" | "release" | "promote" | "demote";
  /** The mode asked for or given back; null where the primitive has none (a mutex) or takes it as an argument. */
  readonly mode: "SHARED" | "EXCLUSIVE" | null;
  /** Null when the primitive is the same for both sides. */
  readonly side: Side | null;
  /** What the caller may see, in source order: status or return names. */
  readonly outcomes: readonly string[];
  /** The atomic instructions it performs, in source order: `lock xadd`, `lock cmpxchg`, `lock bts`, … */
  readonly atomics: readonly string[];
  /** True when a failed attempt sets the host-priority bit. */
  readonly setsHostPriority: boolean;
  readonly evidence: Site;
}

/** What the source defines about one lock kind. */
export interface LockDefinition {
  readonly kind: LockKind;
  /** The source's type name, or null where the lock is bits of another word. */
  readonly type: string | null;
  /** Bits of the word that holds the lock. */
  readonly width: number;
  readonly fields: readonly BitField[];
  readonly primitives: readonly LockPrimitive[];
}

/** Errors leave the catalog incomplete (exit status 3); warnings are differences a reader must know; notes explain. */
export type Severity = "error" | "warning" | "note";

export interface Diagnostic {
  /** `SL` and four digits; listed in docs/diagnostics.md. */
  readonly code: string;
  readonly severity: Severity;
  readonly message: string;
  readonly file: string | null;
  readonly line: number | null;
}

export interface ModuleInfo {
  readonly version: string;
  /** `read`: by hand, from single files of a release whose tree could not be extracted; such a catalog is incomplete and says so. */
  readonly origin: "extracted" | "published" | "read";
  /** Public repository that the tree came from, `owner/name`, or null when not known. */
  readonly repository: string | null;
  /** Commit of that repository, or null. */
  readonly revision: string | null;
  /** SHA-256 over the tree's source files, or over the published table. */
  readonly sourceDigest: string;
}

/** Did the analysis see every lock site of the tree? */
export interface Coverage {
  /** Call sites of acquire and promote primitives in the tree. */
  readonly sites: number;
  /** Sites that some leaf's analysis reached. */
  readonly visited: number;
  /** Sites that no leaf reaches, each with the reason. */
  readonly explained: readonly { readonly site: Site; readonly reason: string }[];
}

export interface Catalog {
  readonly schema: "seamlock/catalog@1";
  readonly module: ModuleInfo;
  /** Host leaves first, then guest leaves, each by number, then variant in source order. */
  readonly leaves: readonly Leaf[];
  readonly locks: readonly LockDefinition[];
  /** What each lock primitive does to its word, instruction by instruction: by kind, operation, mode and side. */
  readonly primitives: readonly LockProgram[];
  /** Functions that write a SEPT entry's word, by place. */
  readonly writers: readonly SeptWriter[];
  /** Functions whose effect the models restate by hand, as this tree has them. */
  readonly behaviours: readonly Behaviour[];
  /** Atomic instructions on memory that is neither a lock nor a SEPT entry, by place. */
  readonly otherAtomics: readonly OtherAtomic[];
  /** Bit positions in a 64-bit SEPT entry that locking and TLB tracking use, by name. */
  readonly septEntryBits: Readonly<Record<string, number>>;
  /** All OP_STATE names, in the order of the source's enumeration. */
  readonly opStates: readonly string[];
  /** All SEPT entry state names, in the order of the source's table. */
  readonly septStates: readonly string[];
  readonly statusCodes: Readonly<Record<string, string>>;
  readonly operandIds: Readonly<Record<string, number>>;
  /** The statuses that leaves make, each once; by name, then by what their low half is. Absent where nobody has read them. */
  readonly statuses?: readonly StatusSource[] | undefined;
  /** Zero-step thresholds, list sizes, host-priority time-outs (microseconds, names end in `_USEC`), state names' values. */
  readonly constants: Readonly<Record<string, number>>;
  readonly coverage: Coverage | null;
  readonly diagnostics: readonly Diagnostic[];
}

/** The fixed resource names, in the order in which reports list them. */
export const RESOURCES = [
  "TDR",
  "KOT",
  "TDCS",
  "TDVPR",
  "TDCS_EPOCH",
  "SEPT_TREE",
  "SEPT_ENTRY",
  "PAGE",
  "PAMT_2M",
  "PAMT_1G",
  "WBT",
  "GLOBAL",
  "TDMR",
  "MIG",
  "MIGSC",
  "RTMR",
  "SERVTD_BINDINGS",
  "IOMMU_CONFIG",
  "TDINV",
  "DEVIFMT_ENTRY",
  "MMIOMT_ENTRY",
  "DMAR_ENTRY",
  "SPDMDIR_ENTRY",
  "SPDM_INFO_TX",
  "SPDM_INFO_RX",
  "MEM_SCAN",
  "MEM_SCAN_CONTEXT",
] as const;
