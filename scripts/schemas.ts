import { z } from "zod";
import { contendSchema, diffSchema } from "../src/analysis/index.ts";
import { catalogSchema } from "../src/catalog/index.ts";
import { modulesSchema } from "../src/cli/modules-document.ts";
import { reportSchema } from "../src/report/index.ts";

const DOCUMENTS = {
  catalog: catalogSchema,
  contend: contendSchema,
  diff: diffSchema,
  modules: modulesSchema,
  report: reportSchema,
};

/** The files of schemas/, by name. */
export function schemaFiles(): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(DOCUMENTS).map(([name, schema]) => {
      const text = JSON.stringify(
        { title: `seamlock/${name}@1`, ...z.toJSONSchema(schema, { reused: "ref" }) },
        null,
        2,
      );
      return [`${name}.json`, `${text}\n`];
    }),
  );
}
