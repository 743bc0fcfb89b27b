/**
 * Our own form: a JSON object a line, for writers that are none of the known tools.
 *
 * `{"recording":"seamlock@1","began":0,"leaves":[…]}` first, then `call`, `enter`, `exit`, `lost`, and `ended` at the end. Numbers that
 * can be large are hexadecimal text. docs/recordings.md has the whole of it.
 */
import { bytesOf } from "../bytes.ts";
import { NOTHING, type Operands } from "../call.ts";
import { WHILE } from "../gaps.ts";
import { Cursor, hexDigit, LARGEST } from "./cursor.ts";
import { FlatObject } from "./flat-object.ts";
import type { Format, Input } from "./input.ts";

/** What an event can have; the numbers are their places among the names. */
const FIELDS = ["call", "enter", "exit", "lost", "cpu", "tid", "at", "status", "td", "vp", "gpa", "level", "page"];
const CALL = 0;
const ENTER = 1;
const EXIT = 2;
const LOST = 3;
const CPU = 4;
const TID = 5;
const AT = 6;
const STATUS = 7;
const TD = 8;
const VP = 9;
const GPA = 10;
const LEVEL = 11;
const PAGE = 12;

/** What says something of the recording. */
interface About {
  readonly recording?: unknown;
  readonly began?: unknown;
  readonly ended?: unknown;
  readonly kernel?: unknown;
  readonly clock?: unknown;
  readonly leaves?: unknown;
}

const HASH = 35;
const ZERO = 48;
const X = 120;
const OPENS = 123;
/** Longer ones are no names of a TD or a vCPU, and no exact numbers. */
const MOST_KEY = 32;
const MOST_HEX = 15;

export function ndjson(enterLeaf: string): Format {
  const fields = new FlatObject(FIELDS);
  const rewritten = new Cursor();
  /** Was a field of the event of the wrong kind? */
  let isDamaged = false;

  /** An event or a loss whose fields were read; null: it is neither. */
  const told = ({ bytes }: Cursor, input: Input): string | null => {
    if (fields.has(CALL) || fields.has(ENTER) || fields.has(EXIT)) {
      isDamaged = false;
      return event(bytes, input) ? "" : "an event whose fields are missing or of the wrong kind";
    }
    if (!fields.has(LOST)) return null;
    const count = fields.natural(LOST);
    if (count === null) return "`lost` is no number";
    input.assembler.loss(fields.natural(CPU), count);
    return "";
  };

  const event = (bytes: Uint8Array, input: Input): boolean => {
    const cpu = fields.natural(CPU);
    if (cpu === null) return false;
    const tid = naturalIn(TID) ?? -1;
    const operands = operandsIn(bytes, input);
    const status = statusIn(input);
    if (isDamaged) return false;
    if (fields.isText(CALL)) {
      const begin = fields.first(AT);
      const end = fields.second(AT);
      if (!isTime(begin) || !isTime(end) || end < begin) return false;
      const leaf = fields.meaning(CALL, input.names);
      input.assembler.call(end, cpu, tid, leaf, begin, operands, status);
      return true;
    }
    const at = fields.number(AT);
    if (!isTime(at)) return false;
    if (fields.has(ENTER)) input.assembler.begin(at, cpu, tid, enterLeaf, operands);
    else input.assembler.end(at, cpu, tid, enterLeaf, status, null, operands);
    return true;
  };

  const operandsIn = (bytes: Uint8Array, input: Input): Operands => {
    if (!fields.has(TD) && !fields.has(VP) && !fields.has(GPA) && !fields.has(PAGE)) return NOTHING;
    return {
      td: keyIn(TD, input),
      vp: keyIn(VP, input),
      gpa: hexIn(GPA, bytes),
      level: naturalIn(LEVEL),
      page: hexIn(PAGE, bytes),
    };
  };

  /** Null for a field that is not there; one that is there and of another kind is damage. */
  const naturalIn = (field: number): number | null => {
    const value = fields.natural(field);
    isDamaged ||= value === null && fields.isGiven(field);
    return value;
  };

  const statusIn = ({ statuses }: Input): string | null => {
    const status = fields.isText(STATUS) ? fields.meaning(STATUS, statuses) : null;
    isDamaged ||= status === null && fields.isGiven(STATUS);
    return status;
  };

  const keyIn = (field: number, { names }: Input): string | null => {
    if (fields.isText(field) && fields.to(field) - fields.from(field) <= MOST_KEY) return fields.meaning(field, names);
    isDamaged ||= fields.isGiven(field);
    return null;
  };

  /** `0x` and few enough digits. */
  const hexIn = (field: number, bytes: Uint8Array): number | null => {
    const value = fields.isText(field) ? hexBetween(bytes, fields.from(field), fields.to(field)) : null;
    isDamaged ||= value === null && fields.isGiven(field);
    return value;
  };

  /** JSON in any form is written again in ours. */
  const rewrite = (value: Readonly<Record<string, unknown>>): boolean => {
    const plain = JSON.stringify(Object.fromEntries(FIELDS.map((name) => [name, value[name]])));
    rewritten.set(bytesOf(plain), 0, plain.length);
    return fields.read(rewritten);
  };

  return {
    name: "ndjson",
    resolution: 0,
    late: WHILE,
    line(cursor, input) {
      if (fields.read(cursor)) {
        const reason = told(cursor, input);
        if (reason !== null) return reason === "" || bad(input, reason, cursor.line);
      }
      const { line } = cursor;
      const first = line.trimStart().charCodeAt(0);
      // An empty line may have been one of ours.
      if (Number.isNaN(first)) input.strange();
      if (first !== OPENS) return Number.isNaN(first) || first === HASH ? false : bad(input, "no JSON object", line);
      let value: Readonly<Record<string, unknown>> & About;
      try {
        value = JSON.parse(line);
      } catch {
        return bad(input, "no JSON", line);
      }
      if (!rewrite(value)) return about(value, input) || bad(input, "values that no event has", line);
      const reason = told(rewritten, input);
      if (reason === null) return about(value, input);
      return reason === "" || bad(input, reason, line);
    },
  };
}

/** Null for what is not `0x` and few enough digits. */
function hexBetween(bytes: Uint8Array, from: number, to: number): number | null {
  if (to <= from + 2 || to - from > MOST_HEX || !isHexPrefix(bytes, from)) return null;
  let value = 0;
  for (let i = from + 2; i < to; i++) {
    const digit = hexDigit(bytes[i] as number);
    if (digit < 0) return null;
    value = value * 16 + digit;
  }
  return value;
}

const isHexPrefix = (bytes: Uint8Array, at: number): boolean =>
  (bytes[at] as number) === ZERO && ((bytes[at + 1] as number) | 32) === X;

function bad(input: Input, reason: string, line: string): true {
  input.unread(reason, line);
  return true;
}

function about({ began, ended, kernel, clock, leaves, recording }: About, input: Input): boolean {
  if (recording === undefined && ended === undefined) return false;
  input.heard({
    ...(isTime(began) && { began }),
    ...(isTime(ended) && { ended }),
    ...(typeof kernel === "string" && { kernel: input.names.ofText(kernel.slice(0, 64)) }),
    ...(typeof clock === "string" && { clock: input.names.ofText(clock.slice(0, 64)) }),
    ...(Array.isArray(leaves) && { leaves: leaves.filter((leaf) => typeof leaf === "string") }),
  });
  return true;
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && Math.abs(value) <= LARGEST;
}
