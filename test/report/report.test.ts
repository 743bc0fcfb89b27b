import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { schemaFiles } from "../../scripts/make-schemas.ts";
import { contention, diffCatalogs } from "../../src/analysis/index.ts";
import { type Catalog, parseCatalog } from "../../src/catalog/index.ts";
import { plain, wrap } from "../../src/report/blocks.ts";
import {
  buildReport,
  type ReportOptions,
  renderContendMarkdown,
  renderContendText,
  renderDiffMarkdown,
  renderDiffText,
  renderReportMarkdown,
  renderReportText,
  reportSchema,
} from "../../src/report/index.ts";
import mail from "../analysis/mail-users.json" with { type: "json" };
import { anyCatalog } from "../catalog/arbitrary.ts";
import { leaf, row, site, smallCatalog, until } from "../catalog/fixture.ts";

const PUBLISHED = "data/modules/lkml-2024-09-13.json";
const published = parseCatalog(readFileSync(PUBLISHED, "utf8"), PUBLISHED);
const reportText = (catalog: Catalog, options: ReportOptions = {}): string =>
  renderReportText(buildReport(catalog, options));
const all = { scope: { kind: "all" } } as const;

/** Sentences run over lines; tests look at them as one. */
const flowing = (text: string): string => text.replaceAll(/\s+/g, " ");

function expectMailable(text: string): void {
  expect(text.endsWith("\n")).toBe(true);
  for (const line of text.split("\n")) {
    expect(line.length).toBeLessThanOrEqual(80);
    expect(line).toMatch(/^[ -~]*$/);
    expect(line).not.toMatch(/ $/);
  }
}

