/** Words on the command line, names of files and texts in files that nobody would write on purpose: each has a code and a next step. */
import { appendFileSync, chmodSync, cpSync, existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { inProcess, temporaryFolder } from "./run.ts";

const LONG = "a".repeat(300);

describe("a word that cannot be what it should", () => {
  it.each([
    ["a value that is no YAML", ["check", "page-removal", "--set", "vcpus=*a"], "SL4208"],
    ["an option's value that is no YAML", ["check", "lock/mutex", "--hosts", "["], "SL4208"],
    ["a size below the least", ["check", "zero-step", "--threshold", "0"], "SL4208"],
    ["flags joined to that of the version", ["report", "-Vx", "--json"], "SL0003"],
    ["a module's name longer than a file's", ["report", "--module", LONG], "SL0006"],
    ["a host's", ["report", "--host", LONG], "SL0006"],
    ["a scenario's", ["check", LONG], "SL0006"],
    ["a matrix's", ["sweep", LONG, "-d", "x"], "SL0006"],
    ["what is no log either", ["explain", LONG], "SL3301"],
  ])("%s", async (_what, args, code) => {
    const { status, out, err } = await inProcess(args);
    expect({ status, out }).toEqual({ status: 2, out: "" });
    expect(err).toMatch(new RegExp(`^error\\[${code}\\]: .*\\n(  --> .*\\n)?help: `));
  });

  it("says how small a size may be, in words", async () => {
    const { err } = await inProcess(["check", "zero-step", "--threshold", "0"]);
    expect(err).toContain("--threshold: 0 is too small: at least 1");
  });

  it("a link that leads to itself", async () => {
    const loop = join(temporaryFolder(), "loop");
    symlinkSync(loop, loop);
    for (const args of [
      ["check", loop],
      ["report", "--module", loop],
      ["explain", loop],
      ["sweep", "locks", "-d", join(loop, "x")],
    ]) {
      const { status, err } = await inProcess(args);
      expect([status, err]).toEqual([2, expect.stringContaining("symbolic links form a loop")]);
    }
    const { status, err } = await inProcess(["host", "extract", loop]);
    expect([status, err]).toEqual([2, expect.stringMatching(/^error\[SL3401\]: .*loop is no folder that can be read/)]);
  });

  it.skipIf(process.getuid?.() === 0)("a folder that may not be read", async () => {
    const folder = temporaryFolder();
    chmodSync(folder, 0);
    onTestFinished(() => chmodSync(folder, 0o700));
    for (const args of [
      ["host", "extract", folder],
      ["extract", folder],
      ["explain", join(folder, "x")],
      ["sweep", "locks", "-d", folder],
      ["sweep", "merge", folder],
    ]) {
      const { status, err } = await inProcess(args);
      expect([status, err]).toEqual([2, expect.stringMatching(/^error\[SL(0006|1003|3401)\]: /)]);
    }
  });
});

describe("what stands in a file", () => {
  it("never commands the terminal that shows it", async () => {
    const tree = temporaryFolder();
    cpSync("test/module/fixture", tree, { recursive: true });
    appendFileSync(join(tree, "src/common/helpers.c"), "#if FOO(1) \u001b]0;title\u0007 \u202e\n#endif\n");
    const { err, out } = await inProcess(["extract", tree, "--no-cache"]);
    expect(err + out).not.toMatch(/(?!\n)\p{Cc}|\u202e/u);
    expect(err).toContain("\\x1b]0;title\\x07 \\u202e");
  });

  it("never commands it in a warning of any verb", async () => {
    const file = join(temporaryFolder(), "allow.yaml");
    const entry = '{ a: tdh_vp_init, b: tdh_vp_wr, resource: "TDR\\e[2J", reason: x }';
    writeFileSync(file, `schema: seamlock/allow@1\nallow:\n  - ${entry}\n`);
    const { err } = await inProcess(["contend", "--module", "lkml-2024-09-13", "--host", "none", "--allow", file]);
    expect(err).toContain("nothing is accepted by the entry tdh_vp_init, tdh_vp_wr on TDR\\x1b[2J\n");
    expect(err).not.toMatch(/(?!\n)\p{Cc}/u);
  });

  it("is a catalog that lacks a lock which the model needs", async () => {
    const catalog = JSON.parse(readFileSync("data/modules/1.5.25.json", "utf8"));
    for (const leaf of catalog.leaves) {
      if (leaf.name === "tdg_mem_page_accept")
        leaf.acquisitions = leaf.acquisitions.filter(({ resource }: { resource: string }) => resource !== "SEPT_ENTRY");
    }
    const file = join(temporaryFolder(), "catalog.json");
    writeFileSync(file, JSON.stringify(catalog));
    const { status, err } = await inProcess(["check", "page-removal", "--vcpus", "1", "--module", file]);
    expect([status, err]).toEqual([
      2,
      expect.stringMatching(/^error\[SL4211\]: .*SEPT_ENTRY for tdg_mem_page_accept\n/),
    ]);
  });

  it("makes no catalog that its own reader would refuse: nothing is written", async () => {
    const file = join(temporaryFolder(), "catalog.json");
    const args = ["extract", "test/module/fixture", "--no-cache", "--module-version", "", "-o", file];
    const { status, err } = await inProcess(args);
    expect([status, existsSync(file)]).toEqual([2, false]);
    expect(err).toMatch(/error\[SL1054\]: what was read of test\/module\/fixture makes no catalog: module\.version: /);
  });
});
