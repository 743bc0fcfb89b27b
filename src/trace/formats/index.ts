/** The forms that recordings come in. */
import { ENTER } from "../wrappers.ts";
import { bpftrace } from "./bpftrace.ts";
import { eventText } from "./event-text.ts";
import { functionGraph } from "./function-graph.ts";
import type { Format } from "./input.ts";
import { ndjson } from "./ndjson.ts";

export const FORMAT_NAMES = ["bpftrace", "function-graph", "ftrace", "perf", "ndjson"] as const;
export type FormatName = (typeof FORMAT_NAMES)[number];

export function formatNamed(name: FormatName): Format {
  switch (name) {
    case "ndjson":
      return ndjson(ENTER.leaf);
    case "bpftrace":
      return bpftrace(ENTER.leaf);
    case "function-graph":
      return functionGraph();
    case "ftrace":
    case "perf":
      return eventText(name);
  }
}

/** The form of a recording's first lines; null when it is none. */
export function detect(lines: readonly string[]): Format | null {
  const first = lines.find((line) => line.trim() !== "" && !line.startsWith("#")) ?? "";
  if (/^\{.*("recording"|"call"|"enter"|"exit")/.test(first)) return formatNamed("ndjson");
  if (lines.some((line) => /^(b 1 \d+|[cex] \d+ \d+ \d+ \d+ )/.test(line))) return formatNamed("bpftrace");
  if (lines.some((line) => /^#.*FUNCTION CALLS$|^[\s\d.|]*\d+\)\s.*\|.*(tdh_\w+\(|\/\* kvm_e)/.test(line))) {
    return formatNamed("function-graph");
  }
  if (lines.some((line) => /-\d+\s+(\([ \d-]+\)\s+)?\[\d+\]\s.*\d+\.\d+:\s/.test(line))) return formatNamed("ftrace");
  if (lines.some((line) => /[\s/]\d+\s+\[\d+\]\s+\d+\.\d+:\s/.test(line))) return formatNamed("perf");
  if (lines.some((line) => /^# tracer: |^cpus=\d+$/.test(line))) return formatNamed("ftrace");
  return null;
}
