import { describe, expect, test } from "vitest";
import { SeamlockError } from "../../src/errors.ts";
import {
  clausesFor,
  clauseText,
  isEndless,
  isKick,
  kernelSourceUrl,
  lintHost,
  parseHost,
  reachedOf,
  reactionOf,
  severityOf,
} from "../../src/host/index.ts";
import { HOSTS, hostSource, moduleNamed, OTHER } from "./profile.ts";

const newest = moduleNamed("1.5.25");

function failure(text: string): { code: string; place: string; message: string; hint: string | null } {
  try {
    parseHost(text, "h.yaml");
  } catch (error) {
    if (!(error instanceof SeamlockError)) throw error;
    const { file, line, column } = error.place ?? { file: "" };
    const place = [file, line, column].filter((part) => part !== undefined).join(":");
    return { code: error.code, place, message: error.message, hint: error.hint };
  }
  throw new Error("no error");
}

/** Code, line and message of every fault, in the order in which they are told. */
function failures(text: string): readonly (readonly [code: string, line: number | undefined, message: string])[] {
  try {
    parseHost(text, "h.yaml");
  } catch (error) {
    if (!(error instanceof SeamlockError)) throw error;
    return [error, ...error.others].map(({ code, place, message }) => [code, place?.line, message]);
  }
  return [];
}

describe("bundled profiles", () => {
  test.each(HOSTS)("%s is read and has nothing to remark", (name) => {
    const loaded = parseHost(hostSource(name), `${name}.yaml`);
    expect(loaded.profile.name).toBe(name);
    const remarks = lintHost(loaded, newest);
    // A tree calls what only newer modules have, and P-SEAMLDR.
    expect(remarks.filter(({ severity }) => severity !== "note")).toEqual([]);
    if (loaded.profile.extracted === undefined) expect(remarks).toEqual([]);
    for (const path of loaded.profile.paths) expect(path.sources.length, path.name).toBeGreaterThan(0);
  });
});

describe("a line of a kernel's source", () => {
  const place = { function: "tdx_vcpu_load", file: "arch/x86/kvm/vmx/tdx.c", line: 12 };
  const read = (name: string) => parseHost(hostSource(name), name).profile;

  test("is a page of the repository, or of the package, that the bundled profile was made of", () => {
    expect(kernelSourceUrl(read("linux-6.16"), place)).toMatch(
      /^https:\/\/github\.com\/[^/]+\/[^/]+\/blob\/[0-9a-f]{40}\/arch\/x86\/kvm\/vmx\/tdx\.c#L12$/,
    );
    expect(kernelSourceUrl(read("linux-7.3"), place)).toMatch(
      /^https:\/\/sources\.debian\.org\/src\/linux\/[^/]+\/arch\/x86\/kvm\/vmx\/tdx\.c\/#L12$/,
    );
  });

  test("is none where the tree is somebody's own, or nothing was extracted", () => {
    const own = read("linux-6.16");
    const { extracted } = own;
    if (extracted === undefined) throw new Error("it was extracted");
    expect(kernelSourceUrl({ ...own, extracted: { ...extracted, tree: "Linux 6.16.1" } }, place)).toBeNull();
    expect(kernelSourceUrl(read("patch-v1-2024-09"), place)).toBeNull();
  });
});

