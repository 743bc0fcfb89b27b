import { describe, expect, test } from "vitest";
import { type CounterWrap, counterWraps } from "../../src/analysis/index.ts";
import { type Acquisition, type Leaf, type LockProgram, releasePlace } from "../../src/catalog/index.ts";
import { bundledModules, byVersion, loadModule } from "../../src/cli/modules.ts";
import { leaf, row, site, smallCatalog, until } from "../catalog/fixture.ts";

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

  describe("what was taken before keeps two apart only where", () => {
    const reads = (met: string): Leaf => leaf("tdg_x", 9, [row(met, "SHARED", { side: "guest", lock: "sharex_hp" })]);
    const apart = (first: readonly Acquisition[], second: readonly Acquisition[], met = "TDCS"): string | undefined => {
      const holder = leaf("tdh_export_abort", 66, [...first, row(met, "EXCLUSIVE", { lock: "sharex_hp" })]);
      const refused = leaf("tdh_mng_rd", 11, [...second, row(met, "SHARED", { lock: "sharex_hp" })]);
      return among(met, holder, refused, reads(met)).find((one) => one.includes("tdh_mng_rd"));
    };
    const open = (met = "TDCS"): string => `${met}: tdh_export_abort, tdh_mng_rd, tdg_x`;
    const tdr = (mode: Acquisition["mode"], more: Partial<Acquisition> = {}): Acquisition => row("TDR", mode, more);

    test("both take it for sure, and have not given it back", () => {
      const held = `${open()} (TDR, taken before)`;
      expect(apart([tdr("EXCLUSIVE")], [tdr("SHARED")])).toBe(held);
      expect(apart([tdr("EXCLUSIVE", { when: "x" })], [tdr("SHARED")])).toBe(open());
      expect(apart([tdr("SHARED")], [tdr("EXCLUSIVE", { when: "x" })])).toBe(open());
      expect(apart([tdr("EXCLUSIVE")], [tdr("NO_LOCK")])).toBe(open());
      const order = (released: number) => ({
        order: 0,
        release: { ...releasePlace("helper"), order: released, evidence: [] },
      });
      const given = (released: number): string | undefined => {
        const holder = leaf("tdh_export_abort", 66, [
          tdr("EXCLUSIVE", order(released)),
          row("TDCS", "EXCLUSIVE", { order: 1 }),
        ]);
        const refused = leaf("tdh_mng_rd", 11, [tdr("SHARED"), row("TDCS", "SHARED")]);
        return among("TDCS", holder, refused, reads("TDCS")).find((one) => one.includes("tdh_mng_rd"));
      };
      expect([given(1), given(2)]).toEqual([open(), held]);
    });

    test("it is of the TD on which they meet, or of the system", () => {
      expect(apart([row("KOT", "EXCLUSIVE")], [row("KOT", "SHARED")])).toBe(`${open()} (KOT, taken before)`);
      expect(apart([tdr("EXCLUSIVE", { td: "other" })], [tdr("SHARED")])).toBe(open());
      expect(apart([tdr("EXCLUSIVE")], [tdr("SHARED", { td: "other" })])).toBe(open());
      // Two calls on a range's entry may be of two TDs.
      expect(apart([tdr("EXCLUSIVE")], [tdr("SHARED")], "PAMT_2M")).toBe(open("PAMT_2M"));
      expect(apart([row("KOT", "EXCLUSIVE")], [row("KOT", "SHARED")], "PAMT_2M")).toBe(
        `${open("PAMT_2M")} (KOT, taken before)`,
      );
    });

    test("entry surely keeps it, and there is one for all vCPUs of the TD", () => {
      const own = (kept: Acquisition, taken: Acquisition, met = "RTMR"): string[] =>
        among(
          met,
          leaf("tdg_mr_report", 4, [guest(met, "SHARED", "tdcs")]),
          leaf("tdg_mr_rtmr_extend", 2, [guest(met, "EXCLUSIVE", "tdcs")]),
          leaf("tdh_servtd_bind", 48, [taken, row(met, "SHARED", { lock: "sharex_hp" })]),
          leaf("tdh_vp_enter", 0, [kept]),
        );
      const free = "RTMR: tdg_mr_rtmr_extend, tdh_servtd_bind, tdg_mr_report";
      expect(own(until("td-exit", tdr("SHARED")), tdr("EXCLUSIVE"))).toEqual([`${free} (TDR, taken before)`]);
      expect(own(until("td-exit", tdr("SHARED", { when: "x" })), tdr("EXCLUSIVE"))).toEqual([free]);
      expect(own(until("td-exit", row("TDVPR", "SHARED")), row("TDVPR", "EXCLUSIVE"))).toEqual([free]);
      expect(own(until("td-exit", row("TDCS", "SHARED")), row("TDCS", "EXCLUSIVE"))).toEqual([free]);
      const range = own(until("td-exit", tdr("SHARED")), tdr("EXCLUSIVE"), "PAMT_2M");
      expect(range).toEqual(["PAMT_2M: tdg_mr_rtmr_extend, tdh_servtd_bind, tdg_mr_report"]);
    });

    test("a walk is no try", () => {
      const walk = leaf("tdh_mng_rd", 11, [row("TDCS", "NO_LOCK", { lock: "sharex_hp" })]);
      const holder = leaf("tdg_vm_wr", 8, [guest("TDCS", "EXCLUSIVE", "tdcs")]);
      expect(among("TDCS", holder, walk, reads("TDCS"))).toEqual([]);
    });
  });

  test("a host and a guest can be kept apart from the holder by different things", () => {
    const bindings = (
      name: string,
      number: number,
      first: Acquisition[],
      mode: Acquisition["mode"],
      states: string[],
    ): Leaf => leaf(name, number, [...first, row("SERVTD_BINDINGS", mode, { object: "tdcs" })], { opStates: states });
    const reader = (states: string[], ...first: Acquisition[]): Leaf =>
      leaf(
        "tdg_servtd_rd",
        18,
        [...first, guest("TDCS", "SHARED", "target_tdcs"), guest("SERVTD_BINDINGS", "SHARED", "target_tdcs")].map(
          (one) => ({ ...one, td: "other" as const }),
        ),
        {
          opStates: states,
        },
      );
    const holder = bindings("tdh_servtd_prebind", 49, [row("TDR", "EXCLUSIVE"), row("TDCS", "SHARED")], "EXCLUSIVE", [
      "INITIALIZED",
    ]);
    const host = (states: string[], ...first: Acquisition[]): Leaf =>
      bindings("tdh_servtd_bind", 48, [...first, row("TDCS", "SHARED")], "SHARED", states);
    const found = (...leaves: Leaf[]): string | undefined =>
      among("SERVTD_BINDINGS", holder, ...leaves).find((one) => one.includes("tdh_servtd_bind"));
    const met = "SERVTD_BINDINGS: tdh_servtd_prebind, tdh_servtd_bind, tdg_servtd_rd";
    expect(found(host(["INITIALIZED"]), reader(["INITIALIZED"]))).toBe(met);
    expect(found(host(["INITIALIZED"]), reader(["INITIALIZED"], guest("TDR", "SHARED", "target_tdr")))).toBe(
      `${met} (TDR, taken before)`,
    );
    expect(found(host(["RUNNABLE"]), reader(["INITIALIZED"]))).toBe(`${met} (no common OP_STATE)`);
    expect(found(host(["INITIALIZED"]), reader(["RUNNABLE"]))).toBe(`${met} (no common OP_STATE)`);
    expect(found(host(["INITIALIZED"]), reader([]))).toBe(met);
    // The reader's OP_STATEs are its target's, not those of what it takes of its own TD.
    const own = leaf(
      "tdg_servtd_rd",
      18,
      [
        guest("TDCS", "SHARED", "tdcs"),
        guest("SERVTD_BINDINGS", "SHARED", "tdcs"),
        guest("TDR", "SHARED", "target"),
      ].map((one, i) => (i === 2 ? { ...one, td: "other" as const } : one)),
      { opStates: ["RUNNABLE"] },
    );
    expect(found(host(["INITIALIZED"]), own)).toBe(met);
  });

  test("none where it is known that no guest's try to share subtracts", () => {
    const program = (by: number, more: Partial<LockProgram> = {}): LockProgram => ({
      function: "acquire",
      kind: "sharex_hp",
      operation: "acquire",
      mode: "SHARED",
      side: "guest",
      word: { type: "lock_t", bits: 16, fields: [] },
      steps: [{ instruction: { op: "xadd", field: "counter", by }, line: 1, branches: [] }],
      evidence: site("src/locks.h", 5),
      ...more,
    });
    const wraps = (...primitives: LockProgram[]): number =>
      counterWraps(smallCatalog({ leaves: [report, extend, bind("SHARED"), enter], primitives })).length;
    const adds = program(4);
    expect(wraps(adds)).toBe(0);
    expect(wraps(adds, program(-4))).toBe(1);
    expect(wraps(adds, program(-4, { side: null }))).toBe(1);
    for (const other of [
      { kind: "sharex" },
      { operation: "release" },
      { mode: "EXCLUSIVE" },
      { side: "host" },
    ] as const) {
      expect(wraps(adds, program(-4, other))).toBe(0);
      // Of the guest's own nothing is known then.
      expect(wraps(program(4, other))).toBe(1);
    }
    expect(wraps()).toBe(1);
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
