/** Where a line of a kernel's source can be read. */
import sources from "../../data/kernel-sources.json" with { type: "json" };
import { sourceUrl } from "../catalog/index.ts";
import type { HostPlace, HostProfile } from "./schema.ts";

interface KernelSource {
  readonly repository?: string;
  readonly revision?: string;
  readonly packageVersion?: string;
  readonly sha256?: string;
}

const SOURCES: readonly KernelSource[] = sources;

/**
 * The public page of a place in the tree that a profile was extracted from; null where the tree is none that data/kernel-sources.json names:
 * lines of somebody's own tree stand elsewhere.
 */
export function kernelSourceUrl({ extracted }: HostProfile, { file, line }: HostPlace): string | null {
  const made = (mark: string | undefined): boolean => mark !== undefined && extracted?.tree.includes(mark) === true;
  const found = SOURCES.find(({ revision, sha256 }) => made(revision) || made(sha256));
  if (found === undefined) return null;
  const { repository = null, revision = null, packageVersion } = found;
  if (packageVersion === undefined) return sourceUrl({ repository, revision }, { file, line });
  const path = file.split("/").map(encodeURIComponent).join("/");
  // Debian's packages linux-source-* are made of the source package linux.
  return `https://sources.debian.org/src/linux/${encodeURIComponent(packageVersion)}/${path}/#L${line}`;
}
