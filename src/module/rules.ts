/**
 * What the extraction looks for, as data: names of the module's own source, nothing computed.
 *
 * A lineage (1.0, 1.5, 1.5.20 and later) is not named here. A rule simply finds nothing in a tree that lacks what it names.
 */

import type { Dialect } from "../c/index.ts";
import type { LockKind, PageSize, Side } from "../catalog/index.ts";

/** One lock primitive: what calling it means. The lock's address is always its first argument. */
export interface PrimitiveRule {
  readonly operation: "acquire" | "release" | "promote" | "demote";
  readonly lock: LockKind;
  /** A fixed mode, or the position of the argument that gives it. */
  readonly mode: "SHARED" | "EXCLUSIVE" | { readonly argument: number };
  /** A fixed side, the position of an `is_guest` argument, or null: the side of the leaf. */
  readonly side: Side | { readonly argument: number } | null;
  /** Type of the word that it works on, where it was recognised by what it does. */
  readonly word?: string | null;
}

/** What a call does to the status that is its first argument. */
export interface StatusChange {
  /** The low half: its second argument or that added to it, as it was, or details that say nothing about locks. */
  readonly low: "argument" | "kept" | "details";
  /** Flag bits that it sets; null for none. */
  readonly flags: bigint | null;
}

export interface ExtractionRules {
  readonly preprocess: Dialect;
  readonly primitives: Readonly<Record<string, PrimitiveRule>>;
  /** Enumerators of the mode type. */
  readonly modes: Readonly<Record<string, "SHARED" | "EXCLUSIVE" | "NO_LOCK">>;
  /** Return types that are statuses. */
  readonly statusTypes: RegExp;
  /** A parameter that is a status, or points to one. */
  readonly statusParameters: RegExp;
  /** A comparison of a status with that of an error. */
  readonly errorComparisons: RegExp;
  /** Names of success results, per C return type of a primitive. */
  readonly success: readonly string[];
  /** Calls that do nothing for the analysis: traces, assertions, unmapping. */
  readonly ignoredCalls: readonly string[];
  /** Calls that never return, and what they mean. */
  readonly noReturn: Readonly<Record<string, "td-entry" | "td-exit" | "fatal">>;
  /**
   * Of those, calls that leave the TD by themselves, because of what the guest asked for: which argument is the status of the
   * TD exit, and which the status that goes with it (in RDX, and in the guest's RAX when it runs again).
   */
  readonly exitStatuses: Readonly<Record<string, { readonly status: number; readonly detail: number }>>;
  /** `f(condition, …)`: the module halts unless the condition holds. */
  readonly assertions: readonly string[];
  /** Calls that give their first argument, a status, changed. */
  readonly statusChanges: Readonly<Record<string, StatusChange>>;
  /**
   * Functions that read a list for a leaf that keeps their error and returns it, fatal, once the list has proved genuine; they
   * add the position in the list to its low half.
   */
  readonly listReaders: readonly string[];
  /** Member of a status taken apart that is its low half; the whole is its {@link wordField}. */
  readonly statusOperandField: string;
  /** Calls that return a pointer to what their first argument is the physical address of. */
  readonly mappings: readonly string[];
  /** Functions whose result may be another one at each call, with the same arguments. */
  readonly changing: RegExp;
  /** Functions that never return NULL. */
  readonly nonNull: readonly string[];
  /** Places where a handler reads its version, when the dispatcher does not pass it. */
  readonly versionPlaces: RegExp;
  /** Members that a caller has checked against its parameter: member → parameter. */
  readonly checkedMembers: Readonly<Record<string, string>>;
  /**
   * Functions that are true only where a member of their first argument lies between the two others: function → member. Holds
   * for a tree whose function compares it so.
   */
  readonly rangeChecks: Readonly<Record<string, string>>;
  /** Functions that are followed though they reach nothing to look for: they say that an out-parameter is what was given in. */
  readonly followed: readonly string[];
  /**
   * Functions that, where an argument is true, are true only if another function is not, of the word of their first argument and
   * of their second. Holds for a tree whose function calls the other.
   */
  readonly denials: Readonly<Record<string, { readonly ifTrue: number; readonly call: string }>>;
  /**
   * Functions that walk the tree that their first argument is the root of, and know no lock; where they are told whether that is
   * the guarded tree at all, the position of that argument.
   */
  readonly walks: Readonly<Record<string, { readonly ifTrue: number | null }>>;
  /** Member that is a tree's root, and the member beside it that is the tree's lock. */
  readonly walkedRoot: { readonly root: string; readonly lock: string };
  /** Members that always point to something. */
  readonly nonNullMembers: readonly string[];
  /** Functions that walk the PAMT from the 1 GB level down: the last acquisition of a walk is the target. */
  readonly pamtWalks: readonly string[];
  /** Members that are the entries of a PAMT block, by the page's place in it, from the largest page down, and the page's size. */
  readonly pamtBlocks: readonly string[];
  readonly pamtBlockSizes: Readonly<Record<string, PageSize>>;
  /** Member of a physical address that is the address. */
  readonly addressField: string;
  /** Member of a PAMT entry that is its lock. */
  readonly pamtLock: string;
  /** Page types of PAMT entries that lead to entries of their own, of the next lower level. */
  readonly pamtNodeTypes: readonly string[];
  /** Functions that merge or split a PAMT entry and lock the larger one meanwhile. */
  readonly pamtResizes: readonly string[];
  /** Helpers that lock a page's owner: the TDR. */
  readonly ownerLocks: readonly string[];
  /**
   * Functions that clear a SEPT entry's lock bit together with the rest of the word; the entry, or a local copy that is
   * written back later, is the first argument.
   */
  readonly wholeWordReleases: readonly RegExp[];
  /** Functions that write a whole SEPT entry: address first, word second. */
  readonly wordWriters: readonly string[];
  /** Member that is a SEPT entry's whole word. */
  readonly wordField: string;
  /** Last members of a lock's path → resource, or the type of the word that has the lock among its bits; the first that matches wins. */
  readonly resources: readonly {
    readonly path: RegExp;
    readonly lock?: LockKind;
    readonly word?: string;
    readonly resource: string;
  }[];
  /** Resources that are a TD's, or part of it. */
  readonly tdResources: readonly string[];
  /** Enumeration of the page types. */
  readonly pageTypeEnum: string;
  /** Page types whose PAMT entry lock is a resource of its own. */
  readonly pageResources: Readonly<Record<string, string>>;
  /** Page types that mean "no page": taking one is adding, leaving one is removing. */
  readonly freePageTypes: readonly string[];
  /** Last words of leaf names that name the role of their target page. */
  readonly roleWords: readonly string[];
  /** Loop tests → how often. */
  readonly multiplicities: readonly {
    readonly test: RegExp;
    readonly times: string;
    /** Constant that is the counter's largest value, where every iteration may report its lock under its own operand. */
    readonly largest?: string;
  }[];
  /** Names of statuses that mean "busy" without a lock. */
  readonly busyStatuses: RegExp;
  /** Dispatchers: the switch over leaf numbers, by the pattern of its case labels. */
  readonly dispatchers: readonly { readonly function: RegExp; readonly caseLabel: RegExp; readonly side: Side }[];
  /** The function that leaves the TD for the VMM and gives back what the entry left locked. */
  readonly tdExit: readonly string[];
  /** The structure in which the entry leaves what the exit gives back. */
  readonly handOver: string;
  /** Lock word layouts: a union's name, or single bits by the constants that give their positions. */
  readonly layouts: Readonly<
    Record<
      LockKind,
      {
        readonly type: string | null;
        readonly width: number;
        readonly bits: readonly { readonly name: string; readonly constant: string }[];
      }
    >
  >;
  /** Accessors of atomic instructions; `sets` when the instruction can set bits. */
  readonly atomics: readonly { readonly call: RegExp; readonly instruction: string; readonly sets: boolean }[];
  /** Names of the host-priority bit. */
  readonly hostPriorityBits: RegExp;
  /** Primitives that are part of a lock kind only where something calls them: for debug builds, or another width of word. */
  readonly ifCalled: readonly string[];
  /** Headers that trees include and do not hold: of libraries that lock nothing. */
  readonly foreignHeaders: readonly string[];
  /** A status that every tree has: the others are defined beside it. */
  readonly aStatus: string;
  readonly statusNames: RegExp;
  /** Statuses whose low half names an operand. */
  readonly operandStatuses: RegExp;
  readonly opStateEnum: string;
  /** Names of the legality tables. */
  readonly tables: Readonly<
    Record<"hostOpStates" | "guestOpStates" | "hostSeptStates" | "guestSeptStates" | "septFlags", string>
  >;
  /** Constants to record. */
  readonly constants: readonly string[];
  /** Functions whose name speaks of locks. */
  readonly lockNames: RegExp;
}

