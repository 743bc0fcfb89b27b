/**
 * Makes schemas/*.json: the JSON Schema of every document that seamlock writes, from the schemas in the source.
 *
 *   npx tsx scripts/make-schemas.ts [FOLDER]
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { z } from "zod";
import { allowSchema, contendSchema, diffSchema, explainSchema, hostDiffSchema } from "../src/analysis/index.ts";
import { catalogSchema, modulesSchema, serializeJson } from "../src/catalog/index.ts";
import {
  checkSchema,
  completionSchema,
  exploreSchema,
  exportSchema,
  leavesSchema,
  policiesSchema,
  replaySchema,
  resourcesSchema,
  scenariosSchema,
  simulateSchema,
  sweepResultSchema,
  sweepSchema,
} from "../src/cli/schemas.ts";
import { hostCheckSchema, hostLintSchema, hostSchema, hostsSchema } from "../src/host/index.ts";
import { reportSchema } from "../src/report/index.ts";
import { agreementSchema, culpritsSchema, recordSchema, traceSchema } from "../src/trace/index.ts";

const DOCUMENTS = {
  catalog: catalogSchema,
  modules: modulesSchema,
  leaves: leavesSchema,
  resources: resourcesSchema,
  scenarios: scenariosSchema,
  policies: policiesSchema,
  completion: completionSchema,
  contend: contendSchema,
  diff: diffSchema,
  report: reportSchema,
  explain: explainSchema,
  host: hostSchema,
  hosts: hostsSchema,
  "host-lint": hostLintSchema,
  "host-check": hostCheckSchema,
  "host-diff": hostDiffSchema,
  allow: allowSchema,
  check: checkSchema,
  replay: replaySchema,
  simulate: simulateSchema,
  export: exportSchema,
  sweep: sweepSchema,
  "sweep-result": sweepResultSchema,
  explore: exploreSchema,
  record: recordSchema,
  trace: traceSchema,
  culprits: culpritsSchema,
  agreement: agreementSchema,
};

/** File name → text of every schema. */
export function schemaFiles(): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(DOCUMENTS).map(([name, schema]) => {
      const json = z.toJSONSchema(schema, { reused: "inline" });
      return [`${name}.json`, serializeJson({ title: `seamlock/${name}@1`, ...json })];
    }),
  );
}

function main(folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const [file, text] of schemaFiles()) writeFileSync(join(folder, file), text);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) main(process.argv[2] ?? "schemas");
