/**
 * What the tests of a source file would not notice: `npm run mutate -- src/FILE[:A-B] TESTFILE…`.
 *
 * Stryker changes each operator, condition, call and literal of the file (of its lines A to B), one at a time, and runs the tests that
 * are named; a change that they let pass is printed with its line. What matters of these becomes a test; many change nothing.
 *
 * Stryker is not among this project's dependencies, since only this uses it, and it brings a hundred packages; and version 10 wants
 * Node 22. So once, before: `npm install --no-save @stryker-mutator/core@9 @stryker-mutator/vitest-runner@9`. It works on a copy of the
 * tree. Exit status 2 when it is not there or the tests fail without any change.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const STRYKER = "node_modules/@stryker-mutator/core/bin/stryker.js";
const [file, ...tests] = process.argv.slice(2);

/** Files that no test reads are not copied. */
const NOT_COPIED = ["dist", "results", "part-2", "coverage", "fuzz-found"];

function mutate(mutated: string, named: readonly string[]): number {
  const folder = mkdtempSync(join(tmpdir(), "mutate-"));
  // Stryker looks for it in its copy of the tree, so it lies in the tree.
  const vitest = ".mutate.vitest.config.ts";
  const config = {
    testRunner: "vitest",
    plugins: ["@stryker-mutator/vitest-runner"],
    mutate: [mutated],
    coverageAnalysis: "perTest",
    reporters: ["clear-text"],
    clearTextReporter: { reportTests: false, allowColor: false },
    concurrency: 1,
    ignorePatterns: NOT_COPIED,
    tempDirName: join(folder, "copy"),
    vitest: { configFile: vitest, related: false },
  };
  try {
    writeFileSync(vitest, `export default ${JSON.stringify({ test: { include: named, testTimeout: 60_000 } })};\n`);
    const file = join(folder, "stryker.json");
    writeFileSync(file, JSON.stringify(config));
    const { status } = spawnSync(process.execPath, [STRYKER, "run", file], { stdio: "inherit" });
    return status === 0 ? 0 : 2;
  } finally {
    rmSync(vitest, { force: true });
    rmSync(folder, { recursive: true, force: true });
  }
}

if (file === undefined || tests.length === 0) {
  console.error("usage: npm run mutate -- src/FILE[:A-B] TESTFILE…");
  process.exitCode = 2;
} else if (!existsSync(STRYKER)) {
  console.error("first: npm install --no-save @stryker-mutator/core@9 @stryker-mutator/vitest-runner@9");
  process.exitCode = 2;
} else process.exitCode = mutate(file, tests);
