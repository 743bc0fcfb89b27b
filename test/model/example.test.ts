import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import * as seamlock from "../../src/index.ts";

/** The example at the head of a file: the lines of its first comment that are indented as code. */
function exampleOf(file: string): string {
  const [comment = ""] = /\/\*\*[\s\S]*?\*\//.exec(readFileSync(file, "utf8")) ?? [];
  return comment
    .split("\n")
    .flatMap((line) => /^ \* {5}(.*)$/.exec(line)?.[1] ?? (line === " *" ? "" : []))
    .join("\n");
}

it("the example at the head of src/index.ts runs, and prints pairs, an outcome and a run", () => {
  const code = exampleOf("src/index.ts")
    .replace('import { readFileSync } from "node:fs";', "")
    .replace(/import (\{.*\}) from "seamlock";/, "const $1 = seamlock;");
  expect(code).toContain("= seamlock;");
  const printed: string[] = [];
  const run = new Function("seamlock", "readFileSync", "console", code);
  run(seamlock, readFileSync, { log: (text: string) => printed.push(text) });
  const [pair, ...rest] = printed;
  expect(pair).toBe("tdh_mem_track and tdh_mem_track contend on TDCS_EPOCH");
  expect(rest).toContain("tdh_mem_track and tdh_vp_enter contend on TDCS_EPOCH");
  expect(rest.at(-2)).toBe("violated");
  expect(rest.at(-1)).toContain("BUSY");
});
