import { describe, expect, it } from "vitest";
import { check, isValid, verifyReduction } from "../../src/check/index.ts";
import { loadScenario } from "../../src/cli/scenarios.ts";
import type { Trace } from "../../src/language/index.ts";

const ADD = "TDH.PHYMEM.PAMT.ADD is not refused for ever";
const REMOVE = "TDH.PHYMEM.PAMT.REMOVE is not refused for ever";
const SOME = "some call gets through";

async function broken(...set: string[]): Promise<string[]> {
  const { model } = await loadScenario("dynamic-pamt", { module: "1.5.25", set });
  const { violations } = check(model);
  for (const { trace } of violations) expect(isValid(model, trace as Trace)).toBe(true);
  return violations.map(({ property }) => property).sort();
}

describe("dynamic PAMT", () => {
  it("two adders can refuse each other for ever: each has the entry shared and wants it alone", async () => {
    expect(await broken()).toEqual([ADD, SOME]);
    const { model } = await loadScenario("dynamic-pamt", { module: "1.5.25", set: [`properties=[${SOME}]`] });
    const [livelock] = check(model).violations;
    const loop = livelock?.trace.steps.slice(livelock.trace.loop ?? 0) ?? [];
    // Both try again and again in the loop, and nobody gets the entry.
    expect(new Set(loop.filter(({ result }) => result === "busy").map(({ actor }) => actor)).size).toBe(2);
    expect(loop.filter(({ label, result }) => label === "promote" && result === "ok")).toEqual([]);
  });

  it("so can an adder and a remover", async () => {
    expect(await broken("adders=1", "removers=1")).toEqual([ADD, REMOVE, SOME]);
  });

  it("a host lock by range keeps them apart, but not from calls on the range's 4 KB pages", async () => {
    for (const set of [[], ["adders=1", "removers=1"]]) expect(await broken(...set, "hostLock=range")).toEqual([]);
    expect(await broken("adders=1", "users=1", "hostLock=range")).toEqual([ADD, SOME]);
    expect(await broken("adders=0", "removers=1", "users=1", "hostLock=all")).toEqual([REMOVE, SOME]);
  });

  it("nor where two ranges get their pages from each other: that takes one lock for all", async () => {
    expect(await broken("pagesFrom=each other", "hostLock=range")).toEqual([ADD, SOME]);
    expect(await broken("pagesFrom=each other", "hostLock=all")).toEqual([]);
  });

  it.each([0, 1, 5])("%i more tries are not enough without a lock, and none is needed with one", async (retries) => {
    expect(await broken(`retries=${retries}`)).toEqual(["no call is given up"]);
    expect(await broken(`retries=${retries}`, "hostLock=range")).toEqual([]);
  });

  it("is refused for modules without it, and its reductions are right", async () => {
    await expect(loadScenario("dynamic-pamt", { module: "1.5.16" })).rejects.toMatchObject({ code: "SL2102" });
    for (const module of ["1.5.20", "1.5.24", "1.5.25"]) {
      const { model } = await loadScenario("dynamic-pamt", { module });
      expect(verifyReduction(model).differences).toEqual([]);
    }
  });
});
