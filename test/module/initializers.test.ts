/** Initializers of variables in what leaves run: what stands in inner braces, or behind two designators, is not zero. */
import { expect, it } from "vitest";
import { LOCKS_EPOCH, locksOfTrack } from "./small-tree.ts";

it("keeps what an initializer gives a member of a member", async () => {
  const before = await locksOfTrack("");
  for (const value of ["{ .inner = { .flag = 1 } }", "{ .inner.flag = 1 }"]) {
    const given = `outer_t given = ${value}; if (given.inner.flag != 0) { ${LOCKS_EPOCH} }`;
    expect((await locksOfTrack(given)).length).toBeGreaterThan(before.length);
  }
  expect(
    await locksOfTrack(`outer_t given = { .inner.flag = 0 }; if (given.inner.flag != 0) { ${LOCKS_EPOCH} }`),
  ).toEqual(before);
});
