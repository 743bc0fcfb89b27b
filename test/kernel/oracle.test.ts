/** The comparison of an extracted profile with a kernel that was read by hand, measured by profiles that say what was read. */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { extractHost } from "../../src/kernel/index.ts";
import { compare, comparisonText, idealProfile, leafName } from "./oracle/compare.ts";
import { loadOracle, READ_KERNELS } from "./oracle/oracle.ts";

const kernels = process.env["SEAMLOCK_KERNELS"];
if (kernels === undefined)
  process.stderr.write("notice: SEAMLOCK_KERNELS is not set: the extraction is not compared with hand-read kernels\n");

describe.each(READ_KERNELS)("the comparison with the hand-read %s", (kernel) => {
  const oracle = loadOracle(kernel);

  test("finds nothing to say about a profile that says what was read", () => {
    const result = compare(oracle, idealProfile(oracle));
    expect(result.differences).toEqual([]);
    expect(result).toMatchObject({
      recall: 1,
      precision: 1,
      forbidden: [],
      extra: [],
      missed: [],
      found: result.steps,
    });
  });

  test("finds each change of one lock, mode, phase and reaction", () => {
    const changes: [string, (profile: ReturnType<typeof idealProfile>) => void][] = [
      ["row", (profile) => void stepOf(profile, "init-vm", "tdh_mng_create").holds?.pop()],
      [
        "row",
        (profile) => {
          const step = stepOf(profile, "run-ept-violation", "tdh_mem_page_aug");
          step.holds = step.holds?.map((use) =>
            typeof use === "object" && use.lock === "kvm->mmu_lock" ? { ...use, mode: "exclusive" } : use,
          );
        },
      ],
      [
        "phases",
        (profile) => void Object.assign(stepOf(profile, "init-mem-region", "tdh_mr_extend"), { phases: ["runtime"] }),
      ],
      [
        "reaction",
        (profile) =>
          void Object.assign(stepOf(profile, "finalize-vm", "tdh_mr_finalize"), { onBusy: [{ do: ["bug-vm"] }] }),
      ],
      ["overruns", (profile) => void Object.assign(pathOf(profile, "finalize-vm"), { overruns: ["runtime"] })],
      ["exceptional", (profile) => void Object.assign(pathOf(profile, "finalize-vm"), { exceptional: "once" })],
      [
        "at once",
        (profile) => void Object.assign(stepOf(profile, "finalize-vm", "tdh_mr_finalize"), { onEach: "cpu" }),
      ],
    ];
    for (const [kind, change] of changes) {
      const profile = structuredClone(idealProfile(oracle));
      change(profile);
      const kinds = compare(oracle, profile).differences.map((difference) => difference.kind);
      expect(kinds.length, kind).toBeGreaterThan(0);
      expect([...new Set(kinds)], kind).toEqual([kind]);
    }
  });

  test("finds a row that must not come out", () => {
    const profile = structuredClone(idealProfile(oracle));
    profile.paths.push({ ...pathOf(profile, "vcpu-load"), name: "new", entries: ["kvm_vm_ioctl KVM_TDX_INIT_VM"] });
    expect(compare(oracle, profile).forbidden.length).toBe(1);
  });
});

describe.skipIf(kernels === undefined)("the extraction against the hand-read", () => {
  test.each(READ_KERNELS)("%s", { timeout: 300_000 }, (kernel) => {
    const oracle = loadOracle(kernel);
    const result = compare(oracle, extractHost(join(String(kernels), kernel)).profile);
    process.stdout.write(`${comparisonText(kernel, result)}\n`);
    expect(result.recall).toBeGreaterThanOrEqual(0.98);
    expect(result.agreeing.reaction / result.found).toBeGreaterThanOrEqual(0.98);
    expect(result.forbidden).toEqual([]);
  });
});

test("a leaf has one name in every spelling", () => {
  expect(["TDH.MEM.TRACK", "tdh_mem_track", "TDH_MEM_TRACK"].map(leafName)).toEqual(Array(3).fill("tdh_mem_track"));
  expect(leafName("tdh_phymem_page_wbinvd_tdr")).toBe("tdh_phymem_page_wbinvd");
  expect(leafName("P_SEAMLDR_INFO")).toBe("seamldr_info");
});

function pathOf(profile: ReturnType<typeof idealProfile>, id: string) {
  const path = profile.paths.find(({ name }) => name === id);
  if (path === undefined) throw new Error(id);
  return path;
}

function stepOf(profile: ReturnType<typeof idealProfile>, id: string, call: string) {
  const step = pathOf(profile, id).steps.find((one) => one.call === call);
  if (step === undefined) throw new Error(`${id} ${call}`);
  return step;
}
