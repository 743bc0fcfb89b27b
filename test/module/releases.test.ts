import { describe, expect, it } from "vitest";
import type { Acquisition, Leaf } from "../../src/catalog/index.ts";
import { copyOfFixture, edit, extract } from "./mutate.ts";
import { GIVE_GLOBAL, NODES, TAKE_ENTRY, TAKE_GLOBAL, unless, walkingLeaf } from "./pieces.ts";
import { hostLeaf, places, said, smallTree } from "./small-tree.ts";

/** Where each row's lock is given back: the kind of place, and the call chain down to it. */
const releases = (rows: readonly Acquisition[]): string[] =>
  rows.map(({ resource, release }) => `${resource} ${release?.at}: ${places(release?.evidence)?.join(" > ")}`);

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

  it("keep what all ways agree on, where ways differ about another", async () => {
    const give = {
      kot: "release_sharex_lock_ex(&global->kot.lock);",
      rtmr: "release_sharex_lock_sh(&tdcs_ptr->measurement.rtmr_lock);",
    };
    const { rows } = await smallTree(
      hostLeaf(`
    ${TAKE_GLOBAL}
    if (acquire_sharex_lock_ex(&global->kot.lock) != LOCK_RET_SUCCESS) { ${GIVE_GLOBAL} return TDX_OPERAND_BUSY; }
    if (acquire_sharex_lock_sh(&tdcs_ptr->measurement.rtmr_lock) != LOCK_RET_SUCCESS) { ${give.kot} ${GIVE_GLOBAL} return TDX_OPERAND_BUSY; }
    locked = true;
    if (flags & 1)
    {
        ${give.rtmr}
        locked = false;
    }
    ${give.kot}
    ${GIVE_GLOBAL}
    if (locked)
    {
        ${give.rtmr}
    }
    return TDX_SUCCESS;`),
    );
    expect(rows.map(({ resource, order, release }) => [resource, order, release?.sequence])).toEqual([
      ["GLOBAL", 0, 1],
      ["KOT", 1, 0],
      ["RTMR", 2, 2],
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

describe("other orders of giving back", () => {
  const KOT = "acquire_sharex_lock_ex(&global->kot.lock)";
  const RTMR = "acquire_sharex_lock_sh(&tdcs_ptr->measurement.rtmr_lock)";
  const GIVE = {
    kot: "release_sharex_lock_ex(&global->kot.lock);",
    rtmr: "release_sharex_lock_sh(&tdcs_ptr->measurement.rtmr_lock);",
  };
  const TAKE_KOT = `if (${KOT} != LOCK_RET_SUCCESS) { ${GIVE_GLOBAL} return TDX_OPERAND_BUSY; }`;
  const ordersOf = async (body: string, helpers = "") =>
    (await smallTree(`${hostLeaf(`${TAKE_GLOBAL}\n${TAKE_KOT}\n${body}`)}\n${helpers}`)).leaf.releaseOrders;

  it("are not told where all ways have the order of the rows", async () => {
    const body = `if (${RTMR} != LOCK_RET_SUCCESS) { ${GIVE.kot} ${GIVE_GLOBAL} return TDX_OPERAND_BUSY; }
    if (flags) { ${GIVE.rtmr} ${GIVE.kot} ${GIVE_GLOBAL} return TDX_OPERAND_INVALID; }
    ${GIVE.rtmr} ${GIVE.kot} ${GIVE_GLOBAL} return TDX_SUCCESS;`;
    expect(await ordersOf(body)).toBeUndefined();
  });

  it("are told of a check that does not pass, of the locks that are held then", async () => {
    const body = `if (flags & 2) { ${GIVE_GLOBAL} ${GIVE.kot} return TDX_OPERAND_INVALID; }
    if (${RTMR} != LOCK_RET_SUCCESS) { ${GIVE.kot} ${GIVE_GLOBAL} return TDX_OPERAND_BUSY; }
    if (flags & 1) { ${GIVE.kot} ${GIVE.rtmr} ${GIVE_GLOBAL} return TDX_OPERAND_INVALID; }
    ${GIVE.rtmr} ${GIVE.kot} ${GIVE_GLOBAL} return TDX_SUCCESS;`;
    expect(await ordersOf(body)).toEqual([
      { end: "other", locks: [1, 2, 0] },
      { end: "other", locks: [0, 1] },
    ]);
  });

  it("of calls that hold more are not those of calls that hold less", async () => {
    const body = `if (flags & 2) { ${GIVE.kot} ${GIVE_GLOBAL} return TDX_OPERAND_INVALID; }
    if (${RTMR} != LOCK_RET_SUCCESS) { ${GIVE.kot} ${GIVE_GLOBAL} return TDX_OPERAND_BUSY; }
    if (flags & 1) { ${GIVE_GLOBAL} ${GIVE.kot} ${GIVE.rtmr} return TDX_OPERAND_INVALID; }
    ${GIVE.rtmr} ${GIVE.kot} ${GIVE_GLOBAL} return TDX_SUCCESS;`;
    expect(await ordersOf(body)).toEqual([
      { end: "other", locks: [0, 1, 2] },
      { end: "other", locks: [1, 0] },
    ]);
  });

  it("are told with the usual one of calls that hold more, where the end has any of its own", async () => {
    const body = `if (flags & 2) { ${GIVE_GLOBAL} ${GIVE.kot} return TDX_OPERAND_INVALID; }
    if (${RTMR} != LOCK_RET_SUCCESS) { ${GIVE.kot} ${GIVE_GLOBAL} return TDX_OPERAND_BUSY; }
    if (flags & 1) { ${GIVE.rtmr} ${GIVE.kot} ${GIVE_GLOBAL} return TDX_OPERAND_INVALID; }
    ${GIVE.rtmr} ${GIVE.kot} ${GIVE_GLOBAL} return TDX_SUCCESS;`;
    expect(await ordersOf(body)).toEqual([
      { end: "other", locks: [2, 1, 0] },
      { end: "other", locks: [0, 1] },
    ]);
  });

  it("are of the try that is refused, also of a lock that was taken and given back before", async () => {
    const first = `if (${RTMR} != LOCK_RET_SUCCESS) { ${GIVE.kot} ${GIVE_GLOBAL} return TDX_OPERAND_BUSY; } ${GIVE.rtmr}`;
    const body = `${first} // first
    if (flags & 1) { ${GIVE_GLOBAL} }
    if (${RTMR} != LOCK_RET_SUCCESS)
    {
        ${GIVE.kot}
        if ((flags & 1) == 0) { ${GIVE_GLOBAL} }
        return TDX_OPERAND_BUSY;
    }
    ${GIVE.rtmr} ${GIVE.kot}
    if ((flags & 1) == 0) { ${GIVE_GLOBAL} }
    return TDX_SUCCESS;`;
    // The rows' turns are those of the ways with the flag.
    const busy = (await ordersOf(body))?.filter(({ end }) => end === "busy");
    expect(busy).toEqual([
      { end: "busy", refused: 2, locks: [1, 0] },
      { end: "busy", refused: 3, locks: [0, 1] },
      { end: "busy", refused: 3, locks: [1, 0] },
    ]);
  });

  it("are told of the lock that is refused, whoever gives back what it has taken", async () => {
    const helper = `api_error_type tdx_helper(tdcs_t* tdcs_ptr)
{
    tdx_module_global_t* global = get_global_data();
    if (${KOT} != LOCK_RET_SUCCESS) { return TDX_OPERAND_BUSY; }
    if (${RTMR} != LOCK_RET_SUCCESS) { ${GIVE.kot} return TDX_OPERAND_BUSY; }
    return TDX_SUCCESS;
}`;
    const source = hostLeaf(`
    ${TAKE_GLOBAL}
    return_val = tdx_helper(tdcs_ptr);
    if (return_val != TDX_SUCCESS) { ${GIVE_GLOBAL} return return_val; }
    ${GIVE_GLOBAL} ${GIVE.kot} ${GIVE.rtmr} return TDX_SUCCESS;`);
    const { leaf, rows } = await smallTree(`${helper}\n${source}`);
    expect(rows.map(({ resource, release }) => [resource, release?.sequence])).toEqual([
      ["GLOBAL", 0],
      ["KOT", 1],
      ["RTMR", 2],
    ]);
    expect(leaf.releaseOrders).toEqual([{ end: "busy", refused: 2, locks: [1, 0] }]);
  });

  it("are of the row that the way takes, where an input decides the mode", async () => {
    const source = hostLeaf(`
    ${TAKE_GLOBAL}
    if (acquire_sharex_lock(&global->kot.lock, (flags & 1) ? TDX_LOCK_EXCLUSIVE : TDX_LOCK_SHARED) != LOCK_RET_SUCCESS)
    { ${GIVE_GLOBAL} return TDX_OPERAND_BUSY; }
    if (!(flags & 1)) { if (gpa) { ${GIVE_GLOBAL} release_sharex_lock_sh(&global->kot.lock); return TDX_OPERAND_INVALID; } }
    release_sharex_lock(&global->kot.lock, (flags & 1) ? TDX_LOCK_EXCLUSIVE : TDX_LOCK_SHARED);
    ${GIVE_GLOBAL} return TDX_SUCCESS;`);
    const { leaf, rows } = await smallTree(source);
    const shared = rows.find(({ resource, mode }) => resource === "KOT" && mode === "SHARED")?.order;
    expect(leaf.releaseOrders).toEqual([{ end: "other", locks: [0, shared] }]);
  });

  it("have what one way gives back sooner than those that succeed", async () => {
    const body = `if (flags & 1) { ${GIVE_GLOBAL} }
    if (${RTMR} != LOCK_RET_SUCCESS) { ${GIVE.kot} if (!(flags & 1)) { ${GIVE_GLOBAL} } return TDX_OPERAND_BUSY; }
    if (flags & 1) { ${GIVE.rtmr} ${GIVE.kot} return TDX_OPERAND_INVALID; }
    ${GIVE.rtmr} ${GIVE.kot} ${GIVE_GLOBAL} return TDX_SUCCESS;`;
    expect(await ordersOf(body)).toEqual([
      { end: "busy", refused: 2, locks: [0, 1] },
      { end: "busy", refused: 2, locks: [1, 0] },
      { end: "other", locks: [0, 2, 1] },
    ]);
  });

  it("are of each row of a try that is refused", async () => {
    const take = "acquire_sharex_lock(&global->kot.lock, (flags & 1) ? TDX_LOCK_EXCLUSIVE : TDX_LOCK_SHARED)";
    const source = hostLeaf(`
    ${TAKE_GLOBAL}
    if (${RTMR} != LOCK_RET_SUCCESS) { ${GIVE_GLOBAL} return TDX_OPERAND_BUSY; }
    if (${take} != LOCK_RET_SUCCESS) { ${GIVE_GLOBAL} ${GIVE.rtmr} return TDX_OPERAND_BUSY; }
    release_sharex_lock(&global->kot.lock, (flags & 1) ? TDX_LOCK_EXCLUSIVE : TDX_LOCK_SHARED);
    ${GIVE.rtmr} ${GIVE_GLOBAL} return TDX_SUCCESS;`);
    const { leaf } = await smallTree(source);
    expect(leaf.releaseOrders).toEqual([2, 3].map((refused) => ({ end: "busy", refused, locks: [0, 1] })));
  });

  it("are of one row, where a try that is refused is of one mode", async () => {
    const source = hostLeaf(`
    ${TAKE_GLOBAL}
    if (${RTMR} != LOCK_RET_SUCCESS) { ${GIVE_GLOBAL} return TDX_OPERAND_BUSY; }
    lock_type_t mode = (flags & 1) ? TDX_LOCK_EXCLUSIVE : TDX_LOCK_SHARED;
    if (acquire_sharex_lock(&global->kot.lock, mode) != LOCK_RET_SUCCESS)
    {
        if (flags & 1) { ${GIVE_GLOBAL} ${GIVE.rtmr} return TDX_OPERAND_BUSY; }
        ${GIVE.rtmr} ${GIVE_GLOBAL} return TDX_OPERAND_BUSY;
    }
    release_sharex_lock(&global->kot.lock, mode);
    ${GIVE.rtmr} ${GIVE_GLOBAL} return TDX_SUCCESS;`);
    const { leaf, rows } = await smallTree(source);
    const refused = rows.find(({ resource, mode }) => resource === "KOT" && mode === "EXCLUSIVE")?.order;
    expect(leaf.releaseOrders).toEqual([{ end: "busy", refused, locks: [0, 1] }]);
  });

  it("have what a TD exit gives back, where an entry ends in one before the guest runs", async () => {
    const give = { kot: GIVE.kot.replace("global->", "get_global_data()->"), rtmr: GIVE.rtmr };
    const take = (lock: string) =>
      `if (${lock.replace("global->", "get_global_data()->")} != LOCK_RET_SUCCESS) { goto EXIT; }`;
    const enter = `${take(KOT)} ${take(RTMR)} if (target_tdvpr_pa == 7) { ${give.kot} ${give.rtmr} async_tdexit_internal(0, 0, 0, 0, 0, 0, false); } ${give.rtmr} ${give.kot} tdx_return_to_td(true);`;
    const ENTER = "src/td_transitions/tdh_vp_enter.c";
    const { leaves } = await extract(copyOfFixture([edit(ENTER, "tdx_return_to_td(true);", enter)]));
    const { acquisitions, releaseOrders = [] } = leaves.find(({ name }) => name === "tdh_vp_enter") as Leaf;
    const named = (at: number) => acquisitions.find(({ order }) => order === at)?.resource;
    const told = releaseOrders.map(({ end, locks }) => [end, ...locks.map(named)]);
    expect(told).toContainEqual(["other", "KOT", "RTMR", "TDCS", "TDVPR", "PAMT_2M", "PAMT_1G"]);
  });

  it("are both told where ways that end alike have both", async () => {
    const body = `if (flags & 1) { ${GIVE_GLOBAL} ${GIVE.kot} return TDX_SUCCESS; }
    ${GIVE.kot} ${GIVE_GLOBAL} return TDX_SUCCESS;`;
    expect(await ordersOf(body)).toEqual([
      { end: "success", locks: [0, 1] },
      { end: "success", locks: [1, 0] },
    ]);
  });

  it("are those of its end, where a call goes on without a lock, or gets it at another try", async () => {
    const without = `if (${RTMR} != LOCK_RET_SUCCESS) { ${GIVE_GLOBAL} ${GIVE.kot} return TDX_SUCCESS; }
    ${GIVE.rtmr} ${GIVE.kot} ${GIVE_GLOBAL} return TDX_SUCCESS;`;
    expect(await ordersOf(without)).toEqual([
      { end: "success", locks: [2, 1, 0] },
      { end: "success", locks: [0, 1] },
    ]);
    const again = `if (${RTMR} != LOCK_RET_SUCCESS)
    {
        if (${RTMR} != LOCK_RET_SUCCESS) { ${GIVE.kot} ${GIVE_GLOBAL} return TDX_OPERAND_BUSY; }
        ${GIVE.rtmr} ${GIVE_GLOBAL} ${GIVE.kot} return TDX_OPERAND_BUSY;
    }
    ${GIVE.rtmr} ${GIVE.kot} ${GIVE_GLOBAL} return TDX_SUCCESS;`;
    // The lock at the second try is no row's: no call that succeeds takes it there.
    expect(await ordersOf(again)).toEqual([{ end: "other", locks: [0, 1] }]);
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
    expect(rows[0]?.release?.elsewhere?.map((place) => places(place))).toEqual([[at("// last")]]);
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

describe("other places that give a page's entry back", () => {
  // The walk ends at 2 MB for one page, and goes on to 4 KB for another: the same line takes a page's entry or an ancestor's.
  it("are none that give back an ancestor of another page's", async () => {
    const early =
      "pamt_unwalk(page_pa, page_block, TDX_LOCK_EXCLUSIVE, PG_4KB); // early\n return TDX_OPERAND_INVALID;";
    const use = `page_entry->pt = PT_REG;\n if (page & 1) { ${early}\n }`;
    const { rows, at } = await smallTree(walkingLeaf("TDX_LOCK_EXCLUSIVE", "PG_4KB", use), NODES);
    const line = Number(at("// the target of 2 MB").split(":")[1]);
    const elsewhere = rows.map(({ resource, release }) => [
      resource,
      release?.elsewhere?.map((place) => places(place)?.join(" > ")),
    ]);
    const ends = (...lines: number[]) => lines.map((end) => `${at("// early")} > helpers.c:${end}`);
    expect(elsewhere).toEqual([
      ["PAMT_1G", ends(line + 7)],
      ["PAMT_2M", ends(line + 5)],
      ["PAGE", ends(line, line + 4)],
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

  it("helpers in the leaf's own file that do its work one after the other, also where it is twice the same one", async () => {
    const global = `api_error_type look(tdx_module_global_t* global)
{
    ${TAKE_GLOBAL}
    ${GIVE_GLOBAL}
    return TDX_SUCCESS;
}
`;
    const both = "return_val = look(global); if (return_val != TDX_SUCCESS) { return return_val; }";
    const { rows } = await smallTree(MEASURE + global + hostLeaf(`${both}\n return read_rtmr(tdcs_ptr, flags);`));
    expect(rows.map(({ resource, release }) => [resource, release?.at])).toEqual([
      ["GLOBAL", "look"],
      ["RTMR", "read_rtmr"],
    ]);
    const first = "return_val = read_rtmr(tdcs_ptr, gpa); if (return_val != TDX_SUCCESS) { return return_val; }";
    const twice = await smallTree(MEASURE + hostLeaf(`${first}\n return read_rtmr(tdcs_ptr, flags);`));
    expect(twice.rows.map(({ release }) => release?.at)).toEqual(["read_rtmr", "read_rtmr"]);
  });

  it("not a helper in the leaf's own file that does all of its work", async () => {
    const { rows, at } = await smallTree(MEASURE + hostLeaf("return read_rtmr(tdcs_ptr, flags);"));
    expect(releases(rows)).toEqual([`RTMR leaf-exit: ${at("return read_rtmr")} > ${at(GIVEN)}`]);
  });

  it("nor one that such a helper leaves the work to", async () => {
    const outer = "api_error_type read_any(tdcs_t* tdcs, uint64_t index)\n{\n    return read_rtmr(tdcs, index);\n}\n";
    const { rows, at } = await smallTree(MEASURE + outer + hostLeaf("return read_any(tdcs_ptr, flags);"));
    const chain = [at("return read_any"), at("return read_rtmr"), at(GIVEN)];
    expect(releases(rows)).toEqual([`RTMR leaf-exit: ${chain.join(" > ")}`]);
  });

  it("a helper that such a helper calls among others", async () => {
    const outer = `api_error_type read_any(tdcs_t* tdcs, uint64_t index)
{
    tdx_module_global_t* global = get_global_data();
    ${TAKE_GLOBAL} ${GIVE_GLOBAL} // global
    return read_rtmr(tdcs, index);
}
`;
    const { rows, at } = await smallTree(MEASURE + outer + hostLeaf("return read_any(tdcs_ptr, flags);"));
    expect(releases(rows)).toEqual([
      `GLOBAL leaf-exit: ${at("return read_any")} > ${at("// global")}`,
      `RTMR read_rtmr: ${at("return read_any")} > ${at("return read_rtmr")} > ${at(GIVEN)}`,
    ]);
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
