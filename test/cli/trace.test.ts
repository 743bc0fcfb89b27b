import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { inProcess, temporaryFolder } from "./run.ts";

it("records a scenario, reads the recording, and agrees with what is known", { timeout: 60_000 }, async () => {
  const folder = temporaryFolder();
  const [file, known] = [join(folder, "rec.txt"), join(folder, "known.json")];
  const made = ["simulate", "page-removal", "--runs", "20", "--record", "bpftrace", "-o", file, "--culprits", known];
  expect(await inProcess(made)).toMatchObject({ status: 0, out: "", err: "" });
  const again = readFileSync(file, "utf8");
  expect((await inProcess(made)).status).toBe(0);
  expect(readFileSync(file, "utf8")).toBe(again);

  const { status, out, err } = await inProcess(["trace", file]);
  expect({ status, err }).toEqual({ status: 0, err: "" });
  expect(out).toContain("calls returned BUSY");
  expect(out).toMatch(/tdh_vp_enter +TDCS_EPOCH +tdh_mem_track +certain/);
  expect(Math.max(...out.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  expect((await inProcess(["trace", file, "--format", "markdown"])).out).toContain("| `tdh_vp_enter` |");
  expect((await inProcess(["trace", file, "--known", known])).out).toContain("wrong: 0.");
});

it("leaves out what is not asked for", { timeout: 60_000 }, async () => {
  const folder = temporaryFolder();
  const file = join(folder, "rec.txt");
  await inProcess(["simulate", "page-removal", "--runs", "10", "--record", "ndjson", "-o", file]);
  const counted = async (...words: readonly string[]) =>
    JSON.parse((await inProcess(["trace", file, "--json", ...words])).out) as {
      recording: { calls: number; tds: number };
      busy: { count: number; pairs: { leaf: string }[] };
    };
  const all = await counted();
  expect(all.recording.tds).toBe(10);
  expect((await counted("--vm", "0x141000")).recording.tds).toBe(1);
  const some = await counted("--window", "0,1.5");
  expect(some.recording.calls).toBeGreaterThan(0);
  expect(some.recording.calls).toBeLessThan(all.recording.calls);
  const track = await counted("--leaf", "tdh_mem_track");
  expect(new Set(track.busy.pairs.map(({ leaf }) => leaf))).toEqual(new Set(["tdh_mem_track"]));
  expect(track.busy.count).toBeLessThan(all.busy.count);
});

it("tells what it cannot read", async () => {
  const folder = temporaryFolder();
  const file = (text: string): string => {
    const name = join(folder, "rec.txt");
    writeFileSync(name, text);
    return name;
  };
  expect((await inProcess(["trace", file("")])).err).toContain("error[SL7003]");
  expect((await inProcess(["trace", file("hello\nworld\n")])).err).toContain("error[SL7002]");
  expect((await inProcess(["trace", join(folder, "none.txt")])).err).toContain("error[SL0006]");
  expect((await inProcess(["trace", folder])).err).toContain("is a directory");
  const cut = await inProcess(["trace", file("b 1 0 7.3\nc 0 1 2 3 4 tdh_mem_tra")]);
  expect(cut.status).toBe(3);
  expect(cut.err).toContain("warning[SL7101]: a line could not be read");
  expect(cut.err).toContain("--> line 2");
  expect((await inProcess(["trace", file("b 1 0 7.3\n"), "--known", file("{}")])).err).toContain("error[SL7006]");
  expect((await inProcess(["trace", file("b 1 0 7.3\n"), "--window", "5,4"])).err).toContain("error[SL0004]");
});

it("prints the commands of each recorder, by release", async () => {
  const script = async (...words: readonly string[]) => (await inProcess(["record", ...words])).out;
  const old = await script("--kernel", "6.16");
  const now = await script("--kernel", "7.3");
  expect(old).toContain("((uint64)args.page - @vmemmap) / 64");
  expect(now).toContain("(uint64)args.pfn");
  expect(now).toContain("(uint64)args.level - 1");
  expect(old).not.toContain("(uint64)args.level - 1");
  // The wrapper of TDH.VP.ENTER is noinstr.
  for (const tool of ["bpftrace", "trace-cmd", "perf"]) {
    const text = await script("--kernel", "7.3", "--tool", tool);
    expect(text).not.toMatch(/\btdh_vp_enter\b(?=[ :{=]*$)/m);
    expect(text).toContain("# It does not show:");
    expect(text).toContain("tdh_mem_page_remove");
  }
  expect((await inProcess(["record", "--kernel", "6.12"])).err).toContain("error[SL7001]");
  expect((await inProcess(["record", "--kernel", "9.1"])).err).toContain("warning[SL7007]");
  expect((await inProcess(["record", "--tool", "perff"])).err).toContain("did you mean `perf`?");
});
