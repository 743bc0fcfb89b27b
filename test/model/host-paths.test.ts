import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { compareWithMet, hostContention } from "../../src/analysis/index.ts";
import { type Leaf, parseCatalog, releasePlace } from "../../src/catalog/index.ts";
import { check } from "../../src/check/index.ts";
import { type HostProfile, parseHost } from "../../src/host/index.ts";
import { buildModel, parseScenario } from "../../src/model/index.ts";
import { leaf, row, smallCatalog, until } from "../catalog/fixture.ts";
import { handHost } from "../host/profile.ts";

const data = join(import.meta.dirname, "../../data");
const read = (file: string): string => readFileSync(join(data, file), "utf8");
const catalog = (version: string) => parseCatalog(read(`modules/${version}.json`), version);
/** Of 6.19 the profile that was written by hand: one path for each command, so that all runs are few enough. */
const host = (name: string) =>
  name === "linux-6.19" ? handHost(name) : parseHost(read(`hosts/${name}.yaml`), name).profile;

type Row = ReturnType<typeof row>;

/** The profile with some of its paths only. */
const only = (profile: HostProfile, ...starts: string[]): HostProfile => ({
  ...profile,
  paths: profile.paths.filter(({ name }) => starts.some((start) => name.startsWith(start))),
});

type Holds = HostProfile["paths"][number]["holds"];

/** The same without a host lock. */
const without = (profile: HostProfile, lock: string): HostProfile =>
  holding(profile, (holds) => (holds ?? []).filter((use) => (typeof use === "string" ? use : use.lock) !== lock));

/** The same, but the lock is some other VM's at every call. */
const others = (profile: HostProfile, lock: string): HostProfile =>
  holding(profile, (holds) =>
    (holds ?? []).map((use) => {
      const full = typeof use === "string" ? { lock: use } : use;
      return full.lock === lock ? { ...full, of: "other" as const } : use;
    }),
  );

const holding = (profile: HostProfile, kept: (holds: Holds) => Holds): HostProfile => {
  const paths = profile.paths.map((path) => ({
    ...path,
    holds: kept(path.holds),
    steps: path.steps.map((step) => ({ ...step, holds: kept(step.holds) })),
  }));
  return { ...profile, paths };
};

function compared(version: string, profile: HostProfile, phases: string, ...more: string[]) {
  const overrides = [`phases=[${phases}]`, ...more].map((one) => {
    const [path = "", value = ""] = one.split("=");
    return { path, value, from: "--set" };
  });
  const scenario = parseScenario(read("scenarios/td-build.yaml"), "td-build.yaml", overrides);
  const facts = catalog(version);
  const result = check(buildModel(scenario, { catalog: () => facts, host: () => profile }));
  return { result, rows: compareWithMet(hostContention(facts, profile).pairs, result.busy) };
}

const pair = ({ a, b, resource }: { a: string; b: string; resource: string }) => `${a} ${b} ${resource}`;
const differing = (rows: ReturnType<typeof compareWithMet>) =>
  rows.filter(({ possible, met }) => possible !== met).map(pair);
const RUNNING = ["KVM_RUN enter", "EPT violation fault-in", "zap leaf: guest_memfd punch hole"];

