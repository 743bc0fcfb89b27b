import { describe, expect, test } from "vitest";
import { type CounterWrap, counterWraps } from "../../src/analysis/index.ts";
import type { Acquisition, Leaf } from "../../src/catalog/index.ts";
import { bundledModules, byVersion, loadModule } from "../../src/cli/modules.ts";
import { leaf, row, smallCatalog, until } from "../catalog/fixture.ts";

const text = ({ resource, holder, refused, reader, excludedBy }: CounterWrap): string =>
  `${resource}: ${holder.leaf}, ${refused.leaf}, ${reader.leaf}${excludedBy === null ? "" : ` (${excludedBy})`}`;
const of = (...leaves: Leaf[]): string[] => counterWraps(smallCatalog({ leaves })).map(text);
const guest = (resource: string, mode: Acquisition["mode"], object: string): Acquisition =>
  row(resource, mode, { side: "guest", object });

const report = leaf("tdg_mr_report", 4, [guest("RTMR", "SHARED", "tdcs")]);
const extend = leaf("tdg_mr_rtmr_extend", 2, [guest("RTMR", "EXCLUSIVE", "tdcs")]);
const bind = (mode: Acquisition["mode"]): Leaf =>
  leaf("tdh_servtd_bind", 48, [
    row("TDR", mode, { object: "servtd_tdr" }),
    row("RTMR", "SHARED", { object: "servtd_tdcs" }),
  ]);
const enter = leaf("tdh_vp_enter", 0, [until("td-exit", row("TDR", "SHARED"))]);
const read = (...more: Acquisition[]): Leaf =>
  leaf("tdg_servtd_rd", 18, [guest("TDR", "SHARED", "target_tdr"), ...more], { opStates: ["RUNNABLE"] });

