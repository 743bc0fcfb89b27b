import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import SOURCES from "../../data/module-sources.json" with { type: "json" };
import { parseCatalog } from "../../src/catalog/index.ts";
import { check, isValid } from "../../src/check/index.ts";
import { loadScenario } from "../../src/cli/scenarios.ts";
import { doubtsOf, lineageOf, parseScenario } from "../../src/model/index.ts";

const file = (version: string) => join(import.meta.dirname, `../../data/modules/${version}.json`);
const catalog = (version: string) => parseCatalog(readFileSync(file(version), "utf8"), version);

describe("behaviours in which versions differ", () => {
  it.each([
    ["1.5.05", "whole-word", "always"],
    ["1.5.16", "whole-word", "always"],
    ["1.5.20", "exchange-then-store", "without-ve"],
    ["1.5.24", "exchange", "without-ve"],
    ["1.5.25", "exchange", "without-ve"],
  ])("of %s: %s, %s", (version, septWrite, pendingFault) => {
    expect(lineageOf(catalog(version))).toEqual({ septWrite, pendingFault, unread: [] });
  });

  it("are all known in every release from 1.5.01 on", () => {
    for (const { version } of SOURCES.filter(({ version: v }) => v.startsWith("1.5")))
      expect(lineageOf(catalog(version)).unread).toEqual([]);
  });

  it("of an unknown variant are said, with the place", () => {
    const known = catalog("1.5.20");
    const changed = {
      ...known,
      behaviours: known.behaviours.map((one) => (one.name === "pending-fault" ? { ...one, variant: null } : one)),
    };
    expect(lineageOf(changed).unread).toEqual([
      expect.stringMatching(
        /^pending-fault: an unknown variant of is_epf_expected, src\/td_transitions\/td_exit_stepping\.c:144/,
      ),
    ]);
    expect(lineageOf({ ...known, behaviours: [] }).unread).toHaveLength(known.behaviours.length);
  });

  it("say where entries are written, when they are written in a way that nobody has read", () => {
    const known = catalog("1.5.25");
    const writers = known.writers.map((one) => ({
      ...one,
      steps: one.steps.map((step) => (step.instruction === "cmpxchg" ? { ...step, retries: false } : step)),
    }));
    const { septWrite, unread } = lineageOf({ ...known, writers });
    expect(septWrite).toBe("exchange");
    expect(unread).toEqual([
      expect.stringMatching(/SEPT entry \(atomically_update_sept_state_keep_tdhp, .*sept_manager\.h:513\)/),
    ]);
  });

  it("make a verdict that rests on an unknown variant inconclusive, and say so", () => {
    const known = catalog("1.5.25");
    const scenario = parseScenario(
      readFileSync(join(import.meta.dirname, "../../data/scenarios/page-fault-in.yaml"), "utf8"),
      "page-fault-in.yaml",
    );
    expect(doubtsOf(scenario, known, null)).toEqual([]);
    const behaviours = known.behaviours.map((one) => (one.name === "tlb-tracked" ? { ...one, variant: null } : one));
    expect(doubtsOf(scenario, { ...known, behaviours }, null)).toEqual([
      expect.stringMatching(/^rests on a behaviour that was not read in this tree: tlb-tracked: .*helpers\.h:\d+/),
    ]);
  });
});

describe("the second store of 1.5.20", () => {
  const SHUT_DOWN = "nobody releases a SEPT entry that is not locked (sanity check 8)";
  const result = async (scenario: string, module: string, set: readonly string[]) => {
    const { model } = await loadScenario(scenario, { module, set });
    const { violations, busy } = check(model);
    for (const { trace } of violations) expect(isValid(model, trace)).toBe(true);
    return { model, busy, properties: violations.map(({ property }) => property) };
  };
  const one = ["vcpus=2", "pages=1"];

  it("wipes the lock of a guest that came in between, which shuts the module down; other versions keep it", async () => {
    expect((await result("page-fault-in", "1.5.20", one)).properties).toEqual([SHUT_DOWN]);
    for (const module of ["1.5.16", "1.5.24", "1.5.25"])
      expect((await result("page-fault-in", module, one)).properties).toEqual([]);
  });

  it("does so under every way of handling BUSY, by TDH.MEM.PAGE.REMOVE too", async () => {
    for (const policy of ["kick-first", "kick-on-busy", "retry-forever"])
      expect((await result("page-removal", "1.5.20", [...one, `removal.policy=${policy}`])).properties[0]).toBe(
        SHUT_DOWN,
      );
    // One vCPU, which does not fault while its guest runs: only the removal's own write is left to meet the guest.
    const alone = (policy: string) => ["vcpus=1", "pages=1", `removal.policy=${policy}`];
    expect((await result("page-removal", "1.5.20", alone("kick-on-busy"))).properties).toEqual([SHUT_DOWN]);
    expect((await result("page-removal", "1.5.20", alone("kick-first"))).properties).toEqual([]);
  });

  it("leaves nothing running", async () => {
    const { model } = await result("page-fault-in", "1.5.20", one);
    const guards = model.processes
      .filter(({ name }) => name !== "module")
      .flatMap(({ labels }) => labels.flatMap(({ steps }) => steps.map(({ guard }) => JSON.stringify(guard))));
    for (const guard of guards) expect(guard).toContain("moduleShutDown");
  });
});
