import { describe, expect, it } from "vitest";
import { changesBy, type Edit, edit, extract, FIXTURE, newFile } from "./mutate.ts";

const CALLS = "src/vmm_dispatcher/api_calls";
const TRACK = `${CALLS}/tdh_mem_track.c`;
const ADD = `${CALLS}/tdh_mem_page_add.c`;
const REMOVE = `${CALLS}/tdh_mem_page_remove.c`;
const BLOCK = `${CALLS}/tdh_mem_range_block.c`;
const HELPERS = "src/common/helpers.c";
const LOCKS = "src/common/locks.h";
const DISPATCHER = "src/vmm_dispatcher/tdx_vmm_dispatcher.c";
const NUMBERS = "include/api_defs.h";

const TAKE_EPOCH = "if (acquire_sharex_lock_ex(&tdcs_ptr->epoch_tracking.epoch_lock) != LOCK_RET_SUCCESS)";
const GIVE_EPOCH = "release_sharex_lock_ex(&tdcs_ptr->epoch_tracking.epoch_lock);";

const everywhere = (file: string, find: string, put: string): Edit => ({ file, find, put, all: true });

/** A mutation, its edits, and all that it may change in the catalog. */
type Mutation = readonly [name: string, edits: readonly Edit[], changes: readonly string[]];

const everyWalk = (change: string): string[] =>
  [
    "tdh_vp_enter PAMT_2M",
    "tdh_mem_page_add PAMT_2M(tdr)",
    "tdh_mem_page_add PAMT_2M(new_entry)",
    "tdh_mem_range_block PAMT_2M",
    "tdh_mng_init PAMT_2M",
    "tdh_vp_init[version=0] PAMT_2M",
    "tdh_vp_init[version>=1] PAMT_2M",
    "tdh_mem_page_remove PAMT_2M(tdr)",
    "tdh_mem_page_remove PAMT_2M(removed_entry)",
    "tdh_mem_track PAMT_2M",
    "tdh_mem_rd PAMT_2M",
  ].map((row) => `~ ${row} ${change}`);

/** What a walk for a page gives back itself where it fails, before the clean-up of the leaf that called it. */
const failedWalk = (sign: "+" | "-", leaf: string, page: string, entry: string, rest: readonly string[]): string[] => {
  const [large, huge] = [`PAMT_2M(${entry})`, `PAMT_1G(${entry})`];
  const gives = (locks: readonly string[], end: string): string =>
    `${sign} ${leaf} gives back ${[...locks, ...rest].join(", ")} (${end})`;
  return [
    gives([huge], `busy at ${large}`),
    gives([large, huge], `busy at ${page}`),
    gives([page, large, huge], "other"),
  ];
};

const OWNER = ["TDCS", "TDR", "PAMT_2M(tdr)", "PAMT_1G(tdr)"];

