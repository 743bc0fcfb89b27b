/** Reports of every bundled module and under every bundled host, scanned for what no report may have. */
import { describe, expect, test } from "vitest";
import { isAncestor } from "../../src/analysis/index.ts";
import { newestHost } from "../../src/cli/hosts.ts";
import { bundledModules, bundledReleases } from "../../src/cli/modules.ts";
import { resourceNamed } from "../../src/cli/names.ts";
import { type HostSeverity, SEVERITIES, worst } from "../../src/host/index.ts";
import { plain } from "../../src/report/blocks.ts";
import {
  buildReport,
  type ReportDocument,
  renderReportMarkdown,
  renderReportText,
  resourceAliases,
} from "../../src/report/index.ts";
import { inProcess } from "../cli/run.ts";
import { HOSTS, host, moduleNamed } from "../host/profile.ts";

const MODULES = bundledModules();
/**
 * Every module alone and under the newest kernel, the newest module under every host, and two more hosts for each module in turn: what a
 * host does to a sentence it does on any module, so that all of the pairs would tell little more.
 */
const combinations = MODULES.flatMap((module, i) => {
  const turns = [HOSTS[(2 * i) % HOSTS.length], HOSTS[(2 * i + 1) % HOSTS.length], newestHost()];
  const hosts = module === MODULES.at(-1) ? HOSTS : HOSTS.filter((name) => turns.includes(name));
  return [null, ...hosts].map((name) => [module, name] as const);
});

// Each is read once: there are many combinations.
const modules = new Map(bundledModules().map((module) => [module, moduleNamed(module)] as const));
const hosts = new Map(HOSTS.map((name) => [name, host(name)] as const));

function report(module: string, name: string | null): ReportDocument {
  const profile = name === null ? undefined : hosts.get(name);
  return buildReport(modules.get(module) ?? moduleNamed(module), profile === undefined ? {} : { host: profile });
}

/** Bodies of sections, by heading. */
function sections(text: string): Map<string, string> {
  const parts = text.split(/^=== (.*) ===$/m);
  const found = new Map<string, string>();
  for (let i = 1; i < parts.length; i += 2) found.set(parts[i] ?? "", parts[i + 1] ?? "");
  return found;
}

/** Prose without tables, as sentences. */
function sentences(text: string): string[] {
  const prose = text
    .split(/\n(?=\n|- |\(\w+\) |=== )/)
    .map((part) => part.replaceAll(/\s+/g, " ").trim())
    .join("\n");
  return prose.split(/\n|(?<=[a-z)]\.) (?=[A-Z])/).filter((sentence) => sentence.length > 45);
}

/** The published mail has 313 lines. */
const MOST_LINES = 250;

