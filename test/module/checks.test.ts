import { describe, expect, it } from "vitest";
import { contendingPairs } from "../../src/analysis/index.ts";
import type { Acquisition } from "../../src/catalog/index.ts";
import { hostLeaf, said, smallTree } from "./small-tree.ts";

const take = (lock: string): string =>
  `if (acquire_sharex_lock_ex(&${lock}) != LOCK_RET_SUCCESS) { return api_error_with_operand_id(TDX_OPERAND_BUSY, OPERAND_ID_KOT); }`;
const give = (lock: string): string => `release_sharex_lock_ex(&${lock});`;
const KOT = "global->kot.lock";

const brief = (rows: readonly Acquisition[]): string[] =>
  rows.map(({ resource, when }) => `${resource}${when === null ? "" : ` when ${when}`}`);

describe("what a leaf has checked", () => {
  const RANGE = (low: string, high: string): Record<string, string> => ({
    "src/common/range.c": `bool_t verify_page_info_input(page_info_t page, uint64_t min_level, uint64_t max_level)
{
    if (!((page.level ${low} min_level) && (page.level ${high} max_level)))
    {
        return false;
    }
    return is_aligned(page.raw);
}
`,
  });
  const LEVELS = hostLeaf(`
    page_info_t page = { .raw = gpa };
    if (!verify_page_info_input(page, 0, 1))
    {
        return TDX_OPERAND_INVALID;
    }
    if (page.level != 2)
    {
        ${take(KOT)}
        ${give(KOT)}
    }
    return TDX_SUCCESS;`);

  it("decides later comparisons of a member with a limit", async () => {
    expect(brief((await smallTree(LEVELS, RANGE(">=", "<="))).rows)).toEqual(["KOT"]);
  });

  it("decides nothing where the function compares it otherwise", async () => {
    expect(brief((await smallTree(LEVELS, RANGE(">=", "!="))).rows)).toEqual(["KOT when page.level != 2"]);
  });

  it.each([
    ["if (level > 3) { return TDX_OPERAND_INVALID; }", "level < 4", "KOT"],
    ["if (level > 3) { return TDX_OPERAND_INVALID; }", "level < 3", "KOT when level < 3"],
    ["if (level <= 3) { return TDX_OPERAND_INVALID; }", "level != 3", "KOT"],
    ["if (level < 3) { return TDX_OPERAND_INVALID; }", "level != 3", "KOT when level != 3"],
    ["if (level >= 3) { return TDX_OPERAND_INVALID; }", "level != 0", "KOT when level"],
    ["if ((level < 2) || (level > 5)) { return TDX_OPERAND_INVALID; }", "level", "KOT"],
    [
      "if (other > 3) { return TDX_OPERAND_INVALID; } if (level != other) { return TDX_OPERAND_INVALID; }",
      "level != 4",
      "KOT",
    ],
  ])("of %s, at %s: %s", async (check, test, row) => {
    const source = hostLeaf(`
    uint64_t level = read_level(gpa);
    uint64_t other = read_level(flags);
    ${check}
    if (${test})
    {
        ${take(KOT)}
        ${give(KOT)}
    }
    return TDX_SUCCESS;`);
    expect(brief((await smallTree(source)).rows)).toEqual([row]);
  });

  it("holds of an out-parameter that a followed function compares with what it was given", async () => {
    const source = hostLeaf(`
    uint64_t level = flags;
    if (flags > 1)
    {
        return TDX_OPERAND_INVALID;
    }
    if (l2_sept_walk(gpa, &level) != TDX_SUCCESS)
    {
        return TDX_OPERAND_INVALID;
    }
    if (level != 2)
    {
        ${take(KOT)}
        ${give(KOT)}
    }
    return TDX_SUCCESS;`);
    const walk = (end: string) => ({
      "src/common/l2.c": `api_error_type l2_sept_walk(uint64_t gpa, uint64_t* level)
{
    uint64_t requested = *level;
    walk_tables(gpa, level);
    ${end}
    return TDX_SUCCESS;
}
`,
    });
    const checks = "if (requested != *level) { return TDX_OPERAND_INVALID; }";
    expect(brief((await smallTree(source, walk(checks))).rows)).toEqual(["KOT"]);
    expect(brief((await smallTree(source, walk(""))).rows)).toEqual(["KOT when level != 2"]);
  });
});

