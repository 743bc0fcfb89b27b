/** Locks of the bundled modules, for tests. */
import { readFileSync } from "node:fs";
import { type Catalog, type LockKind, readOwnCatalog } from "../../src/catalog/index.ts";
import type { Model } from "../../src/language/index.ts";
import { ENTRY_WRITES, type Lock, type LockSpec, lockModel, lockOf } from "../../src/locks/index.ts";

const folder = new URL("../../data/modules/", import.meta.url);
const sources: { version: string }[] = JSON.parse(
  readFileSync(new URL("../../data/module-sources.json", import.meta.url), "utf8"),
);

/** Versions whose catalog was extracted from source. */
export const VERSIONS = sources.map(({ version }) => version);
export const NEWEST = VERSIONS.at(-1) as string;

export function bundled(version: string): Catalog {
  const file = new URL(`${version}.json`, folder);
  return readOwnCatalog(readFileSync(file, "utf8"), file.pathname);
}

export const newestLock = (kind: LockKind): Lock => lockOf(bundled(NEWEST), kind);

/** A lock's model, small and without promotion unless stated. */
export function lockModelOf({
  lock,
  writeBack = "none",
  ...over
}: Partial<Omit<LockSpec, "writes">> & {
  readonly lock: LockKind | Lock;
  readonly writeBack?: "none" | keyof typeof ENTRY_WRITES;
}): Model {
  return lockModel(typeof lock === "string" ? newestLock(lock) : lock, {
    name: "lock",
    description: "",
    hosts: 2,
    guests: 0,
    width: 4,
    promote: false,
    writes: writeBack === "none" ? [] : [ENTRY_WRITES[writeBack]],
    ...over,
  });
}
