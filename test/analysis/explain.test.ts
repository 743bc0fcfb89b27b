import { describe, expect, test } from "vitest";
import { type ExplainOptions, explainLines, explainSchema, type StatusExplanation } from "../../src/analysis/index.ts";
import { renderExplainText } from "../../src/report/index.ts";
import { host, moduleNamed } from "../host/profile.ts";

const catalog = moduleNamed("1.5.05");
const explain = (line: string, options: ExplainOptions = {}): StatusExplanation =>
  explainLines(catalog, [line], options);

describe("log lines as kernels print them", () => {
  test.each([
    ["SEAMCALL TDH_MEM_PAGE_REMOVE failed: 0x8000020000000092", "tdh_mem_page_remove", "TDX_OPERAND_BUSY", "SEPT_TREE"],
    [
      "[  229.163412] SEAMCALL (0x000000000000000f) failed: 0xc0000b0800000000",
      "tdh_mem_page_demote",
      "TDX_TLB_TRACKING_NOT_DONE",
      null,
    ],
    [
      "[   12.000001] virt/tdx: SEAMCALL (38) failed: 0x80000200000000A9",
      "tdh_mem_track",
      "TDX_OPERAND_BUSY",
      "TD_EPOCH",
    ],
    [
      "virt/tdx: SEAMCALL (0x0000000000000026) failed: 0x8000020100000000",
      "tdh_mem_track",
      "TDX_PREVIOUS_TLB_EPOCH_BUSY",
      null,
    ],
    ["kvm_intel: SEAMCALL TDH_VP_FLUSH failed: 0x8000070200000000", "tdh_vp_flush", "TDX_VCPU_NOT_ASSOCIATED", null],
    [
      "Sep 12 10:11:12 host kernel: kvm_intel: TDH_MNG_VPFLUSHDONE failed. HKID 33 is leaked. 0x8000082400000000",
      "tdh_mng_vpflushdone",
      "TDX_FLUSHVP_NOT_DONE",
      null,
    ],
    [
      "SEAMCALL TDH_MEM_PAGE_AUG failed: 0xc0000b0d00000001, entry 0x8000000000000000, level_state 0x400",
      "tdh_mem_page_aug",
      "TDX_EPT_ENTRY_STATE_INCORRECT",
      "RCX",
    ],
    [
      "SEAMCALL[TDH.MEM.RANGE.BLOCK] failed: 0x8000020000000001, rcx 0x0, rdx 0x4",
      "tdh_mem_range_block",
      "TDX_OPERAND_BUSY",
      "RCX",
    ],
    ["SEAMCALL (0x0000000000010016) failed: 0x8000020000000080", "tdh_vp_init", "TDX_OPERAND_BUSY", "TDR"],
    ["tdh_vp_enter failed: 0x8000020000000092", "tdh_vp_enter", "TDX_OPERAND_BUSY", "SEPT_TREE"],
    ["tdh_mng_addcx failed, error 0x8000020000000002", "tdh_mng_addcx", "TDX_OPERAND_BUSY", "RDX"],
    ["0x80000200_00000092", null, "TDX_OPERAND_BUSY", "SEPT_TREE"],
    ["8000020000000092", null, "TDX_OPERAND_BUSY", "SEPT_TREE"],
  ])("%s", (line, leaf, name, operand) => {
    const e = explain(line);
    expect([e.leaf, e.name]).toEqual([leaf, name]);
    expect(e.operand?.id ?? null).toBe(operand);
    expect(e.advice.length).toBeGreaterThan(0);
  });

  test("leaf version and outputs are read from the line", () => {
    expect(explain("SEAMCALL (0x0000000000010016) failed: 0x8000020000000080").version).toBe(1);
    const e = explain("SEAMCALL TDH_MEM_PAGE_REMOVE failed: 0xc0000b0800000000, rcx 0x1, rdx 0x2, r8 0x3");
    expect(e.outputs).toEqual({ rcx: "0x1", rdx: "0x2", r8: "0x3" });
    expect(e).toMatchObject({ name: "TDX_TLB_TRACKING_NOT_DONE", kind: "tracking" });
  });
});

