/** What `explain` says beside the facts: counts that read well, advice that fits what is known, nothing of what is not. */
import { describe, expect, test } from "vitest";
import { inProcess } from "./run.ts";

/** What is said of a log line, as one line. */
async function said(line: string, ...options: string[]): Promise<string> {
  const { status, out } = await inProcess(["explain", line, ...options]);
  expect(status).toBe(0);
  return out.replaceAll(/\s+/g, " ");
}

describe("counts", () => {
  test("one that conflicts beside others, and one or more where nobody is left", async () => {
    expect(await said("TDH_MEM_TRACK: 0x80000200000000a9")).toContain("1 more conflicts by the module's rules");
    const nobody = await said("SEAMCALL TDH_MEM_PAGE_REMOVE failed: 0x8000020000000092");
    expect(nobody).toContain("Nobody can hold it: - 4 conflict by the module's rules");
    expect(nobody).toContain("the module excludes them");
  });

  test("a list that is cut has one `or`, and one other is no others", async () => {
    const many = await said("0x8000020000000001");
    expect(many).toMatch(/\(\), tdh_\w+\(\) or \d+ more\b/);
    expect(many).not.toMatch(/ or [^,;.]{1,40} or \d+ more\b/);
    expect(await said("SEAMCALL TDH_MEM_SEPT_ADD failed: 0x80000200000000")).toContain("or 1 other.");
  });
});

describe("advice", () => {
  test("of a number that is cut is to find the rest, not another version of the module", async () => {
    for (const line of [
      "SEAMCALL TDH_MNG_VPFLUSHDONE failed: 0x80000820000000",
      "SEAMCALL TDH_VP_INIT failed: 0x80003f",
    ]) {
      const text = await said(line);
      expect(text).toContain("Take the number from where it is whole");
      expect(text).not.toContain("--module, and compare");
    }
  });

  test("speaks of the leaf only where one is known", async () => {
    expect(await said("status 0x8000020000000091")).toContain("no lock that any call reports like this");
    expect(await said("tdh_mem_wr: 0x8000020000000091")).toContain("no lock of this leaf that is reported like this");
  });
});

test("an unknown status is unknown to the version that is named, with a leaf and without", async () => {
  for (const line of ["0xc000070200000000", "SEAMCALL TDH_MEM_SEPT_RD failed: 0xc000070200000000"])
    expect(await said(line)).toContain("Module 1.5.25 has no status with this class");
});

test("what the kernel does with BUSY is not told of a status that it does not take for BUSY", async () => {
  expect(await said("tdh_vp_enter returned 0x8000020000000092")).toContain("when tdh_vp_enter() is busy");
  expect(await said("tdh_vp_enter returned 0x80000204000000a9")).not.toContain("is busy:");
});

test("the registers of a CPU that warns are no outputs of the call", async () => {
  const dump =
    "RAX: 8000020000000092 RBX: ffff88810a2b4000 RCX: 0000000000000000\nRDX: 0000000000000001 RSI: ffff88810a2b4000 RDI: 0000000000000026";
  expect(await said(dump)).not.toContain("Its outputs");
  expect(await said("tdh_mem_track failed: 0x80000200000000a9 rcx 0x0 rdx 0x1")).toContain("Its outputs: rcx 0x0");
});
