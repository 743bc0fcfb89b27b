import { describe, expect, test } from "vitest";
import {
  type ContendPair,
  diffHosts,
  hostContention,
  hostsDiffer,
  parseAllow,
  unaccepted,
} from "../../src/analysis/index.ts";
import { type HostPath, type HostProfile, type LockUse, parseHost } from "../../src/host/index.ts";
import { HOSTS, handHost, handSource, host, moduleNamed, OTHER } from "../host/profile.ts";

const catalog = moduleNamed("1.5.05");
const published = moduleNamed("lkml-2024-09-13");
const possible = (profile: HostProfile, of = catalog): ContendPair[] =>
  hostContention(of, profile).pairs.filter((p) => p.possible);
const resources = (profile: HostProfile): string[] => [...new Set(possible(profile).map((p) => p.resource))];
const text = (p: ContendPair): string => `${p.resource}: ${p.a} / ${p.b}`;
const unlike = (x: HostProfile, y: HostProfile): string[] => {
  const known = new Set(possible(x).map(text));
  return [...new Set(possible(y).map(text))].filter((t) => !known.has(t)).sort();
};
type Hand = "linux-6.16" | "linux-6.19";
/** A profile that was written by hand, with some text replaced, all occurrences. */
const mended = (name: Hand, from: string | RegExp, to: string): HostProfile => {
  const source = handSource(name);
  const changed = source.replaceAll(from, to);
  expect(changed).not.toBe(source);
  return parseHost(changed, `${name}.yaml`).profile;
};

/** Such a profile with some of its lock uses changed or, for null, removed. */
const withUses = (name: Hand, change: (use: LockUse, path: HostPath) => LockUse | null): HostProfile => {
  const profile = handHost(name);
  const uses = (path: HostPath, list: HostPath["holds"]): LockUse[] =>
    (list ?? []).flatMap((use) => change(typeof use === "string" ? { lock: use } : use, path) ?? []);
  const paths = profile.paths.map((path) => ({
    ...path,
    holds: uses(path, path.holds),
    steps: path.steps.map((step) => ({ ...step, holds: uses(path, step.holds) })),
  }));
  expect(paths).not.toEqual(profile.paths);
  return { ...profile, paths };
};

describe("the mail's conclusion, computed", () => {
  const v1 = host("patch-v1-2024-09");

  test("(5), (6) and (7) are possible and (2), (3), (4) and (8) avoided, as it says; (1) is not avoided while a TD is built", () => {
    expect(resources(v1)).toEqual(["TDR", "TDCS_EPOCH", "SEPT_TREE", "SEPT_ENTRY", "WBT", "RTMR"]);
    const tdr = possible(v1).filter((p) => p.resource === "TDR");
    const phases = tdr.flatMap((p) => p.paths.filter((x) => x.possible && !x.late).flatMap((x) => x.phases));
    expect(new Set(phases)).toEqual(new Set(["build"]));
  });

  test("at run time TDR is met only by paths that outlast their gate", () => {
    const running = possible(v1).flatMap((p) =>
      p.paths.filter((x) => x.possible && x.phases.includes("runtime") && p.resource === "TDR"),
    );
    expect(running.length).toBeGreaterThan(0);
    expect(running.every((x) => x.late)).toBe(true);
  });

  test("its three sentences are there, with the paths", () => {
    const found = possible(v1).map(text);
    expect(found).toContain("TDCS_EPOCH: tdh_mem_track / tdh_vp_enter");
    expect(found).toContain("SEPT_TREE: tdh_mem_page_remove / tdh_vp_enter");
    expect(found).toContain("SEPT_ENTRY: tdg_mem_page_accept / tdh_mem_range_block");
    const track = possible(v1).find((p) => text(p) === "TDCS_EPOCH: tdh_mem_track / tdh_vp_enter");
    expect(track?.paths.filter((x) => x.possible)).toHaveLength(5);
    expect(track?.paths[0]?.endA).toMatchObject({ severity: "retry", held: expect.arrayContaining(["kvm->mmu_lock"]) });
  });

  test("mmu_lock keeps the shared and the exclusive takers of the SEPT tree apart, and says so", () => {
    const pair = hostContention(catalog, v1).pairs.find(
      (p) => text(p) === "SEPT_TREE: tdh_mem_page_aug / tdh_mem_range_block",
    );
    expect(pair).toMatchObject({ possible: false, excludedBy: [{ kind: "host-lock", what: "kvm->mmu_lock" }] });
  });

  test("the published table gives the same resources, without what it does not speak of", () => {
    const found = new Set(possible(v1, published).map((p) => p.resource));
    for (const resource of ["TDCS_EPOCH", "SEPT_TREE", "SEPT_ENTRY"]) expect(found).toContain(resource);
    for (const resource of ["KOT", "TDCS", "TDVPR", "PAGE"]) expect(found).not.toContain(resource);
  });

  test("the proposal closes (5) and, of (6) and (7), what concerns the removal", () => {
    const proposal = host("proposal-report-2024-09");
    expect(resources(proposal)).toEqual(["TDR", "SEPT_TREE", "SEPT_ENTRY", "WBT", "RTMR"]);
    const removal = possible(proposal).filter((p) => /range_block|page_remove|track/.test(`${p.a} ${p.b}`));
    expect(removal.every((p) => p.resource === "TDR")).toBe(true);
    const pair = hostContention(catalog, proposal).pairs.find(
      (p) => text(p) === "TDCS_EPOCH: tdh_mem_track / tdh_vp_enter",
    );
    expect(pair?.excludedBy).toEqual([{ kind: "kick", what: "vCPUs kicked and barred" }]);
  });
});