describe("lines of public bug reports", () => {
  test.each([
    [
      "github.com/canonical/tdx/issues/25",
      "[    7.592823] tdx: SEAMCALL failed: CPU 94: leaf 33, error 0xc000092100000122.",
      ["tdh_sys_init", "TDX_INCORRECT_MSR_VALUE", "0xC000092100000122", "caller"],
    ],
    [
      "github.com/canonical/tdx/issues/153",
      "[  261.262866] SEAMCALL (0x000000000000001c) failed: 0xc000030000000001 RCX 0x0000000000000000 RDX 0x0000000000000000 R8 0x0000000000000000 R9 0x0000000000000000 R10 0x0000000000000000 R11 0x0000000000000000",
      ["tdh_phymem_page_reclaim", "TDX_PAGE_METADATA_INCORRECT", "0xC000030000000001", "caller"],
    ],
    [
      "github.com/canonical/tdx/issues/161",
      "[   19.324236] virt/tdx: SEAMCALL (0x0000000000000021) failed: 0xc000090000000000",
      ["tdh_sys_init", "TDX_INCORRECT_CPUID_VALUE", "0xC000090000000000", "caller"],
    ],
    [
      "github.com/canonical/tdx/issues/156",
      "[2396717.199763] SEAMCALL (0x000000000000000f) failed: 0x8000081000000000 RCX 0x0000000000000000 RDX 0x0000000000000000 R8 0x000000410f759000 R9 0x0000000000000000 R10 0x0000000000000000 R11 0x0000000000000000",
      ["tdh_mem_page_demote", "TDX_TD_KEYS_NOT_CONFIGURED", "0x8000081000000000", "caller"],
    ],
    [
      "github.com/canonical/tdx/issues/213",
      "SEAMCALL (0x000000000000000f) failed: 0xc0000b0800000001 RCX 0xxxxxxxxxx RDX 0x0000000000000400 R8 0xxxxxxxxxxx R9 0x0000000000000000 R10 0x0000000000000000 R11 0x0000000000000000",
      ["tdh_mem_page_demote", "TDX_TLB_TRACKING_NOT_DONE", "0xC0000B0800000001", "tracking"],
    ],
  ])("%s", (_report, line, [leaf, name, status, kind]) => {
    const e = explain(line);
    expect([e.leaf, e.name, e.status, e.kind]).toEqual([leaf, name, status, kind]);
    expect(e.line).toBe(line);
  });
});

describe("the resource behind the operand", () => {
  test("SEPT entry contention is reported under RCX, with the page that shares it", () => {
    const e = explain("0x8000020000000001", { leaf: "TDH.MEM.PAGE.REMOVE" });
    expect(new Set(e.resources.map((r) => r.resource))).toEqual(new Set(["SEPT_ENTRY", "PAGE"]));
  });

  test("the holders of a tree that is busy under KVM are vCPUs on their way into the guest", () => {
    const e = explain("0x8000020000000092", { leaf: "tdh_mem_range_block", host: host("linux-6.16") });
    const possible = e.holders.filter((h) => h.possible);
    expect(possible.map((h) => h.leaf)).toEqual(["tdh_vp_enter"]);
    expect(possible[0]?.paths).toEqual(["KVM_RUN enter"]);
    expect(e.holders[0]).toEqual(possible[0]);
    expect(e.advice[0]).toMatch(/kick/);
  });

  test("TDX_PREVIOUS_TLB_EPOCH_BUSY is about vCPUs in the guest, not about a lock", () => {
    const e = explain("0x8000020100000000", { leaf: "tdh_mem_track" });
    expect(e.holders.map((h) => h.leaf)).toEqual(["tdh_vp_enter"]);
    expect(e.kind).toBe("tracking");
  });

  test("a host that keeps everybody out says that nobody can hold it", () => {
    const e = explain("0x80000200000000A9", { leaf: "tdh_mem_track", host: host("proposal-report-2024-09") });
    expect(e.holders.some((h) => h.possible)).toBe(false);
    expect(e.advice[0]).toMatch(/nobody can hold/);
  });
});

