/**
 * What the program of `seamlock record --tool bpftrace` prints: a line a call, its fields apart by one blank.
 *
 *     b 1 NSECS RELEASE               the recording begins
 *     l LEAF …                        the leaves that it watches
 *     c SEQ CPU TID BEGIN END LEAF TD VP GPA LEVEL PAGE STATUS
 *     e SEQ CPU TID NSECS TD VP       a vCPU enters its guest
 *     x SEQ CPU TID NSECS TD VP STATUS
 *     s CPU                           and the functions that led to the CPU's last call, a line each, indented
 *     z NSECS                         the end
 *     @seq[CPU]: SEQ                  the number that the CPU's next line would have had
 *
 * Numbers are decimal, but TD, VP, GPA, PAGE and STATUS, which are hexadecimal; `-` stands for what there is none of. TD, VP and PAGE
 * are frame numbers. SEQ counts the lines of a CPU, so that lost ones are noticed; bpftrace itself says `Lost N events`, newer ones to standard error.
 */
import type { Operands } from "../call.ts";
import type { Interned } from "../interned.ts";
import { type Cursor, isBlank } from "./cursor.ts";
import type { Format, Input } from "./input.ts";

const BLANK = 32;
const COMMENT = 35;
const DASH = 45;
const C = 99;
const E = 101;
const X = 120;
const S = 115;
const LOST_BEGINS = 76;
const AT_SIGN = 64;
const LONGEST_LEAF = 64;
const LOST = /^Lost (\d+) events\s*$/;
const NEXT = /^@seq\[(\d+)\]: (\d+)\s*$/;
/** A function of a call chain: `tdx_track+70`, with its module where that is told. */
const FRAME = /^\s+(\w+)(?:\+(?:0x)?[0-9a-f]+)?(?: \[\w+\])?\s*$/;

export function bpftrace(enterLeaf: string): Format {
  const sequence = new Map<number, number>();
  /** Lines that are missing by the numbers of the lines, and by what bpftrace says. */
  let missing = 0;
  let stated = 0;
  let frames: string[] | null = null;
  let framesOf = -1;

  const numbered = (seq: number, cpu: number, input: Input): void => {
    const before = sequence.get(cpu);
    if (sequence.size < 8192 || before !== undefined)
      sequence.set(cpu, before === undefined ? seq : Math.max(seq, before));
    const lost = before === undefined ? seq : seq - before - 1;
    // Two lines of one number: an interrupt came between.
    if (lost <= 0) return;
    missing += lost;
    input.assembler.loss(cpu, lost);
  };

  const call = (fields: Cursor, input: Input): boolean => {
    const seq = fields.decimal();
    const cpu = fields.decimal();
    const tid = fields.decimal();
    const begin = fields.decimal();
    const end = fields.decimal();
    const leaf = fields.meaning(input.names);
    const td = frameOf(fields, input);
    const vp = frameOf(fields, input);
    const gpa = fields.hex();
    const level = fields.hex();
    const page = fields.hex();
    const status = statusOf(fields, input);
    if (fields.bad || end < begin || leaf.length > LONGEST_LEAF) return false;
    numbered(seq, cpu, input);
    input.assembler.call(end, cpu, tid, leaf, begin, { td, vp, gpa, level, page }, status);
    return true;
  };

  const run = (fields: Cursor, input: Input, exit: boolean): boolean => {
    const seq = fields.decimal();
    const cpu = fields.decimal();
    const tid = fields.decimal();
    const time = fields.decimal();
    const td = frameOf(fields, input);
    const vp = frameOf(fields, input);
    const status = exit ? statusOf(fields, input) : null;
    if (fields.bad) return false;
    numbered(seq, cpu, input);
    const operands: Operands = { td, vp, gpa: null, level: null, page: null };
    if (exit) input.assembler.end(time, cpu, tid, enterLeaf, status, null, operands);
    else input.assembler.begin(time, cpu, tid, enterLeaf, operands);
    return true;
  };

  const stack = (fields: Cursor): boolean => {
    framesOf = fields.decimal();
    frames = [];
    return !fields.bad;
  };

  const chainDone = (input: Input): void => {
    if (frames !== null && frames.length > 0) input.assembler.chain(framesOf, frames);
    frames = null;
  };

  const event = (kind: number, line: Cursor, input: Input): boolean => {
    line.at = line.from + 2;
    if (kind === C) return call(line, input);
    if (kind === E || kind === X) return run(line, input, kind === X);
    return kind === S ? stack(line) : about(line.line, input);
  };

  return {
    name: "bpftrace",
    resolution: 0,
    late: 1_000_000,
    line(line, input) {
      const kind = line.code(line.from);
      if (frames !== null) {
        if (isBlank(kind)) {
          const name = FRAME.exec(line.line)?.[1];
          if (name !== undefined && frames.length < 32) frames.push(input.names.ofText(name));
          return true;
        }
        if (line.isEmpty) return true;
        chainDone(input);
      }
      if (line.code(line.from + 1) === BLANK && kind !== COMMENT) {
        if (!event(kind, line, input)) input.unread("not all of its fields are there", line.line);
        return true;
      }
      if (kind === AT_SIGN) {
        const [, cpu, seq] = NEXT.exec(line.line) ?? [];
        if (seq !== undefined) numbered(Number(seq), Number(cpu), input);
        return seq !== undefined;
      }
      if (kind !== LOST_BEGINS) return isMapFull(line.line, input);
      const lost = LOST.exec(line.line);
      if (lost === null) return false;
      // Where they are missing is known when the CPU's next line comes; until then they can be anywhere.
      stated += Number(lost[1]);
      if (stated > missing) input.assembler.gaps.somewhere(() => stated > missing);
      return true;
    },
    finish: chainDone,
  };
}

/** What could not be noted when a call began is missing when it ends, without a number: newer ones warn of it. */
function isMapFull(line: string, input: Input): boolean {
  if (!line.includes("Map full; can't update element")) return false;
  input.assembler.loss(null, 1);
  return true;
}

/** The key of a TD or a vCPU; null for `-`. */
const frameOf = (fields: Cursor, { frames }: Input): string | null => meaningOf(fields, frames);

/** Null for `-`. */
const statusOf = (fields: Cursor, { statuses }: Input): string | null => meaningOf(fields, statuses);

function meaningOf(fields: Cursor, words: Interned<string | null>): string | null {
  const { at } = fields;
  const meaning = fields.meaning(words);
  // A `-` that nothing follows in its field says that there is none; all else is damage.
  if (meaning === null && !(fields.code(at) === DASH && fields.at === at + 2)) fields.bad = true;
  return meaning;
}

function about(line: string, input: Input): boolean {
  const words = line.split(" ");
  const [kind, ...rest] = words;
  if (kind === "l") {
    input.heard({ leaves: rest.filter((word) => word !== "").map((leaf) => input.names.ofText(leaf)) });
    return true;
  }
  if (kind === "b") {
    const [version, nsecs, release] = rest;
    if (version !== "1" || !/^\d+$/.test(nsecs ?? "")) return false;
    const kernel = release === undefined || release === "-" ? {} : { kernel: input.names.ofText(release.slice(0, 64)) };
    input.heard({ began: Number(nsecs), clock: "monotonic", ...kernel });
    return true;
  }
  if (kind !== "z" || !/^\d+$/.test(rest[0] ?? "")) return false;
  input.heard({ ended: Number(rest[0]) });
  return true;
}
