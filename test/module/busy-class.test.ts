import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { FIXTURE } from "./mutate.ts";
import { guestLeaf, hostLeaf, places, said, smallTree } from "./small-tree.ts";

/** The fixture's statuses, and those of these tests beside them. */
const STATUSES = {
  "include/api_defs.h": `${readFileSync(join(FIXTURE, "include/api_defs.h"), "utf8")}
#define TDX_INTERRUPTED_RESUMABLE      0x8000000300000000ULL
#define TDX_INTERRUPTED_BUSY           0x8000020600000000ULL
#define TDX_HOST_PRIORITY_BUSY_TIMEOUT 0x9000020500000000ULL
#define TDX_CROSS_TD_TRAP              0x9000000900000000ULL
`,
};

describe("a call that gives way in the middle", () => {
  /** Looks for an interrupt first, for somebody who waits then. */
  const LOOKS = (tests: string) => ({
    ...STATUSES,
    "src/common/looks.c": `api_error_type shall_stop(sharex_hp_lock_t* lock)
{
${tests}
    return TDX_SUCCESS;
}
`,
  });
  const INTERRUPT = "if (is_interrupt_pending_host_side()) { return TDX_INTERRUPTED_RESUMABLE; }";
  const PRIORITY = "if (is_lock_hp_set(lock)) { return TDX_INTERRUPTED_BUSY; } // gives way";
  const LEAF = hostLeaf(`
    return_val = shall_stop(&tdcs_ptr->management.op_state_lock);
    if (return_val != TDX_SUCCESS)
    {
        return return_val;
    }
    return TDX_SUCCESS;`);

  it("does so only where no interrupt is pending, which is told first", async () => {
    const { leaf, at } = await smallTree(LEAF, LOOKS(`${INTERRUPT} else ${PRIORITY}`));
    expect(leaf.otherBusy).toMatchObject([
      {
        name: "TDX_INTERRUPTED_BUSY",
        status: "0x8000020600000000",
        when: "!is_interrupt_pending_host_side() && is_lock_hp_set(&tdcs_ptr->management.op_state_lock)",
      },
    ]);
    expect(places(leaf.otherBusy[0]?.evidence)).toEqual([at("shall_stop(&tdcs_ptr"), at("// gives way")]);
  });

  it("does so whatever is pending, where the host that waits is looked for first", async () => {
    const { leaf } = await smallTree(LEAF, LOOKS(`${PRIORITY}\nelse ${INTERRUPT}`));
    expect(leaf.otherBusy.map(({ when }) => when)).toEqual(["is_lock_hp_set(&tdcs_ptr->management.op_state_lock)"]);
  });
});

const ENTRY = `
api_error_type tdh_vp_enter(uint64_t target)
{
    tdx_return_to_td(true);
    return TDX_SUCCESS;
}
`;

/** The dispatcher of TDCALLs counts how long the guest has met host priority. */
const dispatcher = (test: string, leaving: string) => `void td_call(tdx_module_local_t* local, uint64_t leaf)
{
    uint64_t retval = UNINITIALIZE_ERROR;
    switch (leaf)
    {
        case TDG_MEM_TEST_LEAF:
            retval = tdg_mem_test(local->td_regs.rcx, local->td_regs.rdx);
            break;
        default:
            break;
    }
    if (retval == TDX_OPERAND_BUSY_HOST_PRIORITY)
    {
        if (${test})
        {
            ${leaving}
        }
    }
    local->td_regs.rax = retval;
}
`;

describe("a guest that keeps meeting host priority", () => {
  const late = "local->td.busy && rdtsc() - local->td.since >= local->td.timeout";
  const tree = (leaving: string) =>
    smallTree(`${ENTRY}\n${hostLeaf("return TDX_SUCCESS;")}\n${guestLeaf("return TDX_SUCCESS;")}`, {
      ...STATUSES,
      "src/td_dispatcher/tdx_td_dispatcher.c": dispatcher(late, leaving),
    });

  it("ends its entry: the status is that of the leaf that enters, and of no other", async () => {
    const { catalog } = await tree("async_tdexit_empty_reason(TDX_HOST_PRIORITY_BUSY_TIMEOUT); // leaves");
    expect(catalog.leaves.map(({ name, otherBusy }) => [name, otherBusy.map(({ status }) => status)])).toEqual([
      ["tdh_vp_enter", ["0x9000020500000000"]],
      ["tdh_mem_test", []],
      ["tdg_mem_test", []],
    ]);
    expect(catalog.leaves[0]?.otherBusy).toMatchObject([
      {
        name: "TDX_HOST_PRIORITY_BUSY_TIMEOUT",
        operand: null,
        when: `retval == TDX_OPERAND_BUSY_HOST_PRIORITY && ${late}`,
      },
    ]);
  });

  it("has no such end where the dispatcher leaves the TD with a status of another class, or not at all", async () => {
    for (const leaving of ["async_tdexit_empty_reason(TDX_CROSS_TD_TRAP);", "local->td.busy = false;"])
      expect((await tree(leaving)).leaf.otherBusy).toEqual([]);
  });
});

