/**
 * The checker against SPIN and TLC on the reference model, side by side: whole processes, alternating, medians.
 *
 *     npm run bench:check -- [--sizes S,M,L,XL] [--tlc-sizes S,M,L,XL] [--runs 3] [--pml FILE] [--folded-pml FILE] [--tla FILE]
 *
 * TLC takes minutes for L and XL; `--tlc-sizes` names those it runs, one run each. `--targets-only`: without the peers, only the engine's figures (check-targets.ts).
 * stateright runs when SEAMLOCK_STATERIGHT is its folder (stateright.ts), with one thread and with two.
 * SPIN runs twice: on the plain state space, and with its own partial order reduction. TLC runs when SEAMLOCK_TLC is its class path.
 * The peers' model is our own export unless `--pml` (which gets -DV, -DP and -DTHR) or `--tla` (with the constants V, P and THR) names
 * another. `--folded-pml` is a model reduced by hand.
 */
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { tlcClassPath } from "../scripts/peers.ts";
import { toPromela, toTla } from "../src/export/index.ts";
import { buildChecker } from "./check-build.ts";
import { printTargets } from "./check-targets.ts";
import { enterAndZap } from "./models/enter-and-zap.ts";
import { buildStateright, staterightFolder } from "./stateright.ts";

interface Size {
  readonly vcpus: number;
  readonly pages: number;
  readonly threshold: number;
  readonly states: number;
  /** SPIN's `-m`. At 2,000,000 it cuts XL short, with a message on its output only: 14,861,499 of 15,717,211 states. */
  readonly depth: number;
}
const SIZES: Readonly<Record<string, Size>> = {
  S: { vcpus: 2, pages: 1, threshold: 2, states: 269_360, depth: 2_000_000 },
  M: { vcpus: 2, pages: 1, threshold: 6, states: 1_324_368, depth: 2_000_000 },
  L: { vcpus: 2, pages: 2, threshold: 2, states: 7_261_014, depth: 2_000_000 },
  XL: { vcpus: 3, pages: 1, threshold: 2, states: 15_717_211, depth: 10_000_000 },
};

/** One timed process: its seconds and what it counted. */
interface Timed {
  readonly seconds: number;
  readonly states: number;
  readonly note: string;
  /** SPIN: the verifier's run, without generating and compiling it. */
  readonly alone?: number;
}

const SPIN_REDUCED = "SPIN, its own reduction";
/** The target for the model reduced by hand speaks of SPIN's run, not of its whole process. */
const FOLDED = "SPIN's run, folded by hand";
const runAlone = (timed: Timed): Timed => ({
  ...timed,
  seconds: timed.alone ?? timed.seconds,
  note: `whole process ${timed.seconds.toFixed(2)} s`,
});

function run(command: string, args: readonly string[], cwd: string): { seconds: number; output: string } {
  const began = process.hrtime.bigint();
  const result: SpawnSyncReturns<string> = spawnSync(command, args, { cwd, encoding: "utf8", maxBuffer: 1 << 26 });
  const seconds = Number(process.hrtime.bigint() - began) / 1e9;
  if (result.status !== 0)
    throw new Error(`${command} ${args.join(" ")} failed: ${result.stderr || result.stdout || result.error?.message}`);
  return { seconds, output: result.stdout };
}

const exists = (command: string, ...args: string[]): boolean => spawnSync(command, args).error === undefined;
const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;
const geometricMean = (values: readonly number[]): number =>
  Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);

function seamlock(script: string, size: Size, mode: "plain" | "reduced", cwd: string): Timed {
  const { seconds, output } = run(
    process.execPath,
    [script, String(size.vcpus), String(size.pages), String(size.threshold), mode],
    cwd,
  );
  const { states, bytesPerState, maxResident } = JSON.parse(output) as {
    states: number;
    bytesPerState: number;
    maxResident: number;
  };
  if (mode === "plain" && states !== size.states)
    throw new Error(`seamlock found ${states} states instead of ${size.states}`);
  return {
    seconds,
    states,
    note: `${bytesPerState.toFixed(1)} B/state, ${Math.round(maxResident / 1024)} MB resident`,
  };
}

interface SpinOptions {
  /** With SPIN's own partial order reduction? */
  readonly reduce: boolean;
  /** How many states it must find; null: as many as it finds. */
  readonly expected: number | null;
}

