/** Differences of two modules as text, alone and under a host. */
import { describe, expect, test } from "vitest";
import { diffCatalogs, diffHosts, hostsDiffer } from "../../src/analysis/index.ts";
import type { Acquisition, Catalog } from "../../src/catalog/index.ts";
import type { HostProfile } from "../../src/host/index.ts";
import { hostDiffDigest, hostLeaves, renderDiffText, renderHostDiffText } from "../../src/report/index.ts";
import { host, moduleNamed } from "../host/profile.ts";

const older = moduleNamed("1.5.05");
const flowing = (text: string): string => text.replaceAll(/\s+/g, " ");

describe("1.5.05 to 1.5.25 under Linux 6.16", () => {
  const newer = moduleNamed("1.5.25");
  const profile = host("linux-6.16");
  const doc = diffCatalogs(older, newer, profile);
  const leaves = [...new Set([older, newer].flatMap((one) => hostLeaves(one, profile)).map(({ name }) => name))];
  const text = renderDiffText(doc, { leaves });

  test("says what each contention comes to, before and after", () => {
    const gone = doc.causes.flatMap((cause) => cause.disappeared);
    expect(gone).toHaveLength(4);
    expect(gone.map(({ severity }) => severity)).toEqual(gone.map(() => "retry"));
    expect(flowing(text)).toContain(
      "vp_enter x mem_page_aug/page_remove/sept_add, vp_enter on the SEPT tree lock (tried again -> none)",
    );
    expect(doc.host).toMatchObject({
      name: "linux-6.16",
      worst: { before: "vm-dead", after: "vm-dead" },
      outcomes: [],
    });
    expect(flowing(text)).toContain(
      "The worst that a contention comes to under Linux 6.16 is the same with both: the VM is lost.",
    );
  });

  test("speaks of the host's calls only, of each fact once, and cuts no name", () => {
    expect(text).not.toContain("promote");
    expect(text).not.toContain("pamt_add");
    const facts = text.split("\n").filter((line) => /^\S.*: .* -> /.test(line));
    expect(new Set(facts).size).toBe(facts.length);
    for (const line of renderDiffText(doc).split("\n")) expect(line).not.toMatch(/^ +\w{1,3}\(\)$/);
  });
});

test("what is not shown is counted, and behaviours stand for themselves", () => {
  const text = flowing(renderDiffText(diffCatalogs(moduleNamed("1.5.05"), moduleNamed("1.5.25"))));
  expect(text).toMatch(/without contention that follows: \d+ facts of PAMT entries above pages, \d+ of conditions/);
  expect(text).not.toContain("the same;");
  expect(text).not.toContain("the same with");
});

describe("a tree with another constant, or with a function that nobody has read", () => {
  const known = moduleNamed("1.5.25");

  test("says which constant, but not where only some calls are asked for", () => {
    const doc = diffCatalogs(known, { ...known, constants: { ...known.constants, STEPPING_EPF_THRESHOLD: 10 } });
    expect(renderDiffText(doc)).toContain("=== Constants ===\n- STEPPING_EPF_THRESHOLD: 6 -> 10");
    const leaves = ["tdh_mem_track"];
    expect(renderDiffText(doc, { leaves, asked: { leaves } })).toContain("No difference.");
    // A host's calls nobody asked for: whatever they are, the constant is another.
    expect(renderDiffText(doc, { leaves })).toContain("- STEPPING_EPF_THRESHOLD: 6 -> 10");
  });

  test("names the function", () => {
    const behaviours = known.behaviours.map((one) =>
      one.name === "fault-log" ? { ...one, digest: `sha256:${"0".repeat(64)}`, variant: null } : one,
    );
    const text = flowing(renderDiffText(diffCatalogs(known, { ...known, behaviours })));
    expect(text).toContain("td_exit_epf_stepping_log as nobody has read it: what it does is not known (SEPT_TREE)");
  });
});

test("a lock that a loop tries several times is said to be tried, not to be several", () => {
  const known = moduleNamed("1.5.25");
  const leaves = known.leaves.map((l) =>
    l.name === "tdh_mem_track"
      ? { ...l, acquisitions: l.acquisitions.map((a) => (a.resource === "TDCS_EPOCH" ? { ...a, times: "4" } : a)) }
      : l,
  );
  expect(renderDiffText(diffCatalogs(known, { ...known, leaves }))).toContain(
    "epoch_lock: how often it is tried: 1 -> 4",
  );
});