describe("all that is wrong with a profile is told at once", () => {
  test("fields, in the order of the file, with the value that stands there", () => {
    const bad = OTHER.replace("per: vm }", "per: vmm }")
      .replace("    sources: [run.c]", "    source: [run.c]")
      .replace("do: [reenter]", "do: [pray]");
    const found = failures(bad);
    expect(found.map(([code]) => code)).toEqual(["SL3007", "SL3007", "SL3007"]);
    expect(found.map(([, line]) => line)).toEqual([...found.map(([, line]) => line ?? 0)].sort((x, y) => x - y));
    expect(found[0]?.[2]).toBe('`locks[0].per`: "vmm" is none of machine, package, vm, vcpu, inode, entry, page');
    // `source` is unknown; that `sources` is missing says the same.
    expect(found[1]?.[2]).toBe("unknown field `source`");
    expect(found[2]?.[2]).toContain('`paths[0].steps[0].onBusy[0].do[0]`: "pray" is no reaction');
  });

  test("inside a use of a lock, that it is, not that the use is none", () => {
    const told = (use: string) =>
      failures(OTHER.replace("holds: [page table lock]", `holds: [${use}]`)).map(([, , message]) => message);
    expect(told("{ lock: page table lock, mode: sharred }")).toEqual([
      '`paths[1].holds[0].mode`: "sharred" is none of exclusive, shared',
    ]);
    expect(told("{ lock: page table lock, moed: shared }")).toEqual(["unknown field `moed`"]);
    expect(told("7")).toEqual(["`paths[1].holds[0]`: 7 is neither a lock's name nor { lock, mode, of, assumed }"]);
  });

  test("a field that is missing where none is misspelt", () => {
    expect(failures(OTHER.replace("    sources: [run.c]\n", "")).map(([, , message]) => message)).toEqual([
      expect.stringContaining("`paths[0].sources`"),
    ]);
  });

  test("names, references and uses of one profile together", () => {
    const bad = OTHER.replace("phases: [live]", "phases: [life]")
      .replace("- name: unmap", "- name: run")
      .replace("holds: [vcpu thread]", "holds: [vcpu mutex]");
    expect(failures(bad).map(([code]) => code)).toEqual(["SL3009", "SL3009", "SL3008"]);
  });

  test("but not hundreds of lines", () => {
    const many = OTHER.replace("phases: [live]", `phases: [${"nowhere, ".repeat(99)}nowhere]`);
    const found = failures(many);
    expect(found.length).toBe(20);
    expect(found[0]?.[2]).toContain("(the first of 100 faults; 80 are not shown)");
  });
});

