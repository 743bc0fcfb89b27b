import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseCatalog } from "../../src/catalog/index.ts";
import { type BusyEntry, check, verifyReduction } from "../../src/check/index.ts";
import { parseHost } from "../../src/host/index.ts";
import type { Model, Step } from "../../src/language/index.ts";
import { buildModel, parseScenario } from "../../src/model/index.ts";
import { simulate } from "../../src/simulate/index.ts";
import { handHost } from "../host/profile.ts";

const data = join(import.meta.dirname, "../../data");
const catalog = (version: string) => parseCatalog(readFileSync(join(data, `modules/${version}.json`), "utf8"), version);
const ALL_EXTRACTED = [
  "1.5.01",
  "1.5.05",
  "1.5.06",
  "1.5.08",
  "1.5.09",
  "1.5.13",
  "1.5.16",
  "1.5.20",
  "1.5.24",
  "1.5.25",
];

function scenario(name: string, settings: Readonly<Record<string, string>> = {}) {
  const file = join(data, `scenarios/${name}.yaml`);
  const overrides = Object.entries(settings).map(([path, value]) => ({ path, value, from: "--set" }));
  return parseScenario(readFileSync(file, "utf8"), file, overrides);
}

function build(name: string, version: string, settings: Readonly<Record<string, string>> = {}): Model {
  return buildModel(scenario(name, settings), {
    catalog: () => catalog(version),
    host: () =>
      settings["host"] === undefined
        ? handHost("linux-6.19")
        : parseHost(readFileSync(join(data, `hosts/${settings["host"]}.yaml`), "utf8"), "host").profile,
  });
}

const small = { vcpus: "2", pages: "1" };
const verdict = (version: string, settings: Readonly<Record<string, string>>) =>
  check(build("page-removal", version, { ...small, ...settings })).outcome.kind;
const SHUT_DOWN = "nobody releases a SEPT entry that is not locked (sanity check 8)";
/** Every refused call, with what it wanted, its status, and one of those who had it. */
const met = (busy: readonly BusyEntry[]) =>
  busy
    .flatMap(({ leaf, resource, status, holders, unheld }) =>
      [...holders, ...(unheld ? ["nobody"] : [])].map((holder) => `${leaf} ${resource} ${status} ${holder}`),
    )
    .sort();
const pairs = (busy: readonly BusyEntry[]) =>
  busy.flatMap(({ leaf, resource, holders }) => holders.map((holder) => `${leaf} ${resource} ${holder}`));

describe("locks that a scenario leaves out", () => {
  it("may be held or not where a call gives back what it has", () => {
    const real = catalog("1.5.05");
    const leaves = real.leaves.map((one) => {
      if (one.name !== "tdh_mem_page_remove") return one;
      const taken = one.acquisitions.flatMap(({ order, resource }) => (order == null ? [] : [{ order, resource }]));
      const locks = taken.map(({ order }) => order);
      const without = taken.filter(({ resource }) => resource !== "PAMT_2M").map(({ order }) => order);
      return {
        ...one,
        releaseOrders: [locks, without.reverse()].map((all) => ({ end: "other" as const, locks: all })),
      };
    });
    const [all, host] = [{ ...real, leaves }, handHost("linux-6.19")];
    const { processes } = buildModel(scenario("page-removal", small), { catalog: () => all, host: () => host });
    const labels = processes.flatMap((process) => process.labels.map(({ name }) => name));
    expect(labels.filter((name) => name.includes(" or "))).not.toEqual([]);
  });
});

