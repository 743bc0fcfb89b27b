/** From a kernel source tree to the HostProfile of the hypervisor in it, by rules in data. */

import { createHash } from "node:crypto";
import { Program, type SourceFile } from "../c/index.ts";
import { cacheKey, readCached, writeCached } from "../cache.ts";
import type { Diagnostic } from "../catalog/index.ts";
import type { HostProfile } from "../host/index.ts";
import { profileOf } from "./extract.ts";
import { bundledKernelRules, dialectOf, type KernelRules } from "./rules.ts";
import { MODELS, PRELUDE } from "./source.ts";
import { readKernelTree } from "./tree.ts";

export { defaultCacheDir } from "../cache.ts";
export { explainSteps } from "./explain.ts";
export { bundledKernelRules, type KernelRules, parseKernelRules } from "./rules.ts";

export interface ExtractHostOptions {
  /** What to be told of the hypervisor; by default the bundled rules for Linux KVM. */
  readonly rules?: KernelRules;
  /** The profile's name; by default `linux-` and the tree's version. */
  readonly name?: string;
  /** What to record as the tree's origin; by default the version that it states. */
  readonly origin?: string;
  /** Folder for results of unchanged trees; null (the default) keeps none. */
  readonly cacheDir?: string | null;
}

export interface HostExtraction {
  readonly profile: HostProfile;
  /** Those of the profile's `extracted`. */
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Extracts a HostProfile from the source tree of a kernel.
 *
 * @param tree the tree's root folder
 * @throws SeamlockError SL3401 no tree that the rules fit · SL3402 nothing in it makes a SEAMCALL
 */
export function extractHost(tree: string, options: ExtractHostOptions = {}): HostExtraction {
  const rules = options.rules ?? bundledKernelRules();
  const read = readKernelTree(tree, rules.scope);
  const version = read.version ?? "unknown";
  const identity = {
    name: options.name ?? `linux-${version}`,
    origin: options.origin ?? `Linux ${version}`,
    rulesDigest: digestOf(rules),
  };
  const key = cacheKey([read.digest, JSON.stringify([read.skipped, identity])]);
  const cached = options.cacheDir ? readCached(options.cacheDir, key) : null;
  if (cached !== null) return extractionOf(JSON.parse(cached) as HostProfile);
  const profile = profileOf(read, programOf(read.files, rules), rules, identity);
  if (options.cacheDir) writeCached(options.cacheDir, key, JSON.stringify(profile));
  return extractionOf(profile);
}

function extractionOf(profile: HostProfile): HostExtraction {
  return { profile, diagnostics: profile.extracted?.diagnostics ?? [] };
}

const digestOf = (rules: KernelRules): string =>
  `sha256:${createHash("sha256").update(JSON.stringify(rules)).digest("hex")}`;

/** The program in a kernel tree: what the rules name of it. */
export function readKernel(tree: string, rules: KernelRules): Program {
  return programOf(readKernelTree(tree, rules.scope).files, rules);
}

function programOf(files: readonly SourceFile[], rules: KernelRules): Program {
  const own = [
    { path: PRELUDE, source: rules.prelude },
    { path: MODELS, source: rules.models },
  ];
  return new Program([...own, ...files], dialectOf(rules, PRELUDE));
}
