/** A recording against a host profile. */
import { describe, expect, it } from "vitest";
import { loadHost } from "../../src/cli/hosts.ts";
import { Recording } from "../../src/trace/index.ts";
import { agreement, catalogOf, record } from "./recorded.ts";

const profile = async () => (await loadHost("linux-6.19")).profile;

/** Calls of one TD as NDJSON: leaf, CPU, begin and end in ns after a second, and fields. */
async function read(
  calls: readonly (readonly [leaf: string, cpu: number, begin: number, end: number, more?: object])[],
) {
  const catalog = await catalogOf("1.5.25");
  const recording = new Recording({ catalog, host: await profile() });
  const at = (ns: number): number => 1e9 + ns;
  const line = (value: object): void => recording.push(`${JSON.stringify(value)}\n`);
  line({ recording: "seamlock@1", began: 0, leaves: catalog.leaves.map(({ name }) => name) });
  for (const [leaf, cpu, begin, end, more = {}] of calls) {
    line({ call: leaf, at: [at(begin), at(end)], cpu, tid: 100 + cpu, td: "0x10", status: "0x0", ...more });
  }
  line({ ended: 3e9 });
  return recording.finish();
}

const TREE_BUSY = "0x8000020000000092";
const entry = { gpa: "0x1000", level: 0 };

describe("under its own profile nothing surprises", () => {
  it.each(["page-removal", "td-build", "td-teardown"])("%s", { timeout: 60_000 }, async (scenario) => {
    const { document } = await agreement(
      await record({ scenario, runs: process.env["SEAMLOCK_CAMPAIGN"] === undefined ? 4 : 40 }),
      undefined,
      { host: await profile() },
    );
    expect(document.host).toBe("linux-6.19");
    expect(document.surprises).toEqual([]);
  });
});

it("two calls that the profile keeps apart by a lock are a surprise when they are in flight at once", async () => {
  const found = await read([
    ["tdh_mem_range_block", 0, 0, 5000, entry],
    ["tdh_mem_page_aug", 1, 3000, 6000, { gpa: "0x2000", level: 0, page: "0x99" }],
  ]);
  expect(found.busy.count).toBe(0);
  expect(found.surprises).toHaveLength(1);
  expect(found.surprises[0]).toMatchObject({ kind: "meeting", resource: "SEPT_TREE", count: 1 });
  expect(found.surprises[0]?.excludedBy).toContain("kvm->mmu_lock");
});

it("calls of different TDs, or one after the other, are none", async () => {
  const other = { gpa: "0x2000", level: 0, page: "0x99", td: "0x20" };
  const apart = await read([
    ["tdh_mem_range_block", 0, 0, 5000, entry],
    ["tdh_mem_page_aug", 1, 3000, 6000, other],
    ["tdh_mem_page_aug", 1, 7000, 8000, { ...other, td: "0x10" }],
  ]);
  expect(apart.surprises).toEqual([]);
});

it("a TDCALL that the profile does not name is none: a guest may make it", async () => {
  const guest = ["tdg_servtd_rd", 0, 0, 5000] as const;
  const found = await read([guest, ["tdh_mng_key_config", 1, 3000, 6000]]);
  expect(found.surprises).toEqual([]);
});

it("a line that is there twice is no meeting of two calls", async () => {
  const twice = ["tdh_mem_range_block", 0, 0, 5000, entry] as const;
  expect((await read([twice, twice])).surprises).toEqual([]);
  const [leaf, , ...rest] = twice;
  expect((await read([twice, [leaf, 1, ...rest]])).surprises).toMatchObject([{ kind: "meeting" }]);
});

it("a BUSY against a call that the profile excludes is a surprise, and retries that it does not have", async () => {
  const tries = Array.from({ length: 20 }, (_, i) => {
    const begin = 3000 + 100 * i;
    return ["tdh_mem_range_block", 1, begin, begin + 50, { ...entry, status: TREE_BUSY }] as const;
  });
  const found = await read([
    ...tries,
    ["tdh_mem_range_block", 1, 6000, 6100, entry],
    ["tdh_mem_page_aug", 0, 0, 5500, { gpa: "0x2000", level: 0, page: "0x99" }],
  ]);
  expect(found.busy).toMatchObject({ count: 20, byCertainty: { certain: 20 } });
  expect(found.surprises.map(({ kind }) => kind).sort()).toEqual(["busy", "meeting", "reaction"]);
  expect(found.surprises.find(({ kind }) => kind === "reaction")?.what).toContain("tried again 20 times");
  expect(found.episodes).toMatchObject({ count: 1, outcomes: { done: 1 }, tries: { 21: 1 } });
  expect(found.neverSeen).toContain("KVM_TDX_FINALIZE_VM");
});
