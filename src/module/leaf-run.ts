/** One run of a leaf's handler: an immutable result that the leaf's rows are read off. */

import {
  type AbstractState,
  type FunctionInfo,
  type Trouble as MachineTrouble,
  runFunction,
  type Value,
  type ValueNames,
} from "../c/index.ts";
import type { Side } from "../catalog/index.ts";
import type { AcquireEvent, BusyFact, Failure, LockEvent, TypeFact } from "./events.ts";
import { InputDomain } from "./input-domain.ts";
import type { Knowledge } from "./knowledge.ts";
import { LockDomain, type LockTrouble } from "./lock-domain.ts";
import { PageDomain } from "./page-domain.ts";
import { StatusDomain } from "./status-domain.ts";

/** Something that the analysis could not do; becomes a diagnostic. */
export type Trouble = MachineTrouble | LockTrouble;

/** How one path through a leaf ends, and what happened on it. */
export interface LeafFinal {
  readonly kind: "return" | "td-entry" | "td-exit";
  readonly value: Value | null;
  /** Of a path that leaves the TD by itself: the status of the TD exit, and the one that goes with it; null where not known. */
  readonly exit: { readonly status: bigint; readonly detail: bigint } | null;
  readonly state: AbstractState;
  readonly events: readonly LockEvent[];
  /** Locks that it walks past. */
  readonly skipped: readonly AcquireEvent[];
  /** The acquisition that failed on it. */
  readonly failure: Failure | null;
  readonly types: readonly TypeFact[];
  readonly busy: readonly BusyFact[];
}

export interface LeafRun {
  readonly finals: readonly LeafFinal[];
  readonly names: ValueNames;
  /** Keys of the tests that the leaf's own functions make. */
  readonly ownTests: ReadonlySet<string>;
  readonly troubles: readonly Trouble[];
  /** Call sites of primitives that were reached, as `file:line`. */
  readonly visited: ReadonlySet<string>;
  /** Steps that it took, of those that `LIMITS.leafSteps` bounds. */
  readonly steps: number;
}

/** What a run is for. */
export interface LeafInput {
  readonly side: Side;
  /** What the dispatcher passes; a missing one is unknown, named after the parameter. */
  readonly args: readonly (Value | null)[];
  /** The leaf's version in RAX, when the run is for one. */
  readonly version: number | null;
}

/** Runs a function as a leaf's handler. */
export function runLeaf(knowledge: Knowledge, handler: FunctionInfo, { side, args, version }: LeafInput): LeafRun {
  const locks = new LockDomain(knowledge, side);
  const statuses = new StatusDomain(knowledge, locks);
  const pages = new PageDomain(knowledge);
  const inputs = new InputDomain(knowledge, version);
  const run = runFunction(knowledge.settings, [locks, statuses, pages, inputs], handler, args);
  return {
    finals: run.finals.map(({ kind, value, told, state }): LeafFinal => {
      const exit = exitOf(told, knowledge);
      const { events, skipped, failure } = locks.of(state);
      const [types, busy] = [pages.of(state), statuses.of(state)];
      return { kind: kind as LeafFinal["kind"], value, exit, state, events, skipped, failure, types, busy };
    }),
    names: run.names,
    ownTests: run.ownTests,
    troubles: [...run.troubles, ...locks.troubles],
    visited: locks.visited,
    steps: run.steps,
  };
}

/** The statuses in the call that a path leaves the TD in. */
function exitOf(
  told: { readonly call: string; readonly args: readonly Value[] } | null,
  { rules }: Knowledge,
): LeafFinal["exit"] {
  const rule = told === null ? undefined : rules.exitStatuses[told.call];
  if (told === null || rule === undefined) return null;
  const [status, detail] = [told.args[rule.status], told.args[rule.detail]];
  return status?.t === "num" && detail?.t === "num" ? { status: status.v, detail: detail.v } : null;
}
