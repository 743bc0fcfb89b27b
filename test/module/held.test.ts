/** Locks that are given back twice, in another mode, not on every way, or without being held; and tries that are made again. */
import { describe, expect, it } from "vitest";
import { changesBy, edit } from "./mutate.ts";
import { guestLeaf, hostLeaf, places, said, smallTree } from "./small-tree.ts";

const EXIT = "src/td_transitions/td_exit.c";
const TDCS = "    release_sharex_lock_hp_sh(&tdcs_ptr->management.op_state_lock);";
const EMPTIED =
  "    pamt_unwalk(local->vp_ctx.tdvpr_pa, local->vp_ctx.tdvpr_block, local->vp_ctx.tdvpr_entry, TDX_LOCK_SHARED);";

describe("the exit from a TD", () => {
  it.each([
    [
      "that gives one lock back no more: its row has no release, and borrows none",
      edit(EXIT, TDCS, ""),
      [
        "~ tdh_vp_enter TDCS release: td-exit → none",
        "~ tdh_vp_enter TDCS released: td_exit.c:7 → none",
        "+ SL1031 error helpers.c:83",
      ],
    ],
    ["in another mode", edit(EXIT, TDCS, TDCS.replace("_sh(", "_ex(")), ["+ SL1035 error td_exit.c:7"]],
    [
      "a PAMT entry in another mode",
      edit(EXIT, "TDX_LOCK_SHARED", "TDX_LOCK_EXCLUSIVE"),
      ["+ SL1035 error td_exit.c:8"],
    ],
    ["twice", edit(EXIT, TDCS, TDCS + TDCS), ["+ SL1036 error td_exit.c:7"]],
    [
      "not on every way out",
      edit(EXIT, TDCS, `    if (why) { tdx_seamret_to_vmm(); }${TDCS}`),
      ["+ SL1031 error td_exit.c:7", "+ SL1031 error td_exit.c:8"],
    ],
    [
      "on one way out only, the last lock",
      edit(EXIT, EMPTIED, `    if (why) {${EMPTIED} }`),
      [expect.stringMatching(/SL1031/)],
    ],
  ])("%s", async (_, change, expected) => {
    expect(await changesBy(change)).toEqual(expected);
  });
});

const TAKE = "if (acquire_mutex_lock(&global->global_lock) != LOCK_RET_SUCCESS) { return TDX_OPERAND_BUSY; }";
const GIVE = "release_mutex_lock(&global->global_lock);";

describe("a lock that is given back", () => {
  const found = async (source: string) => said((await smallTree(source)).catalog.diagnostics);

  it("and is not held: twice, or never taken", async () => {
    expect(await found(hostLeaf(`${TAKE}\n    ${GIVE}\n    ${GIVE} // again\n    return TDX_SUCCESS;`))).toEqual([
      "SL1036 error leaves.c:11",
    ]);
    expect(await found(hostLeaf(`${GIVE} return TDX_SUCCESS;`))).toEqual(["SL1036 error leaves.c:9"]);
    // By a helper: what is wrong is the leaf's own call.
    const helper = (body: string) => `static void finish(global_data_t* global)\n{\n    ${GIVE}\n}\n${hostLeaf(body)}`;
    const twice = helper(`${TAKE}\n    finish(global);\n    finish(global); // again\n    return TDX_SUCCESS;`);
    const { catalog, at } = await smallTree(twice);
    expect(said(catalog.diagnostics)).toEqual([`SL1036 error ${at("// again")}`]);
    expect(await found(hostLeaf(`${TAKE} ${GIVE} ${TAKE} ${GIVE} return TDX_SUCCESS;`))).toEqual([]);
  });

  it("on one way out and not on another", async () => {
    const early = (status: string) =>
      hostLeaf(`${TAKE} if (flags & 1) { return ${status}; } ${GIVE} return TDX_SUCCESS;`);
    expect(await found(early("TDX_SUCCESS"))).toEqual(["SL1031 error leaves.c:9"]);
    expect(await found(early("TDX_OPERAND_INVALID"))).toEqual(["SL1032 warning leaves.c:9"]);
  });

  it("but not where a TDCALL leaves the TD", async () => {
    const call = (before: string) =>
      guestLeaf(`
    sept_entry = secure_ept_walk(tdcs_ptr, gpa);
    return_val = sept_lock_acquire_guest(sept_entry); // taken
    if (return_val != TDX_SUCCESS) { return api_error_with_operand_id(return_val, OPERAND_ID_SEPT_ENTRY); }
    if (flags & 1) { ${before} td_vmexit_to_vmm(1); }
    sept_lock_release(sept_entry);
    return TDX_SUCCESS;`);
    const { catalog, at } = await smallTree(call(""));
    expect(said(catalog.diagnostics)).toEqual([`SL1031 error ${at("// taken")}`]);
    expect(await found(call("sept_lock_release(sept_entry);"))).toEqual([]);
  });
});

describe("a try that is made again, so often and no more", () => {
  const again = {
    "in a loop that breaks": `uint16_t i;
    for (i = 0; i < 3; i++) { return_val = acquire_sharex_lock_hp_ex(&tdcs_ptr->management.op_state_lock, false); if (return_val == TDX_SUCCESS) { break; } }`,
    "in a loop that tests": `uint16_t i = 0;
    do { return_val = acquire_sharex_lock_hp_ex(&tdcs_ptr->management.op_state_lock, false); i++; } while (return_val != TDX_SUCCESS && i < 3);`,
  };
  it.each(Object.entries(again))("%s, is BUSY when the last one is", async (_, tries) => {
    const { rows, catalog } = await smallTree(
      hostLeaf(`${tries}
    if (return_val != TDX_SUCCESS) { return api_error_with_operand_id(return_val, OPERAND_ID_TDCS); }
    release_sharex_lock_hp_ex(&tdcs_ptr->management.op_state_lock);
    return TDX_SUCCESS;`),
    );
    expect(rows).toMatchObject([{ resource: "TDCS", mode: "EXCLUSIVE", busyStatus: "0x8000020000000081" }]);
    expect(said(catalog.diagnostics)).toEqual([]);
  });

  it("by hand, too", async () => {
    const second = "if (acquire_mutex_lock(&global->global_lock) != LOCK_RET_SUCCESS) { return TDX_OPERAND_BUSY; }";
    const { rows } = await smallTree(
      hostLeaf(
        `if (acquire_mutex_lock(&global->global_lock) != LOCK_RET_SUCCESS) { ${second} }\n ${GIVE} return TDX_SUCCESS;`,
      ),
    );
    expect(rows).toMatchObject([{ resource: "GLOBAL", busyStatus: "0x8000020000000000" }]);
    expect(places(rows[0]?.release?.evidence)).toEqual(["leaves.c:10"]);
  });
});
