/** The reader's blame against what is known, since the recording was made from a model. */
import { describe, expect, it } from "vitest";
import { RECORD_FORMATS } from "../../src/trace/index.ts";
import { agreement, record } from "./recorded.ts";

/** Every bundled scenario of calls that meets BUSY, with enough runs for a hundred of them or nearly. */
const SCENARIOS: readonly (readonly [scenario: string, module: string | undefined, runs: number, steps: number])[] = [
  ["page-removal", undefined, 80, 3000],
  ["page-removal", "1.5.05", 80, 3000],
  ["zero-step", undefined, 20, 20_000],
  ["td-build", undefined, 30, 10_000],
  ["td-teardown", undefined, 80, 3000],
  ["bench/enter-and-zap", "1.5.05", 60, 3000],
];

describe.each(SCENARIOS)("%s, module %s", (scenario, module, runs, steps) => {
  it.each(RECORD_FORMATS)("recorded as %s", { timeout: 120_000 }, async (format) => {
    const recorded = await record({ scenario, format, runs, steps, ...(module !== undefined && { module }) });
    const { result, document } = await agreement(recorded, module);
    expect(result.known).toBeGreaterThan(0);
    expect(result.found).toBe(result.known);
    expect(result.certainWrong).toBe(0);
    expect(result.noneOfThese).toBe(0);
    // Two vCPUs that enter all the time are told apart less often, and microseconds are too coarse for it.
    const yardstick = format === "function-graph" ? 0.95 : 0.98;
    const share = scenario.startsWith("bench/") ? yardstick : 0.99;
    // Of few, one that cannot be told may be among them.
    expect(result.right).toBeGreaterThanOrEqual(Math.min(Math.ceil(share * result.known), result.known - 1));
    expect(result.among).toBe(result.known);
    // The others do not show everything that could have been it.
    if (format === "bpftrace" || format === "ndjson") expect(result.certain).toBeGreaterThan(0.5 * result.known);
    expect(document.recording).toMatchObject({ format, unread: 0, lost: 0 });
    expect(document.diagnostics.filter(({ severity }) => severity !== "note")).toEqual([]);
  });

  it.each(RECORD_FORMATS)("recorded as %s, one event of a hundred lost", { timeout: 120_000 }, async (format) => {
    const recorded = await record({ scenario, format, runs, steps, lose: 1, ...(module !== undefined && { module }) });
    const { result, document } = await agreement(recorded, module);
    expect(result.certainWrong).toBe(0);
    expect(document.recording.lost).toBeGreaterThan(0);
    expect(document.diagnostics.map(({ code }) => code)).toContain("SL7103");
  });
});

describe("a scenario without BUSY", () => {
  it.each(["td-life", "page-fault-in"])("%s", async (scenario) => {
    const { result, document } = await agreement(await record({ scenario, runs: 5 }));
    expect(result.known).toBe(0);
    expect(document.busy.count).toBe(0);
    expect(document.recording.calls).toBeGreaterThan(100);
  });
});

describe("schedules that are no host's", () => {
  it.each(["fair", "priority"] as const)("%s: nothing certain is wrong", { timeout: 60_000 }, async (schedule) => {
    for (const lose of [0, 1]) {
      const { result } = await agreement(await record({ scenario: "page-removal", schedule, lose, runs: 80 }));
      expect(result.certainWrong).toBe(0);
      if (lose === 0) expect(result.noneOfThese).toBe(0);
      expect(result.known).toBeGreaterThan(50);
    }
  });
});

it("a scenario of instructions has nothing to record, and another module's modes are told", async () => {
  await expect(record({ scenario: "lock/sharex" })).rejects.toMatchObject({ code: "SL7004" });
  await expect(record({ scenario: "bench/enter-and-zap", runs: 3 })).rejects.toMatchObject({ code: "SL7005" });
});
