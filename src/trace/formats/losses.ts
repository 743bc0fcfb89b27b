/** What tells that events are missing: the kernel, trace-cmd and perf each have a way of saying it. */
import { bytesOf } from "../bytes.ts";
import { type Cursor, Needle } from "./cursor.ts";
import type { Input } from "./input.ts";

const HASH = 35;
const C = 67;
const CPU = bytesOf("CPU:");
const LOST = /^CPU:(\d+) \[(?:LOST )?(\d+)? ?EVENTS(?: DROPPED)?\]/;
const ENTRIES = /^# entries-in-buffer\/entries-written: (\d+)\/(\d+)/;
const STARTED = /^#+ CPU (\d+) buffer started #+/;
const PERF_LOST = /PERF_RECORD_LOST(?:_SAMPLES)?\b\D*(\d+)/;

/** Reads lines of that kind; one is made for each recording. */
export class Losses {
  readonly #perf = new Needle("PERF_RECORD_LOST");

  /** False: the line says nothing of it, or nothing of when. */
  read(line: Cursor, input: Input): boolean {
    const first = line.code(line.from);
    if (first === HASH) return ofRing(line.line, input);
    if (first === C && line.has(CPU, line.from)) {
      const [all, cpu, count] = LOST.exec(line.line) ?? [];
      if (all !== undefined) {
        input.assembler.loss(Number(cpu), Number(count ?? 1));
        return true;
      }
    }
    return this.#perf.in(line) && ofPerf(line.line, input);
  }
}

function ofRing(line: string, input: Input): boolean {
  const [, kept, written] = ENTRIES.exec(line) ?? [];
  const overwritten = Number(written ?? 0) - Number(kept ?? 0);
  if (overwritten > 0) input.heard({ overwritten });
  const started = STARTED.exec(line);
  if (started === null) return false;
  input.assembler.unheard(Number(started[1]));
  return true;
}

function ofPerf(line: string, input: Input): boolean {
  const lost = PERF_LOST.exec(line);
  if (lost === null) return false;
  const cpu = /\[(\d+)\]/.exec(line)?.[1];
  input.assembler.loss(cpu === undefined ? null : Number(cpu), Number(lost[1]));
  return true;
}