describe("a check that denies another", () => {
  const CHECK = (body: string): Record<string, string> => ({
    "src/common/gpa.c": `bool_t check_gpa_validity(pa_t gpa, bool_t gpaw, bool_t check_is_private)
{
    ${body}
    return is_valid(gpa.raw);
}
`,
  });
  const leaf = (isPrivate: string): string =>
    hostLeaf(`
    pa_t page = { .raw = gpa };
    if (!check_gpa_validity(page, flags, ${isPrivate}))
    {
        return TDX_OPERAND_INVALID;
    }
    if (!get_gpa_shared_bit(page.raw, flags))
    {
        ${take(KOT)}
        ${give(KOT)}
    }
    return TDX_SUCCESS;`);
  const DENIES = "if (check_is_private && get_gpa_shared_bit(gpa.raw, gpaw)) { return false; }";

  it("decides it where it is asked to", async () => {
    expect(brief((await smallTree(leaf("true"), CHECK(DENIES))).rows)).toEqual(["KOT"]);
    expect(brief((await smallTree(leaf("false"), CHECK(DENIES))).rows)).toEqual([
      "KOT when !get_gpa_shared_bit(page.raw, flags)",
    ]);
    expect(brief((await smallTree(leaf("true"), CHECK(""))).rows)).toEqual([
      "KOT when !get_gpa_shared_bit(page.raw, flags)",
    ]);
  });
});

describe("a status with details", () => {
  it.each([
    "api_error_with_l2_details(TDX_OPERAND_INVALID, 1, 2)",
    "api_error_with_multiple_info(TDX_OPERAND_INVALID, 1, 2, 3, 4)",
  ])("%s is an error, so that what comes before it is no condition", async (status) => {
    const source = hostLeaf(`
    if (!check_l2(gpa))
    {
        return ${status};
    }
    ${take(KOT)}
    ${give(KOT)}
    return TDX_SUCCESS;`);
    expect(brief((await smallTree(source)).rows)).toEqual(["KOT"]);
  });
});

describe("calls whose result changes", () => {
  const source = (test: string): string =>
    hostLeaf(`
    if (${test})
    {
        ${take("tdcs_ptr->epoch_tracking.epoch_lock")}
        ${give("tdcs_ptr->epoch_tracking.epoch_lock")}
    }
    else if (${test})
    {
        ${take(KOT)}
        ${give(KOT)}
    }
    return TDX_SUCCESS;`);

  it("may be another one the second time", async () => {
    const { rows } = await smallTree(source("is_interrupt_pending_host_side()"));
    expect(rows.map(({ resource }) => resource)).toEqual(["TDCS_EPOCH", "KOT"]);
  });

  it("and that of any other call is not", async () => {
    const { rows } = await smallTree(source("is_large(gpa)"));
    expect(brief(rows)).toEqual(["TDCS_EPOCH when is_large(gpa)"]);
  });
});

describe("a status of no lock", () => {
  it("says in which of the leaf's own cases it comes into being", async () => {
    const { leaf } = await smallTree(
      hostLeaf(`
    if (flags == 1)
    {
        if (is_associated(gpa))
        {
            return TDX_PREVIOUS_TLB_EPOCH_BUSY;
        }
    }
    ${take(KOT)}
    ${give(KOT)}
    return TDX_SUCCESS;`),
    );
    expect(leaf.otherBusy.map(({ when }) => when)).toEqual(["flags == 1 && is_associated(gpa)"]);
  });
});

describe("page types that a loop over the VMs sets", () => {
  it("are those of the other VMs' pages, too, where the loop starts with VM 0", async () => {
    const source = (last: string): string =>
      hostLeaf(`
    pamt_entry_t* entries[MAX_VMS] = { 0 };
    uint16_t vm_id;
    entries[0] = pamt_implicit_get(gpa, 0);
    for (vm_id = 1; vm_id <= global->num_l2_vms; vm_id++)
    {
        entries[vm_id] = pamt_implicit_get(l2_page(gpa, vm_id), 0);
        ${take("entries[vm_id]->entry_lock").replace("sharex_lock_ex(&", "sharex_lock_hp_ex(&").replace(") != LOCK_RET_SUCCESS", ", false) != TDX_SUCCESS")}
    }
    for (vm_id = ${last}; vm_id <= global->num_l2_vms; vm_id++)
    {
        entries[vm_id]->pt = PT_NDA;
        release_sharex_lock_hp_ex(&entries[vm_id]->entry_lock);
    }
    return TDX_SUCCESS;`).replace("tdh_mem_test", "tdh_mem_page_promote");
    const roles = async (first: string) =>
      (await smallTree(source(first))).rows.map(({ resource, role, times }) => [resource, role, times]);
    expect(await roles("0")).toEqual([["PAGE", "to-remove", "per L2 VM"]]);
    expect(await roles("1")).toEqual([["PAGE", "to-remove", "per L2 VM"]]);
  });
});

