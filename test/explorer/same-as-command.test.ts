/** What the page says is what the command line prints. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseCatalog } from "../../src/catalog/index.ts";
import { hostsBefore, modulesBefore } from "../../src/explorer/before.ts";
import type { ExplorerData } from "../../src/explorer/index.ts";
import { type Answer, answerTo, type Question } from "../../src/explorer/logic/questions.ts";
import { parseHost } from "../../src/host/index.ts";
import { explanationWords } from "../../src/report/index.ts";
import { inProcess } from "../cli/run.ts";

const modules = ["1.5.01", "1.5.05", "1.5.16", "1.5.20", "1.5.25"].map((name) => ({
  name,
  catalog: parseCatalog(readFileSync(`data/modules/${name}.json`, "utf8"), name),
}));
const hosts = ["linux-6.16", "linux-7.0"].map((name) => ({
  name,
  profile: parseHost(readFileSync(`data/hosts/${name}.yaml`, "utf8"), name).profile,
}));
const data: ExplorerData = {
  schema: "seamlock/explorer@1",
  modules,
  hosts,
  scenarios: [],
  initial: { module: "1.5.25", host: "linux-7.0" },
  before: { modules: modulesBefore(modules), hosts: hostsBefore(hosts) },
};

const answer = <Q extends Question>(question: Q): Answer<Q> => answerTo(question, data) as Answer<Q>;

/** Versions between which calls come that a host makes, or that it does not make. */
const STEPS = [
  ["1.5.01", "1.5.05", "linux-7.0", null],
  ["1.5.16", "1.5.20", "linux-7.0", null],
  ["1.5.16", "1.5.20", "linux-6.16", "tdh_phymem_pamt_add"],
  ["1.5.16", "1.5.20", null, null],
  ["1.5.20", "1.5.25", "linux-6.16", null],
] as const;

describe("a difference between two versions", () => {
  it.each(STEPS)("from %s to %s under %s, of %s, is what `seamlock diff` prints", async (before, after, host, leaf) => {
    const of = { kind: "diff", before, after, host, leaf } as const;
    const words = [...(host === null ? [] : ["--host", host]), ...(leaf === null ? [] : ["--leaf", leaf])];
    const printed = async (form: string): Promise<string> =>
      (await inProcess(["diff", before, after, ...words, "--format", form])).out;
    const text = await printed("text");
    expect(answer({ kind: "render", form: "text", of })).toBe(text);
    expect(answer({ kind: "render", form: "markdown", of })).toBe(await printed("markdown"));
    const { digest, changed } = answer(of);
    expect(text.replaceAll(/\s+/g, " ")).toContain(digest.sentence);
    // Of calls that the host does not make nothing is told, in the list of rows either.
    const calls = changed.map((row) => row.leaf);
    if (host !== null && leaf === null) expect(calls.filter((call) => call.includes("export"))).toEqual([]);
  });

  it("is told on the first page under the host of that page, as the page behind its link tells it", () => {
    for (const { name: module } of modules) {
      for (const host of [...hosts.map(({ name }) => name), null]) {
        const home = answer({ kind: "home", module, host });
        if (home.module === null) continue;
        const { before, sentence } = home.module;
        expect(sentence).toBe(answer({ kind: "diff", before, after: module, host, leaf: null }).digest.sentence);
      }
    }
  });
});

describe("an explanation", () => {
  it.each([
    ["the OP_STATE of a call that is not legal in it", "SEAMCALL TDH_MR_FINALIZE failed: 0xc000060800000002"],
    ["a call that the module does not have", "virt/tdx: TDH.SYS.DISABLE failed: 0xc000010000000000"],
    ["outputs", "SEAMCALL TDH_PHYMEM_PAGE_RECLAIM failed: 0xc000030000000001, rcx 0x3, rdx, 0x123456000, r8 0x0"],
    ["a cut status", "0x80000200000000"],
    ["two statuses", "SEAMCALL TDH_MEM_TRACK failed: 0x80000200000000A9\nTDH_VP_ENTER failed: 0x8000020000000092"],
  ])("of %s has every sentence that `seamlock explain` prints", async (_what, line) => {
    const document = answer({ kind: "explain", module: "1.5.25", host: "linux-7.0", line });
    if (typeof document === "string") throw new Error(document);
    const words = ["--module", "1.5.25", "--host", "linux-7.0"];
    const printed = (await inProcess(["explain", line, ...words])).out.replaceAll(/\s+/g, " ");
    for (const one of [document, ...document.others]) {
      const { facts, changed, seen } = explanationWords(one);
      expect(facts.length).toBeGreaterThan(1);
      for (const text of [...facts, changed ?? "", seen ?? ""]) expect(printed).toContain(text);
    }
  });

  it("says where the lines state another module or kernel than the page", () => {
    const line = "virt/tdx: Module version: 1.5.05\nSEAMCALL TDH_MEM_PAGE_AUG failed: 0x8000020000000092";
    const told = (module: string, host: string | null, text = line): readonly string[] => {
      const document = answer({ kind: "explain", module, host, line: text });
      return typeof document === "string" ? [document] : document.assumptions;
    };
    expect(told("1.5.25", "linux-7.0")).toEqual([
      "The lines state module 1.5.05; this is told for 1.5.25, which is chosen above.",
    ]);
    expect(told("1.5.05", "linux-7.0")).toEqual([]);
    const kernel = "Linux version 6.16.3 (x@y)\nSEAMCALL TDH_MEM_TRACK failed: 0x80000200000000A9";
    expect(told("1.5.25", "linux-7.0", kernel)).toEqual([
      expect.stringMatching(
        /^The lines state Linux 6\.16.*; what the kernel does is told for Linux 7\.0, which is chosen above\.$/,
      ),
    ]);
    expect(told("1.5.25", null, kernel)).toEqual([]);
  });
});