describe("other versions of the module", () => {
  const others = ["1.5.16", "1.5.20", "1.5.25"].map(moduleNamed);
  const tree = "0x8000020000000092";

  test("are named where somebody else can hold the lock", () => {
    const e = explainLines(moduleNamed("1.5.25"), [tree], {
      leaf: "tdh_mem_page_remove",
      host: host("linux-6.16"),
      others,
    });
    expect(e.holders.some((h) => h.possible)).toBe(false);
    expect(e.elsewhere).toEqual([{ modules: ["1.5.16"], holders: ["tdh_vp_enter"] }]);
    expect(e.advice[0]).toMatch(/or another kernel or module version/);
  });

  test("hold what they hold, whether a log asks of one call or of most", () => {
    const options = { host: host("linux-6.16"), others };
    const own = moduleNamed("1.5.25");
    const busy = (name: string): string => `SEAMCALL ${name.toUpperCase()} failed: ${tree}`;
    const names = [...new Set(own.leaves.map(({ name }) => name))];
    const last = explainLines(own, [...names.map(busy)], options);
    const all = [last, ...last.others];
    for (const name of ["tdh_mem_page_remove", "tdh_mem_page_promote", "tdh_vp_enter", "tdg_mem_page_accept"]) {
      const alone = explainLines(own, [busy(name)], options);
      const among = all.find(({ leaf }) => leaf === name);
      expect([among?.holders, among?.elsewhere]).toEqual([alone.holders, alone.elsewhere]);
    }
  });

  test("are not where the answer is the same, nor for what is no BUSY, nor without a comparison", () => {
    expect(explain("0x80000200000000A9", { leaf: "tdh_mem_track", others }).elsewhere).toEqual([]);
    expect(explain("0xC0000B0800000000", { others }).elsewhere).toEqual([]);
    expect(explain(tree, { leaf: "tdh_mem_page_remove" }).elsewhere).toEqual([]);
  });
});

describe("what is no BUSY", () => {
  test.each([
    ["0xC0000B0800000000", "tracking"],
    ["0x8000070100000000", "tracking"],
    ["0xC000010000000001", "caller"],
    ["0x8000020300000000", "retry"],
    ["0x0000000000000000", "success"],
    ["0xE000060400000000", "fatal"],
  ])("%s is of the kind %s", (status, kind) => {
    expect(explain(status).kind).toBe(kind);
  });

  test("Linux's own statuses are told from the module's", () => {
    expect(explain("0x8000FF00FFFF0000").name).toBe("TDX_SEAMCALL_VMFAILINVALID");
    expect(explain("0x8000FF0000000006")).toMatchObject({ name: "TDX_SEAMCALL_UD", operand: null });
  });

  test("an unknown code says so and shows the bits", () => {
    const e = explain("0x1234567800000001");
    expect(e).toMatchObject({
      name: null,
      operand: null,
      kind: "unknown",
      bits: { class: 0x56, code: 0x78, detail: 1 },
    });
    expect(e.advice[0]).toMatch(/Unknown/);
  });
});

test("several lines, some without a status", () => {
  const doc = explainLines(catalog, ["hello", "0x8000020000000092", "", "TDH_MEM_TRACK failed: 0x80000200000000a9"]);
  expect(explainSchema.parse(doc)).toEqual(doc);
  expect(doc.others).toHaveLength(1);
  expect(doc.unread).toEqual(["hello"]);
  expect(() => explainLines(catalog, ["nothing"])).toThrow(expect.objectContaining({ code: "SL3301" }));
});