describe("a bit lock", () => {
  const MIGSC = {
    "src/common/migration.h": `FIXTURE_STATIC bool_t migsc_lock(uint64_t* link)
{
    return !_lock_bts_64b(link, 0);
}

FIXTURE_STATIC void migsc_unlock(uint64_t* link)
{
    _lock_btr_64b(link, 0);
}
`,
  };
  const leaf = (name: string, word: string): string =>
    hostLeaf(`
    if (!migsc_lock(&tdcs_ptr->${word}))
    {
        return api_error_with_operand_id(TDX_OPERAND_BUSY, OPERAND_ID_KOT);
    }
    migsc_unlock(&tdcs_ptr->${word});
    return TDX_SUCCESS;`).replace("tdh_mem_test", name);

  it("has its word as the object, and contends with the same word only", async () => {
    const { catalog } = await smallTree(
      leaf("tdh_export_a", "f_migsc_links[flags]") +
        leaf("tdh_export_b", "f_migsc_links[0]") +
        leaf("tdh_export_c", "b_migsc_link"),
      MIGSC,
    );
    expect(
      catalog.leaves
        .filter(({ side }) => side === "host")
        .map((entry) => entry.acquisitions.map(({ resource, object }) => [resource, object])),
    ).toEqual([[["MIGSC", "f_migsc_links[flags]"]], [["MIGSC", "f_migsc_links[0]"]], [["MIGSC", "b_migsc_link"]]]);
    expect(
      contendingPairs(catalog, { resources: ["MIGSC"] }).map(({ a, b }) => `${a.slice(-1)} ${b.slice(-1)}`),
    ).toEqual(["a a", "a b", "b b", "c c"]);
    expect(said(catalog.diagnostics)).toEqual([]);
  });

  it("has a primitive of another width only where something calls it", async () => {
    const other = {
      "src/common/bits.h":
        "FIXTURE_STATIC void release_bit_lock(uint32_t* word, uint32_t bit)\n{\n    _lock_btr_32b(word, bit);\n}\n",
    };
    const functionsOf = async (source: string) =>
      (await smallTree(source, { ...MIGSC, ...other })).catalog.locks
        .filter(({ kind }) => kind === "bit")
        .flatMap(({ primitives }) => primitives.map((primitive) => primitive.function));
    const source = leaf("tdh_export_a", "b_migsc_link");
    expect(await functionsOf(source)).toEqual(["migsc_lock", "migsc_unlock"]);
    expect(
      await functionsOf(
        source.replace("return TDX_SUCCESS", "release_bit_lock(&global->bits, 3);\n    return TDX_SUCCESS"),
      ),
    ).toEqual(["migsc_lock", "migsc_unlock", "release_bit_lock"]);
  });
});

describe("a lock that a variable decides", () => {
  it("in its mode: where it is none, the walk is told", async () => {
    const { rows, catalog } = await smallTree(
      hostLeaf(`
    return_val = walk_sept(tdcs_ptr, gpa, (flags & 1) ? TDX_LOCK_SHARED : TDX_LOCK_NO_LOCK, &sept_entry, &locked);
    if (return_val != TDX_SUCCESS)
    {
        goto EXIT;
    }
EXIT:
    if (locked)
    {
        release_sharex_lock_sh(&tdcs_ptr->execution.secure_ept_lock);
    }
    return return_val;`),
    );
    expect(rows.map(({ resource, mode, when }) => [resource, mode, when])).toEqual([
      ["SEPT_TREE", "SHARED", "flags & 1"],
      ["SEPT_TREE", "NO_LOCK", "!(flags & 1)"],
    ]);
    expect(said(catalog.diagnostics)).toEqual([]);
  });

  it("in its object: each is a row", async () => {
    const { rows } = await smallTree(
      hostLeaf(`
    tdcs_t* other_ptr = map_other(gpa);
    tdcs_t* chosen = (flags & 1) ? tdcs_ptr : other_ptr;
    ${take("chosen->epoch_tracking.epoch_lock")}
    ${give("chosen->epoch_tracking.epoch_lock")}
    return TDX_SUCCESS;`),
    );
    expect(rows.map(({ resource, role, object, when }) => [resource, role, object, when])).toEqual([
      ["TDCS_EPOCH", "tdcs", "tdcs", "flags & 1"],
      ["TDCS_EPOCH", "other", "other", "!(flags & 1)"],
    ]);
  });
});

