/** The process that takes the inputs of one target one after the other: what hangs or breaks it is seen from outside. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Io } from "../../src/cli/io.ts";
import { run } from "../../src/cli/program.ts";
import { random } from "../ordeal/program.ts";
import { type Input, TARGETS } from "./targets.ts";

/** What the worker tells: that an input begins, and what was wrong with it. */
export type Message =
  | { readonly kind: "ready" }
  | { readonly kind: "begun"; readonly number: number }
  | { readonly kind: "fault"; readonly number: number; readonly command: readonly string[]; readonly fault: string }
  | { readonly kind: "ended"; readonly number: number; readonly seconds: number; readonly statuses: readonly number[] };

const tell = (message: Message): void => void process.send?.(message);

/** Runs a command line in this process. */
export async function runHere(args: readonly string[]): Promise<{ status: number; out: string; err: string }> {
  let out = "";
  let err = "";
  const io: Io = {
    out(text) {
      out += text;
    },
    err(text) {
      err += text;
    },
    env: {},
    outIsTerminal: false,
    errIsTerminal: false,
    signal: new AbortController().signal,
    handleInterrupt() {},
  };
  return { status: await run(args, io), out, err };
}

/** Bytes that a terminal would obey. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const OBEYED = /[\x00-\x08\x0b-\x1f\x7f\x9b]/;

/** What must not be, whatever the input; null when all is well. */
export function faultOf(status: number, out: string, err: string): string | null {
  if (![0, 1, 2, 3].includes(status)) return `exit status ${status}`;
  if (/SL0001|this is a bug/.test(err)) return err.slice(0, 400);
  if (status === 2 && !/SL\d{4}|usage|error:/i.test(err)) return `refused without a reason: ${err.slice(0, 200)}`;
  if (OBEYED.test(err)) return "control characters in messages";
  if (OBEYED.test(out)) return "control characters in the output";
  return null;
}

/** Gives one input to its command lines, in the working directory. */
export async function bear(
  input: Input,
  fault: (command: readonly string[], fault: string) => void,
): Promise<number[]> {
  for (const [path, content] of Object.entries(input.files)) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
  const statuses: number[] = [];
  for (const command of input.commands) {
    try {
      const { status, out, err } = await runHere(command);
      statuses.push(status);
      const found = faultOf(status, out, err);
      if (found !== null) fault(command, found);
      // What the first could not make, the next cannot read.
      if (status === 2) break;
    } catch (error) {
      fault(command, error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
  }
  return statuses;
}

/** Takes inputs until it is killed. */
async function main(name: string, seed: number, folder: string, first: number): Promise<void> {
  const target = TARGETS[name];
  if (target === undefined) throw new Error(`no target ${name}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  process.chdir(folder);
  const input = await target.prepare(folder, async (args) => (await runHere(args)).out);
  tell({ kind: "ready" });
  for (let number = first; ; number++) {
    // Each input has a generator of its own, so that one can be made again without those before it.
    const strange = input(random(seed * 1_000_003 + number));
    tell({ kind: "begun", number });
    const begun = process.cpuUsage();
    const statuses = await bear(strange, (command, fault) => tell({ kind: "fault", number, command, fault }));
    const { user, system } = process.cpuUsage(begun);
    tell({ kind: "ended", number, seconds: (user + system) / 1e6, statuses });
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const [, , name, seed, folder, first] = process.argv;
if (process.send !== undefined && name !== undefined)
  await main(name, Number(seed), join(folder as string), Number(first));
