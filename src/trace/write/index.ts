/** Recordings of hosts that never were: the runs of a model, written as a tool would have printed them, and beside it who held what. */
import type { Catalog } from "../../catalog/index.ts";
import { SeamlockError } from "../../errors.ts";
import { type Call, SUCCESS } from "../call.ts";
import type { Culprits } from "../document.ts";
import { callFacts } from "../tally.ts";
import { CALLED_LEAVES, NEWEST_RELEASE } from "../wrappers.ts";
import { writeBpftrace } from "./bpftrace.ts";
import type { HostRun, KnownBusy } from "./host.ts";
import { writeFunctionGraph, writePerf } from "./kernel-text.ts";
import { writeNdjson } from "./ndjson.ts";

export { type HostRun, hostRun, type TimedRun } from "./host.ts";

export const RECORD_FORMATS = ["bpftrace", "function-graph", "perf", "ndjson"] as const;
export type RecordFormat = (typeof RECORD_FORMATS)[number];

export interface WriteOptions {
  readonly format: RecordFormat;
  /** Every so many lines one is lost; 0: none. Which ones is told by {@link WriteOptions.below}. */
  readonly losePercent: number;
  /** Random numbers from 0 to n-1. */
  readonly below: (n: number) => number;
  readonly began: number;
  readonly ended: number;
}

/** A recording as text, and the calls that are in it as a whole with their status: others were lost, or the form does not show that. */
export interface Written {
  readonly text: string;
  /** Does the recording show the call at all? */
  readonly seen: (call: Call) => boolean;
  readonly shown: ReadonlySet<Call>;
}

/** @throws SeamlockError SL7004 when the form shows none of the calls */
export function writeRecording(runs: readonly HostRun[], options: WriteOptions): Written {
  checkShown(runs, options.format);
  switch (options.format) {
    case "ndjson":
      return writeNdjson(runs, options);
    case "bpftrace":
      return writeBpftrace(runs, options);
    case "function-graph":
      return writeFunctionGraph(runs, options);
    case "perf":
      return writePerf(runs, options);
  }
}

/** NDJSON can be written by anybody; the tools see what functions of the kernel make: of those that take part in a BUSY none may be missing. */
function checkShown(runs: readonly HostRun[], format: RecordFormat): void {
  if (format === "ndjson") return;
  const taking = runs.flatMap(({ busy }) =>
    busy.flatMap(({ call, culprits }) => [
      call.leaf,
      ...culprits.map(({ kind, call: its }) => (kind === "call" ? its.leaf : call.leaf)),
    ]),
  );
  const all = runs.flatMap(({ calls }) => calls.map(({ leaf }) => leaf));
  const missing = new Set(taking.filter((leaf) => !CALLED_LEAVES.has(leaf)));
  if (missing.size === 0 && (all.length === 0 || all.some((leaf) => CALLED_LEAVES.has(leaf)))) return;
  const names = [...(missing.size > 0 ? missing : new Set(all))].sort().join(", ");
  throw new SeamlockError(
    "SL7004",
    `Linux ${NEWEST_RELEASE} and older make no call of ${names}: no tool would record one`,
    {
      hint: "--record ndjson has them all the same",
    },
  );
}

/** Who really held what was busy, of every BUSY that the host saw. */
export function culpritsOf(
  runs: readonly HostRun[],
  written: Written,
  format: RecordFormat,
  catalog: Catalog,
): Culprits {
  return {
    schema: "seamlock/culprits@1",
    module: catalog.module.version,
    format,
    busy: runs
      .flatMap(({ busy }) => busy)
      .map((known: KnownBusy) => ({
        call: callFacts(known.call),
        resource: known.resource,
        recorded: written.shown.has(known.call) && known.call.status !== SUCCESS,
        culprits: known.culprits.map(({ kind, leaf, mode, call }) => ({
          kind,
          leaf,
          mode,
          call: callFacts(call),
          recorded: written.seen(call),
        })),
      })),
  };
}
