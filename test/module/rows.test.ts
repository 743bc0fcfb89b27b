import { describe, expect, it } from "vitest";
import type { Acquisition, Catalog } from "../../src/catalog/index.ts";
import { extract, FIXTURE } from "./mutate.ts";
import { hostLeaf, places, said, smallTree } from "./small-tree.ts";

const TAKE_GLOBAL = "if (acquire_mutex_lock(&global->global_lock) != LOCK_RET_SUCCESS) { return TDX_OPERAND_BUSY; }";
const GIVE_GLOBAL = "release_mutex_lock(&global->global_lock);";
const TAKE_ENTRY =
  "sept_entry = secure_ept_walk(tdcs_ptr, gpa); return_val = sept_lock_acquire_host(sept_entry); if (return_val != TDX_SUCCESS) { return api_error_with_operand_id(return_val, OPERAND_ID_SEPT_ENTRY); }";

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

/** A PAMT of pages with entries of their own: the walk takes the ancestors shared, and promotes where it ends above 4 KB. */
const NODES = {
  "src/common/helpers.c": `#define PG_4KB  0
#define PG_2MB  1

api_error_type api_error_with_operand_id(api_error_type error, uint64_t operand)
{
    return error | operand;
}

api_error_type pamt_walk(pa_t pa, pamt_block_t block, lock_type_t mode, uint8_t size, pamt_entry_t** found)
{
    pamt_entry_t* entry_1gb = map_pa_with_global_hkid(block.pamt_1gb_p, TDX_RANGE_RW);
    pamt_entry_t* entry_2mb = map_pa_with_global_hkid(&block.pamt_2mb_p[pa.page_num], TDX_RANGE_RW);
    pamt_entry_t* entry_4kb = map_pa_with_global_hkid(&block.pamt_4kb_p[pa.page_num], TDX_RANGE_RW);
    api_error_type status = UNINITIALIZE_ERROR;

    if ((status = acquire_sharex_lock_hp(&entry_1gb->entry_lock, TDX_LOCK_SHARED, false)) != TDX_SUCCESS)
    {
        goto EXIT;
    }
    if ((status = acquire_sharex_lock_hp(&entry_2mb->entry_lock, TDX_LOCK_SHARED, false)) != TDX_SUCCESS)
    {
        goto RELEASE_1GB;
    }
    if ((entry_2mb->pt != PT_PAMT) || (size == PG_2MB))
    {
        if ((mode == TDX_LOCK_EXCLUSIVE) && ((status = promote_sharex_lock_hp(&entry_2mb->entry_lock)) != TDX_SUCCESS))
        {
            goto RELEASE_2MB;
        }
        *found = entry_2mb;
        goto EXIT;
    }
    if ((status = acquire_sharex_lock_hp(&entry_4kb->entry_lock, mode, false)) != TDX_SUCCESS)
    {
        goto RELEASE_2MB;
    }
    *found = entry_4kb;
    goto EXIT;

RELEASE_2MB:
    release_sharex_lock_hp_sh(&entry_2mb->entry_lock);
RELEASE_1GB:
    release_sharex_lock_hp_sh(&entry_1gb->entry_lock);
EXIT:
    return status;
}

void pamt_unwalk(pa_t pa, pamt_block_t block, lock_type_t mode, uint8_t size)
{
    pamt_entry_t* entry_1gb = map_pa_with_global_hkid(block.pamt_1gb_p, TDX_RANGE_RW);
    pamt_entry_t* entry_2mb = map_pa_with_global_hkid(&block.pamt_2mb_p[pa.page_num], TDX_RANGE_RW);
    pamt_entry_t* entry_4kb = map_pa_with_global_hkid(&block.pamt_4kb_p[pa.page_num], TDX_RANGE_RW);

    if ((entry_2mb->pt != PT_PAMT) || (size == PG_2MB))
    {
        release_sharex_lock_hp(&entry_2mb->entry_lock, mode); // the target of 2 MB
    }
    else
    {
        release_sharex_lock_hp(&entry_4kb->entry_lock, mode);
        release_sharex_lock_hp_sh(&entry_2mb->entry_lock);
    }
    release_sharex_lock_hp_sh(&entry_1gb->entry_lock);
}
`,
};

