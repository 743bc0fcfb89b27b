/** The engine's own figures, each against its target: what it takes beside straight C, of a second core, of memory. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { prepare, Search } from "../src/check/index.ts";
import { ceilingModel } from "./check-ceiling.ts";
import { type EnterAndZap, enterAndZap } from "./models/enter-and-zap.ts";

type Print = (line: string) => void;

const S: EnterAndZap = { vcpus: 2, pages: 1, threshold: 2 };
const L: EnterAndZap = { vcpus: 2, pages: 2, threshold: 2 };
const XL: EnterAndZap = { vcpus: 3, pages: 1, threshold: 2 };

/** What a run says of itself. `cpu`: seconds of processor time, which other work on the machine disturbs less than time. */
interface Said {
  readonly states: number;
  readonly transitions: number;
  readonly cpu: number;
  readonly seconds: number;
  readonly bytesPerState: number;
}

/** What a run of a scenario says of itself. */
interface Scenario {
  readonly states: number;
  readonly outcome: string;
  readonly seconds: number;
  readonly cpu: number;
  readonly reproduce: string;
}

/** What must be decided within a minute, with what a search of that kind needs: the larger questions about the module. */
const SCENARIOS: readonly (readonly [name: string, options: object])[] = [
  ["page-removal", { module: "1.5.25", policy: "kick-first", vcpus: "3", pages: "2", set: ["pageSize=2M"] }],
  ["page-resize", { module: "1.5.25", policy: "kick-on-busy", vcpus: "3", pages: "2" }],
  ["td-build", { module: "1.5.25", host: "linux-7.3" }],
  ["td-teardown", { module: "1.5.25", host: "linux-7.3" }],
  ["dynamic-pamt", { module: "1.5.25", set: ["adders=3"] }],
  ...["kick-first", "retry-forever", "fail-fast", "kick-on-busy"].map(
    (policy) => ["page-removal", { module: "1.5.25", policy, vcpus: "3", pages: "2" }] as const,
  ),
  [
    "page-removal",
    {
      module: "1.5.25",
      policy: "kick-first",
      vcpus: "3",
      pages: "2",
      set: ["progress=true", "properties=[a removal that has begun ends]"],
    },
  ],
];

