/** Trees that are made to be too much: each ends after a bounded number of steps, exact or with a diagnostic that says what is missing. */
import { appendFileSync, cpSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { extractHost, type KernelRules, parseKernelRules } from "../../src/kernel/index.ts";
import { BOUNDS } from "../../src/kernel/run.ts";
import { SMALL_TREE, smallRules } from "./small/small.ts";

const folder = mkdtempSync(join(tmpdir(), "seamlock-hostile-kernel-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const small = parseKernelRules(smallRules(), "small rules");
/** One phase of a TD's life is enough. */
const rules: KernelRules = { ...small, phases: small.phases.filter(({ name }) => name === "runtime") };

const CALL = "tdh_mem_track(&to_kvm_tdx(kvm)->td)";
let count = 0;

/** What is extracted of a kernel with some C in it, whose function `hostile0` an entry calls. */
function extracted(code: string): ReturnType<typeof extractHost> {
  const tree = join(folder, String(count++));
  for (const part of ["include", "arch/x86/include", "arch/x86/virt"])
    cpSync(join(SMALL_TREE, part), join(tree, part), { recursive: true });
  cpSync(join(SMALL_TREE, "arch/x86/kvm/vmx/tdx.h"), join(tree, "arch/x86/kvm/vmx/tdx.h"));
  appendFileSync(
    join(tree, "arch/x86/kvm/vmx/hostile.c"),
    `#include <linux/kvm_host.h>\n#include "tdx.h"\n${code}\nint hostile_entry(struct kvm *kvm)\n{\n\treturn ${CALL} ? -EIO : hostile0(kvm);\n}\n`,
  );
  return extractHost(tree, { rules });
}

const functions = (bodies: readonly string[], parameters = "struct kvm *kvm"): string =>
  [
    ...bodies.map((_, i) => `static int hostile${i}(${parameters});`),
    ...bodies.map((body, i) => `static int hostile${i}(${parameters})\n{\n\t${body}\n}`),
  ].join("\n");

/** Functions each of which calls the next one as `body` says; the last one makes a SEAMCALL. */
const chain = (levels: number, body: (next: string, level: number) => string): string[] =>
  Array.from({ length: levels }, (_, i) =>
    i === levels - 1 ? `return ${CALL} ? -EIO : 0;` : body(`hostile${i + 1}`, i),
  );

const reactions = ({ profile }: ReturnType<typeof extractHost>): (readonly string[])[] =>
  profile.paths
    .filter(({ entries }) => entries?.some((entry) => entry.startsWith("hostile_entry")))
    .flatMap(({ steps }) => steps.flatMap(({ onBusy }) => onBusy?.map((clause) => clause.do) ?? []));
const codes = ({ diagnostics }: ReturnType<typeof extractHost>): string[] =>
  diagnostics.filter(({ file }) => file?.endsWith("hostile.c")).map(({ code }) => code);

test("a fan of calls, each function calling the next twice, is followed exactly", () => {
  const twice = (next: string): string => `int r = ${next}(kvm);\n\tif (r)\n\t\treturn r;\n\treturn ${next}(kvm);`;
  const found = extracted(functions(chain(18, twice)));
  expect(reactions(found)).toEqual([["return:-EIO"]]);
  expect(codes(found)).toEqual([]);
});

test("calls that nest deeper than the bound are told", () => {
  const found = extracted(functions(chain(BOUNDS.depth + 10, (next) => `return ${next}(kvm);`)));
  expect(codes(found)).toContain("SL3415");
});

test("functions that all call each other come to an end", () => {
  const bodies = Array.from(
    { length: 4 },
    () =>
      `int r = ${CALL};\n${[0, 1, 2, 3].map((j) => `\tif (kvm->nr_vcpus)\n\t\tr |= hostile${j}(kvm);\n`).join("")}\treturn r;`,
  );
  const found = extracted(functions(bodies));
  expect(reactions(found).length).toBeGreaterThan(0);
});

test("functions that all call each other with locks held are cut off by what they depend on, and that is told", () => {
  const all = Array.from({ length: 9 }, (_, i) => i);
  const calls = all.map((j) => `\tif (kvm->nr_vcpus)\n\t\tr |= hostile${j}(kvm);\n`).join("");
  const body = `int r;\n\tmutex_lock(&kvm->lock);\n\tr = ${CALL};\n\tmutex_unlock(&kvm->lock);\n${calls}\treturn r;`;
  expect(codes(withBound(200_000, () => extracted(functions(all.map(() => body)))))).toContain("SL3415");
});

test("a pointer to a hundred functions, each with a BUSY to be followed, is cut off, and that is told", () => {
  const all = Array.from({ length: 100 }, (_, i) => i);
  const code = [
    "struct hostile_ops { int (*f)(struct kvm *kvm); };",
    ...all.map((i) => `static int op${i}(struct kvm *kvm)\n{\n\treturn ${CALL} ? ${i} : 0;\n}`),
    ...all.map((i) => `static const struct hostile_ops table${i} = { .f = op${i} };`),
    functions(["struct hostile_ops *ops = kvm->ops;\n\treturn ops->f(kvm);"]),
  ].join("\n");
  expect(codes(withBound(40_000, () => extracted(code)))).toContain("SL3415");
});

test("labels that double with each level are cut off, and that is told", () => {
  const both = (next: string, level: number): string =>
    `switch (kvm->nr_vcpus) {\n\tcase KVM_A${level}:\n\t\treturn ${next}(kvm);\n\tcase KVM_B${level}:\n\t\treturn ${next}(kvm);\n\t}\n\treturn 0;`;
  expect(codes(withBound(20_000, () => extracted(functions(chain(24, both)))))).toContain("SL3415");
});

test("arguments that double with each level are cut off, and that is told", () => {
  const parameters = "struct kvm *kvm, int n";
  const code = functions(
    chain(24, (next) => `int r = ${next}(kvm, n * 2);\n\tif (r)\n\t\treturn r;\n\treturn ${next}(kvm, n * 2 + 1);`),
    parameters,
  ).replace("{\n", "{\n\tn = 1;\n");
  expect(() => withBound(10_000, () => extracted(code))).toThrow(
    expect.objectContaining({ code: "SL3402", hint: expect.stringContaining("too many steps") }),
  );
});

test("macros that expand to themselves, tables of thousands and links in a circle are read", () => {
  const ops = Array.from({ length: 2000 }, (_, i) => i);
  const code = [
    "#define HOSTILE(x) HOSTILE(x) + HOSTILE2(x)\n#define HOSTILE2(x) HOSTILE(x) + HOSTILE2(x)",
    `struct hostile_ops { ${ops.map((i) => `int (*f${i})(struct kvm *kvm);`).join(" ")} };`,
    `enum hostile { ${ops.map((i) => `HOSTILE_E${i}`).join(", ")} };`,
    `static int hostile_op(struct kvm *kvm)\n{\n\treturn ${CALL} ? -EIO : 0;\n}`,
    `static const struct hostile_ops hostile_table = { ${ops.map((i) => `.f${i} = hostile_op,`).join(" ")} };`,
    functions(["struct hostile_ops *ops = kvm->ops;\n\tint r = HOSTILE(1);\n\treturn ops->f77(kvm);"]),
  ].join("\n");
  const tree = join(folder, String(count));
  cpSync(join(SMALL_TREE, "arch/x86/include"), join(tree, "arch/x86/include"), { recursive: true });
  cpSync(join(SMALL_TREE, "arch/x86/kvm/vmx/tdx.h"), join(tree, "arch/x86/kvm/vmx/tdx.h"));
  symlinkSync("..", join(tree, "arch/x86/kvm/circle"));
  expect(reactions(extracted(code))).toEqual([["return:-EIO"]]);
});

test("a tree without a function is refused", () => {
  const tree = join(folder, "none");
  cpSync(join(SMALL_TREE, "include"), join(tree, "include"), { recursive: true });
  cpSync(join(SMALL_TREE, "arch/x86/kvm/vmx/tdx.h"), join(tree, "arch/x86/kvm/vmx/tdx.c"));
  expect(() => extractHost(tree, { rules })).toThrow(expect.objectContaining({ code: "SL3402" }));
});

/** Runs something with fewer steps allowed, so that it takes no seconds. */
function withBound<T>(steps: number, run: () => T): T {
  const bounds = BOUNDS as { steps: number };
  const before = bounds.steps;
  bounds.steps = steps;
  try {
    return run();
  } finally {
    bounds.steps = before;
  }
}
