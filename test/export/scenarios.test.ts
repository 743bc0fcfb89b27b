import { describe, expect, test } from "vitest";
import { hasSpin, own, spin, tlc, tlcClassPath } from "../../scripts/peers.ts";
import { loadScenario, type ScenarioOptions } from "../../src/cli/scenarios.ts";

const classPath = tlcClassPath();
if (!hasSpin()) process.stderr.write("notice: SPIN or gcc is not installed; see scripts/install-test-tools.sh\n");
if (classPath === null)
  process.stderr.write("notice: SEAMLOCK_TLC names no class path of TLC, so the TLA+ export is not run\n");

/** A part of scripts/agree.yaml; `npm run agree` compares all of it. */
const SMALL: [string, ScenarioOptions, "holds" | "violated"][] = [
  ["page-removal", { module: "1.5.05", policy: "kick-first", vcpus: "1", pages: "1" }, "holds"],
  ["page-removal", { module: "1.5.25", policy: "kick-on-busy", vcpus: "1", pages: "1" }, "holds"],
  ["page-removal", { module: "1.5.05", policy: "fail-fast", vcpus: "1", pages: "1" }, "violated"],
  ["page-fault-in", { module: "1.5.25", vcpus: "1", pages: "1" }, "holds"],
  ["td-teardown", { module: "1.5.25", host: "patch-v1-2024-09", vcpus: "1" }, "holds"],
  ["lock/sharex", { hosts: "2", guests: "0", set: ["width=3", "promote=true"] }, "holds"],
  ["lock/sharex-hp", { hosts: "1", guests: "2", set: ["width=3"] }, "violated"],
  ["lock/sept-entry", { hosts: "1", guests: "1", set: ["writeBack=whole-word"] }, "violated"],
  ["lock/mutex", { hosts: "2" }, "holds"],
];

describe.skipIf(!hasSpin())("SPIN and the checker agree on bundled scenarios", () => {
  test.each(SMALL)("%s %j %s", { timeout: 60_000 }, async (name, options, kind) => {
    const { model } = await loadScenario(name, options);
    const { outcome, ...mine } = own(model);
    expect(outcome.kind).toBe(kind);
    expect(await spin(model, mine.states)).toEqual(mine);
  });
});

describe.skipIf(classPath === null)("TLC and the checker agree on bundled scenarios", () => {
  test.each(SMALL.filter(([name]) => name.startsWith("lock/") || name === "page-fault-in"))(
    "%s %j %s",
    { timeout: 120_000 },
    async (name, options) => {
      const { model } = await loadScenario(name, options);
      const { outcome: _, ...mine } = own(model);
      expect(await tlc(model, classPath as string)).toEqual(mine);
    },
  );
});