const MODES: readonly Mutation[] = [
  [
    "another primitive at a leaf's own acquisition",
    [edit(TRACK, "acquire_sharex_lock_ex", "acquire_sharex_lock_sh")],
    ["~ tdh_mem_track TDCS_EPOCH mode: EXCLUSIVE → SHARED", "+ SL1035 error tdh_mem_track.c:44"],
  ],
  [
    "another mode in a leaf's call of a helper",
    [edit(REMOVE, "map_tdcs_and_lock(tdr_ptr, TDX_LOCK_SHARED", "map_tdcs_and_lock(tdr_ptr, TDX_LOCK_EXCLUSIVE")],
    ["~ tdh_mem_page_remove TDCS mode: SHARED → EXCLUSIVE", "+ SL1035 error tdh_mem_page_remove.c:55"],
  ],
  [
    "another mode inside a helper changes every leaf that calls it",
    [edit(HELPERS, "&entry_2mb->entry_lock, TDX_LOCK_SHARED", "&entry_2mb->entry_lock, TDX_LOCK_EXCLUSIVE")],
    [
      ...everyWalk("mode: SHARED → EXCLUSIVE"),
      // Given back as shared by the walk that fails, by the helper that walks for a page, and by the leaf's own call at its end.
      ...Array.from({ length: 8 }, () => "+ SL1035 error helpers.c:33"),
      ...Array.from({ length: 8 }, () => "+ SL1035 error helpers.c:70"),
      ...[
        "td_exit.c:8",
        "tdh_vp_enter.c:52",
        "tdh_mem_page_add.c:73",
        "tdh_mem_page_add.c:77",
        "tdh_mem_page_remove.c:59",
        "tdh_mem_page_remove.c:63",
        "tdh_mem_range_block.c:61",
        "tdh_mem_rd.c:41",
        "tdh_mem_track.c:52",
        "tdh_mng_init.c:58",
        "tdh_vp_init.c:36",
      ].map((place) => `+ SL1035 error ${place}`),
    ],
  ],
  [
    "no lock becomes a lock",
    [edit(`${CALLS}/tdh_mem_rd.c`, "TDX_LOCK_NO_LOCK", "TDX_LOCK_SHARED")],
    [
      "~ tdh_mem_rd SEPT_TREE mode: NO_LOCK → SHARED",
      "~ tdh_mem_rd SEPT_TREE operand: none → SEPT_TREE",
      "~ tdh_mem_rd SEPT_TREE operand number: none → 141",
      "~ tdh_mem_rd SEPT_TREE busy: none → 0x800002000000008D",
      "~ tdh_mem_rd SEPT_TREE release: none → leaf-exit",
      "~ tdh_mem_rd SEPT_TREE released: none → tdh_mem_rd.c:33",
    ],
  ],
  [
    "a lock becomes no lock, and the row stays",
    [edit(REMOVE, "TDX_LOCK_EXCLUSIVE, &sept_entry", "TDX_LOCK_NO_LOCK, &sept_entry")],
    [
      "~ tdh_mem_page_remove SEPT_TREE mode: EXCLUSIVE → NO_LOCK",
      "~ tdh_mem_page_remove SEPT_TREE operand: SEPT_TREE → none",
      "~ tdh_mem_page_remove SEPT_TREE operand number: 141 → none",
      "~ tdh_mem_page_remove SEPT_TREE busy: 0x800002000000008D → none",
      "~ tdh_mem_page_remove SEPT_TREE release: leaf-exit → none",
      "~ tdh_mem_page_remove SEPT_TREE released: tdh_mem_page_remove.c:51 → none",
      ...failedWalk("-", "tdh_mem_page_remove", "PAGE(to-remove)", "removed_entry", ["SEPT_TREE", ...OWNER]),
      ...failedWalk("+", "tdh_mem_page_remove", "PAGE(to-remove)", "removed_entry", OWNER),
    ],
  ],
  [
    "a mode that an input decides: two rows with their conditions",
    [
      edit(
        TRACK,
        "map_tdcs_and_lock(tdr_ptr, TDX_LOCK_SHARED",
        "map_tdcs_and_lock(tdr_ptr, (target_tdr_pa & 1) ? TDX_LOCK_EXCLUSIVE : TDX_LOCK_SHARED",
      ),
    ],
    [
      "~ tdh_mem_track TDCS mode: SHARED → EXCLUSIVE",
      "~ tdh_mem_track TDCS when: none → target_tdr_pa & 1",
      "+ tdh_mem_track: TDCS sharex_hp SHARED when !(target_tdr_pa & 1)",
      "+ SL1035 error tdh_mem_track.c:48",
    ],
  ],
  [
    "a mode of an unknown name is an error",
    [edit(TRACK, "map_tdcs_and_lock(tdr_ptr, TDX_LOCK_SHARED", "map_tdcs_and_lock(tdr_ptr, TDX_LOCK_RELAXED")],
    [
      "~ tdh_mem_track TDCS mode: SHARED → EXCLUSIVE",
      "+ SL1025 error helpers.c:83",
      "+ SL1035 error tdh_mem_track.c:48",
    ],
  ],
  [
    "a mode that is a macro with another value is an error",
    [
      edit(TRACK, "map_tdcs_and_lock(tdr_ptr, TDX_LOCK_SHARED", "map_tdcs_and_lock(tdr_ptr, RELAXED"),
      newFile("include/relaxed.h", "#define RELAXED 7\n"),
    ],
    [
      "~ tdh_mem_track TDCS mode: SHARED → EXCLUSIVE",
      "+ SL1025 error helpers.c:83",
      "+ SL1035 error tdh_mem_track.c:48",
    ],
  ],
  [
    "a mode that is a macro with a mode's value is that mode",
    [
      edit(TRACK, "map_tdcs_and_lock(tdr_ptr, TDX_LOCK_SHARED", "map_tdcs_and_lock(tdr_ptr, FOR_ME_ALONE"),
      newFile("include/alone.h", "#define FOR_ME_ALONE TDX_LOCK_EXCLUSIVE\n"),
    ],
    ["~ tdh_mem_track TDCS mode: SHARED → EXCLUSIVE", "+ SL1035 error tdh_mem_track.c:48"],
  ],
  [
    "the guest's primitive becomes the host's",
    [edit("src/td_dispatcher/calls/tdg_mem_page_accept.c", "sept_lock_acquire_guest", "sept_lock_acquire_host")],
    [
      "~ tdg_mem_page_accept SEPT_ENTRY side: guest → host",
      "~ tdg_mem_page_accept SEPT_ENTRY host priority: 0x8000020100000001 → none",
    ],
  ],
  [
    "a version that the handler reads itself is the one that is passed",
    [
      edit(`${CALLS}/tdh_vp_init.c`, "(version > 0)", "(get_local_data()->vmm_regs.leaf_opcode.version > 0)"),
      edit(DISPATCHER, "local->vmm_regs.rdx, opcode.version)", "local->vmm_regs.rdx, 7)"),
    ],
    [],
  ],
  [
    "versions that take the same locks are one entry",
    [edit(`${CALLS}/tdh_vp_init.c`, "TDX_LOCK_EXCLUSIVE : TDX_LOCK_SHARED;", "TDX_LOCK_SHARED : TDX_LOCK_SHARED;")],
    [
      "- tdh_vp_init[version=0]",
      "- tdh_vp_init[version>=1]",
      "+ tdh_vp_init 22",
      "+ tdh_vp_init: PAMT_1G sharex_hp SHARED",
      "+ tdh_vp_init: PAMT_2M sharex_hp SHARED",
      "+ tdh_vp_init: TDVPR sharex_hp EXCLUSIVE",
      "+ tdh_vp_init: TDCS sharex_hp SHARED",
    ],
  ],
  [
    "a leaf that the dispatcher no longer lets through in version 1 has conditions instead of variants",
    [
      edit(
        DISPATCHER,
        "case TDH_VP_INIT_LEAF:\n                break;",
        "case TDH_OTHER_LEAF:\n                break;",
      ),
    ],
    [
      "- tdh_vp_init[version=0]",
      "- tdh_vp_init[version>=1]",
      "+ tdh_vp_init 22",
      "+ tdh_vp_init: PAMT_1G sharex_hp SHARED",
      "+ tdh_vp_init: PAMT_2M sharex_hp SHARED",
      "+ tdh_vp_init: TDVPR sharex_hp EXCLUSIVE",
      "+ tdh_vp_init: TDCS sharex_hp EXCLUSIVE when version > 0",
      "+ tdh_vp_init: TDCS sharex_hp SHARED when version <= 0",
    ],
  ],
];

