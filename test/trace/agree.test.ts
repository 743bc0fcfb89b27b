/** The reader's blame against what is known, since the recording was made from a model. */
import { afterAll, describe, expect, it } from "vitest";
import { RECORD_FORMATS, type RecordFormat } from "../../src/trace/index.ts";
import { agreement, record, YARDSTICK } from "./recorded.ts";

/** `npm run campaign:recordings`: every scenario in every form, with enough runs for a hundred BUSYs or nearly. Else a few of each. */
const CAMPAIGN = process.env["SEAMLOCK_CAMPAIGN"] !== undefined;

type Case = readonly [
  scenario: string,
  module: string | undefined,
  runs: number,
  steps: number,
  fewRuns: number,
  forms: readonly RecordFormat[],
];

const SCENARIOS: readonly Case[] = [
  ["page-removal", undefined, 80, 3000, 10, ["bpftrace", "perf"]],
  ["page-removal", "1.5.05", 80, 3000, 10, ["function-graph"]],
  ["zero-step", undefined, 20, 20_000, 8, ["ndjson"]],
  ["td-build", undefined, 30, 10_000, 4, ["perf"]],
  ["td-teardown", undefined, 80, 3000, 20, ["ndjson"]],
  ["page-resize", undefined, 80, 3000, 6, ["ndjson"]],
  [YARDSTICK, "1.5.05", 60, 3000, 8, ["bpftrace"]],
];

/** The campaign prints what it measured: BUSYs, how many of them have the right culprit first, among the most likely, among those named, certain, wrongly certain. */
const figures: string[] = [];
afterAll(() => {
  if (CAMPAIGN) console.log(figures.join("\n"));
});
type Result = Awaited<ReturnType<typeof agreement>>["result"];
const measured = (what: string, { known, found, right, amongFirst, among, certain, certainWrong }: Result): void => {
  const share = (n: number): string => `${((100 * n) / Math.max(1, found)).toFixed(1)} %`;
  figures.push(
    `${what.padEnd(44)} ${known} BUSY, ${found} in the recording: first ${share(right)} (${right}), among the most likely ${share(amongFirst)} (${amongFirst}), among ${share(among)}, certain ${share(certain)}, wrong ${certainWrong}`,
  );
};

describe.each(SCENARIOS)(
  "%s, module %s",
  { timeout: 600_000 },
  (scenario, module, manyRuns, steps, fewRuns, fewForms) => {
    const runs = CAMPAIGN ? manyRuns : fewRuns;
    // No Linux that was read makes the calls that page-resize is about.
    const forms = CAMPAIGN && scenario !== "page-resize" ? RECORD_FORMATS : fewForms;
    const given = { scenario, runs, steps, ...(module !== undefined && { module }) };

    it.each(forms)("recorded as %s", async (format) => {
      const { result, document } = await agreement(await record({ ...given, format }), module);
      measured(`${scenario} ${format}`, result);
      expect(result.known).toBeGreaterThan(0);
      expect(result.found).toBe(result.known);
      expect(result.certainWrong).toBe(0);
      expect(result.noneOfThese).toBe(0);
      // Two vCPUs that enter all the time are told apart less often, and microseconds are too coarse for it.
      const yardstick = format === "function-graph" ? 0.95 : 0.98;
      const share = scenario === YARDSTICK ? yardstick - (CAMPAIGN ? 0 : 0.01) : 0.99;
      const named = scenario === YARDSTICK && !CAMPAIGN ? 0.98 : 0.99;
      // Of those that are as likely by what is recorded, each is named.
      expect(result.amongFirst).toBeGreaterThanOrEqual(Math.min(Math.ceil(named * result.known), result.known - 1));
      // Of few, one that cannot be told may be among them.
      expect(result.right).toBeGreaterThanOrEqual(Math.min(Math.ceil(share * result.known), result.known - 1));
      expect(result.among).toBe(result.known);
      // The others do not show everything that could have been it.
      if (format === "bpftrace" || format === "ndjson") expect(result.certain).toBeGreaterThan(0.5 * result.known);
      expect(document.recording).toMatchObject({ format, unread: 0, lost: 0 });
      expect(document.diagnostics.filter(({ severity }) => severity !== "note")).toEqual([]);
    });

    it.each(forms)("recorded as %s, one event of a hundred lost", async (format) => {
      const { result, document } = await agreement(await record({ ...given, format, lose: 1 }), module);
      measured(`${scenario} ${format}, 1 % lost`, result);
      expect(result.certainWrong).toBe(0);
      expect(document.recording.lost).toBeGreaterThan(0);
      expect(document.diagnostics.map(({ code }) => code)).toContain("SL7103");
    });
  },
);

describe("a scenario without BUSY", () => {
  it.each(["td-life", "page-fault-in"])("%s", async (scenario) => {
    const { result, document } = await agreement(await record({ scenario, runs: 2 }));
    expect(result.known).toBe(0);
    expect(document.busy.count).toBe(0);
    expect(document.recording.calls).toBeGreaterThan(40);
  });
});

it("calls that no Linux makes are in no tool's recording; NDJSON has them", async () => {
  const given = { scenario: "dynamic-pamt", set: ["removers=1", "users=1"], runs: CAMPAIGN ? 60 : 4, steps: 600 };
  for (const format of ["bpftrace", "function-graph", "perf"] as const) {
    await expect(record({ scenario: "dynamic-pamt", runs: 1, steps: 60, format })).rejects.toMatchObject({
      code: "SL7004",
    });
  }
  const recorded = await record(given);
  // Whoever held it was in flight: what was made EXCLUSIVE and given back is no longer held.
  for (const { call, culprits } of recorded.culprits.busy) {
    expect(culprits.length).toBeGreaterThan(0);
    for (const { call: its } of culprits) {
      expect(its.begin).toBeLessThan(call.end as number);
      expect(its.end).toBeGreaterThan(call.begin as number);
    }
  }
  const { result } = await agreement(recorded);
  measured("dynamic-pamt ndjson", result);
  expect(result.known).toBeGreaterThan(0);
  expect(result).toMatchObject({ found: result.known, certainWrong: 0, noneOfThese: 0, among: result.known });
  expect(result.right).toBeGreaterThanOrEqual(Math.ceil(0.99 * result.known) - 1);
});

describe("schedules that are no host's", () => {
  it.each(["fair", "priority"] as const)("%s: nothing certain is wrong", { timeout: 60_000 }, async (schedule) => {
    for (const lose of [0, 1]) {
      const { result } = await agreement(
        await record({ scenario: "page-removal", schedule, lose, runs: CAMPAIGN ? 80 : 10 }),
      );
      expect(result.certainWrong).toBe(0);
      if (lose === 0) expect(result.noneOfThese).toBe(0);
      expect(result.known).toBeGreaterThan(CAMPAIGN ? 50 : 5);
    }
  });
});

it("a scenario of instructions has nothing to record, and another module's modes are told", async () => {
  await expect(record({ scenario: "lock/sharex" })).rejects.toMatchObject({ code: "SL7004" });
  await expect(record({ scenario: YARDSTICK, runs: 3 })).rejects.toMatchObject({ code: "SL7005" });
});
