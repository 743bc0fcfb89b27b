import { POLICY_NAMES } from "../model/index.ts";
import { resourceAliases } from "../report/index.ts";
import type { Names } from "./command-facts.ts";
import { bundledHosts } from "./hosts.ts";
import { bundledMatrices } from "./matrices.ts";
import { bundledModules, loadModule } from "./modules.ts";
import { bundledScenarios } from "./scenarios.ts";

/** The words that can stand for an argument or an option's value, by what the help calls it; calls and resources of the newest module. */
export async function knownNames(): Promise<Names> {
  const { leaves } = await loadModule();
  const modules = ["latest", ...bundledModules()];
  const hosts = ["latest", ...bundledHosts()];
  const calls = [...new Set(leaves.map(({ name }) => name))];
  const resources = [...new Set(leaves.flatMap(({ acquisitions }) => acquisitions.map(({ resource }) => resource)))];
  return {
    module: modules,
    host: hosts,
    before: [...modules, ...hosts],
    after: [...modules, ...hosts],
    leaf: calls,
    other: calls,
    resource: [...resources, ...resourceAliases().map(([name]) => name)].filter((name) => /^\w+$/.test(name)).sort(),
    policy: POLICY_NAMES,
    scenario: bundledScenarios(),
    matrix: bundledMatrices(),
  };
}
