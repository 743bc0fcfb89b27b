/** Scenario and facts → Model. */
import type { Catalog } from "../catalog/index.ts";
import { SeamlockError } from "../errors.ts";
import type { HostProfile } from "../host/index.ts";
import type { Model } from "../language/index.ts";
import { lockModel } from "../locks/index.ts";
import { enterAndZap } from "./enter-and-zap.ts";
import { lifeModel } from "./lifecycle.ts";
import { pathsModel } from "./paths.ts";
import { runtimeModel } from "./runtime.ts";
import type { RunningScenario, Scenario } from "./scenario.ts";
import type { ZeroStep } from "./vcpu.ts";

/** The facts that a scenario may need. Only what its kind needs is asked for. */
export interface Facts {
  readonly catalog: () => Catalog;
  readonly host: () => HostProfile;
}

/** Does the scenario depend on a module's catalog? */
export const needsModule = (scenario: Scenario): boolean =>
  scenario.kind === "running-td" || scenario.kind === "td-life" || scenario.kind === "host-paths";

/**
 * Build a scenario's model.
 *
 * @throws SeamlockError SL4210, SL4211 when the catalog lacks what the scenario needs · SL4212 no property of that name
 */
export function buildModel(scenario: Scenario, facts: Facts): Model {
  const catalog = () => withReleases(facts.catalog());
  return restricted(modelOf(scenario, { ...facts, catalog }), scenario);
}

/** A published table says nothing of releases: each lock is given back at the end of the call. An extracted row without one is never given back. */
function withReleases(catalog: Catalog): Catalog {
  if (catalog.module.origin === "extracted") return catalog;
  const release = { at: "leaf-exit", evidence: [] };
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
      return runningModel(scenario, facts.catalog());
    case "td-life":
      return lifeModel(facts.catalog(), { ...scenario, life: scenario.life === "in-order" });
    case "host-paths":
      return pathsModel(facts.catalog(), facts.host(), scenario);
    case "lock":
      return lockModel(scenario);
    case "enter-and-zap":
      return enterAndZap(scenario);
  }
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

function runningModel(scenario: RunningScenario, catalog: Catalog): Model {
  const does = (action: RunningScenario["guest"][number]): boolean => scenario.guest.includes(action);
  return runtimeModel(catalog, {
    name: scenario.name,
    description: scenario.description,
    vcpus: scenario.vcpus,
    pages: scenario.pages,
    initial: scenario.entries,
    removal: scenario.removal ?? null,
    zeroStep: zeroStepOf(scenario, catalog),
    guest: {
      accepts: does("accept"),
      readsAttributes: does("read-attributes"),
      writesAttributes: does("write-attributes"),
      insists: does("insist"),
      touches: does("touch"),
      interrupts: does("interrupt"),
      hostPriorityTimeout: does("host-priority-timeout"),
    },
    checkBeforeMark: scenario.entryOrder === "check-then-mark",
    pendingVe: scenario.pendingVe,
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