describe("later kernels", () => {
  test("6.16 can lose a VM to two vCPUs being initialised at once; 6.19 cannot", () => {
    const meets = (name: Hand): boolean =>
      possible(handHost(name)).some((p) => text(p) === "TDR: tdh_vp_create / tdh_vp_init");
    expect(meets("linux-6.16")).toBe(true);
    expect(meets("linux-6.19")).toBe(false);
  });

  test("what 6.19 still has on TDR: zaps that do not take slots_lock, CPU offline, machine checks", () => {
    const tdr = possible(handHost("linux-6.19")).filter((p) => p.resource === "TDR");
    const paths = tdr.flatMap((p) => p.paths.filter((x) => x.possible).flatMap((x) => [x.a, x.b]));
    const others = /^(KVM_TDX|VM teardown: hkid release)/;
    expect(new Set(paths.filter((p) => !others.test(p)))).toEqual(
      new Set([
        "CPU offline / virtualization disable flush",
        "machine-check page query",
        "zap leaf: guest_memfd hwpoison (memory failure)",
        "zap leaf: guest_memfd punch hole",
      ]),
    );
  });

  test("a page, and TDVPR, is met only by the machine-check query", () => {
    for (const name of ["linux-6.16", "linux-6.19"] as const) {
      const pairs = possible(handHost(name)).filter((p) => p.resource === "PAGE" || p.resource === "TDVPR");
      expect(pairs.length).toBeGreaterThan(0);
      for (const p of pairs) expect([p.a, p.b]).toContain("tdh_phymem_page_rdmd");
    }
  });
});

describe("one fact changed", () => {
  test("a lock removed: tdx_lock, and the key ownership table is open", () => {
    const without = withUses("linux-6.19", (use) => (use.lock === "tdx_lock" ? null : use));
    expect(unlike(handHost("linux-6.19"), without)).toEqual([
      "KOT: tdh_mng_create / tdh_mng_create",
      "KOT: tdh_mng_create / tdh_mng_key_freeid",
      "KOT: tdh_mng_create / tdh_mng_vpflushdone",
      "KOT: tdh_mng_create / tdh_phymem_cache_wb",
      "KOT: tdh_mng_key_freeid / tdh_mng_key_freeid",
      "KOT: tdh_mng_key_freeid / tdh_mng_vpflushdone",
      "KOT: tdh_mng_key_freeid / tdh_phymem_cache_wb",
      "KOT: tdh_mng_vpflushdone / tdh_mng_vpflushdone",
      "KOT: tdh_mng_vpflushdone / tdh_phymem_cache_wb",
    ]);
  });

  test("a mode weakened: CPU hotplug held for reading while a CPU goes offline", () => {
    const weak = withUses("linux-6.19", (use) => (use.lock === "cpu_hotplug_lock" ? { ...use, mode: "shared" } : use));
    // The flush of a CPU that goes offline is not in a teardown by its phases, so that lock is a second fence there.
    expect(unlike(handHost("linux-6.19"), weak)).toEqual([]);
    const zapShared = mended("linux-6.19", /- kvm->mmu_lock$/gm, "- { lock: kvm->mmu_lock, mode: shared }");
    const appeared = unlike(handHost("linux-6.19"), zapShared);
    expect(appeared).toEqual([
      "SEPT_ENTRY: tdh_mem_page_remove / tdh_mem_page_remove",
      "SEPT_TREE: tdh_mem_page_aug / tdh_mem_range_block",
      "SEPT_TREE: tdh_mem_page_remove / tdh_mem_range_block",
      "SEPT_TREE: tdh_mem_range_block / tdh_mem_range_block",
      "SEPT_TREE: tdh_mem_range_block / tdh_mem_sept_add",
      "TDCS_EPOCH: tdh_mem_track / tdh_mem_track",
      "TDR: tdh_mem_page_add / tdh_mem_page_remove",
      "TDR: tdh_mem_page_add / tdh_mem_range_block",
      "TDR: tdh_mem_page_remove / tdh_vp_init",
      "TDR: tdh_mem_range_block / tdh_vp_init",
    ]);
  });

  test("a phase widened: the release of the HKID while the VM runs", () => {
    const wide = mended(
      "linux-6.19",
      /(- name: "VM teardown: hkid release"[\s\S]*?phases: \[)teardown\]/g,
      "$1runtime, teardown]",
    );
    const appeared = unlike(handHost("linux-6.19"), wide);
    expect(appeared.length).toBeGreaterThan(0);
    for (const t of appeared) expect(t).toMatch(/vpflushdone|key_freeid|vp_flush/);
    expect(appeared).toContain("TDR: tdh_mng_key_freeid / tdh_vp_enter");
    expect(appeared).not.toContain("KOT: tdh_mng_create / tdh_mng_key_freeid");
  });

  test("own mutexes of two vCPUs do not exclude each other, all of them do", () => {
    const own = withUses("linux-6.19", (use, path) => {
      if (use.lock === "vcpu->mutex" && use.of === "all") return path.per === "vcpu" ? { lock: use.lock } : null;
      return /kvm->(slots_|mmu_)?lock/.test(use.lock) ? null : use;
    });
    const appeared = unlike(handHost("linux-6.19"), own);
    expect(appeared).toContain("TDR: tdh_mng_rd / tdh_vp_init");
  });
});