describe("a source of one's own", () => {
  const [base] = modules.filter(({ name }) => name === "1.5.25");
  if (base === undefined) throw new Error("1.5.25 is missing");
  const changed = {
    ...base.catalog,
    module: { ...base.catalog.module, version: "./mine", sourceDigest: `sha256:${"0".repeat(64)}` },
    constants: { ...base.catalog.constants, STEPPING_EPF_THRESHOLD: 10 },
  };
  const all = [...modules, { name: "./mine", catalog: changed }];
  const own: ExplorerData = { ...data, modules: all, before: { ...data.before, modules: modulesBefore(all) } };

  it("is held against the last release that differs in anything that `diff` tells, a constant too, under a host as without", () => {
    expect(own.before.modules["./mine"]).toBe("1.5.25");
    for (const host of ["linux-7.0", null]) {
      const of = { kind: "diff", before: "1.5.25", after: "./mine", host, leaf: null } as const;
      const { digest } = answerTo(of, own) as Answer<typeof of>;
      expect(digest.constants).toEqual(["STEPPING_EPF_THRESHOLD: 6 -> 10"]);
      expect(answerTo({ kind: "render", form: "text", of }, own)).toContain("- STEPPING_EPF_THRESHOLD: 6 -> 10");
      expect(digest.sentence).toMatch(/^From 1\.5\.25 to \.\/mine: no contention appears or disappears\./);
    }
  });

  it("is held against it also where only a function or a primitive is another, and not where only lines moved", () => {
    const comparedWith = (change: Partial<typeof changed>): string | null => {
      const catalog = { ...base.catalog, ...change };
      return modulesBefore([...modules, { name: "./mine", catalog }])["./mine"] ?? null;
    };
    const { behaviours, primitives, writers } = base.catalog;
    const another = behaviours.map((one) => (one.name === "fault-log" ? { ...one, variant: null } : one));
    const moved = <T extends { evidence: { line: number } }>(all: readonly T[]): T[] =>
      all.map((one) => ({ ...one, evidence: { ...one.evidence, line: one.evidence.line + 1 } }));
    expect(comparedWith({ behaviours: another })).toBe("1.5.25");
    expect(comparedWith({ primitives: primitives.slice(1) })).toBe("1.5.25");
    expect(comparedWith({ writers: writers.slice(1) })).toBe("1.5.25");
    expect(comparedWith({ behaviours: moved(behaviours), primitives: moved(primitives) })).toBe("1.5.20");
  });

  it("is told apart from the releases, in which the meaning of statuses was read", () => {
    const line = "SEAMCALL TDH_MEM_TRACK failed: 0x80000200000000A9";
    const told = (module: string): readonly string[] => {
      const document = answerTo({ kind: "explain", module, host: null, line }, own) as Answer<
        Question & { kind: "explain" }
      >;
      return typeof document === "string" ? [document] : document.assumptions;
    };
    expect(told("1.5.25")).toEqual([]);
    expect(told("./mine")).toEqual([
      expect.stringMatching(/read in the source of the bundled releases, not in this one/),
    ]);
  });
});

it("a line that has no status in it is answered with a sentence and what to give instead", () => {
  const said = answer({ kind: "explain", module: "1.5.25", host: null, line: "nothing" });
  expect(said).toMatch(/^there is no status in the input; give a 64-bit hex number/);
});
