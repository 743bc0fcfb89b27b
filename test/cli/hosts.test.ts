import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { contendSchema, explainSchema, hostDiffSchema } from "../../src/analysis/index.ts";
import { hostLintSchema, hostSchema, hostsSchema } from "../../src/host/index.ts";
import { reportSchema } from "../../src/report/index.ts";
import { handSource, hostSource } from "../host/profile.ts";
import { inProcess, temporaryFolder } from "./run.ts";

const M = ["--module", "1.5.05"];

describe("seamlock host", () => {
  test("lists, shows and lints", async () => {
    const list = await inProcess(["host", "--json"]);
    expect(hostsSchema.parse(JSON.parse(list.out)).hosts.map((h) => h.name)).toContain("linux-6.16");
    expect((await inProcess(["host"])).out).toContain("patch-v1-2024-09");
    expect((await inProcess(["host", "show", "linux-6.16"])).out).toBe(hostSource("linux-6.16"));
    expect(
      hostSchema.safeParse(JSON.parse((await inProcess(["host", "show", "linux-6.16", "--json"])).out)).success,
    ).toBe(true);
    expect(await inProcess(["host", "lint", "linux-6.19", ...M])).toMatchObject({ status: 0 });
  });

  test.each([
    [["diff", "1.5.05", "1.5.25"], []],
    [["policies"], []],
    [["report"], ["--host", "linux-6.19"]],
    [["contend"], ["--host", "linux-6.19"]],
  ])("none is the module alone: %j", async (verb, host) => {
    const alone = await inProcess([...verb, "--host", "none", "--json"]);
    expect(alone.err).not.toContain("error");
    const { out } = await inProcess([...verb, ...host, "--json"]);
    if (host.length === 0) expect(alone.out).toBe(out);
    else expect(alone.out).not.toBe(out);
  });

  test("lint says where and what next, and exits 1", async () => {
    const file = join(temporaryFolder(), "mine.yaml");
    writeFileSync(file, handSource("linux-6.19").replace("call: tdh_mem_track", "call: tdh_mem_trak"));
    const { status, out } = await inProcess(["host", "lint", file, ...M]);
    expect(status).toBe(1);
    expect(out).toMatch(
      /error\[SL3101\]: module 1\.5\.05 has no leaf `tdh_mem_trak`\n {2}--> .*mine\.yaml:\d+:\d+\nhelp: did you mean `tdh_mem_track`/,
    );
    const json = await inProcess(["host", "lint", file, ...M, "--json"]);
    expect(hostLintSchema.parse(JSON.parse(json.out)).findings[0]?.code).toBe("SL3101");
  });

  test.each([
    [["host", "lnt", "x"], "did you mean `lint`?"],
    [["host", "lint"], "lint needs a host"],
    [["contend", "--host", "linux-6.15"], "did you mean `linux-6.1"],
    [["contend", "--host", "./none.yaml"], "no such file"],
  ])("%j is a usage error", async (args, text) => {
    const { status, err } = await inProcess(args);
    expect(status).toBe(2);
    expect(err).toContain(text);
  });
});

