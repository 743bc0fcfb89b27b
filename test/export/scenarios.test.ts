import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { check } from "../../src/check/index.ts";
import { loadScenario, type ScenarioOptions } from "../../src/cli/scenarios.ts";
import { toPromela } from "../../src/export/index.ts";

const available = (command: string, ...args: string[]) => spawnSync(command, args).error === undefined;
const missing = !(available("spin", "-V") && available("gcc", "--version"));
if (missing) process.stderr.write("notice: SPIN or gcc is not installed; see scripts/install-test-tools.sh\n");

const SMALL: [string, ScenarioOptions][] = [
  ["page-removal", { module: "1.5.05", policy: "kick-first", vcpus: "1", pages: "1" }],
  ["page-removal", { module: "1.5.25", policy: "kick-on-busy", vcpus: "1", pages: "1" }],
  ["page-fault-in", { module: "1.5.25", vcpus: "1", pages: "1" }],
  ["lock/sharex", { hosts: "2", guests: "0", set: ["width=3"] }],
  ["lock/sharex-hp", { hosts: "2", guests: "0", set: ["width=3"] }],
  ["lock/sept-entry", { hosts: "1", guests: "1" }],
  ["lock/mutex", { hosts: "2" }],
];

describe.skipIf(missing)("SPIN and the checker agree on bundled scenarios", () => {
  test.each(SMALL)("%s %j", { timeout: 60_000 }, async (name, options) => {
    const { model } = await loadScenario(name, options);
    const folder = mkdtempSync(join(tmpdir(), "seamlock-spin-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const run = (command: string, ...args: string[]) => spawnSync(command, args, { cwd: folder, encoding: "utf8" });
    writeFileSync(join(folder, "model.pml"), toPromela(model));
    run("spin", "-o2", "-a", "model.pml");
    run("gcc", "-O0", "-DSAFETY", "-DNOREDUCE", "-o", "pan", "pan.c");
    const { stdout } = run(join(folder, "pan"), "-m200000", "-w18");
    const plain = check(model, { noReduction: true });
    expect(plain.outcome.kind).toBe("holds");
    expect(/(\d+) states, stored/.exec(stdout)?.[1]).toBe(String(plain.states));
    expect(/errors: (\d+)/.exec(stdout)?.[1]).toBe("0");
  });
});
