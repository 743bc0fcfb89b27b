/** What is told where a member that a BUSY changes is not followed, and where the rules name a function that the tree does not have. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { extractHost, type KernelRules, parseKernelRules } from "../../src/kernel/index.ts";
import { SMALL_TREE, smallRules } from "./small/small.ts";

const folder = mkdtempSync(join(tmpdir(), "seamlock-members-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const FILE = "arch/x86/kvm/vmx/tdx.c";

/** Messages of a code for the small tree with a function of its own, called by a command of its own. */
function messages(code: string, own: string, busy: Partial<KernelRules["busy"]> = {}): readonly string[] {
  const tree = mkdtempSync(join(folder, "tree-"));
  cpSync(SMALL_TREE, tree, { recursive: true });
  const text = readFileSync(join(tree, FILE), "utf8");
  const made = text
    .replace("int tdx_vcpu_ioctl(", `#define KVM_PEN_OWN 0x9000\n${own}\nint tdx_vcpu_ioctl(`)
    .replace("\tcase KVM_PEN_SELF:", "\tcase KVM_PEN_OWN:\n\t\treturn pen_own(vcpu);\n\tcase KVM_PEN_SELF:");
  writeFileSync(join(tree, FILE), made);
  const small = parse(smallRules()) as KernelRules;
  const rules = parseKernelRules(stringify({ ...small, busy: { ...small.busy, ...busy } }), "small rules");
  const { diagnostics } = extractHost(tree, { rules });
  return diagnostics.flatMap((one) => (one.code === code ? [one.message] : []));
}

const look = (then: string): string => `
struct pen_item {
	int gone;
};
static int pen_own(struct kvm_vcpu *vcpu)
{
	struct pen_item *item = pen_find(vcpu), *other = pen_find(vcpu);

	if (tdh_vp_wr(&to_tdx(vcpu)->vp, 1, 0))
		item->gone = 1;
	${then}
	return 0;
}
`;

describe("a member of something that there may be several of", () => {
  test("is told where something looks at one later", () => {
    const found = messages("SL3423", look("if (other->gone) return -EIO;"));
    expect(found).toEqual([
      "a BUSY in pen_own decides what is in pen_item.gone; who looks there later is not followed, for there may be several such objects",
    ]);
  });

  test("is told where a function would have stored to it that is not called then", () => {
    const set = "static void pen_mark(struct pen_item *item)\n{\n\titem->gone = 1;\n}\nstatic int pen_own(";
    const own = look("if (other->gone) return -EIO;")
      .replace("if (tdh", "if (!tdh")
      .replace("item->gone = 1;", "pen_mark(item);");
    expect(messages("SL3423", own.replace("static int pen_own(", set))).toEqual([
      "a BUSY in pen_own decides what is in pen_item.gone; who looks there later is not followed, for there may be several such objects",
    ]);
  });

  test("is not told where what it stores to is a variable of its own", () => {
    const set = "static void pen_mark(void)\n{\n\tstruct pen_item own = {};\n\n\town.gone = 1;\n}\nstatic int pen_own(";
    const own = look("if (other->gone) return -EIO;")
      .replace("if (tdh", "if (!tdh")
      .replace("item->gone = 1;", "pen_mark();");
    expect(messages("SL3423", own.replace("static int pen_own(", set))).toEqual([]);
  });

  test("some of many are named", () => {
    const members = Array.from({ length: 9 }, (_, i) => `m${i}`);
    const set = `struct pen_item {\n${members.map((one) => `\tint ${one};\n`).join("")}};
static void pen_mark(struct pen_item *item)\n{\n${members.map((one) => `\titem->${one} = 1;\n`).join("")}}
static int pen_own(struct kvm_vcpu *vcpu)
{
	struct pen_item *item = pen_find(vcpu), *other = pen_find(vcpu);

	if (tdh_vp_wr(&to_tdx(vcpu)->vp, 1, 0))
		item->m8 = 1;
	else
		pen_mark(item);
	return ${members.map((one) => `other->${one}`).join(" + ")};
}
`;
    expect(messages("SL3423", set)).toEqual([
      "a BUSY in pen_own decides what is in pen_item.m8, pen_item.m0, pen_item.m1, pen_item.m2, pen_item.m3, pen_item.m4 and 3 more; who looks there later is not followed, for there may be several such objects",
    ]);
  });

  test("is not told where nothing does", () => {
    expect(messages("SL3423", look(""))).toEqual([]);
  });
});

test("a member of another vCPU is told where something looks at one later", () => {
  const own = (then: string): string => `
static int pen_own(struct kvm_vcpu *vcpu)
{
	struct kvm_vcpu *other = kvm_get_vcpu(vcpu->kvm, 1);

	if (tdh_vp_wr(&to_tdx(vcpu)->vp, 1, 0))
		other->srcu_idx = 1;
	${then}
	return 0;
}
`;
  expect(messages("SL3423", own("if (vcpu->srcu_idx) return -EIO;"))).toEqual([
    "a BUSY in pen_own decides what is in kvm_vcpu.srcu_idx; who looks there later is not followed, for there may be several such objects",
  ]);
});

const array = (then: string): string => `
static int pen_failed[4];
static int pen_own(struct kvm_vcpu *vcpu)
{
	${then}
	return 0;
}
`;

describe("an element of an array", () => {
  const wr = "tdh_vp_wr(&to_tdx(vcpu)->vp, 1, 0)";
  const told = [
    "a BUSY in pen_own decides what is in pen_failed; who looks there later is not followed, for there may be several such objects",
  ];

  test("is told where something looks at one later", () => {
    expect(messages("SL3423", array(`if (${wr}) pen_failed[0] = 1;\n\tif (pen_failed[1]) return -EIO;`))).toEqual(told);
  });

  test("is told where only other ways would have stored to it", () => {
    expect(messages("SL3423", array(`if (!${wr}) pen_failed[0] = 1;\n\tif (pen_failed[0]) return -EIO;`))).toEqual(
      told,
    );
  });

  test("is told where a function that is called because of it stores to it", () => {
    const set = "static int pen_failed[4];\nstatic void pen_fail(void)\n{\n\tpen_failed[0] = 1;\n}\n";
    const own = array(`if (${wr}) pen_fail();\n\tif (pen_failed[0]) return -EIO;`);
    const found = messages("SL3423", own.replace("static int pen_failed[4];\n", set));
    expect(found).toEqual([told[0]?.replace("pen_own", "pen_fail")]);
  });

  test("is not told where nothing looks there", () => {
    expect(messages("SL3423", array(`if (${wr}) pen_failed[0] = 1;`))).toEqual([]);
  });
});

describe("functions that give something back", () => {
  const plain = "static int pen_own(struct kvm_vcpu *vcpu)\n{\n\tpen_put(vcpu);\n\treturn 0;\n}\n";

  test("are told where the tree names none of that name", () => {
    const own = messages("SL3420", plain, { frees: ["pen_put", "pen_gone"] });
    expect(own).toContain("the rules speak of the function pen_gone, which the tree does not have");
    expect(own.join()).not.toContain("pen_put");
  });

  test("so are functions that are called again, and members that lose what they point to", () => {
    const own = messages("SL3420", plain, {
      again: { pen_again: { gives: 1, does: "refault" } },
      loses: ["kvm.pen_lost", "kvm.nr_vcpus"],
    });
    expect(own).toContain("the rules speak of the function pen_again, which the tree does not have");
    expect(own).toContain("the rules speak of the member kvm.pen_lost, which the tree does not have");
    expect(own.join()).not.toContain("nr_vcpus");
  });
});
