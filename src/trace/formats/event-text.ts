/**
 * Events as text, one a line: what `trace-cmd report`, tracefs' `trace` (kernel/trace/trace_output.c, trace_print_context) and `perf script` print.
 *
 *     qemu-1234  [003] d..2. 12345.678901: tdh_mem_track: (tdh_mem_track+0x0/0x60) td=0xffff…
 *     qemu  1234 [003] 12345.678901234: seamlock:tdh_mem_track__return: (ffffffff… <- ffffffff…) status=0x8000020000000092
 *     qemu-1234  [003] d..2. 12345.678901: kvm_entry: vcpu 0, rip 0x…
 */
import { textOf } from "../bytes.ts";
import { NOTHING } from "../call.ts";
import { ENTER } from "../wrappers.ts";
import { Arguments, DAMAGED, TOLD_LESS } from "./arguments.ts";
import { type Cursor, isBlank, LARGEST } from "./cursor.ts";
import { type Meaning, markOf, meanings, Ours } from "./events.ts";
import type { Format, Input } from "./input.ts";
import { Losses } from "./losses.ts";

const HASH = 35;
const PLUS = 43;
const DASH = 45;
const PERIOD = 46;
const SLASH = 47;
const COLON = 58;
const OPENS = 91;
const CLOSES = 93;
const OPENS_ROUND = 40;
const CLOSES_ROUND = 41;

/** Who made an event, in the text of each tool. */
const WHO = /[\s/-]\d+\s+(\([ \d-]+\)\s+)?\[\d+\]/;
/** A function of a call chain, as perf and as the kernel print it. */
const CHAIN = /^\s+[0-9a-f]{8,16} [^\s\d]|^ *=> |: <(?:user )?stack trace>$/;
/** A header: what is no event. */
const OTHER = /^#|^[a-z]+=\d+$/;

export function eventText(name: "ftrace" | "perf"): Format {
  const context = new Context();
  const means = meanings();
  const given = new Arguments();
  const ours = new Ours();
  const losses = new Losses();
  /** Is the line before one of a call chain? An empty one ends it. */
  let inChain = false;
  let tellsTasks = false;

  const read = (line: Cursor, meaning: Meaning, input: Input): boolean => {
    const { time, cpu, tid } = context;
    const { bytes, at, end } = line;
    const { assembler } = input;
    if (meaning.is === "begin") {
      const isRun = meaning.leaf === ENTER.leaf;
      const operands = isRun ? NOTHING : given.operands(bytes, at, end, input);
      if (operands === null) input.unread(DAMAGED, line.line);
      else if (!isRun && !meaning.shape.fits(given.told, input.strange)) input.unread(TOLD_LESS, line.line);
      else assembler.begin(time, cpu, tid, meaning.leaf, operands);
    } else if (meaning.is === "end") {
      const isRun = meaning.leaf === ENTER.leaf;
      const status = isRun ? null : given.status(bytes, at, end, input);
      if (!isRun && given.isDamaged) input.unread(DAMAGED, line.line);
      else if (!isRun && !meaning.shape.fits(given.told, input.strange)) input.unread(TOLD_LESS, line.line);
      assembler.end(time, cpu, tid, meaning.leaf, status);
    } else if (meaning.is === "graph") {
      if (!ours.in(line)) return false;
      input.unread("its function has no arguments: give what `trace-cmd show` prints", line.line);
    } else return meaning.is === "mark" && markOf(textOf(bytes, at, end), time, input);
    return true;
  };

  /** An event of somebody else's; one that says nothing may have been one of ours. */
  const other = (line: Cursor, input: Input): boolean => {
    if (losses.read(line, input)) return true;
    if (line.at >= line.end) input.strange();
    return false;
  };

  return {
    name,
    late: 1_000_000,
    get resolution() {
      return context.resolution;
    },
    line(line, input) {
      const wasInChain = inChain;
      inChain = false;
      if (context.read(line)) {
        // Who made it is damaged where others say it.
        if (context.tid >= 0) tellsTasks = true;
        else if (tellsTasks) input.strange();
        return read(line, means.of(line.bytes, context.eventFrom, context.eventEnd), input) || other(line, input);
      }
      // A header names the probes, a stack the functions.
      if (ours.in(line) && line.code(line.from) !== HASH && WHO.test(line.line)) {
        input.unread("no CPU, time in seconds and event", line.line);
        return true;
      }
      if (line.isEmpty) {
        if (!wasInChain) input.strange();
        return false;
      }
      if (losses.read(line, input)) return true;
      const text = line.line;
      inChain = CHAIN.test(text);
      if (!inChain && !OTHER.test(text)) input.strange();
      return false;
    },
  };
}

