/** Forms of lines and numbers that kernels of other trees, hypervisors, guests and mail programs write. */
import { describe, expect, test } from "vitest";
import { explainLines, explainLog, logReader } from "../../src/analysis/index.ts";
import { messagesOf } from "../../src/analysis/log/lines.ts";
import { SeamlockError } from "../../src/errors.ts";
import { explanationWords, renderExplainText } from "../../src/report/index.ts";
import { host, moduleNamed } from "../host/profile.ts";

const catalog = moduleNamed("1.5.25");
const explain = (text: string, leaf?: string) => explainLines(catalog, [text], leaf === undefined ? {} : { leaf });
const found = (text: string): unknown[] => {
  const doc = explain(text);
  return [doc, ...doc.others].map(({ status, leaf, operand }) => [status, leaf, operand?.id ?? null]);
};
const said = (text: string): string => renderExplainText(explain(text)).replaceAll(/\s+/g, " ");
const hint = (text: string): string | null => {
  try {
    explain(text);
  } catch (error) {
    return error instanceof SeamlockError ? error.hint : String(error);
  }
  return null;
};

const TRACK = ["0x80000200000000A9", "tdh_mem_track", "TD_EPOCH"];
const ANY_TRACK = ["0x80000200000000A9", null, "TD_EPOCH"];

describe("a number is read as", () => {
  test.each([
    ["an assembler writes it", "TDH.MEM.TRACK returned 080000200000000A9h", TRACK],
    ["C++ separates it", "0x80000200'000000A9", ANY_TRACK],
    ["C++ separates it more often", "0x8000'0200'0000'00A9", ANY_TRACK],
    ["WinDbg separates it", "80000200`000000a9", ANY_TRACK],
    ["a chat program breaks it", "SEAMCALL TDH_MEM_TRACK failed: 0x80000200\u200b000000a9", TRACK],
    ["a mail program escapes the sign before it", "err=3D0x80000200000000a9 from TDH.MEM.TRACK", TRACK],
    ["a mail program wraps it", "SEAMCALL TDH_MEM_TRACK failed: 0x800002000000=\n00a9", TRACK],
    ["a kernel prints its halves", "kvm_intel: TDH_MEM_TRACK failed: 0x80000200 000000a9", TRACK],
    ["a kernel prints its halves as two numbers", "kvm_intel: TDH_MEM_TRACK failed: 0x80000200:0x000000a9", TRACK],
    ["a serial console loses the end of its line", "TDH_MEM_TRACK failed: 0x80000200000000a9virt/tdx: on", TRACK],
    ["a mail program ends the line before it", "SEAMCALL TDH_MEM_TRACK failed:=20\n0x80000200000000a9", TRACK],
  ])("%s", (_, text, expected) => {
    expect(found(text)).toEqual([expected]);
  });
});

test("what stands above the holders says when there are none", () => {
  const above = (text: string): string =>
    explanationWords(explainLines(catalog, [text], { host: host("linux-7.3") })).holders;
  expect(above("SEAMCALL TDH_MEM_PAGE_REMOVE failed: 0x8000020000000092")).toBe("Nobody can hold it");
  expect(above("tdh_mem_track(): 0x80000200000000a9")).toBe("Who can hold it, most likely first");
});

test("a status that a message writes in two ways is one", () => {
  const twice = explain("tdh_mem_track() returned 0x80000200000000a9 (-9223369837831520087)");
  expect([twice.status, twice.count, twice.others]).toEqual(["0x80000200000000A9", 1, []]);
  expect(explain("tdh_mem_track() gave 0x80000200000000a9, then 0x80000200000000a9").count).toBe(2);
});

test.each([
  ["that is wrapped", ["SEAMCALL TDH_MEM_TRACK failed: 0x800002000", "00000a9"]],
  ["with a separated number", ["tdh_mem_track: 80000200_000000a9"]],
])("a record %s is read far into a log as in a short one", (_, lines) => {
  const reader = logReader([catalog]);
  for (let i = 0; i < 2500; i++) reader.push(`[${i}.0] usb 1-1: new device number ${i}`);
  for (const line of lines) reader.push(line);
  reader.push("[2600.0] usb 1-1: gone");
  const { groups } = reader.result();
  expect(groups.map(({ found: { status, cut }, count }) => [status, cut, count])).toEqual([
    [0x80000200000000a9n, null, 1],
  ]);
});

describe("an operand is read", () => {
  test.each([
    ["where words lead to it", "tdh_mem_track() gave TDX_OPERAND_BUSY with operand id TDX_OPERAND_ID_TD_EPOCH", TRACK],
    ["where it is called so", "tdh_mem_track(): TDX_OPERAND_BUSY on operand TD_EPOCH", TRACK],
    ["where it is called so, as a number", "tdh_mem_track(): TDX_OPERAND_BUSY, operand 169", TRACK],
    ["where a number is added to the name", "tdh_mem_track(): TDX_OPERAND_BUSY | 0xA9", TRACK],
    ["where Rust puts it into the name's brackets", "TdxExitReasonOperandBusy(1)", ["0x8000020000000001", null, "RCX"]],
    [
      "not from a count",
      "tdh_mem_track() was TDX_OPERAND_BUSY (3 times)",
      ["0x8000020000000000", "tdh_mem_track", null],
    ],
    ["not from the next sentence", "TDX_OPERAND_BUSY. The operand TDR is free.", ["0x8000020000000000", null, null]],
  ])("%s", (_, text, expected) => {
    expect(found(text)).toEqual([expected]);
  });
});

