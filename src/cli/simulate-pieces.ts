/**
 * Runs are made in pieces of fixed size, whoever makes them, and pieces are added up in order: what comes out does not depend on how many
 * threads there are.
 */
import type { Model } from "../language/index.ts";
import { type RunOptions, type Runs, Simulator } from "../simulate/index.ts";

/** What is to be run. */
export interface RunsWanted {
  readonly model: Model;
  readonly options: RunOptions;
  readonly firstRun: number;
  readonly runs: number;
}

/** What a worker is given. The two arrays are shared by all threads. */
export interface WorkerTask extends RunsWanted {
  /** The number of the next piece; and not zero when everybody is to stop. */
  readonly common: Int32Array;
  /** By worker: steps made so far. */
  readonly made: Float64Array;
  readonly worker: number;
}

/** A piece and its number. */
export interface MadePiece extends Runs {
  readonly piece: number;
}

export const NEXT = 0;
export const STOP = 1;

/** Steps of a piece at most, unless a single run has more. */
const PIECE = 250_000;

/** The runs of a piece; all pieces but the last have as many. */
export function runsPerPiece(steps: number): number {
  return Math.max(1, Math.floor(PIECE / Math.max(1, steps)));
}

/** Is a piece short, however its runs go? */
export const isShort = (steps: number): boolean => steps <= PIECE;

/** How many pieces there are. */
export const piecesOf = ({ runs }: RunsWanted, steps: number): number => Math.ceil(runs / runsPerPiece(steps));

/** Makes one piece. Only a piece of one long run can be stopped before its end. */
export function makePiece(
  simulator: Simulator,
  wanted: RunsWanted,
  piece: number,
  stop?: (steps: number) => boolean,
): MadePiece {
  const { steps } = simulator.reproduce;
  const size = runsPerPiece(steps);
  const from = piece * size;
  const control = stop === undefined || isShort(steps) ? {} : { stop };
  return { ...simulator.runs(wanted.firstRun + from, Math.min(size, wanted.runs - from), control), piece };
}

/** Makes pieces as long as there are any that nobody has taken. */
export function makePieces({ common, made, worker, ...wanted }: WorkerTask, done: (piece: MadePiece) => void): void {
  const simulator = new Simulator(wanted.model, wanted.options);
  const pieces = piecesOf(wanted, simulator.reproduce.steps);
  let before = 0;
  const stop = (steps: number): boolean => {
    made[worker] = before + steps;
    return Atomics.load(common, STOP) !== 0;
  };
  while (Atomics.load(common, STOP) === 0) {
    const piece = Atomics.add(common, NEXT, 1);
    if (piece >= pieces) return;
    const finished = makePiece(simulator, wanted, piece, stop);
    before += finished.result.steps;
    made[worker] = before;
    done(finished);
  }
}
