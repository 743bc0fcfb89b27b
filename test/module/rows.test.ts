import { describe, expect, it } from "vitest";
import type { Acquisition, Catalog } from "../../src/catalog/index.ts";
import { extract, FIXTURE } from "./mutate.ts";
import { GIVE_GLOBAL, NODES, TAKE_ENTRY, TAKE_GLOBAL, unless, walkingLeaf } from "./pieces.ts";
import { hostLeaf, places, said, smallTree } from "./small-tree.ts";

/** Where each row's lock is given back: the kind of place, and the call chain down to it. */
const releases = (rows: readonly Acquisition[]): string[] =>
  rows.map(({ resource, release }) => `${resource} ${release?.at}: ${places(release?.evidence)?.join(" > ")}`);

const modes = (rows: readonly Acquisition[]): string[] =>
  rows.map(
    ({ resource, role, mode, when }) =>
      `${resource}${role === null ? "" : `(${role})`} ${mode}${when === null ? "" : ` when ${when}`}`,
  );

/** Diagnostics, apart from the places of a shared walk that the one leaf of a tree does not reach. */
const exceptUnreached = ({ diagnostics }: Catalog): string[] =>
  said(diagnostics).filter((text) => !text.startsWith("SL1040"));

describe("a lock that is taken shared and then promoted", () => {
  it("is exclusive, and the row says where it became so", async () => {
    const { rows, catalog, at } = await smallTree(
      hostLeaf(`
    if (acquire_sharex_lock_sh(&global->kot.lock) != LOCK_RET_SUCCESS)
    {
        return api_error_with_operand_id(TDX_OPERAND_BUSY, OPERAND_ID_KOT);
    }
    if (promote_sharex_lock(&global->kot.lock) != LOCK_RET_SUCCESS)
    {
        release_sharex_lock_sh(&global->kot.lock);
        return api_error_with_operand_id(TDX_OPERAND_BUSY, OPERAND_ID_KOT);
    }
    release_sharex_lock_ex(&global->kot.lock);
    return TDX_SUCCESS;`),
    );
    expect(modes(rows)).toEqual(["KOT EXCLUSIVE"]);
    expect(places(rows[0]?.evidence)).toEqual([at("acquire_sharex_lock_sh")]);
    expect(places(rows[0]?.promotion)).toEqual([at("promote_sharex_lock")]);
    expect(catalog.diagnostics).toEqual([]);
  });

  it("is an entry of 2 MB that leads to entries of its own: PAMT_2M, exclusive", async () => {
    const source = walkingLeaf("TDX_LOCK_EXCLUSIVE", "PG_2MB", `${unless("PT_PAMT")} page_entry->pt = PT_NDA;`);
    const { rows, catalog, at } = await smallTree(source, NODES);
    expect(modes(rows)).toEqual(["PAMT_1G SHARED", "PAMT_2M EXCLUSIVE"]);
    expect(rows.map((row) => places(row.promotion))).toEqual([
      null,
      [at("return_val = pamt_walk("), at("promote_sharex_lock_hp")],
    ]);
    expect(places(rows[1]?.release?.evidence)).toEqual([at("pamt_unwalk(page_pa"), at("// the target of 2 MB")]);
    expect(exceptUnreached(catalog)).toEqual([]);
  });

  it("is an entry of a page where the walk ends above 4 KB: the row shows the entry of 4 KB, which is taken as it is", async () => {
    const source = walkingLeaf("TDX_LOCK_EXCLUSIVE", "PG_4KB", `${unless("PT_NDA")} page_entry->pt = PT_REG;`);
    const { rows, catalog, at } = await smallTree(source, NODES);
    expect(modes(rows)).toEqual([
      "PAMT_1G SHARED",
      "PAMT_2M SHARED when page_block.pamt_2mb_p[page_pa.page_num]->pt == PT_PAMT",
      "PAGE(to-add) EXCLUSIVE",
    ]);
    // Of a page of 2 MB it is taken shared and promoted.
    expect(rows.map((row) => places(row.promotion))).toEqual([
      null,
      null,
      [at("return_val = pamt_walk("), at("promote_sharex_lock_hp")],
    ]);
    expect(rows.map(({ pageSizes, promotedSizes }) => [pageSizes, promotedSizes])).toEqual([
      [undefined, undefined],
      [undefined, undefined],
      [["4K", "2M"], ["2M"]],
    ]);
    expect(catalog.diagnostics).toEqual([]);
  });

  it("has the size that the walk came to, whatever the entry is reached by", async () => {
    const renamed = (text: string) => text.replaceAll("pamt_4kb_p", "children_p");
    const source = walkingLeaf("TDX_LOCK_EXCLUSIVE", "PG_4KB", `${unless("PT_NDA")} page_entry->pt = PT_REG;`);
    const nodes = Object.fromEntries(Object.entries(NODES).map(([file, text]) => [file, renamed(text)]));
    const { rows } = await smallTree(renamed(source), nodes);
    expect(rows.at(-1)?.pageSizes).toEqual(["4K", "2M"]);
  });

  it("is not promoted by a walk that asks for the target shared", async () => {
    const { rows, catalog } = await smallTree(walkingLeaf("TDX_LOCK_SHARED", "PG_2MB", unless("PT_REG")), NODES);
    expect(modes(rows)).toEqual(["PAMT_1G SHARED", "PAGE(to-test) SHARED"]);
    expect(rows.map((row) => row.promotion)).toEqual([null, null]);
    expect(exceptUnreached(catalog)).toEqual([]);
  });
});

