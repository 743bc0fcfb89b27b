import { SeamlockError } from "../errors.ts";
import { errorText } from "./error-text.ts";
import { EXIT, type Io } from "./io.ts";
import { internalError, run } from "./program.ts";

const SIGNALS = { SIGINT: EXIT.interrupted, SIGTERM: 143 } as const;

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
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    env: process.env,
    outIsTerminal: process.stdout.isTTY === true,
    errIsTerminal: process.stderr.isTTY === true,
    signal,
    handleInterrupt,
  };
}

/** The first signal ends the process, or is passed on once if the verb can print what it has so far. */
class Interrupt {
  readonly controller = new AbortController();
  private deferred = false;

  constructor() {
    for (const [name, status] of Object.entries(SIGNALS)) {
      process.on(name, () => this.receive(status));
    }
  }

  defer(): void {
    this.deferred = true;
  }

  private receive(status: number): void {
    if (!this.deferred || this.controller.signal.aborted) process.exit(status);
    this.controller.abort();
  }
}

/** A reader that has seen enough (`| head`) is no error; a full disk is one. */
function guardStreams(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(process.exitCode ?? EXIT.done);
    die(new SeamlockError("SL0007", `cannot write to standard output: ${error.message}`, { cause: error }));
  });
  // Nobody is left to tell.
  process.stderr.on("error", () => {});
}

function die(error: unknown): never {
  process.stderr.write(errorText(error instanceof SeamlockError ? error : internalError(error, process.env), false));
  process.exit(EXIT.usage);
}
