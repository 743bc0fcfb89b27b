/**
 * Regenerates data/hosts/linux-*.yaml, the profiles of kernels that are extracted from source, byte for byte, from a folder of kernel trees.
 *
 *     npm run hosts -- KERNELS [VERSION...]           write them, or those of some versions
 *     npm run hosts -- KERNELS [VERSION...] --check   only say whether they would change; exit status 1 when one would
 *
 * KERNELS holds one folder per version, as scripts/get-kernels.sh makes it from data/kernel-sources.json. What a tree does and the
 * extraction does not follow is read by hand and put in from data/kernel-stated.yaml; a kernel that it does not have is none of these.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { parse } from "yaml";
import { z } from "zod";
import {
  exitSchema,
  type HostProfile,
  KERNEL_SOURCES,
  type KernelSource,
  originOf,
  removalSchema,
  serializeHost,
} from "../src/host/index.ts";
import { extractHost } from "../src/kernel/index.ts";

const root = join(import.meta.dirname, "..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");

const statedSchema = z.strictObject({
  schema: z.literal("seamlock/kernel-stated@1"),
  kernels: z.record(z.string(), z.strictObject({ removal: removalSchema, exits: z.array(exitSchema).min(1) })),
});

/** What was read by hand, by version; throws on what its format does not have. */
export const statedFacts = (): z.infer<typeof statedSchema>["kernels"] =>
  statedSchema.parse(parse(read("data/kernel-stated.yaml"))).kernels;

/** The kernels whose profiles are extracted, oldest first. */
export function extractedKernels(): KernelSource[] {
  const stated = statedFacts();
  return KERNEL_SOURCES.filter(({ version }) => version in stated);
}

/** The profile of a tree as it is bundled. */
export function bundledProfile(tree: string, source: KernelSource): HostProfile {
  const { profile } = extractHost(tree, { name: `linux-${source.version}` });
  const { extracted, ...rest } = profile;
  // A tree leaves out the zero of its first release.
  if (extracted === undefined || ![extracted.kernel, `${extracted.kernel}.0`].includes(source.release))
    throw new Error(`${tree} is ${extracted?.kernel}, not ${source.release}`);
  const origin = originOf(source);
  return { ...rest, sources: [origin], ...statedFacts()[source.version], extracted: { ...extracted, tree: origin } };
}

function make(kernels: string, versions: readonly string[], checkOnly: boolean): number {
  let bad = 0;
  const known = extractedKernels();
  for (const version of versions) {
    if (!known.some((one) => one.version === version)) throw new Error(`data/kernel-stated.yaml has no ${version}`);
  }
  for (const source of known) {
    if (versions.length > 0 && !versions.includes(source.version)) continue;
    const profile = bundledProfile(join(kernels, source.version), source);
    const file = join(root, `data/hosts/linux-${source.version}.yaml`);
    const text = serializeHost(profile);
    const isSame = existsSync(file) && readFileSync(file, "utf8") === text;
    if (!isSame && !checkOnly) writeFileSync(file, text);
    if (checkOnly && !isSame) bad++;
    const open = profile.extracted?.diagnostics.filter(({ severity }) => severity !== "note") ?? [];
    for (const d of open) console.error(`${source.version}: ${d.code} ${d.message} (${d.file}:${d.line})`);
    const calls = profile.paths.reduce((count, { steps }) => count + steps.length, 0);
    const state = isSame ? "unchanged" : checkOnly ? "DIFFERS" : "written";
    console.log(`${source.version.padEnd(6)} ${profile.paths.length} paths, ${calls} calls, ${state}`);
  }
  return bad;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { values, positionals } = parseArgs({ options: { check: { type: "boolean" } }, allowPositionals: true });
  const [kernels, ...versions] = positionals;
  if (kernels === undefined) {
    console.error("usage: npm run hosts -- KERNELS [VERSION...] [--check]");
    process.exitCode = 2;
  } else if (make(kernels, versions, values.check === true) > 0) process.exitCode = 1;
}
