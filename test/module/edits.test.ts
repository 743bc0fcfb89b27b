/** What one may change in a module's functions: tries again, statuses in other words, several locks at one place. */
import { describe, expect, it } from "vitest";
import { NODES } from "./pieces.ts";
import { hostLeaf, said, smallTree } from "./small-tree.ts";

const of = (body: string) => smallTree(hostLeaf(body));

/** A helper in whose own variable stands what leads to the locks. */
const WALKS = `
static api_error_type lock_page(pa_t pa, pamt_entry_t** entry)
{
    pamt_block_t block;
    api_error_type status = UNINITIALIZE_ERROR;
    if (!pamt_get_block(pa, &block)) { return TDX_OPERAND_INVALID; }
    status = pamt_walk(pa, block, TDX_LOCK_SHARED, PG_4KB, entry);
    return (status == TDX_SUCCESS) ? TDX_SUCCESS : api_error_with_operand_id(status, OPERAND_ID_RCX);
}
`;
const BUSY_RCX = "api_error_with_operand_id(TDX_OPERAND_BUSY, OPERAND_ID_RCX)";
const walking = (take: string) => `${WALKS}
api_error_type tdh_phymem_test(uint64_t page)
{
    pa_t           page_pa;
    pamt_block_t   page_block;
    pamt_entry_t*  page_entry;
    uint32_t       tries = 0;
    api_error_type return_val = UNINITIALIZE_ERROR;

    page_pa.raw = page;
    ${take}
    if (return_val != TDX_SUCCESS) { return return_val; }
    if (!pamt_get_block(page_pa, &page_block)) { return TDX_OPERAND_INVALID; }
    pamt_unwalk(page_pa, page_block, TDX_LOCK_SHARED, PG_4KB);
    return TDX_SUCCESS;
}
`;

describe("a helper that locks", () => {
  it.each([
    [
      "for so long",
      `do { return_val = lock_page(page_pa, &page_entry); } while (return_val == ${BUSY_RCX} && ++tries < 100);`,
    ],
    [
      "twice",
      `return_val = lock_page(page_pa, &page_entry);
    if (return_val == ${BUSY_RCX}) { return_val = lock_page(page_pa, &page_entry); }`,
    ],
  ])("may find them busy at each try, where it is called %s", async (_, take) => {
    const { rows, leaf } = await smallTree(walking(take), NODES);
    expect(new Set(rows.map(({ resource, busyStatus }) => `${resource} ${busyStatus}`))).toEqual(
      new Set(["PAMT_1G", "PAMT_2M", "PAGE"].map((resource) => `${resource} 0x8000020000000001`)),
    );
    // What it gives back where it fails it does not hold when it tries again.
    expect((leaf.releaseOrders ?? []).filter(({ end }) => end === "success")).toEqual([]);
  });

  it("is busy in the words of its caller", async () => {
    const { rows, leaf } = await smallTree(
      walking(`return_val = lock_page(page_pa, &page_entry);
    if (return_val == ${BUSY_RCX}) { return TDX_PREVIOUS_TLB_EPOCH_BUSY; }`),
      NODES,
    );
    expect(rows.map(({ busyStatus }) => busyStatus)).toEqual(rows.map(() => "0x8000020A00000000"));
    expect(leaf.otherBusy).toEqual([]);
  });
});

describe("a lock that a second try gets", () => {
  it("has nothing to do with what the call ends with then", async () => {
    const { rows } = await of(`
    lock_return_t got = acquire_mutex_lock(&global->global_lock);
    if (got != LOCK_RET_SUCCESS) { got = acquire_mutex_lock(&global->global_lock); }
    if (got != LOCK_RET_SUCCESS) { return TDX_OPERAND_BUSY; }
    return_val = is_first(gpa) ? TDX_PREVIOUS_TLB_EPOCH_BUSY : TDX_SUCCESS;
    release_mutex_lock(&global->global_lock);
    return return_val;`);
    expect(rows).toMatchObject([{ busyStatus: "0x8000020000000000", otherStatuses: [] }]);
  });
});

