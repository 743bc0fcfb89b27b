import { describe, expect, it } from "vitest";
import { counterWraps, diffCatalogs, hasDifferences } from "../../src/analysis/index.ts";
import type { Catalog, LockProgram } from "../../src/catalog/index.ts";
import { bundled } from "../locks/bundled.ts";

const changes = (a: Catalog, b: Catalog) => diffCatalogs(a, b).behaviour;
const place = (site: { file: string; line: number } | undefined) => `${site?.file.split("/").at(-1)}:${site?.line}`;
const brief = (a: Catalog, b: Catalog) =>
  changes(a, b)
    .filter(({ kind }) => kind !== "leaf")
    .map(({ kind, name, before, after }) => `${kind} ${name} ${place(before?.site)} -> ${place(after?.site)}`);

describe("what two releases do differently", () => {
  it("1.5.16 to 1.5.20: the write of entries, pending pages under suspicion, and the lock of the tree", () => {
    expect(brief(bundled("1.5.16"), bundled("1.5.20"))).toEqual([
      "writer sept-write tdh_mem_page_remove.c:224 -> sept_manager.c:838",
      "function is_epf_expected td_exit_stepping.c:144 -> td_exit_stepping.c:144",
      "function td_entry_stepping_filter td_exit_stepping.c:341 -> td_exit_stepping.c:354",
      "function tdh_mem_page_demote tdh_mem_page_demote.c:69 -> tdh_mem_page_demote.c:71",
      "function tdh_mem_page_promote tdh_mem_page_promote.c:168 -> tdh_mem_page_promote.c:158",
      "function add_l1_and_l2_pages tdh_mem_sept_add.c:198 -> tdh_mem_sept_add.c:198",
      "function tdg_mem_page_attr_wr tdg_mem_page_attr_wr.c:174 -> tdg_mem_page_attr_wr.c:178",
      "function non_shared_hpa_metadata_check_and_lock helpers.c:155 -> helpers.c:156",
      "function check_any_td_state_map_tdcs_and_lock helpers.c:535 -> helpers.c:550",
      "function pamt_walk pamt_manager.c:212 -> pamt_manager.c:345",
    ]);
  });

  it("says which contentions go otherwise for it", () => {
    const found = changes(bundled("1.5.16"), bundled("1.5.20"));
    const meets = (name: string) =>
      found.find((one) => one.name === name)?.pairs.map(({ a, b, resource }) => `${resource}: ${a}, ${b}`);
    expect(meets("td_entry_stepping_filter")).toEqual([
      "SEPT_TREE: tdh_mem_page_promote, tdh_vp_enter",
      "SEPT_TREE: tdh_mem_range_block, tdh_vp_enter",
      "SEPT_TREE: tdh_mem_range_unblock, tdh_vp_enter",
      "SEPT_TREE: tdh_mem_sept_remove, tdh_vp_enter",
    ]);
    expect(meets("sept-write")).toContain("SEPT_ENTRY: tdg_mem_page_accept, tdh_mem_range_block");
    expect(meets("sept-write")?.filter((text) => !text.startsWith("SEPT_ENTRY"))).toEqual([]);
  });

  it("of a release that was read by hand only what was read: the locks' functions", () => {
    const found = changes(bundled("1.5.25"), bundled("2.0.18-read"));
    expect([...new Set(found.map(({ kind }) => kind))]).toEqual(["primitive"]);
    const shared = found.find(({ name }) => name === "acquire_sharex_lock_hp_sh");
    expect(shared?.what).toMatch(/reads host priority before it takes anything and never subtracts/);
    expect(shared?.pairs).toContainEqual({ a: "tdg_dmar_accept", b: "tdh_mem_page_demote", resource: "PAMT_1G" });
  });

  it("1.5.20 to 1.5.24: the second store is gone", () => {
    const [writer] = changes(bundled("1.5.20"), bundled("1.5.24"));
    expect(writer).toMatchObject({
      kind: "writer",
      before: { text: expect.stringContaining("then a plain store"), site: { line: 838 } },
      after: { text: expect.stringContaining("one compare-and-exchange"), site: { line: 812 } },
      resources: ["SEPT_ENTRY"],
    });
  });

  it("nothing, where nothing differs", () => {
    expect(changes(bundled("1.5.25"), bundled("1.5.25"))).toEqual([]);
    expect(brief(bundled("1.5.24"), bundled("1.5.25"))).toEqual([]);
  });

  it("a leaf's states, one by one", () => {
    const [found] = changes(bundled("1.5.20"), bundled("1.5.24")).filter(({ name }) => name === "tdg_servtd_rd");
    expect(found).toMatchObject({
      kind: "leaf",
      what: "OP_STATEs in which it is legal",
      before: { text: "none of these" },
      after: { text: "START_IMPORT" },
    });
  });
});

