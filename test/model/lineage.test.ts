import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import behaviours from "../../data/behaviours.json" with { type: "json" };
import { parseCatalog } from "../../src/catalog/index.ts";
import { check, isValid } from "../../src/check/index.ts";
import { loadScenario } from "../../src/cli/scenarios.ts";
import { type Lineage, lineageOf } from "../../src/model/index.ts";

const file = (version: string) => join(import.meta.dirname, `../../data/modules/${version}.json`);
const catalog = (version: string) => parseCatalog(readFileSync(file(version), "utf8"), version);
const trees = process.env["SEAMLOCK_TREES"];

const VARIANTS: Readonly<Record<string, readonly (Lineage["septWrite"] | Lineage["pendingFault"])[]>> = {
  "sept-write": ["whole-word", "exchange-then-store", "exchange"],
  "pending-fault": ["always", "without-ve"],
};

describe("behaviours that a catalog does not state", () => {
  it("have the variants that the model knows", () => {
    expect(
      Object.fromEntries(behaviours.behaviours.map((one) => [one.name, one.variants.map(({ name }) => name)])),
    ).toEqual(VARIANTS);
  });

  it.each([
    ["1.5.05", "whole-word", "always"],
    ["1.5.16", "whole-word", "always"],
    ["1.5.20", "exchange-then-store", "without-ve"],
    ["1.5.24", "exchange", "without-ve"],
    ["1.5.25", "exchange", "without-ve"],
  ])("of %s: %s, %s", (version, septWrite, pendingFault) => {
    expect(lineageOf(catalog(version))).toEqual({ septWrite, pendingFault, unread: [] });
  });

  it("are said not to have been read in a tree that is not one of these", () => {
    const known = catalog("1.5.20");
    const changed = { ...known, module: { ...known.module, sourceDigest: "sha256:0" } };
    expect(lineageOf(changed)).toMatchObject({
      septWrite: "exchange-then-store",
      unread: Array(2).fill(expect.stringContaining("taken as in 1.5.20")),
    });
    const unheard = { ...changed, module: { ...changed.module, version: "1.5.99" } };
    expect(lineageOf(unheard)).toMatchObject({
      septWrite: "exchange",
      unread: Array(2).fill(expect.stringContaining("taken as in 1.5.25")),
    });
  });

  /** What stands on the line that is given as evidence. */
  const SAYS: Readonly<Record<string, RegExp>> = {
    "whole-word": /atomic_mem_write_64b\(&sept_entry_ptr->raw, sept_entry_copy\.raw\)/,
    "exchange-then-store": /atomic_mem_write_64b\(&ept_entry->raw, new_state\)/,
    exchange: /cmpxchg_keep_masked\(/,
    always: /return \(\(walk_result != EPT_WALK_SUCCESS\)/,
    "without-ve": /pending_ve_disable/,
  };

  it.runIf(trees !== undefined)("stand where the data says", () => {
    for (const { variants } of behaviours.behaviours)
      for (const { name, read } of variants)
        for (const { module, site } of read) {
          const source = join(trees ?? "", module, site.file);
          expect(existsSync(source), source).toBe(true);
          expect(readFileSync(source, "utf8").split("\n")[site.line - 1]).toMatch(SAYS[name] as RegExp);
        }
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
