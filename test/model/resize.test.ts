import { describe, expect, it } from "vitest";
import { check, isValid, verifyReduction } from "../../src/check/index.ts";
import { loadScenario } from "../../src/cli/scenarios.ts";
import { assertThat, type Effect, type IntExpr, type Model, ne, type Step } from "../../src/language/index.ts";
import { Sept } from "../../src/model/sept.ts";

const NEVER = "a change of size never fails";
const small = (policy: string, ...more: string[]) => ["vcpus=1", `removal.policy=${policy}`, ...more];
const resize = async (module: string, set: readonly string[]): Promise<Model> =>
  (await loadScenario("page-resize", { module, set })).model;

async function broken(module: string, set: readonly string[]): Promise<string[]> {
  const model = await resize(module, set);
  const { violations } = check(model);
  for (const { trace } of violations) expect(isValid(model, trace)).toBe(true);
  return violations.map(({ property }) => property);
}

/** Who holds the SEPT tree when a call is refused it, by call. */
async function refusedTheTree(module: string): Promise<Record<string, readonly string[]>> {
  const { busy } = check(await resize(module, small("fail-fast")));
  return Object.fromEntries(
    busy.filter(({ resource }) => resource === "SEPT_TREE").map(({ leaf, holders }) => [leaf, holders]),
  );
}

describe("pages of 2 MB that are split and merged while the TD runs", () => {
  it.each(["1.5.05", "1.5.20", "1.5.25"])("%s: a host that gives up fails; one that kicks does not", async (module) => {
    expect(await broken(module, small("fail-fast"))).toEqual([NEVER]);
    for (const policy of ["kick-first", "kick-on-busy"]) expect(await broken(module, small(policy))).toEqual([]);
  });

  it("both come to pass, and a page can be split again", async () => {
    const model = await resize("1.5.25", small("kick-first"));
    const { witnesses } = check(model);
    expect(witnesses.map(({ property, trace }) => [property, trace !== null])).toEqual(
      expect.arrayContaining([
        ["a page is split", true],
        ["512 pages are merged", true],
      ]),
    );
  });

  it("TDH.MEM.PAGE.PROMOTE shares the tree up to 1.5.16 and takes it from 1.5.20; entry is the other way round", async () => {
    const [demote, promote] = ["tdh_mem_page_demote", "tdh_mem_page_promote"];
    expect(await refusedTheTree("1.5.16")).toEqual({
      tdh_vp_enter: [demote, promote, "tdh_mem_range_block"],
      tdh_mem_range_block: ["tdh_vp_enter"],
      tdh_mem_page_demote: ["tdh_vp_enter"],
      tdh_mem_page_promote: ["tdh_vp_enter"],
    });
    expect(await refusedTheTree("1.5.20")).toEqual({
      tdh_vp_enter: [promote, "tdh_mem_range_block"],
      tdh_mem_range_block: ["tdh_vp_enter"],
      tdh_mem_page_promote: ["tdh_vp_enter"],
    });
  });

  it("from 1.5.20 a merge gives way to a vCPU that was refused the tree; up to 1.5.16 it looks for nobody", async () => {
    const gaveWay = async (module: string): Promise<boolean> => {
      const model = await resize(module, small("retry-forever", `properties=[${NEVER}]`));
      // A merge that gives way is made a violation: retrying for ever is none.
      const told = (note = "") => note.startsWith("another host was refused");
      const ends = {
        ...model,
        processes: model.processes.map((process) => ({
          ...process,
          labels: process.labels.map((label) => ({
            ...label,
            steps: label.steps.map((step) =>
              told(step.meta.note) ? { ...step, effects: [assertThat("gives way", false), ...step.effects] } : step,
            ),
          })),
        })),
      };
      const [violation] = check(ends).violations;
      const last = violation?.trace.steps.at(-1);
      if (last !== undefined)
        expect(last).toMatchObject({ leaf: "tdh_mem_page_promote", status: "0x8000020600000000" });
      return violation !== undefined;
    };
    expect(await gaveWay("1.5.25")).toBe(true);
    expect(await gaveWay("1.5.16")).toBe(false);
  });

  it("a guest that accepts a page that was split is told its size", async () => {
    const set = [...small("kick-first"), "guest=[accept]"];
    const model = await resize("1.5.25", set);
    const mismatch = model.processes
      .flatMap(({ labels }) => labels.flatMap(({ steps }) => steps))
      .filter(({ meta }) => meta.note === "it was split");
    expect(mismatch.map(({ meta }) => meta.status)).toEqual(["0xC0000B0B00000000"]);
  });

  it("a guest that reads attributes takes the entry of a page that is whole or blocked, and none of one that was split", async () => {
    const set = small("retry-forever", "entries=MAPPED", "guest=[read-attributes, touch, interrupt]");
    for (const more of [[], ["guest=[read-attributes, touch, interrupt, insist]"]]) {
      const model = await resize("1.5.25", [...set, ...more]);
      // Taking the entry is made a violation where it is in the state.
      const takenIn = (state: IntExpr): boolean => {
        const taken = ({ meta: { leaf, action, result } }: Step) =>
          leaf === "tdg_mem_page_attr_rd" && action === "acquire" && result === "ok";
        const assert = ({ meta: { object } }: Step): Effect =>
          assertThat("taken", ne({ op: "var", sort: "int", name: "entry.state", index: object ?? null }, state));
        const told = (step: Step): Step => (taken(step) ? { ...step, effects: [assert(step), ...step.effects] } : step);
        const processes = model.processes.map((process) => ({
          ...process,
          labels: process.labels.map((label) => ({ ...label, steps: label.steps.map(told) })),
        }));
        return check({ ...model, processes }).violations.some(({ property }) => property === "taken");
      };
      const { MAPPED, BLOCKED, NL_MAPPED, NL_BLOCKED } = Sept;
      expect([MAPPED, BLOCKED, NL_MAPPED, NL_BLOCKED].map(takenIn)).toEqual([true, true, false, true]);
    }
  });

  it("one that was refused the entry and insists goes on to a small page, too, once the page is split", async () => {
    const model = await resize(
      "1.5.25",
      small("retry-forever", "entries=MAPPED", "guest=[read-attributes, touch, interrupt, insist]"),
    );
    const note = "its walk goes on to a small page";
    const steps = model.processes.flatMap(({ labels }) => labels.flatMap((label) => label.steps));
    expect(steps.filter(({ meta }) => meta.note === note)).toHaveLength(1);
    expect(check(model).neverRan.map((silent) => silent.note)).not.toContain(`effect ${note}`);
  });

  it("ends, where vCPUs are kept out; and its reductions are right", async () => {
    const progress = ["progress=true", "properties=[a change of size that has begun ends]"];
    for (const policy of ["kick-first", "kick-on-busy"])
      expect(await broken("1.5.25", small(policy, ...progress))).toEqual([]);
    expect(await broken("1.5.25", small("retry-forever", ...progress))).toHaveLength(1);
    expect(verifyReduction(await resize("1.5.25", small("kick-first"))).differences).toEqual([]);
  });
});
