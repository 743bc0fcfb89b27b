import { describe, expect, it } from "vitest";
import type { Acquisition } from "../../src/catalog/index.ts";
import { GIVE_GLOBAL, TAKE_GLOBAL } from "./pieces.ts";
import { hostLeaf, said, smallTree } from "./small-tree.ts";

const takeKot = (mode: string): string =>
  `if (acquire_sharex_lock(&global->kot.lock, ${mode}) != LOCK_RET_SUCCESS) { return api_error_with_operand_id(TDX_OPERAND_BUSY, OPERAND_ID_KOT); }`;

const brief = (rows: readonly Acquisition[]): string[] =>
  rows.map(({ resource, mode, times, when }) => `${resource} ${mode} ${times}${when === null ? "" : ` when ${when}`}`);

describe("how often a lock is taken", () => {
  it.each([
    ["per GPA list entry", "uint16_t i; for (i = 0; i <= global->gpa_list.last_entry; i++)"],
    ["4", "uint16_t i; for (i = 0; i < 4; i++)"],
    ["while more_work(gpa)", "while (more_work(gpa))"],
    ["while --gpa", "while (--gpa)"],
    ["while gpa--", "while (gpa--)"],
  ])("%s", async (times, loop) => {
    const { rows } = await smallTree(hostLeaf(`${loop} { ${TAKE_GLOBAL} ${GIVE_GLOBAL} } return TDX_SUCCESS;`));
    expect(brief(rows)).toEqual([`GLOBAL EXCLUSIVE ${times}`]);
  });

  it("for each element of an array, where a later loop gives back any of them", async () => {
    const { rows, catalog } = await smallTree(
      hostLeaf(`
    uint16_t i;
    uint16_t k;
    for (i = 0; i < 64; i++)
    {
        if (acquire_sharex_lock_ex(&global->tdmr_table[i].lock) != LOCK_RET_SUCCESS)
        {
            halt();
            return TDX_OPERAND_BUSY;
        }
    }
    for (k = 0; k < global->num_tdmrs; k++)
    {
        release_sharex_lock_ex(&global->tdmr_table[k].lock);
    }
    return TDX_SUCCESS;`),
    );
    expect(brief(rows)).toEqual(["TDMR EXCLUSIVE 64"]);
    expect(rows[0]?.release?.at).toBe("leaf-exit");
    expect(said(catalog.diagnostics)).toEqual([]);
  });

  it("at the last level of a descent, and at each level above it", async () => {
    const { rows } = await smallTree(
      hostLeaf(`
    int32_t level;
    for (level = global->max_level; level >= 1; level--)
    {
        if (level == 1)
        {
            ${TAKE_GLOBAL}
            ${GIVE_GLOBAL}
        }
        else
        {
            ${takeKot("TDX_LOCK_SHARED")}
            release_sharex_lock_sh(&global->kot.lock);
        }
    }
    return TDX_SUCCESS;`),
    );
    expect(rows.map(({ resource, times }) => [resource, times])).toEqual([
      ["GLOBAL", "1"],
      ["KOT", "while level >= 1"],
    ]);
  });
});

describe("which ways there are", () => {
  it("none on which an assertion of the module fails", async () => {
    const { rows } = await smallTree(
      hostLeaf(`
    tdx_sanity_check(flags == 1, SCEC_TEST, 0);
    if (flags != 1)
    {
        ${TAKE_GLOBAL}
        ${GIVE_GLOBAL}
    }
    ${takeKot("TDX_LOCK_SHARED")}
    release_sharex_lock_sh(&global->kot.lock);
    return TDX_SUCCESS;`),
    );
    expect(brief(rows)).toEqual(["KOT SHARED 1"]);
  });

  it("none on which a field has another context than the one that its caller has checked", async () => {
    const { rows } = await smallTree(hostLeaf("return check_field(MD_CTX_TD, global, gpa);"), {
      "src/common/metadata.c": `#define MD_CTX_TD  1
#define MD_CTX_VP  2

api_error_type check_field(uint8_t ctx_code, tdx_module_global_t* global, md_field_id_t field)
{
    if (field.context_code == MD_CTX_VP)
    {
        ${TAKE_GLOBAL}
        ${GIVE_GLOBAL}
    }
    if (field.context_code == MD_CTX_TD)
    {
        ${takeKot("TDX_LOCK_SHARED")}
        release_sharex_lock_sh(&global->kot.lock);
    }
    return TDX_SUCCESS;
}
`,
    });
    expect(brief(rows)).toEqual(["KOT SHARED 1"]);
  });

  it("one for each structure that a pointer may point to, so that each gets its own lock back", async () => {
    const { catalog } = await smallTree(
      hostLeaf(`
    tdcs_t* other_ptr = map_pa(gpa, TDX_RANGE_RW);
    tdcs_t* chosen_ptr = (flags & 1) ? tdcs_ptr : other_ptr;
    if (acquire_sharex_lock_ex(&chosen_ptr->epoch_tracking.epoch_lock) != LOCK_RET_SUCCESS)
    {
        return api_error_with_operand_id(TDX_OPERAND_BUSY, OPERAND_ID_TD_EPOCH);
    }
    if (flags & 1)
    {
        release_sharex_lock_ex(&tdcs_ptr->epoch_tracking.epoch_lock);
    }
    else
    {
        release_sharex_lock_ex(&other_ptr->epoch_tracking.epoch_lock);
    }
    return TDX_SUCCESS;`),
    );
    expect(said(catalog.diagnostics)).toEqual([]);
  });
});

