/** The conclusion of a report that speaks of the module alone. */
import type { ContendPair, ResourceUsers } from "../analysis/index.ts";
import { list } from "./words.ts";

/** Which resources the module alone keeps free of contention, and which not. What the hypervisor adds comes with a host. */
export function conclusion(facts: {
  readonly resources: readonly ResourceUsers[];
  readonly contention: readonly ContendPair[];
}): string[] {
  const names = facts.resources.map((users) => users.resource);
  const contended = new Set(facts.contention.filter((p) => p.possible).map((p) => p.resource));
  const conflicting = new Set(facts.contention.map((p) => p.resource));
  const open = names.filter((r) => contended.has(r));
  const excluded = names.filter((r) => conflicting.has(r) && !contended.has(r));
  const free = names.filter((r) => !conflicting.has(r));
  return [
    ...(open.length > 0 ? [`By the module's own rules, these calls can contend on ${list(open)}.`] : []),
    ...(excluded.length > 0 ? [`The module's states and lock order rule contention out on ${list(excluded)}.`] : []),
    ...(free.length > 0 ? [`No two of these calls conflict on ${list(free)}.`] : []),
  ];
}
