/**
 * Events as text, one a line: what `trace-cmd report`, tracefs' `trace` (kernel/trace/trace_output.c, trace_print_context) and `perf script` print.
 *
 *     qemu-1234  [003] d..2. 12345.678901: tdh_mem_track: (tdh_mem_track+0x0/0x60) td=0xffff…
 *     qemu  1234 [003] 12345.678901234: seamlock:tdh_mem_track__return: (ffffffff… <- ffffffff…) status=0x8000020000000092
 *     qemu-1234  [003] d..2. 12345.678901: kvm_entry: vcpu 0, rip 0x…
 */
import type { At } from "../assemble.ts";
import { ENTER, WRAPPERS } from "../wrappers.ts";
import { operandsIn } from "./arguments.ts";
import type { Format, Input } from "./input.ts";

/** From the CPU to the event's name: flags that some options print, the time, and the group of the event that perf prints. */
const CONTEXT = /\[(\d{1,5})\]\s+(?:[^\s:]{4,8}\s+)?(\d+)\.(\d{6,9}):\s+(?:\d+\s+)?(?:[\w.]+:)?(\w+):?\s*/g;
const TASK = /(\d+)\s+(?:\(\s*[\d-]+\)\s+)?$/;
const STATUS = /\b(?:status|ret|retval|arg1)=(0x[0-9a-f]+)/;
const RETURNS = ["__return", "__exit", "_ret"];

export function eventText(name: "ftrace" | "perf"): Format {
  let resolution = 1000;
  return {
    name,
    get resolution() {
      return resolution;
    },
    line(line, input) {
      const ours = line.includes("tdh_") || line.includes("kvm_e") || line.includes("seamlock:");
      if (!ours) return lossOf(line, input);
      CONTEXT.lastIndex = 0;
      const context = CONTEXT.exec(line);
      if (context === null) {
        // A header names the probes, a stack the functions.
        if (line.startsWith("#") || !/^\s*\S+\s+\d+\s+\[/.test(line)) return false;
        input.unread("no CPU, time and event", line);
        return true;
      }
      const [, cpu = "", seconds = "", fraction = "", event = ""] = context;
      if (fraction.length === 9) resolution = 1;
      const tid = TASK.exec(line.slice(Math.max(0, context.index - 40), context.index));
      const at: At = {
        time: Number(seconds) * 1e9 + Number(fraction.padEnd(9, "0")),
        cpu: Number(cpu),
        tid: tid === null ? -1 : Number(tid[1]),
      };
      return eventOf(event, line.slice(CONTEXT.lastIndex), at, input) || lossOf(line, input);
    },
  };
}

function eventOf(event: string, body: string, at: At, input: Input): boolean {
  const wrapper = WRAPPERS.get(event);
  if (wrapper !== undefined) {
    input.assembler.begin(at, wrapper.leaf, operandsIn(body, input));
    return true;
  }
  const suffix = RETURNS.find((end) => event.endsWith(end));
  const returning = suffix === undefined ? undefined : WRAPPERS.get(event.slice(0, -suffix.length));
  if (returning !== undefined) {
    const status = STATUS.exec(body)?.[1];
    input.assembler.end(at, returning.leaf, status === undefined ? null : input.statuses.of(status));
    return true;
  }
  return runOf(event, body, at, input);
}

/** A vCPU goes to its guest or comes back; or a mark of the recording commands. */
export function runOf(event: string, body: string, at: At, input: Input): boolean {
  if (event === "kvm_entry") input.assembler.begin(at, ENTER.leaf, operandsIn("", input));
  else if (event === "kvm_exit") input.assembler.end(at, ENTER.leaf, null);
  else if (event === "seamlock" || event === "tracing_mark_write") {
    if (body.includes("begin")) input.heard({ began: at.time });
    else if (body.includes("end")) input.heard({ ended: at.time });
    else return false;
  } else return false;
  return true;
}

const LOST = /^CPU:(\d+) \[(?:LOST )?(\d+)? ?EVENTS(?: DROPPED)?\]/;
const ENTRIES = /^# entries-in-buffer\/entries-written: (\d+)\/(\d+)/;
const STARTED = /^#+ CPU (\d+) buffer started #+/;
const PERF_LOST = /PERF_RECORD_LOST(?:_SAMPLES)?\b\D*(\d+)/;

/** What tells that events are missing: the kernel, trace-cmd and perf each have a way of saying it. False: the line says nothing of it. */
export function lossOf(line: string, input: Input): boolean {
  const [, kept, written] = line.startsWith("# entries") ? (ENTRIES.exec(line) ?? []) : [];
  if (kept !== undefined && written !== undefined) {
    if (Number(written) > Number(kept)) input.heard({ overwritten: Number(written) - Number(kept) });
    return false;
  }
  const lost = LOST.exec(line);
  if (lost !== null) {
    input.assembler.loss(Number(lost[1]), Number(lost[2] ?? 1));
    return true;
  }
  const started = STARTED.exec(line);
  if (started !== null) {
    input.assembler.unheard(Number(started[1]));
    return true;
  }
  const perf = PERF_LOST.exec(line);
  if (perf === null) return false;
  const cpu = /\[(\d+)\]/.exec(line)?.[1];
  input.assembler.loss(cpu === undefined ? null : Number(cpu), Number(perf[1]));
  return true;
}
