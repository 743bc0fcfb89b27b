import { describe, expect, it } from "vitest";
import type { Acquisition } from "../../src/catalog/index.ts";
import { changesBy, type Edit } from "./mutate.ts";
import { guestLeaf, hostLeaf, places, said, smallTree } from "./small-tree.ts";

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
    "a table of TDCALLs that their dispatcher does not look into forbids nothing",
    [edit("src/td_dispatcher/tdx_td_dispatcher.c", "is_tdcall_legal(local->vp_ctx.tdcs) ? ", "local->is_known ? ")],
    ['~ tdg_mr_rtmr_extend.opStates: ["RUNNABLE"] → null'],
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

/** The statuses of a row, the one that the row shows first. */
const statuses = (row: Acquisition | undefined): string[] =>
  row === undefined
    ? []
    : [
        `${row.busyStatus} ${row.operand?.id ?? ""}`.trim(),
        ...(row.hostPriorityStatus === null ? [] : [`host priority ${row.hostPriorityStatus}`]),
        ...row.otherStatuses.map(({ status, operand }) => `${status} ${operand?.id ?? ""}`.trim()),
      ];

const VMS = { "include/vms.h": "#define MAX_L2_VMS 3\n" };

/** Locks the SEPT entry of each VM. */
const eachVm = (first: number, side: string, failure: string) => `
    uint16_t vm;
    for (vm = ${first}; vm <= tdcs_ptr->management.num_l2_vms; vm++)
    {
        sept_entry = secure_ept_walk(&tdcs_ptr->l2[vm], gpa);
        return_val = sept_lock_acquire_${side}(sept_entry);
        if (return_val != TDX_SUCCESS)
        {
            ${failure}
            goto EXIT;
        }
        sept_lock_release(sept_entry);
    }
    return_val = TDX_SUCCESS;
EXIT:
    return return_val;`;

const WITH_OPERAND = "return_val = api_error_with_operand_id(return_val, OPERAND_ID_R8 + vm);";

