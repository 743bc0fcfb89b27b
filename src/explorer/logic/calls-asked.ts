/** Of which calls a difference between two versions tells. */
import type { Catalog } from "../../catalog/index.ts";
import type { HostProfile } from "../../host/index.ts";
import { type DiffOptions, hostLeaves } from "../../report/index.ts";

/** As `seamlock diff` does: of the one asked for, else of those that the host makes, else of all. */
export function callsAsked(versions: readonly Catalog[], host: HostProfile | null, leaf: string | null): DiffOptions {
  if (leaf !== null) return { leaves: [leaf], asked: { leaves: [leaf] } };
  if (host === null) return {};
  const made = versions.flatMap((catalog) => hostLeaves(catalog, host));
  return { leaves: [...new Set(made.map(({ name }) => name))] };
}