/** A leaf that walks to a page's entry, does something with it, and gives it back. */
const walkingLeaf = (mode: string, size: string, use: string): string => `
api_error_type tdh_phymem_test(uint64_t page)
{
    pa_t           page_pa;
    pamt_block_t   page_block;
    pamt_entry_t*  page_entry;
    api_error_type return_val = UNINITIALIZE_ERROR;

    page_pa.raw = page;
    if (!pamt_get_block(page_pa, &page_block))
    {
        return TDX_OPERAND_INVALID;
    }
    return_val = pamt_walk(page_pa, page_block, ${mode}, ${size}, &page_entry);
    if (return_val != TDX_SUCCESS)
    {
        return api_error_with_operand_id(return_val, OPERAND_ID_RCX);
    }
    ${use}
EXIT:
    pamt_unwalk(page_pa, page_block, ${mode}, ${size});
    return return_val;
}
`;

const unless = (type: string): string =>
  `if (page_entry->pt != ${type}) { return_val = TDX_OPERAND_INVALID; goto EXIT; }`;

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

describe("the releases of a call", () => {
  const TAKE = "if (acquire_sharex_lock_ex(&global->kot.lock) != LOCK_RET_SUCCESS) { return TDX_OPERAND_BUSY; }";

  it("stand in their own order", async () => {
    const { rows } = await smallTree(
      hostLeaf(
        `${TAKE_GLOBAL} if (acquire_sharex_lock_ex(&global->kot.lock) != LOCK_RET_SUCCESS) { ${GIVE_GLOBAL} return TDX_OPERAND_BUSY; } ${GIVE_GLOBAL} release_sharex_lock_ex(&global->kot.lock); return TDX_SUCCESS;`,
      ),
    );
    expect(rows.map(({ resource, order, release }) => [resource, order, release?.sequence])).toEqual([
      ["GLOBAL", 0, 0],
      ["KOT", 1, 1],
    ]);
  });

  it("are more than one where the call ends early", async () => {
    const { rows, at } = await smallTree(
      hostLeaf(`${TAKE}
    if (flags) {
        release_sharex_lock_ex(&global->kot.lock); // early
        return TDX_OPERAND_INVALID;
    }
    release_sharex_lock_ex(&global->kot.lock); // usual
    return TDX_SUCCESS;`),
    );
    expect(rows.map(({ release }) => [places(release?.evidence), release?.elsewhere?.map((p) => places(p))])).toEqual([
      [[at("// usual")], [[at("// early")]]],
    ]);
  });
});

