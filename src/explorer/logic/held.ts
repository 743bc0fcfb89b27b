/** Who holds what at a step of a run, and who is behind a BUSY: the acquire, its line, and the host's paths to it. */
import type { Catalog, Site } from "../../catalog/index.ts";
import { entriesOf, type HostProfile } from "../../host/index.ts";
import { BUSY, lockName, type Trace } from "../../language/index.ts";
import type { HoldSpan, Lanes } from "./lanes.ts";
import { bothNames } from "./lock-names.ts";

/** What is held once a step has been made, in the order in which it was taken. */
export function heldAfter({ holds }: Lanes, at: number): readonly HoldSpan[] {
  return holds.filter(({ from, to }) => from <= at && at < to - 1);
}

/** `TDCS_EPOCH (epoch_lock) shared by vcpu[0]`. */
export function holdText({ resource, lock, mode, actor }: HoldSpan): string {
  const both = bothNames(resource);
  const name = both === resource ? lock : `${lock} (${both.slice(resource.length + 2, -1)})`;
  return `${name}${mode === null ? "" : ` ${mode.toLowerCase()}`} by ${actor}`;
}

/** Who held the lock at which a step was refused. */
export interface Culprit {
  readonly actor: string;
  /** Index of the step that took the lock. */
  readonly since: number;
  readonly leaf: string | null;
  readonly mode: string | null;
  /** Where the module's source takes it. */
  readonly site: Site | null;
  /** Paths of the host that make the call. */
  readonly paths: readonly string[];
}

/** Those who held the lock when the step was refused; none where the step was not refused, or nobody is seen to hold it. */
export function culpritsAt(
  trace: Trace,
  lanes: Lanes,
  at: number,
  catalog: Catalog,
  host: HostProfile | null,
): readonly Culprit[] {
  const step = trace.steps[at];
  if (step === undefined || step.result !== BUSY) return [];
  const lock = lockName(step);
  const holds = lanes.holds.filter((h) => h.lock === lock && h.actor !== step.actor && h.from < at && h.to > at);
  return holds.map(({ actor, from, mode }) => {
    const taken = trace.steps[from];
    const leaf = taken?.leaf ?? null;
    return { actor, since: from, leaf, mode, site: siteOf(catalog, leaf, taken), paths: pathsTo(catalog, host, leaf) };
  });
}

function siteOf(catalog: Catalog, leaf: string | null, step: Trace["steps"][number] | undefined): Site | null {
  if (leaf === null || step === undefined) return null;
  const rows = catalog.leaves.filter(({ name }) => name === leaf).flatMap(({ acquisitions }) => acquisitions);
  const row = rows.find(({ resource, mode }) => resource === step.resource && mode === step.mode);
  return row?.evidence[0] ?? null;
}

function pathsTo(catalog: Catalog, host: HostProfile | null, leaf: string | null): readonly string[] {
  if (host === null || leaf === null) return [];
  const makes = (path: HostProfile["paths"][number]): boolean =>
    path.steps.some((step) => entriesOf(catalog, step.call, step.variant).some(({ name }) => name === leaf));
  return host.paths.filter(makes).map(({ name }) => name);
}