/** Who made an event, when, and what it is called. */
class Context {
  time = 0;
  cpu = 0;
  tid = -1;
  /** Where the event's name stands. */
  eventFrom = 0;
  eventEnd = 0;
  /** Of the times that were met so far, in ns. */
  resolution = 1000;

  /** Goes on behind the event's name. The name of a task can have brackets. */
  read(line: Cursor): boolean {
    const { bytes, end } = line;
    for (let at = line.from; at < end; at++) {
      if ((bytes[at] as number) !== OPENS) continue;
      line.at = at + 1;
      if (!this.#fromCpu(line)) continue;
      this.tid = taskBefore(bytes, line.from, at);
      return true;
    }
    return false;
  }

  /** `003] d..2. 12345.678901: [period] [group:]event:`; not every option prints flags. */
  #fromCpu(line: Cursor): boolean {
    const from = line.at;
    this.cpu = line.digits();
    if (this.cpu < 0 || line.at - from > 5 || !line.skip(CLOSES) || line.blanks() === 0) return false;
    const next = line.at;
    if (!this.#time(line)) {
      line.at = next;
      const flags = untilBlank(line);
      if (flags < 4 || flags > 8 || line.blanks() === 0 || !this.#time(line)) return false;
    }
    if (line.blanks() === 0) return false;
    return this.#event(line);
  }

  /** `12345.678901:` */
  #time(line: Cursor): boolean {
    const seconds = line.digits();
    if (seconds < 0 || seconds * 1e9 > LARGEST || !line.skip(PERIOD)) return false;
    const from = line.at;
    let fraction = line.digits();
    const digits = line.at - from;
    if (digits < 6 || digits > 9 || !line.skip(COLON)) return false;
    for (let i = digits; i < 9; i++) fraction *= 10;
    if (digits === 9) this.resolution = 1;
    this.time = seconds * 1e9 + fraction;
    return true;
  }

  #event(line: Cursor): boolean {
    // trace-cmd report may print how long after the line before, perf how many events one stands for.
    if (line.code(line.at) === OPENS_ROUND && line.code(line.at + 1) === PLUS) {
      while (line.at < line.end && !line.skip(CLOSES_ROUND)) line.at += 1;
      line.blanks();
    }
    const { at } = line;
    if (line.digits() < 0 || line.blanks() === 0) line.at = at;
    this.eventFrom = line.at;
    line.word();
    while (line.code(line.at) === PERIOD) {
      line.at += 1;
      line.word();
    }
    this.eventEnd = line.at;
    if (line.skip(COLON)) {
      // What comes before another name is its group.
      const from = line.at;
      if (line.word() > 0) {
        this.eventFrom = from;
        this.eventEnd = line.at;
        line.skip(COLON);
      }
    }
    // A name that nothing follows is cut off.
    if (line.at === line.end && line.end - line.from > 0 && line.code(line.end - 1) !== COLON) return false;
    line.blanks();
    return this.eventEnd > this.eventFrom;
  }
}

/** Goes on behind what is neither blank nor colon; says how many characters. */
function untilBlank(line: Cursor): number {
  const from = line.at;
  for (let code = line.code(from); code >= 0 && code !== COLON && !isBlank(code); code = line.code(line.at))
    line.at += 1;
  return line.at - from;
}

/** The number of the task before `[cpu]`: `qemu-1234`, `qemu  1234`, `qemu-1234  (  1230)`; -1 when there is none. */
function taskBefore(bytes: Uint8Array, from: number, to: number): number {
  let i = skipBack(bytes, from, to);
  if (i === to) return -1;
  if ((bytes[i - 1] as number) === CLOSES_ROUND) {
    while (i > from && (bytes[i - 1] as number) !== OPENS_ROUND) i--;
    i = skipBack(bytes, from, i - 1);
  }
  let value = 0;
  let place = 1;
  let digits = 0;
  for (; i > from && digits < 10; digits++, i--, place *= 10) {
    const digit = (bytes[i - 1] as number) - 48;
    if (digit < 0 || digit > 9) break;
    value += digit * place;
  }
  // Before it the name of the task ends, or the process in front of it.
  return digits === 0 || (i > from && !isBeforeTask(bytes[i - 1] as number)) ? -1 : value;
}

const isBeforeTask = (code: number): boolean => isBlank(code) || code === DASH || code === SLASH;

function skipBack(bytes: Uint8Array, from: number, to: number): number {
  let i = to;
  while (i > from && isBlank(bytes[i - 1] as number)) i--;
  return i;
}
