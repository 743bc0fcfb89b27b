/**
 * The kernel's function_graph as tracefs renders it (kernel/trace/trace_functions_graph.c), under its options: the time has to be there
 * (funcgraph-abstime), task, flags, overhead and return address may be.
 *
 *      12345.678901 |   3)   qemu-1234   |   1.234 us    |  tdh_mem_track(td=0xffff…); /* ret=0x8000020000000092 *\/
 *      12345.678901 |   3)   qemu-1234   |               |  tdh_mem_track(td=0xffff…) {
 *      12345.678902 |   3)   qemu-1234   |   1.234 us    |  } /* tdh_mem_track ret=0x0 *\/
 *      12345.678903 |   3)   qemu-1234   |               |  /* kvm_entry: vcpu 0, rip 0x… *\/
 */
import type { At } from "../assemble.ts";
import { WRAPPERS } from "../wrappers.ts";
import { operandsIn } from "./arguments.ts";
import { lossOf, runOf } from "./event-text.ts";
import type { Format, Input } from "./input.ts";

const PROLOGUE = /^\s*(\d+)\.(\d{6}) \|\s+(\d+)\)\s+(?:[^|]*?-(\d+)\s*\|)?/;
const DURATION = /(\d+)(?:\.(\d{1,3}))? us/;
const CALL = /^(tdh_\w+)\(([^)]*)\)(;| \{)(?:.*\bret=(0x[0-9a-f]+|-?\d+))?/;
const END = /^\} \/\* (tdh_\w+)(?:.*\bret=(0x[0-9a-f]+|-?\d+))?/;
const COMMENT = /^\/\* (\w+): (.*)\*\/$/;

export function functionGraph(): Format {
  return {
    name: "function-graph",
    resolution: 1000,
    line(line, input) {
      if (!line.includes("tdh_") && !line.includes("kvm_e") && !line.includes("seamlock:")) return lossOf(line, input);
      const prologue = PROLOGUE.exec(line);
      if (prologue === null) {
        if (line.startsWith("#")) return false;
        input.unread("it has no time: record with funcgraph-abstime and funcgraph-cpu", line);
        return true;
      }
      const [all, seconds = "", fraction = "", cpu = "", tid] = prologue;
      const at: At = {
        time: Number(seconds) * 1e9 + Number(fraction) * 1000,
        cpu: Number(cpu),
        tid: tid === undefined ? -1 : Number(tid),
      };
      const bar = line.lastIndexOf("|");
      const body = line.slice(bar + 1).trim();
      return read(body, line.slice(all.length, bar), at, input) || lossOf(line, input);
    },
  };
}

function read(body: string, columns: string, at: At, input: Input): boolean {
  const call = CALL.exec(body);
  if (call !== null) {
    const [, name = "", given = "", end, result] = call;
    const wrapper = WRAPPERS.get(name);
    if (wrapper === undefined) return false;
    const operands = operandsIn(given, input);
    if (end !== ";") {
      input.assembler.begin(at, wrapper.leaf, operands);
      return true;
    }
    const lasted = durationIn(columns);
    if (lasted === null) {
      input.unread("it has no duration: record with funcgraph-duration", body);
      return true;
    }
    const done = { ...at, time: at.time + lasted };
    input.assembler.call(done, wrapper.leaf, at.time, operands, statusOf(result, input));
    return true;
  }
  const end = END.exec(body);
  if (end !== null) {
    const [, name = "", result] = end;
    const wrapper = WRAPPERS.get(name);
    const lasted = durationIn(columns);
    if (wrapper === undefined) return false;
    input.assembler.end(at, wrapper.leaf, statusOf(result, input), lasted === null ? null : at.time - lasted);
    return true;
  }
  const comment = COMMENT.exec(body);
  return comment !== null && runOf(comment[1] ?? "", comment[2] ?? "", at, input);
}

/** Nanoseconds. */
function durationIn(columns: string): number | null {
  const [, us, ns = ""] = DURATION.exec(columns) ?? [];
  return us === undefined ? null : Number(us) * 1000 + Number(ns.padEnd(3, "0"));
}

/** Only zero and errors of the kernel's own are printed in decimal. */
function statusOf(result: string | undefined, input: Input): string | null {
  if (result === undefined) return null;
  return result.startsWith("0x") || result === "0" ? input.statuses.of(result) : null;
}
