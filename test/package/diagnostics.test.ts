import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");

function codesIn(text: string): Set<string> {
  return new Set(text.match(/\bSL\d{4}\b/g) ?? []);
}

function codesUsed(): Set<string> {
  const sources = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".ts"),
  );
  // Codes in comments refer to what other code throws; only strings are uses, and what is printed as `[CODE]`.
  const strings = sources.flatMap(
    (name) => readFileSync(join(root, "src", name), "utf8").match(/["'`[]SL\d{4}["'`\]]/g) ?? [],
  );
  return codesIn(strings.join(" "));
}

it("docs/diagnostics.md lists every code that the sources use, and no other", () => {
  const rows = readFileSync(join(root, "docs/diagnostics.md"), "utf8").match(/^\| SL\d{4} \|/gm) ?? [];
  expect([...codesIn(rows.join(" "))].sort()).toEqual([...codesUsed()].sort());
  expect(new Set(rows).size).toBe(rows.length);
});
