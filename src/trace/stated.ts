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
];

/** @throws SeamlockError SL7002 when a recording begins as something that is no text */
export function checkText(piece: Uint8Array): void {
  const known = BINARY.find(([start]) => stands(bytesOf(start), piece, 0, piece.length));
  if (known !== undefined) throw new SeamlockError("SL7002", `this is ${known[1]}, not text`, { hint: known[2] });
}
