/**
 * Our own form: a JSON object a line, for writers that are none of the known tools.
 *
 * `{"recording":"seamlock@1","began":0,"leaves":[…]}` first, then `call`, `enter`, `exit`, `lost`, and `ended` at the end. Numbers that
 * can be large are hexadecimal text. docs/recordings.md has the whole of it.
 */
import { NOTHING, type Operands } from "../call.ts";
import type { Format, Input } from "./input.ts";

interface Line {
  readonly recording?: unknown;
  readonly began?: unknown;
  readonly ended?: unknown;
  readonly kernel?: unknown;
  readonly clock?: unknown;
  readonly leaves?: unknown;
  readonly call?: unknown;
  readonly enter?: unknown;
  readonly exit?: unknown;
  readonly lost?: unknown;
  readonly cpu?: unknown;
  readonly tid?: unknown;
  readonly at?: unknown;
  readonly status?: unknown;
  readonly td?: unknown;
  readonly vp?: unknown;
  readonly gpa?: unknown;
  readonly level?: unknown;
  readonly page?: unknown;
}

const OPENS = 123;

export function ndjson(enterLeaf: string): Format {
  return {
    name: "ndjson",
    resolution: 0,
    line(cursor, input) {
      const { line } = cursor;
      if (line.charCodeAt(0) !== OPENS)
        return line.trim() === "" || line.startsWith("#") ? false : bad(input, "no JSON object", line);
      let value: Line;
      try {
        value = JSON.parse(line) as Line;
      } catch {
        return bad(input, "no JSON", line);
      }
      if (value.call !== undefined || value.enter !== undefined || value.exit !== undefined) {
        return (
          event(value, input, enterLeaf) || bad(input, "an event whose fields are missing or of the wrong kind", line)
        );
      }
      if (value.lost !== undefined) {
        const count = natural(value.lost);
        if (count === null) return bad(input, "`lost` is no number", line);
        input.assembler.loss(natural(value.cpu), count);
        return true;
      }
      return about(value, input);
    },
  };
}

function bad(input: Input, reason: string, line: string): true {
  input.unread(reason, line);
  return true;
}

function event(value: Line, input: Input, enterLeaf: string): boolean {
  const cpu = natural(value.cpu);
  if (cpu === null) return false;
  const tid = natural(value.tid) ?? -1;
  const operands = operandsOf(value, input);
  const status = typeof value.status === "string" ? input.statuses.of(value.status) : null;
  if (typeof value.call === "string") {
    const at = value.at;
    if (!Array.isArray(at)) return false;
    const begin: unknown = at[0];
    const end: unknown = at[1];
    if (!isTime(begin) || !isTime(end) || end < begin) return false;
    input.assembler.call(end, cpu, tid, input.names.of(value.call), begin, operands, status);
    return true;
  }
  if (!isTime(value.at)) return false;
  if (value.enter !== undefined) input.assembler.begin(value.at, cpu, tid, enterLeaf, operands);
  else input.assembler.end(value.at, cpu, tid, enterLeaf, status, null, operands);
  return true;
}

function operandsOf({ td, vp, gpa, level, page }: Line, input: Input): Operands {
  if (td === undefined && vp === undefined && gpa === undefined && page === undefined) return NOTHING;
  return { td: keyOf(td, input), vp: keyOf(vp, input), gpa: hex(gpa), level: natural(level), page: hex(page) };
}

const keyOf = (one: unknown, { names }: Input): string | null =>
  typeof one === "string" && one.length <= 32 ? names.of(one) : null;

const hex = (one: unknown): number | null =>
  typeof one === "string" && one.length <= 15 && /^0x[0-9a-f]+$/i.test(one) ? Number(one) : null;

function about({ began, ended, kernel, clock, leaves, recording }: Line, input: Input): boolean {
  if (recording === undefined && ended === undefined) return false;
  input.heard({
    ...(isTime(began) && { began }),
    ...(isTime(ended) && { ended }),
    ...(typeof kernel === "string" && { kernel: input.names.of(kernel.slice(0, 64)) }),
    ...(typeof clock === "string" && { clock: input.names.of(clock.slice(0, 64)) }),
    ...(Array.isArray(leaves) && { leaves: leaves.filter((leaf) => typeof leaf === "string") }),
  });
  return true;
}

function natural(value: unknown): number | null {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : null;
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}