describe("page removal", () => {
  const FAILS = "a removal never fails";
  const broken = (version: string, settings: Readonly<Record<string, string>>) =>
    check(build("page-removal", version, { ...small, ...settings })).violations.map(({ property }) => property);

  it.each(ALL_EXTRACTED)("of module %s: fail-fast and retry-n break, both kinds of kick hold", (version) => {
    expect(broken(version, { "removal.policy": "fail-fast" })).toContain(FAILS);
    expect(broken(version, { "removal.policy": "retry-n", "removal.retries": "1" })).toContain(FAILS);
    const losesLocks = version === "1.5.20";
    expect(broken(version, { "removal.policy": "kick-first" })).toEqual(losesLocks ? [SHUT_DOWN] : []);
    // A guest whose lock was wiped can undo what the host writes next.
    expect(broken(version, { "removal.policy": "kick-on-busy" })).toEqual(losesLocks ? [SHUT_DOWN, FAILS] : []);
  });

  it.each(["0", "1", "2", "5"])("breaks with %s retries", (retries) => {
    expect(verdict("1.5.05", { "removal.policy": "retry-n", "removal.retries": retries, vcpus: "1" })).toBe("violated");
  });

  it("of 1.5.05 meets the contentions of the published summary", () => {
    const { busy } = check(build("page-removal", "1.5.05", small));
    expect(pairs(busy)).toEqual(
      expect.arrayContaining([
        "tdh_mem_track TDCS_EPOCH tdh_vp_enter",
        "tdh_mem_range_block SEPT_TREE tdh_vp_enter",
        "tdh_mem_page_remove SEPT_TREE tdh_vp_enter",
        "tdh_mem_range_block SEPT_ENTRY tdg_mem_page_accept",
        "tdh_mem_page_remove SEPT_ENTRY tdg_mem_page_accept",
      ]),
    );
  });

  it("of 1.5.25 shares the SEPT tree between entry and removal, so that only blocking meets it", () => {
    const busy = pairs(check(build("page-removal", "1.5.25", small)).busy);
    expect(busy).toContain("tdh_mem_range_block SEPT_TREE tdh_vp_enter");
    expect(busy).not.toContain("tdh_mem_page_remove SEPT_TREE tdh_vp_enter");
  });

  // What a model finds that was written a second time, apart from this one, from the source of 1.5.05 and 1.5.25.
  describe("by a second model", () => {
    const [RCX, TREE, EPOCH] = ["0x8000020000000001", "0x8000020000000092", "0x80000200000000A9"];
    const ofAccepts = [
      `tdg_mem_page_accept SEPT_ENTRY ${RCX} nobody`,
      `tdg_mem_page_accept SEPT_ENTRY ${RCX} tdg_mem_page_accept`,
      `tdg_mem_page_accept SEPT_ENTRY ${RCX} tdh_mem_page_aug`,
      `tdh_mem_page_aug SEPT_ENTRY ${RCX} tdg_mem_page_accept`,
    ];
    const ofRemovals = [
      `tdg_mem_page_accept SEPT_ENTRY ${RCX} tdh_mem_page_remove`,
      `tdg_mem_page_accept SEPT_ENTRY ${RCX} tdh_mem_range_block`,
      `tdh_mem_page_remove SEPT_ENTRY ${RCX} tdg_mem_page_accept`,
      `tdh_mem_range_block SEPT_ENTRY ${RCX} tdg_mem_page_accept`,
      `tdh_mem_range_block SEPT_TREE ${TREE} tdh_vp_enter`,
      `tdh_mem_track TDCS_EPOCH ${EPOCH} tdh_vp_enter`,
      `tdh_vp_enter SEPT_TREE ${TREE} tdh_mem_range_block`,
      `tdh_vp_enter TDCS_EPOCH ${EPOCH} tdh_mem_track`,
    ];
    // Up to 1.5.16 entry under suspicion takes the tree exclusively.
    const exclusiveEntry = [
      `tdh_mem_page_aug SEPT_TREE ${TREE} tdh_vp_enter`,
      `tdh_vp_enter SEPT_TREE ${TREE} tdh_mem_page_aug`,
      `tdh_vp_enter SEPT_TREE ${TREE} tdh_vp_enter`,
    ];
    const andRemovals = [
      `tdh_mem_page_remove SEPT_TREE ${TREE} tdh_vp_enter`,
      `tdh_vp_enter SEPT_TREE ${TREE} tdh_mem_page_remove`,
    ];
    const alone: Readonly<Record<string, readonly string[]>> = {
      "1.5.05": [...ofAccepts, ...exclusiveEntry],
      "1.5.25": ofAccepts,
    };
    const all: Readonly<Record<string, readonly string[]>> = {
      "1.5.05": [...ofAccepts, ...ofRemovals, ...exclusiveEntry, ...andRemovals],
      "1.5.25": [...ofAccepts, ...ofRemovals],
    };
    const found = (version: string, settings: Readonly<Record<string, string>>) =>
      met(check(build("page-removal", version, { ...small, ...settings })).busy);

    it.each(["1.5.05", "1.5.25"])("who is BUSY on module %s, and whose lock it wants", (version) => {
      for (const policy of ["fail-fast", "retry-forever", "kick-on-busy"])
        expect(found(version, { "removal.policy": policy })).toEqual([...(all[version] ?? [])].sort());
      expect(found(version, { "removal.policy": "kick-first" })).toEqual([...(alone[version] ?? [])].sort());
    });

    it.each(["1.5.05", "1.5.25"])("a kick that nobody waits for keeps nobody from anything, module %s", (version) => {
      const settings = { "removal.policy": "kick-first", "removal.kick.waits": "false" };
      expect(found(version, settings)).toEqual([...(all[version] ?? [])].sort());
      // Its IPI still arrives, also in a TD that nothing else interrupts.
      const quiet = check(build("page-removal", version, { ...settings, ...small, guest: "[accept]" }));
      expect(quiet.neverRan.filter(({ note }) => note.includes("interrupt"))).toEqual([]);
    });
  });

  it.each([
    ["kick-first", { "removal.kick.waits": "false" }],
    ["kick-first", { "removal.kick.barUntil": "kicked" }],
    ["kick-first", { entryOrder: "check-then-mark" }],
    ["kick-on-busy", { "removal.kick.waits": "false" }],
    ["kick-on-busy", { "removal.kick.barUntil": "kicked" }],
    ["kick-on-busy", { "removal.kick.afterTrack": "false" }],
    ["kick-on-busy", { entryOrder: "check-then-mark" }],
  ])("%s breaks with %j", (policy, settings) => {
    expect(verdict("1.5.05", { "removal.policy": policy, ...settings })).toBe("violated");
  });

  it("kick-first needs no kick after tracking: nobody is in the TD", () => {
    expect(verdict("1.5.05", { "removal.policy": "kick-first", "removal.kick.afterTrack": "false" })).toBe("holds");
  });

  it.each(["fail-fast", "kick-first", "kick-on-busy"])("under %s: reductions are right", (policy) => {
    expect(
      verifyReduction(build("page-removal", "1.5.05", { ...small, "removal.policy": policy })).differences,
    ).toEqual([]);
  });

  it.each(["1.5.05", "1.5.25"])(
    "keeps its verdicts with pages of 2 MB, whose accept can stop half-way, module %s",
    (version) => {
      const large = { pageSize: "2M" };
      expect(broken(version, { ...large, "removal.policy": "fail-fast" })).toContain(FAILS);
      for (const policy of ["kick-first", "kick-on-busy"])
        expect(broken(version, { ...large, "removal.policy": policy })).toEqual([]);
      const model = build("page-removal", version, { ...small, ...large, "removal.policy": "kick-first" });
      const parts = model.processes[0]?.labels.filter(({ name }) => name.startsWith("accept in part"));
      expect(parts?.map(({ name }) => name)).toEqual(["accept in part unlock"]);
      expect(check(model).neverRan.filter(({ label }) => label.startsWith("accept in part"))).toEqual([]);
      expect(verifyReduction(model).differences).toEqual([]);
    },
  );

  it("keeps its verdicts when every lock is modelled", () => {
    expect(verdict("1.5.05", { "removal.policy": "kick-on-busy", locks: "all", vcpus: "1" })).toBe("holds");
    expect(verdict("1.5.05", { "removal.policy": "fail-fast", locks: "all", vcpus: "1" })).toBe("violated");
  });

  it("shows the three contentions of the published summary in simulation, the same for the same seed", () => {
    const runs = () => simulate(build("page-removal", "1.5.05"), { seed: 1, runs: 200 });
    const met = runs().busy.map(({ leaf, resource, holder }) => `${leaf} ${resource} ${holder}`);
    expect(met).toEqual(
      expect.arrayContaining([
        "tdh_mem_track TDCS_EPOCH tdh_vp_enter",
        "tdh_mem_range_block SEPT_TREE tdh_vp_enter",
        "tdh_mem_range_block SEPT_ENTRY tdg_mem_page_accept",
      ]),
    );
    expect({ ...runs(), seconds: 0 }).toEqual({ ...runs(), seconds: 0 });
  });
});