describe("a release is at the end of the iteration", () => {
  const loop = (body: string) => `for (vm = 1; vm <= tdcs_ptr->management.num_l2_vms; vm++) { ${body}\n }`;
  const TAKE =
    "if (acquire_mutex_lock(&tdcs_ptr->l2[vm].global_lock) != LOCK_RET_SUCCESS) { return TDX_OPERAND_BUSY; }";
  const GIVE = "release_mutex_lock(&tdcs_ptr->l2[vm].global_lock);";

  it.each([
    ["in the loop that takes the lock", loop(`${TAKE}\n${GIVE} // given`), "iteration-end"],
    ["in a do … while (0) inside that loop", loop(`${TAKE}\ndo { ${GIVE} // given\n } while (0);`), "iteration-end"],
    ["not in another loop of the same test", `${loop(TAKE)}\n${loop(`${GIVE} // given\n`)}`, "leaf-exit"],
    ["not in a do … while (0), which repeats nothing", `do { ${TAKE}\n${GIVE} // given\n} while (0);`, "leaf-exit"],
  ])("%s", async (_, body, expected) => {
    const { rows, catalog, at } = await smallTree(hostLeaf(`uint16_t vm = 1; ${body}\n return TDX_SUCCESS;`));
    expect(releases(rows)).toEqual([`GLOBAL ${expected}: ${at("// given")}`]);
    expect(catalog.diagnostics).toEqual([]);
  });
});

describe("a release is the one of the way that succeeds", () => {
  it("before the clean-up, which only failures reach with the lock", async () => {
    const { rows, catalog, at } = await smallTree(
      hostLeaf(`
    ${TAKE_GLOBAL}
    locked = true;
    if (flags & 1)
    {
        return_val = TDX_OPERAND_INVALID;
        goto EXIT;
    }
    return_val = TDX_SUCCESS;
    ${GIVE_GLOBAL} // success
    locked = false;
EXIT:
    if (locked)
    {
        ${GIVE_GLOBAL} // failure
    }
    return return_val;`),
    );
    expect(releases(rows)).toEqual([`GLOBAL leaf-exit: ${at("// success")}`]);
    expect(catalog.diagnostics).toEqual([]);
  });

  it("after a failure's own", async () => {
    const { rows, catalog, at } = await smallTree(
      hostLeaf(`
    ${TAKE_GLOBAL}
    if (flags & 1)
    {
        ${GIVE_GLOBAL} // failure
        return TDX_OPERAND_INVALID;
    }
    ${GIVE_GLOBAL} // success
    return TDX_SUCCESS;`),
    );
    expect(releases(rows)).toEqual([`GLOBAL leaf-exit: ${at("// success")}`]);
    expect(catalog.diagnostics).toEqual([]);
  });

  it("the first in the source, where ways that succeed differ", async () => {
    const { rows, at } = await smallTree(
      hostLeaf(`
    ${TAKE_GLOBAL}
    locked = true;
    if (flags & 1)
    {
        goto EXIT;
    }
    ${GIVE_GLOBAL} // first
    locked = false;
EXIT:
    if (locked)
    {
        ${GIVE_GLOBAL} // last
    }
    return TDX_SUCCESS;`),
    );
    expect(releases(rows)).toEqual([`GLOBAL leaf-exit: ${at("// first")}`]);
  });

  it("the leaf's own, where another way that succeeds gives back in a helper", async () => {
    const { rows, at } = await smallTree(
      hostLeaf(`
    return_val = lock_and_try(global, gpa);
    if (return_val != TDX_SUCCESS)
    {
        return return_val;
    }
    if (!is_done(gpa))
    {
        ${GIVE_GLOBAL} // leaf
    }
    return TDX_SUCCESS;`),
      {
        "src/common/try.c": `api_error_type lock_and_try(tdx_module_global_t* global, uint64_t gpa)
{
    ${TAKE_GLOBAL}
    if (is_done(gpa))
    {
        ${GIVE_GLOBAL} // helper
    }
    return TDX_SUCCESS;
}
`,
      },
    );
    expect(releases(rows)).toEqual([`GLOBAL leaf-exit: ${at("// leaf")}`]);
  });

  it("of the level of a PAMT walk that the row shows", async () => {
    const source = walkingLeaf("TDX_LOCK_EXCLUSIVE", "PG_4KB", `${unless("PT_NDA")} page_entry->pt = PT_REG;`);
    const { rows, at } = await smallTree(source, NODES);
    const exit = at("pamt_unwalk(page_pa");
    const [line] = [Number(at("// the target of 2 MB").split(":")[1])];
    expect(releases(rows)).toEqual([
      `PAMT_1G leaf-exit: ${exit} > helpers.c:${line + 7}`,
      `PAMT_2M leaf-exit: ${exit} > helpers.c:${line + 5}`,
      `PAGE leaf-exit: ${exit} > helpers.c:${line + 4}`,
    ]);
  });
});

describe("a release in something else than the leaf has its name", () => {
  const MEASURE = `api_error_type read_rtmr(tdcs_t* tdcs, uint64_t index)
{
    if (acquire_sharex_lock_sh(&tdcs->measurement.rtmr_lock) != LOCK_RET_SUCCESS)
    {
        return api_error_with_operand_id(TDX_OPERAND_BUSY, OPERAND_ID_RTMR);
    }
    copy_rtmr(tdcs, index);
    release_sharex_lock_sh(&tdcs->measurement.rtmr_lock);
    return TDX_SUCCESS;
}
`;
  const GIVEN = "release_sharex_lock_sh(&tdcs->measurement.rtmr_lock)";

  it("a helper that takes and gives back", async () => {
    const { rows, at } = await smallTree(hostLeaf("return read_rtmr(tdcs_ptr, flags);"), {
      "src/common/rtmr.c": MEASURE,
    });
    expect(releases(rows)).toEqual([`RTMR read_rtmr: ${at("return read_rtmr")} > ${at(GIVEN)}`]);
  });

  it("a helper in the leaf's own file that is one of several that lock", async () => {
    const { rows, at } = await smallTree(
      MEASURE + hostLeaf(`${TAKE_GLOBAL} ${GIVE_GLOBAL} // global\n return read_rtmr(tdcs_ptr, flags);`),
    );
    expect(releases(rows)).toEqual([
      `GLOBAL leaf-exit: ${at("// global")}`,
      `RTMR read_rtmr: ${at("return read_rtmr")} > ${at(GIVEN)}`,
    ]);
  });

  it("not a helper in the leaf's own file that does all of its work", async () => {
    const { rows, at } = await smallTree(MEASURE + hostLeaf("return read_rtmr(tdcs_ptr, flags);"));
    expect(releases(rows)).toEqual([`RTMR leaf-exit: ${at("return read_rtmr")} > ${at(GIVEN)}`]);
  });

  it.each([
    [
      "a helper that writes the whole SEPT entry",
      "set_leaf_and_release_locks(sept_entry, gpa);",
      "set_leaf_and_release_locks",
    ],
    ["a word written without the lock bit", "atomic_mem_write_64b(&sept_entry->raw, 0x400);", "atomic_mem_write_64b"],
    ["a word assigned without the lock bit", "sept_entry->raw = SEPT_STATE_FREE_ENCODING;", "whole-word write"],
    [
      "a copy written back after its lock bit was cleared",
      "ia32e_sept_t copy; copy.raw = sept_entry->raw; sept_lock_release_local(&copy); atomic_mem_write_64b(&sept_entry->raw, copy.raw);",
      "atomic_mem_write_64b",
    ],
  ])("%s", async (_, statement, name) => {
    const { rows, catalog, at } = await smallTree(
      hostLeaf(`${TAKE_ENTRY}\n${statement} // given\n return TDX_SUCCESS;`),
      {
        "src/common/sept.c":
          "void sept_lock_release_local(ia32e_sept_t* e)\n{\n    e->tdel = 0;\n}\nvoid set_leaf_and_release_locks(ia32e_sept_t* e, uint64_t gpa)\n{\n    e->raw = gpa;\n}\n",
      },
    );
    expect(releases(rows)).toEqual([`SEPT_ENTRY ${name}: ${at("// given")}`]);
    expect(catalog.diagnostics).toEqual([]);
  });

  it.each([
    ["a word written with the lock bit set", "atomic_mem_write_64b(&sept_entry->raw, 0x800);"],
    [
      "a copy written back with its lock bit",
      "ia32e_sept_t copy; copy.raw = sept_entry->raw; atomic_mem_write_64b(&sept_entry->raw, copy.raw);",
    ],
    ["a word written over another entry", "atomic_mem_write_64b(&secure_ept_walk(tdcs_ptr, flags)->raw, 0);"],
  ])("no release: %s", async (_, statement) => {
    const { rows, catalog, at } = await smallTree(
      hostLeaf(`${TAKE_ENTRY} // taken\n${statement}\n return TDX_SUCCESS;`),
    );
    expect(rows.map((row) => row.release)).toEqual([null]);
    expect(said(catalog.diagnostics)).toEqual([`SL1031 error ${at("// taken")}`]);
  });
});

describe("a lock word in a page that the leaf removes", () => {
  const body = (freed: string) => `
    pa_t          merged_pa = page_behind(gpa);
    pa_t          other_pa = page_behind(flags);
    sept_page_t*  merged_ptr = map_pa(merged_pa.raw_void, TDX_RANGE_RW);
    pamt_entry_t* freed_entry = pamt_implicit_get(${freed}, 0);

    return_val = sept_lock_acquire_host(&merged_ptr->entries[0]);
    if (return_val != TDX_SUCCESS)
    {
        return api_error_with_operand_id(return_val, OPERAND_ID_SEPT_ENTRY);
    }
    freed_entry->pt = PT_NDA;
    return TDX_SUCCESS;`;

  it("goes with the page, where its type is set", async () => {
    const { rows, catalog, at } = await smallTree(hostLeaf(body("merged_pa")));
    expect(releases(rows)).toEqual([`SEPT_ENTRY page-removed: ${at("= PT_NDA")}`]);
    expect(catalog.diagnostics).toEqual([]);
  });

  it("stays held when it is another page that the leaf removes", async () => {
    const { rows, catalog, at } = await smallTree(hostLeaf(body("other_pa")));
    expect(rows.map((row) => row.release)).toEqual([null]);
    expect(said(catalog.diagnostics)).toEqual([`SL1031 error ${at("sept_lock_acquire_host")}`]);
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
