/** Who uses which resource, and how. */
import type { Acquisition, Catalog, Leaf, LockMode } from "../catalog/index.ts";
import { compareResources } from "./resources.ts";

/** The users of one resource; leaf names in catalog order, each once per mode. */
export interface ResourceUsers {
  readonly resource: string;
  readonly shared: readonly string[];
  readonly exclusive: readonly string[];
  /** Leaves that walk the structure without the lock, on purpose. */
  readonly noLock: readonly string[];
}

/**
 * The users of every resource that `leaves` take, resources in the order of reports.
 *
 * @param leaves entries to count; all of the catalog by default
 */
export function resourceUsers(catalog: Catalog, leaves: readonly Leaf[] = catalog.leaves): readonly ResourceUsers[] {
  const names = new Set(leaves.flatMap((leaf) => leaf.acquisitions.map((a) => a.resource)));
  return [...names].sort(compareResources).map((resource) => ({
    resource,
    shared: users(leaves, resource, "SHARED"),
    exclusive: users(leaves, resource, "EXCLUSIVE"),
    noLock: users(leaves, resource, "NO_LOCK"),
  }));
}

function users(leaves: readonly Leaf[], resource: string, mode: LockMode): readonly string[] {
  const takes = (a: Acquisition): boolean => a.resource === resource && a.mode === mode;
  return [...new Set(leaves.filter((leaf) => leaf.acquisitions.some(takes)).map((leaf) => leaf.name))];
}