describe("zero-step", () => {
  const witness = (version: string, property: string) =>
    check(build("zero-step", version)).witnesses.find((one) => one.property === property)?.trace.steps ?? [];

  it("is suspected only after more faults at one instruction than the module's threshold", () => {
    const threshold = catalog("1.5.05").constants["STEPPING_EPF_THRESHOLD"] as number;
    const steps = witness("1.5.05", "zero-step is suspected");
    expect(steps.filter(({ label, next }) => label === "guest" && next === "fault exit").length).toBe(threshold + 1);
    expect(steps.at(-1)).toMatchObject({ label: "enter filter", note: "zero-step suspected" });
  });

  it("takes the SEPT tree lock exclusively up to 1.5.16 and shared from 1.5.20, and gives it back before entry", () => {
    const modes = (version: string) => {
      const tree = build("zero-step", version).processes[0]?.labels.find(({ name }) => name === "enter tree");
      return tree?.steps.map(({ meta }) => meta.mode);
    };
    expect(modes("1.5.05")).toEqual(["EXCLUSIVE", "EXCLUSIVE"]);
    expect(modes("1.5.25")).toEqual(["SHARED", "SHARED"]);
  });

  // 1.5.05: tdh_vp_enter.c:811 and 910 where no listed page would fault; td_exit_stepping.c:345, then tdh_vp_enter.c:955, where one would.
  it("keeps the tree until right before entry, when the OP_STATE is given back, and gives it back first when it does not enter", () => {
    const labels = build("zero-step", "1.5.05", { locks: "all" }).processes[0]?.labels ?? [];
    const stepsAt = (label: string): readonly Step[] => labels.find(({ name }) => name === label)?.steps ?? [];
    /** What is given back from a step on, until there is more than one way to go on. */
    const givenBackFrom = (step: Step | undefined): string[] => {
      if (step === undefined) return [];
      const own = step.meta.action === "release" ? [step.meta.resource ?? ""] : [];
      const next = stepsAt(step.next);
      return next.length === 1 ? [...own, ...givenBackFrom(next[0])] : own;
    };
    const [enters, ...refuses] = stepsAt("enter walk");
    expect(givenBackFrom(enters)).toEqual(["TDCS", "SEPT_TREE"]);
    expect(refuses.length).toBeGreaterThan(0);
    for (const step of refuses) expect(givenBackFrom(step).slice(0, 2)).toEqual(["SEPT_TREE", "TDCS"]);
  });

  it("resets on progress: with progress at every exit it is never suspected", () => {
    const model = build("zero-step", "1.5.05");
    const progress = {
      ...model,
      processes: model.processes.map((process) => ({
        ...process,
        labels: process.labels.map((label) => ({
          ...label,
          steps: label.steps.filter(({ meta }) => !/of the last entry|no progress/.test(meta.note ?? "")),
        })),
      })),
    };
    expect(check(progress as Model).vacuous).toContain("zero-step is suspected");
  });
});