describe("a lock that is busy", () => {
  const KOT = "global->kot.lock";
  const GIVE = `release_sharex_lock_ex(&${KOT});`;

  it("and is tried for all the same: the call ends well, with no status of it", async () => {
    const { rows, catalog } = await smallTree(
      hostLeaf(`if (acquire_sharex_lock_ex(&${KOT}) == LOCK_RET_SUCCESS) { ${GIVE} } return TDX_SUCCESS;`),
    );
    expect(rows).toMatchObject([{ resource: "KOT", busyStatus: null, otherStatuses: [] }]);
    expect(catalog.diagnostics).toEqual([]);
  });

  it("ends some calls and not others: the row says which", async () => {
    const busy = `if (flags) { return api_error_with_operand_id(return_val, OPERAND_ID_SEPT_ENTRY); } return TDX_SUCCESS;`;
    const { rows } = await smallTree(
      hostLeaf(`sept_entry = secure_ept_walk(tdcs_ptr, gpa); return_val = sept_lock_acquire_host(sept_entry);
    if (return_val != TDX_SUCCESS) { ${busy} }
    sept_lock_release(sept_entry); return TDX_SUCCESS;`),
    );
    expect(rows).toMatchObject([{ resource: "SEPT_ENTRY", busyStatus: "0x800002000000008E", busyWhen: "flags" }]);
  });
});

describe("what a TD entry leaves locked", () => {
  it("is matched with the TD exit's releases, level by level of a PAMT walk", async () => {
    const enter = (await extract(FIXTURE)).leaves.find(({ name }) => name === "tdh_vp_enter");
    expect(releases(enter?.acquisitions ?? [])).toEqual([
      "PAMT_1G td-exit: td_exit.c:8 > helpers.c:48",
      "PAMT_2M td-exit: td_exit.c:8 > helpers.c:47",
      "TDVPR td-exit: td_exit.c:8 > helpers.c:46",
      "TDCS td-exit: td_exit.c:7",
      "TDCS_EPOCH before-td-entry: tdh_vp_enter.c:32",
    ]);
  });

  it("is matched element by element of an array in a structure that was copied into the hand-over", async () => {
    const { rows, catalog, at } = await smallTree(
      hostLeaf(`
    walk_t pages;
    pages.path[0] = map_pa(gpa, TDX_RANGE_RW);
    pages.path[1] = map_pa(flags, TDX_RANGE_RW);
    if (acquire_sharex_lock_hp_sh(&pages.path[0]->op_state_lock, false) != TDX_SUCCESS)
    {
        return api_error_with_operand_id(TDX_OPERAND_BUSY, OPERAND_ID_RCX);
    }
    if (acquire_sharex_lock_hp_sh(&pages.path[1]->op_state_lock, false) != TDX_SUCCESS)
    {
        release_sharex_lock_hp_sh(&pages.path[0]->op_state_lock);
        return api_error_with_operand_id(TDX_OPERAND_BUSY, OPERAND_ID_RDX);
    }
    get_local_data()->vp_ctx.pages = pages;
    tdx_return_to_td(true);
    return TDX_SUCCESS;`),
      {
        "src/td_transitions/td_exit.c": `void td_vmexit_to_vmm(uint8_t why)
{
    tdx_module_local_t* local = get_local_data();

    release_sharex_lock_hp_sh(&local->vp_ctx.pages.path[1]->op_state_lock); // second
    release_sharex_lock_hp_sh(&local->vp_ctx.pages.path[0]->op_state_lock); // first
    tdx_seamret_to_vmm();
}
`,
      },
    );
    expect(modes(rows)).toEqual(["TDCS(gpa) SHARED", "TDCS(flags) SHARED"]);
    expect(releases(rows)).toEqual([`TDCS td-exit: ${at("// first")}`, `TDCS td-exit: ${at("// second")}`]);
    expect(catalog.diagnostics).toEqual([]);
  });
});

