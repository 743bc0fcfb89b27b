/**
 * The hand-read files are of their format and consistent; where the trees are there, every place that they name is in the tree, says
 * what it should, and no call of a SEAMCALL in the tree is missing from them.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { heldAtStep, inconsistencies, loadOracle, oracleSchema, placesOf, READ_KERNELS } from "./oracle/oracle.ts";

const KERNELS = process.env["SEAMLOCK_KERNELS"];
const why = KERNELS === undefined ? " (skipped: SEAMLOCK_KERNELS names no folder of kernel trees)" : "";

describe.each(READ_KERNELS)("the hand-read %s", (kernel) => {
  const oracle = loadOracle(kernel);

  test("is consistent", () => {
    expect(inconsistencies(oracle)).toEqual([]);
  });

  test("has a step for each leaf that KVM calls, and the locks of the known cases", () => {
    const calls = new Set(oracle.paths.flatMap(({ steps }) => steps.map(({ call }) => call)));
    expect(calls.size).toBe(kernel === "7.3" ? 37 : 32);
    const locks = (id: string, call: string): string[] => {
      const path = oracle.paths.find((p) => p.id === id);
      const step = path?.steps.find((s) => s.call === call);
      if (path === undefined || step === undefined) throw new Error(`${id} ${call}`);
      return heldAtStep(path, step).map(
        ({ lock, mode, of }) => `${lock}${mode === undefined ? "" : "/r"}${of === undefined ? "" : `:${of}`}`,
      );
    };
    expect(locks("init-vcpu", "tdh_vp_init")).toEqual(
      kernel === "6.16" ? ["vcpu->mutex"] : ["kvm->lock", "vcpu->mutex:all", "kvm->slots_lock", "kvm->mmu_lock"],
    );
    expect(locks("run-ept-violation", "tdh_mem_page_aug")).toEqual([
      "vcpu->mutex",
      "kvm->srcu/r",
      "kvm->mmu_lock/r",
      "mirror-SPTE FROZEN:target",
    ]);
    expect(locks("cpu-offline", "tdh_vp_flush")).toEqual(["cpu_hotplug_lock"]);
  });

  test.skipIf(KERNELS === undefined)(`names places that say what they should${why}`, () => {
    const tree = new Tree(join(String(KERNELS), kernel));
    const wrong = placesOf(oracle)
      .map(({ place, in: where }) => ({ place, where, line: tree.line(place) }))
      .filter(
        ({ line, where }) =>
          line === undefined ||
          line.trim() === "" ||
          (where.endsWith(".at") && where.includes(".holds.") && !TAKES.test(line)),
      );
    expect(wrong).toEqual([]);
    for (const path of oracle.paths) {
      for (const { call, at } of path.steps)
        expect(tree.line(at), `${path.id} ${call} ${at}`).toMatch(new RegExp(leafOf(call)));
    }
  });

  test.skipIf(KERNELS === undefined)(`leaves out no call of a SEAMCALL in the tree${why}`, () => {
    const tree = new Tree(join(String(KERNELS), kernel));
    const known = new Set([
      ...oracle.paths.flatMap(({ steps }) => steps.map(({ at }) => at)),
      ...oracle.unreached.map(({ at }) => at),
    ]);
    const found = tree.seamcalls();
    expect(found.length).toBeGreaterThan(35);
    expect(found.filter((place) => !known.has(place))).toEqual([]);
    expect([...known].filter((place) => !found.includes(place))).toEqual([]);
  });
});

test("the format refuses a place without a line, a reaction that is none and a field that it does not know", () => {
  const good = loadOracle("7.3");
  const broken = (change: (copy: typeof good) => void): boolean => {
    const copy = structuredClone(good);
    change(copy);
    return !oracleSchema.safeParse(copy).success;
  };
  const step = (copy: typeof good) => {
    const found = copy.paths[0]?.steps[0];
    if (found === undefined) throw new Error("no step");
    return found;
  };
  expect(broken(() => undefined)).toBe(false);
  expect(broken((copy) => void Object.assign(step(copy), { at: "tdx.c" }))).toBe(true);
  expect(broken((copy) => void Object.assign(step(copy), { onBusy: [{ do: ["panic"], at: ["a.c:1"] }] }))).toBe(true);
  expect(broken((copy) => void Object.assign(step(copy), { color: "red" }))).toBe(true);
});

test("a lock that is not in the list, a lock held twice and a phase out of place are told", () => {
  const copy = structuredClone(loadOracle("7.3"));
  const [path] = copy.paths;
  const step = path?.steps[0];
  if (path === undefined || step === undefined) throw new Error("no step");
  step.holds = [{ lock: "big_lock", at: "a.c:1" }, ...path.holds.slice(0, 1)];
  step.phases = ["runtime"];
  const said = inconsistencies(copy).join("\n");
  expect(said).toContain("holds big_lock, which is no lock of the file");
  expect(said).toContain("holds a lock twice");
  expect(said).toContain("a phase that its path has not");
});

/** Words of a line that takes a lock or sets up what works like one. */
const TAKES = /lock|LOCK|guard|FROZEN|get_online_mems|cpuhp_setup_state|cpumask_test_and_set/;