describe("where the counter of sharex_hp can wrap", () => {
  test("a holder, a host that is refused, and a guest that shares", () => {
    expect(of(report, extend, bind("SHARED"), enter)).toEqual([
      "RTMR: tdg_mr_rtmr_extend, tdh_servtd_bind, tdg_mr_report",
    ]);
  });

  test("it takes all three, and the lock kind", () => {
    expect(of(report, extend)).toEqual([]);
    expect(of(report, bind("SHARED"))).toEqual([]);
    expect(of(extend, bind("SHARED"))).toEqual([]);
    const plain = (one: Leaf): Leaf => ({
      ...one,
      acquisitions: one.acquisitions.map((acquisition) => ({ ...acquisition, lock: "sharex" as const })),
    });
    expect(of(plain(report), plain(extend), plain(bind("SHARED")))).toEqual([]);
  });

  test("a lock that entry keeps until TD exit keeps a host out that must have it exclusively", () => {
    expect(of(report, extend, bind("EXCLUSIVE"), enter)).toEqual([
      "RTMR: tdg_mr_rtmr_extend, tdh_servtd_bind, tdg_mr_report (TDR, taken before)",
    ]);
    // Without entry nothing of the guest's own TD is held.
    expect(of(report, extend, bind("EXCLUSIVE"))).toEqual(["RTMR: tdg_mr_rtmr_extend, tdh_servtd_bind, tdg_mr_report"]);
  });

  const among = (resource: string, ...leaves: Leaf[]): string[] =>
    of(...leaves).filter((one) => one.startsWith(`${resource}:`));

  test("entry keeps nobody out by a lock that it gives back at its end, or only walks past", () => {
    const apart = "RTMR: tdg_mr_rtmr_extend, tdh_servtd_bind, tdg_mr_report";
    const early = leaf("tdh_vp_enter", 0, [row("TDR", "SHARED")]);
    const walked = leaf("tdh_vp_enter", 0, [until("td-exit", row("TDR", "NO_LOCK"))]);
    expect(of(report, extend, bind("EXCLUSIVE"), early)).toEqual([apart]);
    expect(of(report, extend, bind("EXCLUSIVE"), walked)).toEqual([apart]);
  });

  test("what entry keeps is of the guest's own TD: neither of hosts nor of a TD that a guest names", () => {
    const host = leaf("tdh_export_abort", 66, [row("TDCS", "EXCLUSIVE")]);
    const exclusive = leaf("tdh_mng_rd", 11, [row("TDR", "EXCLUSIVE"), row("TDCS", "SHARED")]);
    const own = leaf("tdg_vm_rd", 7, [guest("TDCS", "SHARED", "tdcs")]);
    expect(among("TDCS", host, exclusive, own, enter)).toContain("TDCS: tdh_export_abort, tdh_mng_rd, tdg_vm_rd");
    const holder = leaf("tdh_export_abort", 66, [row("TDR", "EXCLUSIVE"), row("TDCS", "EXCLUSIVE")]);
    const other = leaf("tdg_servtd_rd", 18, [
      row("TDCS", "SHARED", { side: "guest", object: "target_tdcs", td: "other" }),
    ]);
    expect(among("TDCS", holder, other, enter)).toEqual([
      "TDCS: tdh_export_abort, tdh_export_abort, tdg_servtd_rd (TDR, taken before)",
    ]);
    const shared = leaf("tdh_mng_rd", 11, [row("TDCS", "SHARED")]);
    expect(among("TDCS", holder, shared, other, enter)).toContain("TDCS: tdh_export_abort, tdh_mng_rd, tdg_servtd_rd");
  });

  test("a lock that was taken before keeps callers apart only from those that take the same one", () => {
    const holder = leaf("tdh_export_abort", 66, [row("TDR", "EXCLUSIVE"), row("TDCS", "EXCLUSIVE")]);
    const other = leaf("tdh_mng_rd", 11, [row("KOT", "SHARED"), row("TDCS", "SHARED")]);
    expect(among("TDCS", holder, other, leaf("tdg_vm_rd", 7, [guest("TDCS", "SHARED", "tdcs")]))).toContain(
      "TDCS: tdh_export_abort, tdh_mng_rd, tdg_vm_rd",
    );
  });

  test("a lock that was taken before keeps callers apart when one of them has it exclusively, unless it is one of several", () => {
    const pausing = (resource: string, mode: Acquisition["mode"]): Leaf =>
      leaf("tdh_export_abort", 66, [row(resource, mode), row("TDCS", "EXCLUSIVE")]);
    const other = leaf("tdh_mng_rd", 11, [row("TDR", "SHARED"), row("TDVPR", "SHARED"), row("TDCS", "SHARED")]);
    const guestRead = read(guest("TDCS", "SHARED", "target_tdcs"));
    const apart = of(pausing("TDR", "EXCLUSIVE"), other, guestRead).filter((one) => one.startsWith("TDCS"));
    expect(apart).toEqual([
      "TDCS: tdh_export_abort, tdh_export_abort, tdg_servtd_rd (TDR, taken before)",
      "TDCS: tdh_export_abort, tdh_mng_rd, tdg_servtd_rd (TDR, taken before)",
    ]);
    const vcpus = of(pausing("TDVPR", "EXCLUSIVE"), other, guestRead).filter((one) => one.startsWith("TDCS"));
    expect(vcpus).toEqual([
      "TDCS: tdh_export_abort, tdh_export_abort, tdg_servtd_rd",
      "TDCS: tdh_export_abort, tdh_mng_rd, tdg_servtd_rd",
    ]);
  });

  test("OP_STATEs count only for locks that are taken after the check", () => {
    const host = (resource: string): Leaf =>
      leaf("tdh_servtd_prebind", 49, [row("TDCS", "SHARED"), row(resource, "EXCLUSIVE", { object: "tdcs" })], {
        opStates: ["INITIALIZED"],
      });
    const reader = read(guest("TDCS", "SHARED", "target_tdcs"), guest("SERVTD_BINDINGS", "SHARED", "target_tdcs"));
    expect(of(host("SERVTD_BINDINGS"), reader)).toEqual([
      "SERVTD_BINDINGS: tdh_servtd_prebind, tdh_servtd_prebind, tdg_servtd_rd (no common OP_STATE)",
    ]);
    const early = leaf("tdh_mr_finalize", 17, [row("TDR", "EXCLUSIVE"), row("TDCS", "SHARED")], {
      opStates: ["INITIALIZED"],
    });
    expect(of(early, reader)).toEqual(["TDR: tdh_mr_finalize, tdh_mr_finalize, tdg_servtd_rd"]);
  });

  test("OP_STATEs count where both are known, share none, and both looked at the TD's own under its lock", () => {
    const host = (opStates: readonly string[], ...first: Acquisition[]): Leaf =>
      leaf("tdh_servtd_prebind", 49, [...first, row("SERVTD_BINDINGS", "EXCLUSIVE", { object: "tdcs" })], {
        opStates: [...opStates],
      });
    const reader = read(guest("TDCS", "SHARED", "target_tdcs"), guest("SERVTD_BINDINGS", "SHARED", "target_tdcs"));
    const met = "SERVTD_BINDINGS: tdh_servtd_prebind, tdh_servtd_prebind, tdg_servtd_rd";
    const looked = row("TDCS", "SHARED");
    expect(of(host(["INITIALIZED"], looked), reader)).toContain(`${met} (no common OP_STATE)`);
    expect(of(host([], looked), reader)).toContain(met);
    expect(of(host(["INITIALIZED", "RUNNABLE"], looked), reader)).toContain(met);
    expect(of(host(["INITIALIZED"], row("TDR", "SHARED")), reader)).toContain(met);
    const named = { td: "other" as const };
    const ofService = leaf(
      "tdh_servtd_prebind",
      49,
      [row("TDCS", "SHARED", named), row("SERVTD_BINDINGS", "EXCLUSIVE", { object: "tdcs", ...named })],
      { opStates: ["INITIALIZED"] },
    );
    expect(of(ofService, reader)).toContain(met);
  });

  test("the bundled modules: none in 1.0; four locks in 1.5, and one more from 1.5.20", async () => {
    for (const name of bundledModules()) {
      const catalog = await loadModule(name);
      if (catalog.module.origin !== "extracted") continue;
      const left = counterWraps(catalog).filter(({ excludedBy }) => excludedBy === null);
      const locks = new Set(left.map(({ resource }) => resource));
      const td = ["TDR", "TDCS", "SERVTD_BINDINGS", "RTMR"];
      // Dynamic PAMT locks entries of 2 MB ranges exclusively, which every walk shares.
      const wanted = name.startsWith("1.0") ? [] : byVersion(name, "1.5.20") < 0 ? td : ["PAMT_2M", ...td];
      expect([...locks]).toEqual(wanted);
      expect(left.filter(({ resource }) => resource === "RTMR").map(text)).toEqual(
        name.startsWith("1.0")
          ? []
          : ["tdg_mr_report", "tdg_servtd_rd", "tdg_servtd_wr"].map(
              (reader) => `RTMR: tdg_mr_rtmr_extend, tdh_servtd_bind, ${reader}`,
            ),
      );
    }
  });
});
