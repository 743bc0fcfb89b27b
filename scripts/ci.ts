/**
 * Every check of the project: `npm run ci`. All of them run, also after a failure; the last line says how many passed.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

interface Result {
  readonly name: string;
  readonly passed: boolean;
  readonly seconds: number;
  readonly output: string;
}

const root = join(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "seamlock-ci-"));
// The output is a log, also when a terminal shows it.
const env = { ...process.env, NO_COLOR: "1" };
const report = join(folder, "vitest.json");

function runScript(name: string, args: readonly string[] = []): Promise<Result> {
  const start = performance.now();
  return new Promise((resolve) => {
    const child = spawn("npm", ["run", "--silent", name, "--", ...args], {
      cwd: root,
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => (output += chunk));
    child.on("close", (status) => {
      const result = { name, passed: status === 0, seconds: (performance.now() - start) / 1000, output };
      print(result);
      resolve(result);
    });
  });
}

function print({ name, passed, seconds, output }: Result): void {
  console.log(`${passed ? "pass" : "FAIL"}  ${name}  ${seconds.toFixed(1)} s`);
  if (!passed || name === "test") console.log(output.trimEnd());
}

/** Test counts from vitest's own report; one failure if it did not get as far as writing one. */
function testCounts(): { passed: number; failed: number } {
  try {
    const { numPassedTests, numFailedTests, numFailedTestSuites } = JSON.parse(readFileSync(report, "utf8"));
    // A file that cannot be loaded is a failed suite without a failed test.
    return { passed: numPassedTests, failed: numFailedTests || numFailedTestSuites };
  } catch {
    return { passed: 0, failed: 1 };
  }
}

async function main(): Promise<void> {
  const build = await runScript("build");
  // Two at a time: this is meant for a machine with two cores.
  const lanes = [
    ["check:types", "check:package"],
    ["check:style", "check:imports", "check:unused"],
  ];
  const checks = await Promise.all(
    lanes.map(async (lane) => {
      const results: Result[] = [];
      for (const name of lane) results.push(await runScript(name));
      return results;
    }),
  );
  const tests = await runScript("test", ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`]);
  const counts = testCounts();
  const results = [build, ...checks.flat(), tests];
  const failed = results.filter((result) => !result.passed);
  const failures =
    failed.length === 0 ? "0 failed" : `${failed.length} failed: ${failed.map((r) => r.name).join(", ")}`;
  console.log(`\nChecks: ${results.length - failed.length} passed, ${failures}`);
  // A failed check counts like a failed test; missed coverage thresholds fail no test, but the check.
  const others = failed.filter((result) => result !== tests || counts.failed === 0).length;
  console.log(`${counts.passed + results.length - failed.length} passed, ${counts.failed + others} failed`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}

try {
  await main();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
