/**
 * The kernel's function_graph as tracefs renders it (kernel/trace/trace_functions_graph.c), under its options: the time has to be there
 * (funcgraph-abstime), task, flags, overhead and return address may be.
 *
 *      12345.678901 |   3)   qemu-1234   |   1.234 us    |  tdh_mem_track(td=0xffff…); /* ret=0x8000020000000092 *\/
 *      12345.678901 |   3)   qemu-1234   |               |  tdh_mem_track(td=0xffff…) {
 *      12345.678902 |   3)   qemu-1234   |   1.234 us    |  } /* tdh_mem_track ret=0x0 *\/
 *      12345.678903 |   3)   qemu-1234   |               |  /* kvm_entry: vcpu 0, rip 0x… *\/
 */
import { bytesOf, stands, textOf } from "../bytes.ts";
import { NOTHING } from "../call.ts";
import { Arguments, DAMAGED, TOLD_LESS } from "./arguments.ts";
import { type Cursor, isBlank, LARGEST } from "./cursor.ts";
import { markOf, meanings, Ours, Shape } from "./events.ts";
import type { Format, Input } from "./input.ts";
import { Losses } from "./losses.ts";

const HASH = 35;
const OPENS_ROUND = 40;
const CLOSES_ROUND = 41;
const DASH = 45;
const PERIOD = 46;
const SLASH = 47;
const COLON = 58;
const SEMICOLON = 59;
const OPENS = 123;
const CLOSES = 125;
const BAR = 124;
const U = 117;
const S = 115;
/** Of a function's name, and of what else stands there. */
const PREFIX = bytesOf("tdh_");
const BEGINS = bytesOf(" {");
const ENDING = bytesOf("} /* ");
const COMMENT = bytesOf("/* ");
const COLUMN = bytesOf(" |");

/** What a line that is whole ends with: a call, the beginning or the end of one, a comment, the count of overruns. */
const ENDS: ReadonlySet<number> = new Set([SEMICOLON, OPENS, CLOSES, SLASH, CLOSES_ROUND]);
/** What stands where an interrupt begins and ends, when its functions are recorded, too. */
const INTERRUPT = /(={10}>|<={10})( \|)?$/;
/** A header, and what says that a CPU has gone on to another task. */
const OTHER = /^#|^ *(\||\d+\)) .*=>/;
/** What stands before and behind that, with an empty line around each. */
const RULE = /^ ?-{10,}$/;
/** What a line says that is not about us: a function or the end of one, an event, a comment. */
const OTHER_BODY = /^(?:[\w.]+(?: \[\w+\])?\(.*\)(?:;| \{)|\})(?: ?\/\*.+\*\/)?$|^\/\*.+\*\/$/;

export function functionGraph(): Format {
  const means = meanings();
  const given = new Arguments();
  const ours = new Ours();
  const losses = new Losses();
  const prologue = new Prologue();
  const results = new Shape();
  let tellsTasks = false;
  /** Was the line before a rule? Was it an empty one that none was before? */
  let wasRule = false;
  let wasEmpty = false;

  const result = (bytes: Uint8Array, from: number, to: number, line: Cursor, input: Input): string | null => {
    const status = given.status(bytes, from, to, input);
    if (given.isDamaged) input.unread(DAMAGED, line.line);
    else if (!results.fits(given.told, input.strange)) input.unread(TOLD_LESS, line.line);
    return status;
  };

  /** `tdh_mem_track(td=0xffff…); /* ret=0x0 *\/`, or the first half of it. */
  const call = (line: Cursor, input: Input): boolean => {
    const { bytes, end, at: from } = line;
    if (line.word() === 0 || line.code(line.at) !== OPENS_ROUND) return false;
    const meaning = means.of(bytes, from, line.at);
    // `tdh_…` of a function that is called so, not of a probe.
    if (meaning.is !== "begin" || !stands(PREFIX, bytes, from, end)) return false;
    const open = line.at;
    while (line.at < end && (bytes[line.at] as number) !== CLOSES_ROUND) line.at += 1;
    const operands = given.operands(bytes, open, line.at, input);
    line.at += 1;
    if (operands === null) {
      input.unread(DAMAGED, line.line);
      return true;
    }
    const { time, cpu, tid } = prologue;
    if (!meaning.shape.fits(given.told, input.strange)) {
      input.unread(TOLD_LESS, line.line);
      return true;
    }
    if (!line.skip(SEMICOLON)) {
      if (!line.has(BEGINS, line.at)) return false;
      input.assembler.begin(time, cpu, tid, meaning.leaf, operands);
      return true;
    }
    const { lasted } = prologue;
    if (lasted === null) {
      input.unread("it has no duration: record with funcgraph-duration", line.line);
      return true;
    }
    const status = result(bytes, line.at, end, line, input);
    input.assembler.call(time + lasted, cpu, tid, meaning.leaf, time, operands, status);
    return true;
  };

  /** `} /* tdh_mem_track ret=0x0 *\/` */
  const end = (line: Cursor, input: Input): boolean => {
    if (!line.has(ENDING, line.at)) return false;
    line.at += 5;
    const from = line.at;
    line.word();
    const meaning = means.of(line.bytes, from, line.at);
    if (meaning.is !== "begin" || !line.has(PREFIX, from)) return false;
    const { time, cpu, tid, lasted } = prologue;
    const status = result(line.bytes, line.at, line.end, line, input);
    input.assembler.end(time, cpu, tid, meaning.leaf, status, lasted === null ? null : time - lasted);
    return true;
  };

  /** An event among the calls. */
  const comment = (line: Cursor, input: Input): boolean => {
    if (!line.has(COMMENT, line.at)) return false;
    line.at += 3;
    const from = line.at;
    if (line.word() === 0 || line.code(line.at) !== COLON) return false;
    const meaning = means.of(line.bytes, from, line.at);
    const { time, cpu, tid } = prologue;
    if (meaning.is === "mark") return markOf(textOf(line.bytes, line.at, line.end), time, input);
    if (line.has(PREFIX, from) || !("leaf" in meaning)) return false;
    if (meaning.is === "begin") input.assembler.begin(time, cpu, tid, meaning.leaf, NOTHING);
    else input.assembler.end(time, cpu, tid, meaning.leaf, null);
    return true;
  };

  const body = (line: Cursor, input: Input): boolean => {
    if (!ENDS.has(line.code(line.end - 1))) {
      if (INTERRUPT.test(line.line)) return false;
      input.unread("it is cut off", line.line);
      return true;
    }
    const { at } = line;
    const first = line.code(at);
    const read = first === CLOSES ? end(line, input) : first === SLASH ? comment(line, input) : call(line, input);
    if (read || losses.read(line, input)) return true;
    const text = textOf(line.bytes, at, line.end);
    if (!OTHER_BODY.test(text)) input.strange();
    return false;
  };

  return {
    name: "function-graph",
    resolution: 1000,
    late: 1_000_000,
    line(line, input) {
      // An empty line belongs to a rule before or behind it.
      const behindRule = wasRule;
      const behindEmpty = wasEmpty;
      wasRule = false;
      wasEmpty = false;
      if (prologue.read(line)) {
        if (behindEmpty) input.strange();
        // Who made it is damaged where others say it.
        if (prologue.tid >= 0) tellsTasks = true;
        else if (tellsTasks) input.strange();
        return body(line, input);
      }
      if (line.isEmpty) {
        if (behindEmpty) input.strange();
        wasEmpty = !behindRule;
        return false;
      }
      const text = line.line;
      wasRule = RULE.test(text);
      if (behindEmpty && !wasRule) input.strange();
      if (wasRule || line.code(line.from) === HASH) return losses.read(line, input);
      if (ours.in(line)) {
        input.unread("it has no time: record with funcgraph-abstime and funcgraph-cpu", text);
        return true;
      }
      const known = losses.read(line, input);
      if (!known && !OTHER.test(text)) input.strange();
      return known;
    },
    finish(input) {
      if (wasEmpty) input.strange();
    },
  };
}

