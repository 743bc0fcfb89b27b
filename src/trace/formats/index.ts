/** The forms that recordings come in. */
import { ENTER } from "../wrappers.ts";
import { bpftrace } from "./bpftrace.ts";
import type { Format } from "./input.ts";
import { ndjson } from "./ndjson.ts";

export const FORMAT_NAMES = ["ndjson", "bpftrace"] as const;
export type FormatName = (typeof FORMAT_NAMES)[number];

export function formatNamed(name: FormatName): Format {
  switch (name) {
    case "ndjson":
      return ndjson(ENTER.leaf);
    case "bpftrace":
      return bpftrace(ENTER.leaf);
  }
}

/** The form of a recording's first lines; null when it is none. */
export function detect(lines: readonly string[]): Format | null {
  const first = lines.find((line) => line.trim() !== "") ?? "";
  if (/^\{.*("recording"|"call"|"enter"|"exit")/.test(first)) return formatNamed("ndjson");
  if (lines.some((line) => /^(b 1 \d+|[cex] \d+ \d+ \d+ \d+ )/.test(line))) return formatNamed("bpftrace");
  return null;
}
