/** Checks and simulates models beside the page, so that the page stays quick and a run can be cancelled. */
import { type CheckResult, checkAsync } from "../../check/index.ts";
import { SeamlockError } from "../../errors.ts";
import type { Model } from "../../language/index.ts";
import { doubted, doubtsOf, parametersOf } from "../../model/index.ts";
import { assumptions, proofSentences, standings, subject } from "../../report/index.ts";
import type { SimulationResult } from "../../simulate/index.ts";
import { endsOf, interleavingModel } from "../logic/interleaving.ts";
import type { CheckJob, Found, Job, JobProgress, PairJob, Proof, Reply, Request, SimulateJob } from "../logic/runs.ts";
import { scenarioModel } from "../logic/scenario-model.ts";
import { type SimulationProgress, simulateInPieces } from "../logic/simulation.ts";

/** A page may be left open; a check that outgrows this stops as inconclusive. */
const MEMORY = 1024 * 1024 * 1024;
const EVERY = 150;

let running: AbortController | null = null;

/** Starts a job, or ends the one that runs. */
export function takeRequest(request: Request): void {
  running?.abort();
  if (request.kind === "cancel") return;
  running = new AbortController();
  run(request.job, running.signal).then(reply, (error: unknown) => reply(failure(error)));
}

function reply(message: Reply): void {
  self.postMessage(message);
}

function failure(error: unknown): Reply {
  if (error instanceof SeamlockError) {
    return { kind: "failed", code: error.code, message: error.message, hint: error.hint };
  }
  return { kind: "failed", code: null, message: error instanceof Error ? error.message : String(error), hint: null };
}

async function run(job: Job, signal: AbortSignal): Promise<Reply> {
  return { kind: "done", found: await foundBy(job, signal) };
}

async function foundBy(job: Job, signal: AbortSignal): Promise<Found> {
  switch (job.kind) {
    case "check":
      return judge(job, signal);
    case "simulate":
      return { kind: "simulate", choice: job.choice, result: await sample(job, signal) };
    case "pair":
      return meet(job, signal);
  }
}

/** Explores a scenario, and says what that proves; on facts with a hole nothing "holds". */
async function judge(job: CheckJob, signal: AbortSignal): Promise<Found> {
  const { scenario, model } = scenarioModel(job);
  const doubts = doubtsOf(scenario, job.catalog, job.host);
  const found = await decide(model, signal);
  const result = { ...found, outcome: doubted(found.outcome, doubts) };
  const module = job.catalog.module.version;
  const decided = { scenario, model, parameters: { ...parametersOf(scenario), module }, doubts };
  const proof: Proof = {
    subject: subject(decided),
    sentences: proofSentences(decided, result, result.outcome.kind === "holds"),
    properties: standings(decided, result),
    assumptions: assumptions(decided),
    parameters: decided.parameters,
    doubts,
  };
  return { kind: "check", note: null, result, proof };
}

/** First as calls of one TD on the same objects, then, where that never meets, with nothing else in common. */
async function meet({ pair, leaves }: PairJob, signal: AbortSignal): Promise<Found> {
  const ends = endsOf(leaves, pair);
  if (ends === null) throw new SeamlockError("SL6002", "the module does not have the two calls of this pair");
  const same = await decide(interleavingModel(pair, ends, "same-objects"), signal);
  if (same.trace !== null || signal.aborted) return { kind: "check", result: same, note: null, proof: null };
  const apart = await decide(interleavingModel(pair, ends, "this-lock-only"), signal);
  const note = "The two calls name different objects, but for the one lock at which they meet.";
  return { kind: "check", result: apart, note: apart.trace === null ? null : note, proof: null };
}

function decide(model: Model, signal: AbortSignal): Promise<CheckResult> {
  const tell = seldom();
  return checkAsync(model, {
    signal,
    memory: MEMORY,
    onProgress: (progress) => tell({ kind: "check", progress }),
  });
}

async function sample(job: SimulateJob, signal: AbortSignal): Promise<SimulationResult> {
  const tell = seldom();
  const { model } = scenarioModel(job);
  const onProgress = (progress: SimulationProgress): void => tell({ kind: "simulate", progress });
  return simulateInPieces(model, job.choice, { signal, onProgress });
}

/** Tells the page how far a job is, a few times a second. */
function seldom(): (progress: JobProgress) => void {
  let told = 0;
  return (progress) => {
    const now = performance.now();
    if (now - told < EVERY) return;
    told = now;
    reply({ kind: "progress", progress });
  };
}