const CONDITIONS: readonly Mutation[] = [
  [
    "a condition before the acquisition, in the same test",
    [edit(TRACK, TAKE_EPOCH, TAKE_EPOCH.replace("if (", "if (tdcs_ptr->management.tracked && "))],
    [
      "~ tdh_mem_track TDCS_EPOCH when: none → tdcs_ptr->management.tracked",
      // It is given back in any case.
      "+ SL1036 error tdh_mem_track.c:44",
    ],
  ],
  [
    "an early success before the acquisition",
    [edit(TRACK, TAKE_EPOCH, `if (target_tdr_pa & 1) { return_val = TDX_SUCCESS; goto EXIT; } ${TAKE_EPOCH}`)],
    [
      '~ tdh_mem_track.otherBusy.0.when: "tdcs_ptr->epoch_tracking.refcount[1 - (tdcs_ptr->epoch_tracking.td_epoch & 1)]" → "!(target_tdr_pa & 1) && tdcs_ptr->epoch_tracking.refcount[1 - (tdcs_ptr->epoch_tracking.td_epoch & 1)]"',
      "~ tdh_mem_track TDCS_EPOCH when: none → !(target_tdr_pa & 1)",
    ],
  ],
  [
    "an early failure before the acquisition is no condition",
    [edit(TRACK, TAKE_EPOCH, `if (target_tdr_pa & 1) { return_val = TDX_OPERAND_INVALID; goto EXIT; } ${TAKE_EPOCH}`)],
    [],
  ],
  [
    "another test of the loop around the acquisition",
    [edit(BLOCK, "vm <= tdcs_ptr->management.num_l2_vms", "vm <= tdcs_ptr->management.entry_count")],
    ["~ tdh_mem_range_block SEPT_ENTRY times: per L2 VM → while vm <= tdcs_ptr->management.entry_count"],
  ],
  [
    "a failed acquisition that nobody looks at",
    [edit(TRACK, TAKE_EPOCH, `${TAKE_EPOCH.replace(/^if \((.*) != LOCK_RET_SUCCESS\)$/, "$1;")} if (0)`)],
    [
      "~ tdh_mem_track TDCS_EPOCH operand: TD_EPOCH → none",
      "~ tdh_mem_track TDCS_EPOCH operand number: 169 → none",
      // The call goes on as if it had the lock: what it returns then says nothing of the lock.
      "~ tdh_mem_track TDCS_EPOCH busy: 0x80000200000000A9 → none",
      "+ SL1036 error tdh_mem_track.c:44",
    ],
  ],
  [
    "swapped acquisitions change the order and their places",
    [
      edit(
        ADD,
        "return_val = map_tdcs_and_lock(tdr_ptr, TDX_LOCK_EXCLUSIVE, false, &tdcs_ptr);",
        "tdcs_ptr = map_implicit_tdcs(tdr_ptr); return_val = walk_sept(tdcs_ptr, gpa, TDX_LOCK_SHARED, &sept_entry, &tree_locked);",
      ),
      edit(
        ADD,
        "    return_val = walk_sept(tdcs_ptr, gpa, TDX_LOCK_SHARED, &sept_entry, &tree_locked);\n    if",
        "    return_val = map_tdcs_and_lock(tdr_ptr, TDX_LOCK_EXCLUSIVE, false, &tdcs_ptr);\n    if",
      ),
    ],
    [
      "~ tdh_mem_page_add TDCS evidence: tdh_mem_page_add.c:29 > helpers.c:83 → tdh_mem_page_add.c:35 > helpers.c:83",
      "~ tdh_mem_page_add SEPT_TREE evidence: tdh_mem_page_add.c:35 > helpers.c:98 → tdh_mem_page_add.c:29 > helpers.c:98",
      "~ tdh_mem_page_add order: PAMT_1G(tdr), PAMT_2M(tdr), TDR, SEPT_TREE, TDCS, SEPT_ENTRY, PAMT_1G(new_entry), PAMT_2M(new_entry), PAGE(to-add)",
      // What was locked first is not, where the walk fails.
      "+ SL1036 error tdh_mem_page_add.c:69",
    ],
  ],
];

const RELEASES: readonly Mutation[] = [
  [
    "a release that is missing is an error",
    [edit(TRACK, GIVE_EPOCH, ";")],
    [
      "~ tdh_mem_track TDCS_EPOCH release: leaf-exit → none",
      "~ tdh_mem_track TDCS_EPOCH released: tdh_mem_track.c:44 → none",
      "+ SL1031 error tdh_mem_track.c:27",
      "+ SL1032 warning tdh_mem_track.c:27",
    ],
  ],
  [
    "a release that only some ways reach is an error",
    [edit(TRACK, "if (epoch_locked)", "if (epoch_locked && tdcs_ptr->management.tracked)")],
    ["+ SL1031 error tdh_mem_track.c:27", "+ SL1032 warning tdh_mem_track.c:27"],
  ],
  [
    "a release of an exclusive lock as a shared one is an error",
    [edit(TRACK, GIVE_EPOCH, GIVE_EPOCH.replace("_ex(", "_sh("))],
    ["+ SL1035 error tdh_mem_track.c:44"],
  ],
  [
    "a release that moves forward is found there",
    [
      edit(
        TRACK,
        "tdcs_ptr->epoch_tracking.td_epoch++;",
        `${GIVE_EPOCH} epoch_locked = false; tdcs_ptr->epoch_tracking.td_epoch++;`,
      ),
    ],
    ["~ tdh_mem_track TDCS_EPOCH released: tdh_mem_track.c:44 → tdh_mem_track.c:39"],
  ],
  [
    "a release before the TD is entered, left out, is not handed over",
    [
      edit(
        "src/td_transitions/tdh_vp_enter.c",
        "    release_sharex_lock_sh(&tdcs_ptr->epoch_tracking.epoch_lock);\n    epoch_locked = false;",
        "    epoch_locked = false;",
      ),
    ],
    [
      "~ tdh_vp_enter TDCS_EPOCH release: before-td-entry → none",
      "~ tdh_vp_enter TDCS_EPOCH released: tdh_vp_enter.c:32 → none",
      "+ SL1031 error tdh_vp_enter.c:26",
    ],
  ],
  [
    "the TD exit forgets a lock that the entry left",
    [edit("src/td_transitions/td_exit.c", "    release_sharex_lock_hp_sh(&tdcs_ptr->management.op_state_lock);", "")],
    [
      "~ tdh_vp_enter TDCS release: td-exit → none",
      "~ tdh_vp_enter TDCS released: td_exit.c:7 → none",
      "+ SL1031 error helpers.c:83",
    ],
  ],
];