describe("every status of a lock is explained", () => {
  const newest = moduleNamed("1.5.25");
  test.each([
    ["0x800002000000000A", "tdh_mem_page_demote", "PAGE", "to-add"],
    ["0x800002000000000B", "tdh_mem_sept_add", "PAGE", "to-add"],
    ["0xA000020000000061", "tdh_import_mem", "SEPT_ENTRY", null],
    ["0xA000020000000063", "tdh_import_mem", "PAGE", "to-add"],
  ])("%s of %s is about %s", (status, leaf, resource, role) => {
    for (const module of [catalog, newest]) {
      const { resources, holders } = explainLines(module, [status], { leaf });
      expect(resources).toContainEqual(expect.objectContaining({ resource, role, mode: "EXCLUSIVE" }));
      expect(holders.length).toBeGreaterThan(0);
    }
  });

  test("a call that gave way to another is told to come again", () => {
    const { name, kind, advice, resources } = explainLines(newest, ["0x8000020600000000"], { leaf: "tdh_export_mem" });
    expect([name, kind]).toEqual(["TDX_INTERRUPTED_BUSY", "retry"]);
    expect(advice.length).toBeGreaterThan(1);
    expect(resources[0]?.resource).toMatch(/secure_ept_lock$/);
  });

  test("a BUSY of a metadata list names no operand, for its low half is a position", () => {
    for (const status of ["0xA0000200000000B0", "0xA0000200000000B2"]) {
      const { resources } = explainLines(newest, [status], { leaf: "tdh_import_state_td" });
      expect(resources[0]?.resource).toBe("write_element_by_size");
    }
    const [none] = explainLines(newest, ["0xA000020000000000"], { leaf: "tdh_import_state_td" }).resources;
    expect(none).toBeUndefined();
  });

  test("a TD exit for a lock on which the host has priority names the lock, and the guest's call", () => {
    const { resources, details } = explainLines(newest, ["0x9000000900000000"]);
    expect(resources.map(({ leaf, resource }) => [leaf, resource])).toEqual([
      ["tdg_servtd_rd", "TDCS"],
      ["tdg_servtd_wr", "TDCS"],
    ]);
    // Its low half says nothing: no exit reason is put there.
    expect(details).toEqual([]);
    const older = explainLines(catalog, ["0x9000000900000080"]).resources;
    expect(new Set(older.map(({ resource }) => resource))).toEqual(new Set(["PAMT_1G", "PAMT_2M", "TDR", "TDCS"]));
  });
});

describe("a holder that the profile does not name", () => {
  test("is none that is excluded: it is not judged", () => {
    const { holders } = explainLines(moduleNamed("1.5.25"), ["0x8000020000000001"], {
      leaf: "tdh_mr_finalize",
      host: host("linux-7.3"),
    });
    const of = (name: string) =>
      holders.filter(({ leaf }) => leaf === name).map(({ possible, judged }) => [possible, judged]);
    expect(of("tdg_servtd_rd")).toEqual([[false, false]]);
    expect(of("tdh_mem_track")).toEqual([[false, true]]);
    expect(of("tdh_mem_range_block")).toEqual([[true, true]]);
    const guests = explainLines(moduleNamed("1.5.25"), ["0x80000200000000A8"], {
      leaf: "tdg_servtd_rd",
      host: host("linux-7.3"),
    });
    expect(JSON.stringify(guests)).toContain(
      "The profile of linux-7.3 names no guest that makes tdg_servtd_rd(): who can",
    );
  });
});

