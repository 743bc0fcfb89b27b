/** Many runs on many threads, with progress and Ctrl-C. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { SeamlockError } from "../errors.ts";
import { mergeSimulations, type SimulationResult, type Simulator } from "../simulate/index.ts";
import { thousands } from "../text.ts";
import { type Io, tellProgress } from "./io.ts";
import {
  isShort,
  type MadePiece,
  makePiece,
  NEXT,
  piecesOf,
  type RunsWanted,
  STOP,
  type WorkerTask,
} from "./simulate-pieces.ts";

/** The built worker, beside the built program; a source tree has none, and there one thread does all. */
const WORKER = new URL("./simulate-worker.js", import.meta.url);

/** So long this thread works alone; starting others and getting the model ready there takes about as long. */
const ALONE = 150;

/** What was made. */
export interface Made {
  readonly result: SimulationResult;
  /** Ctrl-C came before all runs were made; the result has those up to the first that is missing. */
  readonly interrupted: boolean;
  /** Ctrl-C came before even the first run was over: the result is that run's, up to this step. */
  readonly cutAt: number | null;
}

/** Pieces as they come in, added up in their order. */
class Sum {
  readonly #early = new Map<number, MadePiece>();
  readonly #pieces: number;
  readonly #first: boolean;
  #next = 0;
  result: SimulationResult | null = null;
  cutAt: number | null = null;
  /** All pieces that count are here. */
  complete: boolean;

  constructor(pieces: number, first: boolean) {
    this.#pieces = pieces;
    this.#first = first;
    this.complete = pieces === 0;
  }

  /** The first piece that is not here. */
  get next(): number {
    return this.#next;
  }

  add(piece: MadePiece): void {
    this.#early.set(piece.piece, piece);
    for (let next = this.#early.get(this.#next); next !== undefined; next = this.#early.get(this.#next)) {
      this.#early.delete(this.#next);
      if (this.complete || !this.#takes(next)) return;
      this.result = this.result === null ? next.result : mergeSimulations([this.result, next.result]);
      this.#next++;
      this.complete = this.#next === this.#pieces || (this.#first && this.result.violations.length > 0);
    }
  }

  /** A run that was cut off counts only when there is nothing else to show. */
  #takes({ stopped }: MadePiece): boolean {
    if (stopped === null) return true;
    if (this.#next > 0) return false;
    this.cutAt = stopped.steps;
    return true;
  }
}

/** One line that is written again and again, with the rate. */
class Progress {
  readonly #began = Date.now();
  readonly #io: Io;
  readonly #runs: number;
  #shown = 0;

  constructor(io: Io, runs: number) {
    this.#io = io;
    this.#runs = runs;
  }

  get seconds(): number {
    return (Date.now() - this.#began) / 1000;
  }

  show(runs: number, steps: number): void {
    const { seconds } = this;
    if (!this.#io.errIsTerminal || seconds < this.#shown + 1) return;
    this.#shown = seconds;
    const rate = Math.round(steps / seconds);
    const words = `${thousands(runs)} of ${thousands(this.#runs)} runs, ${thousands(steps)} steps, ${thousands(rate)} a second`;
    tellProgress(this.#io, `\r${words}\u001b[K`);
  }

  end(): void {
    if (this.#shown > 0) tellProgress(this.#io, "\r\u001b[K");
  }
}

/**
 * Makes runs. The result is the same whatever `workers` is.
 *
 * @throws SeamlockError SL5202 when a thread breaks down
 */
export async function makeRuns(simulator: Simulator, wanted: RunsWanted, workers: number, io: Io): Promise<Made> {
  io.handleInterrupt();
  const { steps } = simulator.reproduce;
  const pieces = piecesOf(wanted, steps);
  const sum = new Sum(pieces, wanted.options.first ?? false);
  const progress = new Progress(io, wanted.runs);
  const canThread = WORKER.protocol === "file:" && existsSync(fileURLToPath(WORKER));
  while (!sum.complete && !io.signal.aborted && (!canThread || (isShort(steps) && progress.seconds * 1000 < ALONE))) {
    sum.add(makePiece(simulator, wanted, sum.next));
    progress.show(sum.result?.runs ?? 0, sum.result?.steps ?? 0);
    // A signal is heard between pieces.
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (!sum.complete && !io.signal.aborted)
    await threaded(wanted, Math.min(workers, pieces - sum.next), sum, progress, io.signal);
  progress.end();
  const result = sum.result ?? simulator.runs(wanted.firstRun, 0).result;
  return {
    result: { ...result, seconds: progress.seconds },
    interrupted: !sum.complete || sum.cutAt !== null,
    cutAt: sum.cutAt,
  };
}

/** Lets threads make the pieces that are missing. */
async function threaded(
  wanted: RunsWanted,
  count: number,
  sum: Sum,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const common = new Int32Array(new SharedArrayBuffer(8));
  const made = new Float64Array(new SharedArrayBuffer(8 * count));
  common[NEXT] = sum.next;
  const before = sum.result?.steps ?? 0;
  const stop = () => Atomics.store(common, STOP, 1);
  const show = () =>
    progress.show(
      sum.result?.runs ?? 0,
      made.reduce((total, steps) => total + steps, before),
    );
  const timer = setInterval(show, 250);
  signal.addEventListener("abort", stop);
  const threads = Array.from({ length: count }, (_, worker) => {
    const workerData: WorkerTask = { ...wanted, common, made, worker };
    return new Worker(WORKER, { workerData });
  });
  try {
    await Promise.all(threads.map((thread) => finished(thread, sum, stop)));
    // Nobody has asked for less, so a thread has ended before it gave what it had taken.
    if (!sum.complete && !signal.aborted) throw brokeDown("it ended before its runs were made");
  } finally {
    clearInterval(timer);
    signal.removeEventListener("abort", stop);
    await Promise.all(threads.map((thread) => thread.terminate()));
  }
}

/** Takes a thread's pieces until it ends. */
function finished(thread: Worker, sum: Sum, stop: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    thread.on("message", (piece: MadePiece) => {
      sum.add(piece);
      if (sum.complete) stop();
    });
    thread.on("error", (cause) => {
      stop();
      reject(brokeDown(cause.message, cause));
    });
    thread.on("exit", () => resolve());
  });
}

const brokeDown = (why: string, cause?: unknown): SeamlockError =>
  new SeamlockError("SL5202", `a thread that makes runs broke down: ${why}`, {
    cause,
    hint: "give fewer with --workers, or a smaller scenario",
  });