describe("--host", () => {
  test("contend says which paths", async () => {
    const { status, out } = await inProcess([
      "contend",
      "tdh_mem_track",
      ...M,
      "--host",
      "linux-6.16",
      "--resource",
      "TDCS_EPOCH",
    ]);
    expect(status).toBe(0);
    expect(out).toContain("under Linux 6.16");
    expect(out).toContain("kvm->mmu_lock");
    const json = await inProcess(["contend", "tdh_mem_track", ...M, "--host", "linux-6.16", "--json"]);
    expect(contendSchema.parse(JSON.parse(json.out)).host?.name).toBe("linux-6.16");
  });

  test("report has the conclusion", async () => {
    const { out } = await inProcess(["report", ...M, "--host", "patch-v1-2024-09"]);
    expect(out.replaceAll(/\s+/g, " ")).toContain("Avoided: (2) KOT by tdx_lock, (3) TDCS, (4) TDVPR");
    expect(Math.max(...out.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
    const json = await inProcess(["report", ...M, "--host", "patch-v1-2024-09", "--json"]);
    expect(reportSchema.parse(JSON.parse(json.out)).hostVerdicts[0]).toMatchObject({
      resource: "TDR",
      verdict: "possible",
    });
    expect((await inProcess(["report", ...M, "--host", "linux-6.19", "--format", "markdown"])).out).toContain(
      "## Conclusion",
    );
  });

  test("--allow makes a check of it", async () => {
    const file = join(temporaryFolder(), "allow.yaml");
    const one = "{ a: tdh_mem_track, b: tdh_vp_enter, resource: TDCS_EPOCH, reason: kicked }";
    writeFileSync(file, `schema: seamlock/allow@1\nallow:\n  - ${one}\n`);
    const args = ["contend", ...M, "--host", "linux-6.19", "--allow", file];
    expect((await inProcess([...args, "--resource", "TDCS_EPOCH"])).status).toBe(0);
    const other = await inProcess([...args, "--resource", "SEPT_TREE"]);
    expect(other.status).toBe(1);
    expect(other.err).toMatch(
      /finding\[SL3201\]: tdh_mem_page_aug, tdh_mem_sept_add can contend with tdh_vp_enter on SEPT_TREE/,
    );
    expect(other.err).toContain("warning[SL3202]");
  });

  test("diff takes two hosts", async () => {
    const { status, out } = await inProcess(["diff", "linux-6.16", "linux-6.19", ...M]);
    expect(status).toBe(1);
    expect(out).toContain("=== Closed ===");
    const json = await inProcess(["diff", "linux-6.16", "linux-6.19", ...M, "--json"]);
    expect(hostDiffSchema.parse(JSON.parse(json.out)).contention.appeared).toEqual([]);
    expect(hostDiffSchema.parse(JSON.parse(json.out)).diagnostics.after.map(({ code }) => code)).toContain("SL3420");
    expect(await inProcess(["diff", "linux-6.16", "linux-6.16", ...M])).toMatchObject({ status: 0, err: "" });
  });

  test("a fact that changed is a difference in words, document and status, though the same calls contend", async () => {
    const { status, out } = await inProcess(["diff", "linux-7.0", "linux-7.1", ...M]);
    expect(status).toBe(1);
    expect(out).toContain("the same pairs of calls can contend.");
    expect(out).toContain("no longer holds cpu_hotplug_lock shared");
    expect(out).toContain("no longer makes the call with interrupts off");
    const facts = async (...asked: string[]) => {
      const { status: of, out: text } = await inProcess(["diff", "linux-7.0", "linux-7.1", ...M, ...asked, "--json"]);
      const doc = hostDiffSchema.parse(JSON.parse(text));
      return { status: of, facts: doc.facts.map(({ change, path, calls }) => [change, path, calls]) };
    };
    expect(await facts()).toEqual({
      status: 1,
      facts: [
        ["locks-removed", "TDX start", ["tdh_sys_rd", "tdh_sys_config", "tdh_sys_key_config", "tdh_sys_tdmr_init"]],
        ["interrupts", "CPU online", ["tdh_sys_init", "tdh_sys_lp_init"]],
      ],
    });
    expect(await facts("--leaf", "tdh_sys_init")).toEqual({
      status: 1,
      facts: [["interrupts", "CPU online", ["tdh_sys_init"]]],
    });
    expect(await facts("--leaf", "tdh_mem_track")).toEqual({ status: 0, facts: [] });
    // A lock of the host is on no resource of the module.
    expect(await facts("--resource", "TDR")).toEqual({ status: 0, facts: [] });
  });
});

describe("seamlock explain", () => {
  test("takes a line as several words, and several statuses", async () => {
    const line = "[  12.5] kvm_intel: SEAMCALL TDH_MEM_PAGE_REMOVE failed: 0x8000020000000092";
    const { status, out } = await inProcess(["explain", ...line.split(" "), ...M, "--host", "linux-6.16"]);
    expect(status).toBe(0);
    expect(out).toContain("TDX_OPERAND_BUSY | SEPT_TREE");
    expect(out).toContain("KVM_RUN enter");
    const two = await inProcess(["explain", "0x8000020000000092", "0xC0000B0800000000", ...M, "--json"]);
    expect(explainSchema.parse(JSON.parse(two.out)).others).toHaveLength(1);
  });

  test("names other versions on which the answer differs, unless the version is given", async () => {
    const words = ["explain", "0x8000020000000092", "--leaf", "tdh_mem_page_remove", "--host", "linux-6.16"];
    expect((await inProcess(words)).out).toContain("and 1.5.16: tdh_vp_enter()");
    expect((await inProcess([...words, "--module", "1.5.25"])).out).not.toContain("On other versions");
  });

  test("an input without a status is an error", async () => {
    expect(await inProcess(["explain", "hello", "world"])).toMatchObject({
      status: 2,
      err: expect.stringContaining("SL3301"),
    });
  });
});
