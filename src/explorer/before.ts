/** With what a module or a host is compared unless an address says: the last one before it that differs. */
import type { Catalog } from "../catalog/index.ts";
import type { HostProfile } from "../host/index.ts";
import type { NamedHost, NamedModule } from "./data.ts";
import { signature } from "./logic/signature.ts";

/** By name: the last one before that differs; null where there is none. */
export type Before = Readonly<Record<string, string | null>>;

/** @param modules oldest first; of them only extracted ones are compared, for a table made by hand says less of each row */
export function modulesBefore(modules: readonly NamedModule[]): Before {
  const extracted = modules.filter(({ catalog }) => catalog.module.origin === "extracted");
  return lastDifferent(extracted, ({ catalog }) => moduleSignature(catalog));
}

/** @param hosts states of one hypervisor, oldest first */
export function hostsBefore(hosts: readonly NamedHost[]): Before {
  return lastDifferent(hosts, ({ profile }) => hostSignature(profile));
}

/** What `diff` of two modules tells; where it was read does not count. */
function moduleSignature({ leaves, behaviours, constants, primitives, writers }: Catalog): string {
  const read = behaviours.map(({ name, function: of, variant, digest }) => [name, of, variant ?? digest]);
  const isPlace = (key: string): boolean => ["evidence", "site", "line"].includes(key);
  return JSON.stringify([signature(leaves), read, constants, primitives, writers], (key, value) =>
    isPlace(key) ? undefined : value,
  );
}

function lastDifferent<T extends { readonly name: string }>(items: readonly T[], of: (item: T) => string): Before {
  const signatures = items.map(of);
  return Object.fromEntries(
    items.map(({ name }, i) => {
      const at = signatures.findLastIndex((other, j) => j < i && other !== signatures[i]);
      return [name, items[at]?.name ?? null];
    }),
  );
}

type Holds = HostProfile["paths"][number]["holds"];

/** What decides what a host lets happen; where it was read does not. */
function hostSignature({ phases, locks, paths, guest, exits, removal, pageSizes }: HostProfile): string {
  const uses = (holds: Holds = []) =>
    holds.map((use) => (typeof use === "string" ? [use] : [use.lock, use.mode, use.of]));
  return JSON.stringify([
    phases.map(({ name, opStates, singleThreaded }) => [name, opStates, singleThreaded]),
    locks.map(({ name, kind, per }) => [name, kind, per]),
    paths.map((path) => [
      [path.name, path.per, path.phases, path.overruns, path.atMostOne, path.exceptional !== undefined],
      uses(path.holds),
      path.steps.map((step) => [
        [step.call, step.variant, step.phases, step.onEach, step.vcpu, step.exceptional !== undefined],
        uses(step.holds),
        (step.onBusy ?? []).map((clause) => [clause.on, clause.do]),
      ]),
    ]),
    guest?.calls,
    (exits ?? []).map(({ exit, reaction }) => [exit, reaction]),
    removal,
    pageSizes,
  ]);
}
