import { describe, expect, it } from "vitest";
import { check, isValid } from "../../src/check/index.ts";
import { loadScenario } from "../../src/cli/scenarios.ts";
import type { Trace } from "../../src/language/index.ts";

const refused = (leaf: string) => `${leaf} is not refused for ever`;
const REMOVAL = ["TDH.MEM.RANGE.BLOCK", "TDH.MEM.TRACK", "TDH.MEM.PAGE.REMOVE"].map(refused);

async function violated(module: string, policy: string): Promise<string[]> {
  const { model } = await loadScenario("page-removal", {
    module,
    policy,
    vcpus: "1",
    pages: "1",
    set: ["progress=true"],
  });
  const result = check(model);
  for (const { trace } of result.violations) expect(isValid(model, trace as Trace)).toBe(true);
  return result.violations.map(({ property }) => property);
}

describe("progress of a removal, one vCPU", () => {
  it.each(["1.5.05", "1.5.25"])(
    "%s: a host that tries for ever can be refused for ever, one that kicks cannot",
    async (module) => {
      expect(await violated(module, "retry-forever")).toEqual(expect.arrayContaining([refused("TDH.MEM.TRACK")]));
      for (const name of await violated(module, "kick-first")) expect(REMOVAL).not.toContain(name);
    },
  );
});

describe("page-fault-in", () => {
  it.each(["1.5.16", "1.5.20", "1.5.25"])(
    "can be checked on %s, where nobody takes the tree lock exclusively from 1.5.20",
    async (module) => {
      const { model } = await loadScenario("page-fault-in", { module, vcpus: "1", pages: "1" });
      expect(check(model).outcome.kind).toBe("holds");
    },
  );
});