test("without a host no severity is said", () => {
  const doc = diffCatalogs(moduleNamed("1.5.16"), moduleNamed("1.5.20"));
  expect(doc.host).toBeNull();
  expect(doc.causes.flatMap((cause) => [...cause.appeared, ...cause.disappeared]).some((p) => "severity" in p)).toBe(
    false,
  );
  expect(renderDiffText(doc)).not.toContain("The worst that a contention comes to");
});

/** The module with another status where TDH.MEM.PAGE.AUG finds the SEPT tree locked. */
function otherStatus(catalog: Catalog): Catalog {
  const changed = (row: Acquisition): Acquisition =>
    row.resource === "SEPT_TREE"
      ? { ...row, operand: { id: "RCX", number: 1 }, busyStatus: "0x8000020000000001" }
      : row;
  return {
    ...catalog,
    leaves: catalog.leaves.map((leaf) =>
      leaf.name === "tdh_mem_page_aug" ? { ...leaf, acquisitions: leaf.acquisitions.map(changed) } : leaf,
    ),
  };
}

test("a contention that stays and ends otherwise is told, before and after", () => {
  const profile = host("patch-v1-2024-09");
  const doc = diffCatalogs(older, otherStatus(older), profile);
  expect(doc.contention).toEqual({ appeared: [], disappeared: [] });
  expect(doc.host?.outcomes.map(({ a, b, resource }) => [a, b, resource])).toEqual([
    ["tdh_mem_page_aug", "tdh_vp_enter", "SEPT_TREE"],
  ]);
  const [{ before, after } = { before: null, after: null }] = doc.host?.outcomes ?? [];
  expect(before).not.toBe(after);
  const text = renderDiffText(doc);
  expect(text).toContain("=== With another outcome ===");
  expect(flowing(text)).toContain("mem_page_aug x vp_enter on the SEPT tree tried again -> the VM is lost lock");
  expect(renderDiffText(doc, { leaves: ["tdh_mem_track"] })).not.toContain("With another outcome");
});

test("the sentence about two hosts tells what is lost, with a path that is opened, too, and counts nothing that is nought", () => {
  const catalog = moduleNamed("1.5.25");
  const sentence = (from: string, to: string): string => {
    const [before, after] = [host(from), host(to)];
    return hostDiffDigest(diffHosts(catalog, before, after), { catalog, before, after }).sentence;
  };
  expect(sentence("linux-6.16", "linux-6.19")).toBe(
    "From Linux 6.16 to Linux 6.19: 30 pairs of calls can no longer contend, among them 6 meetings on TDR that cost the VM; of pairs of " +
      "paths, 64 are closed, 1 is opened (1 meeting on TDVPR that costs the VM, out of the ordinary) and 59 end otherwise.",
  );
  expect(sentence("linux-7.3", "linux-7.2")).toBe(
    "From Linux 7.3 to Linux 7.2: the same pairs of calls can contend; of pairs of paths, 1 is opened (1 meeting on TDVPR that costs the VM, out of the ordinary).",
  );
  expect(sentence("linux-7.0", "linux-7.1")).toBe("From Linux 7.0 to Linux 7.1: the same pairs of calls can contend.");
});

test("between two hosts a TDCALL that only one profile names is not compared, which is said, and nothing is opened or closed by it", () => {
  const catalog = moduleNamed("1.5.25");
  const after = host("linux-7.3");
  const guest = after.guest as NonNullable<typeof after.guest>;
  const before = { ...after, guest: { ...guest, calls: guest.calls.filter((call) => call !== "tdg_mr_report") } };
  for (const [from, to] of [
    [before, after],
    [after, before],
  ] as const) {
    const doc = diffHosts(catalog, from, to);
    const { notJudged, ...others } = doc.contention;
    expect([others, doc.paths]).toEqual([
      { appeared: [], disappeared: [] },
      { opened: [], closed: [], changed: [] },
    ]);
    expect(hostsDiffer(doc)).toBe(false);
    expect(notJudged.map(({ a, b, resource }) => [a, b, resource])).toEqual([
      ["tdg_mr_report", "tdg_mr_rtmr_extend", "RTMR"],
    ]);
    expect(flowing(renderHostDiffText(doc, { catalog, before: from, after: to }))).toContain(
      "No difference. Not compared: 1 pair with a TDCALL that only one of the two profiles names, tdg_mr_report().",
    );
  }
});

