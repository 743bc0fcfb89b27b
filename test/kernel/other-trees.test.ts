/** Trees that have something otherwise than the bundled kernels: how members are called, macros, functions that rules model, sizes of pages. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { Program } from "../../src/c/index.ts";
import { extractHost, type KernelRules, parseKernelRules } from "../../src/kernel/index.ts";
import { pageSizesOf } from "../../src/kernel/page-sizes.ts";
import { Reach } from "../../src/kernel/reach.ts";
import { dialectOf } from "../../src/kernel/rules.ts";
import { Source } from "../../src/kernel/source.ts";
import { SMALL_TREE, smallRules } from "./small/small.ts";

const folder = mkdtempSync(join(tmpdir(), "seamlock-macros-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Edit = readonly [file: string, change: (text: string) => string];

const rulesWith = (change: (rules: KernelRules) => KernelRules): KernelRules =>
  parseKernelRules(stringify(change(parse(smallRules()) as KernelRules)), "small rules");

/** What is extracted of the small kernel with some of its files changed. */
const extracted = (name: string, ...edits: readonly Edit[]) =>
  extractedBy(
    rulesWith((rules) => rules),
    name,
    ...edits,
  );

function extractedBy(rules: KernelRules, name: string, ...edits: readonly Edit[]) {
  const tree = join(folder, name);
  cpSync(SMALL_TREE, tree, { recursive: true });
  for (const [file, change] of edits) {
    const path = join(tree, file);
    const before = readFileSync(path, "utf8");
    writeFileSync(path, change(before));
    expect(readFileSync(path, "utf8")).not.toBe(before);
  }
  return extractHost(tree, { rules });
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

it("a function that reaches a SEAMCALL by a later definition of a macro alone is one of those that matter", () => {
  const rules = parseKernelRules(smallRules(), "small rules");
  const source =
    "#define CALL(x) 0\n#undef CALL\n#define CALL(x) __seamcall(x, 0)\nint f(void)\n{\n\treturn CALL(1);\n}\n";
  const program = new Program([{ path: "a.c", source }], dialectOf(rules, "p.h"));
  const info = program.resolve("f", "a.c");
  expect(info && new Reach(new Source(program, rules)).reachesSeamcall(info)).toBe(true);
});

it("a function that an initializer gives a member stands there, after a designator and in an array's element, too", () => {
  const rules = parseKernelRules(smallRules(), "small rules");
  const names = ["a", "b", "c", "d", "e", "g", "h", "i"];
  const text = `struct inner { int n; void (*one)(void); void (*two)(void); };
struct ops { void (*first)(void); void (*second)(void); struct inner in[2]; void (*last)(void); };
${names.map((name) => `static void ${name}(void) { }`).join("\n")}
static struct ops plain = { .second = a, { { 1, b }, [1] = { .one = c, d } }, e };
static struct ops several[] = { { g }, { .last = h }, [4] = { .first = i } };
`;
  const source = new Source(new Program([{ path: "a.c", source: text }], dialectOf(rules, "p.h")), rules);
  const targets = (tag: string, member: string): string[] => source.targets(tag, member).map(({ name }) => name);
  expect(["first", "second", "last"].map((member) => targets("ops", member))).toEqual([["g", "i"], ["a"], ["e", "h"]]);
  expect(["one", "two"].map((member) => targets("inner", member))).toEqual([["b", "c"], ["d"]]);
});

it("a variable that lasts from call to call does not hold its initializer, unless it is constant", () => {
  const rules = parseKernelRules(smallRules(), "small rules");
  const text = "int f(void)\n{\n\tstatic int seen = 1;\n\tstatic const int most = 2;\n\treturn seen < most;\n}\n";
  const program = new Program([{ path: "a.c", source: text }], dialectOf(rules, "p.h"));
  const info = program.resolve("f", "a.c");
  const code = info && new Source(program, rules).code(info);
  expect(code?.instructions.map(({ op }) => op).slice(0, 2)).toEqual(["forget", "assign"]);
});

it("an enumerator that has several values is told when it is asked for, and only then", () => {
  const header = (value: number) => (text: string) => `${text}\nenum { PEN_ASKED = ${value}, PEN_IDLE };\n`;
  const said = (name: string, ...more: readonly Edit[]): string[] =>
    extracted(name, ["include/linux/kvm_host.h", header(1)], ["include/linux/mutex.h", header(2)], ...more)
      .diagnostics.filter(({ code }) => code === "SL3412")
      .map(({ severity, file, message }) => `${severity} ${file}: ${message.replace(/:\d+/, "")}`);
  const uses = (text: string): string =>
    text.replace(/(\n\s*)(kvm_x86_call\(vcpu_load\)\(vcpu, cpu\);)/, "$1if (cpu == PEN_ASKED) return;$1$2");
  expect(said("idle-enumerators")).toEqual([]);
  expect(said("asked-enumerators", ["virt/kvm/kvm_main.c", uses])).toEqual([
    "warning include/linux/kvm_host.h: the enumerator PEN_ASKED has another value at include/linux/mutex.h; none is taken",
  ]);
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

describe("a call that no way comes to", () => {
  const unmet = (name: string, statement: string): string[] =>
    extracted(name, [
      "arch/x86/kvm/mmu/mmu.c",
      (text) =>
        text
          .replace("\tif (pen_set_spte_atomic", `\t${statement}\n\tif (pen_set_spte_atomic`)
          .replace("static int pen_fault_once", "static void pen_idle(void)\n{\n}\n\nstatic int pen_fault_once"),
    ])
      .diagnostics.filter(({ code, message }) => code === "SL3422" && message.includes("pen_fault_once"))
      .map(({ severity, file, message }) => `${severity} ${file}: ${message}`);

  it("is told where a SEAMCALL can be reached from it, directly or by a member", () => {
    const call = "pen_set_spte(vcpu->kvm, sptep, 0);";
    const member = "kvm_x86_call(set_external_spte)(vcpu->kvm, 0);";
    expect(unmet("unmet", `if (RET_PF_RETRY == 2) { ${call} ${member} ${call} __seamcall(1, 0); }`)).toEqual([
      "note arch/x86/kvm/mmu/mmu.c: no way comes to where pen_fault_once calls pen_set_spte, set_external_spte and __seamcall, from which a SEAMCALL can be made",
    ]);
  });

  it("is told through a pointer and a cast as well", () => {
    const pointer = "(*kvm_x86_ops.set_external_spte)(vcpu->kvm, 0);";
    const cast = "((void (*)(struct kvm *, u64 *, u64))pen_set_spte)(vcpu->kvm, sptep, 0);";
    expect(unmet("pointed", `if (RET_PF_RETRY == 2) { ${pointer} ${cast} }`)).toEqual([
      "note arch/x86/kvm/mmu/mmu.c: no way comes to where pen_fault_once calls set_external_spte and pen_set_spte, from which a SEAMCALL can be made",
    ]);
  });

  it("is nothing where a way comes to it, also behind assembly, and where no SEAMCALL can be reached", () => {
    expect(unmet("met", "if (vcpu->kvm->some) pen_set_spte(vcpu->kvm, sptep, 0);")).toEqual([]);
    const harmless =
      "pen_nothing(sptep); pen_idle(); kvm_x86_call(pen_no_member)(vcpu); kvm_x86_ops.pen_no_member(vcpu);";
    expect(unmet("harmless", `if (RET_PF_RETRY == 2) { ${harmless} }`)).toEqual([]);
    const behind = 'int bad = 1; asm volatile("x" : "+r" (bad)); if (!bad) pen_set_spte(vcpu->kvm, sptep, 0);';
    expect(unmet("assembly", behind)).toEqual([]);
    const label =
      'int one = 1; asm goto("x" : : : : there); if (one) goto over; there: pen_set_spte(vcpu->kvm, sptep, 0); over:';
    expect(unmet("label", label)).toEqual([]);
  });
});

describe("a model of a function", () => {
  const modelled = (name: string, model: string) =>
    extractedBy(
      rulesWith((rules) => ({ ...rules, models: `${rules.models}\n${model}\n` })),
      name,
    );
  const own = callsOf(extracted("own"));
  const misfits = ({ diagnostics }: ReturnType<typeof extracted>): string[] =>
    diagnostics
      .filter(({ code, severity }) => code === "SL3420" && severity === "warning")
      .map((d) => `${d.file} ${d.message}`);

  it("takes the place of the tree's where its parameters have the same names", () => {
    const found = modelled("fits", "static int pen_fault_once(struct kvm_vcpu *vcpu, u64 *sptep) { return 0; }");
    expect(callsOf(found).length).toBeLessThan(own.length);
    expect(misfits(found).join()).not.toContain("pen_fault_once");
  });

  it("is not used, and that is told, where they have others", () => {
    const found = modelled("misfits", "static int pen_fault_once(struct kvm_vcpu *vcpu, u64 *entry) { return 0; }");
    expect(callsOf(found)).toEqual(own);
    expect(misfits(found)).toContain(
      "arch/x86/kvm/mmu/mmu.c the rules' model of pen_fault_once is of (vcpu, entry), and the tree's has (vcpu, sptep): the tree's own is followed",
    );
  });
});

describe("sizes of private pages", () => {
  const rules = parseKernelRules(smallRules(), "small rules");
  const sizes = (...functions: readonly string[]) =>
    pageSizesOf(
      new Program(
        [
          { path: "p.h", source: "#define PG_LEVEL_4K 1\n#define PG_LEVEL_2M 2\n#define PG_LEVEL_1G 3\n" },
          ...functions.map((source, i) => ({ path: `${i}.c`, source })),
        ],
        dialectOf(rules, "p.h"),
      ),
      rules,
    );
  const f = (body: string, name = "tdx_gmem_max_mapping_level") =>
    `int ${name}(struct kvm *kvm, bool is_private)\n{\n${body}\n}\n`;
  const shared = "if (!is_private)\n return 0;\n";

  it("are those up to what the tree's functions return for a private page", () => {
    expect(sizes(f(`${shared}return PG_LEVEL_4K;`))).toEqual(["4K"]);
    expect(sizes(f(`${shared}if (kvm->huge) { return PG_LEVEL_2M; } else return PG_LEVEL_4K;`))).toEqual(["4K", "2M"]);
    expect(sizes(f("if (is_private) return PG_LEVEL_1G; return 0;"))).toEqual(["4K", "2M", "1G"]);
    expect(sizes(f("return PG_LEVEL_4K;"), f("return PG_LEVEL_2M;", "tdx_gmem_private_max_mapping_level"))).toEqual([
      "4K",
      "2M",
    ]);
  });

  it("are not known where no such function is there, or one returns something else", () => {
    expect(sizes(f("return PG_LEVEL_4K;", "another"))).toBeNull();
    expect(sizes(f("return kvm->level;"))).toBeNull();
    expect(sizes(f("if (kvm->huge) return 0; return PG_LEVEL_4K;"))).toBeNull();
    expect(sizes(f(`is_private = kvm->all;\n${shared}return PG_LEVEL_4K;`))).toBeNull();
    expect(
      sizes(
        f("if ((is_private = kvm->all)) return PG_LEVEL_2M; if (is_private) return PG_LEVEL_4K; return PG_LEVEL_1G;"),
      ),
    ).toBeNull();
    expect(sizes(f(`change(&is_private);\n${shared}return PG_LEVEL_4K;`))).toBeNull();
    expect(sizes(f(`is_private++;\n${shared}return PG_LEVEL_4K;`))).toBeNull();
    expect(sizes(f("while (kvm->huge) return PG_LEVEL_2M; return PG_LEVEL_4K;"))).toBeNull();
    expect(sizes(f("if (kvm->huge) return = PG_LEVEL_2M;\nreturn PG_LEVEL_4K;"))).toBeNull();
  });

  it("are those of the tree's own functions: a header has stubs for what is not built", () => {
    const program = new Program(
      [
        { path: "p.h", source: "#define PG_LEVEL_4K 1\n#define PG_LEVEL_2M 2\n#define PG_LEVEL_1G 3\n" },
        { path: "stub.h", source: `static inline ${f("return 0;")}` },
        { path: "a.c", source: f("return PG_LEVEL_4K;") },
      ],
      dialectOf(rules, "p.h"),
    );
    expect(pageSizesOf(program, rules)).toEqual(["4K"]);
  });

  it("are what the rules state where they name no functions", () => {
    const { pages: _, ...stating } = { ...rules, profile: { ...rules.profile, pageSizes: ["2M" as const] } };
    expect(pageSizesOf(new Program([], dialectOf(rules, "p.h")), stating)).toEqual(["2M"]);
  });

  it("decide which ways are left out", () => {
    const returns = (level: string): Edit => [
      "arch/x86/kvm/vmx/tdx.c",
      (text) => `${text}\nint tdx_gmem_max_mapping_level(struct kvm *kvm)\n{\n\treturn ${level};\n}\n`,
    ];
    const excluding = rulesWith((all) => ({
      ...all,
      excluded: [...all.excluded, { function: "pen_fault_once", pageSizes: ["4K"], reason: "private pages are small" }],
    }));
    const own = callsOf(extracted("sizes"));
    const [small, large, unknown] = [
      extractedBy(excluding, "small", returns("PG_LEVEL_4K")),
      extractedBy(excluding, "large", returns("PG_LEVEL_2M")),
      extractedBy(excluding, "unknown"),
    ];
    expect([small, large, unknown].map(({ profile }) => profile.pageSizes)).toEqual([["4K"], ["4K", "2M"], undefined]);
    expect(callsOf(small).length).toBeLessThan(own.length);
    expect([callsOf(large).length, callsOf(unknown).length]).toEqual([own.length, own.length]);
    const told = ({ diagnostics }: typeof small): boolean =>
      diagnostics.some(({ message }) => message.startsWith("what sizes private pages have is not known"));
    expect([small, large, unknown].map(told)).toEqual([false, false, true]);
  });
});
