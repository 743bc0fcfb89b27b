/** What is held at a step of a path. */
import type { HostPath, HostStep, LockUse } from "./schema.ts";

/** A lock use in full: a bare name is that lock, exclusive, of the path's own object. */
export function lockUse(use: string | LockUse): LockUse {
  return typeof use === "string" ? { lock: use } : use;
}

/** All that is held at a step: what the whole path holds, then the step's own. */
export function heldAt(path: HostPath, step: HostStep): readonly LockUse[] {
  return [...(path.holds ?? []), ...(step.holds ?? [])].map(lockUse);
}
