/** Reports of every bundled module and under every bundled host, scanned for what no report may have. */
import { describe, expect, test } from "vitest";
import { newestHost } from "../../src/cli/hosts.ts";
import { bundledModules } from "../../src/cli/modules.ts";
import { buildReport, type ReportDocument, renderReportMarkdown, renderReportText } from "../../src/report/index.ts";
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

function report(module: string, name: string | null): ReportDocument {
  return buildReport(moduleNamed(module), name === null ? {} : { host: host(name) });
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

describe.each(combinations)("module %s under %s", (module, name) => {
  const doc = report(module, name);
  const text = renderReportText(doc);
  const lines = text.trimEnd().split("\n");

  test("is a mail: ASCII, at most 80 columns, not much longer than the published one", () => {
    for (const line of lines) {
      expect(line.length, line).toBeLessThanOrEqual(80);
      expect(line).toMatch(/^[ -~]*$/);
    }
    expect(lines.length).toBeLessThanOrEqual(275);
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
  });

  test("reads as Markdown, with names as code and no escaped underscores", () => {
    const markdown = renderReportMarkdown(doc);
    expect(markdown).not.toContain("\\_");
    expect(markdown).toContain("## Conclusion");
    expect(markdown).toContain("`tdh_mng_create`");
  });
});

test("of 1.5.05 under Linux 6.16 has about 250 lines", () => {
  const doc = buildReport(moduleNamed("1.5.05"), { host: host("linux-6.16"), later: [host("linux-6.19")] });
  expect(renderReportText(doc).trimEnd().split("\n").length).toBeLessThanOrEqual(252);
});
