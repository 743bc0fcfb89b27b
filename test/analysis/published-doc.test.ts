import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { FILES, makeDoc } from "../../scripts/make-published-doc.ts";

test("docs/published-table.md explains every difference, and is what the facts give", () => {
  expect(makeDoc(FILES)).toBe(readFileSync(FILES.out, "utf8"));
});