test("between two hosts a call that a path makes in several ways is compared in each of them", () => {
  const catalog = moduleNamed("1.5.25");
  const before = host("linux-7.3");
  const name = "KVM_TDX_GET_CPUID ioctl";
  const changed = (
    steps: (of: HostProfile["paths"][number]["steps"]) => HostProfile["paths"][number]["steps"],
  ): HostProfile => ({
    ...before,
    paths: before.paths.map((path) => (path.name === name ? { ...path, steps: steps(path.steps) } : path)),
  });
  const facts = (after: HostProfile, from = before) =>
    hostDiffDigest(diffHosts(catalog, from, after), { catalog, before: from, after }).facts.map(
      ({ path, what, calls }) => [path, what, calls],
    );
  const reads =
    before.paths.find((path) => path.name === name)?.steps.filter(({ call }) => call === "tdh_mng_rd") ?? [];
  expect(reads.length).toBeGreaterThan(2);
  expect(facts(changed((steps) => [...steps].reverse()))).toEqual([]);
  const last = reads.at(-1);
  const ends = changed((steps) =>
    steps.map((step) => (step === last ? { ...step, onBusy: [{ do: ["bug-vm"] }] } : step)),
  );
  expect(facts(ends)).toEqual([
    ["GET_CPUID", expect.stringMatching(/^on BUSY marks the VM as bugged.*\(before: /), ["tdh_mng_rd"]],
  ]);
  const fewer = changed((steps) => steps.filter((step) => step !== last));
  expect(facts(fewer)).toEqual([
    [
      "GET_CPUID",
      expect.stringMatching(/^no longer makes the call in one of its ways: holding .*, on BUSY /),
      ["tdh_mng_rd"],
    ],
  ]);
  expect(facts(before, fewer)).toEqual([
    ["GET_CPUID", expect.stringMatching(/^makes the call in one more way: holding /), ["tdh_mng_rd"]],
  ]);
});

test("between two hosts what two paths of one name do is told once", () => {
  const catalog = moduleNamed("1.5.25");
  const [before, after] = [host("linux-6.16"), host("linux-6.19")];
  const { facts } = hostDiffDigest(diffHosts(catalog, before, after), { catalog, before, after });
  const told = facts.map(({ path, what }) => `${path}: ${what}`);
  expect(told).toEqual([...new Set(told)]);
});

test("between two hosts a lock that is held in another mode, or of others, is neither gone nor new", () => {
  const catalog = moduleNamed("1.5.25");
  const before = host("linux-7.3");
  const name = "zap leaf: memslot delete";
  const told = (change: (path: HostProfile["paths"][number]) => HostProfile["paths"][number]) => {
    const after = { ...before, paths: before.paths.map((path) => (path.name === name ? change(path) : path)) };
    const { facts } = hostDiffDigest(diffHosts(catalog, before, after), { catalog, before, after });
    return [...new Set(facts.map(({ what }) => what.replace(/, taken at .*/, "")))];
  };
  const otherwise = (lock: string, as: object) =>
    told((path) => ({
      ...path,
      holds: (path.holds ?? []).map((use) => (typeof use !== "string" && use.lock === lock ? { ...use, ...as } : use)),
    }));
  expect(otherwise("kvm->mmu_lock", { mode: "shared" })).toEqual([
    "holds kvm->mmu_lock shared now (before: exclusive)",
  ]);
  expect(otherwise("kvm->mmu_lock", { of: "all" })).toEqual(["holds kvm->mmu_lock of all now (before: of one)"]);
  expect(otherwise("kvm->mmu_lock", { of: "target", assumed: "said" })).toEqual([]);
  expect(told((path) => ({ ...path, atMostOne: "vm" }))).toEqual(["one run at once per vm now"]);
  expect(
    told((path) => ({ ...path, steps: path.steps.map((step) => ({ ...step, interrupts: "off", onEach: "cpu" })) })),
  ).toEqual(["makes the call with interrupts off now", "makes the call on every cpu at once now"]);
  // What is done about one operand alone is not what is done about any.
  expect(
    told((path) => ({
      ...path,
      steps: path.steps.map((step) => ({
        ...step,
        onBusy: (step.onBusy ?? []).map((clause) => ({ ...clause, on: ["SEPT"] })),
      })),
    }))[0],
  ).toMatch(/^on BUSY .* \(on SEPT\) \(before: /);
});
