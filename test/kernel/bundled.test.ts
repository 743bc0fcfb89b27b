/** The bundled profiles that are extracted: where they come from, and what is put into them. `npm run hosts` makes them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { extractedKernels, statedFacts } from "../../scripts/make-hosts.ts";
import { type HostProfile, KERNEL_SOURCES, originOf, parseHost } from "../../src/host/index.ts";
import { extractHost } from "../../src/kernel/index.ts";

const KERNELS = process.env["SEAMLOCK_KERNELS"];
const why = KERNELS === undefined ? " (skipped: SEAMLOCK_KERNELS names no folder of kernel trees)" : "";

test.each(extractedKernels())("linux-$version says where it is from, and what was read by hand", (source) => {
  const file = `data/hosts/linux-${source.version}.yaml`;
  const { profile } = parseHost(readFileSync(file, "utf8"), file);
  const { extracted, removal, exits } = profile;
  expect(profile.name).toBe(`linux-${source.version}`);
  expect(profile.sources).toEqual([originOf(source)]);
  expect(extracted).toMatchObject({ tree: originOf(source), rules: "linux-kvm" });
  // A tree leaves out the zero of its first release.
  expect([source.release, source.release.replace(/\.0$/, "")]).toContain(extracted?.kernel);
  expect({ removal, exits }).toEqual(statedFacts()[source.version]);
});

/** A call that fills an entry of the mirror page table, and the function of KVM's walk that makes such an entry. */
const FILLS: Readonly<Record<string, string>> = {
  tdh_mem_sept_add: "tdp_mmu_link_sp",
  tdh_mem_page_add: "tdp_mmu_map_handle_target_level",
  tdh_mem_page_aug: "tdp_mmu_map_handle_target_level",
};

test.each(extractedKernels())(
  "linux-$version adds tables where the walk goes down, then the page where it ends",
  (source) => {
    const file = `data/hosts/linux-${source.version}.yaml`;
    const { profile } = parseHost(readFileSync(file, "utf8"), file);
    const ways = profile.paths.map(({ steps }) =>
      steps.flatMap(({ call, evidence = [] }) => {
        const names = evidence.map((place) => place.function);
        const at = names.indexOf("kvm_tdp_mmu_map");
        return at < 0 ? [] : [[call, names[at + 1]]];
      }),
    );
    const walks = ways.filter((way) => way.length > 0);
    expect(walks.length).toBeGreaterThan(1);
    for (const way of walks) {
      expect(way).toEqual(way.map(([call = ""]) => [call, FILLS[call]]));
      expect(way[0]?.[0]).toBe("tdh_mem_sept_add");
    }
  },
);

test("a tree's origin is what anybody can get it by", () => {
  const origins = extractedKernels().map(originOf);
  const [of616, of73] = [origins[0], origins.at(-1)];
  expect(of616).toMatch(/^Linux 6\.16\.1: github\.com\/[\w-]+\/[\w.-]+ at [0-9a-f]{40}$/);
  expect(of73).toMatch(/^Linux 7\.3\.4: Debian linux-source-7\.3 7\.3\.4-\S+ \(\S+\), sha256 [0-9a-f]{64}$/);
});

test("a kernel whose tree can be got has a profile of its own, or stands for another one", () => {
  const own = extractedKernels().map(({ version }) => version);
  const others = KERNEL_SOURCES.map(({ version }) => version).filter((version) => !own.includes(version));
  expect(others).toEqual(["6.18"]);
  expect(Object.keys(aliases())).toEqual(expect.arrayContaining(others));
});

test.skipIf(KERNELS === undefined)(
  `6.18 has the locks and reactions of what it stands for${why}`,
  () => {
    const file = `data/hosts/${aliases()["6.18"]}.yaml`;
    const { profile: before } = parseHost(readFileSync(file, "utf8"), file);
    const { profile: after } = extractHost(join(String(KERNELS), "6.18"));
    const places = new Set(["evidence", "function", "sources"]);
    const facts = ({ phases, paths }: HostProfile): string =>
      JSON.stringify({ phases, paths }, (key, value) => (places.has(key) ? undefined : value), 1);
    expect(facts(after)).toBe(facts(before));
  },
  300_000,
);

const aliases = (): Record<string, string> => parse(readFileSync("data/glossary.yaml", "utf8")).hostAliases;
