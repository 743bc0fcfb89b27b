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

/** A word replaced in every file that has it. */
const everywhere = (word: string, put: string): Edit[] =>
  readdirSync(SMALL_TREE, { recursive: true, encoding: "utf8" })
    .filter((file) => /\.[ch]$/.test(file) && readFileSync(join(SMALL_TREE, file), "utf8").includes(word))
    .map((file) => ({ file, for: word, put }));

/** In the small tree with some text replaced wherever it stands: reactions that repeat a call, what is said of kicks, and what the rules name in vain. */
function told(...edits: readonly Edit[]): Readonly<Record<"does" | "messages" | "missing", readonly string[]>> {
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
    missing: diagnostics.flatMap(({ code, severity, message }) =>
      code === "SL3420" ? [`${severity}: ${message}`] : [],
    ),
  };
}

const LOOKS = "READ_ONCE(to_kvm_tdx(vcpu->kvm)->wait_for_sept_zap)";

describe("a kick", () => {
  test("keeps vCPUs out where they are barred before it, and where who enters looks at that", () => {
    expect(told()).toMatchObject({ does: ["kick-and-retry:1, bug-vm"], messages: [] });
  });

  test("before tries without bound is told by a diagnostic alone, for which there is no reaction", () => {
    const { does, messages } = told({
      file: ZAPS,
      for: "\t\t__err = func(args);",
      put: "\t\tdo { __err = func(args); } while (tdx_operand_busy(__err));",
    });
    expect(does).toEqual(["retry:unbounded"]);
    expect(messages).toHaveLength(1);
    expect(messages[0]).toContain("until it is not busy, with vCPUs kicked and barred");
    expect(told().messages).toEqual([]);
  });

  test("does so where a helper looks", () => {
    const helper =
      "static bool pen_is_barred(struct kvm_vcpu *vcpu)\n{\n\treturn to_kvm_tdx(vcpu->kvm)->wait_for_sept_zap;\n}\n\nstatic int pen_enter(";
    const found = told(
      { file: ENTRY, for: LOOKS, put: "pen_is_barred(vcpu)" },
      { file: ENTRY, for: "static int pen_enter(", put: helper },
    );
    expect(found).toMatchObject({ does: ["kick-and-retry:1, bug-vm"], messages: [] });
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
    expect(messages[0]).toContain("by what the rules know they are not all out meanwhile");
  });

  test("does not where it does not wait, or is no kick that the rules know", () => {
    const request = { file: "include/linux/kvm_host.h", for: "OUTSIDE_GUEST_MODE KVM_REQUEST_WAIT" };
    for (const edits of [
      [{ ...request, put: "OUTSIDE_GUEST_MODE 3" }],
      everywhere("kvm_make_all_cpus_request", "kick_all"),
    ]) {
      const { does, messages } = told(...edits);
      expect(does).toEqual(["retry:1, bug-vm"]);
      expect(messages[0]).toContain("by what the rules know they are not all out meanwhile");
    }
  });

  test("is not known to wait where the tree calls that otherwise than the rules", () => {
    const { does, missing } = told(...everywhere("KVM_REQUEST_WAIT", "KVM_REQUEST_AWAIT"));
    expect(does).toEqual(["retry:1, bug-vm"]);
    expect(missing).toContain(
      "warning: the rules speak of the constant KVM_REQUEST_WAIT, which the tree does not have",
    );
    expect(told(...everywhere("kvm_make_all_cpus_request", "kick_all")).missing).toContain(
      "note: the rules speak of the function kvm_make_all_cpus_request, which the tree does not have",
    );
    expect(told().missing.join()).not.toMatch(/KVM_REQUEST_WAIT|kvm_make_all_cpus_request/);
  });

  test("is told for what it is where the tree has another bar than the rules", () => {
    const { does, messages } = told(...everywhere("wait_for_sept_zap", "no_entry"));
    expect(does).toEqual(["retry:1, bug-vm"]);
    expect(messages.join()).toContain("by what the rules know they are not all out meanwhile");
    expect(messages.join()).not.toContain("wait_for_sept_zap");
  });
});

test("a lock that goes by another name than the rules have is told, and one of a structure that the tree lacks is a note", () => {
  const renamed = "warning: the rules speak of the member kvm.slots_lock, which the tree does not have";
  expect(told(...everywhere("slots_lock", "memslots_mutex")).missing).toContain(renamed);
  const { missing } = told();
  expect(missing).not.toContain(renamed);
  expect(missing).toContain("note: the rules speak of the member update_ctrl.num_failed, which the tree does not have");
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
