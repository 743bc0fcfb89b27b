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
 *
 * Numbers are decimal, but TD, VP, GPA, PAGE and STATUS, which are hexadecimal; `-` stands for what there is none of. TD, VP and PAGE
 * are frame numbers. SEQ counts the lines of a CPU, so that lost ones are noticed; bpftrace itself says `Lost N events`.
 */
import { NOTHING, type Operands } from "../call.ts";
import type { Format, Input } from "./input.ts";

const BLANK = 32;
const COMMENT = 35;
const DASH = 45;
const C = 99;
const E = 101;
const X = 120;
const S = 115;

/** Fields of a line, read one after the other. */
class Fields {
  #line = "";
  #at = 0;
  /** A field was missing, or no number. */
  bad = false;

  start(line: string, at: number): void {
    this.#line = line;
    this.#at = at;
    this.bad = false;
  }

  decimal(): number {
    const line = this.#line;
    let i = this.#at;
    let value = 0;
    const first = i;
    for (; i < line.length; i++) {
      const digit = line.charCodeAt(i) - 48;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    this.#end(i, first);
    return value;
  }

  /** Null for `-`. */
  hex(): number | null {
    const line = this.#line;
    let i = this.#at;
    if (line.charCodeAt(i) === DASH) {
      this.#end(i + 1, i);
      return null;
    }
    let value = 0;
    const first = i;
    for (; i < line.length; i++) {
      const code = line.charCodeAt(i) | 32;
      const digit = code >= 48 && code <= 57 ? code - 48 : code >= 97 && code <= 102 ? code - 87 : -1;
      if (digit < 0) break;
      value = value * 16 + digit;
    }
    if (i - first > 13) this.bad = true;
    this.#end(i, first);
    return value;
  }

  word(): string {
    const end = this.#line.indexOf(" ", this.#at);
    const to = end < 0 ? this.#line.length : end;
    const word = this.#line.slice(this.#at, to);
    this.#end(to, this.#at);
    return word;
  }

  /** A field ends at a blank or with the line. */
  #end(at: number, from: number): void {
    if (at === from || (at < this.#line.length && this.#line.charCodeAt(at) !== BLANK)) this.bad = true;
    this.#at = at + 1;
  }
}

export function bpftrace(enterLeaf: string): Format {
  const fields = new Fields();
  const sequence = new Map<number, number>();
  /** Lines that are missing by the numbers of the lines, and by what bpftrace says. */
  let missing = 0;
  let stated = 0;
  let frames: string[] | null = null;
  let framesOf = -1;

  const numbered = (seq: number, cpu: number, input: Input): void => {
    const before = sequence.get(cpu);
    if (sequence.size < 8192 || before !== undefined) sequence.set(cpu, Math.max(seq, before ?? 0));
    const lost = before === undefined ? seq : seq - before - 1;
    // Two lines of one number: an interrupt came between.
    if (lost <= 0) return;
    missing += lost;
    input.assembler.loss(cpu, lost);
  };
  const key = (frame: number | null, input: Input): string | null =>
    frame === null ? null : input.names.of(`0x${frame.toString(16)}`);
  const status = (word: string, input: Input): string | null => (word === "-" ? null : input.statuses.of(word));

  const call = (line: string, input: Input): boolean => {
    fields.start(line, 2);
    const seq = fields.decimal();
    const cpu = fields.decimal();
    const tid = fields.decimal();
    const begin = fields.decimal();
    const end = fields.decimal();
    const leaf = fields.word();
    const td = fields.hex();
    const vp = fields.hex();
    const gpa = fields.hex();
    const level = fields.hex();
    const page = fields.hex();
    const result = fields.word();
    if (fields.bad || end < begin || leaf.length > 64) return false;
    numbered(seq, cpu, input);
    const operands: Operands = { td: key(td, input), vp: key(vp, input), gpa, level, page };
    input.assembler.call({ time: end, cpu, tid }, input.names.of(leaf), begin, operands, status(result, input));
    return true;
  };

  const run = (line: string, input: Input, exit: boolean): boolean => {
    fields.start(line, 2);
    const seq = fields.decimal();
    const cpu = fields.decimal();
    const tid = fields.decimal();
    const time = fields.decimal();
    const td = fields.hex();
    const vp = fields.hex();
    const result = exit ? fields.word() : "-";
    if (fields.bad) return false;
    numbered(seq, cpu, input);
    const operands: Operands = { ...NOTHING, td: key(td, input), vp: key(vp, input) };
    if (exit) input.assembler.end({ time, cpu, tid }, enterLeaf, status(result, input), null, operands);
    else input.assembler.begin({ time, cpu, tid }, enterLeaf, operands);
    return true;
  };

  const chainDone = (input: Input): void => {
    if (frames !== null && frames.length > 0) input.assembler.chain(framesOf, frames);
    frames = null;
  };

  return {
    name: "bpftrace",
    resolution: 0,
    line(line, input) {
      const kind = line.charCodeAt(0);
      if (frames !== null) {
        if (kind === BLANK || kind === 9) {
          const name = /^\s+(\w+)(?:\+(?:0x)?[0-9a-f]+)?(?: \[\w+\])?\s*$/.exec(line)?.[1];
          if (name !== undefined && frames.length < 32) frames.push(input.names.of(name));
          return true;
        }
        if (line === "") return true;
        chainDone(input);
      }
      if (line.charCodeAt(1) === BLANK && kind !== COMMENT) {
        const read =
          kind === C
            ? call(line, input)
            : kind === E
              ? run(line, input, false)
              : kind === X
                ? run(line, input, true)
                : kind === S
                  ? stack(line)
                  : about(line, input);
        if (!read) input.unread("not all of its fields are there", line);
        return true;
      }
      const lost = /^Lost (\d+) events\s*$/.exec(line);
      if (lost === null) return false;
      // Where they are missing is known when the CPU's next line comes; until then they can be anywhere.
      stated += Number(lost[1]);
      if (stated > missing) input.assembler.gaps.somewhere(() => stated > missing);
      return true;
    },
    finish: chainDone,
  };

  function stack(line: string): boolean {
    fields.start(line, 2);
    framesOf = fields.decimal();
    frames = [];
    return !fields.bad;
  }
}

function about(line: string, input: Input): boolean {
  const words = line.split(" ");
  const [kind, ...rest] = words;
  if (kind === "l") {
    input.heard({ leaves: rest.filter((word) => word !== "").map((leaf) => input.names.of(leaf)) });
    return true;
  }
  if (kind === "b") {
    const [version, nsecs, release] = rest;
    if (version !== "1" || !/^\d+$/.test(nsecs ?? "")) return false;
    const kernel = release === undefined || release === "-" ? {} : { kernel: input.names.of(release.slice(0, 64)) };
    input.heard({ began: Number(nsecs), clock: "monotonic", ...kernel });
    return true;
  }
  if (kind !== "z" || !/^\d+$/.test(rest[0] ?? "")) return false;
  input.heard({ ended: Number(rest[0]) });
  return true;
}