describe("advice fits the call and its operand", () => {
  const newest = moduleNamed("1.5.25");
  const of = (leaf: string, status: string, options: ExplainOptions = {}) =>
    explainLines(newest, [`SEAMCALL ${leaf.toUpperCase()} failed: ${status}`], options);

  test("a field of TD_PARAMS is told from a register, and RAX from both", () => {
    expect(of("tdh_mng_init", "0xC000010000000041").meaning).toMatch(/TD_PARAMS/);
    expect(of("tdh_mng_init", "0xC000010000000001").meaning).not.toMatch(/TD_PARAMS/);
    expect(of("tdh_mng_init", "0xC000010000000000").meaning).toMatch(/no call of that number/);
  });

  test("a status that ends an import is not retried, whatever it is called", () => {
    const doc = of("tdh_import_mem", "0xA000020000000063");
    expect([doc.name, doc.operand?.id]).toEqual(["TDX_OPERAND_BUSY", "NEW_PAGE_LIST_ENTRY"]);
    expect(doc.adviceFor.developer.join()).toMatch(/import is over/);
    expect(doc.adviceFor.developer.join()).not.toMatch(/retry/i);
    expect(of("tdh_import_mem", "0x8000020000000063").adviceFor.developer.join()).not.toMatch(/import is over/);
  });

  test("a virtual MSR is named", () => {
    expect(of("tdh_import_state_immutable", "0xE0000C0D0000048E").details.map(({ text }) => text)).toEqual([
      "1166 (virtual IA32_VMX_TRUE_PROCBASED_CTLS)",
    ]);
  });

  test("a call that the host does not make is told by the module's rules, on every version", () => {
    const options = { host: host("linux-6.16"), others: [moduleNamed("1.5.05")] };
    const doc = of("tdh_export_mem", "0x8000020000000092", options);
    expect(doc.holders.filter(({ possible }) => possible).map(({ leaf }) => leaf)).toContain("tdh_mem_range_block");
    expect(doc.notes.join()).toMatch(/linux-6\.16 makes no call of tdh_export_mem/);
    expect(doc.elsewhere.flatMap(({ holders }) => holders)).toContain("tdh_mem_range_block");
  });

  test("where a status is returned without a lock too, that nobody holds the lock is not all", () => {
    const text = (leaf: string): string =>
      renderExplainText(of(leaf, "0x8000020200000000", { host: host("linux-7.3") }));
    expect(text("tdh_sys_shutdown").replaceAll(/\s+/g, " ")).toContain(
      "Nobody can hold the lock; the status is returned for more than that lock:",
    );
    expect(text("tdh_sys_config")).toContain("Nobody can hold it:");
  });

  test("who was kept out when the line was printed is no holder on another version either", () => {
    const options = { host: host("linux-6.16"), others: [moduleNamed("1.5.05")] };
    expect(of("tdh_mem_page_remove", "0x8000020000000092", options).elsewhere).toEqual([]);
    const bare = explainLines(newest, ["0x8000020000000092"], { ...options, leaf: "tdh_mem_page_remove" });
    expect(bare.elsewhere).toEqual([{ modules: ["1.5.05"], holders: ["tdh_vp_enter"] }]);
  });

  test("holders of one sort stand together, with their condition in words and exceptional paths last", () => {
    // A bare status: no line says that the kernel had kicked the vCPUs by then.
    const block = renderExplainText(
      explainLines(newest, ["0x8000020000000092"], { leaf: "tdh_mem_range_block", host: host("linux-6.16") }),
    );
    expect(block).toMatch(/tdh_vp_enter\(\) with SEPT_TREE SHARED[^-]*while 0-stepping\s+is suspected/);
    const page = renderExplainText(
      explainLines(newest, ["0x8000020000000001"], { leaf: "tdh_phymem_page_reclaim", host: host("linux-6.16") }),
    );
    expect(page).toMatch(/machine-check page query\n/);
    const alone = renderExplainText(of("tdh_export_mem", "0x8000020000000092"));
    expect(alone).toMatch(/tdh_mem_page_promote\(\), tdh_mem_range_block\(\)[^-]* with SEPT_TREE EXCLUSIVE/);
  });
});