describe("the statuses of one row", () => {
  it("an error in one phase and fatal in another", async () => {
    const { rows } = await smallTree(
      hostLeaf(`
    if (acquire_sharex_lock_ex(&global->kot.lock) != LOCK_RET_SUCCESS)
    {
        if (flags & 1)
        {
            return_val = api_error_with_operand_id_fatal(TDX_OPERAND_BUSY, OPERAND_ID_KOT);
        }
        else
        {
            return_val = api_error_with_operand_id(TDX_OPERAND_BUSY, OPERAND_ID_KOT);
        }
        goto EXIT;
    }
    release_sharex_lock_ex(&global->kot.lock);
    return_val = TDX_SUCCESS;
EXIT:
    return return_val;`),
    );
    expect(rows.map(statuses)).toEqual([["0x8000020000000096 KOT", "0xA000020000000096 KOT"]]);
  });

  it("only fatal", async () => {
    const { rows } = await smallTree(
      hostLeaf(`
    if (acquire_sharex_lock_ex(&global->kot.lock) != LOCK_RET_SUCCESS)
    {
        return api_error_fatal(api_error_with_operand_id(TDX_OPERAND_BUSY, OPERAND_ID_KOT));
    }
    release_sharex_lock_ex(&global->kot.lock);
    return TDX_SUCCESS;`),
    );
    expect(rows.map(statuses)).toEqual([["0xA000020000000096 KOT"]]);
  });

  it("an operand for each L2 VM, another when it is fatal, in ascending order", async () => {
    const failure = `
            if (flags & 1)
            {
                return_val = api_error_with_operand_id_fatal(return_val, OPERAND_ID_RTMR + vm);
            }
            else
            {
                return_val = api_error_with_operand_id(return_val, OPERAND_ID_R8 + vm);
            }`;
    const { rows, catalog } = await smallTree(hostLeaf(eachVm(1, "host", failure)), VMS);
    expect(rows.map(statuses)).toEqual([
      [
        "0x8000020000000009",
        ...["0x800002000000000A", "0x800002000000000B"],
        ...["0xA0000200000000A1", "0xA0000200000000A2", "0xA0000200000000A3"],
      ],
    ]);
    expect(rows).toMatchObject([{ times: "per L2 VM", release: { at: "iteration-end" } }]);
    expect(said(catalog.diagnostics)).toEqual([]);
  });

  it("an operand for each VM from the TD itself, VM 0, on", async () => {
    const { rows } = await smallTree(hostLeaf(eachVm(0, "host", WITH_OPERAND)), VMS);
    expect(rows.map(statuses)).toEqual([
      ["0x8000020000000008 R8", "0x8000020000000009", "0x800002000000000A", "0x800002000000000B"],
    ]);
  });

  it("one operand where the tree does not say how many VMs there are", async () => {
    const { rows } = await smallTree(hostLeaf(eachVm(1, "host", WITH_OPERAND)));
    expect(rows.map(statuses)).toEqual([["0x8000020000000009"]]);
  });

  it("a guest's host-priority statuses, of each VM", async () => {
    const { rows } = await smallTree(guestLeaf(eachVm(1, "guest", WITH_OPERAND)), VMS);
    expect(rows.map(statuses)).toEqual([
      [
        "0x8000020000000009",
        "host priority 0x8000020100000009",
        ...["0x800002000000000A", "0x800002000000000B", "0x800002010000000A", "0x800002010000000B"],
      ],
    ]);
  });

  it("none of what is about something else, after a failure that the leaf does not return for", async () => {
    const { rows, catalog, at } = await smallTree(
      hostLeaf(`
    if (acquire_sharex_lock_hp_ex(&tdcs_ptr->management.op_state_lock, false) != TDX_SUCCESS)
    {
        return TDX_PAGE_METADATA_INCORRECT;
    }
    release_sharex_lock_hp_ex(&tdcs_ptr->management.op_state_lock);
    return TDX_SUCCESS;`),
    );
    expect(rows).toMatchObject([{ busyStatus: null, operand: null, otherStatuses: [] }]);
    expect(said(catalog.diagnostics)).toEqual([`SL1034 note ${at("acquire_sharex_lock_hp_ex")}`]);
  });
});

describe("the status of a reader of a list", () => {
  const METADATA = {
    "src/common/metadata.c": `api_error_type md_write_field(tdx_module_global_t* global, uint64_t field)
{
    if (global->fields[field].in_use)
    {
        return api_error_with_operand_id(TDX_OPERAND_BUSY, OPERAND_ID_TDCS); // busy
    }
    return TDX_SUCCESS;
}

api_error_type md_write_list(tdx_module_global_t* global, md_list_t* list)
{
    api_error_type status;
    uint16_t i;

    for (i = 0; i < list->num_fields; i++)
    {
        status = md_write_field(global, list->fields[i]); // field
        if (status != TDX_SUCCESS)
        {
            return status;
        }
    }
    return TDX_SUCCESS;
}
`,
  };
  const KEPT = `
    if (return_val != TDX_SUCCESS)
    {
        global->kept_status = return_val;
    }
    if (global->kept_status != TDX_SUCCESS)
    {
        return api_error_fatal(global->kept_status);
    }
    return TDX_SUCCESS;`;

  it("is fatal when the leaf returns it, and the position in the list is added to its low half", async () => {
    const { leaf, at } = await smallTree(
      hostLeaf(`return_val = md_write_list(global, map_pa(gpa, TDX_RANGE_RO)); ${KEPT}`),
      METADATA,
    );
    expect(leaf.otherBusy).toMatchObject([
      { name: "TDX_OPERAND_BUSY", status: "0xA000020000000081", operand: { id: "TDCS" }, indexed: true },
    ]);
    expect(places(leaf.otherBusy[0]?.evidence)).toEqual([
      at("md_write_list(global, map_pa"),
      at("// field"),
      at("// busy"),
    ]);
  });

  it("is what it is where the leaf writes one field itself", async () => {
    const { leaf } = await smallTree(
      hostLeaf(
        "return_val = md_write_field(global, gpa); if (return_val != TDX_SUCCESS) { return return_val; } return TDX_SUCCESS;",
      ),
      METADATA,
    );
    expect(leaf.otherBusy).toMatchObject([
      { name: "TDX_OPERAND_BUSY", status: "0x8000020000000081", operand: { id: "TDCS", number: 129 } },
    ]);
  });
});

