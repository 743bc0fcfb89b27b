/** Constructs of releases with TDX Connect (2.0): each gives its rows, or an error at its place; nothing is dropped. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Acquisition, parseCatalog, serializeCatalog } from "../../src/catalog/index.ts";
import { FIXTURE } from "./mutate.ts";
import { type SmallTree, said, smallTree } from "./small-tree.ts";

const read = (name: string): string => readFileSync(join(import.meta.dirname, name), "utf8");
const DEFS = "include/api_defs.h";
const FILES = {
  "src/tdh_servtd_rebind.c": '#include "locks.h"\n',
  "src/connect-like-the-module.h": read("connect-like-the-module.h"),
  [DEFS]: readFileSync(join(FIXTURE, DEFS), "utf8").replace(
    "#define TDX_SUCCESS",
    "#define TDX_IOMMU_IQ_FULL 0x80000F0100000000ULL\n#define TDX_SUCCESS",
  ),
};

const brief = ({ resource, lock, mode, side, busyStatus, hostPriorityStatus, times, release }: Acquisition): string =>
  [
    resource,
    lock,
    mode,
    side,
    (busyStatus ?? "none").replace(/^0x80000200000000/, "BUSY "),
    hostPriorityStatus,
    times,
    release?.at ?? "never",
  ]
    .filter((word) => word !== null && word !== "1")
    .join(" ");

describe("a tree with TDX Connect", () => {
  let made: Promise<SmallTree> | null = null;
  const extracted = (): Promise<SmallTree> => {
    made ??= smallTree(read("connect-like-the-module.c"), FILES);
    return made;
  };

  const CASES: readonly (readonly [leaf: string, rows: readonly string[], otherBusy?: readonly string[]])[] = [
    ["tdh_iommu_setreg", ["IOMMU_CONFIG sharex_hp EXCLUSIVE host BUSY 01 leaf-exit"]],
    ["tdg_spdm_tpa_get", ["IOMMU_CONFIG sharex_hp EXCLUSIVE guest BUSY 01 leaf-exit"]],
    ["tdh_devif_remove", ["DEVIFMT_ENTRY bit_hp EXCLUSIVE host BUSY 01 leaf-exit"]],
    ["tdg_devif_rd", ["DEVIFMT_ENTRY bit_hp EXCLUSIVE guest BUSY 01 0x8000020100000001 leaf-exit"]],
    [
      "tdh_spdm_delete",
      ["SPDMDIR_ENTRY bit EXCLUSIVE host BUSY 02 leaf-exit", "SPDM_INFO_TX mutex EXCLUSIVE host BUSY 00 leaf-exit"],
    ],
    [
      "tdh_mmio_mt_set",
      ["MMIOMT_ENTRY bit EXCLUSIVE host BUSY 01 leaf-exit", "DMAR_ENTRY bit EXCLUSIVE host BUSY 02 leaf-exit"],
    ],
    [
      "tdh_iq_inv_request",
      ["TDINV sharex_hp EXCLUSIVE host BUSY 08 leaf-exit", "MEM_SCAN sharex_hp SHARED host BUSY 02 leaf-exit"],
      ["TDX_IOMMU_IQ_FULL 0x80000F0100000000"],
    ],
    [
      "tdh_dmar_add",
      [
        "PAMT_1G sharex_hp SHARED host BUSY 01 3 leaf-exit",
        "PAMT_2M sharex_hp SHARED host BUSY 01 3 leaf-exit",
        "PAGE sharex_hp SHARED host BUSY 01 3 leaf-exit",
        "PAMT_1G sharex_hp SHARED host BUSY 02 per page leaf-exit",
        "PAMT_2M sharex_hp SHARED host BUSY 02 per page leaf-exit",
        "PAGE sharex_hp EXCLUSIVE host BUSY 02 per page leaf-exit",
      ],
    ],
    [
      "tdh_mem_range_unblock",
      ["SEPT_ENTRY sept_entry EXCLUSIVE host BUSY 01 atomically_update_sept_state_keep_ad_tdhp"],
    ],
    [
      "tdh_mem_scan_range",
      [
        "SEPT_ENTRY sept_entry EXCLUSIVE host BUSY 01 leaf-exit",
        // As deep as calls are followed; that it goes on is told.
        ...Array.from(
          { length: 8 },
          () => "SEPT_ENTRY sept_entry EXCLUSIVE host BUSY 01 while level > 0 && i < 512 scan_trees",
        ),
      ],
    ],
    [
      "tdh_iq_inv_process",
      ["IOMMU_CONFIG sharex_hp EXCLUSIVE host BUSY 08 while curr_q <= queues iteration-end"],
      ["TDX_OPERAND_BUSY 0x8000020000000000"],
    ],
    ["tdg_devif_request", ["DEVIFMT_ENTRY bit_hp EXCLUSIVE guest BUSY 01 0x8000020100000001 leaf-exit"]],
    ["tdh_mem_scan_comp", [], ["TDX_OPERAND_BUSY 0x8000020000000001"]],
  ];

  it.each(CASES)("%s has its rows", async (name, rows, otherBusy = []) => {
    const tree = await extracted();
    const leaf = tree.catalog.leaves.find((one) => one.name === name);
    expect(leaf?.acquisitions.map(brief)).toEqual(rows);
    expect(leaf?.otherBusy.map(({ name: status, status: number }) => `${status} ${number}`)).toEqual(otherBusy);
  });

  it("of a bit that nothing describes, taken in a leaf, and of a recursion, is told at its place", async () => {
    const tree = await extracted();
    const [taken, given] = [tree.at("_lock_bts_64b(context, 0)"), tree.at("_lock_btr_64b(context, 0)")];
    expect(said(tree.catalog.diagnostics).filter((text) => !text.startsWith("SL1042 error leaves.c"))).toEqual([
      `SL1021 error ${tree.at("status = scan_trees(tdcs_ptr, gpa + i, level - 1)")}`,
      `SL1044 error ${taken}`,
      `SL1044 error ${given}`,
    ]);
  });

  it("has the two bits of a device's entry as one lock with host priority, whatever its functions are called", async () => {
    const tree = await extracted();
    const own = tree.catalog.primitives.filter(({ kind }) => kind === "bit_hp");
    expect(
      own.map(({ operation, side, word }) => [operation, side, word.fields.map(({ name, lsb }) => `${name} ${lsb}`)]),
    ).toEqual([
      ["acquire", "host", ["exclusive 1", "hp 2"]],
      ["acquire", "guest", ["exclusive 1", "hp 2"]],
      ["release", null, ["exclusive 1", "hp 2"]],
    ]);
    expect(
      tree.catalog.locks.find(({ kind }) => kind === "bit_hp")?.fields.map(({ name, lsb }) => `${name} ${lsb}`),
    ).toEqual(["lock 1", "host_prio 2"]);
  });

  it("makes a catalog that can be read", async () => {
    const tree = await extracted();
    expect(parseCatalog(serializeCatalog(tree.catalog), "catalog").leaves).toHaveLength(CASES.length);
  });
});