describe("a profile that cannot be used", () => {
  const at = (from: string, to: string): string => {
    expect(OTHER).toContain(from);
    return OTHER.replace(from, to);
  };

  test.each([
    ["empty", "  \n", "SL3001", "h.yaml"],
    ["not YAML", "schema: [a\n", "SL3003", "h.yaml:2:1"],
    ["a tab", "schema: seamlock/host@1\na:\n\tb: 1\n", "SL3003", "h.yaml:3:1"],
    ["a key twice", "schema: seamlock/host@1\nname: a\nname: b\n", "SL3003", "h.yaml:3:1"],
    ["another kind", "schema: seamlock/catalog@1\n", "SL3005", "h.yaml:1:9"],
    ["no mapping", "- 1\n", "SL3005", "h.yaml:1:1"],
    ["another version", "schema: seamlock/host@7\n", "SL3006", "h.yaml:1:9"],
    ["wrong type", at("name: hyper-x", "name: [1]"), "SL3007", "h.yaml:3:7"],
    ["unknown field", at("    sources: [run.c]", "    source: [run.c]"), "SL3007", "h.yaml:18:13"],
    ["unknown reaction", at("do: [reenter]", "do: [pray]"), "SL3007", "h.yaml:22:25"],
    ["duplicate path", at("- name: unmap", "- name: run"), "SL3008", "h.yaml:23:11"],
    ["duplicate lock", at("name: vm lock", "name: page table lock"), "SL3008", "h.yaml:11:13"],
    ["unknown lock", at("holds: [vcpu thread]", "holds: [vcpu mutex]"), "SL3009", "h.yaml:19:13"],
    ["unknown phase", at("phases: [live]", "phases: [life]"), "SL3009", "h.yaml:17:14"],
    ["shared mutex", at("holds: [vcpu thread]", "holds: [{ lock: vm lock, mode: shared }]"), "SL3010", "h.yaml:21:15"],
    [
      "shared spinlock",
      at("name: vm lock, kind: mutex", "name: vm lock, kind: spinlock").replace(
        "holds: [vcpu thread]",
        "holds: [{ lock: vm lock, mode: shared }]",
      ),
      "SL3010",
      "h.yaml:21:15",
    ],
    ["vCPU lock without a vCPU", at("holds: [page table lock]", "holds: [vcpu thread]"), "SL3010", "h.yaml:29:15"],
    ["cyclic alias", "schema: seamlock/host@1\nname: &a [*a]\n", "SL3004", "h.yaml:2:11"],
    ["unknown anchor", "schema: seamlock/host@1\nname: *b\n", "SL3004", "h.yaml:2:7"],
    ["10 MB", `schema: seamlock/host@1\nname: ${"x".repeat(10_000_000)}\n`, "SL3002", "h.yaml"],
    ["nested", `schema: seamlock/host@1\nname: ${"[".repeat(20_000)}`, "SL3002", "h.yaml:2"],
    ["nested dashes", `${"- ".repeat(20_000)}a\n`, "SL3002", "h.yaml:1"],
  ])("%s", (_what, text, code, place) => {
    const found = failure(text);
    expect(found).toMatchObject({ code });
    expect(found.place.startsWith(place), found.place).toBe(true);
    expect(found.message).not.toMatch(/\.$/);
    expect(found.hint).not.toBeNull();
  });

  test.each([
    ["name: hyper-x", "name: [1]", "`name`: a list is no text"],
    ["name: hyper-x", "title: hyper-x", "unknown field `title`"],
    ["    per: vm\n    phases", "    phases", "`paths[1].per`: is missing; there are "],
    ["do: [reenter]", "do: [pray]", '`paths[0].steps[0].onBusy[0].do[0]`: "pray" is no reaction; there are '],
    ["do: [reenter]", "do: []", "`paths[0].steps[0].onBusy[0].do`: a list is too short: at least 1"],
    ["holds: [vcpu thread]", "holds: [3]", "`paths[0].holds[0]`: 3 is neither a lock's name nor "],
    [
      "holds: [vcpu thread]",
      "holds: [{ lock: vm lock, mode: some }]",
      '`paths[0].holds[0].mode`: "some" is none of exclusive, shared',
    ],
  ])("%s, changed to %s, is told in words of ours", (from, to, message) => {
    expect(failure(at(from, to)).message.startsWith(message), failure(at(from, to)).message).toBe(true);
  });

  test("very many keys are told in time that grows with them", () => {
    const keys = Array.from({ length: 40_000 }, (_, i) => `k${i}: 1`);
    const before = process.cpuUsage().user;
    const [first] = failures(`schema: seamlock/host@1\n${keys.join("\n")}\n`);
    expect(first).toEqual(["SL3007", 2, "unknown field `k0` (the first of 40000 faults; 39980 are not shown)"]);
    // 20 s when each key was looked for among all others.
    expect(process.cpuUsage().user - before).toBeLessThan(8e6);
  });

  test("aliases of aliases do not grow without bound", () => {
    const levels = Array.from(
      { length: 30 },
      (_, i) => `l${i + 1}: &l${i + 1} [${Array(9).fill(`*l${i}`).join(", ")}]`,
    );
    const started = performance.now();
    expect(failure(`schema: seamlock/host@1\nl0: &l0 [x]\n${levels.join("\n")}\n`).code).toBe("SL3004");
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

describe("lint", () => {
  const codes = (text: string): string[] =>
    lintHost(parseHost(text, "h.yaml"), newest).map((f) => `${f.code}:${f.place.line}`);

  test("a lock that nobody holds, and a phase without a path", () => {
    const found = codes(OTHER.replace("kind: mutex", "kind: flag"));
    expect(found).toEqual(["SL3104:7", "SL3102:10"]);
  });

  test.each([
    ["SL3101", "TDH.MEM.TRACK", "TDH.MEM.TRAK"],
    ["SL3103", "holds: [page table lock]", "holds: [{ lock: page table lock, mode: shared }]"],
    ["SL3105", "phases: [live]", "phases: [live]\n    overruns: [setup]"],
    ["SL3106", "        onBusy: [{ do: [reenter] }]\n", ""],
    ["SL3107", "[{ do: [reenter] }]", "[{ do: [reenter] }, { do: [warn] }]"],
    ["SL3108", "TDH.VP.ENTER", "TDG.MEM.PAGE.ACCEPT"],
    ["SL3110", "TDH.MEM.TRACK", "TDH.MR.EXTEND"],
    ["SL3109", "- call: TDH.MEM.TRACK", "- call: TDH.VP.INIT\n        variant: version=7\n        vcpu: any"],
    ["SL3111", "kind: rwlock, per: vm", "kind: entry, per: entry"],
  ])("%s", (code, from, to) => {
    expect(OTHER).toContain(from);
    expect(codes(OTHER.replace(from, to)).map((c) => c.slice(0, 6))).toContain(code);
  });
});

describe("severity", () => {
  test.each([
    ["bug-vm", "vm-dead"],
    ["leak", "leak"],
    ["return:-EIO", "error"],
    ["misread", "error"],
    ["unknown", "unknown"],
    ["warn", "warning"],
    ["ignore", "warning"],
    ["retry:3", "retry"],
    ["kick-and-retry:1", "retry"],
    ["refault", "retry"],
    ["reenter", "retry"],
  ])("of %s is %s", (reaction, severity) => {
    expect(severityOf({ do: [reaction] }, false)).toBe(severity);
  });

  test("a kick keeps what follows it from being reached, when it is a vCPU that stands in the way", () => {
    const clause = { do: ["kick-and-retry:1", "bug-vm"] };
    expect(severityOf(clause, true)).toBe("retry");
    expect(severityOf(clause, false)).toBe("vm-dead");
    expect(severityOf({ do: ["retry:unbounded", "bug-vm"] }, false)).toBe("retry");
  });

  test("what is reached ends with the kick, or with what is tried without bound; without either it is all", () => {
    const kick = { do: ["warn", "kick-and-retry:1", "leak", "bug-vm"] };
    expect(reachedOf(kick, true)).toEqual(["warn", "kick-and-retry:1"]);
    expect(reachedOf(kick, false)).toEqual(kick.do);
    expect(reachedOf({ do: ["warn", "retry:unbounded", "leak"] }, true)).toEqual(["warn", "retry:unbounded"]);
    expect(reachedOf({ do: ["warn", "leak"] }, true)).toEqual(["warn", "leak"]);
  });
});

describe("reactions", () => {
  test.each([
    ["retry:16", { kind: "retry", tries: 16, error: null }, "retries up to 16 times"],
    ["retry:unbounded", { kind: "retry", tries: Number.POSITIVE_INFINITY, error: null }, "retries without bound"],
    [
      "kick-and-retry:1",
      { kind: "kick-and-retry", tries: 1, error: null },
      "kicks the vCPUs, keeps them out and retries once",
    ],
    ["return:-EBUSY", { kind: "return", tries: null, error: "-EBUSY" }, "returns -EBUSY"],
    ["warn", { kind: "warn", tries: null, error: null }, "warns"],
  ])("%s", (written, read, words) => {
    expect(reactionOf(written)).toEqual(read);
    expect([isKick(written), isEndless(written)]).toEqual([
      read.kind === "kick-and-retry",
      read.tries === Number.POSITIVE_INFINITY,
    ]);
    expect(clauseText({ do: [written, "leak"] })).toBe(`${words}, then leaks the resource`);
  });

  test("the clause of an operand is the first that names it or names none; of an unknown operand any may be", () => {
    const clauses = [{ on: ["TDR"], do: ["warn"] }, { do: ["leak"] }, { on: ["TDCS"], do: ["ignore"] }];
    expect(clausesFor(clauses, "TDR")).toEqual([clauses[0]]);
    expect(clausesFor(clauses, "TDCS")).toEqual([clauses[1]]);
    expect(clausesFor(clauses.slice(0, 1), "TDCS")).toEqual([]);
    expect(clausesFor(clauses, null)).toEqual(clauses);
  });
});