/** SPIN from the model's text to the verdict: generating, compiling and running the verifier. */
function spin(size: Size, pml: string | null, cwd: string, { reduce, expected }: SpinOptions): Timed {
  if (pml === null) writeFileSync(join(cwd, "model.pml"), toPromela(enterAndZap(size)).text);
  else copyFileSync(pml, join(cwd, "model.pml"));
  const generate = run(
    "spin",
    ["-a", `-DV=${size.vcpus}`, `-DP=${size.pages}`, `-DTHR=${size.threshold}`, "model.pml"],
    cwd,
  );
  const compile = run("gcc", ["-O2", "-DSAFETY", ...(reduce ? [] : ["-DNOREDUCE"]), "-o", "pan", "pan.c"], cwd);
  const verify = run(join(cwd, "pan"), [`-m${size.depth}`, "-w24"], cwd);
  if (verify.output.includes("max search depth too small"))
    throw new Error(`SPIN cut its search short at -m${size.depth}: the run cannot be compared`);
  const states = Number(/(\d+) states, stored/.exec(verify.output)?.[1]);
  if (expected !== null && states !== expected) throw new Error(`SPIN found ${states} states instead of ${expected}`);
  return {
    seconds: generate.seconds + compile.seconds + verify.seconds,
    states,
    note: `run alone ${verify.seconds.toFixed(2)} s`,
    alone: verify.seconds,
  };
}

function tlc(size: Size, classPath: string, tla: string | null, cwd: string): Timed {
  const name = tla === null ? writeTla(size, cwd) : copyTla(size, tla, cwd);
  const { seconds, output } = run(
    "java",
    [
      "-XX:+UseParallelGC",
      "-Xss16m",
      `-Djava.io.tmpdir=${cwd}`,
      "-cp",
      classPath,
      "tlc2.TLC",
      "-workers",
      "2",
      "-nowarning",
      "-noGenerateSpecTE",
      name,
    ],
    cwd,
  );
  return {
    seconds,
    // Progress lines say the same of the states so far; the last one counts.
    states: Number([...output.matchAll(/([\d,]+) distinct states found/g)].at(-1)?.[1]?.replaceAll(",", "")),
    note: "2 workers",
  };
}

/** stateright, built before: its run alone. */
function stateright(size: Size, program: string, workers: number, cwd: string): Timed {
  const sizes = [size.vcpus, size.pages, size.threshold, workers].map(String);
  const { seconds, output } = run(program, sizes, cwd);
  const { states } = JSON.parse(output) as { states: number };
  if (states !== size.states) throw new Error(`stateright found ${states} states instead of ${size.states}`);
  return { seconds, states, note: `run alone, ${workers} threads, a hash kept of each state` };
}

/** Our own export, with its configuration; the module's file. */
function writeTla(size: Size, cwd: string): string {
  const { module, name, config } = toTla(enterAndZap(size));
  writeFileSync(join(cwd, `${name}.tla`), module);
  writeFileSync(join(cwd, `${name}.cfg`), config);
  return `${name}.tla`;
}

/** A module written by hand, with a configuration for the size. */
function copyTla({ vcpus, pages, threshold }: Size, tla: string, cwd: string): string {
  const name = basename(tla, ".tla");
  const constants = `V = ${vcpus}\nP = ${pages}\nTHR = ${threshold}`;
  copyFileSync(tla, join(cwd, `${name}.tla`));
  writeFileSync(join(cwd, `${name}.cfg`), `SPECIFICATION Spec\nCONSTANTS ${constants}\nINVARIANT Safe\n`);
  return `${name}.tla`;
}

const { values } = parseArgs({
  options: {
    sizes: { type: "string", default: "S,M,L,XL" },
    "tlc-sizes": { type: "string" },
    runs: { type: "string", default: "3" },
    pml: { type: "string" },
    "folded-pml": { type: "string" },
    tla: { type: "string" },
    "targets-only": { type: "boolean", default: false },
  },
});