describe("names are the leaf's own", () => {
  it("an object is the leaf's variable that points to it, also when a helper set it", async () => {
    const leaves = (await extract(FIXTURE)).leaves;
    const objects = Object.fromEntries(leaves.map((leaf) => [leaf.name, leaf.acquisitions.map((row) => row.object)]));
    expect(objects).toMatchObject({
      tdh_vp_enter: ["tdvpr", "tdvpr", "tdvpr", "tdcs", "tdcs"],
      tdh_mem_page_add: [
        ...["tdr", "tdr", "tdr", "tdcs", "tdcs", "sept_entry"],
        ...["new_entry", "new_entry", "new_entry"],
      ],
      tdh_mem_range_block: ["tdr", "tdr", "tdr", "tdcs", "tdcs", "l2_entry"],
      tdh_mng_init: ["tdr", "tdr", "tdr", "global", "global", "tdcs"],
    });
  });

  const TWO = `
    ia32e_sept_t* source_ptr = secure_ept_walk(tdcs_ptr, gpa);
    ia32e_sept_t* target_p = secure_ept_walk(tdcs_ptr, flags);
    if (sept_lock_acquire_host(source_ptr) != TDX_SUCCESS)
    {
        return api_error_with_operand_id(TDX_OPERAND_BUSY, OPERAND_ID_RCX);
    }
    if (sept_lock_acquire_host(target_p) != TDX_SUCCESS)
    {
        sept_lock_release(source_ptr);
        return api_error_with_operand_id(TDX_OPERAND_BUSY, OPERAND_ID_RDX);
    }
    sept_lock_release(target_p);
    sept_lock_release(source_ptr);
    return TDX_SUCCESS;`;

  it("two objects of one class have the object as role, one has none", async () => {
    const two = await smallTree(hostLeaf(TWO));
    expect(modes(two.rows)).toEqual(["SEPT_ENTRY(source) EXCLUSIVE", "SEPT_ENTRY(target) EXCLUSIVE"]);
    expect(two.rows.map((row) => row.object)).toEqual(["source", "target"]);
    const one = await smallTree(hostLeaf(`${TAKE_ENTRY} sept_lock_release(sept_entry); return TDX_SUCCESS;`));
    expect(modes(one.rows)).toEqual(["SEPT_ENTRY EXCLUSIVE"]);
    expect(one.rows[0]?.object).toBe("sept_entry");
  });

  it("an object keeps its variable's name where that holds one object after the other", async () => {
    const lock = (address: string) =>
      `sept_entry = secure_ept_walk(tdcs_ptr, ${address}); if (sept_lock_acquire_host(sept_entry) != TDX_SUCCESS) { return TDX_OPERAND_BUSY; } sept_lock_release(sept_entry);`;
    const { rows } = await smallTree(hostLeaf(`${lock("gpa")}\n${lock("flags")}\n return TDX_SUCCESS;`));
    expect(rows.map(({ role, object }) => [role, object])).toEqual([
      [null, "sept_entry"],
      [null, "sept_entry"],
    ]);
  });

  const when = (prepare: string, test: string) =>
    smallTree(
      hostLeaf(`
    uint64_t level = 0;
    ${prepare}
    if (${test})
    {
        ${TAKE_GLOBAL}
        ${GIVE_GLOBAL}
    }
    return TDX_SUCCESS;`),
      {
        "src/common/find.c": `api_error_type find_entry(tdcs_t* tdcs, uint64_t address, uint64_t* level_p, ia32e_sept_t** entry_p)
{
    if (acquire_sharex_lock_sh(&tdcs->measurement.rtmr_lock) != LOCK_RET_SUCCESS)
    {
        return api_error_with_operand_id(TDX_OPERAND_BUSY, OPERAND_ID_RTMR);
    }
    *entry_p = secure_ept_walk(tdcs, address + 1);
    *level_p = level_of(*entry_p);
    release_sharex_lock_sh(&tdcs->measurement.rtmr_lock);
    return TDX_SUCCESS;
}
`,
      },
    ).then(({ rows }) => rows.find((row) => row.resource === "GLOBAL")?.when);

  it.each([
    ["flags & 1", "flags & 1"],
    ["(flags & 1) == 0", "!(flags & 1)"],
    ["!(gpa && flags == 3)", "!gpa || flags != 3"],
    ["(gpa + 1) * 2 > flags", "(gpa + 1) * 2 > flags"],
    ["gpa - (flags - 2) > 7", "gpa - (flags - 2) > 7"],
    ["gpa && (flags < 5 || level_of(flags))", "gpa && (flags < 5 || level_of(flags))"],
  ])("a condition has the parentheses that it needs: %s", async (test, expected) => {
    expect(await when("", test)).toBe(expected);
  });

  it("a condition names what a helper put into the leaf's variables by these", async () => {
    const find =
      "return_val = find_entry(tdcs_ptr, gpa, &level, &sept_entry); if (return_val != TDX_SUCCESS) { return return_val; }";
    expect(await when(find, "sept_entry->present && (level > 1 || !sept_entry->leaf)")).toBe(
      "sept_entry->present && (level > 1 || !sept_entry->leaf)",
    );
  });

  it.each([1, 2, 3])("a condition has the names of functions in the leaf's file, %i calls down", async (depth) => {
    const calls = Array.from({ length: depth }, (_, i) => {
      const call = i === 0 ? "lock_present(tdcs, address)" : `call_${i}(tdcs, address)`;
      return `static api_error_type call_${i + 1}(tdcs_t* tdcs, uint64_t address)\n{\n    return ${call};\n}\n`;
    });
    const present = `static api_error_type lock_present(tdcs_t* tdcs, uint64_t address)
{
    tdx_module_global_t* global = get_global_data();
    ia32e_sept_t* parent = secure_ept_walk(tdcs, address + 1);
    if (parent->present)
    {
        ${TAKE_GLOBAL}
        ${GIVE_GLOBAL}
    }
    return TDX_SUCCESS;
}
`;
    const { rows } = await smallTree(present + calls.join("") + hostLeaf(`return call_${depth}(tdcs_ptr, gpa);`));
    expect(modes(rows)).toEqual(["GLOBAL EXCLUSIVE when parent->present"]);
  });

  it("a condition inside a helper is in terms of what the leaf gave it", async () => {
    const { rows } = await smallTree(hostLeaf("return lock_if(global, flags >> 4);"), {
      "src/common/lock_if.c": `api_error_type lock_if(tdx_module_global_t* global, uint64_t options)
{
    if (options & 2)
    {
        ${TAKE_GLOBAL}
        ${GIVE_GLOBAL}
    }
    return TDX_SUCCESS;
}
`,
    });
    expect(modes(rows)).toEqual(["GLOBAL EXCLUSIVE when flags >> 4 & 2"]);
  });
});

