/** Models of bundled scenarios. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseCatalog } from "../../src/catalog/index.ts";
import type { Model } from "../../src/language/index.ts";
import { buildModel, parseScenario } from "../../src/model/index.ts";
import { handHost } from "../host/profile.ts";

const data = join(import.meta.dirname, "../../data");
export const folder = join(data, "scenarios");

export type Settings = Readonly<Record<string, string>>;

export function bundledModel(name: string, version: string, settings: Settings): Model {
  const file = join(folder, `${name}.yaml`);
  const overrides = Object.entries(settings).map(([path, value]) => ({ path, value, from: "--set" }));
  return buildModel(parseScenario(readFileSync(file, "utf8"), file, overrides), {
    catalog: () => parseCatalog(readFileSync(join(data, `modules/${version}.json`), "utf8"), version),
    host: () => handHost("linux-6.19"),
  });
}
