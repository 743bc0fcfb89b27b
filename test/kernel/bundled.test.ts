/** The bundled profiles that are extracted: where they come from, and what is put into them. `npm run hosts` makes them. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { extractedKernels, originOf, statedFacts } from "../../scripts/make-hosts.ts";
import { parseHost } from "../../src/host/index.ts";

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

test("a tree's origin is what anybody can get it by", () => {
  const origins = extractedKernels().map(originOf);
  const [of616, of73] = [origins[0], origins.at(-1)];
  expect(of616).toMatch(/^Linux 6\.16\.1: github\.com\/[\w-]+\/[\w.-]+ at [0-9a-f]{40}$/);
  expect(of73).toMatch(/^Linux 7\.3\.4: Debian linux-source-7\.3 7\.3\.4-\S+ \(\S+\), sha256 [0-9a-f]{64}$/);
});
