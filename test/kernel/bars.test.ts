/** When a kick keeps vCPUs out: what is changed in the small kernel, what zaps then do about a BUSY, and what is said of it. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { withoutBar } from "../../src/kernel/bars.ts";
import { extractHost, parseKernelRules } from "../../src/kernel/index.ts";
import { SMALL_TREE, smallRules } from "./small/small.ts";

const folder = mkdtempSync(join(tmpdir(), "seamlock-bars-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ZAPS = "arch/x86/kvm/vmx/tdx.c";
const ENTRY = "arch/x86/kvm/x86.c";
const rules = parseKernelRules(smallRules(), "small rules");

interface Edit {
  readonly file: string;
  readonly put: string;
  readonly for: string;
}

/** The reactions that repeat a call, and what is said of kicks, in the small tree with some text replaced wherever it stands. */
function told(...edits: readonly Edit[]): { readonly does: readonly string[]; readonly messages: readonly string[] } {
  const tree = mkdtempSync(join(folder, "tree-"));
  cpSync(SMALL_TREE, tree, { recursive: true });
  for (const edit of edits) {
    const text = readFileSync(join(tree, edit.file), "utf8");
    expect(text).toContain(edit.for);
    writeFileSync(join(tree, edit.file), text.replaceAll(edit.for, edit.put));
  }
  const { profile, diagnostics } = extractHost(tree, { rules });
  const steps = profile.paths.filter(({ name }) => name.includes("FILTER_MIRROR")).flatMap((path) => path.steps);
  const does = steps.flatMap(({ onBusy = [] }) => onBusy.map((clause) => clause.do.join(", ")));
  return {
    does: [...new Set(does.filter((one) => one.includes("retry")))],
    messages: diagnostics.flatMap(({ code, message }) => (code === "SL3424" ? [message] : [])),
  };
}

const LOOKS = "READ_ONCE(to_kvm_tdx(vcpu->kvm)->wait_for_sept_zap)";

describe("a kick", () => {
  test("keeps vCPUs out where they are barred before it, and where who enters looks at that", () => {
    expect(told()).toEqual({ does: ["kick-and-retry:1, bug-vm"], messages: [] });
  });

  test("does so where a helper looks", () => {
    const helper =
      "static bool pen_is_barred(struct kvm_vcpu *vcpu)\n{\n\treturn to_kvm_tdx(vcpu->kvm)->wait_for_sept_zap;\n}\n\nstatic int pen_enter(";
    const found = told(
      { file: ENTRY, for: LOOKS, put: "pen_is_barred(vcpu)" },
      { file: ENTRY, for: "static int pen_enter(", put: helper },
    );
    expect(found).toEqual({ does: ["kick-and-retry:1, bug-vm"], messages: [] });
  });

  test("does not where nobody looks", () => {
    const { does, messages } = told({ file: ENTRY, for: LOOKS, put: "vcpu->kvm->vm_dead" });
    expect(does).toEqual(["retry:1, bug-vm"]);
    expect(messages).toEqual([
      "tdh_vp_enter is made though kvm_tdx.wait_for_sept_zap may be set, which is to keep vCPUs out: what is tried again after a kick is told as a try like the first",
    ]);
  });

  test("does not where the bar is set and forgotten", () => {
    const { does, messages } = told({
      file: ZAPS,
      for: "WRITE_ONCE(__tdx->wait_for_sept_zap, true);",
      put: "WRITE_ONCE(__tdx->wait_for_sept_zap, false);",
    });
    expect(does).toEqual(["retry:1, bug-vm"]);
    expect(messages[0]).toContain("nothing that the rules know keeps them out meanwhile");
  });

  test("is told for what it is where the tree has another bar than the rules", () => {
    const renamed = { for: "wait_for_sept_zap", put: "no_entry" };
    const files = [ZAPS, ENTRY, "arch/x86/kvm/vmx/tdx.h"];
    const { does, messages } = told(...files.map((file) => ({ file, ...renamed })));
    expect(does).toEqual(["retry:1, bug-vm"]);
    expect(messages.join()).toContain("nothing that the rules know keeps them out meanwhile");
    expect(messages.join()).not.toContain("wait_for_sept_zap");
  });
});

test("a lock that goes by another name than the rules have is told, and one of a structure that the tree lacks is a note", () => {
  const tree = mkdtempSync(join(folder, "tree-"));
  cpSync(SMALL_TREE, tree, { recursive: true });
  for (const file of readdirSync(tree, { recursive: true, encoding: "utf8" }).filter((name) => /\.[ch]$/.test(name)))
    writeFileSync(join(tree, file), readFileSync(join(tree, file), "utf8").replaceAll("slots_lock", "memslots_mutex"));
  const lacking = (root: string): readonly string[] =>
    extractHost(root, { rules }).diagnostics.flatMap(({ code, severity, message }) =>
      code === "SL3420" && /member/.test(message) ? [`${severity}: ${message}`] : [],
    );
  const renamed = "warning: the rules speak of the member kvm.slots_lock, which the tree does not have";
  expect(lacking(tree)).toContain(renamed);
  expect(lacking(SMALL_TREE)).not.toContain(renamed);
  expect(lacking(SMALL_TREE)).toContain(
    "note: the rules speak of the member update_ctrl.num_failed, which the tree does not have",
  );
});

test("reactions without what a bar does are tries like any others", () => {
  expect(withoutBar(["retry:2", "kick-and-retry:1", "bug-vm"])).toEqual(["retry:3", "bug-vm"]);
  expect(withoutBar(["warn", "kick-and-retry:2", "retry:1", "return:-EIO"])).toEqual([
    "warn",
    "retry:3",
    "return:-EIO",
  ]);
  expect(withoutBar(["kick-and-retry:1", "retry:unbounded"])).toEqual(["retry:unbounded"]);
});
