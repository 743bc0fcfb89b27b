import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { schemaFiles } from "../../scripts/schemas.ts";

const folder = join(import.meta.dirname, "../../schemas");

it("schemas/ is what `npm run schemas` writes", () => {
  const written = Object.fromEntries(
    readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "utf8")]),
  );
  expect(written).toEqual(schemaFiles());
});
