/** Is a profile the bundled one of its name? A kernel that somebody changed states the version of the one that it was made of. */
import digests from "../../data/bundled-digests.json" with { type: "json" };
import type { HostProfile } from "./schema.ts";

const DIGESTS: Readonly<Record<string, string | null>> = digests.hosts;

/** True where the profile has the name of a bundled one and was read from the same source; one that somebody wrote has no source. */
export function isBundledHost({ name, extracted }: Pick<HostProfile, "name" | "extracted">): boolean {
  return DIGESTS[name] === (extracted?.digest ?? null);
}
