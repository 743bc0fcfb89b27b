import { describe, expect, it } from "vitest";
import { check, isValid } from "../../src/check/index.ts";
import { loadScenario } from "../../src/cli/scenarios.ts";
import type { Trace } from "../../src/language/index.ts";

const refused = (leaf: string) => `${leaf} is not refused for ever`;
const REMOVAL = [
  "a removal that has begun ends",
  ...["TDH.MEM.RANGE.BLOCK", "TDH.MEM.TRACK", "TDH.MEM.PAGE.REMOVE"].map(refused),
];

/** The properties that break, each with a run that the interpreter accepts. */
async function violated(scenario: string, module: string, set: readonly string[]): Promise<string[]> {
  const { model } = await loadScenario(scenario, { module, set: ["progress=true", ...set] });
  const result = check(model);
  for (const { trace } of result.violations) expect(isValid(model, trace as Trace)).toBe(true);
  return result.violations.map(({ property }) => property);
}

const small = (vcpus: number, policy: string) => [`vcpus=${vcpus}`, "pages=1", `removal.policy=${policy}`];

describe.each(["1.5.05", "1.5.25"])("progress of a removal, module %s", (module) => {
  it("can be refused for ever, at each of its calls, where the host only tries again", async () => {
    expect(await violated("page-removal", module, small(1, "retry-forever"))).toEqual(expect.arrayContaining(REMOVAL));
  });

  it.each([
    [1, "kick-first"],
    [1, "kick-on-busy"],
    [2, "kick-first"],
  ])("with %i vCPUs and %s always ends: a kicked guest leaves", async (vcpus, policy) => {
    for (const name of await violated("page-removal", module, small(vcpus, policy)))
      expect(REMOVAL).not.toContain(name);
  });
});

describe.each(["1.5.05", "1.5.25"])("a guest that insists on its accept, module %s", (module) => {
  const accept = refused("TDG.MEM.PAGE.ACCEPT");
  const with_ = (vcpus: number, policy: string, ...more: string[]) => [
    ...small(vcpus, policy),
    `guest=[${["accept", "insist", ...more].join(",")}]`,
    `properties=[${accept}]`,
  ];

  it("is refused for ever by the host priority of a host that gave up, but for the module's time-out", async () => {
    expect(await violated("page-removal", module, with_(1, "fail-fast"))).toEqual([accept]);
    expect(await violated("page-removal", module, with_(1, "fail-fast", "host-priority-timeout"))).toEqual([]);
  });

  it("can be refused for ever by another vCPU: a plain BUSY starts the time-out over", async () => {
    expect(await violated("page-removal", module, with_(2, "kick-first", "host-priority-timeout"))).toEqual([accept]);
  });
});

describe("page-fault-in", () => {
  it.each(["1.5.16", "1.5.25"])(
    "can be checked on %s, where nobody takes the tree lock exclusively from 1.5.20",
    async (module) => {
      const { model } = await loadScenario("page-fault-in", { module, vcpus: "1", pages: "1" });
      expect(check(model).outcome.kind).toBe("holds");
    },
  );

  const RUNS = "a vCPU that faulted runs its guest again";
  const counted = ["vcpus=1", "pages=1", `properties=[${RUNS}]`, "zeroStep=counted"];

  it.each(
    [
      ["1.5.01", "1.5.05", "1.5.06", "1.5.08", "1.5.09", "1.5.13", "1.5.16"].map((module) => [module, true]),
      [
        ["1.5.20", false],
        ["1.5.24", false],
        ["1.5.25", false],
      ] as const,
    ].flat() as [string, boolean][],
  )(
    "%s with #VE of pending pages (%s): a page that is listed and then mapped keeps its vCPU out for ever",
    async (module, pendingVe) => {
      // The seventh fault at one instruction is the first to be listed: six may be left without a call.
      const settings = [...counted, `pendingVe=${String(pendingVe)}`];
      expect(await violated("page-fault-in", module, [...settings, "abandonedFaults=6"])).toEqual([RUNS]);
      expect(await violated("page-fault-in", module, [...settings, "abandonedFaults=5"])).toEqual(
        pendingVe ? [] : [RUNS],
      );
    },
  );

  it.each(["1.5.20", "1.5.24", "1.5.25"])("%s with #VE enters it: the guest is told to accept", async (module) => {
    expect(await violated("page-fault-in", module, [...counted, "abandonedFaults=6"])).toEqual([]);
  });
});
