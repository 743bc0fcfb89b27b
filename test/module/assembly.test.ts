/** Assembly in what leaves run: nothing is known of what it stores. */
import { expect, it } from "vitest";
import { smallTree } from "./small-tree.ts";

const leaf = (body: string): string => `api_error_type tdh_mem_track(uint64_t tdr_pa)
{
    api_error_type return_val = TDX_SUCCESS;
    tdcs_t* tdcs_ptr = map_implicit_tdcs(tdr_pa);
    ${body}
    return return_val;
}
`;

const locks = async (body: string) => (await smallTree(leaf(body))).rows.map(({ resource }) => resource);
const LOCKING =
  "if (acquire_sharex_lock_ex(&tdcs_ptr->epoch_tracking.epoch_lock) == LOCK_RET_SUCCESS) { release_sharex_lock_ex(&tdcs_ptr->epoch_tracking.epoch_lock); } else { return_val = TDX_OPERAND_BUSY; }";

it("does not leave a variable as it was before", async () => {
  const before = await locks("");
  const given = 'uint64_t given = 0; _ASM_VOLATILE_ ("cpuid" : "=a"(given) : "a"(7) : "memory");';
  expect((await locks(`${given} if (given != 0) { ${LOCKING} }`)).length).toBeGreaterThan(before.length);
  const other = 'uint64_t given = 0; _ASM_VOLATILE_ ("cpuid" : : "a"(given) : "memory");';
  expect(await locks(`${other} if (given != 0) { ${LOCKING} }`)).toEqual(before);
});
