/**
 * SPIN and TLC on the export of a Model: how many states they reach, and which properties they find violated. Safety only.
 *
 * SPIN and gcc are looked for on the path. TLC is a Java class path in SEAMLOCK_TLC: `tla2tools.jar`, or several folders and jars.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type CheckResult, check } from "../src/check/index.ts";
import { type ExportedCheck, toPromela, toTla } from "../src/export/index.ts";
import type { Model } from "../src/language/index.ts";
import { pathDigest } from "./kept.ts";

/** What an engine says: distinct states of the plain state space, and what is violated, as `kind: name` in alphabetical order. */
export interface Said {
  readonly states: number;
  readonly violated: readonly string[];
}

const available = (command: string, ...args: string[]): boolean => spawnSync(command, args).status === 0;

const printed = (command: string, ...args: string[]): string => spawnSync(command, args, { encoding: "utf8" }).stdout;

/** Are SPIN and gcc installed? */
export const hasSpin = (): boolean => available("spin", "-V") && available("gcc", "--version");

/** The class path of TLC, or null: SEAMLOCK_TLC is not set, or there is no Java. */
export function tlcClassPath(): string | null {
  const path = process.env["SEAMLOCK_TLC"];
  return path !== undefined && path !== "" && available("java", "-version") ? path : null;
}

/** What decides an answer beside the question: how it is asked for and read, here, and the program that gives it. */
const asked = (program: string): string => readFileSync(import.meta.filename, "utf8") + program;

/** What makes SPIN's answers what they are. */
export const spinIdentity = (): string => asked(printed("spin", "-V") + printed("gcc", "--version"));

/** What makes TLC's answers what they are. A build of its own does not know its version. */
export const tlcIdentity = (classPath: string): string => asked(pathDigest(classPath));

const said = (states: number, checks: Iterable<Pick<ExportedCheck, "kind" | "property">>): Said => ({
  states,
  violated: [...new Set([...checks].map(({ kind, property }) => `${kind}: ${property}`))].sort(),
});

/** The checker's own answer, without reductions and without liveness. */
export function own(model: Model): Said & { readonly outcome: CheckResult["outcome"] } {
  const safety = { ...model, properties: model.properties.filter(({ kind }) => kind !== "leads-to") };
  const result = check(safety, { noReduction: true });
  const checks = result.violations.map(({ kind, property }) => ({ kind: kind as ExportedCheck["kind"], property }));
  return { ...said(result.states, checks), outcome: result.outcome };
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "seamlock-peer-"));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Run a program, line by line; the lines that `keep` wants, and its exit status. */
async function lines(
  command: string,
  args: readonly string[],
  cwd: string,
  keep: (line: string) => boolean = () => true,
): Promise<{ kept: string[]; status: number | null }> {
  const child = spawn(command, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
  const kept: string[] = [];
  const read = async (stream: NodeJS.ReadableStream) => {
    for await (const line of createInterface({ input: stream })) if (keep(line)) kept.push(line);
  };
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  await Promise.all([read(child.stdout), read(child.stderr)]);
  return { kept, status: await ended };
}

async function made(command: string, args: readonly string[], cwd: string): Promise<void> {
  const { kept, status } = await lines(command, args, cwd);
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${kept.join("\n")}`);
}

/**
 * SPIN's answer: every state, no partial-order reduction, going on after violations.
 *
 * @param limit an upper bound of the states, for the size of its stack and table
 */
export const spin = (model: Model, limit: number): Promise<Said> =>
  inFolder(async (folder) => {
    const { text, checks } = toPromela(model);
    writeFileSync(join(folder, "model.pml"), text);
    await made("spin", ["-o2", "-a", "model.pml"], folder);
    const vector = /-DVECTORSZ=\d+/.exec(text)?.[0];
    // A small model is searched before an optimised verifier is compiled.
    const level = limit > 200_000 ? "-O1" : "-O0";
    const flags = [level, "-DSAFETY", "-DNOREDUCE", ...(vector === undefined ? [] : [vector])];
    await made("gcc", [...flags, "-o", "pan", "pan.c"], folder);
    const width = Math.min(30, Math.max(12, Math.ceil(Math.log2(limit + 2)) + 1));
    const messages = new Set<string>();
    const { kept } = await lines(join(folder, "pan"), ["-c0", `-m${limit + 100}`, `-w${width}`], folder, (line) => {
      const message = /^pan:\d+: (.*?) \(at depth/.exec(line)?.[1];
      if (message !== undefined) messages.add(message);
      return message === undefined;
    });
    const output = kept.join("\n");
    const states = /(\d+) states, stored/.exec(output)?.[1];
    if (states === undefined || /max search depth too small|out of memory/.test(output))
      throw new Error(`SPIN did not finish:\n${output.slice(0, 2000)}`);
    return said(
      Number(states),
      [...messages].map((message) => spinCheck(checks, message)),
    );
  });

function spinCheck(checks: readonly ExportedCheck[], message: string): ExportedCheck {
  const name = /\bviolated_\w+/.exec(message)?.[0] ?? message;
  const found = checks.find(({ exported }) => exported === name);
  if (found === undefined) throw new Error(`SPIN reports what the export does not know: ${message}`);
  return found;
}

/** TLC's answer. It stops at the first violation, so each is left out of the next run, until a run finds nothing and counts the states. */
export const tlc = (model: Model, classPath: string, workers = 2): Promise<Said> =>
  inFolder(async (folder) => {
    const { module, name, config, checks } = toTla(model);
    writeFileSync(join(folder, `${name}.tla`), module);
    const violated: ExportedCheck[] = [];
    for (;;) {
      const wanted = checks.filter((one) => !violated.includes(one));
      const text = config
        .split("\n")
        .filter((line) => !violated.some(({ exported }) => line === `INVARIANT ${exported}`))
        .join("\n");
      writeFileSync(join(folder, `${name}.cfg`), text);
      const output = await runTlc(folder, name, classPath, workers);
      const broken = /Error: Invariant (\w+) is violated/.exec(output)?.[1];
      if (broken === undefined) return said(statesOf(output), violated);
      violated.push(wanted.find(({ exported }) => exported === broken) as ExportedCheck);
    }
  });

/** What TLC prints about `name`.tla and `name`.cfg in a folder. */
export async function runTlc(folder: string, name: string, classPath: string, workers: number): Promise<string> {
  const options = ["-XX:+UseParallelGC", "-Xss16m", `-Djava.io.tmpdir=${folder}`, "-cp", classPath, "tlc2.TLC"];
  const wanted = ["-workers", String(workers), "-noGenerateSpecTE", "-nowarning", `${name}.tla`];
  const { kept } = await lines("java", [...options, ...wanted], folder);
  return kept.join("\n");
}

/** The distinct states that TLC says it found, in an output of a search that ended without an error. */
export function statesOf(output: string): number {
  const states = /([\d,]+) distinct states found, 0 states left/.exec(output)?.[1];
  if (states === undefined || !output.includes("No error has been found"))
    throw new Error(`TLC did not finish:\n${output.slice(-3000)}`);
  return Number(states.replaceAll(",", ""));
}