const HIDING: readonly Mutation[] = [
  [
    "a helper called through a local pointer is an error, and its row is missing",
    [
      edit(
        TRACK,
        "    return_val = map_tdcs_and_lock(",
        "    api_error_type (*take)() = map_tdcs_and_lock; return_val = take(",
      ),
    ],
    [
      '~ tdh_mem_track.opStates: ["INITIALIZED","RUNNABLE"] → null',
      "- tdh_mem_track: TDCS sharex_hp SHARED",
      "+ SL1022 error tdh_mem_track.c:21",
      "+ SL1036 error tdh_mem_track.c:48",
      "+ SL1041 error tdh_mem_track.c:21",
    ],
  ],
  [
    "a helper called through a member is an error, and its row is missing",
    [edit(TRACK, "return_val = map_tdcs_and_lock(", "return_val = tdr_ptr->ops->take(")],
    [
      '~ tdh_mem_track.opStates: ["INITIALIZED","RUNNABLE"] → null',
      "- tdh_mem_track: TDCS sharex_hp SHARED",
      "+ SL1022 error tdh_mem_track.c:21",
      "+ SL1036 error tdh_mem_track.c:48",
    ],
  ],
  [
    "a lock call inside a macro that is a statement is an error",
    [
      edit(TRACK, TAKE_EPOCH, `TAKE(tdcs_ptr); ${TAKE_EPOCH}`),
      newFile(
        "include/take.h",
        "#define TAKE(t) do { (void)acquire_sharex_lock_sh(&(t)->execution.secure_ept_lock); } while (0)\n",
      ),
    ],
    ["+ SL1043 error take.h:1"],
  ],
  [
    "a helper that takes a lock, inside a macro that is a statement, is an error",
    [
      edit(TRACK, TAKE_EPOCH, `TAKE(tdr_ptr); ${TAKE_EPOCH}`),
      newFile(
        "include/take.h",
        "#define TAKE(t) do { void* p; (void)map_tdcs_and_lock(t, TDX_LOCK_SHARED, false, &p); } while (0)\n",
      ),
    ],
    ["+ SL1043 error take.h:1"],
  ],
  [
    "a helper that locks only through a macro is followed all the same",
    [
      edit(
        TRACK,
        "map_tdcs_and_lock(tdr_ptr, TDX_LOCK_SHARED, false, &tdcs_ptr)",
        "through_a_macro(tdr_ptr, &tdcs_ptr)",
      ),
      newFile(
        "include/take.h",
        "#define MAP(t, m, p) map_tdcs_and_lock(t, m, false, p)\nstatic inline api_error_type through_a_macro(tdr_t* t, tdcs_t** p)\n{\n    return MAP(t, TDX_LOCK_SHARED, p);\n}\n",
      ),
    ],
    ["~ tdh_mem_track TDCS evidence: tdh_mem_track.c:21 > helpers.c:83 → tdh_mem_track.c:21 > take.h:4 > helpers.c:83"],
  ],
  [
    "a lock call inside a macro that is an expression is followed, at the macro's use",
    [
      edit(TRACK, TAKE_EPOCH, "if (TAKE(tdcs_ptr) != LOCK_RET_SUCCESS)"),
      newFile("include/take.h", "#define TAKE(t) acquire_sharex_lock_ex(&(t)->epoch_tracking.epoch_lock)\n"),
    ],
    ["~ coverage.sites: 13 → 12", "~ coverage.visited: 13 → 12"],
  ],
  [
    "a goto that goes back is an error",
    [edit(BLOCK, "        block_entry(l2_entry);", "        AGAIN: if (block_entry(l2_entry)) goto AGAIN;")],
    ["+ SL1023 error tdh_mem_range_block.c:45"],
  ],
  [
    "a syntax error in the middle of a statement is an error at its line",
    [edit(TRACK, "    epoch_locked = true;\n", "    epoch_locked = = (true;\n")],
    [
      "~ tdh_mem_track TDCS_EPOCH release: leaf-exit → none",
      "~ tdh_mem_track TDCS_EPOCH released: tdh_mem_track.c:44 → none",
      "+ SL1020 error tdh_mem_track.c:32",
      "+ SL1031 error tdh_mem_track.c:27",
      "+ SL1032 warning tdh_mem_track.c:27",
    ],
  ],
  [
    "a syntax error that changes no row is an error at its line",
    [edit(TRACK, "tdcs_ptr->epoch_tracking.td_epoch++;", "tdcs_ptr->epoch_tracking.td_epoch + @ 1;")],
    ["+ SL1020 error tdh_mem_track.c:39"],
  ],
  [
    "a condition of the preprocessor that cannot be evaluated is a warning",
    [
      edit(
        TRACK,
        "    bool_t         epoch_locked = false;\n    api_error_type return_val = UNINITIALIZE_ERROR;\n\n    tdr_pa.raw = target_tdr_pa;\n",
        "    bool_t epoch_locked = false; api_error_type return_val = UNINITIALIZE_ERROR; tdr_pa.raw = target_tdr_pa;\n#if __has_include(<x.h>)\n    acquire_mutex_lock(&tdr_ptr->global_lock);\n#endif\n",
      ),
    ],
    ["+ SL1011 warning tdh_mem_track.c:10"],
  ],
];