describe("the call is read", () => {
  test.each([
    [
      "from a probe on its return",
      "probe:tdh_mem_track__return: (ffffffff81234560 <- ffffffffc0abcdef) ret=0x80000200000000a9",
      TRACK,
    ],
    [
      "from what KVM's series prints of a TD exit",
      "vcpu0 TD exit 0x8000020000000080, 128 hkid 0x21 hkid pa 0x4200000000000",
      ["0x8000020000000080", "tdh_vp_enter", "TDR"],
    ],
    [
      "from QEMU's unknown exit of 64 bits",
      "KVM: unknown exit, hardware reason 8000020000000080",
      ["0x8000020000000080", "tdh_vp_enter", "TDR"],
    ],
    [
      "from a name of TDX 1.0",
      "TDCALL[TDACCEPTPAGE] returned 0x00000b0a00000000",
      ["0x00000B0A00000000", "tdg_mem_page_accept", null],
    ],
    [
      "with a field that is none of its statuses",
      "TDH_VP_WR[0x2024]=0xffff failed: 0x8000020000000080",
      ["0x8000020000000080", "tdh_vp_wr", "TDR"],
    ],
  ])("%s", (_, text, expected) => {
    expect(found(text)).toEqual([expected]);
  });

  test("of the P-SEAMLDR, whose number is no status", () => {
    const doc = explain("P-SEAMLDR (8000000000000001) failed: 0x8000000000000004");
    expect(doc).toMatchObject({ status: "0x8000000000000004", name: "SEAMLDR_EBADHANDOFF", others: [] });
    expect(doc.callee).toContain("SEAMLDR.INSTALL");
  });

  test("of a hypervisor, which answers a TDVMCALL in R10", () => {
    expect(explain("tdx: TDVMCALL MapGPA failed: r10=0x8000000000000001")).toMatchObject({
      giver: "tdvmcall",
      name: "TDVMCALL_STATUS_GPA_INUSE",
    });
  });
});

test("KVM's name of a busy tree has its operand", () => {
  const text = "tdh_mem_range_block() gave TDX_ERROR_SEPT_BUSY, which is TDX_OPERAND_BUSY";
  expect(found(text)).toEqual([["0x8000020000000092", "tdh_mem_range_block", "SEPT_TREE"]]);
});

test.each([
  [4, [["0x8000020000000092", "tdh_vp_enter", "SEPT_TREE"]]],
  [3, null],
  [1, null],
])("of KVM's internal errors, number %i: the first datum", (suberror, expected) => {
  const text = `KVM internal error. Suberror: ${suberror}\nextra data[0]: 0x8000020000000092\nextra data[1]: 0x31`;
  if (expected === null) expect(hint(text)).not.toBeNull();
  else expect(found(text)).toEqual(expected);
});

describe("a TDCALL of which no leaf is named", () => {
  const text = "rax 8000020000000001 came back from the tdcall";

  test("is told as one of those that return the status, never as the one that is made most", () => {
    expect(explain(text).leaves).toEqual(["tdg_mem_page_accept", "tdg_mem_page_attr_rd", "tdg_mem_page_attr_wr"]);
    expect(said(text)).toContain("The line names no leaf; tdg_mem_page_accept(),");
    expect(said(text)).not.toContain("tdg_vp_vmcall");
  });

  test("has the holders of those, on every version", () => {
    expect(explain(text).holders.map(({ leaf }) => leaf)).toContain("tdh_mem_page_aug");
    const { elsewhere } = explainLines(catalog, [text], { others: [moduleNamed("1.5.05")] });
    expect(elsewhere.filter(({ holders }) => holders.length === 0)).toEqual([]);
  });

  test("is the given one where a leaf is given", () => {
    expect(explain(text, "tdg_mem_page_accept")).toMatchObject({ leaf: "tdg_mem_page_accept", leaves: [] });
  });
});

test("an input without a line is empty", () => {
  expect(() => explainLog(catalog, logReader([catalog]).result())).toThrow("the input is empty");
});

describe("a line with a failure that is not the module's", () => {
  test("and 0 where a status stands: nothing returned it", () => {
    const text = "TDX ioctl KVM_TDX_INIT_MEM_REGION failed, hw_errors: 0x0: Resource temporarily unavailable";
    expect(said(text)).toContain("this number is 0, which is success");
    expect(said(text)).not.toMatch(/Returned by|VM-exit reason|--module/);
  });

  test("an address of the kernel is no status", () => {
    expect(hint("probe:tdh_mem_track: returned to ffffffff81234560")).not.toBeNull();
    expect(found("tdh_mem_track returned 0xfffffffffffffff0")).toEqual([["0xFFFFFFFFFFFFFFF0", "tdh_mem_track", null]]);
  });

  test("-EIO of an initialisation says that a SEAMCALL failed, and -EACCES which status it had", () => {
    expect(hint("virt/tdx: module initialization failed (-5)")).toContain("the status stands in a line before");
    expect(explain("virt/tdx: module initialization failed (-13)").name).toBe("TDX_SEAMCALL_UD");
    expect(hint("virt/tdx: module initialization failed (-28)")).not.toContain("no SEAMCALL failed");
  });
});

test.each([
  ["3,1234,1234567890,-;", null],
  ["kern  :err   : [   12.345678] ", "12.345678"],
  ["[   12.345678 <    0.000012>] ", "12.345678"],
  ["[okt  1 10:11] ", "okt  1 10:11"],
  ["[  +0.000012] ", null],
  ["[mer. oct.  1 10:11:12 2025] ", "mer. oct.  1 10:11:12 2025"],
  ["[三 10月  1 10:11:12 2025] ", "三 10月  1 10:11:12 2025"],
  ["10月 01 10:11:12 host1 kernel: ", "10月 01 10:11:12"],
])("%s begins a record", (prefix, time) => {
  expect(messagesOf(`${prefix}kvm_intel: done`)).toMatchObject([{ text: "kvm_intel: done", time, begins: true }]);
});
