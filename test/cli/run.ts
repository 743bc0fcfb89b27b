import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { run } from "../../src/cli/program.ts";

export interface Outcome {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** The program that the build made. */
export const BIN = join(import.meta.dirname, "../../dist/cli.js");

/** Runs the built program in a process of its own. */
export function seamlock(args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): Outcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BIN, ...args], {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  return { status, out: stdout, err: stderr };
}

/** Runs the same command line in this process: faster, and seen by the coverage report. */
export async function inProcess(
  args: readonly string[],
  settings: { env?: NodeJS.ProcessEnv; terminal?: boolean; interrupted?: boolean; endsOnOutput?: boolean } = {},
): Promise<Outcome> {
  const outcome = { out: "", err: "" };
  const controller = new AbortController();
  if (settings.interrupted === true) controller.abort();
  const status = await run(args, {
    out(text) {
      outcome.out += text;
      if (settings.endsOnOutput === true) controller.abort();
    },
    err(text) {
      outcome.err += text;
    },
    env: settings.env ?? {},
    outIsTerminal: settings.terminal ?? false,
    errIsTerminal: settings.terminal ?? false,
    signal: controller.signal,
    handleInterrupt() {},
  });
  return { status, ...outcome };
}

/** An empty folder that goes away with the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "seamlock-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
