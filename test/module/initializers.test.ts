/** Initializers of variables in what leaves run: what stands in inner braces, behind two designators, or after what has one, is not zero. */
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

it.each([
  ["{ [2] = 5, 7 }", [0, 0, 5, 7]],
  ["{ 1, [3] = 4, [1] = 2, 3 }", [1, 2, 3, 4]],
  ["{ 1, 2, [0] = 0 }", [0, 2, 0, 0]],
  ["{ [EPOCH_FLAG_AT] = 9, 8 }", [0, 9, 8, 0]],
])("gives the elements of an array what %s has for them", async (initializer, wanted) => {
  const before = await locksOfTrack("");
  const locks = async (test: string) =>
    (await locksOfTrack(`enum { EPOCH_FLAG_AT = 1 }; int given[4] = ${initializer}; if (${test}) { ${LOCKS_EPOCH} }`))
      .length;
  for (const [at, value] of wanted.entries()) {
    if (value === 0) continue;
    expect([at, await locks(`given[${at}] != ${value}`)]).toEqual([at, before.length]);
    expect([at, await locks(`given[${at}] == ${value}`)]).toEqual([at, before.length + 1]);
  }
});

it("knows of a variable that lasts only that a call before may have changed it, unless it is constant", async () => {
  const before = await locksOfTrack("");
  const locks = async (text: string) => (await locksOfTrack(`${text} { ${LOCKS_EPOCH} }`)).length - before.length;
  expect(await locks("static int done = 0; if (done)")).toBe(1);
  expect(await locks("static int done = 1; if (!done)")).toBe(1);
  expect(await locks("static int first[2] = { 1, 1 }; if (first[1] == 0)")).toBe(1);
  expect(await locks("static int done = 0; done = 1; if (!done)")).toBe(0);
  expect(await locks("static const int done = 0; if (done)")).toBe(0);
  expect(await locks("static const int* done = NULL; if (done)")).toBe(1);
});

it("takes of several values for one element the last one", async () => {
  const before = await locksOfTrack("");
  const given = `int given[2] = { 1, 2, [0] = 0 }; if (given[0] != 1) { ${LOCKS_EPOCH} }`;
  expect((await locksOfTrack(given)).length).toBe(before.length + 1);
});