/** What was not seen to be taken is given back. */
const UNHELD = "+ SL1036 error tdh_mem_track.c:44";

/** What a reader sees in place of a row whose primitive the analysis does not know. */
const EPOCH_ROW_LOST = [
  expect.stringMatching(/^~ tdh_mem_track\.otherBusy\.0\.status/),
  expect.stringMatching(/^~ tdh_mem_track\.otherBusy\.0\.name/),
  expect.stringMatching(/^~ tdh_mem_track\.otherBusy\.0\.object/),
  expect.stringMatching(/^~ tdh_mem_track\.otherBusy\.0\.operand/),
  expect.stringMatching(/^~ tdh_mem_track\.otherBusy\.0\.when/),
  expect.stringMatching(/^~ tdh_mem_track\.otherBusy\.0\.evidence\.0\.line: 36 → 29/),
  expect.stringMatching(/^~ tdh_mem_track\.otherBusy\.1: undefined → .*TDX_PREVIOUS_TLB_EPOCH_BUSY/),
  "- tdh_mem_track: TDCS_EPOCH sharex EXCLUSIVE",
  "~ coverage.sites: 13 → 12",
  "~ coverage.visited: 13 → 12",
];

const UNKNOWN_PRIMITIVES: readonly Mutation[] = [
  [
    "a lock function that the tree does not define",
    [edit(TRACK, "acquire_sharex_lock_ex(&tdcs_ptr", "acquire_ticket_lock(&tdcs_ptr")],
    [...EPOCH_ROW_LOST, UNHELD, "+ SL1042 error tdh_mem_track.c:27"],
  ],
  [
    "a lock primitive of a new kind, built on an atomic instruction",
    [
      edit(TRACK, "acquire_sharex_lock_ex(&tdcs_ptr", "acquire_ticket_lock(&tdcs_ptr"),
      newFile(
        "src/common/ticket.h",
        "static inline lock_return_t acquire_ticket_lock(ticket_lock_t* lock)\n{\n    return (_lock_xadd_16b(&lock->raw, 1) == 0) ? LOCK_RET_SUCCESS : LOCK_RET_FAIL;\n}\n",
      ),
    ],
    [...EPOCH_ROW_LOST, UNHELD, "+ SL1042 error ticket.h:3", "+ SL1044 error ticket.h:3"],
  ],
  [
    "a primitive called through its address",
    [
      edit(
        TRACK,
        TAKE_EPOCH,
        "lock_return_t (*take)(sharex_lock_t*) = &acquire_sharex_lock_ex; if (take(&tdcs_ptr->epoch_tracking.epoch_lock) != LOCK_RET_SUCCESS)",
      ),
    ],
    [
      ...EPOCH_ROW_LOST,
      // Once for the pointer's address of the primitive, once for the call through it.
      ...["+ SL1022 error tdh_mem_track.c:27", "+ SL1022 error tdh_mem_track.c:27"],
      UNHELD,
      ...["+ SL1041 error tdh_mem_track.c:27", "+ SL1042 error tdh_mem_track.c:27"],
    ],
  ],
];

const ALIASES: readonly Mutation[] = [
  [
    "a macro that is another name of a primitive",
    [
      edit(TRACK, "acquire_sharex_lock_ex(&tdcs_ptr", "take_it(&tdcs_ptr"),
      newFile("include/take.h", "#define take_it acquire_sharex_lock_ex\n"),
    ],
    [...EPOCH_ROW_LOST, UNHELD, "+ SL1043 error take.h:1"],
  ],
];

const PAGE_TYPES: readonly Mutation[] = [
  ["the alias written out", [edit(ADD, "= NEW_PAGE_TYPE;", "= PT_REG;")], []],
  ...(
    [
      ["an alias of another type", [edit(ADD, "NEW_PAGE_TYPE  PT_REG", "NEW_PAGE_TYPE  PT_TDVPR")]],
      [
        "an alias of an alias",
        [
          edit(ADD, "NEW_PAGE_TYPE  PT_REG", "NEW_PAGE_TYPE  OTHER"),
          newFile("include/other.h", "#define OTHER (PT_TDVPR)\n"),
        ],
      ],
      ["another type written out", [edit(ADD, "= NEW_PAGE_TYPE;", "= PT_TDVPR;")]],
      [
        "a type in a variable",
        [
          edit(
            ADD,
            "    new_entry_ptr->pt = NEW_PAGE_TYPE;",
            "    page_type_t type = PT_TDVPR; new_entry_ptr->pt = type;",
          ),
        ],
      ],
      ["a type as a number", [edit(ADD, "= NEW_PAGE_TYPE;", "= (page_type_t)6;")]],
    ] as const
  ).map(
    ([name, edits]): Mutation => [
      name,
      edits,
      [
        "- tdh_mem_page_add: PAGE(to-add) sharex_hp EXCLUSIVE",
        "+ tdh_mem_page_add: TDVPR sharex_hp EXCLUSIVE",
        // The first is the same: the page is not locked yet.
        ...failedWalk("-", "tdh_mem_page_add", "PAGE(to-add)", "new_entry", [
          "SEPT_ENTRY",
          "SEPT_TREE",
          ...OWNER,
        ]).slice(1),
        ...failedWalk("+", "tdh_mem_page_add", "TDVPR", "new_entry", ["SEPT_ENTRY", "SEPT_TREE", ...OWNER]).slice(1),
      ],
    ],
  ),
  [
    "a lock of a name that fits no resource is named after its field",
    [everywhere(TRACK, "epoch_tracking.epoch_lock", "epoch_tracking.novel_lock")],
    [
      "- tdh_mem_track: TDCS_EPOCH sharex EXCLUSIVE",
      "+ tdh_mem_track: NOVEL sharex EXCLUSIVE",
      "+ SL1033 note tdh_mem_track.c:27",
    ],
  ],
];

