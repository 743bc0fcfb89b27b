import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { withReport } from "../../scripts/readme.ts";

const readme = readFileSync(join(import.meta.dirname, "../../README.md"), "utf8");

it("README.md shows what the program prints (`npm run readme` brings it up to date)", async () => {
  expect(readme).toContain("=== TL;DR (a TD that runs) ===");
  expect(await withReport(readme)).toBe(readme);
});
