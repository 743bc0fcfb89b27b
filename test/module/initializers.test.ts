/** Initializers of variables in what leaves run: what stands in inner braces, or behind two designators, is not zero. */
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

it("keeps what an initializer gives a member of a member", async () => {
  const before = await locks("");
  for (const value of ["{ .inner = { .flag = 1 } }", "{ .inner.flag = 1 }"]) {
    const given = `outer_t given = ${value}; if (given.inner.flag != 0) { ${LOCKING} }`;
    expect((await locks(given)).length).toBeGreaterThan(before.length);
  }
  expect(await locks(`outer_t given = { .inner.flag = 0 }; if (given.inner.flag != 0) { ${LOCKING} }`)).toEqual(before);
});
