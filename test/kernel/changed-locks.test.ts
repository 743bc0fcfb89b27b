/** Locks that the small kernel takes in another way than it does: what is changed in it, and what its calls are told to hold. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { extractHost, parseKernelRules } from "../../src/kernel/index.ts";
import { SMALL_TREE, smallRules } from "./small/small.ts";

const folder = mkdtempSync(join(tmpdir(), "seamlock-changed-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const CALLS = "arch/x86/kvm/vmx/tdx.c";
const TYPES = "arch/x86/kvm/vmx/tdx.h";
const rules = parseKernelRules(smallRules(), "small rules");

interface Edit {
  readonly file?: string;
  readonly put: string;
  readonly for: string;
}

function treeWith(edits: readonly Edit[]): string {
  const tree = mkdtempSync(join(folder, "tree-"));
  cpSync(SMALL_TREE, tree, { recursive: true });
  for (const { file = CALLS, put, for: was } of edits) {
    const text = readFileSync(join(tree, file), "utf8");
    expect(text).toContain(was);
    writeFileSync(join(tree, file), text.replaceAll(was, put));
  }
  return tree;
}

const extracted = (...edits: readonly Edit[]) => extractHost(treeWith(edits), { rules });

const PLAIN = "mutex_lock(&kvm->lock);\n\tif (tdh_mng_rd(&to_kvm_tdx(kvm)->td, 1, &data)) /* @plain */";
const PLAIN_END =
  "\tmutex_unlock(&kvm->lock);\n\n\tif (tdh_mng_rd(&to_kvm_tdx(kvm)->td, 2, &data)) /* @after-unlock */";
const END = "struct tdx_td td;\n\tbool wait_for_sept_zap;";

/** What the calls of the plainest path hold, where that lock is taken and dropped otherwise. */
function heldWith(take: string, drop: string, ...others: readonly Edit[]): string[][] {
  const { profile } = extracted(
    { for: PLAIN, put: PLAIN.replace("mutex_lock(&kvm->lock)", take) },
    { for: PLAIN_END, put: PLAIN_END.replace("mutex_unlock(&kvm->lock)", drop) },
    ...others,
  );
  const path = profile.paths.find(({ entries = [] }) => entries.includes("kvm_vm_ioctl KVM_PEN_PLAIN"));
  return (path?.steps ?? []).map((step) =>
    [...(path?.holds ?? []), ...(step.holds ?? [])].flatMap((use) =>
      typeof use === "string" ? [use] : [`${use.lock}${use.of === undefined ? "" : ` of ${use.of}`}`],
    ),
  );
}

