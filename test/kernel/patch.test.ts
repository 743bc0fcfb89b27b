/** A patch to a kernel that takes a lock away from a call: the difference of the two trees says what it opens, and where. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { diffHosts } from "../../src/analysis/index.ts";
import { loadModule } from "../../src/cli/modules.ts";
import { extractHost, parseKernelRules } from "../../src/kernel/index.ts";
import { renderHostDiffText } from "../../src/report/index.ts";
import { SMALL_TREE, smallRules } from "./small/small.ts";

const folder = mkdtempSync(join(tmpdir(), "seamlock-patch-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const FILE = "arch/x86/kvm/vmx/tdx.c";
const LOCK = "\tguard(mutex)(&vcpu->kvm->slots_lock);\n\tif (!is_hkid_assigned(kvm_tdx)";

test("a lock that a patch takes away from a call opens a contention, told with its line", async () => {
  cpSync(SMALL_TREE, folder, { recursive: true });
  const source = readFileSync(join(folder, FILE), "utf8");
  expect(source.split(LOCK).length).toBe(2);
  writeFileSync(join(folder, FILE), source.replace(LOCK, "\n\tif (!is_hkid_assigned(kvm_tdx)"));
  const rules = parseKernelRules(smallRules(), "small rules");
  const [before, after] = [SMALL_TREE, folder].map((tree) => extractHost(tree, { rules, name: tree }).profile);
  if (before === undefined || after === undefined) throw new Error("no profile");
  const catalog = await loadModule(undefined);

  const document = diffHosts(catalog, before, after);
  const opened = document.paths.opened.map(({ pair, path }) => `${pair.resource}: ${path.a} x ${path.b}`);
  expect([...new Set(opened)].filter((text) => text.startsWith("TDR"))).toContainEqual(
    expect.stringMatching(/BUILD_LOCKED.*FINALIZE|FINALIZE.*BUILD_LOCKED/),
  );
  const line = source.slice(0, source.indexOf(LOCK)).split("\n").length;
  const text = renderHostDiffText(document, { catalog, before, after }).replace(/\s+/g, " ");
  expect(text).toContain(`no longer holds kvm->slots_lock, before taken at ${FILE}:${line} (tdh_vp_wr)`);
});
