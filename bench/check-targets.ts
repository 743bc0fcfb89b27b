/** The engine's own figures, each against its target: what it takes beside straight C, of a second core, of memory. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { prepare, Search } from "../src/check/index.ts";
import { ceilingModel } from "./check-ceiling.ts";
import { type EnterAndZap, enterAndZap } from "./models/enter-and-zap.ts";

type Print = (line: string) => void;

/** Of what takes a tenth of a second. */
const SHORT_RUNS = 21;

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
const ratio = (runs: number, one: () => number, other: () => number): number =>
  ratios(runs, [[one, other]])[0] as number;

/**
 * Medians of ratios, all of which are measured in each turn: what a machine has to give may change within seconds. Of two runs in a row the better
 * one counts, for a core that rested is slow at first.
 */
function ratios(runs: number, pairs: readonly (readonly [one: () => number, other: () => number])[]): number[] {
  const best = (run: () => number) => Math.min(run(), run());
  const turn = () => pairs.map(([one, other]) => best(one) / best(other));
  turn();
  const turns = Array.from({ length: runs }, turn);
  return pairs.map((_, i) => median(turns.map((found) => found[i] as number)));
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

/** What `run` takes from its start to its end, in seconds. */
function timed(run: () => void): number {
  const began = process.hrtime.bigint();
  run();
  return Number(process.hrtime.bigint() - began) / 1e9;
}

/** S, start-up included, beside Node that does nothing: in time, and in processor time. */
function startRatios(figures: Figures, env: NodeJS.ProcessEnv): number[] {
  const nothing = () => timed(() => spawnSync(process.execPath, ["-e", "0"], { env }));
  const spent = "const c = process.cpuUsage(); (c.user + c.system) / 1e6";
  return ratios(SHORT_RUNS, [
    [() => timed(() => figures.onceWith(env, S)), nothing],
    [() => figures.onceWith(env, S).cpu, () => say<number>(process.execPath, ["-p", spent], env)],
  ]);
}

function printStart(figures: Figures): void {
  const [time = 0, cpu = 0] = startRatios(figures, process.env);
  figures.atMost("S: whole process to `node -e 0`", time, "times", 2.2);
  figures.say(`  in processor time, to \`node -p\` of one expression: ${cpu.toFixed(2)} times`);
  // Node 20 reads these certificates as it starts: in both processes, so that the ratio gets smaller.
  const { NODE_EXTRA_CA_CERTS: certificates, ...others } = process.env;
  if (certificates === undefined) return;
  const [without = 0] = startRatios(figures, others);
  figures.say(`  without NODE_EXTRA_CA_CERTS, which is set here: ${without.toFixed(2)} times`);
}

function printOneCore(figures: Figures, directory: string): void {
  printStart(figures);
  if (!hasCompiler()) return figures.say("L beside straight C: not run, gcc is not installed");
  const ceiling = buildCeiling(directory, L);
  const counts = figures.once(L);
  const straight = () => straightC(ceiling, 1, counts).cpu;
  const beside = ratio(figures.runs, () => figures.once(L).cpu, straight);
  figures.atMost("L: whole process to the same search in straight C", beside, "times", 1.3);
}

/**
 * What a second thread gains. Cores that a machine has beside others may turn out to be one for a while: what threads of C gain that only count is
 * measured in the same turns, and where that is not nearly twice, a missed target says nothing of the search.
 */
function printTwoCores(figures: Figures, directory: string): void {
  const hasGcc = hasCompiler();
  if (!hasGcc) figures.say("what two threads of C gain: not run, gcc is not installed");
  for (const [name, size, runs] of [
    ["L", L, 3 * figures.runs],
    ["XL", XL, figures.runs],
  ] as const) {
    const own = [() => figures.once(size).seconds, () => figures.once(size, "2").seconds] as const;
    const inC = hasGcc ? gainsInC(figures, directory, size) : [];
    const [gain = 0, search = 0, memory = 0, count = 0] = ratios(runs, [own, ...inC]);
    const title = `${name}: two workers, ${availableParallelism()} cores, if nothing else runs`;
    figures.figure(title, gain, "times", 1.6, gain >= 1.6);
    if (!hasGcc) continue;
    figures.say(`  the same search in straight C, by two threads likewise: ${search.toFixed(2)} times`);
    figures.say(`  two threads of C that only read and write all over 64 MB: ${memory.toFixed(2)} times one`);
    figures.say(`  two threads of C that only count: ${count.toFixed(2)} times one`);
  }
}

/** The same search in C; threads that only use memory; threads that use none. */
function gainsInC(figures: Figures, directory: string, size: EnterAndZap) {
  const ceiling = buildCeiling(directory, size);
  const threads = compiled(directory, "check-memory", []);
  const counts = figures.once(size);
  const work = (kind: string, count: number) => () => say<{ seconds: number }>(threads, [kind, String(count)]).seconds;
  return [
    [() => straightC(ceiling, 1, counts).seconds, () => straightC(ceiling, 2, counts).seconds],
    [work("memory", 1), work("memory", 2)],
    [work("count", 1), work("count", 2)],
  ] as const;
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
  print("\ntargets of the engine (processor time unless it says otherwise, medians of runs by turns)");
  const figures = new Figures(script, runs, print);
  printMemory(figures);
  printOneCore(figures, directory);
  printTwoCores(figures, directory);
  printScenarios(figures, directory);
}