describe("a guest that looks at host priority first", () => {
  const old = bundled("1.5.25");
  const mended = (program: LockProgram): LockProgram =>
    program.function === "acquire_sharex_lock_hp_sh" && program.side === "guest"
      ? {
          ...program,
          steps: [
            {
              instruction: { op: "read" },
              line: 330,
              branches: [
                { when: [[{ field: "hp", mask: null, is: 1, not: false }]], to: "busy-host-priority", check: null },
                { when: null, to: 1, check: null },
              ],
            },
            {
              instruction: { op: "xadd", field: "counter", by: 1 },
              line: 336,
              branches: [
                { when: [[{ field: "exclusive", mask: null, is: 1, not: false }]], to: "busy", check: null },
                { when: [[{ field: "counter", mask: null, is: 0x3fff, not: false }]], to: "halt", check: 10 },
                { when: null, to: "success", check: null },
              ],
            },
          ],
        }
      : program;
  const renewed = { ...old, primitives: old.primitives.map(mended) };

  it("wraps no counter", () => {
    expect(counterWraps(old).length).toBeGreaterThan(0);
    expect(counterWraps(renewed)).toEqual([]);
  });

  it("is a difference, in words, with the resources that it is about", () => {
    expect(hasDifferences(diffCatalogs(old, renewed))).toBe(true);
    expect(changes(old, renewed)).toEqual([
      expect.objectContaining({
        kind: "primitive",
        name: "acquire_sharex_lock_hp_sh",
        what: "the guest's shared acquire of a sharex_hp lock reads host priority before it takes anything and never subtracts",
        before: expect.objectContaining({ text: "add 1 to counter; subtract 1 from counter" }),
        after: expect.objectContaining({ text: "read; add 1 to counter" }),
        resources: expect.arrayContaining(["TDR", "RTMR"]),
      }),
    ]);
  });

  it("that takes the same steps on other bits, or ends otherwise after them, is told as that", () => {
    const changed = (of: (program: LockProgram) => LockProgram) =>
      changes(old, {
        ...old,
        primitives: old.primitives.map((p) => (p.function === "sept_lock_acquire_host" ? of(p) : p)),
      }).map(({ what }) => what);
    const moved = (program: LockProgram): LockProgram => ({
      ...program,
      word: {
        ...program.word,
        fields: program.word.fields.map((f) => (f.name === "exclusive" ? { ...f, lsb: 10 } : f)),
      },
    });
    const ended = (program: LockProgram): LockProgram => ({
      ...program,
      steps: program.steps.map((step) => ({
        ...step,
        branches: [{ when: null, to: "success" as const, check: null }],
      })),
    });
    expect(changed(moved)).toEqual(["the host's acquire of a sept_entry lock has exclusive at bit 10, not bit 11"]);
    expect(changed(ended)).toEqual([
      "the host's acquire of a sept_entry lock performs the same steps, and tests or ends otherwise",
    ]);
  });
});