/** What stands before the function: `12345.678901 |   3)   qemu-1234   |  d..1. | + 10.234 us   |`. */
class Prologue {
  time = 0;
  cpu = 0;
  tid = -1;
  /** The duration in ns; null when none is printed. */
  lasted: number | null = null;

  /** Goes on to the function. */
  read(line: Cursor): boolean {
    line.blanks();
    const seconds = line.digits();
    if (seconds < 0 || seconds * 1e9 > LARGEST || !line.skip(PERIOD)) return false;
    const from = line.at;
    const micros = line.digits();
    if (line.at - from !== 6 || !line.has(COLUMN, line.at)) return false;
    line.at += 2;
    if (line.blanks() === 0) return false;
    this.cpu = line.digits();
    if (this.cpu < 0 || !line.skip(CLOSES_ROUND) || line.blanks() === 0) return false;
    this.time = seconds * 1e9 + micros * 1000;
    const columns = line.at;
    const { bytes, end } = line;
    let bar = -1;
    let last = -1;
    for (let i = columns; i < end; i++) {
      if ((bytes[i] as number) !== BAR) continue;
      if (bar < 0) bar = i;
      last = i;
    }
    this.tid = bar < 0 ? -1 : taskBefore(bytes, columns, bar);
    this.lasted = last < 0 ? null : durationBefore(bytes, columns, last);
    line.at = Math.max(columns, last + 1);
    line.blanks();
    return true;
  }
}

/** The task's number in `qemu-1234  |`; -1 when that column is not there. */
function taskBefore(bytes: Uint8Array, from: number, bar: number): number {
  let i = bar;
  while (i > from && isBlank(bytes[i - 1] as number)) i--;
  const end = i;
  let value = 0;
  let place = 1;
  for (; i > from; i--, place *= 10) {
    const digit = (bytes[i - 1] as number) - 48;
    if (digit < 0 || digit > 9) break;
    value += digit * place;
  }
  return i < end && i > from && (bytes[i - 1] as number) === DASH ? value : -1;
}

/** Nanoseconds of `10.234 us   |`. The kernel prints as many digits behind the point as there is room for. */
function durationBefore(bytes: Uint8Array, from: number, bar: number): number | null {
  let i = bar;
  while (i > from && isBlank(bytes[i - 1] as number)) i--;
  if (
    i - from < 4 ||
    (bytes[i - 1] as number) !== S ||
    (bytes[i - 2] as number) !== U ||
    !isBlank(bytes[i - 3] as number)
  ) {
    return null;
  }
  i -= 3;
  let value = 0;
  let place = 1;
  let behind = 0;
  let digits = 0;
  for (; i > from; i--) {
    const code = bytes[i - 1] as number;
    if (code === PERIOD && behind === 0 && digits > 0) {
      behind = digits;
      continue;
    }
    if (code < 48 || code > 57) break;
    value += (code - 48) * place;
    place *= 10;
    digits += 1;
  }
  // A blank is before it; a long one has a mark before that.
  if (digits === 0 || (i > from && !isBlank(bytes[i - 1] as number))) return null;
  return value * 10 ** (3 - behind);
}
