import { describe, expect, it } from "vitest";
import { check, isValid } from "../../src/check/index.ts";
import { loadScenario } from "../../src/cli/scenarios.ts";

const RIGHT_SIZE = "an accept is never told that a page of its own size has another one";

describe("an accept whose walk found the entry free", () => {
  const run = async (module: string, ...set: string[]) => {
    const { model } = await loadScenario("page-fault-in", { module, pages: "1", set });
    const { violations } = check(model);
    for (const { trace } of violations) expect(isValid(model, trace)).toBe(true);
    return violations;
  };

  it.each(["1.5.05", "1.5.25"])(
    "%s: is told that the page has another size, where another vCPU's fault had it mapped meanwhile",
    async (module) => {
      const [violation] = await run(module, "vcpus=2", "guest=[accept, walk-first, touch]");
      expect(violation?.property).toBe(RIGHT_SIZE);
      const { steps } = violation?.trace ?? { steps: [] };
      expect(steps.at(-1)).toMatchObject({ leaf: "tdg_mem_page_accept", status: "0xC0000B0B00000000" });
      const notes = steps.map(({ note }) => note ?? "");
      expect(notes.indexOf("its walk finds the entry free")).toBeLessThan(notes.indexOf("the page is pending"));
    },
  );

  it("is not, where nobody else has the page mapped", async () => {
    expect(await run("1.5.25", "vcpus=1", "guest=[accept, walk-first, touch]")).toEqual([]);
  });

  it("keeps nothing locked: a removal under a policy that kicks never fails for it", async () => {
    const set = ["guest=[accept, walk-first, touch]", "properties=[a removal never fails]", "vcpus=1"];
    for (const policy of ["kick-first", "kick-on-busy"]) {
      const { model } = await loadScenario("page-removal", { module: "1.5.25", pages: "1", policy, set });
      expect(check(model).violations.map(({ property }) => property)).toEqual([]);
    }
  });
});
