/** Scenario and facts → Model. */
import { type Catalog, releasePlace } from "../catalog/index.ts";
import { SeamlockError } from "../errors.ts";
import type { HostProfile } from "../host/index.ts";
import type { Model } from "../language/index.ts";
import { ENTRY_WRITES, type EntryWrite, entryWritesOf, lockModel, lockOf } from "../locks/index.ts";
import { dynamicPamt } from "./dynamic-pamt.ts";
import { lifeModel } from "./lifecycle.ts";
import { pathsModel } from "./paths.ts";
import { type RuntimeSpec, runtimeModel } from "./runtime.ts";
import { AS_HOST, type RunningScenario, type Scenario } from "./scenario.ts";
import type { ZeroStep } from "./vcpu-spec.ts";

/** The facts that a scenario may need. Only what its kind needs is asked for. */
export interface Facts {
  readonly catalog: () => Catalog;
  readonly host: () => HostProfile;
}

/** The host profile that a scenario names; null when it needs none. */
export const hostOf = (scenario: Scenario): string | null =>
  scenario.kind === "host-paths" || scenario.kind === "running-td" ? (scenario.host ?? null) : null;

/**
 * Build a scenario's model.
 *
 * @throws SeamlockError SL4210, SL4211 when the catalog lacks what the scenario needs · SL4212 no property of that name · SL4216 no host
 *   says how pages are removed
 */
export function buildModel(scenario: Scenario, facts: Facts): Model {
  const catalog = () => withReleases(facts.catalog());
  return restricted(modelOf(scenario, { ...facts, catalog }), scenario);
}

/** A published table says nothing of releases: each lock is given back at the end of the call. An extracted row without one is never given back. */
function withReleases(catalog: Catalog): Catalog {
  if (catalog.module.origin !== "published") return catalog;
  const release = { ...releasePlace("leaf-exit"), evidence: [] };
  const leaves = catalog.leaves.map((leaf) => ({
    ...leaf,
    acquisitions: leaf.acquisitions.map((row) =>
      row.mode === "NO_LOCK" ? row : { ...row, release: row.release ?? release },
    ),
  }));
  return { ...catalog, leaves };
}

function modelOf(scenario: Scenario, facts: Facts): Model {
  switch (scenario.kind) {
    case "running-td":
      return runningModel(scenario, facts.catalog(), hostOf(scenario) === null ? null : facts.host());
    case "td-life":
      return lifeModel(facts.catalog(), { ...scenario, life: scenario.life === "in-order" });
    case "host-paths":
      return pathsModel(facts.catalog(), facts.host(), scenario);
    case "dynamic-pamt":
      return dynamicPamt(facts.catalog(), scenario);
    case "lock":
      return lockModel(lockOf(facts.catalog(), scenario.lock), { ...scenario, writes: writesOf(scenario, facts) });
  }
}

/** How the holders of a lock scenario write their SEPT entry: as its module does, or as the scenario states. */
function writesOf({ lock, writeBack }: Scenario & { kind: "lock" }, facts: Facts): readonly EntryWrite[] {
  if (lock !== "sept_entry" || writeBack === "none") return [];
  return writeBack === "module" ? entryWritesOf(facts.catalog()) : [ENTRY_WRITES[writeBack]];
}

function restricted(model: Model, { properties }: Scenario): Model {
  if (properties === undefined) return model;
  for (const name of properties) {
    if (model.properties.some((property) => property.name === name)) continue;
    const known = model.properties.map((property) => `\`${property.name}\``).join(", ");
    throw new SeamlockError("SL4212", `the scenario has no property \`${name}\``, {
      hint: `it has ${known || "none"}`,
    });
  }
  return { ...model, properties: model.properties.filter(({ name }) => properties.includes(name)) };
}

/** A scenario's removal; that of a host profile where it says so. */
function removalOf({ removal, name }: RunningScenario, host: HostProfile | null): RuntimeSpec["removal"] {
  if (removal === undefined) return null;
  const { policy, kick } = removal;
  if (policy !== AS_HOST) return { ...removal, policy };
  if (host?.removal !== undefined) {
    const { barUntil, afterTrack } = host.removal;
    return { ...removal, policy: host.removal.policy, kick: { ...kick, barUntil, afterTrack } };
  }
  const why = host === null ? "it names no host" : `the profile ${host.name} does not say how pages are removed`;
  throw new SeamlockError("SL4216", `${name}: the policy is the host's, but ${why}`, {
    hint: "give --host linux-6.19, or a policy; `seamlock check td-build --host NAME` asks it of every path; docs/host-profiles.md describes `removal`",
  });
}

function runningModel(scenario: RunningScenario, catalog: Catalog, host: HostProfile | null): Model {
  const does = (action: RunningScenario["guest"][number]): boolean => scenario.guest.includes(action);
  return runtimeModel(catalog, {
    name: scenario.name,
    description: scenario.description,
    vcpus: scenario.vcpus,
    pages: scenario.pages,
    initial: scenario.entries,
    removal: removalOf(scenario, host),
    exits: new Map((host?.exits ?? []).map(({ exit, reaction }) => [exit, reaction])),
    zeroStep: zeroStepOf(scenario, catalog),
    guest: {
      accepts: does("accept"),
      walksFirst: does("walk-first"),
      readsAttributes: does("read-attributes"),
      writesAttributes: does("write-attributes"),
      insists: does("insist"),
      touches: does("touch"),
      interrupts: does("interrupt"),
      hostPriorityTimeout: does("host-priority-timeout"),
    },
    checkBeforeMark: scenario.entryOrder === "check-then-mark",
    pendingVe: scenario.pendingVe,
    largePages: scenario.pageSize === "2M" || scenario.removal?.call === "resize",
    localRetry: scenario.faultRetry === "local",
    abandonedFaults: scenario.abandonedFaults,
    allLocks: scenario.locks === "all",
    progress: scenario.progress,
  });
}

function zeroStepOf({ zeroStep, threshold }: RunningScenario, catalog: Catalog): ZeroStep {
  if (zeroStep === "any") return { kind: "any" };
  const wanted = threshold ?? catalog.constants["STEPPING_EPF_THRESHOLD"];
  if (wanted === undefined) {
    throw new SeamlockError(
      "SL4211",
      `the catalog of module ${catalog.module.version} states no STEPPING_EPF_THRESHOLD`,
      { hint: "give one with --threshold" },
    );
  }
  return { kind: "counted", threshold: wanted };
}