describe.each(combinations)("module %s under %s", (module, name) => {
  const doc = report(module, name);
  const text = renderReportText(doc);
  const lines = text.trimEnd().split("\n");

  test("is a mail: ASCII, at most 80 columns, not much longer than the published one", () => {
    for (const line of lines) {
      expect(line.length, line).toBeLessThanOrEqual(80);
      expect(line).toMatch(/^[ -~]*$/);
    }
    expect(lines.length).toBeLessThanOrEqual(MOST_LINES);
  });

  test("has no cut expression and no member access of the module's source", () => {
    expect(text).not.toContain("[...]");
    expect(text).not.toContain("only the source words");
    // KVM's locks are named as its people name them, with an arrow; the module's expressions are not.
    const own = text.replaceAll(/\b(kvm|vcpu)->\w+/g, "");
    expect(own).not.toContain("->");
    expect(own).not.toMatch(/\.raw\b|\w\[\w+\]|&&|\|\|| == | != /);
    expect(own).not.toMatch(/undefined|null|NaN|\{\w+\}/);
  });

  test("says nothing twice", () => {
    const rows = /^=== Conclusion ===\n[\s\S]*?(?=^- |^=== )/m;
    const all = sentences(text.replace(rows, ""));
    const twice = all.filter((sentence, i) => all.indexOf(sentence) < i);
    expect(twice).toEqual([]);
  });

  test("tells each meeting once, whichever end is named first", () => {
    const meetings = doc.conclusionRows.map(({ section, resource, left, right }) =>
      [section, resource, ...[left, right].map(({ calls, label }) => `${calls.toSorted()} ${label}`).sort()].join("\n"),
    );
    expect(meetings).toEqual([...new Set(meetings)]);
  });

  test("says that the module lacks something only where all of it was extracted", () => {
    const { origin } = doc.module;
    if (origin !== "extracted") expect(text).not.toMatch(/The module does not have|Only SHARED, so/);
    expect(text).not.toMatch(/p_seamldr_\w+\(\)/);
  });

  test("agrees with itself on numbers", () => {
    const parts = sections(text);
    const numbers = new Map(doc.resources.map(({ resource }, i) => [`(${i + 1})`, resource]));
    for (const [n, resource] of numbers) expect(parts.get("Resources and users")).toContain(`${n} ${resource}`);
    for (const heading of ["Summary", "Conclusion", "TL;DR (a TD that runs)"]) {
      for (const [n] of (parts.get(heading) ?? "").matchAll(/\(\d+\)(?= |,|:|$)/gm))
        expect(numbers.has(n), n).toBe(true);
    }
    for (const [, n = "", resource] of (parts.get("Summary") ?? "").matchAll(/^(\(\d+\)) (\w+):/gm)) {
      expect(numbers.get(n)).toBe(resource);
    }
    const calls = /\((\d+)\s+calls?\)$/m.exec(text)?.[1];
    expect(Number(calls)).toBe(new Set(doc.leaves.map((leaf) => leaf.name)).size);
  });

  test("puts what matters first: run time before building and teardown, a lost VM before an error, what is rare below", () => {
    const order = ["runtime", "build", "teardown", "late", "exceptional"];
    const places = doc.conclusionRows.map(({ section }) => order.indexOf(section));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    for (const section of order) {
      const host = (end: ReportDocument["conclusionRows"][number]["left"]): HostSeverity[] =>
        end.guest ? [] : [end.worst];
      const worsts = doc.conclusionRows
        .filter((row) => row.section === section)
        .map(({ left, right }) => SEVERITIES.indexOf(worst([...host(left), ...host(right)])));
      expect(worsts, section).toEqual([...worsts].sort((a, b) => a - b));
    }
    const conclusion = sections(text).get("Conclusion") ?? "";
    if (conclusion.includes("Exceptional:"))
      expect(conclusion.indexOf("Exceptional:")).toBeGreaterThan(conclusion.lastIndexOf(" x "));
  });

  test("tells PAMT ancestors once, and what the loser of every other lock gets", () => {
    const rows = lines.filter((line) => /^.{24}\S.{15}(SHARED|EXCLUSIVE) /.test(line) && !line.startsWith("SEAMCALL"));
    expect(rows.length).toBeGreaterThan(0);
    for (const row of rows) {
      expect(row).not.toContain("PAMT_");
      if (doc.module.origin !== "published") expect(row.slice(67).trim(), row).toMatch(/^(none|- \(|[A-Z])/);
    }
    expect(text.match(/whoever names a page by HPA/g) ?? []).toHaveLength(doc.pamtNote === null ? 0 : 1);
  });

  test("answers the proposal, each way of handling BUSY on a line, or says that nothing is known", () => {
    const handling = sections(text).get("Handling BUSY") ?? "";
    if (!doc.handling.some(({ verdicts }) => verdicts.length > 0)) return expect(handling).toMatch(/No verdict/);
    for (const { title, verdicts, proposal, hosts } of doc.handling.filter((one) => one.verdicts.length > 0)) {
      const line = handling.split(/\n(?! )/).find((one) => one.startsWith(title)) ?? "";
      expect(line, title).toMatch(/ (yes|no)\b|vCPU/);
      if (proposal !== null) expect(line).toContain("(m)");
      if (hosts) expect(line).toContain("(*)");
      // A search that ended early, and a size that is another, are told.
      const most = verdicts.reduce((a, b) => (b.states > a.states ? b : a));
      const states = most.states < 1e6 ? most.states.toLocaleString("en") : `${(most.states / 1e6).toFixed(1)} M`;
      expect(line).toMatch(new RegExp(` ${states.replace(".", "\\.")}${most.whole ? "(?!\\+)" : "\\+"}`));
      for (const { pages } of verdicts) if (pages !== 2) expect(line).toContain(`(${pages} page)`);
    }
    expect(handling.replaceAll(/\s+/g, " ")).toMatch(/^.*2 pages are removed while 3 vCPUs run/);
    expect(handling).toContain("seamlock policies --module");
  });

  test("prints every assumption that its verdicts rest on, and none of the sentences that are false", () => {
    const flat = text.replaceAll(/\s+/g, " ");
    for (const assumption of doc.assumptions) expect(flat).toContain(plain(assumption).replaceAll(/\s+/g, " "));
    if (name !== null) expect(doc.assumptions).toEqual(expect.arrayContaining([...(hosts.get(name)?.assumed ?? [])]));
    expect(flat).not.toMatch(
      /guest gets TDX_OPERAND_BUSY_HOST_PRIORITY|every guest that tries loses|what no source says|The call changed nothing/,
    );
    expect(flat).not.toMatch(/[Oo]nly (shared|exclusive) accesses/);
  });

  test("has a letter for every note, and a note for every letter", () => {
    const table = [...text.matchAll(/\(((?:[a-z]{1,2})(?:,[a-z]{1,2})*)\)$/gm)].flatMap(([, letters = ""]) =>
      letters.split(","),
    );
    const notes = [...text.matchAll(/^\(([a-z]{1,2})\) /gm)].map(([, letter]) => letter);
    expect(new Set(table)).toEqual(new Set(notes));
  });

  test("tells in the TL;DR what the conclusion has while a TD runs, and nothing else", () => {
    if (name === null) return;
    const running = new Set(
      doc.conclusionRows
        .filter((row) => row.section === "runtime")
        .flatMap(({ left, right }) => [...left.calls, ...right.calls]),
    );
    const said = doc.tldr
      .filter((line) => / contends? /.test(line))
      .map((line) => line.replace(/ (From|Up to) module .*/, ""));
    const named = new Set(
      [...said.join(" ").matchAll(/\b(td[hg]_\w+)(\/wr)?\(\)/g)].flatMap(([, call = "", both]) =>
        both === undefined ? [call] : [call, call.replace(/rd$/, "wr")],
      ),
    );
    for (const call of named) expect([...running]).toContain(call);
    const own = doc.conclusionRows.filter(
      ({ section, resource }) => section === "runtime" && resource !== "PAGE" && !isAncestor(resource),
    );
    for (const call of own.flatMap(({ left, right }) => [...left.calls, ...right.calls])) {
      expect([...named]).toContain(call);
    }
  });

  test("reads as Markdown, with names as code and no escaped underscores", () => {
    const markdown = renderReportMarkdown(doc);
    expect(markdown).not.toContain("\\_");
    // Commands are code, a folded name is one piece of code, and a status with its operand, too.
    expect(markdown).not.toMatch(/\\`|\\>|`\/\w/);
    expect(markdown).not.toMatch(/^(?!\|).*\\\|/m);
    expect(markdown).toContain("## Conclusion");
    expect(markdown).toContain("`tdh_mng_create`");
  });
});

test("a resource is known by the name of its lock, too, and a report without options is the newest module under the newest kernel", async () => {
  for (const [alias, resource] of resourceAliases()) expect(resourceNamed(moduleNamed("1.5.25"), alias)).toBe(resource);
  const { out } = await inProcess(["report"]);
  const [newest] = [bundledReleases().at(-1)];
  const kernel = HOSTS.filter((name) => name.startsWith("linux-"))
    .at(-1)
    ?.replace("linux-", "Linux ");
  expect(out).toMatch(new RegExp(`^Lock status report of the TDX module ${newest} under ${kernel} \\(`));
});

test.each(MODULES)("of %s under Linux 6.16, of which there is most to say, is no longer", (module) => {
  const doc = buildReport(moduleNamed(module), { host: host("linux-6.16"), later: [host("linux-6.19")] });
  expect(renderReportText(doc).trimEnd().split("\n").length).toBeLessThanOrEqual(MOST_LINES);
});

test("a compare-exchange that is lost stands in the TL;DR and in the summary, with what Linux's guest makes of it", () => {
  const text = renderReportText(report("1.0.03", "linux-6.19")).replaceAll(/\s+/g, " ");
  const [tldr = "", summary = ""] = ["TL;DR (a TD that runs)", "Summary"].map(
    (of) => text.split(`=== ${of} ===`)[1]?.split("===")[0],
  );
  const lost = "get TDX_OPERAND_BUSY if the SEPT entry changed between the call's read and its compare-exchange.";
  expect(tldr).toContain(
    `tdh_mem_range_block() and tdg_mem_page_accept() write the SEPT entry by compare-exchange, under no lock that both take, and ${lost}`,
  );
  expect(tldr).toContain("A Linux guest does not: if accepting a 4K page fails it panics");
  expect(summary).toContain(`(-) SEPT entry: no lock; tdh_mem_range_block() and tdg_mem_page_accept() ${lost}`);
  expect(summary).toContain("sets the entry's bit TDGL, which bars other TDCALLs; no SEAMCALL looks at it");
  // What the host keeps apart is told, too, though this source has no table of OP_STATEs.
  expect(summary).toMatch(/\(5\) SEPT_TREE: Kept apart by kvm->mmu_lock/);
  const later = renderReportText(report("1.5.05", "linux-6.19"));
  expect(later).not.toContain("compare-exchange");
});

test("of a module that was read in part, says what is not known instead of what is not there", () => {
  const text = renderReportText(report("2.0.18-read", "linux-7.1")).replaceAll(/\s+/g, " ");
  expect(text).toContain("(4) TDVPR: Only SHARED among the calls that were read, so that nobody is refused.");
  expect(text).toMatch(/Not read, so that nobody knows whom they meet: .*tdh_vp_create\(\).*, which the host calls/);
});

test("a busy lock whose status has no operand is told by its status", () => {
  expect(renderReportText(report("1.5.25", "linux-7.3"))).toMatch(/^tdh_sys_init\/config\/ .* GLOBAL +SYS_BUSY$/m);
});
