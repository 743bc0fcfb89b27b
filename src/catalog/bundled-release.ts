/** Which bundled release a catalog is of. What was read of a release is said of that source alone, not of what states its version. */
import digests from "../../data/bundled-digests.json" with { type: "json" };
import type { ModuleInfo } from "./types.ts";

const BY_DIGEST: ReadonlyMap<string, string> = new Map(
  Object.entries(digests.modules).map(([version, digest]) => [digest, version]),
);

/** The version of the bundled release whose source, file by file, is that of the catalog; null: of none. */
export function bundledRelease({ sourceDigest }: Pick<ModuleInfo, "sourceDigest">): string | null {
  return BY_DIGEST.get(sourceDigest) ?? null;
}

/** The version in a catalog whose source states none. */
export const NO_VERSION = "unknown";
