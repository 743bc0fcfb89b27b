/**
 * Random files of macros and conditions: which lines are left, and what macros make of them, as a compiler's preprocessor says. `SEAMLOCK_RUNS`
 * says how many files.
 */
import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { expandMacros, type Macro } from "../../src/c/expand.ts";
import { tokenize } from "../../src/c/lexer.ts";
import { type PreprocessedFile, preprocess } from "../../src/c/preprocess.ts";
import { randomFile } from "./random-macros.ts";

const FILES = Number(process.env["SEAMLOCK_RUNS"] ?? 150);
const FIRST = Number(process.env["SEAMLOCK_SEED"] ?? 1);
const hasCompiler = spawnSync("gcc", ["--version"]).status === 0;
if (!hasCompiler) process.stderr.write("notice: gcc is not installed; see scripts/install-test-tools.sh\n");

/** Pieces of text that mean something by themselves; what stands in quotes is left out, since `#` quotes are. */
const split = (text: string): string[] =>
  (text.match(/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[A-Za-z_]\w*|\.?\d[\w.]*|\S/g) ?? []).map((piece) =>
    piece.startsWith('"') ? '""' : piece,
  );

/** As a compiler reads it; null when it finds fault with it. */
function compiled(source: string): string[] | null {
  const { status, stdout } = spawnSync("gcc", ["-E", "-P", "-undef", "-nostdinc", "-"], {
    input: source,
    encoding: "utf8",
  });
  return status === 0 ? split(stdout) : null;
}

const isAt = ({ line, until }: Macro, at: number): boolean => line < at && (until === null || at < until);

function read(source: string): { readonly file: PreprocessedFile; readonly pieces: string[] } {
  const rules = { replaceTokens: {}, blankTokens: [], blankCalls: [] };
  const file = preprocess(source, { macros: new Map(), isDefined: () => false }, rules);
  const tokens = tokenize(file.text, 0, file.text.length, 1);
  const lookup = (name: string, line: number): Macro | null =>
    file.macros.findLast((macro) => macro.name === name && isAt(macro, line)) ?? null;
  const expanded = expandMacros(tokens, lookup, { left: 100_000 });
  return { file, pieces: split((expanded?.texts ?? []).join(" ")) };
}

describe.skipIf(!hasCompiler)("random files of macros", () => {
  it("are read as a compiler reads them", { timeout: 600_000 }, () => {
    let [judged, unevaluated] = [0, 0];
    for (let seed = FIRST; seed < FIRST + FILES; seed++) {
      const source = randomFile(seed, 24);
      const wanted = compiled(source);
      if (wanted === null) continue;
      judged++;
      const { file, pieces } = read(source);
      if (file.unevaluated.length > 0) unevaluated++;
      else expect([seed, source, pieces.join(" ")]).toEqual([seed, source, wanted.join(" ")]);
    }
    if (process.env["SEAMLOCK_RUNS"] !== undefined) console.log({ judged, unevaluated });
    // Most are files that a compiler takes, and few have a condition that only a compiler can evaluate.
    expect([judged > FILES / 2, unevaluated < FILES / 10]).toEqual([true, true]);
  });
});
