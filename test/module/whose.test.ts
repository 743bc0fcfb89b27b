/** Whose TD the object of a lock is: of a call that names two TDs, and of one that a guest makes. */
import { describe, expect, it } from "vitest";
import { smallTree } from "./small-tree.ts";

/** Locks the TDR of a page and the TDCS behind it. */
const td = (page: string, name: string, guest: boolean): string => `
    ${name}_pa.raw = ${page};
    return_val = lock_page(${name}_pa, OPERAND_ID_RCX, TDX_LOCK_SHARED, PT_TDR, &${name}_block, &${name}_entry, &${name}_locked);
    if (return_val != TDX_SUCCESS) { goto EXIT; }
    ${name}_ptr = map_pa(${name}_pa.raw, TDX_RANGE_RW);
    return_val = map_tdcs_and_lock(${name}_ptr, TDX_LOCK_SHARED, ${guest}, &${name}_tdcs);
    if (return_val != TDX_SUCCESS) { goto EXIT; }`;
const declared = (name: string): string => `
    pa_t ${name}_pa;
    tdr_t* ${name}_ptr;
    pamt_block_t ${name}_block;
    pamt_entry_t* ${name}_entry;
    bool_t ${name}_locked = false;
    tdcs_t* ${name}_tdcs = NULL;`;
const given = (name: string): string => `
    if (${name}_tdcs) { release_sharex_lock_hp_sh(&${name}_tdcs->op_state_lock); }
    if (${name}_locked) { pamt_unwalk(${name}_pa, ${name}_block, ${name}_entry, TDX_LOCK_SHARED); }`;
const EPOCH = (of: string): string =>
  `if (acquire_sharex_lock_ex(&${of}->epoch_lock) != LOCK_RET_SUCCESS) { return_val = TDX_OPERAND_BUSY; goto EXIT; } release_sharex_lock_ex(&${of}->epoch_lock);`;

const whose = async (head: string, names: readonly string[], body: string) => {
  const source = `${head}
{
    api_error_type return_val = UNINITIALIZE_ERROR;
    tdx_module_global_t* global = get_global_data();
    tdcs_t* own = get_local_data()->vp_ctx.tdcs;${names.map(declared).join("")}
${body}
    return_val = TDX_SUCCESS;
EXIT:${[...names].reverse().map(given).join("")}
    return return_val;
}
`;
  const { rows } = await smallTree(source);
  return rows
    .filter(({ mode, resource }) => mode !== "NO_LOCK" && !resource.startsWith("PAMT"))
    .map(({ resource, td: of }) => `${resource} ${of}`);
};

describe("whose TD the object of a lock is", () => {
  it("of a host's call the TD that it names; of two that it names, what cannot be told to be of one of them is of neither", async () => {
    const head = "api_error_type tdh_mem_test(uint64_t first_page, uint64_t second_page)";
    expect(await whose(head, ["first"], `${td("first_page", "first", false)}\n    ${EPOCH("first_tdcs")}`)).toEqual([
      "TDR named",
      "TDCS named",
      "TDCS_EPOCH named",
    ]);
    const both = `${td("first_page", "first", false)}${td("second_page", "second", false)}\n    ${EPOCH("second_tdcs")}`;
    expect(await whose(head, ["first", "second"], both)).toEqual([
      "TDR named",
      "TDCS undefined",
      "TDR other",
      "TDCS undefined",
      "TDCS_EPOCH undefined",
    ]);
  });

  it("of a guest's call its own, but where it locks a TDR that is another's only what the entry left", async () => {
    const head = "api_error_type tdg_mem_test(uint64_t page)";
    const body = `${td("page", "target", true)}\n    ${EPOCH("target_tdcs")}\n    ${EPOCH("own")}`;
    expect(await whose(head, ["target"], body)).toEqual([
      "TDR other",
      "TDCS undefined",
      "TDCS_EPOCH undefined",
      "TDCS_EPOCH own",
    ]);
    expect(await whose(head, [], EPOCH("own"))).toEqual(["TDCS_EPOCH own"]);
  });

  it("of what is no TD's nobody's", async () => {
    const head = "api_error_type tdg_mem_test(uint64_t page)";
    const kot =
      "if (acquire_sharex_lock_ex(&global->kot.lock) != LOCK_RET_SUCCESS) { return_val = TDX_OPERAND_BUSY; goto EXIT; } release_sharex_lock_ex(&global->kot.lock);";
    expect(await whose(head, [], kot)).toEqual(["KOT null"]);
  });
});