describe("the states in which a leaf is legal", () => {
  it("stand at a leaf that looks them up, not at its neighbour, whatever the table says of that", async () => {
    const leaf = (name: string, call: string) => hostLeaf(`${call} return TDX_SUCCESS;`).replace("tdh_mem_test", name);
    const { catalog } = await smallTree(
      [
        leaf("tdh_first_legal", "note_op_state_legality(tdcs_ptr);"),
        leaf("tdh_without_row", "note_op_state_legality(tdcs_ptr); return_val = check_sept_state(sept_entry);"),
        leaf("tdh_careless", "look_around(tdcs_ptr);"),
        ...[3, 4, 5, 6].map((i) => leaf(`tdh_filler_${i}`, "")),
        leaf("tdh_both_legal", "note_op_state_legality(tdcs_ptr); return_val = check_sept_state(sept_entry);"),
      ].join("\n"),
    );
    const states = catalog.leaves
      .filter(({ name }) => name.startsWith("tdh_") && !name.includes("filler"))
      .map(({ name, opStates, septStates }) => [name, opStates, septStates]);
    expect(states).toEqual([
      ["tdh_first_legal", ["RUNNABLE"], null],
      ["tdh_without_row", null, null],
      ["tdh_careless", null, null],
      ["tdh_both_legal", ["INITIALIZED", "RUNNABLE"], ["MAPPED"]],
    ]);
  });
});

it("a status that gets its own low half again keeps it, in a helper too; another number in its place is another low half", async () => {
  const { catalog, leaf } = await smallTree(
    hostLeaf(`
    return_val = api_error_with_operand_id(TDX_OPERAND_BUSY, OPERAND_ID_R8);
    api_error_code_t whole = { .raw = return_val };
    if (flags == 1)
    {
        return give_up(return_val, whole.operand);
    }
    if (flags == 2)
    {
        return give_up(TDX_PAGE_SIZE_MISMATCH, whole.operand);
    }
    return TDX_SUCCESS;`),
    {
      "src/common/give_up.c":
        "api_error_type give_up(api_error_type status, uint64_t details)\n{\n    return api_error_with_operand_id(status, details);\n}\n",
    },
  );
  const own = leaf.statuses?.map((id) => catalog.statuses?.[id]);
  expect(own?.map((s) => [s?.status, s?.parts.map(({ is, value }) => `${is} ${value}`)])).toEqual([
    ["TDX_OPERAND_BUSY", ["operand 8"]],
    ["TDX_PAGE_SIZE_MISMATCH", ["number null"]],
    ["TDX_SUCCESS", []],
  ]);
});

it.each(["return_val != TDX_SUCCESS", "TDX_SUCCESS != return_val", "!(TDX_SUCCESS == (return_val = try_it(gpa)))"])(
  "a status that a test has found not to be there is not among those of what follows: %s",
  async (test) => {
    const { catalog, leaf } = await smallTree(
      hostLeaf(`
    return_val = try_it(gpa);
    if (${test})
    {
        return api_error_with_operand_id(return_val, OPERAND_ID_RCX);
    }
    return return_val;`),
      {
        "src/common/try_it.c":
          "api_error_type try_it(uint64_t gpa)\n{\n    if (gpa == 1) { return TDX_OPERAND_INVALID; }\n    return TDX_SUCCESS;\n}\n",
      },
    );
    const own = leaf.statuses?.map((id) => catalog.statuses?.[id]);
    expect(own?.map((s) => [s?.status, s?.parts.map(({ value }) => value)])).toEqual([
      ["TDX_OPERAND_INVALID", [1]],
      ["TDX_SUCCESS", []],
    ]);
  },
);