const directory = mkdtempSync(join(tmpdir(), "seamlock-bench-"));
const print = (line: string) => process.stdout.write(`${line}\n`);
try {
  const script = await buildChecker(directory);
  if (values["targets-only"]) {
    printTargets(script, directory, Number(values.runs), print);
  } else {
    const hasSpin = exists("spin", "-V") && exists("gcc", "--version");
    const contestants: { name: string; time: (size: Size) => Timed }[] = [
      { name: "seamlock, same states", time: (size) => seamlock(script, size, "plain", directory) },
      { name: "seamlock, reduced", time: (size) => seamlock(script, size, "reduced", directory) },
    ];
    const { pml = null, "folded-pml": folded, tla = null } = values;
    const classPath = tlcClassPath();
    if (hasSpin) {
      const plain = (size: Size) => spin(size, pml, directory, { reduce: false, expected: size.states });
      const reduced = (size: Size) => spin(size, pml, directory, { reduce: true, expected: null });
      contestants.push({ name: "SPIN", time: plain }, { name: SPIN_REDUCED, time: reduced });
    }
    if (hasSpin && folded !== undefined)
      contestants.push({
        name: FOLDED,
        time: (size) => runAlone(spin(size, folded, directory, { reduce: false, expected: null })),
      });
    if (classPath !== null) contestants.push({ name: "TLC", time: (size) => tlc(size, classPath, tla, directory) });
    const folder = staterightFolder();
    if (folder !== null) {
      const program = buildStateright(folder, directory);
      for (const workers of [1, 2])
        contestants.push({
          name: `stateright, ${workers} threads`,
          time: (size) => stateright(size, program, workers, directory),
        });
    }
    print(
      `node ${process.version}; ${hasSpin ? `${run("spin", ["-V"], directory).output.trim()}, gcc -O2 -DSAFETY with and without -DNOREDUCE, pan -m2000000 (XL: -m10000000) -w24, model: ${pml ?? "our export"}` : "SPIN: not installed"}; stateright: ${folder === null ? "SEAMLOCK_STATERIGHT is not set" : "breadth-first"}; TLC: ${classPath === null ? "SEAMLOCK_TLC is not set" : `two workers, model: ${tla ?? "our export"}`}`,
    );
    const ratios: { name: string; peer: string; ratio: number }[] = [];
    for (const name of values.sizes.split(",")) {
      const size = SIZES[name];
      if (size === undefined) throw new Error(`no size ${name}; there are ${Object.keys(SIZES).join(", ")}`);
      for (const { time } of contestants.slice(0, 2)) time(size);
      const hasTlc = (values["tlc-sizes"] ?? values.sizes).split(",").includes(name);
      const present = contestants.filter((contestant) => hasTlc || contestant.name !== "TLC");
      const timed = new Map<string, Timed[]>(present.map((contestant) => [contestant.name, []]));
      for (let i = 0; i < Number(values.runs); i++)
        for (const contestant of present)
          if (i === 0 || contestant.name !== "TLC") timed.get(contestant.name)?.push(contestant.time(size));
      print(`\n${name} = M(${size.vcpus},${size.pages},${size.threshold})`);
      const medians = new Map([...timed].map(([who, times]) => [who, median(times.map(({ seconds }) => seconds))]));
      for (const [who, times] of timed)
        print(
          `  ${who.padEnd(27)} ${(medians.get(who) as number).toFixed(2).padStart(7)} s  ${String(times[0]?.states).padStart(10)} states  ${times[0]?.note}`,
        );
      if (classPath !== null && !hasTlc) print("  TLC: not run at this size");
      for (const who of ["seamlock, same states", "seamlock, reduced"]) {
        for (const peer of [...medians.keys()].slice(2))
          ratios.push({ name: who, peer, ratio: (medians.get(peer) as number) / (medians.get(who) as number) });
      }
    }
    print("\ngeometric means");
    const targets: Readonly<Record<string, number>> = {
      "seamlock, same states/SPIN": 5,
      "seamlock, reduced/SPIN": 30,
      "seamlock, same states/TLC": 50,
      "seamlock, reduced/TLC": 200,
      [`seamlock, reduced/${FOLDED}`]: 3,
    };
    for (const key of new Set(ratios.map(({ name, peer }) => `${name}/${peer}`))) {
      const mean = geometricMean(
        ratios.filter(({ name, peer }) => `${name}/${peer}` === key).map(({ ratio }) => ratio),
      );
      const target = targets[key];
      print(
        `  ${key.replace("/", " against ").padEnd(50)} ${mean.toFixed(1)}x${target === undefined ? "" : `  (target ${target}x: ${mean >= target ? "ok" : "MISSED"})`}`,
      );
    }
    printTargets(script, directory, Number(values.runs), print);
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
