/** Assembly in what leaves run: nothing is known of what it stores. */
import { expect, it } from "vitest";
import { LOCKS_EPOCH, locksOfTrack } from "./small-tree.ts";

it("does not leave a variable as it was before", async () => {
  const before = await locksOfTrack("");
  const given = 'uint64_t given = 0; _ASM_VOLATILE_ ("cpuid" : "=a"(given) : "a"(7) : "memory");';
  expect((await locksOfTrack(`${given} if (given != 0) { ${LOCKS_EPOCH} }`)).length).toBeGreaterThan(before.length);
  const other = 'uint64_t given = 0; _ASM_VOLATILE_ ("cpuid" : : "a"(given) : "memory");';
  expect(await locksOfTrack(`${other} if (given != 0) { ${LOCKS_EPOCH} }`)).toEqual(before);
});
