/** What the beginning of a recording says of the machine: its kernel and its module; and whether it is text at all. */
import { SeamlockError } from "../errors.ts";
import { bytesOf, stands, textOf } from "./bytes.ts";

export interface Stated {
  readonly kernel: string | null;
  readonly module: string | null;
}

/** A release as `uname -r` prints it: in our own comment and first line, in NDJSON, by perf script --header, by the kernel's boot line. */
const KERNELS = [
  /^# kernel (\d+(?:\.\d+)+)/m,
  /^b 1 \d+ (\d+(?:\.\d+)+)/m,
  /^\{"recording".*"kernel":"(\d+(?:\.\d+)+)"/m,
  /^# os release : (\d+(?:\.\d+)+)/m,
  /Linux version (\d+(?:\.\d+)+)/,
];
/** `Module version: 1.5.24` is what Linux prints when it starts the module. */
const MODULES = [
  /^# module (\d+\.\d+\.\d+)/m,
  /^\{"recording".*"module":"(\d+\.\d+\.\d+)"/m,
  /\bTDX[ -]?module\b.{0,24}?\b(\d+\.\d+\.\d+)/i,
  /\btdx: Module version: (\d+\.\d+\.\d+)/i,
];

/** Reads what the first piece of a recording states. */
export function statedIn(piece: Uint8Array): Stated {
  const first = textOf(piece, 0, Math.min(piece.length, 1 << 16));
  const find = (patterns: readonly RegExp[]): string | null => {
    for (const pattern of patterns) {
      const found = pattern.exec(first)?.[1];
      if (found !== undefined) return found;
    }
    return null;
  };
  return { kernel: find(KERNELS), module: find(MODULES) };
}

/** Files that recorders write and that are no text, by how they begin; the second is the tool that makes text of them. */
const BINARY: readonly (readonly [start: string, what: string, hint: string])[] = [
  ["PERFILE2", "perf's own file", "give what `perf script -i FILE --ns -F comm,tid,cpu,time,event,trace` prints"],
  ["\u0017\bDtracing", "trace-cmd's own file", "give what `trace-cmd report -i FILE` prints"],
  ["\u001f\u008b", "compressed", "`zcat FILE | seamlock trace -`"],
  ["(\u00b5/\u00fd", "compressed", "`zstdcat FILE | seamlock trace -`"],
  ["\u00fd7zXZ", "compressed", "`xzcat FILE | seamlock trace -`"],
  ["BZh", "compressed", "`bzcat FILE | seamlock trace -`"],
  ["\u0004\u0022M\u0018", "compressed", "`lz4cat FILE | seamlock trace -`"],
  ["PK\u0003\u0004", "an archive", "`unzip -p FILE | seamlock trace -`"],
  ["\u00ff\u00fe", "UTF-16", "`iconv -f UTF-16 -t UTF-8 FILE | seamlock trace -`"],
  ["\u00fe\u00ff", "UTF-16", "`iconv -f UTF-16 -t UTF-8 FILE | seamlock trace -`"],
];

/** @throws SeamlockError SL7002 when a recording begins as something that is no text */
export function checkText(piece: Uint8Array): void {
  const known = BINARY.find(([start]) => stands(bytesOf(start), piece, 0, piece.length));
  if (known !== undefined) throw new SeamlockError("SL7002", `this is ${known[1]}, not text`, { hint: known[2] });
}

/** What a recorder prints that does not record. */
const FAILED = /\b(error|denied|not permitted|not found|no such|failed|cannot|unable|usage:)\b/i;
const SHOWN = 100;

/** Why a text whose first line is this one is not read. */
export function unknownText(first: string): SeamlockError {
  if (first.includes("\0")) {
    return new SeamlockError("SL7002", "this is no text", {
      hint: "give what bpftrace, trace-cmd report, tracefs or perf script printed, not the file that the recorder keeps for itself",
    });
  }
  const begins = first.slice(0, SHOWN).replaceAll(/[^\x20-\x7e]/g, "?");
  if (FAILED.test(begins)) {
    return new SeamlockError("SL7002", `this is no recording but what a recorder said that failed: ${begins}`, {
      hint: "`seamlock record --tool` has three recorders; docs/recordings.md says what each needs",
    });
  }
  return new SeamlockError("SL7002", `this is no recording of a kind that seamlock reads; it begins with: ${begins}`, {
    hint: "give what bpftrace, trace-cmd report, tracefs or perf script printed after `seamlock record`, and see docs/recordings.md",
  });
}
