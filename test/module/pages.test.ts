import { describe, expect, it } from "vitest";
import type { Acquisition } from "../../src/catalog/index.ts";
import { hostLeaf, said, smallTree } from "./small-tree.ts";

const take = (entry: string): string =>
  `if (acquire_sharex_lock_hp_ex(&${entry}->entry_lock, false) != TDX_SUCCESS) { return api_error_with_operand_id(TDX_OPERAND_BUSY, OPERAND_ID_RCX); }`;
const give = (entry: string): string => `release_sharex_lock_hp_ex(&${entry}->entry_lock);`;
const ENTRY = "pamt_entry_t* entry = pamt_implicit_get(gpa, 0);";

const kinds = (rows: readonly Acquisition[]): string[] =>
  rows.map(({ resource, role, object }) => `${resource} ${role} ${object}`);

describe("what the lock of a PAMT entry is the lock of", () => {
  it("the TDR, where a helper locks the owner of a page", async () => {
    const { rows } = await smallTree(
      hostLeaf(`
    pamt_entry_t* tdr_entry = NULL;
    return_val = lock_and_map_implicit_tdr(gpa, &tdr_entry);
    if (return_val != TDX_SUCCESS)
    {
        return return_val;
    }
    ${give("tdr_entry")}
    return TDX_SUCCESS;`),
      {
        "src/common/owner.c": `api_error_type lock_and_map_implicit_tdr(uint64_t page, pamt_entry_t** entry_p)
{
    pamt_entry_t* entry = pamt_implicit_get(owner_of(page), 0);
    ${take("entry")}
    *entry_p = entry;
    return TDX_SUCCESS;
}
`,
      },
    );
    expect(kinds(rows)).toEqual(["TDR null tdr_entry"]);
  });

  it("a page whose size changes, where the PAMT is split or merged", async () => {
    const { rows } = await smallTree(hostLeaf("return pamt_demote(gpa);"), {
      "src/common/resize.c": `api_error_type pamt_demote(uint64_t gpa)
{
    ${ENTRY}
    ${take("entry")}
    ${give("entry")}
    return TDX_SUCCESS;
}
`,
    });
    expect(rows).toMatchObject([{ resource: "PAGE", role: "to-resize", release: { at: "pamt_demote" } }]);
  });

  it("a page with the role that the leaf's name says, whatever type it gets, where the name is one of those that do", async () => {
    const body = `${ENTRY} ${take("entry")} entry->pt = PT_REG; ${give("entry")} return TDX_SUCCESS;`;
    const named = async (name: string) => kinds((await smallTree(hostLeaf(body).replace("tdh_mem_test", name))).rows);
    expect(await named("tdh_mem_page_aug")).toEqual(["PAGE to-aug entry"]);
    expect(await named("tdh_mem_page_put")).toEqual(["PAGE to-add entry"]);
  });

  it("a page that is removed on one way is so on all", async () => {
    const { rows } = await smallTree(
      hostLeaf(`
    ${ENTRY}
    ${take("entry")}
    if (flags & 1)
    {
        if (acquire_mutex_lock(&global->global_lock) != LOCK_RET_SUCCESS)
        {
            ${give("entry")}
            return TDX_OPERAND_BUSY;
        }
        entry->pt = PT_NDA;
        release_mutex_lock(&global->global_lock);
    }
    ${give("entry")}
    return TDX_SUCCESS;`),
    );
    expect(kinds(rows)).toEqual(["PAGE to-remove entry", "GLOBAL null global"]);
  });

  it("two pages that a loop over the VMs removes: one for the TD itself, one for the others", async () => {
    const { rows, catalog } = await smallTree(
      hostLeaf(`
    pamt_entry_t* first_ptr = pamt_implicit_get(gpa, 0);
    pamt_entry_t* second_ptr = pamt_implicit_get(flags, 0);
    uint16_t      vm;
    ${take("first_ptr")}
    ${take("second_ptr")}
    for (vm = 0; vm <= tdcs_ptr->management.num_l2_vms; vm++)
    {
        if (vm == 0)
        {
            first_ptr->pt = PT_NDA;
        }
        else
        {
            second_ptr->pt = PT_NDA;
        }
    }
    ${give("second_ptr")}
    ${give("first_ptr")}
    return TDX_SUCCESS;`),
    );
    expect(kinds(rows)).toEqual(["PAGE to-remove first", "PAGE to-remove second"]);
    expect(said(catalog.diagnostics).filter((text) => !text.startsWith("SL1032"))).toEqual([]);
  });
});