describe("an error of which it was not followed which one it is", () => {
  const asked = async (status: string) => {
    const { leaf } = await smallTree(`
static api_error_type check(uint64_t gpa)
{
    if (is_first(gpa)) { return TDX_OPERAND_INVALID; }
    if (is_busy(gpa)) { return TDX_PREVIOUS_TLB_EPOCH_BUSY; }
    if (is_second(gpa)) { return TDX_PAGE_SIZE_MISMATCH; }
    return TDX_SUCCESS;
}

static api_error_type check_for_another(uint64_t gpa)
{
    api_error_type status = check(gpa);
    if (status != TDX_SUCCESS) { note(gpa); }
    return status;
}

${hostLeaf(`
    return_val = check_for_another(gpa);
    if (return_val == ${status}) { return TDX_OPERAND_BUSY_HOST_PRIORITY; }
    return return_val;`)}`);
    return leaf.otherBusy.map(({ name }) => name).sort();
  };

  it("is no BUSY, for that is always followed", async () => {
    expect(await asked("TDX_OPERAND_BUSY")).toEqual(["TDX_PREVIOUS_TLB_EPOCH_BUSY"]);
  });

  it("may be any other", async () => {
    expect(await asked("TDX_PAGE_SIZE_MISMATCH")).toEqual([
      "TDX_OPERAND_BUSY_HOST_PRIORITY",
      "TDX_PREVIOUS_TLB_EPOCH_BUSY",
    ]);
  });
});

describe("a lock that a loop takes in each of its rounds", () => {
  it.each(["3", "16"])("is taken so often, be they followed or not: %s", async (rounds) => {
    const { rows } = await of(`
    for (uint32_t i = 0; i < ${rounds}; i++)
    {
        if (acquire_mutex_lock(&global->global_lock) != LOCK_RET_SUCCESS) { return TDX_OPERAND_BUSY; }
        release_mutex_lock(&global->global_lock);
    }
    return TDX_SUCCESS;`);
    expect(rows.map(({ times }) => times)).toEqual([rounds]);
  });
});

describe("a lock that is refused, and that a call goes on without", () => {
  it("leaves the order in which it gives the others back", async () => {
    const { leaf, rows } = await of(`
    locked = (acquire_mutex_lock(&global->global_lock) == LOCK_RET_SUCCESS);
    if (acquire_sharex_lock_sh(&tdcs_ptr->epoch_tracking.epoch_lock) != LOCK_RET_SUCCESS) { return_val = TDX_OPERAND_BUSY; goto FIRST; }
    if (acquire_sharex_lock_sh(&global->kot.lock) != LOCK_RET_SUCCESS) { return_val = TDX_OPERAND_BUSY; goto SECOND; }
    return_val = TDX_SUCCESS;
    if (!locked)
    {
        release_sharex_lock_sh(&tdcs_ptr->epoch_tracking.epoch_lock);
        release_sharex_lock_sh(&global->kot.lock);
        return return_val;
    }
    release_sharex_lock_sh(&global->kot.lock);
SECOND:
    release_sharex_lock_sh(&tdcs_ptr->epoch_tracking.epoch_lock);
FIRST:
    if (locked) { release_mutex_lock(&global->global_lock); }
    return return_val;`);
    expect(rows.map(({ order }) => order)).toEqual([0, 1, 2]);
    const success = (leaf.releaseOrders ?? []).filter(({ end }) => end === "success");
    expect(success.map(({ locks }) => locks)).toEqual([
      [2, 1, 0],
      [1, 2],
    ]);
  });
});

describe("a status that is about something else than a busy lock", () => {
  it("is none of the lock's, though it is of BUSY class: calls that have the lock end with it, too", async () => {
    const { rows } = await of(`
    locked = (acquire_mutex_lock(&global->global_lock) == LOCK_RET_SUCCESS);
    return_val = is_first(gpa) ? TDX_PREVIOUS_TLB_EPOCH_BUSY : TDX_SUCCESS;
    if (locked) { release_mutex_lock(&global->global_lock); }
    return return_val;`);
    expect(rows).toMatchObject([{ busyStatus: null, otherStatuses: [] }]);
    expect(rows[0]?.busyWhen).toBeUndefined();
  });

  it("is none of the lock's where it is of no BUSY class", async () => {
    const { rows, catalog } = await smallTree(
      walking(`return_val = lock_page(page_pa, &page_entry);
    if (return_val == ${BUSY_RCX}) { return TDX_PAGE_SIZE_MISMATCH; }`),
      NODES,
    );
    expect(rows.map(({ busyStatus }) => busyStatus)).toEqual(rows.map(() => null));
    expect(new Set(catalog.diagnostics.map(({ code }) => code))).toContain("SL1034");
  });
});

