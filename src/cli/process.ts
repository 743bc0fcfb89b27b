import { spawnSync } from "node:child_process";
import { fstatSync, writeFileSync } from "node:fs";
import { SeamlockError } from "../errors.ts";
import { errorText } from "./error-text.ts";
import { EXIT, type Io, SIGNALS } from "./io.ts";
import { internalError, run } from "./program.ts";

/** Runs the command line as this process: streams, signals and the exit status. */
export async function runProcess(argv: readonly string[]): Promise<void> {
  const interrupt = new Interrupt();
  guardStreams();
  process.on("uncaughtException", (error) => die(error));
  process.exitCode = await run(
    argv,
    processIo(interrupt.controller.signal, () => interrupt.defer()),
  );
}

function processIo(signal: AbortSignal, handleInterrupt: () => void): Io {
  return {
    out: written,
    page: paged,
    err: (text) => void process.stderr.write(text),
    env: process.env,
    outIsTerminal: process.stdout.isTTY === true,
    errIsTerminal: process.stderr.isTTY === true,
    signal,
    handleInterrupt,
  };
}

/**
 * To standard output, whole or with an error. Of a file Node.js's stream writes what one system call takes and reports no error where a
 * disk (or a quota) has room for a part.
 */
function written(text: string): void {
  if (!outIsFile()) return void process.stdout.write(text);
  try {
    writeFileSync(process.stdout.fd, text);
  } catch (error) {
    unwritable(error as Error);
  }
}

function outIsFile(): boolean {
  try {
    return fstatSync(process.stdout.fd).isFile();
  } catch {
    // Closed: the stream says so.
    return false;
  }
}

/** What is longer than the screen goes through $PAGER, or less, as in git; whoever pipes or redirects gets the text itself. */
function paged(text: string): void {
  const rows = process.stdout.rows ?? Number.POSITIVE_INFINITY;
  const pager = process.env["SEAMLOCK_PAGER"] ?? process.env["PAGER"] ?? "less";
  const wanted = process.stdout.isTTY === true && process.stdin.isTTY === true && pager !== "" && pager !== "cat";
  if (!wanted || text.split("\n").length <= rows) return written(text);
  // Quits when all fits, keeps colours, leaves the text on the screen.
  const env = { LESS: "FRX", LV: "-c", ...process.env };
  const { error, status } = spawnSync(pager, { shell: true, input: text, stdio: ["pipe", "inherit", "inherit"], env });
  // A shell says 127 when it does not find the program.
  if (error !== undefined || status === 127) written(text);
}

/**
 * Ctrl-C, SIGTERM and SIGHUP. Node.js gives a signal to a handler only between two pieces of work, and one piece can take seconds; so there is a
 * handler only from the moment a verb says that it looks at {@link controller} and prints what it has. Until then a signal ends the process
 * at once, as it does any program.
 */
class Interrupt {
  readonly controller = new AbortController();
  private deferred = false;
  private listening = false;

  constructor() {
    // The first process of a container gets no signal that it does not handle.
    if (process.pid === 1) this.listen();
  }

  defer(): void {
    this.deferred = true;
    this.listen();
  }

  private listen(): void {
    if (this.listening) return;
    this.listening = true;
    for (const [name, status] of Object.entries(SIGNALS)) process.on(name, () => this.receive(status));
  }

  /** The first signal asks for what there is; another one, while that is made, ends the process at once, as without a handler. */
  private receive(status: number): void {
    if (!this.deferred || this.controller.signal.aborted) process.exit(status);
    this.controller.abort();
    if (process.pid !== 1) for (const name of Object.keys(SIGNALS)) process.removeAllListeners(name);
  }
}

/** A reader that has seen enough (`| head`) is no error; a full disk is one. */
function guardStreams(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(process.exitCode ?? EXIT.done);
    unwritable(error);
  });
  // Nobody is left to tell.
  process.stderr.on("error", () => {});
}

function unwritable(error: Error): never {
  die(new SeamlockError("SL0007", `cannot write to standard output: ${error.message}`, { cause: error }));
}

function die(error: unknown): never {
  process.stderr.write(errorText(error instanceof SeamlockError ? error : internalError(error, process.env), false));
  process.exit(EXIT.usage);
}