const DISPATCHERS: readonly Mutation[] = [
  [
    "a leaf that the dispatcher handles itself has no rows",
    [
      edit(
        DISPATCHER,
        "    case TDH_MEM_RD_LEAF:",
        "    case TDH_SYS_INFO_LEAF: local->vmm_regs.rax = TDX_SUCCESS; break; case TDH_MEM_RD_LEAF:",
      ),
      edit(NUMBERS, "TDH_MEM_RD_LEAF          = 44", "TDH_MEM_RD_LEAF          = 44, TDH_SYS_INFO_LEAF = 32"),
    ],
    ["+ tdh_sys_info 32"],
  ],
  [
    "a handler that the tree does not define is an error",
    [edit("src/td_dispatcher/tdx_td_dispatcher.c", "= tdg_vp_info(", "= tdg_vp_information(")],
    [
      '~ tdg_vp_info.handler.file: "src/td_dispatcher/calls/tdg_vp_info.c" → "src/td_dispatcher/tdx_td_dispatcher.c"',
      "~ tdg_vp_info.handler.line: 1 → 5",
      '~ tdg_vp_info.handler.function: "tdg_vp_info" → "td_call"',
      "+ SL1050 error tdx_td_dispatcher.c:5",
    ],
  ],
  [
    "a leaf without a number is an error",
    [edit(NUMBERS, "    TDH_MEM_TRACK_LEAF       = 38,", "")],
    [
      "- tdh_mem_track",
      "~ coverage.visited: 13 → 12",
      "+ SL1040 error tdh_mem_track.c:27",
      "+ SL1050 error tdx_vmm_dispatcher.c:40",
    ],
  ],
  [
    "another leaf number changes the number and the OP_STATEs that go with it",
    [edit(NUMBERS, "TDH_MEM_TRACK_LEAF       = 38", "TDH_MEM_TRACK_LEAF       = 39")],
    ["~ tdh_mem_track.number: 38 → 39", '~ tdh_mem_track.opStates: ["INITIALIZED","RUNNABLE"] → null'],
  ],
  [
    "a tree without a dispatcher of guest calls is an error",
    [edit("src/td_dispatcher/tdx_td_dispatcher.c", "void td_call(", "void handle_tdcall(")],
    [
      "- tdg_vp_info",
      "- tdg_mr_rtmr_extend",
      "- tdg_mem_page_accept",
      "~ coverage.visited: 13 → 11",
      expect.stringMatching(/^~ coverage\.explained\.0: .*no leaf calls tdg_mem_page_accept/),
      expect.stringMatching(/^~ coverage\.explained\.1: .*no leaf calls tdg_mr_rtmr_extend/),
      "+ SL1050 error",
    ],
  ],
  [
    "an acquisition that no leaf reaches is counted and explained",
    [newFile("src/common/dead.c", "void unused(tdcs_t* t)\n{\n    acquire_sharex_lock_ex(&t->epoch_lock);\n}\n")],
    ["~ coverage.sites: 13 → 14", expect.stringMatching(/^~ coverage\.explained\.0: .*"line":3.*no leaf calls unused/)],
  ],
];

