/** Macros of a kernel's tree: a member that is called by a name with a prefix, and what headers define in different ways. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { extractHost, parseKernelRules } from "../../src/kernel/index.ts";
import { SMALL_TREE, smallRules } from "./small/small.ts";

const folder = mkdtempSync(join(tmpdir(), "seamlock-macros-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Edit = readonly [file: string, change: (text: string) => string];

/** What is extracted of the small kernel with some of its files changed. */
function extracted(name: string, ...edits: readonly Edit[]) {
  const tree = join(folder, name);
  cpSync(SMALL_TREE, tree, { recursive: true });
  for (const [file, change] of edits) {
    const path = join(tree, file);
    const before = readFileSync(path, "utf8");
    writeFileSync(path, change(before));
    expect(readFileSync(path, "utf8")).not.toBe(before);
  }
  return extractHost(tree, { rules: parseKernelRules(smallRules(), "small rules") });
}

const callsOf = ({ profile }: ReturnType<typeof extracted>): string[] =>
  profile.paths
    .flatMap(({ name, steps }) => steps.map(({ call, evidence }) => `${name}: ${call} ${evidence?.at(-1)?.line}`))
    .sort();

it("a member that is called by its name with a prefix is followed from a function that names nothing else", () => {
  const prefixed = (text: string): string => text.replace(/kvm_x86_call\((\w+)\)/g, "static_call(kvm_x86_$1)");
  const files = ["virt/kvm/kvm_main.c", "arch/x86/kvm/x86.c", "arch/x86/kvm/mmu/mmu.c"];
  const plain = callsOf(extracted("plain"));
  expect(plain.length).toBeGreaterThan(20);
  expect(callsOf(extracted("prefixed", ...files.map((file): Edit => [file, prefixed])))).toEqual(plain);
});

it("a macro that headers define in different ways is told when it is expanded, and only then", () => {
  const header = (text: string): string => `${text}\n#define SAME(x) do_it(x)\n#define OTHER(x) do_it(x)\n`;
  const uses = (text: string): string =>
    text.replace(/(\n\s*)(kvm_x86_call\(vcpu_load\)\(vcpu, cpu\);)/, "$1OTHER(1);$1$2");
  const [one, two] = ["include/linux/kvm_host.h", "include/linux/mutex.h"];
  const said = (name: string, ...more: readonly Edit[]): string[] =>
    extracted(name, [one, header], [two, (text) => header(text).replace("OTHER(x) do_it", "OTHER(x) undo")], ...more)
      .diagnostics.filter(({ code }) => code === "SL3412")
      .map(({ severity, file, message }) => `${severity} ${file}: ${message.replace(/:\d+/, "")}`);
  expect(said("unused")).toEqual([]);
  expect(said("used", ["virt/kvm/kvm_main.c", uses])).toEqual([
    `warning ${one}: the macro OTHER is taken as it is defined here, and defined otherwise at ${two}`,
  ]);
});
