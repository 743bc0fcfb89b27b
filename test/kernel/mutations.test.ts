/** The list of changes to a kernel, how they are applied and judged. `npm run host-mutations` makes them and extracts. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { judge } from "../../scripts/host-mutations/judge.ts";
import { applyEdit, type Edit, loadMutations, type Mutation } from "../../scripts/host-mutations/mutations.ts";
import { idealProfile } from "./oracle/compare.ts";
import { loadOracle } from "./oracle/oracle.ts";

const { kernel, mutations } = loadMutations();
const oracle = loadOracle(kernel);
const asRead = idealProfile(oracle);
const kernels = process.env["SEAMLOCK_KERNELS"];

const SOURCE = `#define keep(kvm)	\\
({					\\
	lock(kvm);			\\
	unlock(kvm);			\\
})

static int other(void);
static int
other(void)
{
	lock(a);
	if (busy &&
	    late)
		return -EBUSY;
	unlock(a);
}

static int another(void)
{
	lock(a);
}
`;

describe("an edit", () => {
  const edit = (rest: Partial<Edit>): Edit => ({ file: "a.c", in: "other", times: 1, ...rest });

  test("drops, puts, adds and moves tokens in the function that it names", () => {
    expect(applyEdit(SOURCE, edit({ drop: "lock(a);" }))).toContain("{\n\t\n\tif (busy");
    expect(applyEdit(SOURCE, edit({ drop: "busy && late" }))).toContain("if ()");
    expect(applyEdit(SOURCE, edit({ put: "-EAGAIN", for: "-EBUSY" }))).toContain("return -EAGAIN;");
    expect(applyEdit(SOURCE, edit({ add: "x();", after: "unlock(a);" }))).toContain("unlock(a); x();\n}");
    expect(applyEdit(SOURCE, edit({ move: "unlock(a);", before: "if (busy" }))).toContain("unlock(a); if (busy");
    expect(applyEdit(SOURCE, edit({ in: "keep", drop: "lock(kvm); unlock(kvm);" }))).toContain(
      "({\t\t\t\t\t\\\n\t\t\t\t\\\n})",
    );
    expect(applyEdit(SOURCE, edit({ in: "another", drop: "lock(a);" }))).toContain("another(void)\n{\n\t\n}");
  });

  test("fails where it does not fit", () => {
    expect(() => applyEdit(SOURCE, edit({ drop: "lock(b);" }))).toThrow("stands there 0 times, not 1");
    expect(() => applyEdit(SOURCE, edit({ drop: "a", times: 3 }))).toThrow("stands there 2 times, not 3");
    expect(() => applyEdit(SOURCE, edit({ in: "third", drop: "a" }))).toThrow("there is no third");
  });
});

describe("the list", () => {
  test("has forty changes of every kind", () => {
    const kinds = new Set(mutations.map(({ kind }) => kind));
    expect([...kinds].sort()).toEqual(["control", "delete", "gate", "mode", "move", "new", "reaction"]);
    expect(mutations.filter(({ kind }) => kind !== "control").length).toBeGreaterThanOrEqual(40);
    expect(new Set(mutations.map(({ name }) => name)).size).toBe(mutations.length);
  });

  test.each(mutations.filter(({ kind }) => kind !== "control"))(
    "$kind: $name: what does not notice it is wrong",
    (mutation) => {
      const faults = judge(mutation, asRead, asRead, oracle);
      expect(faults.filter((fault) => fault.startsWith("concerns no row"))).toEqual([]);
      expect(faults.length).toBeGreaterThan(0);
    },
  );

  test.skipIf(kernels === undefined)("fits the kernel", () => {
    for (const { name, edits } of mutations) {
      const sources = new Map<string, string>();
      for (const edit of edits) {
        const path = join(String(kernels), kernel, edit.file);
        expect(existsSync(path), path).toBe(true);
        const before = sources.get(path) ?? readFileSync(path, "utf8");
        let after = "";
        expect(() => (after = applyEdit(before, edit)), `${name}: ${edit.in}`).not.toThrow();
        expect(after, name).not.toBe(before);
        sources.set(path, after);
      }
    }
  });
});

describe("the judge", () => {
  const finalize = (busy: string): typeof asRead => {
    const profile = structuredClone(asRead);
    const step = profile.paths.find(({ name }) => name === "finalize-vm")?.steps[0];
    Object.assign(step ?? {}, { onBusy: [{ do: [busy] }] });
    return profile;
  };
  const named = (name: string): Mutation => {
    const found = mutations.find((one) => one.name === name);
    if (found === undefined) throw new Error(name);
    return found;
  };
  const says = named("FINALIZE_VM says EAGAIN");

  test("accepts the change that is expected, and no other", () => {
    expect(judge(says, asRead, finalize("return:-EAGAIN"), oracle)).toEqual([]);
    expect(judge(says, asRead, finalize("return:-EINTR"), oracle).length).toBe(2);
  });

  test("finds a change elsewhere", () => {
    const profile = finalize("return:-EAGAIN");
    profile.paths = profile.paths.filter(({ name }) => name !== "sched-in");
    expect(judge(says, asRead, profile, oracle)).toEqual([expect.stringMatching(/^did not come out: tdh_vp_flush/)]);
  });

  test("wants an assertion that is not met to be said", () => {
    const silent = judge(named("attributes are changed without mmu_lock"), asRead, asRead, oracle);
    expect(silent).toContain("no diagnostic says that an assertion is not met");
  });
});