describe("how a lock is reached", () => {
  it("through a copy of the structure that leads to it", async () => {
    const { rows, catalog } = await smallTree(
      hostLeaf(`
    holder_t first = { .ptr = NULL };
    holder_t second;
    first.ptr = global;
    second = first;
    ${take("first.ptr->kot.lock")}
    ${give("second.ptr->kot.lock")}
    return TDX_SUCCESS;`),
    );
    expect(rows.map(({ resource, release }) => [resource, release?.at])).toEqual([["KOT", "leaf-exit"]]);
    expect(said(catalog.diagnostics)).toEqual([]);
  });

  it("in a loop that repeats nothing, once", async () => {
    const { rows } = await smallTree(hostLeaf(`do { ${take(KOT)} ${give(KOT)} } while (0); return TDX_SUCCESS;`));
    expect(rows.map(({ resource, times }) => [resource, times])).toEqual([["KOT", "1"]]);
  });

  it("with the status of a promotion that fails", async () => {
    const { rows } = await smallTree(
      hostLeaf(`
    if (acquire_sharex_lock_sh(&${KOT}) != LOCK_RET_SUCCESS)
    {
        return api_error_with_operand_id(TDX_OPERAND_BUSY, OPERAND_ID_KOT);
    }
    if (promote_sharex_lock(&${KOT}) != LOCK_RET_SUCCESS)
    {
        release_sharex_lock_sh(&${KOT});
        return api_error_with_operand_id(TDX_OPERAND_BUSY, OPERAND_ID_TDR);
    }
    ${give(KOT)}
    return TDX_SUCCESS;`),
    );
    expect(
      rows.map(({ mode, operand, otherStatuses }) => [mode, operand?.id, otherStatuses.map((o) => o.operand?.id)]),
    ).toEqual([["EXCLUSIVE", "KOT", ["TDR"]]]);
  });

  it("with a name in place of an expression, without the parentheses of the expression", async () => {
    const { rows } = await smallTree(
      hostLeaf(`
    uint64_t level = 0;
    read_level(&level, flags, global);
    if (level - (gpa & 7))
    {
        ${take(KOT)}
        ${give(KOT)}
    }
    return TDX_SUCCESS;`),
      {
        "src/common/level.c": `void read_level(uint64_t* level, uint64_t flags, tdx_module_global_t* global)
{
    while (acquire_mutex_lock(&global->global_lock) != LOCK_RET_SUCCESS)
    {
    }
    *level = flags >> 2;
    release_mutex_lock(&global->global_lock);
}
`,
      },
    );
    expect(brief(rows).at(-1)).toBe("KOT when level - (gpa & 7)");
  });
});

describe("a walk by a function that knows no lock", () => {
  const TAKE_TREE =
    "if (acquire_sharex_lock_sh(&tdcs_ptr->execution.secure_ept_lock) != LOCK_RET_SUCCESS) { return TDX_OPERAND_BUSY; }";
  const GIVE_TREE = "release_sharex_lock_sh(&tdcs_ptr->execution.secure_ept_lock);";
  // Something in the tree takes the lock: what kind of lock it is.
  const OTHER = hostLeaf(`${TAKE_TREE} ${GIVE_TREE} return TDX_SUCCESS;`).replace("tdh_mem_test", "tdh_mem_other");
  const rowsOf = async (body: string) =>
    (await smallTree(hostLeaf(body) + OTHER)).rows.map(({ resource, mode, lock, when }) => [
      resource,
      mode,
      lock,
      when,
    ]);
  const WALK = "sept_entry = secure_ept_walk(tdcs_ptr->execution.eptp, gpa);";

  it("is told where the lock is not held", async () => {
    expect(await rowsOf(`${WALK} return TDX_SUCCESS;`)).toEqual([["SEPT_TREE", "NO_LOCK", "sharex", null]]);
    expect(await rowsOf(`if (flags) { ${WALK} } return TDX_SUCCESS;`)).toEqual([
      ["SEPT_TREE", "NO_LOCK", "sharex", "flags"],
    ]);
  });

  it("is the lock's business where it is held", async () => {
    expect(await rowsOf(`${TAKE_TREE} ${WALK} ${GIVE_TREE} return TDX_SUCCESS;`)).toEqual([
      ["SEPT_TREE", "SHARED", "sharex", null],
    ]);
  });

  it("is none where it walks something else, or is told that it does", async () => {
    expect(await rowsOf("sept_entry = secure_ept_walk(global->other_root, gpa); return TDX_SUCCESS;")).toEqual([]);
    const translate = (isPrivate: string) => `
    ia32e_eptp_t eptp;
    bool_t shared = is_shared(gpa);
    if (shared)
    {
        read_shared_root(&eptp.raw);
    }
    else
    {
        eptp.raw = tdcs_ptr->execution.eptp.raw;
    }
    gpa_translate(eptp, gpa, ${isPrivate});
    return TDX_SUCCESS;`;
    expect(await rowsOf(translate("!shared"))).toEqual([["SEPT_TREE", "NO_LOCK", "sharex", "!shared"]]);
    expect(await rowsOf(translate("false"))).toEqual([]);
  });
});