describe("a lock of another", () => {
  const source = { file: TYPES, for: END, put: `struct kvm *source;\n\tstruct kvm_vcpu *master;\n\t${END}` };

  test("VM is not the VM's own", () => {
    expect(heldWith("mutex_lock(&kvm->lock)", "mutex_unlock(&kvm->lock)")).toEqual([["kvm->lock"], []]);
    const other = "&to_kvm_tdx(kvm)->source->lock";
    expect(heldWith(`mutex_lock(${other})`, `mutex_unlock(${other})`, source)).toEqual([["kvm->lock of other"], []]);
  });

  test("VM that is dropped leaves its own", () => {
    const other = "&to_kvm_tdx(kvm)->source->lock";
    expect(
      heldWith(
        `mutex_lock(&kvm->lock); mutex_lock(${other})`,
        `mutex_unlock(${other}); if (tdh_mng_rd(&to_kvm_tdx(kvm)->td, 3, &data)) ret = -EIO; mutex_unlock(&kvm->lock)`,
        source,
      ),
    ).toEqual([["kvm->lock of other", "kvm->lock"], ["kvm->lock"], []]);
  });

  test("vCPU that the VM points to is some vCPU's", () => {
    const other = "&to_kvm_tdx(kvm)->master->mutex";
    expect(heldWith(`mutex_lock(${other})`, `mutex_unlock(${other})`, source)).toEqual([["vcpu->mutex of other"], []]);
  });

  test.each([
    ["a vCPU", "to_tdx(vcpu)->next"],
    ["its VM", "to_kvm_tdx(vcpu->kvm)->master"],
  ])("vCPU that %s points to is not the vCPU's own", (_, other) => {
    const text = readFileSync(join(SMALL_TREE, CALLS), "utf8");
    const [held] = [...text.matchAll(/static \w+ \w+\(struct kvm_vcpu \*vcpu\)\n\{\n/g)];
    expect(held).toBeDefined();
    const head = held?.[0] ?? "";
    const { profile } = extracted(
      source,
      { file: TYPES, for: "u64 vp_enter_ret;", put: "u64 vp_enter_ret;\n\tstruct kvm_vcpu *next;" },
      {
        for: head,
        put: `${head}\tmutex_lock(&${other}->mutex);\n\ttdh_vp_wr(&to_tdx(vcpu)->vp, 77, 2);\n\tmutex_unlock(&${other}->mutex);\n`,
      },
    );
    const uses = profile.paths.flatMap((path) => path.steps.flatMap(({ holds = [] }) => holds));
    const others = uses.filter((use) => typeof use !== "string" && use.lock === "vcpu->mutex" && use.of === "other");
    expect(
      others.some((use) => typeof use !== "string" && use.evidence?.[0]?.function === head.match(/ (\w+)\(/)?.[1]),
    ).toBe(true);
  });
});

describe("the kind of a lock", () => {
  const kindIn = (...edits: readonly Edit[]) =>
    extracted(...edits).profile.locks.find(({ name }) => name === "tdx_lock")?.kind;
  const spins = [
    { for: "mutex_lock(&tdx_lock)", put: "spin_lock(&tdx_lock)" },
    { for: "mutex_unlock(&tdx_lock)", put: "spin_unlock(&tdx_lock)" },
  ];

  test("is that of what takes it, whatever the rules say", () => {
    expect(kindIn()).toBe("mutex");
    expect(kindIn({ for: "DEFINE_MUTEX(tdx_lock)", put: "DEFINE_SPINLOCK(tdx_lock)" }, ...spins)).toBe("spinlock");
  });

  test("is what the rules say where it is taken in several", () => {
    const guard = "\tmutex_lock(&tdx_lock);\n";
    const text = readFileSync(join(SMALL_TREE, CALLS), "utf8");
    const at = text.indexOf(guard);
    const one = text.slice(at - 60, at + guard.length);
    const tree = treeWith([{ for: one, put: one.replace("mutex_lock", "spin_lock") }]);
    for (const kind of ["mutex", "spinlock", "rwlock"] as const) {
      const classes = rules.locks.classes.map((of) => (of.name === "tdx_lock" ? { ...of, kind } : of));
      const { profile } = extractHost(tree, { rules: { ...rules, locks: { ...rules.locks, classes } } });
      expect(profile.locks.find(({ name }) => name === "tdx_lock")?.kind).toBe(kind);
    }
  });
});

describe("a lock that is still held where a way leaves the kernel", () => {
  const kept = (...edits: readonly Edit[]) =>
    extracted(...edits).diagnostics.flatMap(({ code, severity, message, file, line }) =>
      code === "SL3426" ? [`${severity} ${file}:${line} ${message.split(",")[0]}`] : [],
    );
  const lineOf = (text: string, word: string): number => text.slice(0, text.indexOf(word)).split("\n").length;
  const tree = readFileSync(join(SMALL_TREE, CALLS), "utf8");
  const branch = (after = 1) =>
    `warning ${CALLS}:${lineOf(tree, "if (kvm->nr_vcpus)\n\t\tmutex_lock(&kvm->slots_lock)") + after} kvm->slots_lock`;

  test("is told where it was taken", () => {
    expect(kept()).toEqual([branch()]);
    const changed = PLAIN.replace(
      "mutex_lock(&kvm->lock);",
      "mutex_lock(&kvm->lock);\n\tif (kvm->vm_bugged)\n\t\treturn -EIO;",
    );
    const own = `warning ${CALLS}:${lineOf(tree, PLAIN)} kvm->lock`;
    expect(kept({ for: PLAIN, put: changed }).sort()).toEqual([own, branch(3)].sort());
  });

  test("is none where the same flag decides, if it is one that is followed", () => {
    const flag = tree
      .slice(tree.indexOf("static int pen_one_branch"), tree.indexOf("static int pen_paired"))
      .replace("int ret;", "int ret;\n\tbool locked = kvm->nr_vcpus;")
      .replaceAll("if (kvm->nr_vcpus)", "if (locked)");
    const was = tree.slice(tree.indexOf("static int pen_one_branch"), tree.indexOf("static int pen_paired"));
    expect(kept({ for: was, put: flag })).toEqual([]);
  });
});

describe("a lock that is given back where no way has it", () => {
  const loose = (take: string, drop = "mutex_unlock(&kvm->lock)") =>
    extracted(
      { for: PLAIN, put: PLAIN.replace("mutex_lock(&kvm->lock)", take) },
      { for: PLAIN_END, put: PLAIN_END.replace("mutex_unlock(&kvm->lock)", drop) },
    ).diagnostics.flatMap(({ code, severity, message }) =>
      code === "SL3427" ? [`${severity}: ${message.split(",")[0]}`] : [],
    );

  test("is told, for what takes it was not understood", () => {
    expect(loose("mutex_grab(&kvm->lock)")).toEqual(["warning: pen_plain gives kvm->lock back"]);
  });

  test("is none where some way has it, nor where it may be another lock", () => {
    expect(loose("mutex_lock(&kvm->lock)")).toEqual([]);
    expect(loose("if (kvm->vm_bugged)\n\t\tmutex_lock(&kvm->lock)")).toEqual([]);
    expect(loose("mutex_grab(&kvm->lock)", "mutex_unlock(kvm->nr_vcpus ? &kvm->lock : &kvm->slots_lock)")).toEqual([]);
  });
});
