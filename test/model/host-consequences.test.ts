import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { check, isValid } from "../../src/check/index.ts";
import { loadScenario } from "../../src/cli/scenarios.ts";
import type { Model } from "../../src/language/index.ts";
import { inProcess } from "../cli/run.ts";

const KERNELS = ["linux-6.16", "linux-6.19"];

async function broken(scenario: string, module: string, host: string, set: readonly string[]): Promise<string[]> {
  const { model } = await loadScenario(scenario, { module, host, set });
  const { violations } = check(model);
  for (const { trace } of violations) expect(isValid(model, trace)).toBe(true);
  return violations.map(({ property }) => property);
}

describe.each(KERNELS)("TDX_HOST_PRIORITY_BUSY_TIMEOUT under %s", (host) => {
  const TIMEOUT = "TDX_HOST_PRIORITY_BUSY_TIMEOUT does not end the VM";
  const insisting = ["vcpus=2", "pages=1", "guest=[accept, insist, host-priority-timeout]"];

  it.each(["1.5.05", "1.5.25"])("ends the VM when a host does not try its AUG again, module %s", async (module) => {
    expect(await broken("page-fault-in", module, host, insisting)).toEqual([TIMEOUT]);
  });

  it("needs a second vCPU that insists, and a host that enters again instead of trying again", async () => {
    const alone = insisting.map((one) => one.replace("vcpus=2", "vcpus=1"));
    expect(await broken("page-fault-in", "1.5.25", host, alone)).toEqual([]);
    const gives = ["vcpus=2", "pages=1", "guest=[accept, host-priority-timeout]"];
    expect(await broken("page-fault-in", "1.5.25", host, gives)).toEqual([TIMEOUT]);
  });
});

describe("a host of which no source says what follows", () => {
  it("is not taken for one that goes on", async () => {
    const words = ["page-fault-in", "--vcpus", "1", "--pages", "1", "--host", "proposal-report-2024-09"];
    const { status, err } = await inProcess([
      "check",
      ...words,
      "--set",
      "guest=[accept, insist, host-priority-timeout]",
    ]);
    expect(status).toBe(3);
    expect(err).toContain("does not say what follows from the TD exit host-priority-timeout");
  });
});

describe("an access to a pending page where #VE is disabled", () => {
  it("ends the VM under Linux, unless entry is refused before it: then the vCPU stays out for ever", async () => {
    const touching = ["vcpus=1", "pages=1", "pendingVe=false", "guest=[touch]"];
    const ENDS = "an access to a pending page does not end the VM";
    expect(await broken("page-fault-in", "1.5.25", "linux-6.19", touching)).toEqual([ENDS]);
    const RUNS = "a vCPU that faulted runs its guest again";
    expect(await broken("page-fault-in", "1.5.25", "linux-6.19", [...touching, "progress=true"])).toEqual([ENDS, RUNS]);
  });
});

describe("TDX_PREVIOUS_TLB_EPOCH_BUSY", () => {
  const NEVER = "TDH.MEM.TRACK never meets TDX_PREVIOUS_TLB_EPOCH_BUSY";
  const as = ["vcpus=2", "pages=1", "removal.policy=as-host"];

  it.each(KERNELS.flatMap((host) => ["1.5.05", "1.5.25"].map((module) => [host, module] as const)))(
    "is not reached by %s on module %s: it kicks after every track",
    async (host, module) => {
      expect(await broken("page-removal", module, host, [...as, `properties=[${NEVER}]`])).toEqual([]);
    },
  );

  /** The same host, which goes on when a page is not removed: a removed page alone shows that the epoch before is empty. */
  const goingOn = (model: Model): Model => ({
    ...model,
    processes: model.processes.map((process) => ({
      ...process,
      labels: process.labels.map((label) => ({
        ...label,
        steps: label.steps.map((step) =>
          label.name === "remove refused" && step.next === "failed" ? { ...step, next: "idle" } : step,
        ),
      })),
    })),
  });

  it.each([
    [true, false],
    [false, true],
  ])("kicks after tracking: %s; reached, were a page left unremoved: %s", async (kicks, reached) => {
    const kick = `removal.kick.afterTrack=${String(kicks)}`;
    const set = ["vcpus=1", "pages=2", "removal.policy=kick-on-busy", "removal.kick.barUntil=returned", kick];
    const { model } = await loadScenario("page-removal", { module: "1.5.05", set });
    const found = check(goingOn(model)).violations.map(({ property }) => property);
    expect(found.includes(NEVER)).toBe(reached);
    expect(check(model).violations.map(({ property }) => property)).not.toContain(NEVER);
  });

  it("needs a host whose profile says how it removes pages", async () => {
    const { status, err } = await inProcess([
      "check",
      "page-removal",
      "--policy",
      "as-host",
      "--host",
      "patch-v1-2024-09",
    ]);
    expect(status).toBe(2);
    expect(err).toContain("SL4216");
  });

  it("is bound to what the profiles say, with a place", () => {
    for (const host of KERNELS)
      expect(readFileSync(join(import.meta.dirname, `../../data/hosts/${host}.yaml`), "utf8")).toMatch(
        /afterTrack: true\n {2}sources:\n {4}- .*tdx\.c:\d+/,
      );
  });
});
