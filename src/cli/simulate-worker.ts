/** A thread that makes runs: takes pieces from the common counter until there are no more, or until it is told to stop. */
import { parentPort, workerData } from "node:worker_threads";
import { type MadePiece, makePieces, type WorkerTask } from "./simulate-pieces.ts";

makePieces(workerData as WorkerTask, (piece: MadePiece) => parentPort?.postMessage(piece));