const TABLES: readonly Mutation[] = [
  [
    "another operand",
    [edit(TRACK, "OPERAND_ID_TD_EPOCH", "OPERAND_ID_RDX")],
    [
      "~ tdh_mem_track TDCS_EPOCH operand: TD_EPOCH → RDX",
      "~ tdh_mem_track TDCS_EPOCH operand number: 169 → 2",
      "~ tdh_mem_track TDCS_EPOCH busy: 0x80000200000000A9 → 0x8000020000000002",
    ],
  ],
  [
    "a cell of the OP_STATE table",
    [edit("include/auto_gen/op_state_lookup.c", "[38] = { 0, 1, 1 }", "[38] = { 0, 0, 1 }")],
    ['~ tdh_mem_track.opStates.0: "INITIALIZED" → "RUNNABLE"', '~ tdh_mem_track.opStates.1: "RUNNABLE" → undefined'],
  ],
  [
    "a cell of the SEPT state table",
    [edit("include/auto_gen/sept_state_lookup.c", "[29] = { 0, 1 }", "[29] = { 1, 1 }")],
    [
      '~ tdh_mem_page_remove.septStates.0: "MAPPED" → "FREE"',
      '~ tdh_mem_page_remove.septStates.1: undefined → "MAPPED"',
    ],
  ],
  [
    "a constant",
    [edit("include/types.h", "STEPPING_EPF_THRESHOLD  9", "STEPPING_EPF_THRESHOLD  4")],
    ["~ constants.STEPPING_EPF_THRESHOLD: 9 → 4"],
  ],
  [
    "a bit's position in a SEPT entry",
    [edit("include/types.h", "SEPT_ENTRY_TDHP_BIT_POSITION  52", "SEPT_ENTRY_TDHP_BIT_POSITION  53")],
    // The structure and the constant then mean different bits.
    [
      ...["~ locks.2.fields.1.lsb: 52 → 53", "~ septEntryBits.TDHP: 52 → 53"],
      ...["- primitive sept_lock_acquire_host (host)", "- primitive sept_lock_acquire_guest (guest)"],
      "- primitive sept_lock_release",
      ...["+ SL1044 error locks.h:164", "+ SL1044 error locks.h:166"],
      ...["+ SL1044 error locks.h:178", "+ SL1044 error locks.h:187"],
    ],
  ],
  [
    "a primitive that sets no host priority any more",
    [edit(LOCKS, "        _lock_bts_64b(&entry->raw, SEPT_ENTRY_TDHP_BIT_POSITION);\n", "\n")],
    [
      '~ locks.2.primitives.0.atomics.1: "lock bts" → undefined',
      "~ locks.2.primitives.0.setsHostPriority: true → false",
      "~ primitive sept_lock_acquire_host (host)",
    ],
  ],
  [
    "a value of a status",
    [
      edit(
        NUMBERS,
        "TDX_PREVIOUS_TLB_EPOCH_BUSY       0x8000020A00000000ULL",
        "TDX_PREVIOUS_TLB_EPOCH_BUSY       0x8000020B00000000ULL",
      ),
    ],
    [
      '~ tdh_mem_track.otherBusy.0.status: "0x8000020A00000000" → "0x8000020B00000000"',
      '~ statusCodes.TDX_PREVIOUS_TLB_EPOCH_BUSY: "0x8000020A00000000" → "0x8000020B00000000"',
    ],
  ],
];

const NO_CHANGE: readonly Mutation[] = [
  [
    "lock calls in strings and comments",
    [
      edit(TRACK, "no TDR - %llx", "release_sharex_lock_ex(&x) */ { "),
      edit(TRACK, "    tdr_pa.raw = target_tdr_pa;", "    tdr_pa.raw = target_tdr_pa; // acquire_mutex_lock(&x); /* {"),
    ],
    [],
  ],
  [
    "an acquisition that only debug builds make",
    [
      edit(
        TRACK,
        "    bool_t         epoch_locked = false;\n    api_error_type return_val = UNINITIALIZE_ERROR;\n\n    tdr_pa.raw = target_tdr_pa;\n",
        "    bool_t epoch_locked = false; api_error_type return_val = UNINITIALIZE_ERROR; tdr_pa.raw = target_tdr_pa;\n#if defined(DEBUGFEATURE_X)\n    acquire_mutex_lock(&tdr_ptr->global_lock);\n#endif\n",
      ),
    ],
    [],
  ],
  [
    "a cast, parentheses and another spelling of a condition",
    [
      edit(TRACK, "    if (tdr_locked)", "    if ((bool_t)(tdr_locked) != false)"),
      edit(TRACK, "if (tdcs_ptr != NULL)", "if (!(NULL == tdcs_ptr))"),
    ],
    [],
  ],
  [
    "a semicolon that the module's macros bring along",
    [
      edit(
        TRACK,
        '        TDX_ERROR("no TDR - %llx\\n", return_val);',
        '        TDX_ERROR("no TDR - %llx\\n", return_val)',
      ),
    ],
    [],
  ],
  [
    "a test after the lock is held, whose failure gives it back",
    [
      edit(
        TRACK,
        "    tdcs_ptr->epoch_tracking.td_epoch++;",
        "    if (tdcs_ptr->x) { return_val = TDX_OPERAND_INVALID; goto EXIT; }",
      ),
    ],
    [],
  ],
];

describe.each([
  ["a mode", MODES],
  ["a condition or the order", CONDITIONS],
  ["a release", RELEASES],
  ["what hides a lock", HIDING],
  ["a primitive that the analysis does not know", UNKNOWN_PRIMITIVES],
  ["the name of a primitive", ALIASES],
  ["a page's type or a lock's name", PAGE_TYPES],
  ["the dispatchers", DISPATCHERS],
  ["what the source states as data", TABLES],
  ["nothing that matters", NO_CHANGE],
])("changing %s changes exactly the rows that it should", (_what, mutations) => {
  it.each(mutations)("%s", async (_name, edits, expected) => {
    expect(await changesBy(...edits)).toEqual(expected);
  });
});

describe("one defect in a helper", () => {
  it("that keeps the ancestors locked on failure is a warning for every leaf that calls it", async () => {
    const found = await changesBy(
      edit(HELPERS, "RELEASE_1GB:\n    release_sharex_lock_hp_sh(&entry_1gb->entry_lock);", "RELEASE_1GB:\n    ;"),
    );
    const isKept = (line: string): boolean => /gives back (?!.*PAMT_1G\((new|removed)_entry\))/.test(line);
    expect(new Set(found.filter((line) => !/ gives back /.test(line)))).toEqual(
      new Set(["+ SL1032 warning helpers.c:17"]),
    );
    const orders = found.filter((line) => / gives back /.test(line));
    expect(orders).toHaveLength(6);
    for (const line of orders) expect([line, isKept(line)]).toEqual([line, line.startsWith("+")]);
  });

  it("that calls itself without end is an error, and nothing but the rows of its lock changes", async () => {
    const found = await changesBy(
      edit(
        HELPERS,
        "    *entry_p = secure_ept_walk(tdcs, gpa);",
        "    *entry_p = secure_ept_walk(tdcs, gpa); walk_sept(tdcs, gpa, mode, entry_p, is_locked);",
      ),
    );
    expect(found).toContain("+ SL1021 error helpers.c:104");
    expect(
      found.filter(
        (line) => !/SEPT_TREE|SL1021 error helpers\.c:104|SL103(?:2 warning|4 note) helpers\.c:98/.test(line),
      ),
    ).toEqual([]);
  });

  it("leaves the OP_STATEs out of every host leaf when their table is missing", async () => {
    const found = await changesBy(
      edit("include/auto_gen/op_state_lookup.c", "seamcall_state_lookup", "another_lookup"),
    );
    expect(found.filter((line) => !/^~ tdh_\w+(\[.*\])?\.opStates: .* → null$/.test(line))).toEqual([
      "+ SL1051 warning",
    ]);
    expect(found).toHaveLength(10);
  });
});