describe("which error a callee returns", () => {
  it("matters to a leaf that compares it", async () => {
    const { rows } = await smallTree(
      hostLeaf(`
    return_val = check_all(gpa, flags);
    if (return_val != TDX_SUCCESS)
    {
        if (return_val == TDX_OPERAND_INVALID)
        {
            return TDX_SUCCESS;
        }
        return return_val;
    }
    ${take(KOT)}
    ${give(KOT)}
    return TDX_SUCCESS;`),
      {
        "src/common/check.c": `api_error_type check_all(uint64_t gpa, uint64_t flags)
{
    if (is_misaligned(gpa))
    {
        return TDX_OPERAND_INVALID;
    }
    if (is_reserved(flags))
    {
        return TDX_PAGE_METADATA_INCORRECT;
    }
    if (is_paused(gpa))
    {
        return TDX_OPERAND_BUSY;
    }
    return TDX_SUCCESS;
}
`,
      },
    );
    expect(brief(rows)).toEqual(["KOT when !is_misaligned(gpa)"]);
  });
});

describe("labels of one case", () => {
  it("are one case", async () => {
    const { rows } = await smallTree(
      hostLeaf(`
    switch (flags)
    {
        case 1:
        case 2:
            ${take(KOT)}
            ${give(KOT)}
            break;
        case 3:
        default:
            break;
    }
    return TDX_SUCCESS;`),
    );
    expect(brief(rows)).toEqual(["KOT when flags == 1 || flags == 2"]);
  });
});

describe("values that grow", () => {
  it("are unknown at some size", async () => {
    const { rows } = await smallTree(
      hostLeaf(`
    uint64_t sum = is_large(gpa) ? flags : gpa;
    ${"sum = sum + sum;\n".repeat(60)}
    if (sum == 7)
    {
        ${take(KOT)}
        ${give(KOT)}
    }
    return TDX_SUCCESS;`),
    );
    expect(rows.map(({ resource }) => resource)).toEqual(["KOT"]);
  });
});

describe("a function of the same name in another file", () => {
  it("is not the one that a leaf calls", async () => {
    const helper = (body: string) => `static api_error_type check_page(uint64_t gpa)\n{\n${body}\n}\n`;
    const { catalog } = await smallTree(
      `${helper("    return TDX_SUCCESS;")}\n${hostLeaf("return check_page(gpa);")}`,
      {
        "src/unused.c": `static uint64_t unused_lock;\n${helper(
          "    tdx_module_global_t* global = get_global_data();\n    if (acquire_mutex_lock(&global->global_lock) != LOCK_RET_SUCCESS) { return TDX_OPERAND_BUSY; }\n    release_mutex_lock(&global->global_lock);\n    return TDX_SUCCESS;",
        )}`,
      },
    );
    expect(said(catalog.diagnostics)).toEqual([]);
    expect(catalog.coverage?.explained.map(({ reason }) => reason)).toContain("no leaf calls check_page");
  });
});

describe("a bit field that is written", () => {
  it("changes the word that it is part of", async () => {
    const { rows } = await smallTree(
      hostLeaf(`
    ia32e_sept_t expected;
    expected.raw = gpa;
    expected.fields.blocked = 1;
    if (expected.raw != gpa)
    {
        ${take(KOT)}
        ${give(KOT)}
    }
    return TDX_SUCCESS;`),
    );
    expect(brief(rows)).toEqual(["KOT when expected.raw != gpa"]);
  });
});

describe("statuses of one name", () => {
  it("are several where several tests give them, and one where one is handed on", async () => {
    const { leaf } = await smallTree(
      hostLeaf(`
    if (is_first_busy(gpa))
    {
        return_val = TDX_PREVIOUS_TLB_EPOCH_BUSY;
        return return_val;
    }
    if (is_second_busy(gpa))
    {
        return TDX_PREVIOUS_TLB_EPOCH_BUSY;
    }
    ${take(KOT)}
    ${give(KOT)}
    return TDX_SUCCESS;`),
    );
    expect(leaf.otherBusy.map(({ when }) => when)).toEqual(["is_first_busy(gpa)", "is_second_busy(gpa)"]);
  });
});