function say<T>(command: string, args: readonly string[], env = process.env): T {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", env });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} failed: ${stderr}`);
  return JSON.parse(stdout) as T;
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;

/** The median of a ratio of two things that are done by turns. */
function ratio(runs: number, one: () => number, other: () => number): number {
  one();
  other();
  return median(Array.from({ length: runs }, () => one() / other()));
}

const sizes = ({ vcpus, pages, threshold }: EnterAndZap): string[] => [vcpus, pages, threshold].map(String);

/** The same search as a C program. */
function buildCeiling(directory: string, size: EnterAndZap): string {
  const prepared = prepare(enterAndZap(size), true);
  const search = new Search(prepared);
  writeFileSync(join(directory, "model.h"), ceilingModel(prepared, search.code.branching, search.space.words(1)));
  return compiled(directory, "check-ceiling", ['-DMODEL="model.h"', "-march=native"]);
}

/** What a run of that program says of itself, once its counts are those of the checker. */
function straightC(program: string, threads: number, { states, transitions }: Said): Said {
  const said = say<Said>(program, [String(threads)]);
  if (said.states !== states || said.transitions !== transitions)
    throw new Error(`straight C found ${said.states} states and ${said.transitions} transitions`);
  return said;
}

function compiled(directory: string, name: string, flags: readonly string[]): string {
  const program = join(directory, name);
  const source = join(import.meta.dirname, `${name}.c`);
  const { status, stderr } = spawnSync("gcc", ["-O2", "-pthread", `-I${directory}`, ...flags, "-o", program, source], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`gcc ${name}.c failed: ${stderr}`);
  return program;
}

/** Prints figures of a run of the bench against their targets. */
class Figures {
  readonly #script: string;
  readonly #print: Print;
  readonly runs: number;

  /** `script`: the built `check-once`. */
  constructor(script: string, runs: number, print: Print) {
    this.#script = script;
    this.runs = runs;
    this.#print = print;
  }

  once(size: EnterAndZap, ...more: string[]): Said {
    return this.onceWith(process.env, size, ...more);
  }

  onceWith(env: NodeJS.ProcessEnv, size: EnterAndZap, ...more: string[]): Said {
    return say<Said>(process.execPath, [this.#script, ...sizes(size), "plain", ...more], env);
  }

  say(line: string): void {
    this.#print(`  ${line}`);
  }

  figure(name: string, value: number, unit: string, target: number, isOk: boolean): void {
    this.say(
      `${name.padEnd(92)} ${value.toFixed(2).padStart(6)} ${unit.padEnd(6)} ${target} ${isOk ? "ok" : "MISSED"}`,
    );
  }

  atMost(name: string, value: number, unit: string, target: number): void {
    this.figure(name, value, unit, target, value <= target);
  }
}

function printMemory(figures: Figures): void {
  figures.atMost("L: bytes a state", figures.once(L).bytesPerState, "B", 12);
  const { bytesPerState } = figures.once(XL);
  figures.atMost("XL: bytes a state", bytesPerState, "B", 12);
  const most = Math.floor(2 ** 32 / bytesPerState / 1e6);
  figures.say(
    `a billion states at XL's bytes: ${bytesPerState.toFixed(1)} GB (target 16; \`npm run bench:billion\` runs a model of as many)`,
  );
  figures.say(`  a memory of 4 GiB holds ${most} million of them; with a larger bound there are several`);
  figures.say(
    "time beside an uncompressed store: not run, for there is none left (docs/engine.md: 0.8 to 0.9; target 1.3)",
  );
}

function startRatio(figures: Figures, env: NodeJS.ProcessEnv): number {
  const cpu = "const c = process.cpuUsage(); (c.user + c.system) / 1e6";
  const node = () => say<number>(process.execPath, ["-p", cpu], env);
  return ratio(figures.runs, () => figures.onceWith(env, S).cpu, node);
}

function printOneCore(figures: Figures, directory: string): void {
  figures.atMost("S: whole process to `node -p`", startRatio(figures, process.env), "times", 2.2);
  // Node 20 reads these certificates as it starts: in both processes, so that the ratio gets smaller.
  const { NODE_EXTRA_CA_CERTS: certificates, ...others } = process.env;
  if (certificates !== undefined)
    figures.say(`  without NODE_EXTRA_CA_CERTS, which is set here: ${startRatio(figures, others).toFixed(2)} times`);
  if (!hasCompiler()) return figures.say("L beside straight C: not run, gcc is not installed");
  const ceiling = buildCeiling(directory, L);
  const counts = figures.once(L);
  const straight = () => straightC(ceiling, 1, counts).cpu;
  const beside = ratio(figures.runs, () => figures.once(L).cpu, straight);
  figures.atMost("L: whole process to the same search in straight C", beside, "times", 1.3);
}

function printTwoCores(figures: Figures, directory: string): void {
  if (hasCompiler()) {
    const { one, two } = say<{ one: number; two: number }>(compiled(directory, "check-memory", []), []);
    figures.say(`two threads of C that only read and write all over 64 MB: ${(one / two).toFixed(2)} times one`);
  } else figures.say("what two threads of C gain: not run, gcc is not installed");
  for (const [name, size] of [
    ["L", L],
    ["XL", XL],
  ] as const) {
    const gain = ratio(
      figures.runs,
      () => figures.once(size).seconds,
      () => figures.once(size, "2").seconds,
    );
    figures.figure(
      `${name}: two workers, ${availableParallelism()} cores, if nothing else runs`,
      gain,
      "times",
      1.6,
      gain >= 1.6,
    );
    if (!hasCompiler()) continue;
    const ceiling = buildCeiling(directory, size);
    const counts = figures.once(size);
    const inC = ratio(
      figures.runs,
      () => straightC(ceiling, 1, counts).seconds,
      () => straightC(ceiling, 2, counts).seconds,
    );
    figures.say(`  the same search in straight C, by two threads likewise: ${inC.toFixed(2)} times`);
  }
}

/** Each on all cores: seconds, which other work disturbs; and processor time, which it disturbs less. */
function printScenarios(figures: Figures, directory: string): void {
  const script = join(import.meta.dirname, "check-scenario.ts");
  const workers = availableParallelism();
  for (const [name, options] of SCENARIOS) {
    const own = [name, JSON.stringify(options), String(workers), join(directory, "check-worker.mjs")];
    const said = say<Scenario>(process.execPath, [...process.execArgv, script, ...own]);
    const { states, seconds, cpu, outcome, reproduce } = said;
    const title = `${reproduce} --workers ${workers}: ${outcome}, ${states.toLocaleString("en")} states`;
    figures.atMost(title, seconds, "s", 60);
    figures.say(`  ${cpu.toFixed(1)} s of processor time`);
  }
}

const hasCompiler = (): boolean => spawnSync("gcc", ["--version"]).error === undefined;

/** Measure and print all of them. `script`: the built `check-once`. */
export function printTargets(script: string, directory: string, runs: number, print: Print): void {
  print("\ntargets of the engine (processor time, medians of runs by turns)");
  const figures = new Figures(script, runs, print);
  printMemory(figures);
  printOneCore(figures, directory);
  printTwoCores(figures, directory);
  printScenarios(figures, directory);
}
