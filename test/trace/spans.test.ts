/** How well the time of a BUSY fits the time for which another call held, where times are coarse. */
import { expect, it } from "vitest";
import type { Call } from "../../src/trace/call.ts";
import type { Holder } from "../../src/trace/holders.ts";
import { Spans } from "../../src/trace/spans.ts";
import { catalogOf } from "./recorded.ts";

const call = (leaf: string, begin: number, end: number): Call => ({
  ...{ leaf, begin, end, cpu: 0, tid: 1, status: null, td: null, vp: null, gpa: null, level: null, page: null },
  ...{ beginUnsure: false, endUnsure: false, chain: null, settled: true },
});

it("times that are cut off to microseconds: one that ended nearly one before is hardly to blame, one that ended at once may be", async () => {
  const spans = new Spans(await catalogOf("1.5.05"));
  const busy = call("tdh_mem_range_block", 10_000, 10_250);
  const holder = { order: 0, shortly: false, whileGuestRuns: false } as Holder;
  const fits = (end: number, tolerance: number): number =>
    spans.fit(busy, call("tdh_mem_page_aug", end - 900, end), holder, false, tolerance);
  // What is exact leaves no doubt; what is coarse leaves some, and less the longer before it ended.
  expect(fits(9_900, 0)).toBe(0.01);
  const [atOnce, later, before, longBefore] = [
    fits(10_000, 1000),
    fits(10_300, 1000),
    fits(9_700, 1000),
    fits(9_050, 1000),
  ];
  expect(later).toBeGreaterThan(atOnce);
  expect(atOnce).toBeGreaterThan(before);
  expect(before).toBeGreaterThan(0.05);
  expect(longBefore).toBe(0.01);
  // One that lasts on is.
  expect(fits(10_800, 1000)).toBeGreaterThan(0.7);
});