describe("what the analysis leaves possible is what some run meets", () => {
  it.each([
    ["1.5.05", "linux-6.19"],
    ["1.5.25", "linux-7.3"],
    ["1.5.05", "patch-v1-2024-09"],
    ["1.5.05", "proposal-report-2024-09"],
  ])("while a TD runs, module %s, host %s", (version, name) => {
    const { rows } = compared(version, only(host(name), ...RUNNING), "runtime");
    expect(differing(rows)).toEqual([]);
    expect(rows.length).toBeGreaterThan(3);
  });

  it("while a TD is built, with a page query of another VM beside it", () => {
    const profile = only(host("linux-6.19"), "KVM_TDX_INIT_VM", "KVM_TDX_FINALIZE_VM", "machine-check");
    const { rows } = compared("1.5.25", profile, "init,build", "otherVm=true");
    expect(differing(rows)).toEqual([]);
    expect(rows.map(pair)).toContain("tdh_mng_create tdh_phymem_page_rdmd TDR");
  });

  it("under a host that lacks mmu_lock both find more; only what the entry's state rules out is the analysis' alone to know", () => {
    const profile = only(host("linux-6.19"), ...RUNNING);
    const usual = compared("1.5.05", profile, "runtime").rows;
    const bare = compared("1.5.05", without(profile, "kvm->mmu_lock"), "runtime").rows;
    const byState = bare.filter(({ excludedBy }) => excludedBy.some(({ kind }) => kind === "sept-state")).map(pair);
    expect(byState.length).toBeGreaterThan(0);
    expect(differing(bare)).toEqual(byState);
    expect(bare.map(pair)).toEqual(expect.arrayContaining(usual.map(pair)));
    expect(compared("1.5.05", others(profile, "kvm->mmu_lock"), "runtime").rows).toEqual(bare);
    expect(bare.map(pair)).toContain("tdh_mem_page_aug tdh_mem_range_block SEPT_TREE");
    expect(usual.map(pair)).not.toContain("tdh_mem_page_aug tdh_mem_range_block SEPT_TREE");
  });
});

describe("rows of a call", () => {
  it("that are taken once for each L2 VM are left out, and no others that are taken more than once", () => {
    const usual = only(host("linux-6.19"), "KVM_RUN enter");
    const calls = ["tdh_export_blockw", "tdh_mem_sept_add"];
    const steps = calls.map((call) => ({ call, onBusy: [{ do: ["refault"] }] }));
    const path = { name: "migration", per: "vm" as const, phases: ["runtime"], sources: ["made up"], steps };
    const { result } = compared("1.5.25", { ...usual, paths: [...usual.paths, path] }, "runtime");
    const met = result.busy.map(({ leaf, resource, holders }) => `${leaf} ${resource} ${holders.join()}`);
    expect(met.some((one) => one.startsWith("tdh_export_blockw SEPT_ENTRY"))).toBe(true);
    expect(result.neverRan.filter(({ label }) => label.includes("per L2 VM"))).toEqual([]);
  });
});

describe("a call that one run makes on several CPUs at once", () => {
  const teardown = only(host("linux-6.19"), "VM teardown: hkid");
  const written = (onEach: "cpu" | "package" | undefined): HostProfile => ({
    ...teardown,
    paths: teardown.paths.map((path) => ({
      ...path,
      steps: path.steps
        .filter((step) => step.call !== "tdh_phymem_cache_wb" || step.onEach === "cpu")
        .map(({ onEach: own, ...step }) => (own === undefined || onEach === undefined ? step : { ...step, onEach })),
    })),
  });

  it.each([
    ["cpu", ["tdh_phymem_cache_wb tdh_phymem_cache_wb WBT"]],
    ["package", []],
    [undefined, []],
  ] as const)("on each %s", (onEach, wbt) => {
    const profile = written(onEach);
    const { rows, result } = compared("1.5.25", profile, "teardown", "concurrent=3");
    expect(rows.filter(({ resource, possible }) => resource === "WBT" && possible).map(pair)).toEqual(wbt);
    expect(differing(rows)).toEqual([]);
    expect(result.outcome.kind).toBe("holds");
    const { pairs } = hostContention(catalog("1.5.25"), profile);
    const apart = pairs.filter(({ a, b, resource }) => resource === "WBT" && a === b && a === "tdh_phymem_cache_wb");
    expect(apart.map(({ possible }) => possible)).toEqual([wbt.length > 0]);
  });
});

describe("what a machine does for all its VMs", () => {
  it("holds for each vCPU that it flushes what belongs to that vCPU", () => {
    const { result, rows } = compared("1.5.25", only(host("linux-7.3"), "shutdown", "vcpu load"), "runtime");
    expect(result.outcome.kind).toBe("holds");
    expect(result.busy).toEqual([]);
    expect(differing(rows)).toEqual([]);
  });

  it("once at a time, it does not do beside itself for another VM", () => {
    const { result, rows } = compared("1.5.25", only(host("linux-7.3"), "TDX start"), "init", "otherVm=true");
    expect(result.busy).toEqual([]);
    expect(differing(rows)).toEqual([]);
  });
});