describe("a guest's call that ends in a TD exit when it meets host priority", () => {
  /** As a service TD reads another TD: what the exit is told, and what goes with it. */
  const crossing = (status: string, detail: string) =>
    guestLeaf(`
    sept_entry = secure_ept_walk(tdcs_ptr, gpa);
    return_val = sept_lock_acquire_guest(sept_entry);
    if (return_val == TDX_OPERAND_BUSY_HOST_PRIORITY)
    {
        async_tdexit_internal(${status}, 0, 0, ${detail}, 0, 0, false);
    }
    if (return_val != TDX_SUCCESS)
    {
        return api_error_with_operand_id(return_val, OPERAND_ID_SEPT_ENTRY);
    }
    sept_lock_release(sept_entry);
    return TDX_SUCCESS;`);

  it("has the exit's status, and the one that the guest finds when it runs again", async () => {
    const busy = "api_error_with_operand_id(return_val, OPERAND_ID_SEPT_ENTRY)";
    const { rows, catalog } = await smallTree(crossing("TDX_CROSS_TD_TRAP", busy), STATUSES);
    expect(rows).toMatchObject([
      {
        resource: "SEPT_ENTRY",
        busyStatus: "0x800002000000008E",
        hostPriorityStatus: null,
        hostPriorityExit: { status: "0x9000000900000000", detail: "0x800002010000008E" },
      },
    ]);
    expect(said(catalog.diagnostics).filter((text) => text.includes("error"))).toEqual([]);
  });

  it("has none where the exit's status is not known", async () => {
    const { rows } = await smallTree(crossing("gpa", "return_val"), STATUSES);
    expect(rows.map(({ hostPriorityExit }) => hostPriorityExit)).toEqual([undefined]);
  });
});

describe("a number that is added to a status", () => {
  const own = async (body: string) => {
    const { catalog, leaf } = await smallTree(hostLeaf(body), STATUSES);
    return leaf.statuses
      ?.map((id) => catalog.statuses?.[id])
      .filter((s) => s?.status !== "TDX_SUCCESS")
      .map((s) => [
        s?.status,
        ...(s?.parts ?? []).map(
          ({ is, value, high, low, indexed }) => `${is} ${value} ${high}:${low}${indexed === true ? " and more" : ""}`,
        ),
      ]);
  };

  it("is its low half where nothing was there", async () => {
    expect(await own("return_val = TDX_OPERAND_BUSY; return_val += 5; return return_val;")).toEqual([
      ["TDX_OPERAND_BUSY", "number 5 31:0"],
    ]);
  });

  it("is added to the operand that is there: the sum is known where both are", async () => {
    const start = "return_val = api_error_with_operand_id(TDX_OPERAND_BUSY, OPERAND_ID_R8);";
    expect(await own(`${start} return_val += 2; return return_val;`)).toEqual([
      ["TDX_OPERAND_BUSY", "operand 10 31:0"],
    ]);
    expect(await own(`${start} return_val += flags; return return_val;`)).toEqual([
      ["TDX_OPERAND_BUSY", "operand 8 31:0 and more"],
    ]);
  });

  it("fills what is below the half that is there", async () => {
    const body = "api_error_code_t whole = { .raw = TDX_OPERAND_BUSY }; whole.details_l2_high = 7; whole.raw += 3;";
    expect(await own(`${body} return whole.raw;`)).toEqual([["TDX_OPERAND_BUSY", "number 7 31:16", "number 3 15:0"]]);
  });
});

describe("what is busy has the name that the leaf gives it", () => {
  const FIND = {
    "src/common/find.c": `api_error_type find_entry(tdcs_t* tdcs, uint64_t gpa, ia32e_sept_t** entry)
{
    *entry = secure_ept_walk(tdcs, gpa);
    if (is_missing(gpa))
    {
        *entry = NULL;
        return TDX_OPERAND_INVALID;
    }
    return TDX_SUCCESS;
}
`,
  };

  it("also where the pointer to it is NULL on another way", async () => {
    const { leaf } = await smallTree(
      guestLeaf(`
    return_val = find_entry(tdcs_ptr, gpa, &sept_entry);
    if (is_told(return_val != TDX_SUCCESS, gpa))
    {
        return TDX_OPERAND_INVALID;
    }
    if (_lock_cmpxchg_64b(1, 2, &sept_entry->raw) != 1)
    {
        return api_error_with_operand_id(TDX_OPERAND_BUSY, OPERAND_ID_RCX);
    }
    return TDX_SUCCESS;`),
      FIND,
    );
    expect(leaf.otherBusy.map(({ object }) => object)).toEqual(["sept_entry->raw"]);
  });
});
