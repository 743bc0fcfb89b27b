/** An entry that cannot be parsed as a whole: what it did is missing, and that is said. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { LIMITS } from "../../src/c/limits.ts";
import { extractHost, parseKernelRules } from "../../src/kernel/index.ts";
import { SMALL_TREE, smallRules } from "./small/small.ts";

const folder = mkdtempSync(join(tmpdir(), "seamlock-unparsed-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const FILE = "virt/kvm/kvm_main.c";
const HEAD = "static long kvm_vcpu_ioctl(struct file *filp, unsigned int ioctl, unsigned long arg)\n{\n";

test("an entry that is too long to be read is told, with its place", () => {
  cpSync(SMALL_TREE, folder, { recursive: true });
  const source = readFileSync(join(folder, FILE), "utf8");
  expect(source.split(HEAD).length).toBe(2);
  writeFileSync(join(folder, FILE), source.replace(HEAD, `${HEAD}${"\tx();\n".repeat(LIMITS.functionTokens / 4 + 1)}`));
  const { diagnostics } = extractHost(folder, { rules: parseKernelRules(smallRules(), "small rules") });
  const line = source.slice(0, source.indexOf(HEAD)).split("\n").length;
  expect(diagnostics).toContainEqual(
    expect.objectContaining({
      code: "SL3413",
      severity: "error",
      file: FILE,
      line,
      message: expect.stringContaining("kvm_vcpu_ioctl"),
    }),
  );
});
