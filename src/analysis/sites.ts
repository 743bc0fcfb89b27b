/** The moments of a hypervisor's paths at which it calls into one leaf, ready to be compared with each other. */
import type { Acquisition, Catalog, Leaf } from "../catalog/index.ts";
import {
  type BusyClause,
  entriesOf,
  type HostLock,
  type HostPath,
  type HostProfile,
  type HostStep,
  heldAt,
  type LockUse,
} from "../host/index.ts";

/** A lock held at a site, with what its profile says of the lock. */
export interface HeldLock extends LockUse {
  readonly kind: HostLock["kind"];
  readonly per: HostLock["per"];
}

/** A path that is at one of its calls, or a vCPU of a path that is inside the guest, where the guest may call. */
export interface CallSite {
  /** The same for the same step (or guest in it) of the same profile under every module. */
  readonly id: number;
  readonly path: HostPath;
  readonly step: HostStep;
  /** True when it is the guest that calls, inside this step. */
  readonly guest: boolean;
  /** Does the call, while it lasts, hold a vCPU in the guest or bring it there? */
  readonly entering: boolean;
  readonly held: readonly HeldLock[];
  readonly phases: readonly string[];
  readonly overruns: readonly string[];
  /** Phases of the profile in which one thread does all that is done to a VM. */
  readonly singleThreaded: readonly string[];
  readonly onBusy: readonly BusyClause[];
}

/** The call sites of a profile, by catalog entry. */
export interface Sites {
  readonly profile: HostProfile;
  /** Sites at which this entry is called; none when the host never calls it. */
  of(leaf: string, variant: string | null): readonly CallSite[];
  /** Calls of the profile that the module does not have. */
  readonly missing: readonly string[];
}

/** Finds the sites of every entry of a catalog. */
export function callSites(profile: HostProfile, catalog: Catalog): Sites {
  const byEntry = new Map<string, CallSite[]>();
  const missing = new Set<string>();
  const singleThreaded = profile.phases.filter((phase) => phase.singleThreaded === true).map((phase) => phase.name);
  const locks = new Map(profile.locks.map((lock) => [lock.name, lock]));
  let steps = 0;
  const add = (entries: readonly Leaf[], site: Omit<CallSite, "id">): void => {
    const numbered = { id: steps * 4 + Number(site.guest) * 2 + Number(site.entering), ...site };
    for (const leaf of entries) {
      const key = entryKey(leaf.name, leaf.variant);
      const sites = byEntry.get(key);
      if (sites === undefined) byEntry.set(key, [numbered]);
      else sites.push(numbered);
    }
  };
  const guestCalls = (profile.guest?.calls ?? []).flatMap((call) => {
    const entries = entriesOf(catalog, call).filter((leaf) => leaf.side === "guest");
    if (entries.length === 0) missing.add(call);
    return entries;
  });
  for (const path of profile.paths) {
    for (const step of path.steps) {
      steps += 1;
      const entries = entriesOf(catalog, step.call, step.variant).filter((leaf) => leaf.side === "host");
      if (entries.length === 0) missing.add(step.call);
      const entering = entries.some(entersGuest);
      const site = { ...siteOf(path, step, locks), singleThreaded };
      add(entries, { ...site, guest: false, entering, onBusy: step.onBusy ?? [] });
      if (entering) add(guestCalls, { ...site, guest: true, entering, onBusy: profile.guest?.onBusy ?? [] });
    }
  }
  return { profile, missing: [...missing], of: (leaf, variant) => byEntry.get(entryKey(leaf, variant)) ?? [] };
}

function siteOf(
  path: HostPath,
  step: HostStep,
  locks: ReadonlyMap<string, HostLock>,
): Pick<CallSite, "path" | "step" | "held" | "phases" | "overruns"> {
  const held = heldAt(path, step).flatMap((use): HeldLock[] => {
    const lock = locks.get(use.lock);
    return lock === undefined ? [] : [{ ...use, kind: lock.kind, per: lock.per }];
  });
  return { path, step, held, phases: step.phases ?? path.phases, overruns: path.overruns ?? [] };
}

function entryKey(leaf: string, variant: string | null): string {
  return `${leaf} ${variant ?? ""}`;
}

/** A leaf that keeps a lock until TD exit runs the guest; a published table does not say, but the name does. */
function entersGuest(leaf: Leaf): boolean {
  const kept = (row: Acquisition): boolean => row.release?.kind === "td-exit";
  return leaf.acquisitions.some(kept) || leaf.name === "tdh_vp_enter";
}

/** `zap leaf: punch hole`, or the guest inside a path. */
export function siteName(site: CallSite): string {
  return site.guest ? `guest, in ${site.path.name}` : site.path.name;
}

/** `kvm->mmu_lock shared`, `vcpu->mutex of all`. */
export function heldText(lock: LockUse): string {
  const mode = lock.mode === "shared" ? " shared" : "";
  const of = lock.of === undefined || lock.of === "self" || lock.of === "target" ? "" : ` of ${lock.of}`;
  return `${lock.lock}${mode}${of}`;
}
