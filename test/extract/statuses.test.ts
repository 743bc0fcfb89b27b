import { describe, expect, it } from "vitest";
import { changesBy, type Edit } from "./mutate.ts";

const CALLS = "src/vmm_dispatcher/api_calls";
const TRACK = `${CALLS}/tdh_mem_track.c`;
const BLOCK = `${CALLS}/tdh_mem_range_block.c`;
const HELPERS = "src/common/helpers.c";
const ACCEPT = "src/td_dispatcher/calls/tdg_mem_page_accept.c";

const edit = (file: string, find: string, put: string): Edit => ({ file, find, put });
const newFile = (file: string, put: string): Edit => ({ file, find: null, put });

const L2_OPERAND = edit(BLOCK, "(return_val, OPERAND_ID_SEPT_ENTRY)", "(return_val, OPERAND_ID_RCX + vm)");
const FATAL = newFile(
  "include/fatal.h",
  "api_error_type api_error_fatal(api_error_type error) { api_error_code_t e; e.raw = error; e.fatal = 1; return e.raw; }\n",
);

/** What is returned for a busy lock, and what is a status at all. */
const MUTATIONS: readonly (readonly [name: string, edits: readonly Edit[], changes: readonly unknown[]])[] = [
  [
    "an operand for each L2 VM, as many as the constant says",
    [L2_OPERAND, newFile("include/vms.h", "#define MAX_L2_VMS 3\n")],
    [
      expect.stringMatching(/range_block SEPT_ENTRY operand: SEPT_ENTRY → /),
      expect.stringMatching(/range_block SEPT_ENTRY operand number: \d+ → 2$/),
      "~ tdh_mem_range_block SEPT_ENTRY busy: 0x800002000000008E → 0x8000020000000002",
      expect.stringMatching(
        /range_block SEPT_ENTRY other statuses: none → 0x8000020000000003.*, 0x8000020000000004.*$/,
      ),
      expect.stringMatching(/^~ constants/),
    ],
  ],
  [
    "a status made fatal in a helper that only one phase calls: both statuses are the row's",
    [
      FATAL,
      newFile(
        "src/common/worsen.c",
        "api_error_type worsen(api_error_type status, bool_t in_order)\n{\n    if (in_order)\n    {\n        return api_error_fatal(status);\n    }\n    return status;\n}\n",
      ),
      edit(
        TRACK,
        "return_val = api_error_with_operand_id(TDX_OPERAND_BUSY, OPERAND_ID_TD_EPOCH);",
        "return_val = worsen(api_error_with_operand_id(TDX_OPERAND_BUSY, OPERAND_ID_TD_EPOCH), tdcs_ptr->in_order);",
      ),
    ],
    ["~ tdh_mem_track TDCS_EPOCH other statuses: none → 0xA0000200000000A9 TD_EPOCH"],
  ],
  [
    "an operand that is put into the status instead of added to it replaces one that is there",
    [
      newFile(
        "include/operands.h",
        "api_error_type api_error_with_operand_id(api_error_type error, uint64_t id) { api_error_code_t e = { .raw = error }; e.operand = id; return e.raw; }\n",
      ),
      edit(
        TRACK,
        "return_val = api_error_with_operand_id(TDX_OPERAND_BUSY, OPERAND_ID_TD_EPOCH);",
        "return_val = api_error_with_operand_id(api_error_with_operand_id(TDX_OPERAND_BUSY, 7), OPERAND_ID_TD_EPOCH);",
      ),
    ],
    [],
  ],
  [
    "a BUSY that no lock gives is as fatal as the leaf returns it",
    [
      FATAL,
      edit(
        TRACK,
        "= TDX_PREVIOUS_TLB_EPOCH_BUSY;",
        "= TDX_PREVIOUS_TLB_EPOCH_BUSY; return_val = api_error_fatal(return_val);",
      ),
    ],
    ['~ tdh_mem_track.otherBusy.0.status: "0x8000020A00000000" → "0xA000020A00000000"'],
  ],
  [
    "constants that are called like statuses but stand elsewhere are none",
    [newFile("include/report.h", "#define TDX_REPORT_TYPE 0\n#define TDX_WIDE_MASK 0xFF00000000000000ULL\n")],
    [],
  ],
  [
    "a status is one whatever its name contains",
    [edit("include/api_defs.h", "0xC0000B0B00000000ULL", "0xC0000B0C00000000ULL")],
    ['~ statusCodes.TDX_PAGE_SIZE_MISMATCH: "0xC0000B0B00000000" → "0xC0000B0C00000000"'],
  ],
  [
    "a table that no leaf looks into forbids nothing",
    [edit(HELPERS, "    note_op_state_legality(tdcs);", "")],
    [
      "tdh_vp_enter",
      "tdh_mem_page_add",
      "tdh_mem_range_block",
      "tdh_mng_init",
      "tdh_vp_init[version=0]",
      "tdh_vp_init[version>=1]",
      "tdh_mem_page_remove",
      "tdh_mem_track",
      "tdh_mem_rd",
    ].map((leaf) =>
      expect.stringMatching(new RegExp(`^~ ${leaf.replace(/[[\]]/g, "\\$&")}\\.opStates: \\[.*\\] → null$`)),
    ),
  ],
  [
    "a TDCALL that ends by entering a VM keeps its rows, though an early return is no error",
    [
      edit(
        ACCEPT,
        "    api_error_type return_val = UNINITIALIZE_ERROR;",
        "    api_error_type return_val = UNINITIALIZE_ERROR; if (gpa & 1) { return 0x1234ULL; }",
      ),
      edit(
        ACCEPT,
        "    return return_val;",
        "    if (return_val == TDX_SUCCESS) { tdx_return_to_td(); } return return_val;",
      ),
    ],
    [],
  ],
];

describe("statuses, legality and ways out", () => {
  it.each(MUTATIONS)("%s", async (_, edits, expected) => {
    expect(await changesBy(...edits)).toEqual(expected);
  });
});
