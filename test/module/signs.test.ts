/** Comparisons in what leaves run heed the sign of what they compare, where its type has one or is not known. */
import { expect, it } from "vitest";
import { LOCKS_EPOCH, locksOfTrack } from "./small-tree.ts";

/** Is the lock taken on some way? */
const isTaken = async (before: string, test: string): Promise<boolean> =>
  (await locksOfTrack(`${before} if (${test}) { ${LOCKS_EPOCH} }`)).includes("TDCS_EPOCH");

it.each([
  ["", "(int64_t)(tdr_pa - 5) < 0", true],
  ["int64_t x = (int64_t)tdr_pa;", "x < 0", true],
  ["int64_t x = (int64_t)tdr_pa;", "!(x >= 0)", true],
  ["int64_t x = (int64_t)tdr_pa;", "x < 0u", true],
  ["int x = (int)tdr_pa;", "x < 0u", false],
  ["uint8_t x = (uint8_t)tdr_pa;", "x - 5 < 0", true],
  ["uint8_t x = (uint8_t)tdr_pa;", "(tdr_pa ? x : -1) < 0", true],
  ["int64_t x = (int64_t)tdr_pa;", "(~x << 3) < 0", true],
  ["", "tdcs_ptr->management_fields.unknown < 0", true],
  ["", "(tdr_pa - 5) < 0", false],
  ["", "!((tdr_pa - 5) >= 0)", false],
  ["uint32_t x = (uint32_t)tdr_pa;", "(x & 7) < 0", false],
  ["int64_t x = (int64_t)tdr_pa;", "(tdr_pa + x) < 0", false],
  ["enum { LEAST }; uint64_t x = tdr_pa;", "x < LEAST", false],
  ["int x = -1;", "x < 0", true],
  ["int x = -1;", "x > 3", false],
  ["uint64_t x = -1;", "x > 3", true],
  ["int64_t x = (int64_t)tdr_pa;", "x < 0 && x == -1", true],
  ["uint64_t x = tdr_pa; { int64_t x = (int64_t)tdr_pa; note(x); }", "x < 0", false],
  ["int64_t x = (int64_t)tdr_pa; { uint64_t x = tdr_pa; note(x); }", "x < 0", true],
])("%s if (%s): can it hold? %s", async (before, test, wanted) => {
  expect(await isTaken(before, test)).toBe(wanted);
});
