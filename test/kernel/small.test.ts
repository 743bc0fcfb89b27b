/**
 * The extraction of the small kernel: every row that expected.json speaks of comes out with all that is said of it, no other lock
 * set comes out at its place from its entry, and what cannot be known is told.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { HostProfile } from "../../src/host/index.ts";
import { extractHost, parseKernelRules } from "../../src/kernel/index.ts";
import { rowsOf } from "./oracle/compare.ts";
import { loadSmallKernel, SMALL_TREE, type SmallRow, sitesOf, smallRules } from "./small/small.ts";

/** What the small kernel's file calls the contexts that the rules have words for. */
const CONTEXTS: readonly [RegExp, string][] = [
  [/^IPI/, "ipi"],
  [/^work item/, "one-cpu"],
  [/^all CPUs stopped/, "stop-machine"],
];

const small = loadSmallKernel();
const { profile, diagnostics } = extractHost(SMALL_TREE, { rules: parseKernelRules(smallRules(), "small rules") });
const places = placesOf();
const rows = rowsWithContext(profile);

const at = (site: string, entry?: string): typeof rows =>
  rows.filter((row) => places.get(site)?.has(row.site ?? "") && (entry === undefined || row.begins(entry)));
const lockSet = (locks: readonly string[]): string => [...locks].sort().join(", ");

describe("a row of the small kernel", () => {
  const titled = small.rows.map((row) => [`${row.site} from ${row.entry}`, row] as const);

  test.each(titled)("%s", (_, row) => {
    expectRow(row);
  });

  test("has a lock set that is expected at its place from its entry", () => {
    const unexpected = small.rows.flatMap(({ site, entry }) =>
      at(site, entry)
        .filter(
          (row) =>
            !small.rows.some(
              (one) => one.site === site && row.begins(one.entry) && lockSet(one.holds) === lockSet(row.holds),
            ),
        )
        .map((row) => `${site} from ${row.path}: {${lockSet(row.holds)}}`),
    );
    expect([...new Set(unexpected)]).toEqual([]);
  });

  test("stands at a place that is spoken of", () => {
    const known = new Set([...places.values()].flatMap((lines) => [...lines]));
    expect(rows.filter(({ site }) => !known.has(site ?? "")).map(({ path, call, site }) => [path, call, site])).toEqual(
      [],
    );
  });

  test("is none for the second try after a kick", () => {
    const tries = at("kick-and-retry").filter(({ path }) => path.includes("FILTER_MIRROR"));
    expect(tries.map(({ busy }) => busy)).toEqual([["kick-and-retry:1, bug-vm"]]);
  });

  test("is none for a VM that a vCPU might not have", () => {
    const reactions = at("flush-each").map(({ busy }) => busy);
    expect(reactions).toContainEqual(["bug-vm"]);
    expect(reactions).not.toContainEqual(["warn"]);
  });

  test("has a lock that is taken again from where it was taken first", () => {
    const steps = profile.paths.flatMap((path) => path.steps.map((step) => ({ path, step })));
    const [site] = places.get("nested-srcu") ?? [];
    const uses = steps
      .filter(({ step }) => `${step.evidence?.at(-1)?.file}:${step.evidence?.at(-1)?.line}` === site)
      .flatMap(({ path, step }) => [...(path.holds ?? []), ...(step.holds ?? [])]);
    expect(uses.map((use) => (typeof use === "string" ? use : use.evidence?.map((place) => place.function)))).toEqual([
      ["pen_nested_srcu"],
    ]);
  });

  test.each(small.absent)("$site is none: $why", ({ site, entry, holds }) => {
    const here = at(site, entry).filter((row) => holds === undefined || lockSet(row.holds) === lockSet(holds));
    expect(here.map(({ path }) => path)).toEqual([]);
  });
});

test.each(small.diagnostics)("$what is told", ({ site, code }) => {
  const { file, line } = sitesOf().get(site) ?? { file: "", line: 0 };
  // At the place itself, or at the head of the function or condition that it is in.
  const near = diagnostics.filter(
    (one) => one.file === file && one.line !== null && one.line <= line && one.line > line - 5,
  );
  expect(near.map((one) => one.code)).toContain(code);
});

/** A row comes out, with all that is said of it. */
function expectRow(row: SmallRow): void {
  const here = at(row.site, row.entry).filter(({ call }) => call === row.call);
  expect(here.map(({ holds }) => lockSet(holds))).toContain(lockSet(row.holds));
  const same = here.filter(({ holds }) => lockSet(holds) === lockSet(row.holds));
  const said = same.map((one) => ({
    asserted: row.asserted && one.asserted,
    contexts: row.contexts && one.contexts,
    phases: row.phases && one.phases,
    overruns: row.overruns && one.overruns,
    ordinary: row.ordinary === false ? !one.exceptional : undefined,
    onBusy: row.onBusy && one.busy,
  }));
  const { asserted, contexts, phases, overruns, ordinary, onBusy } = row;
  expect(said).toContainEqual({
    asserted,
    contexts,
    phases,
    overruns,
    ordinary,
    onBusy: onBusy && [onBusy.join(", ")],
  });
}

/** The lines of every named place; of one in the body of a macro, also those where the macro is used. */
function placesOf(): Map<string, ReadonlySet<string>> {
  return new Map(
    [...sitesOf()].map(([site, { file, line }]) => {
      const lines = readFileSync(join(SMALL_TREE, file), "utf8").split("\n");
      let first = line - 1;
      while (lines[first - 1]?.endsWith("\\")) first--;
      const macro = /^#define (\w+)/.exec(lines[first] ?? "")?.[1];
      const uses = lines.flatMap((text, index) =>
        macro !== undefined && text.startsWith(`${macro}(`) ? [`${file}:${index + 1}`] : [],
      );
      return [site, new Set([`${file}:${line}`, ...uses])];
    }),
  );
}

function rowsWithContext(of: HostProfile) {
  const steps = of.paths.flatMap((path) => path.steps.map((step) => ({ path, step })));
  return rowsOf(of).map((row, index) => {
    const { path, step } = steps[index] ?? {};
    const elsewhere = CONTEXTS.flatMap(([words, name]) => (words.test(step?.context ?? "") ? [name] : []));
    const contexts = step?.interrupts === "off" ? [...elsewhere, "irq-off"] : elsewhere;
    const begins = (entry: string): boolean => {
      const [name = "", label] = entry.split(" ");
      return (path?.entries ?? []).some((one) => {
        const [first = "", ...labels] = one.split(/\W+/);
        return first === name && (label === undefined || label === "*" || labels.includes(label));
      });
    };
    return { ...row, contexts, begins };
  });
}

test.each([
  ["carriage returns and newlines", (text: string) => text.replaceAll("\n", "\r\n")],
  ["carriage returns", (text: string) => text.replaceAll("\n", "\r")],
  ["newlines, after a byte order mark", (text: string) => `\ufeff${text}`],
])("a tree whose lines end in %s is the same", (_, changed) => {
  const tree = mkdtempSync(join(tmpdir(), "seamlock-small-kernel-"));
  cpSync(SMALL_TREE, tree, { recursive: true });
  for (const file of readdirSync(tree, { recursive: true, encoding: "utf8" }).filter((name) => /\.[ch]$/.test(name)))
    writeFileSync(join(tree, file), changed(readFileSync(join(tree, file), "utf8")));
  const found = extractHost(tree, { rules: parseKernelRules(smallRules(), "small rules") });
  rmSync(tree, { recursive: true });
  expect(found.diagnostics).toEqual(diagnostics);
  expect(found.profile.paths).toEqual(profile.paths);
});