const acquire = (lock: LockKind, mode: PrimitiveRule["mode"], side: PrimitiveRule["side"] = null): PrimitiveRule => ({
  operation: "acquire",
  lock,
  mode,
  side,
});
const release = (lock: LockKind, mode: PrimitiveRule["mode"]): PrimitiveRule => ({
  operation: "release",
  lock,
  mode,
  side: null,
});

/** `fatal` of the module's `api_error_code_t`. */
export const FATAL = 1n << 61n;

export const RULES: ExtractionRules = {
  preprocess: {
    replaceTokens: {
      _STATIC_INLINE_: "static inline",
      IF_RARE: "if",
      IF_COMMON: "if",
      _ASM_VOLATILE_: "asm",
      _ASM_: "asm",
    },
    blankTokens: ["PACKED", "volatile"],
    blankCalls: ["ALIGN", "tdx_static_assert", "__attribute__", "_Static_assert"],
  },
  primitives: {
    acquire_mutex_lock: acquire("mutex", "EXCLUSIVE"),
    acquire_mutex_lock_or_wait: acquire("mutex", "EXCLUSIVE"),
    release_mutex_lock: release("mutex", "EXCLUSIVE"),
    acquire_sharex_lock: acquire("sharex", { argument: 1 }),
    acquire_sharex_lock_sh: acquire("sharex", "SHARED"),
    acquire_sharex_lock_ex: acquire("sharex", "EXCLUSIVE"),
    release_sharex_lock: release("sharex", { argument: 1 }),
    release_sharex_lock_sh: release("sharex", "SHARED"),
    release_sharex_lock_ex: release("sharex", "EXCLUSIVE"),
    promote_sharex_lock: { operation: "promote", lock: "sharex", mode: "EXCLUSIVE", side: null },
    demote_sharex_lock: { operation: "demote", lock: "sharex", mode: "SHARED", side: null },
    acquire_sharex_lock_hp: acquire("sharex_hp", { argument: 1 }, { argument: 2 }),
    acquire_sharex_lock_hp_sh: acquire("sharex_hp", "SHARED", { argument: 1 }),
    acquire_sharex_lock_hp_ex: acquire("sharex_hp", "EXCLUSIVE", { argument: 1 }),
    release_sharex_lock_hp: release("sharex_hp", { argument: 1 }),
    release_sharex_lock_hp_sh: release("sharex_hp", "SHARED"),
    release_sharex_lock_hp_ex: release("sharex_hp", "EXCLUSIVE"),
    promote_sharex_lock_hp: { operation: "promote", lock: "sharex_hp", mode: "EXCLUSIVE", side: null },
    sept_lock_acquire_host: acquire("sept_entry", "EXCLUSIVE", "host"),
    sept_lock_acquire_guest: acquire("sept_entry", "EXCLUSIVE", "guest"),
    sept_lock_release: release("sept_entry", "EXCLUSIVE"),
    migsc_lock: acquire("bit", "EXCLUSIVE"),
    migsc_unlock: release("bit", "EXCLUSIVE"),
    acquire_bit_lock: acquire("bit", "EXCLUSIVE"),
    release_bit_lock: release("bit", "EXCLUSIVE"),
  },
  modes: { TDX_LOCK_NO_LOCK: "NO_LOCK", TDX_LOCK_SHARED: "SHARED", TDX_LOCK_EXCLUSIVE: "EXCLUSIVE" },
  statusTypes: /^api_error_(type|code_e)$/,
  statusParameters: /\(.*\bapi_error_(type|code_e)\b/s,
  errorComparisons: /[=!]=\s*(?:api_error_\w+\s*\(|TDX_(?!SUCCESS\b))/,
  success: ["TDX_SUCCESS", "LOCK_RET_SUCCESS", "true"],
  ignoredCalls: [
    "TDX_ERROR",
    "TDX_WARN",
    "TDX_LOG",
    "TDX_PRINT_WITH_INFO",
    "tdx_debug_assert",
    "UNUSED",
    "free_la",
    "mfence",
    "lfence",
    "pause",
    "ia32_pause",
  ],
  noReturn: {
    tdx_return_to_td: "td-entry",
    td_vmexit_to_vmm: "td-exit",
    async_tdexit_internal: "td-exit",
    FATAL_ERROR: "fatal",
    fatal_error: "fatal",
    tdx_arch_fatal_error: "fatal",
    tdx_report_error_and_halt: "fatal",
    tdx_seamret_to_vmm: "td-exit",
  },
  exitStatuses: { async_tdexit_internal: { status: 0, detail: 3 } },
  assertions: ["tdx_sanity_check"],
  statusChanges: {
    api_error_with_operand_id: { low: "argument", flags: null },
    api_error_with_operand_id_fatal: { low: "argument", flags: FATAL },
    api_error_fatal: { low: "kept", flags: FATAL },
    api_error_with_multiple_info: { low: "details", flags: null },
    api_error_with_l2_details: { low: "details", flags: null },
  },
  listReaders: ["md_write_list"],
  statusOperandField: "operand",
  mappings: [
    "map_pa",
    "map_pa_with_hkid",
    "map_pa_with_global_hkid",
    "map_pa_non_wb",
    "map_continuous_pages",
    "map_pa_with_memtype",
    "map_pa_with_global_hkid_and_memtype",
    "map_pa_with_global_hkid_uncached",
    "map_vtbar",
    "map_kcbar",
    "map_rp_mmcfg",
    "map_iq_entry",
    "map_stream_info_from_devifcs",
  ],
  changing: /^(is_lock_hp_set|is_interrupt_pending_\w+|_lock_\w+|_xchg_\w+|ia32_rdrand|ia32_rdseed)$/,
  nonNull: [
    "map_implicit_tdcs",
    "secure_ept_walk",
    "get_local_data",
    "get_global_data",
    "pamt_implicit_get",
    "pamt_implicit_get_internal",
    "mmiomt_implicit_get",
  ],
  versionPlaces: /\bleaf_opcode\.version$/,
  checkedMembers: { context_code: "ctx_code" },
  rangeChecks: { verify_page_info_input: "level" },
  followed: ["l2_sept_walk"],
  denials: { check_gpa_validity: { ifTrue: 2, call: "get_gpa_shared_bit" } },
  walks: { secure_ept_walk: { ifTrue: null }, gpa_translate: { ifTrue: 2 } },
  walkedRoot: { root: "eptp", lock: "secure_ept_lock" },
  nonNullMembers: ["pamt_1gb_p", "pamt_2mb_p", "pamt_4kb_p"],
  pamtWalks: ["pamt_walk"],
  pamtBlocks: ["pamt_1gb_p", "pamt_2mb_p", "pamt_4kb_p"],
  pamtBlockSizes: { pamt_1gb_p: "1G", pamt_2mb_p: "2M", pamt_4kb_p: "4K" },
  addressField: "raw_void",
  pamtLock: "entry_lock",
  pamtNodeTypes: ["PT_PAMT"],
  pamtResizes: ["pamt_promote", "pamt_demote"],
  ownerLocks: ["lock_and_map_implicit_tdr"],
  wholeWordReleases: [/_and_release_locks?(_|$)/, /^set_remove_and_release_locks/, /^sept_lock_release_local$/],
  wordWriters: [
    "atomic_mem_write_64b",
    "atomically_update_sept_state_keep_tdhp",
    "atomically_update_sept_state_keep_ad_tdhp",
  ],
  wordField: "raw",
  resources: [
    { path: /\bop_state_lock$/, resource: "TDCS" },
    { path: /\bepoch_lock$/, resource: "TDCS_EPOCH" },
    { path: /\bsecure_ept_lock$/, resource: "SEPT_TREE" },
    { path: /\bservtd_bindings_lock$/, resource: "SERVTD_BINDINGS" },
    { path: /\btdinv_lock$/, resource: "TDINV" },
    { path: /\bmem_scan_lock$/, resource: "MEM_SCAN" },
    { path: /\brtmr_lock$/, resource: "RTMR" },
    { path: /\bmig_lock$/, resource: "MIG" },
    { path: /\bkot\.lock$/, resource: "KOT" },
    { path: /\bwbt_entries\b.*\bentry_lock$/, resource: "WBT" },
    { path: /\bglobal_lock$/, resource: "GLOBAL" },
    { path: /\btdmr_table\b.*\block$/, resource: "TDMR" },
    { path: /\biommu_configs?\w*\b.*\block$/, resource: "IOMMU_CONFIG" },
    { path: /\btx_lock$/, lock: "mutex", resource: "SPDM_INFO_TX" },
    { path: /\brx_lock$/, lock: "mutex", resource: "SPDM_INFO_RX" },
    { path: /^/, lock: "bit_hp", word: "devifmt_entry_t", resource: "DEVIFMT_ENTRY" },
    { path: /\bspdmdir\w*\b|\blow_dword$/, lock: "bit", resource: "SPDMDIR_ENTRY" },
    { path: /\bmmiomt\w*\b/, lock: "bit", resource: "MMIOMT_ENTRY" },
    { path: /\bdmar\w*\b/, lock: "bit", resource: "DMAR_ENTRY" },
    { path: /^/, lock: "sept_entry", resource: "SEPT_ENTRY" },
    { path: /\b(f|b)?_?migsc_links?\b|\bmigsc\b/, lock: "bit", resource: "MIGSC" },
  ],
  tdResources: [
    "TDR",
    "TDCS",
    "TDVPR",
    "TDCS_EPOCH",
    "SEPT_TREE",
    "SEPT_ENTRY",
    "MIG",
    "MIGSC",
    "RTMR",
    "SERVTD_BINDINGS",
    "TDINV",
    "MEM_SCAN",
  ],
  pageTypeEnum: "page_type_t",
  pageResources: { PT_TDR: "TDR", PT_TDVPR: "TDVPR" },
  freePageTypes: ["PT_NDA", "PT_FREE"],
  roleWords: ["aug", "reclaim", "wbinvd", "rdmd"],
  multiplicities: [
    { test: /num_l2_vms|MAX_VMS|MAX_L2_VMS/, times: "per L2 VM", largest: "MAX_L2_VMS" },
    { test: /gpa_list|last_entry|num_entries/i, times: "per GPA list entry" },
    { test: /MAX_NUM_PD_PAGES|num_pages\b/, times: "per page" },
  ],
  busyStatuses:
    /^TDX_(\w*BUSY\w*|VCPU_ASSOCIATED|IOMMU_IQ_FULL|IOMMU_IQ_QUEUE_FULL|IOMMU_ECMD_TIMEOUT|IOMMU_IOTLB_TRACKING_NOT_DONE|GUEST_INV_IN_PROGRESS|MEM_SCAN_IN_PROGRESS|IOMMU_MT_PAGE_IN_USE|TD_HAS_ATTACHED_DEVICES|INTERRUPTED_LIST_FULL)$/,
  dispatchers: [
    { function: /^tdx_vmm_dispatcher$/, caseLabel: /^TDH_/, side: "host" },
    { function: /^(td_call)$/, caseLabel: /^TDG_/, side: "guest" },
  ],
  tdExit: ["td_vmexit_to_vmm"],
  handOver: "vp_ctx",
  layouts: {
    sharex: { type: "sharex_lock_t", width: 16, bits: [] },
    sharex_hp: { type: "sharex_hp_lock_t", width: 16, bits: [] },
    sept_entry: {
      type: null,
      width: 64,
      bits: [
        { name: "entry_lock", constant: "SEPT_ENTRY_TDEL_BIT_POSITION" },
        { name: "host_prio", constant: "SEPT_ENTRY_TDHP_BIT_POSITION" },
      ],
    },
    mutex: { type: "mutex_lock_t", width: 8, bits: [] },
    bit: { type: null, width: 64, bits: [{ name: "lock", constant: "MIGSC_LINK_LOCK_BIT" }] },
    bit_hp: {
      type: null,
      width: 64,
      bits: [
        { name: "lock", constant: "DEVIFMT_LOCK_BIT_IDX" },
        { name: "host_prio", constant: "DEVIFMT_HP_BIT_IDX" },
      ],
    },
  },
  atomics: [
    { call: /^_lock_xadd_\d+b$/, instruction: "lock xadd", sets: false },
    { call: /^_lock_cmpxchg_\d+b(it)?$/, instruction: "lock cmpxchg", sets: false },
    { call: /^_lock_bts_\d+b$/, instruction: "lock bts", sets: true },
    { call: /^_lock_btr_\d+b$/, instruction: "lock btr", sets: false },
    { call: /^_lock_or_\d+b$/, instruction: "lock or", sets: true },
    { call: /^_lock_and_\d+b$/, instruction: "lock and", sets: false },
    { call: /^_xchg_\d+b$/, instruction: "xchg", sets: false },
  ],
  hostPriorityBits: /HOST_PRIORITY|TDHP|_HP_BIT_/,
  ifCalled: ["acquire_mutex_lock_or_wait", "acquire_bit_lock", "release_bit_lock"],
  foreignHeaders: ["ippcp.h"],
  aStatus: "TDX_OPERAND_BUSY",
  statusNames: /^(TDX_|TD_VMCS_FIELD_ERROR|UNINITIALIZE_ERROR)/,
  operandStatuses: /^TDX_OPERAND_/,
  opStateEnum: "op_state_e",
  tables: {
    hostOpStates: "seamcall_state_lookup",
    guestOpStates: "tdcall_state_lookup",
    hostSeptStates: "seamcall_sept_state_lookup",
    guestSeptStates: "tdcall_sept_state_lookup",
    septFlags: "sept_special_flags_lookup",
  },
  constants: [
    "STEPPING_EPF_THRESHOLD",
    "EPF_GPA_LIST_SIZE",
    "STEPPING_TSC_THRESHOLD",
    "DEFAULT_HP_LOCK_TIMEOUT_USEC",
    "MIN_HP_LOCK_TIMEOUT_USEC",
    "MAX_HP_LOCK_TIMEOUT_USEC",
    "SHAREX_FULL_COUNTER",
    "SHAREX_FULL_COUNTER_NO_WRITER",
    "SHAREX_HP_FULL_COUNTER",
    "MAX_L2_VMS",
    "MAX_VMS",
    "MIGSC_LINK_LOCK_BIT",
    "TD_HKID_ASSIGNED",
    "TD_KEYS_CONFIGURED",
    "TD_BLOCKED",
    "TD_TEARDOWN",
    "VCPU_UNINITIALIZED",
    "VCPU_READY",
    "VCPU_ACTIVE",
    "VCPU_DISABLED",
    "VCPU_IMPORT",
    "PT_NDA",
    "PT_RSVD",
    "PT_REG",
    "PT_TDR",
    "PT_TDCX",
    "PT_TDVPR",
    "PT_TDVX",
    "PT_EPT",
    "PT_PAMT",
    "PT_IOMMU_MT",
    "PT_MMIO_MT",
    "PT_DEVIF_MT",
    "PT_DEVIFCS_R",
    "PT_DEVIFCS_NR",
    "TOT_NUM_IOMMUS",
    "MAX_NUM_PD_PAGES",
    "DEVIFMT_LOCK_BIT_IDX",
    "DEVIFMT_HP_BIT_IDX",
    "MMIOMT_ENTRY_XLOCK_BIT",
    "RTE_PDE_PASIDTE_LOCK_BIT",
    "CTE_LOCK_BIT",
    "SPDMDIR_ENTRY_LOCK_BIT_OFS",
    "KOT_STATE_HKID_FREE",
    "KOT_STATE_HKID_RESERVED",
    "KOT_STATE_HKID_ASSIGNED",
    "KOT_STATE_HKID_FLUSHED",
  ],
  lockNames: /(^|_)(un)?locks?(_|$)|acquire|(^|_)release(_|$)/,
};
