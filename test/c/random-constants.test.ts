/**
 * Random headers of constants: what macros and enumerators are worth, as a compiler says. `SEAMLOCK_RUNS` says how many headers.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Program } from "../../src/c/program.ts";
import { randomHeader, TYPES } from "./random-constants.ts";

const HEADERS = Number(process.env["SEAMLOCK_RUNS"] ?? 12);
const FIRST = Number(process.env["SEAMLOCK_SEED"] ?? 1);
const hasCompiler = spawnSync("gcc", ["--version"]).status === 0;
if (!hasCompiler) process.stderr.write("notice: gcc is not installed; see scripts/install-test-tools.sh\n");

describe.skipIf(!hasCompiler)("random constants", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "seamlock-constants-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** The values that a compiler gives some names; fewer where it takes fault with one. */
  function compiled(text: string, names: readonly string[]): Map<string, bigint> {
    const source = (kept: readonly string[]): string => {
      const lines = kept.map(
        (name) => `\n#line 1 "${name}"\nprintf("${name} %llu\\n", (unsigned long long)(${name}));`,
      );
      return `#include <stdio.h>\n#include <stdint.h>\n${TYPES}${text}int main(void) {${lines.join("")}\nreturn 0; }\n`;
    };
    const compile = (kept: readonly string[]): string => {
      const options = [
        "-x",
        "c",
        "-std=gnu11",
        "-O0",
        "-fwrapv",
        "-Werror=overflow",
        "-Werror=div-by-zero",
        "-Werror=shift-count-overflow",
        "-Werror=shift-count-negative",
        "-Wno-int-in-bool-context",
        "-o",
        join(folder, "run"),
        "-",
      ];
      return spawnSync("gcc", options, { input: source(kept), encoding: "utf8" }).stderr;
    };
    const isAt = (name: string, messages: string): boolean =>
      new RegExp(`^${name}:.* error:|^${name}:[\\s\\S]*?in expansion of macro`, "m").test(messages);
    let kept = names;
    for (let tries = 0; tries < 12; tries++) {
      const messages = compile(kept);
      if (!/error:/.test(messages)) {
        const { status, stdout } = spawnSync(join(folder, "run"), { encoding: "utf8" });
        expect(status).toBe(0);
        return new Map(
          [...stdout.matchAll(/(\w+) (\d+)/g)].map(([, name, value]) => [name as string, BigInt(value as string)]),
        );
      }
      kept = kept.filter((name) => !isAt(name, messages));
    }
    return new Map();
  }

  it("are worth what a compiler says", { timeout: 3_600_000 }, () => {
    let [judged, unknown, headers] = [0, 0, 0];
    const wrong: unknown[] = [];
    for (let seed = FIRST; seed < FIRST + HEADERS; seed++) {
      const { text, names } = randomHeader(seed, 30);
      const wanted = compiled(text, names);
      if (wanted.size > 0) headers++;
      const files = [{ path: "a.h", source: `${TYPES}${text}` }];
      const program = new Program(files, { replaceTokens: {}, blankTokens: [], blankCalls: [] });
      for (const [name, value] of wanted) {
        const read = program.constant(name);
        if (read === null) unknown++;
        else judged++;
        if (read !== null && read !== value)
          wrong.push({
            seed,
            line: text.split("\n").find((line) => new RegExp(`\\b${name}\\b`).test(line)),
            name,
            read,
            value,
          });
      }
    }
    if (process.env["SEAMLOCK_RUNS"] !== undefined) console.log({ headers, judged, unknown, wrong: wrong.length });
    expect(wrong.slice(0, 5)).toEqual([]);
    expect([headers > HEADERS / 2, judged > 8 * unknown]).toEqual([true, true]);
  });
});