/** What the line of a call says: the wrapper's name, else the leaf's. */
function leafOf(call: string): string {
  if (call.startsWith("seamldr_")) return `P_${call.toUpperCase()}`;
  return `${call}|${call.toUpperCase()}`;
}

/** A kernel tree, by lines; only the places where SEAMCALLs are made. */
class Tree {
  readonly #files = new Map<string, string[]>();
  constructor(readonly folder: string) {
    if (!existsSync(folder)) throw new Error(`SEAMLOCK_KERNELS has no tree in ${folder}`);
  }
  #lines(file: string): string[] {
    const read = this.#files.get(file) ?? readFileSync(join(this.folder, file), "utf8").split("\n");
    this.#files.set(file, read);
    return read;
  }
  line(place: string): string | undefined {
    const [file = "", line = ""] = place.split(":");
    return existsSync(join(this.folder, file)) ? this.#lines(file)[Number(line) - 1] : undefined;
  }
  /** file:line of every line outside comments that calls a wrapper or seamcall*() with a leaf; not the wrappers' own bodies. */
  seamcalls(): string[] {
    const out: string[] = [];
    for (const root of ["arch/x86", "virt", "drivers/virt"]) this.#walk(root, out);
    return out;
  }
  #walk(folder: string, out: string[]): void {
    for (const name of readdirSync(join(this.folder, folder)).sort()) {
      const file = `${folder}/${name}`;
      if (statSync(join(this.folder, file)).isDirectory()) this.#walk(file, out);
      else if (/\.[ch]$/.test(name)) this.#search(file, out);
    }
  }
  #search(file: string, out: string[]): void {
    const lines = this.#lines(file);
    let wrapper = false;
    for (const [index, line] of lines.entries()) {
      if (/^\w.*\btdh_(?!\w*_failed)\w+\(.*/.test(line) && !line.startsWith("#")) wrapper = true;
      else if (line.startsWith("}")) wrapper = false;
      if (wrapper || /^\s*(\*|\/\*|\/\/)/.test(line) || /^\w/.test(line) || /^#\s*define/.test(line)) continue;
      const calls =
        /\btdh_(?!\w*_failed)\w+\((?!\))/.test(line.replace(/".*?"/g, "")) && !/tdh_do_no_vcpus\(\s*$/.test(line);
      const leaf = /\b(seamcall\w*|__seamcall\w*|seamldr_call)\(.*\b(TDH|P_SEAMLDR)_\w+/.test(line);
      if (calls || leaf) out.push(`${file}:${index + 1}`);
    }
  }
}
