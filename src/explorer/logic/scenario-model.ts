/** The scenario of a job, with its model. */
import { SeamlockError } from "../../errors.ts";
import type { Model } from "../../language/index.ts";
import { buildModel, parseScenario, type Scenario } from "../../model/index.ts";
import type { CheckJob, SimulateJob } from "./runs.ts";

/** @throws SeamlockError SL42xx when the scenario cannot be read or built · SL6002 when its host is not here */
export function scenarioModel({ scenario: file, overrides, catalog, host }: CheckJob | SimulateJob): {
  readonly scenario: Scenario;
  readonly model: Model;
} {
  const facts = {
    catalog: () => catalog,
    host: () => {
      if (host !== null) return host;
      throw new SeamlockError("SL6002", "the scenario needs a host, and none of that name is here");
    },
  };
  const scenario = parseScenario(file.text, file.name, overrides);
  return { scenario, model: buildModel(scenario, facts) };
}