describe("a profile of another hypervisor", () => {
  const other = parseHost(OTHER, "x.yaml").profile;

  test("is judged by what it says, and by no more", () => {
    expect(possible(other).map(text)).toEqual([
      "SEPT_TREE: tdh_mem_range_block / tdh_vp_enter",
      "SEPT_TREE: tdh_vp_enter / tdh_vp_enter",
      "SEPT_ENTRY: tdg_mem_page_accept / tdg_mem_page_accept",
      "SEPT_ENTRY: tdg_mem_page_accept / tdh_mem_range_block",
    ]);
    const track = hostContention(catalog, other).pairs.find(
      (p) => text(p) === "TDCS_EPOCH: tdh_mem_track / tdh_vp_enter",
    );
    expect(track?.excludedBy).toEqual([{ kind: "kick", what: "stop all" }]);
  });

  test("what is worst stands first", () => {
    const tdr = possible(handHost("linux-6.16")).find((p) => text(p) === "TDR: tdh_mem_page_add / tdh_vp_flush");
    const order = tdr?.paths.filter((p) => p.possible).map((p) => p.severity);
    expect(order).toEqual(["vm-dead", "error"]);
  });
});

describe("accepted pairs", () => {
  const entry = "{ a: tdh_vp_enter, b: tdh_mem_track, resource: TDCS_EPOCH, reason: kicked on busy }";
  const document = hostContention(catalog, handHost("linux-6.19"), { resources: ["TDCS_EPOCH"] });

  test("leave the others as findings", () => {
    const list = parseAllow(`schema: seamlock/allow@1\nallow:\n  - ${entry}\n`, "a.yaml");
    expect(unaccepted(document, list)).toEqual({ found: [], unused: [] });
    const nothing = unaccepted(document, parseAllow("schema: seamlock/allow@1\nallow: []\n", "a.yaml"));
    expect(nothing.found.map((f) => text(f.pair))).toEqual(["TDCS_EPOCH: tdh_mem_track / tdh_vp_enter"]);
  });

  test("may be of one path only, and in either order", () => {
    const one = entry.replace("reason", "pathB: 'zap leaf: memslot delete', reason");
    const list = parseAllow(
      `schema: seamlock/allow@1\nallow:\n  - ${one}\n  - ${entry.replace("EPOCH", "X")}\n`,
      "a.yaml",
    );
    const { found, unused } = unaccepted(document, list);
    expect(found[0]?.paths).toHaveLength(4);
    expect(unused).toHaveLength(1);
  });

  test("need a reason", () => {
    const bad = `schema: seamlock/allow@1\nallow:\n  - { a: x, b: y, resource: TDR }\n`;
    expect(() => parseAllow(bad, "a.yaml")).toThrow(expect.objectContaining({ code: "SL3007" }));
  });
});

describe("two hosts", () => {
  test("differ by what a series closed, and not from themselves", () => {
    const [a, b] = [handHost("linux-6.16"), handHost("linux-6.19")];
    const diff = diffHosts(catalog, a, b);
    expect(hostsDiffer(diff)).toBe(true);
    expect(diff.contention.disappeared.map(text)).toContain("TDR: tdh_vp_create / tdh_vp_init");
    expect(diff.contention.appeared).toEqual([]);
    expect(diffHosts(catalog, b, a).contention.appeared).toHaveLength(diff.contention.disappeared.length);
    expect(hostsDiffer(diffHosts(catalog, a, a))).toBe(false);
  });
});

test.each(HOSTS)("every excluded pair of %s names its reason, every possible one its paths", (name) => {
  for (const pair of hostContention(catalog, host(name)).pairs) {
    expect(pair.possible).toBe(pair.excludedBy.length === 0);
    if (pair.possible) expect(pair.paths.some((p) => p.possible)).toBe(true);
    for (const path of pair.paths) expect(path.possible).toBe(path.excludedBy.length === 0);
  }
});
