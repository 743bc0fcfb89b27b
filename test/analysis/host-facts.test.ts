/** What two hosts' paths hold and do otherwise: one change at a time of a profile of two paths. */
import { describe, expect, test } from "vitest";
import { type HostFact, hostFacts } from "../../src/analysis/host-facts.ts";
import { factsOfCalls } from "../../src/analysis/index.ts";
import { type HostPath, type HostStep, parseHost } from "../../src/host/index.ts";
import { OTHER } from "../host/profile.ts";

const before = parseHost(OTHER, "other.yaml").profile;
const block: HostStep = { call: "TDH.MEM.RANGE.BLOCK", onBusy: [{ do: ["retry:3", "return:-EBUSY"] }] };
const [, unmap] = before.paths;

/** What is told where the path that unmaps is another one. */
const told = (after: Partial<HostPath>, was: Partial<HostPath> = {}): HostFact[] => {
  const of = (path: Partial<HostPath>) => ({
    ...before,
    paths: before.paths.map((one) => (one.name === "unmap" ? { ...one, ...path } : one)),
  });
  return hostFacts(of(was), of(after));
};
/** The same of one call of it, in one or several ways. */
const ways = (was: readonly Partial<HostStep>[], now: readonly Partial<HostStep>[], path: Partial<HostPath> = {}) => {
  const steps = (all: readonly Partial<HostStep>[]) => all.map((one) => ({ ...block, ...one }));
  return told({ steps: steps(now), ...path }, { steps: steps(was) });
};
const one = (change: Partial<HostStep>) => ways([{}], [change]);
const at = { path: "unmap", calls: ["TDH.MEM.RANGE.BLOCK"] };
const both = { path: "unmap", calls: ["TDH.MEM.RANGE.BLOCK", "TDH.MEM.TRACK"] };

describe("between two hosts", () => {
  test("what is alike is no difference", () => {
    expect(told({})).toEqual([]);
    expect(unmap?.steps.map(({ call }) => call)).toEqual(both.calls);
  });

  test("a path, or a call of one, that only one of them has is one", () => {
    const less = { ...before, paths: before.paths.slice(0, 1) };
    expect(hostFacts(less, before)).toEqual([{ change: "path-added", ...both }]);
    expect(hostFacts(before, less)).toEqual([{ change: "path-removed", ...both }]);
    const steps = unmap?.steps.slice(0, 1) ?? [];
    expect(told({ steps })).toEqual([{ change: "call-removed", path: "unmap", calls: ["TDH.MEM.TRACK"] }]);
    expect(told({}, { steps })).toEqual([{ change: "call-added", path: "unmap", calls: ["TDH.MEM.TRACK"] }]);
  });

  test("one more way to make a call is one, and not what both have, in whatever order", () => {
    const [a, b] = [{}, { holds: ["vm lock"] }];
    const way = { phases: null, holds: [{ lock: "page table lock" }, { lock: "vm lock" }], onBusy: block.onBusy };
    expect(ways([a], [b, a])).toEqual([{ change: "way-added", ...at, way }]);
    expect(ways([b, a], [a])).toEqual([{ change: "way-removed", ...at, way }]);
    expect(ways([a, b], [b, a])).toEqual([]);
  });

  test("phases are one: of the path, of a call alone, and such into which it lasts", () => {
    const [live, more] = [["live"], ["setup", "live"]];
    expect(told({ phases: more })).toEqual([{ change: "phases", ...both, before: live, after: more }]);
    expect(one({ phases: ["setup"] })).toEqual([{ change: "phases", ...at, before: live, after: ["setup"] }]);
    expect(ways([{ phases: live }], [{ phases: live }], { phases: more })).toEqual([]);
    expect(told({ overruns: live })).toEqual([{ change: "overruns", ...both, before: [], after: live }]);
  });

  test("what a call is made with, or how often at once, is one", () => {
    expect(one({ interrupts: "off" })).toEqual([{ change: "interrupts", ...at, before: null, after: "off" }]);
    expect(one({ onEach: "cpu" })).toEqual([{ change: "on-each", ...at, before: null, after: "cpu" }]);
    expect(told({ atMostOne: "vm" })).toEqual([{ change: "at-most-one", ...both, before: null, after: "vm" }]);
  });

  test("what is done on BUSY is one, of one operand alone too", () => {
    for (const onBusy of [[{ do: ["bug-vm"] }], [{ on: ["SEPT"], do: ["retry:3", "return:-EBUSY"] }]])
      expect(one({ onBusy })).toEqual([{ change: "on-busy", ...at, before: block.onBusy, after: onBusy }]);
  });

  test("a lock in another mode, or of others, is neither gone nor new", () => {
    const lock = "page table lock";
    for (const as of [{ mode: "shared" }, { of: "all" }, { of: "other" }] as const)
      expect(told({ holds: [{ lock, ...as }] })).toEqual([
        { change: "lock-otherwise", ...both, before: { lock }, after: { lock, ...as } },
      ]);
    expect(told({ holds: [{ lock, mode: "exclusive", of: "self", assumed: "said" }] })).toEqual([]);
  });

  test("a lock that one of them holds is one, and of two uses of it each", () => {
    expect(told({ holds: [] })).toEqual([{ change: "locks-removed", ...both, locks: [{ lock: "page table lock" }] }]);
    expect(told({ holds: ["page table lock", "vm lock"] })).toEqual([
      { change: "locks-added", ...both, locks: [{ lock: "vm lock" }] },
    ]);
    const [all, other] = [
      { lock: "page table lock", of: "all" },
      { lock: "page table lock", of: "other" },
    ] as const;
    expect(told({ holds: [all, other] })).toEqual([
      { change: "locks-added", ...both, locks: [all, other] },
      { change: "locks-removed", ...both, locks: [{ lock: "page table lock" }] },
    ]);
  });

  test("of some calls only what is theirs is told", () => {
    const facts = [...told({ phases: ["setup", "live"] }), ...one({ interrupts: "off" })];
    expect(factsOfCalls(facts, ["TDH.MEM.TRACK"])).toEqual([
      { change: "phases", path: "unmap", calls: ["TDH.MEM.TRACK"], before: ["live"], after: ["setup", "live"] },
    ]);
  });
});