describe("what a call leaves known", () => {
  const options = (call: string) => `
    options_t options;
    options.mode = TDX_LOCK_SHARED;
    ${call}
    ${takeKot("options.mode")}
    release_sharex_lock_sh(&global->kot.lock);
    return TDX_SUCCESS;`;
  const LOOK = {
    "src/common/look.c":
      "void look_at(const options_t* options)\n{\n    if (options->mode == 0)\n    {\n        trace(1);\n    }\n}\n\nvoid change(options_t* options)\n{\n    options->mode = options->other;\n}\n",
  };

  it("what its argument points to, where the function only reads there", async () => {
    const { rows, catalog } = await smallTree(hostLeaf(options("look_at(&options);")), LOOK);
    expect(brief(rows)).toEqual(["KOT SHARED 1"]);
    expect(said(catalog.diagnostics)).toEqual([]);
  });

  it("not what its argument points to, where the function writes there or the tree does not define it", async () => {
    for (const call of ["change(&options);", "elsewhere(&options);"]) {
      const { catalog, at } = await smallTree(hostLeaf(options(call)), LOOK);
      expect(said(catalog.diagnostics)).toContain(`SL1025 error ${at("acquire_sharex_lock(&global")}`);
    }
  });

  it.each([
    ["itself", "lock_and_find(tdcs_ptr, gpa, &locked)"],
    ["through functions that do no more than call it", "find_first(tdcs_ptr, gpa, &locked)"],
  ])("which error a function returns to whoever tells errors apart: %s", async (_, call) => {
    const { rows, catalog } = await smallTree(
      hostLeaf(`
    return_val = ${call};
    if (return_val == api_error_with_operand_id(TDX_OPERAND_INVALID, OPERAND_ID_RCX) ||
        return_val == api_error_with_operand_id(TDX_OPERAND_BUSY, OPERAND_ID_RTMR))
    {
        return return_val;
    }
    if (locked)
    {
        release_sharex_lock_sh(&tdcs_ptr->measurement.rtmr_lock);
    }
    return TDX_SUCCESS;`),
      {
        "src/common/find.c": `api_error_type lock_and_find(tdcs_t* tdcs, uint64_t gpa, bool_t* locked)
{
    *locked = false;
    if (!is_private(gpa))
    {
        return api_error_with_operand_id(TDX_OPERAND_INVALID, OPERAND_ID_RCX);
    }
    if (acquire_sharex_lock_sh(&tdcs->measurement.rtmr_lock) != LOCK_RET_SUCCESS)
    {
        return api_error_with_operand_id(TDX_OPERAND_BUSY, OPERAND_ID_RTMR);
    }
    *locked = true;
    if (!is_present(gpa))
    {
        return TDX_PAGE_SIZE_MISMATCH;
    }
    return TDX_SUCCESS;
}

api_error_type find_second(tdcs_t* tdcs, uint64_t gpa, bool_t* locked)
{
    return lock_and_find(tdcs, gpa, locked);
}

api_error_type find_first(tdcs_t* tdcs, uint64_t gpa, bool_t* locked)
{
    return find_second(tdcs, gpa, locked);
}
`,
      },
    );
    expect(brief(rows)).toEqual(["RTMR SHARED 1"]);
    expect(said(catalog.diagnostics)).toEqual([]);
  });

  it("the low half of a status that is taken apart", async () => {
    const { rows } = await smallTree(
      hostLeaf(`
    api_error_code_t status;
    if (acquire_mutex_lock(&global->global_lock) != LOCK_RET_SUCCESS)
    {
        status.raw = api_error_with_operand_id(TDX_OPERAND_BUSY, OPERAND_ID_RCX);
        if (status.operand == OPERAND_ID_RCX)
        {
            return api_error_with_operand_id(TDX_OPERAND_BUSY, OPERAND_ID_RDX);
        }
        return status.raw;
    }
    ${GIVE_GLOBAL}
    return TDX_SUCCESS;`),
    );
    expect(rows).toMatchObject([{ busyStatus: "0x8000020000000002", otherStatuses: [] }]);
  });
});
