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

function say<T>(command: string, args: readonly string[]): T {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8" });
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

/** The search of L as a C program. */
function buildCeiling(directory: string): string {
  const prepared = prepare(enterAndZap(L), true);
  const search = new Search(prepared);
  writeFileSync(join(directory, "model.h"), ceilingModel(prepared, search.code.branching, search.space.words(1)));
  return compiled(directory, "check-ceiling", ['-DMODEL="model.h"', "-march=native"]);
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

/** Measure and print all of them. `script`: the built `check-once`. */
export function printTargets(script: string, directory: string, runs: number, print: Print): void {
  const once = (size: EnterAndZap, ...more: string[]) =>
    say<Said>(process.execPath, [script, ...sizes(size), "plain", ...more]);
  const figure = (name: string, value: number, unit: string, target: number, isOk: boolean) =>
    print(`  ${name.padEnd(58)} ${value.toFixed(2).padStart(6)} ${unit.padEnd(6)} ${target} ${isOk ? "ok" : "MISSED"}`);
  const atMost = (name: string, value: number, unit: string, target: number) =>
    figure(name, value, unit, target, value <= target);
  print("\ntargets of the engine (processor time, medians of runs by turns)");
  const large = once(L);
  atMost("L: bytes a state", large.bytesPerState, "B", 12);
  atMost("XL: bytes a state", once(XL).bytesPerState, "B", 12);
  const node = () => say<number>(process.execPath, ["-p", "const c = process.cpuUsage(); (c.user + c.system) / 1e6"]);
  atMost(
    "S: whole process to `node -p`",
    ratio(runs, () => once(S).cpu, node),
    "times",
    2.2,
  );
  if (spawnSync("gcc", ["--version"]).error !== undefined) {
    print("  gcc is not installed: no comparison with straight C, nor with what memory can do");
    return;
  }
  const ceiling = buildCeiling(directory);
  const straight = () => {
    const said = say<Said>(ceiling, []);
    if (said.states !== large.states || said.transitions !== large.transitions)
      throw new Error(`straight C found ${said.states} states and ${said.transitions} transitions`);
    return said.cpu;
  };
  atMost(
    "L: whole process to the same search in straight C",
    ratio(runs, () => once(L).cpu, straight),
    "times",
    1.3,
  );
  const memory = say<{ one: number; two: number }>(compiled(directory, "check-memory", []), []);
  print(
    `  two threads of C that only read and write all over 64 MB     ${(memory.one / memory.two).toFixed(2)} times one`,
  );
  for (const [name, size] of [
    ["L", L],
    ["XL", XL],
  ] as const) {
    const gain = ratio(
      runs,
      () => once(size).seconds,
      () => once(size, "2").seconds,
    );
    figure(
      `${name}: two workers, ${availableParallelism()} cores, if nothing else runs`,
      gain,
      "times",
      1.6,
      gain >= 1.6,
    );
  }
}
