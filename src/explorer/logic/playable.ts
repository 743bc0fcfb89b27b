/** The runs of a result that can be played. */
import type { Trace } from "../../language/index.ts";
import { runLength } from "../../report/index.ts";
import { thousands } from "../../text.ts";
import type { Found } from "./runs.ts";

/** A run, and why it is worth a look. */
export interface Playable {
  /** Its name in addresses; no two of a result have the same. */
  readonly name: string;
  readonly what: string;
  /** A witness shows that something is possible; it breaks nothing. */
  readonly role: "violation" | "witness" | "sample";
  readonly trace: Trace;
}

/** Violations first, then witnesses of what shall be possible, or the first of the simulated runs. */
export function playables(found: Found): readonly Playable[] {
  return found.kind === "check" ? ofCheck(found.result) : ofSimulation(found.result);
}

function ofCheck({ violations, witnesses }: Extract<Found, { kind: "check" }>["result"]): Playable[] {
  return [
    ...violations.map(({ property, kind, shortest, trace }) => ({
      name: property,
      what: `violated (${kind}), ${runLength(trace.steps.length, trace.loop, shortest)}`,
      role: "violation" as const,
      trace,
    })),
    ...witnesses.map(({ property, trace }) => ({
      name: property,
      what: `shows that it is possible, ${steps(trace)}`,
      role: "witness" as const,
      trace,
    })),
  ];
}

function ofSimulation({ violations, trace, reproduce }: Extract<Found, { kind: "simulate" }>["result"]): Playable[] {
  const broken = violations.flatMap(({ property, trace: run, reproduce: { run: number } }) =>
    run === null
      ? []
      : [{ name: property, what: `violated in run ${number}, ${steps(run)}`, role: "violation" as const, trace: run }],
  );
  const first = { name: `run ${reproduce.run}`, what: "the first", role: "sample" as const };
  return trace === null ? broken : [...broken, { ...first, what: `${first.what}, ${steps(trace)}`, trace }];
}

function steps(trace: Trace): string {
  return `${thousands(trace.steps.length)} steps`;
}