describe("an extracted host", () => {
  const extracted = host("linux-7.3");
  const update = "TDX module update";

  it("is left without the calls that the module does not have; written by hand, they are misspelt", () => {
    const profile = only(extracted, update, "KVM_TDX_FINALIZE_VM");
    const called = profile.paths.flatMap(({ steps }) => steps.map(({ call }) => call));
    expect(called).toContain("p_seamldr_install");
    const { rows } = compared("1.5.25", profile, "build");
    expect(differing(rows)).toEqual([]);
    const { extracted: _, ...byHand } = profile;
    expect(() => compared("1.5.25", byHand, "build")).toThrow("p_seamldr_install");
  });
});

describe("locks whose order is not known", () => {
  it("are never waited for in a circle", () => {
    const profile = only(host("linux-7.3"), "KVM_RUN pre-entry", "vcpu load", "sched-in", "zap leaf: memslot");
    const { result, rows } = compared("1.5.25", profile, "build,runtime");
    expect(result.violations.map(({ property }) => property)).not.toContain("deadlock");
    expect(differing(rows)).toEqual([]);
  });
});

describe("a host that kicks", () => {
  it("after a BUSY never sees another one from a vCPU, so that none ends the VM", () => {
    const profile = only(host("linux-6.19"), ...RUNNING);
    expect(compared("1.5.05", profile, "runtime").result.outcome.kind).toBe("holds");
    const once = {
      ...profile,
      paths: profile.paths.map((path) => ({
        ...path,
        steps: path.steps.map((step) => ({ ...step, onBusy: [{ do: ["retry:1", "bug-vm"] }] })),
      })),
    };
    expect(compared("1.5.05", once, "runtime").result.outcome.kind).toBe("violated");
  });

  it("before the first call meets no vCPU in a removal", () => {
    const { rows } = compared("1.5.05", only(host("proposal-report-2024-09"), ...RUNNING), "runtime");
    const removal = ["tdh_mem_range_block", "tdh_mem_track", "tdh_mem_page_remove"];
    expect(rows.filter(({ a, b }) => removal.includes(a) || removal.includes(b))).toEqual([]);
  });
});

describe("a comparison", () => {
  const pairs = hostContention(catalog("1.5.05"), host("linux-6.19")).pairs;

  it("shows what is never met, and what is met though excluded", () => {
    const met = [{ leaf: "tdh_mem_track", resource: "TDCS_EPOCH", holders: ["tdh_vp_enter"] }];
    const rows = compareWithMet(pairs, [
      ...met,
      { leaf: "tdh_mng_init", resource: "TDR", holders: ["tdh_mng_key_config"] },
    ]);
    const row = (a: string, b: string) => rows.find((one) => one.a === a && one.b === b);
    expect(row("tdh_mem_track", "tdh_vp_enter")).toMatchObject({ possible: true, met: true });
    expect(row("tdh_mem_range_block", "tdh_vp_enter")).toMatchObject({ possible: true, met: false });
    expect(row("tdh_mng_init", "tdh_mng_key_config")).toMatchObject({ possible: false, met: true });
    expect(row("tdh_mng_init", "tdh_mng_key_config")?.excludedBy.length).toBeGreaterThan(0);
  });
});

