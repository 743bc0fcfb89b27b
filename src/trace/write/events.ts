/** What all forms have in common: the events of runs in the order of their time, and which of them are lost. */
import type { Call } from "../call.ts";
import { ENTER } from "../wrappers.ts";
import type { HostRun } from "./host.ts";
import type { WriteOptions } from "./index.ts";

/** One line of a recording. */
export interface Event {
  readonly kind: "call" | "begin" | "end";
  readonly time: number;
  readonly call: Call;
}

/** A form that prints a call when it ends has one event of it, but two of a guest's run; one that prints both ends has two of each. */
export function eventsOf(runs: readonly HostRun[], wholeCalls: boolean): Event[] {
  const events = runs.flatMap(({ calls }) =>
    calls.flatMap((call): Event[] =>
      wholeCalls && call.leaf !== ENTER.leaf
        ? [{ kind: "call", time: call.end, call }]
        : [
            { kind: "begin", time: call.begin, call },
            { kind: "end", time: call.end, call },
          ],
    ),
  );
  return events.sort((a, b) => a.time - b.time);
}

/** Loses some of the events; `lost` is told before a CPU's next event, or at the end, how many of that CPU are missing. */
export class Loser {
  readonly #options: WriteOptions;
  readonly #missing = new Map<number, number>();
  /** How many events of a call are lost. */
  readonly #calls = new Map<Call, number>();

  constructor(options: WriteOptions) {
    this.#options = options;
  }

  loses({ call }: Event): boolean {
    const { losePercent, below } = this.#options;
    if (losePercent === 0 || below(100) >= losePercent) return false;
    this.#missing.set(call.cpu, (this.#missing.get(call.cpu) ?? 0) + 1);
    this.#calls.set(call, (this.#calls.get(call) ?? 0) + 1);
    return true;
  }

  /** How many events of the CPU were lost since it was asked last. */
  before(cpu: number): number {
    const missing = this.#missing.get(cpu) ?? 0;
    this.#missing.delete(cpu);
    return missing;
  }

  /** What is lost after the last event of its CPU. */
  rest(): readonly (readonly [cpu: number, count: number])[] {
    return [...this.#missing];
  }

  /** Is there anything of a call? Of one that has a single event, not if that is lost. */
  any(call: Call): boolean {
    return (this.#calls.get(call) ?? 0) < (call.leaf === ENTER.leaf ? 2 : 1);
  }

  /** Calls of which nothing was lost. */
  whole(runs: readonly HostRun[]): Set<Call> {
    return new Set(runs.flatMap(({ calls }) => calls.filter((call) => !this.#calls.has(call))));
  }
}
