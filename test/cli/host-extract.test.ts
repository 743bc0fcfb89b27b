/** `host extract`, `host check` and a kernel tree as `--host`, on the small kernel. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { contendSchema, hostDiffSchema } from "../../src/analysis/index.ts";
import { hostCheckSchema, hostSchema, parseHost } from "../../src/host/index.ts";
import { SMALL_TREE, smallRules } from "../kernel/small/small.ts";
import { inProcess, temporaryFolder } from "./run.ts";

const EXTRACT = ["host", "extract", SMALL_TREE];

/** The extraction is made once, and found in the cache by the other tests. */
const folder = mkdtempSync(join(tmpdir(), "seamlock-test-"));
const rulesFile = join(folder, "rules.yaml");
const rules = ["--rules", rulesFile];
const cacheBefore = process.env["XDG_CACHE_HOME"];

beforeAll(() => {
  process.env["XDG_CACHE_HOME"] = join(folder, "cache");
  writeFileSync(rulesFile, smallRules());
});

afterAll(() => {
  if (cacheBefore === undefined) delete process.env["XDG_CACHE_HOME"];
  else process.env["XDG_CACHE_HOME"] = cacheBefore;
  rmSync(folder, { recursive: true, force: true });
});

describe("seamlock host extract", () => {
  test("prints the profile, tells what stayed unresolved, and exits 3", async () => {
    const { status, out, err } = await inProcess([...EXTRACT, ...rules]);
    expect(status).toBe(3);
    const { profile } = parseHost(out, "small.yaml");
    expect(profile.paths.find(({ name }) => name === "init, unwinding")?.exceptional).toBe("the start failed");
    expect(err).toMatch(/warning\[SL3417\].*pen_asserted asserts that kvm->slots_lock is held/);
    const json = await inProcess([...EXTRACT, ...rules, "--json"]);
    expect(hostSchema.parse(JSON.parse(json.out))).toEqual(profile);
  });

  test("writes it, and says how much there is in it", async () => {
    const file = join(temporaryFolder(), "small.yaml");
    const { out } = await inProcess([...EXTRACT, ...rules, "-o", file]);
    expect(out).toMatch(/^linux-unknown: \d+ paths with \d+ calls\n$/);
    const { profile } = parseHost(readFileSync(file, "utf8"), file);
    expect(profile.extracted?.rules).toBe("small-kernel");
  });

  test("explains how a SEAMCALL is reached, with the lines of the source", async () => {
    const { out } = await inProcess([...EXTRACT, ...rules, "--explain", "KVM_PEN_PLAIN tdh_mng_rd"]);
    expect(out).toContain("mutex_lock(&kvm->lock);");
    expect(out).toContain("if (tdh_mng_rd(&to_kvm_tdx(kvm)->td, 1, &data))");
    expect(out).toMatch(/arch\/x86\/kvm\/vmx\/tdx\.c:\d+/);
    const none = await inProcess([...EXTRACT, ...rules, "--explain", "KVM_PEN_PLAIN tdh_vp_enter"]);
    expect(none.status).toBe(2);
    expect(none.err).toContain("error[SL3403]");
  });

  test.each([
    [["host", "extract", "./none"], "SL3401"],
    [["host", "extract", "test"], "SL3401"],
    [["host", "extract", "."], "SL3401"],
    [[...EXTRACT, "--rules", "package.json"], "SL3"],
    [["host", "check", "linux-6.19"], "SL0004"],
  ])("%j is a usage error", async (args, code) => {
    const { status, err } = await inProcess(args);
    expect(status).toBe(2);
    expect(err).toContain(`error[${code}`);
  });
});

describe("seamlock host check", () => {
  test("finds nothing in the profile of the tree itself, and what was changed in it", async () => {
    const file = join(temporaryFolder(), "small.yaml");
    await inProcess([...EXTRACT, ...rules, "-o", file]);
    const same = await inProcess(["host", "check", file, SMALL_TREE, ...rules]);
    expect(same.out).toContain("states what linux-unknown shows, and no more");
    expect(same.status).toBe(3);

    const { profile } = parseHost(readFileSync(file, "utf8"), file);
    const paths = profile.paths.map((path) =>
      path.name === "kvm_vm_ioctl: KVM_PEN_FINALIZE"
        ? { ...path, holds: [], steps: path.steps.map((s) => ({ ...s, holds: [] })) }
        : path,
    );
    writeFileSync(file, JSON.stringify({ ...profile, paths }));
    const other = await inProcess(["host", "check", file, SMALL_TREE, ...rules]);
    expect(other.status).toBe(1);
    expect(other.err).toMatch(/warning\[SL3417\].*pen_asserted asserts that kvm->slots_lock is held/);
    expect(other.out).toMatch(/only shown: .*tdh_mr_finalize.*kvm->lock.*tdx\.c:\d+/s);
    const json = await inProcess(["host", "check", file, SMALL_TREE, ...rules, "--json"]);
    expect(hostCheckSchema.parse(JSON.parse(json.out)).diagnostics.map(({ code }) => code)).toContain("SL3417");
    expect(hostCheckSchema.parse(JSON.parse(json.out)).differences.map(({ call }) => call)).toEqual(
      expect.arrayContaining(["tdh_mr_finalize"]),
    );
  });
});

test("a kernel's tree is a host wherever one is named", async () => {
  const args = ["contend", "tdh_mem_track", "--module", "1.5.05", "--host", SMALL_TREE, "--json"];
  const { out, err, status } = await inProcess(args);
  // What stayed unresolved in the tree makes every answer that rests on it inconclusive.
  expect(err).toMatch(/^(error|warning)\[SL34\d\d\]/m);
  expect(status).toBe(3);
  const { host, pairs } = contendSchema.parse(JSON.parse(out));
  expect(host?.name).toBe("linux-unknown");
  expect(pairs.length).toBeGreaterThan(0);
  const diff = await inProcess(["diff", "linux-6.19", SMALL_TREE, "--module", "1.5.05"]);
  expect(diff.status).toBe(1);
  expect(diff.out).toContain("=== Opened ===");
  // What the extraction had to say is told as by `host extract`.
  expect(diff.err).toMatch(/^(error|warning)\[SL34\d\d\]/m);
  expect(diff.err).toMatch(/notes not shown; --verbose shows them/);
  const inJson = await inProcess(["diff", "linux-6.19", SMALL_TREE, "--module", "1.5.05", "--json"]);
  const { before, after } = hostDiffSchema.parse(JSON.parse(inJson.out)).diagnostics;
  expect(before.every(({ severity }) => severity === "note")).toBe(true);
  expect(after.some(({ severity }) => severity !== "note")).toBe(true);
});
