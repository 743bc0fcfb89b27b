/** Where a line of a kernel's source can be read. */
import sources from "../../data/kernel-sources.json" with { type: "json" };
import { sourceUrl } from "../catalog/index.ts";
import type { HostPlace, HostProfile } from "./schema.ts";

/** An entry of data/kernel-sources.json: a repository at a revision, or a package of Debian. */
export interface KernelSource {
  readonly version: string;
  readonly release: string;
  readonly repository?: string;
  readonly revision?: string;
  readonly package?: string;
  readonly packageVersion?: string;
  readonly suite?: string;
  readonly sha256?: string;
}

/** The kernels whose trees can be got, oldest first. */
export const KERNEL_SOURCES: readonly KernelSource[] = sources;

/** Where a tree comes from, so that anybody can get it: what the profile that is extracted from it says. */
export function originOf(source: KernelSource): string {
  return source.repository === undefined
    ? `Linux ${source.release}: Debian ${source.package} ${source.packageVersion} (${source.suite}), sha256 ${source.sha256}`
    : `Linux ${source.release}: github.com/${source.repository} at ${source.revision}`;
}

/**
 * The public page of a place in the tree that a profile was extracted from; null where the tree is none that data/kernel-sources.json names:
 * lines of somebody's own tree stand elsewhere.
 */
export function kernelSourceUrl({ extracted }: HostProfile, { file, line }: HostPlace): string | null {
  const found = KERNEL_SOURCES.find((source) => originOf(source) === extracted?.tree);
  if (found === undefined) return null;
  const { repository = null, revision = null, packageVersion } = found;
  if (packageVersion === undefined) return sourceUrl({ repository, revision }, { file, line });
  const path = file.split("/").map(encodeURIComponent).join("/");
  // Debian's packages linux-source-* are made of the source package linux.
  return `https://sources.debian.org/src/linux/${encodeURIComponent(packageVersion)}/${path}/#L${line}`;
}