describe("the report", () => {
  test("of the published table has exactly the mail's users, in the mail's order of resources", () => {
    const { resources } = buildReport(published);
    for (const [i, expected] of mail.users.entries()) {
      expect(resources[i]?.resource).toBe(expected.resource);
      expect(new Set(resources[i]?.shared)).toEqual(new Set(expected.shared));
      expect(new Set(resources[i]?.exclusive)).toEqual(new Set(expected.exclusive));
    }
  });

  test("of the published table says where its facts come from, and shows all its rows", () => {
    const text = reportText(published);
    expect(flowing(text)).toMatch(/a table made and published by hand \(lock-status-report-2024-09-13\.txt\)/i);
    expect(text.split("\n")[0]).toContain("lkml-2024-09-13");
    expect(flowing(text)).toContain("(28 calls)");
    expect(text).toMatch(/^tdh_phymem_cache_wb +mutex_lock +EXCLUSIVE +wbt_entries +-$/m);
    expect(text).toMatch(/^tdg_mem_page_accept +sept entry lock +EXCLUSIVE +SEPT entry +-$/m);
  });

  test("stays as it is", async () => {
    await expect(reportText(published)).toMatchFileSnapshot("golden/lkml-2024-09-13.txt");
    await expect(reportText(smallCatalog(), all)).toMatchFileSnapshot("golden/small.txt");
    await expect(reportText(smallCatalog(), { ...all, evidence: true })).toMatchFileSnapshot(
      "golden/small-evidence.txt",
    );
    const markdown = renderReportMarkdown(buildReport(smallCatalog(), all));
    await expect(markdown).toMatchFileSnapshot("golden/small.md");
    await expect(renderContendText(contention(smallCatalog()))).toMatchFileSnapshot("golden/small-contend.txt");
  });

  test("what matters stands first, then the mail's sections in its order", () => {
    const headings = [...reportText(smallCatalog(), all).matchAll(/^=== (.*) ===$/gm)].map((m) => m[1]);
    expect(headings).toEqual([
      "TL;DR (a TD that runs)",
      "Handling BUSY",
      "Lock kinds",
      "Resources and users",
      "SEAMCALLs and TDCALLs",
      "Notes",
      "Summary",
      "Conclusion",
      "Assumptions and provenance",
    ]);
  });

  test("diagnostics stand on the first screen", () => {
    const first = reportText(smallCatalog()).split("\n").slice(0, 24).join("\n");
    expect(first).toContain("The extraction gave 1 warning.");
    expect(first).toContain("SL3001 warning: a lock of an unknown class (src/x.c:9)");
    const error = { code: "SL3002", severity: "error", message: "lost", file: null, line: null } as const;
    expect(reportText(smallCatalog({ diagnostics: [error, error] }))).toContain(
      "INCOMPLETE: the extraction left 2 errors",
    );
    expect(reportText(smallCatalog({ diagnostics: [] }))).not.toContain("The extraction");
  });

  test("says nothing of host priority where a primitive is as in no bundled module, but which one it is", () => {
    const known = parseCatalog(readFileSync("data/modules/1.5.25.json", "utf8"), "1.5.25");
    // As if the guest did not look at host priority.
    const primitives = known.primitives.map((program) =>
      program.function === "sept_lock_acquire_guest" ? { ...program, steps: program.steps.slice(0, 1) } : program,
    );
    const document = buildReport({ ...known, primitives });
    expect(document.unreadPrimitives).toEqual([
      {
        kind: "sept_entry",
        name: "the guest's acquire of a sept_entry lock",
        site: expect.objectContaining({ function: "sept_lock_acquire_guest" }),
      },
    ]);
    const text = flowing(renderReportText(document));
    expect(text).toContain("EXCLUSIVE only. As in no bundled module: sept_lock_acquire_guest()");
    expect(text).not.toContain("takes entry_lock first and looks then");
    expect(text).toContain("a guest that sees it gives way");
    expect(buildReport(known).unreadPrimitives).toEqual([]);
    expect(flowing(reportText(known))).toContain("takes entry_lock first and looks then");
  });

  test("compares the host priority of one lock kind with another's only where something is said of that", () => {
    const known = parseCatalog(readFileSync("data/modules/1.5.25.json", "utf8"), "1.5.25");
    expect(flowing(reportText(known))).toContain("EXCLUSIVE only. Host priority likewise, but a guest");
    const primitives = known.primitives.map((program) =>
      program.function === "acquire_sharex_lock_hp_sh" ? { ...program, steps: program.steps.slice(0, 1) } : program,
    );
    const text = flowing(renderReportText(buildReport({ ...known, primitives })));
    expect(text).toContain("As in no bundled module: acquire_sharex_lock_hp_sh()");
    expect(text).not.toContain("likewise, but");
    expect(text).toContain(
      "EXCLUSIVE only. A refused host sets host_prio, a host that gets the lock clears it; a guest takes",
    );
  });

  test("says of a lock of whose BUSY no status tells just that, and of no other", () => {
    const known = parseCatalog(readFileSync("data/modules/1.5.25.json", "utf8"), "1.5.25");
    const told = (name: string) => {
      const leaves = known.leaves.filter((leaf) => leaf.name === name);
      return flowing(reportText(known, { scope: { kind: "leaves", leaves } }));
    };
    const sentence = "No constant status of the call tells that it is busy.";
    expect(told("tdh_export_blockw")).toContain(sentence);
    expect(told("tdh_mem_page_aug")).not.toContain(sentence);
  });

  test("sentences follow the facts", () => {
    const before = flowing(reportText(smallCatalog(), all));
    expect(before).toContain("Stays locked while the vCPU is in the guest; TD exit releases it.");
    expect(before).toContain("the first 6 only");
    const base = smallCatalog({ constants: { STEPPING_EPF_THRESHOLD: 9, EPF_GPA_LIST_SIZE: 4 } });
    const changed = {
      ...base,
      leaves: base.leaves.map((l) =>
        l.name === "tdh_vp_enter" ? { ...l, acquisitions: l.acquisitions.map((a) => until("leaf-exit", a)) } : l,
      ),
    };
    const after = flowing(reportText(changed, all));
    expect(after).not.toContain("TD exit releases");
    expect(after).toContain("the first 9 only count");
    expect(after).toContain("at most 4");
    expect(flowing(reportText(smallCatalog({ constants: {} }), all))).not.toContain("EPT violations");
  });

  test("what guests see of host priority is said of a dispatcher that was read", () => {
    const { behaviours } = smallCatalog();
    const dispatched = (variant: string | null): string =>
      flowing(
        reportText(
          smallCatalog({
            behaviours: behaviours.map((one) => (one.name === "host-priority-timeout" ? { ...one, variant } : one)),
          }),
          all,
        ),
      );
    expect(dispatched("busy-then-exit")).toContain("A guest sees plain TDX_OPERAND_BUSY");
    expect(dispatched(null)).not.toContain("A guest sees plain");
    expect(dispatched(null)).toContain("nobody has read this tree's host_priority_timeout (src/stepping.c:4)");
    expect(flowing(reportText(smallCatalog({ behaviours: [] }), all))).not.toContain("A guest sees plain");
  });

  test("one call alone contends with itself", () => {
    const one = smallCatalog({ leaves: [leaf("tdh_a", 1, [row("TDR", "EXCLUSIVE")])] });
    const text = flowing(reportText(one, all));
    expect(text).toContain("(1 call)");
    expect(text).toContain("tdh_a() contends with itself on another CPU on the TDR");
  });

  test("focus by leaf shows its contention with every other call", () => {
    const leaves = smallCatalog().leaves.filter((l) => l.name === "tdh_mem_track");
    const doc = buildReport(smallCatalog(), { scope: { kind: "leaves", leaves } });
    expect(renderReportText(doc).split("\n")[0]).toBe("Lock status report of the TDX module 0.1.02: tdh_mem_track");
    expect(doc.leaves.map((l) => l.name)).toEqual(["tdh_mem_track"]);
    expect(doc.contention.map((p) => p.b)).toContain("tdh_vp_enter");
  });

  test("focus by resource shows its users and nothing of others", () => {
    const doc = buildReport(smallCatalog(), { scope: { kind: "resources", resources: ["KOT"] } });
    expect(doc.resources.map((r) => r.resource)).toEqual(["KOT"]);
    expect(doc.leaves.map((l) => l.name)).toEqual(["tdh_phymem_cache_wb"]);
    expect(doc.summary.map((s) => s.resource)).toEqual(["KOT"]);
  });

  test("every row can show its evidence", () => {
    const text = reportText(smallCatalog(), { ...all, evidence: true });
    const rows = smallCatalog()
      .leaves.flatMap((l) => l.acquisitions)
      .filter((a) => !/^PAMT/.test(a.resource));
    expect(text.match(/src\/helpers\.c:7 \(take_lock\)/g)).toHaveLength(rows.length);
    const pamt = reportText(smallCatalog(), { ...all, evidence: true, pamt: true });
    expect(pamt.match(/src\/helpers\.c:7/g)?.length).toBeGreaterThanOrEqual(rows.length);
  });

  test("a line of the source stands at the end of the chain, where the tree is at hand", () => {
    const doc = buildReport(smallCatalog(), { ...all, evidence: true });
    const text = renderReportText(doc, { sourceLine: ({ line }) => (line === 7 ? "   take(lock);" : null) });
    const link = "https://github.com/example/module/blob/0123456789ab/src/helpers.c#L7";
    expect(text).toContain(`(take_lock)\n      take(lock);\n      ${link}\n`);
    expect(renderReportMarkdown(doc)).toContain(`<${link}>`);
  });

  test("every row links to its line of the source, whole however long, and to nothing where the source is not public", () => {
    const rows = smallCatalog().leaves.flatMap((l) => l.acquisitions);
    const links = (catalog: Catalog): number =>
      renderReportText(buildReport(catalog, { ...all, evidence: true, pamt: true })).match(/^ +https:\/\/\S+#L7$/gm)
        ?.length ?? 0;
    expect(links(smallCatalog())).toBe(rows.length);
    const deep = smallCatalog({
      leaves: [leaf("tdh_a", 1, [row("TDR", "SHARED", { evidence: [site(`src/${"folder/".repeat(20)}a.c`, 7)] })])],
    });
    expect(links(deep)).toBe(1);
    const { module } = smallCatalog();
    expect(links(smallCatalog({ module: { ...module, repository: null } }))).toBe(0);
  });

  test("a condition without words is never shown cut, and whole with its evidence", () => {
    const when = "some_flag && ".repeat(40);
    const long = smallCatalog({ leaves: [leaf("tdh_a", 1, [row("TDR", "SHARED", { when })])] });
    expect(reportText(long, all)).not.toContain("some_flag");
    expect(flowing(reportText(long, all))).toContain("under a condition that only the source words (--evidence)");
    const whole = reportText(long, { ...all, evidence: true });
    expect(whole.slice(0, whole.indexOf("=== Notes")).match(/some_flag/g)).toHaveLength(40);
  });

  test("quoted, and in other widths", () => {
    const doc = buildReport(smallCatalog(), all);
    const quoted = renderReportText(doc, { quote: true });
    for (const line of quoted.trimEnd().split("\n")) {
      expect(line).toMatch(/^>/);
      expect(line.length).toBeLessThanOrEqual(80);
    }
    const wide = renderReportText(doc, { width: 120 }).split("\n");
    expect(Math.max(...wide.map((line) => line.length))).toBeGreaterThan(100);
    const narrow = renderReportText(doc, { width: 72 }).split("\n");
    expect(Math.max(...narrow.map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  test("an empty scope is a report too", () => {
    expectMailable(reportText(smallCatalog({ leaves: [] })));
  });
});

describe("text for mailing lists", () => {
  test("any catalog gives ASCII lines of at most 80 columns", () => {
    fc.assert(
      fc.property(anyCatalog, anyCatalog, fc.boolean(), (a, b, evidence) => {
        expectMailable(reportText(a, { ...all, evidence }));
        expectMailable(renderContendText(contention(a)));
        expectMailable(renderDiffText(diffCatalogs(a, b)));
      }),
    );
  });

  test("any report keeps its schema, and Markdown tables keep their columns", () => {
    fc.assert(
      fc.property(anyCatalog, anyCatalog, (a, b) => {
        const doc = buildReport(a, all);
        expect(reportSchema.parse(doc)).toEqual(doc);
        const texts = [
          renderReportMarkdown(doc),
          renderContendMarkdown(contention(a)),
          renderDiffMarkdown(diffCatalogs(a, b)),
        ];
        for (const line of texts
          .join("\n")
          .split("\n")
          .filter((l) => l.startsWith("| "))) {
          expect([2, 3, 4, 5, 6]).toContain(line.replaceAll(/\\./g, "").split("|").length - 1);
        }
      }),
    );
  });

  test("wrapping loses no word and cuts only what does not fit", () => {
    const words = fc.array(fc.stringMatching(/^[a-z]{1,30}$/), { minLength: 1 });
    fc.assert(
      fc.property(words, (w) => wrap(w.join(" "), 2, 4).join(" ").trim().split(/ +/).join(" ") === w.join(" ")),
    );
    expect(wrap("x".repeat(100), 0, 2)).toEqual(["x".repeat(80), `  ${"x".repeat(20)}`]);
    expect(plain("a\u2013b\tc\u00e9\u2265")).toBe("a-b c?>=");
  });
});

describe("differences", () => {
  test("none", () => {
    expect(renderDiffText(diffCatalogs(published, published))).toContain("No difference.");
  });

  test("a changed fact once, with the calls of which it changed, and a sentence to paste on top", () => {
    const base = smallCatalog();
    const next = {
      ...base,
      module: { ...base.module, version: "0.1.03" },
      leaves: base.leaves.map((l) => ({
        ...l,
        acquisitions: l.acquisitions.map((a) =>
          a.resource === "SEPT_TREE" && l.name === "tdh_vp_enter" ? { ...a, mode: "SHARED" as const } : a,
        ),
      })),
    };
    const text = renderDiffText(diffCatalogs(base, next));
    expect(flowing(text)).toContain(
      "From 0.1.02 to 0.1.03: tdh_vp_enter() takes secure_ept_lock SHARED (was EXCLUSIVE); 3 contentions disappear",
    );
    expect(text).toMatch(/^secure_ept_lock: EXCLUSIVE -> SHARED +tdh_vp_enter\(\)$/m);
    expect(text).toMatch(/^ {4}- vp_enter x .*mem_page_aug.* on the SEPT tree lock$/m);
    expect(text).not.toContain("EXCLUSIVE sharex");
    const other = renderDiffText(diffCatalogs(base, next), { leaves: ["tdh_mem_track"] });
    expect(other).not.toContain("secure_ept_lock: EXCLUSIVE");
  });
});

test("the committed JSON Schemas are current", () => {
  const files = schemaFiles();
  expect(new Set(readdirSync("schemas"))).toEqual(new Set(files.keys()));
  for (const [file, text] of files) expect(readFileSync(join("schemas", file), "utf8")).toBe(text);
});