describe("a lock that some calls take in vain", () => {
  it("is busy in their words, too, though none of them succeeds", async () => {
    const { rows } = await of(`
    if (flags == 3)
    {
        if (acquire_sharex_lock_sh(&global->kot.lock) != LOCK_RET_SUCCESS) { return TDX_OPERAND_BUSY; }
        locked = true;
    }
    if (acquire_mutex_lock(&global->global_lock) != LOCK_RET_SUCCESS)
    {
        if (!locked) { return TDX_OPERAND_BUSY; }
        release_sharex_lock_sh(&global->kot.lock);
        return TDX_PREVIOUS_TLB_EPOCH_BUSY;
    }
    release_mutex_lock(&global->global_lock);
    if (!locked) { return TDX_SUCCESS; }
    release_sharex_lock_sh(&global->kot.lock);
    return TDX_PAGE_SIZE_MISMATCH;`);
    const row = rows.find(({ busyStatus }) => busyStatus === "0x8000020000000000");
    expect(row?.otherStatuses.map(({ status }) => status)).toEqual(["0x8000020A00000000"]);
  });
});

describe("a lock whose try gives no status", () => {
  it("is busy in whatever status the call ends with then, of BUSY class or not", async () => {
    const { rows } = await of(`
    if (acquire_mutex_lock(&global->global_lock) != LOCK_RET_SUCCESS) { return TDX_PAGE_SIZE_MISMATCH; }
    release_mutex_lock(&global->global_lock);
    return TDX_SUCCESS;`);
    expect(rows).toMatchObject([{ busyStatus: "0xC0000B0B00000000", otherStatuses: [] }]);
  });
});

describe("locks that the rounds of a loop take at one place", () => {
  it("are each taken once, and each has its own status", async () => {
    const { rows, catalog } = await of(`
    bool_t got[2] = { false, false };
    sharex_lock_t* locks[2] = { &tdcs_ptr->epoch_tracking.epoch_lock, &global->kot.lock };
    for (uint32_t i = 0; i < 2; i++)
    {
        if (acquire_sharex_lock_sh(locks[i]) != LOCK_RET_SUCCESS)
        {
            return_val = api_error_with_operand_id(TDX_OPERAND_BUSY, i ? OPERAND_ID_KOT : OPERAND_ID_RCX);
            goto EXIT;
        }
        got[i] = true;
    }
    return_val = TDX_SUCCESS;
EXIT:
    for (int32_t i = 1; i >= 0; i--) { if (got[i]) { release_sharex_lock_sh(locks[i]); } }
    return return_val;`);
    expect(
      rows.map(({ resource, times, operand, otherStatuses }) => [resource, times, operand?.id, otherStatuses]),
    ).toEqual([
      ["TDCS_EPOCH", "1", "RCX", []],
      ["KOT", "1", "KOT", []],
    ]);
    expect(said(catalog.diagnostics)).toEqual([]);
  });
});

describe("a counter", () => {
  const down = (before: string, after = "") =>
    of(`
    if (acquire_mutex_lock(&global->global_lock) != LOCK_RET_SUCCESS) { return TDX_OPERAND_BUSY; }
    locked = true;
    ${before}
    for (int32_t i = 1; i >= 0; i--) { if (locked) { release_mutex_lock(&global->global_lock); locked = false; } }
    ${after}
    return TDX_SUCCESS;`);

  it.each([
    ["for (uint32_t i = 0; i < 2; i++) { flags++; }", ""],
    ["uint64_t i = gpa;", "for (int16_t i = 0; i < 2; i++) { flags++; }"],
  ])("has a sign by the declaration that is seen where it is compared, beside %s%s", async (before, after) => {
    const { rows, catalog } = await down(before, after);
    expect(rows).toHaveLength(1);
    expect(said(catalog.diagnostics)).toEqual([]);
  });
});