describe("a structure that is walked without its lock", () => {
  const TREE = "&tdcs_ptr->execution.secure_ept_lock";
  const WALK = "return_val = walk_sept(tdcs_ptr, gpa, TDX_LOCK_NO_LOCK, &sept_entry, &locked); // walk";
  const TAKE = `if (acquire_sharex_lock_ex(${TREE}) != LOCK_RET_SUCCESS) { return api_error_with_operand_id(TDX_OPERAND_BUSY, OPERAND_ID_SEPT_TREE); }`;

  it("has a row without status or release, at the acquisition that is left out", async () => {
    const { rows, at } = await smallTree(hostLeaf(`${WALK}\n return return_val;`));
    expect(rows).toMatchObject([
      { resource: "SEPT_TREE", object: "tdcs", mode: "NO_LOCK", when: null, operand: null, busyStatus: null },
    ]);
    expect(rows[0]).toMatchObject({ hostPriorityStatus: null, otherStatuses: [], release: null, promotion: null });
    expect(places(rows[0]?.evidence)).toEqual([at("// walk"), at("acquire_sharex_lock(&tdcs->execution")]);
  });

  it("has none while the caller holds the lock", async () => {
    const { rows } = await smallTree(hostLeaf(`${TAKE} ${WALK}\n release_sharex_lock_ex(${TREE}); return return_val;`));
    expect(modes(rows)).toEqual(["SEPT_TREE EXCLUSIVE"]);
  });

  it("has one once the caller has given the lock back", async () => {
    const { rows } = await smallTree(hostLeaf(`${TAKE} release_sharex_lock_ex(${TREE}); ${WALK}\n return return_val;`));
    expect(modes(rows)).toEqual(["SEPT_TREE EXCLUSIVE", "SEPT_TREE NO_LOCK"]);
  });

  it("has the condition under which the leaf comes there", async () => {
    const { rows } = await smallTree(hostLeaf(`if (flags == 0) { return TDX_SUCCESS; } ${WALK}\n return return_val;`));
    expect(modes(rows)).toEqual(["SEPT_TREE NO_LOCK when flags"]);
  });

  it("has no status where another way takes the lock at the same place", async () => {
    const { rows } = await smallTree(
      hostLeaf(`
    lock_type_t mode = TDX_LOCK_NO_LOCK;
    if (flags & 1)
    {
        ${TAKE_GLOBAL}
        ${GIVE_GLOBAL}
        mode = TDX_LOCK_SHARED;
    }
    return_val = walk_sept(tdcs_ptr, gpa, mode, &sept_entry, &locked);
    if (locked)
    {
        release_sharex_lock_sh(${TREE});
    }
    return return_val;`),
    );
    expect(modes(rows)).toEqual([
      "GLOBAL EXCLUSIVE when flags & 1",
      "SEPT_TREE SHARED when flags & 1",
      "SEPT_TREE NO_LOCK when !(flags & 1)",
    ]);
    expect(rows.map((row) => row.busyStatus)).toEqual(["0x8000020000000000", "0x800002000000008D", null]);
  });

  it("has one when the test is for no lock and the lock is on the other side, and what that side does counts for nothing", async () => {
    const { rows, leaf, catalog } = await smallTree(hostLeaf("return walk(tdcs_ptr, TDX_LOCK_NO_LOCK);"), {
      "src/common/walk.c": `api_error_type walk(tdcs_t* tdcs, lock_type_t mode)
{
    if (mode == TDX_LOCK_NO_LOCK)
    {
        look_around(tdcs);
    }
    else
    {
        if (acquire_sharex_lock(&tdcs->execution.secure_ept_lock, mode) != LOCK_RET_SUCCESS)
        {
            return TDX_OPERAND_BUSY;
        }
        if (tdcs->in_use)
        {
            return TDX_PREVIOUS_TLB_EPOCH_BUSY;
        }
        release_sharex_lock(&tdcs->execution.secure_ept_lock, mode);
    }
    return TDX_SUCCESS;
}
`,
    });
    expect(modes(rows)).toEqual(["SEPT_TREE NO_LOCK"]);
    expect(leaf.otherBusy).toEqual([]);
    expect(catalog.diagnostics).toEqual([]);
  });

  it("has one when no lock is the mode that a primitive is given", async () => {
    const { rows } = await smallTree(
      hostLeaf(
        `if (acquire_sharex_lock(${TREE}, TDX_LOCK_NO_LOCK) != LOCK_RET_SUCCESS) { return TDX_OPERAND_BUSY; } return TDX_SUCCESS;`,
      ),
    );
    expect(modes(rows)).toEqual(["SEPT_TREE NO_LOCK"]);
  });

  it("has none when nothing is walked", async () => {
    const { rows } = await smallTree(hostLeaf(`if (flags == 3) { look_around(tdcs_ptr); } return TDX_SUCCESS;`));
    expect(rows).toEqual([]);
  });
});