describe("the other bundled scenarios", () => {
  it.each(["page-removal", "page-fault-in", "page-resize", "zero-step"])(
    "%s is refused for 1.0, which locks no entry",
    (name) => {
      for (const version of ["1.0.00", "1.0.01.01", "1.0.03"])
        expect(() => build(name, version)).toThrow(
          expect.objectContaining({ code: "SL4211", message: expect.stringContaining("locks no SEPT entry") }),
        );
    },
  );

  it("page-fault-in: two vCPUs fault pages in; a guest's accept and the host's mapping can meet BUSY", () => {
    const result = check(build("page-fault-in", "1.5.05", { pages: "1" }));
    expect(result.outcome.kind).toBe("holds");
    expect(pairs(result.busy)).toEqual(
      expect.arrayContaining([
        "tdh_mem_page_aug SEPT_TREE tdh_vp_enter",
        "tdg_mem_page_accept SEPT_ENTRY tdh_mem_page_aug",
      ]),
    );
  });

  it("td-teardown of Linux 6.19, as written by hand, keeps its calls apart, but for a page that is read: a vCPU's, which ends the VM", () => {
    const { outcome, busy } = check(build("td-teardown", "1.5.05"));
    expect(outcome.kind).toBe("violated");
    expect(pairs(busy)).toContain("tdh_vp_flush TDVPR tdh_phymem_page_rdmd");
    for (const { leaf, resource, holders } of busy)
      if (resource !== "WBT") expect([leaf, ...holders]).toContain("tdh_phymem_page_rdmd");
    const without = check(build("td-teardown", "1.5.05", { without: "[machine-check page query]" }));
    expect(without.outcome.kind).toBe("holds");
    // Where there is no memory for the mask of CPUs, caches are written back on every CPU at once.
    expect(pairs(without.busy)).toEqual(["tdh_phymem_cache_wb WBT tdh_phymem_cache_wb"]);
  });
});
