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
  expect(status).toBe(0);
  expect(err).toMatch(/^note: The recording names no module.*\n$/);
  expect(out).toMatch(/=== tdh_\w+: [\d.]+ \w+ from [\d.]+ s, \d+ tr(y|ies) ===\nCPU and call/);
  expect(out).toMatch(/^\d [\w ]+ {2,}[.#=]{44}$/m);
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
      episodes: { count: number; worst: { leaf: string }[] };
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
  expect(new Set(track.episodes.worst.map(({ leaf }) => leaf))).toEqual(new Set(["tdh_mem_track"]));
  expect(track.episodes.count).toBeLessThan(all.episodes.count);
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
  const binary = await inProcess(["trace", file("PERFILE2\0\0")]);
  expect(binary.status).toBe(2);
  expect(binary.err).toContain("perf script -i FILE");
  expect((await inProcess(["trace", file("\u0017\bDtracing6")])).err).toContain("trace-cmd report -i FILE");
  const nothing = await inProcess(["trace", file("b 1 0 6.19\nl tdh_mem_track\nz 5\n")]);
  expect(nothing.status).toBe(3);
  expect(nothing.err).toMatch(/warning\[SL7110\]: no call into the TDX module.*\nhelp: record while TDs run/);
  const call = "c 0 1 2 3 4 tdh_mem_track 140 - - - - 0\n";
  const other = await inProcess(["trace", file(`b 1 0 6.19\n${call}`), "--vm", "0x141"]);
  expect(other.err).toMatch(/SL7110\]: none of the recording's 1 calls.*\nhelp: its TDs are 0x140; it runs from/);
  expect((await inProcess(["trace", file(`b 1 0 6.19\n${call}`), "--leaf", "tdh_mem_trak"])).err).toContain(
    "tdh_mem_track",
  );
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
  // TDH.VP.FLUSH is called from an interrupt, which function_graph leaves out without this.
  expect(await script("--kernel", "7.3", "--tool", "trace-cmd")).toContain(" -O funcgraph-irqs ");
  expect((await inProcess(["record", "--kernel", "6.12"])).err).toContain("error[SL7001]");
  expect((await inProcess(["record", "--kernel", "9.1"])).err).toContain("warning[SL7007]");
  expect((await inProcess(["record", "--tool", "perff"])).err).toContain("did you mean `perf`?");
});

it("takes the module and the kernel from the recording", async () => {
  const folder = temporaryFolder();
  const name = join(folder, "rec.txt");
  const read = async (text: string, ...words: readonly string[]) => {
    writeFileSync(name, text);
    const { out, err } = await inProcess(["trace", name, "--json", ...words]);
    const { module, host, recording } = JSON.parse(out) as {
      module: { version: string };
      host: string | null;
      recording: { calls: number; unread: number };
    };
    return { module: module.version, host, calls: recording.calls, unread: recording.unread, err };
  };
  const call = "c 0 1 2 3 4 tdh_mem_track 140 - - - - 0\n";
  const whole = await read(`# kernel 6.16.3-generic\n# module 1.5.05\nAttaching 5 probes...\nb 1 0 6.16.3\n${call}`);
  expect(whole).toMatchObject({ module: "1.5.05", host: "linux-6.16", calls: 1, unread: 0 });
  expect(await read(`virt/tdx: Module version: 1.5.05\r\nb 1 0 6.19\r\n${call}`)).toMatchObject({
    module: "1.5.05",
    host: "linux-6.19",
    calls: 1,
  });
  expect(await read(`b 1 0 6.19\n${call}`, "--host", "none")).toMatchObject({ module: "1.5.25", host: null });
  // Colours of a terminal, a byte order mark, and much else before it.
  const noise = "Nov 28 10:00:00 host systemd[1]: Started.\n".repeat(900);
  const coloured = `\u00ef\u00bb\u00bf${noise}b 1 0 6.19\n\u001b[01;31m\u001b[K${call}`;
  writeFileSync(name, coloured, "latin1");
  expect(JSON.parse((await inProcess(["trace", name, "--json"])).out)).toMatchObject({
    recording: { calls: 1, passed: 900, unread: 0 },
  });
});
