/** What a verb loads before it does anything: the checkers of formats take as long as a report, and a report reads none of its own. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const dist = join(import.meta.dirname, "../../dist");
const text = (file: string): string => readFileSync(join(dist, file), "utf8");

/** A file of the build and all that it imports at once. */
function loaded(file: string, found = new Set<string>()): Set<string> {
  if (found.has(file)) return found;
  found.add(file);
  for (const [, other] of text(file).matchAll(/\bfrom\s*"\.\/([\w.-]+\.js)"/g)) loaded(other as string, found);
  return found;
}

/** The file of a verb, as the command tree names it. */
function fileOf(verb: string): string {
  const tree = readdirSync(dist).filter((name) => name.endsWith(".js"));
  for (const name of tree) {
    const load = new RegExp(`\\b${verb}:\\{summary:[^}]*?import\\(["\`]\\./([\\w.-]+\\.js)["\`]\\)`).exec(text(name));
    if (load !== null) return load[1] as string;
  }
  throw new Error(`no file of ${verb}`);
}

test.each(["report", "contend"])("%s loads no checker of formats and no reader of YAML", (verb) => {
  const files = [...loaded(fileOf(verb))];
  expect(files.length).toBeGreaterThan(10);
  const heavy = files.filter((file) => /parseDocument|ZodError|\$ZodType/.test(text(file)));
  expect(heavy).toEqual([]);
});
