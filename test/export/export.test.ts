import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { enterAndZap } from "../../bench/models/enter-and-zap.ts";
import { check, prepare, Search } from "../../src/check/index.ts";
import { toMermaid, toPerfetto, toPromela, toTla } from "../../src/export/index.ts";
import * as L from "../../src/language/index.ts";
import { peterson, tryLock, twoLocks, writeBack, xadd } from "../check/models.ts";
import { modelOf } from "../check/random-model.ts";

const directory = mkdtempSync(join(tmpdir(), "seamlock-export-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const run = (command: string, ...args: string[]) =>
  spawnSync(command, args, { cwd: directory, encoding: "utf8", timeout: 120_000 });
const available = (command: string, ...args: string[]) => spawnSync(command, args).error === undefined;

const hasSpin = available("spin", "-V") && available("gcc", "--version");
if (!hasSpin)
  process.stderr.write(
    "notice: SPIN or gcc is not installed, so the Promela export is not run; see scripts/install-test-tools.sh\n",
  );
const jar = process.env["SEAMLOCK_TLC_JAR"];
if (jar === undefined)
  process.stderr.write("notice: SEAMLOCK_TLC_JAR names no tla2tools.jar, so the TLA+ export is not run\n");

/** States that SPIN stores, and whether it found an error. */
function spin(model: L.Model): { states: number; errors: number } {
  writeFileSync(join(directory, "model.pml"), toPromela(model));
  const generated = run("spin", "-o2", "-a", "model.pml");
  const compiled = run("gcc", "-O1", "-DSAFETY", "-DNOREDUCE", "-o", "pan", "pan.c");
  if (compiled.status !== 0) throw new Error(`${generated.stdout}${compiled.stderr}`);
  const { stdout } = run(join(directory, "pan"), "-m200000", "-w20");
  return {
    states: Number(/(\d+) states, stored/.exec(stdout)?.[1]),
    errors: Number(/errors: (\d+)/.exec(stdout)?.[1]),
  };
}

const examples: [string, L.Model][] = [
  ["enter-and-zap(1,1,2)", enterAndZap({ vcpus: 1, pages: 1, threshold: 2 })],
  ["enter-and-zap(1,2,2)", enterAndZap({ vcpus: 1, pages: 2, threshold: 2 })],
  ["try-lock", tryLock(3)],
  ["two locks", twoLocks(false)],
  ["Peterson", peterson()],
  ["one bit written back", writeBack(false)],
  ["xadd", xadd(2, 1)],
];

/** Small random models in which nothing is violated, since SPIN stops at the first error. */
function soundRandomModels(wanted: number): [string, L.Model][] {
  const found: [string, L.Model][] = [];
  for (let seed = 1; found.length < wanted && seed < 5000; seed++) {
    const numbers = Array.from({ length: 40 }, (_, i) => Math.imul(seed * 977 + i * 131, 0x9e3779b1) >>> 20);
    const model = modelOf(numbers);
    if (L.problems(model).length > 0) continue;
    const search = new Search(prepare(model, true), { states: 5000 }).finish();
    if (search.complete && search.states > 5 && search.findings.every(({ kind }) => kind === "sometimes"))
      found.push([`random ${seed}`, model]);
  }
  return found;
}

(hasSpin ? describe : describe.runIf(false))("SPIN", () => {
  test.each([...examples, ...soundRandomModels(12)])("%s: as many states as the plain search", (_, model) => {
    expect(spin(model)).toEqual({ states: check(model, { noReduction: true }).states, errors: 0 });
  });

  test.each([
    ["a deadlock", twoLocks(true)],
    ["an assertion", xadd(2, 0xffff)],
    ["an invariant", tryLock(2, "wrong guard")],
    ["a range", tryLock(2, "overflow")],
  ])("%s is found", (_, model) => {
    expect(spin(model).errors).toBe(1);
  });
});

(jar === undefined ? describe.runIf(false) : describe)("TLC", () => {
  test.each(examples)("%s: as many states as the plain search", (_, model) => {
    const { module, name, config } = toTla(model);
    writeFileSync(join(directory, `${name}.tla`), module);
    writeFileSync(join(directory, `${name}.cfg`), config);
    copyFileSync(jar as string, join(directory, basename(jar as string)));
    const { stdout } = run("java", "-cp", basename(jar as string), "tlc2.TLC", `${name}.tla`);
    expect(Number(/([\d,]+) distinct states found/.exec(stdout)?.[1]?.replaceAll(",", ""))).toBe(
      check(model, { noReduction: true }).states,
    );
  });
});

describe("TLA+", () => {
  test.each(examples)("%s: every action sets or keeps every variable exactly once", (_, model) => {
    const { module, config } = toTla(model);
    const variables = (/^VARIABLES (.*)$/m.exec(module)?.[1] ?? "").split(", ");
    const actions = module.split("\n     \\/ ").slice(1);
    expect(actions.length).toBe(model.processes.flatMap(({ labels }) => labels.flatMap(({ steps }) => steps)).length);
    for (const action of actions) {
      const text = action.split(/\n(?=\S)/)[0] as string;
      const primed = [...text.matchAll(/\/\\ (\w+)' = /g)].map(([, name]) => name);
      const kept = /UNCHANGED <<(.*?)>>/.exec(text)?.[1]?.split(", ") ?? [];
      expect([...primed, ...kept].toSorted()).toEqual(variables.toSorted());
    }
    expect(config).toContain("SPECIFICATION Spec");
    for (const [open, close] of ["()", "[]", "{}"]) {
      expect(module.split(open as string).length).toBe(module.split(close as string).length);
    }
  });
});

describe("traces", () => {
  const { trace } = check(tryLock(2, "wrong guard"));

  test("Mermaid", () => {
    expect(toMermaid(trace as L.Trace)).toMatchInlineSnapshot(`
      "sequenceDiagram
        participant n0 as caller[0]
        participant n1 as caller[1]
        participant n2 as LOCK
        n0->>n2: call acquire EXCLUSIVE
        Note over n0: inside = 1
        n1->>n2: call acquire EXCLUSIVE
        Note over n1: inside = 2
      "
    `);
  });

  test("Mermaid shows a loop", () => {
    const lasso = check(tryLock(2, "missing release")).violations.find(({ kind }) => kind === "leads-to");
    expect(toMermaid(lasso?.trace as L.Trace)).toMatch(/loop for ever\n.*end\n$/s);
  });

  test("Perfetto: one track per actor and per lock, no negative or missing times", () => {
    const { traceEvents } = toPerfetto(trace as L.Trace);
    const tracks = traceEvents.filter(({ name }) => name === "thread_name").map(({ args }) => args?.["name"]);
    expect(tracks).toEqual(["caller[0]", "caller[1]", "LOCK"].filter((name) => tracks.includes(name)));
    expect(tracks).toContain("LOCK");
    for (const { ph, ts, dur } of traceEvents) if (ph === "X") expect((ts ?? -1) >= 0 && (dur ?? 0) > 0).toBe(true);
  });
});