describe("small hosts, on a module of one call", () => {
  const exclusive = (...resources: string[]) => resources.map((name) => row(name, "EXCLUSIVE"));
  type Path = Partial<HostProfile["paths"][number]>;
  type Step = Partial<HostProfile["paths"][number]["steps"][number]>;
  /** The locks on which the calls of such paths meet. */
  const met = (
    resources: ReturnType<typeof exclusive>,
    paths: readonly (Path & { readonly step?: Step })[],
  ): string[] => metBy([leaf("tdh_x", 1, resources)], paths);
  function metBy(
    leaves: ReturnType<typeof leaf>[],
    paths: readonly (Path & { readonly step?: Step })[],
    guest: string[] = [],
    overrides: readonly string[] = [],
  ): string[] {
    const { busy } = check(modelOf(leaves, paths, guest, overrides));
    return [...new Set(busy.map(({ resource }) => resource ?? ""))].sort();
  }
  function modelOf(
    leaves: ReturnType<typeof leaf>[],
    paths: readonly (Path & { readonly step?: Step })[],
    guest: string[],
    overrides: readonly string[] = [],
  ) {
    const facts = smallCatalog({ leaves });
    const profile: HostProfile = {
      schema: "seamlock/host@1",
      name: "small",
      description: "a small host",
      sources: ["x"],
      guest: { calls: guest },
      phases: [
        { name: "first", what: "x" },
        { name: "second", what: "x", singleThreaded: true },
      ],
      locks: [
        { name: "own", kind: "mutex", per: "vcpu" },
        { name: "of a package", kind: "mutex", per: "package" },
        { name: "of a VM", kind: "mutex", per: "vm" },
      ],
      paths: paths.map(({ step, ...path }, i) => ({
        name: `P${i}`,
        per: "vm",
        phases: ["first"],
        sources: ["x"],
        steps: [{ call: "tdh_x", onBusy: [{ do: ["ignore"] }], ...step }],
        ...path,
      })),
    };
    const set = ["phases=[first, second]", ...overrides].map((one) => {
      const [path = "", value = ""] = one.split("=");
      return { path, value, from: "--set" };
    });
    const scenario = parseScenario(read("scenarios/td-build.yaml"), "td-build.yaml", set);
    return buildModel(scenario, { catalog: () => facts, host: () => profile });
  }

  it("name each vCPU where a path works for none, or may name any", () => {
    const rows = exclusive("TDVPR", "TDCS_EPOCH");
    const both = ["TDCS_EPOCH", "TDVPR"];
    expect(met(rows, [{}])).toEqual(both);
    expect(met(rows, [{ per: "vcpu", holds: ["own"] }])).toEqual(["TDCS_EPOCH"]);
    // Each holds its own, and names another's.
    expect(met(rows, [{ per: "vcpu", holds: ["own"], step: { vcpu: "any" } }])).toEqual(both);
    const target = { lock: "own", of: "target" as const };
    expect(met(rows, [{ per: "vcpu", holds: [target], step: { vcpu: "any" } }])).toEqual(["TDCS_EPOCH"]);
    expect(met(rows, [{ per: "machine", holds: [target], step: { vcpu: "any" } }])).toEqual(["TDCS_EPOCH"]);
  });

  it("name each a vCPU of their own where one run calls on several CPUs at once", () => {
    const each = (vcpu: "any" | "self") => ({ atMostOne: "vm" as const, step: { onEach: "cpu" as const, vcpu } });
    expect(met(exclusive("TDVPR", "TDCS_EPOCH"), [each("any")])).toEqual(["TDCS_EPOCH", "TDVPR"]);
  });

  it("hold for each of several calls at once the lock of the package that it names", () => {
    const each = { atMostOne: "vm" as const, step: { onEach: "cpu" as const } };
    expect(met(exclusive("WBT"), [each])).toEqual(["WBT"]);
    expect(met(exclusive("WBT"), [{ ...each, holds: [{ lock: "of a package", of: "target" }] }])).toEqual([]);
  });

  it("are made by one thread in the phase that has but one, in others by many", () => {
    const rows = exclusive("TDCS");
    expect(met(rows, [{ phases: ["second"] }])).toEqual([]);
    expect(met(rows, [{ phases: ["first", "second"] }])).toEqual(["TDCS"]);
    expect(
      met(
        rows,
        [{ phases: ["first", "second"] }, { phases: ["second"] }].map((path) => ({
          ...path,
          atMostOne: "vm" as const,
        })),
      ),
    ).toEqual([]);
    // Of two that began before, one can be under way when it begins.
    expect(met(rows, [{ phases: ["first", "second"], step: { phases: ["second"] } }])).toEqual([]);
    expect(met(rows, [{ phases: ["second"], per: "machine" }])).toEqual(["TDCS"]);
    // Outlasts the first phase, when that thread is at its call.
    expect(met(rows, [{ overruns: ["second"], atMostOne: "vm" }, { phases: ["second"] }])).toEqual(["TDCS"]);
  });

  it("do not last into a phase in which the step does not run", () => {
    const paths = (phases: string[]) => [
      { phases: ["first", "second"], per: "machine" as const, atMostOne: "vm" as const, step: { phases } },
      { phases: ["second"], per: "machine" as const, atMostOne: "vm" as const },
    ];
    expect(met(exclusive("TDCS"), paths(["first"]))).toEqual([]);
    expect(met(exclusive("TDCS"), paths(["second"]))).toEqual(["TDCS"]);
  });

  it("let a guest do without a lock that it takes on a condition only", () => {
    const enter = leaf("tdh_x", 0, [until("td-exit", row("TDVPR", "SHARED"))]);
    const met = (when: string | null): string[] => {
      const taken = ["TDCS", "RTMR"].map((name) => row(name, "EXCLUSIVE", { side: "guest" as const }));
      const guest = leaf("tdg_y", 1, [{ ...(taken[0] as (typeof taken)[number]), when }, ...taken.slice(1)]);
      return [...metBy([enter, guest], [{ per: "vcpu" }], ["tdg_y"])];
    };
    expect(met("x")).toEqual(["RTMR", "TDCS"]);
    expect(met(null)).toEqual(["TDCS"]);
  });

  describe("give locks back", () => {
    const inTurn = (names: readonly string[], sequence: readonly number[] = names.map((_, i) => names.length - i)) =>
      names.map((name, order) =>
        row(name, "EXCLUSIVE", {
          order,
          release: { ...releasePlace("leaf-exit"), order: names.length, sequence: sequence[order] ?? 0, evidence: [] },
        }),
      );
    /** The locks on which a call meets another one, which takes its own in this order. */
    const metBeside = (call: ReturnType<typeof leaf>, ...other: string[]): string[] => {
      const steps = ["tdh_x", "tdh_y"].map((name) => ({ step: { call: name }, atMostOne: "vm" as const }));
      return metBy([call, leaf("tdh_y", 2, inTurn(other))], steps);
    };

    it("where a check does not pass, though nobody holds the next lock", () => {
      const rows = inTurn(["TDR", "TDCS", "RTMR"]);
      const other: Leaf["releaseOrders"] = [
        { end: "busy", refused: 2, locks: [0, 1] },
        { end: "other", locks: [0, 1] },
      ];
      expect(metBeside(leaf("tdh_x", 1, rows, { releaseOrders: other }), "TDR", "TDCS")).toEqual(["TDCS", "TDR"]);
      expect(metBeside(leaf("tdh_x", 1, rows), "TDR", "TDCS")).toEqual(["TDR"]);
    });

    it("then also where all calls do so in one order, which is not that of the last one first", () => {
      const first = leaf("tdh_x", 1, inTurn(["TDR", "TDCS", "KOT"], [0, 1, 2]));
      expect(metBeside(first, "TDR", "KOT", "TDCS")).toEqual(["KOT", "TDCS", "TDR"]);
      const last = leaf("tdh_x", 1, inTurn(["TDR", "TDCS", "KOT"]));
      expect(metBeside(last, "TDR", "KOT", "TDCS")).toEqual(["TDR"]);
    });

    it("in the orders of all calls that may hold what is left out here", () => {
      // Nobody takes the third one EXCLUSIVE.
      const rows = inTurn(["TDR", "TDCS", "RTMR"]).map((one, i) => (i < 2 ? one : { ...one, mode: "SHARED" as const }));
      const told = (first: readonly number[]): Leaf["releaseOrders"] => [
        { end: "other", locks: [...first, 2] },
        { end: "other", locks: [1, 0] },
      ];
      expect(metBeside(leaf("tdh_x", 1, rows, { releaseOrders: told([0, 1]) }), "TDR", "TDCS")).toContain("TDCS");
      expect(metBeside(leaf("tdh_x", 1, rows, { releaseOrders: told([1, 0]) }), "TDR", "TDCS")).toEqual(["TDR"]);
    });

    it("in those of a call for another VM, of which no lock of its TD is there", () => {
      const releaseOrders: Leaf["releaseOrders"] = [
        { end: "other", locks: [1, 2, 0] },
        { end: "other", locks: [2, 1] },
      ];
      const failing = (told: Leaf["releaseOrders"]): string[] => {
        const x = leaf("tdh_x", 1, inTurn(["TDR", "KOT", "WBT"]), { releaseOrders: told });
        const { processes } = modelOf([x], [{ step: { call: "tdh_x" } }], [], ["otherVm=true"]);
        const labels = processes.flatMap((process) => process.labels.map(({ name }) => name));
        return labels.filter((name) => name.includes("another VM") && name.endsWith("[KOT WBT] fails"));
      };
      expect(failing(releaseOrders)).toHaveLength(1);
      expect(failing(releaseOrders?.slice(1))).toEqual([]);
    });

    it("in no step that shows nothing new, and in none twice", () => {
      const [tdcs, rtmr, kot] = inTurn(["TDCS", "RTMR", "KOT"], [0, 1, 2]) as [Row, Row, Row];
      const early = {
        ...tdcs,
        when: "x",
        release: { ...releasePlace("leaf-exit"), order: 1, sequence: 9, evidence: [] },
      };
      const enter = leaf("tdh_x", 0, [until("td-exit", row("TDVPR", "SHARED"))]);
      const guest = leaf("tdg_y", 1, [early, rtmr], { side: "guest" });
      const { processes } = modelOf(
        [enter, guest, leaf("tdh_z", 2, [tdcs, rtmr]), leaf("tdh_w", 3, [tdcs, rtmr, kot])],
        ["tdh_x", "tdh_z", "tdh_w"].map((name) => ({ per: "vcpu", step: { call: name } })),
        ["tdg_y"],
      );
      const labels = processes.flatMap((process) => process.labels);
      for (const { name, steps } of labels)
        expect([name, new Set(steps.map((s) => JSON.stringify(s))).size]).toEqual([name, steps.length]);
      // With all its locks a call fails as it succeeds; with the first two of three it does not.
      const failing = labels.filter(({ steps }) => steps.some(({ meta }) => meta.note === "a check does not pass"));
      expect(failing.map(({ name }) => name.replace(/.*(\d \[.*)/, "$1"))).toEqual(["2 [TDCS RTMR]"]);
    });

    it("inside a guest alike", () => {
      const enter = leaf("tdh_x", 0, [until("td-exit", row("TDVPR", "SHARED"))]);
      const met = (...rows: Row[]): string[] =>
        metBy([enter, leaf("tdg_y", 1, rows, { side: "guest" })], [{ per: "vcpu" }], ["tdg_y"]);
      const [tdcs, rtmr] = inTurn(["TDCS", "RTMR"]).map((one) => ({ ...one, side: "guest" as const })) as [Row, Row];
      expect(met(tdcs, rtmr)).toEqual(["TDCS"]);
      // As extracted: what goes before the next lock is taken, goes before it here.
      const early = { ...tdcs, release: { ...releasePlace("leaf-exit"), order: 1, sequence: 9, evidence: [] } };
      expect(met(early, rtmr)).toEqual(["RTMR", "TDCS"]);
      const guest = leaf("tdg_y", 1, [tdcs, rtmr], { side: "guest", releaseOrders: [{ end: "other", locks: [0, 1] }] });
      expect(metBy([enter, guest], [{ per: "vcpu" }], ["tdg_y"])).toEqual(["RTMR", "TDCS"]);
    });
  });

  it("may name a control page that all others share", () => {
    const facts = [row("TDR", "SHARED", { when: "x" }), row("PAGE", "EXCLUSIVE", { role: "to-reclaim", when: "x" })];
    expect(met(facts, [{}])).toEqual(["PAGE", "TDR"]);
    expect(met([row("TDR", "SHARED"), row("PAGE", "EXCLUSIVE", { role: "to-add" })], [{}])).toEqual(["PAGE"]);
  });
});
