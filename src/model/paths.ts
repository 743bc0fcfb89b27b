import type { Catalog } from "../catalog/index.ts";
import type { HostProfile } from "../host/index.ts";
import { type Model, model } from "../language/index.ts";
import type { PathsScenario } from "./scenario.ts";
export function pathsModel(_catalog: Catalog, _host: HostProfile, scenario: PathsScenario): Model {
  return model(scenario.name).build();
}
