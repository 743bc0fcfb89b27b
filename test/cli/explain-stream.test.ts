/** A log as a stream: read as it comes, from a file or a pipe, and stopped by a signal with what was read. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, onTestFinished, test } from "vitest";
import { explainSchema } from "../../src/analysis/index.ts";
import { BIN, seamlock } from "./run.ts";

const LINE = "[   12.5] kvm_intel: SEAMCALL TDH_MEM_TRACK failed: 0x80000200000000a9\n";
const AT = ["--module", "1.5.05", "--json"];

test.each(["SIGINT", "SIGTERM"] as const)(
  "%s ends a log without an end, with what was read",
  async (signal) => {
    const child = spawn(process.execPath, [BIN, "explain", "-", "--json"]);
    let out = "";
    child.stdout.on("data", (chunk) => {
      out += String(chunk);
    });
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
    const line = "SEAMCALL TDH_MEM_PAGE_REMOVE failed: 0x8000020000000092\n";
    for (let i = 0; i < 3; i++) child.stdin.write(line.repeat(50));
    // The program has begun to read once it has taken more than a pipe holds.
    await new Promise<void>((resolve) => child.stdin.write("x".repeat(1 << 20), () => resolve()));
    child.kill(signal);
    child.stdin.on("error", () => undefined);
    expect(await ended).toBe(130);
    const doc = explainSchema.parse(JSON.parse(out));
    expect([doc.leaf, doc.operand?.id, doc.count]).toEqual(["tdh_mem_page_remove", "SEPT_TREE", 150]);
    // Undisturbed, it says who else holds that lock in versions before 1.5.20; here it says that it did not look.
    expect(doc.elsewhere).toEqual([]);
    expect(doc.assumptions).toContainEqual(
      expect.stringMatching(/^Interrupted: only the first 15\d lines were read, /),
    );
  },
  30_000,
);

test("a file is read like standard input; equal lines are one status with first and last", () => {
  const folder = mkdtempSync(join(tmpdir(), "seamlock-explain-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "dmesg.txt");
  writeFileSync(file, `${LINE}noise\n[   13.5] usb 1-2: new device\n${LINE.replace("12.5", "99.5")}`);
  const { status, out } = seamlock(["explain", file, ...AT]);
  const doc = explainSchema.parse(JSON.parse(out));
  expect([status, doc.count, doc.first, doc.last, doc.others.length]).toEqual([0, 2, "12.5", "99.5", 0]);
});

test("the order of a log tells which failure came from which", () => {
  const folder = mkdtempSync(join(tmpdir(), "seamlock-explain-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "dmesg.txt");
  const [cause, effect] = [
    "SEAMCALL TDH_MEM_RANGE_BLOCK failed: 0x8000020000000001\n",
    "SEAMCALL (0x000000000000000f) failed: 0xc0000b0800000001\n",
  ];
  writeFileSync(file, cause + effect);
  const sequences = (): string[] => explainSchema.parse(JSON.parse(seamlock(["explain", file, ...AT]).out)).sequences;
  expect(sequences()).toEqual([expect.stringMatching(/^tdh_mem_range_block\(\).*tdh_mem_page_demote\(\)/)]);
  writeFileSync(file, effect + cause);
  expect(sequences()).toEqual([]);
});

test("the module and the kernel that a log states are used, and one that is not bundled is told", () => {
  const folder = mkdtempSync(join(tmpdir(), "seamlock-explain-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "dmesg.txt");
  writeFileSync(file, `[0.0] Linux version 6.16.3-arch1 (x) #1\n[1.0] virt/tdx: Module version: 1.5.07\n${LINE}`);
  const doc = explainSchema.parse(JSON.parse(seamlock(["explain", file, "--json"]).out));
  expect([doc.module.version, doc.host?.name, doc.input.module, doc.input.kernel]).toEqual([
    "1.5.06",
    "linux-6.16",
    "1.5.07",
    "6.16",
  ]);
  expect(doc.assumptions).toEqual([expect.stringMatching(/1\.5\.07.*not bundled/)]);
});

test("a folder is no log: the error says so, and what to name instead", () => {
  const folder = mkdtempSync(join(tmpdir(), "seamlock-explain-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const { status, out, err } = seamlock(["explain", folder, ...AT]);
  expect([status, out]).toEqual([2, ""]);
  expect(err).toMatch(/^error\[SL0006\]: `.*` is a directory, not a log/);
  expect(err).toContain("name the log in it");
});

test.each([
  ["gzip", gzipSync(LINE), "it is compressed, not text", "zcat"],
  ["xz", Buffer.from("\xfd7zXZ\0\0\x04", "latin1"), "it is compressed, not text", "xzcat"],
  ["zstd", Buffer.from("(\xb5/\xfd\x04", "latin1"), "it is compressed, not text", "zstdcat"],
  [
    "a journal",
    Buffer.from("LPKSHHRH\0\0", "latin1"),
    "it is the journal's own file, not text",
    "journalctl -k --file",
  ],
])("%s is not looked through for statuses: what makes text of it is said", (_, bytes, why, command) => {
  const folder = mkdtempSync(join(tmpdir(), "seamlock-explain-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "kern.log.2");
  writeFileSync(file, bytes);
  expect(seamlock(["explain", file])).toEqual({
    status: 2,
    out: "",
    err: `error[SL0006]: \`${file}\` cannot be read: ${why}\n  --> ${file}\nhelp: \`${command} FILE | seamlock explain -\`\n`,
  });
});

test("a log of UTF-16, as some shells redirect, is read", () => {
  const folder = mkdtempSync(join(tmpdir(), "seamlock-explain-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "dmesg.txt");
  writeFileSync(file, Buffer.from(`\ufeff${LINE}`, "utf16le"));
  const doc = explainSchema.parse(JSON.parse(seamlock(["explain", file, ...AT]).out));
  expect([doc.leaf, doc.name, doc.count]).toEqual(["tdh_mem_track", "TDX_OPERAND_BUSY", 1]);
});