describe("the fixture itself", () => {
  it("is recognised whole, without a diagnostic", async () => {
    const catalog = await extract(FIXTURE);
    expect(catalog.diagnostics).toEqual([]);
    expect(catalog.module.version).toBe("9.7.03");
    expect(catalog.coverage).toEqual({ sites: 13, visited: 13, explained: [] });
    expect(catalog.leaves.map((leaf) => `${leaf.name} ${leaf.variant ?? ""}`.trim())).toEqual([
      "tdh_vp_enter",
      "tdh_mem_page_add",
      "tdh_mem_range_block",
      "tdh_mng_init",
      "tdh_vp_init version=0",
      "tdh_vp_init version>=1",
      "tdh_mem_page_remove",
      "tdh_mem_track",
      "tdh_mem_rd",
      "tdg_vp_info",
      "tdg_mr_rtmr_extend",
      "tdg_mem_page_accept",
    ]);
  });

  it("gives the rows that its source says, in source order", async () => {
    const catalog = await extract(FIXTURE);
    const rows = Object.fromEntries(
      catalog.leaves.map((leaf) => [
        leaf.name + (leaf.variant ?? ""),
        leaf.acquisitions.map(
          (row) =>
            `${row.resource}${row.role === null ? "" : `(${row.role})`} ${row.lock} ${row.mode} until ${row.release?.at}`,
        ),
      ]),
    );
    const walk = (role: string) => [
      `PAMT_1G${role} sharex_hp SHARED until leaf-exit`,
      `PAMT_2M${role} sharex_hp SHARED until leaf-exit`,
    ];
    expect(rows).toEqual({
      tdh_vp_enter: [
        "PAMT_1G sharex_hp SHARED until td-exit",
        "PAMT_2M sharex_hp SHARED until td-exit",
        "TDVPR sharex_hp SHARED until td-exit",
        "TDCS sharex_hp SHARED until td-exit",
        "TDCS_EPOCH sharex SHARED until before-td-entry",
      ],
      tdh_mem_page_add: [
        ...walk("(tdr)"),
        "TDR sharex_hp SHARED until leaf-exit",
        "TDCS sharex_hp EXCLUSIVE until leaf-exit",
        "SEPT_TREE sharex SHARED until leaf-exit",
        "SEPT_ENTRY sept_entry EXCLUSIVE until leaf-exit",
        ...walk("(new_entry)"),
        "PAGE(to-add) sharex_hp EXCLUSIVE until leaf-exit",
      ],
      tdh_mem_range_block: [
        ...walk(""),
        "TDR sharex_hp SHARED until leaf-exit",
        "TDCS sharex_hp SHARED until leaf-exit",
        "SEPT_TREE sharex SHARED until leaf-exit",
        "SEPT_ENTRY sept_entry EXCLUSIVE until iteration-end",
      ],
      tdh_mng_init: [
        ...walk(""),
        "TDR sharex_hp EXCLUSIVE until leaf-exit",
        "KOT sharex EXCLUSIVE until leaf-exit",
        "GLOBAL mutex EXCLUSIVE until leaf-exit",
        "TDCS sharex_hp EXCLUSIVE until leaf-exit",
      ],
      "tdh_vp_initversion=0": [
        ...walk(""),
        "TDVPR sharex_hp EXCLUSIVE until leaf-exit",
        "TDCS sharex_hp SHARED until leaf-exit",
      ],
      "tdh_vp_initversion>=1": [
        ...walk(""),
        "TDVPR sharex_hp EXCLUSIVE until leaf-exit",
        "TDCS sharex_hp EXCLUSIVE until leaf-exit",
      ],
      tdh_mem_page_remove: [
        ...walk("(tdr)"),
        "TDR sharex_hp SHARED until leaf-exit",
        "TDCS sharex_hp SHARED until leaf-exit",
        "SEPT_TREE sharex EXCLUSIVE until leaf-exit",
        ...walk("(removed_entry)"),
        "PAGE(to-remove) sharex_hp EXCLUSIVE until leaf-exit",
      ],
      tdh_mem_track: [
        ...walk(""),
        "TDR sharex_hp SHARED until leaf-exit",
        "TDCS sharex_hp SHARED until leaf-exit",
        "TDCS_EPOCH sharex EXCLUSIVE until leaf-exit",
      ],
      tdh_mem_rd: [
        ...walk(""),
        "TDR sharex_hp SHARED until leaf-exit",
        "TDCS sharex_hp SHARED until leaf-exit",
        "SEPT_TREE sharex NO_LOCK until undefined",
      ],
      tdg_vp_info: [],
      tdg_mr_rtmr_extend: ["RTMR sharex EXCLUSIVE until leaf-exit"],
      tdg_mem_page_accept: [
        "SEPT_TREE sharex SHARED until leaf-exit",
        "SEPT_ENTRY sept_entry EXCLUSIVE until leaf-exit",
      ],
    });
  });
});
