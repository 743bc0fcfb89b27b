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

/** What {@link binaryKind} calls a text of two bytes a character. */
export const UTF16 = "UTF-16";

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

/** Files that are no text, by how they begin; the last is what makes text of them: a command, of which a verb reads the output, or a sentence. */
const BINARY: readonly (readonly [start: string, what: string, remedy: { command: string } | { hint: string }])[] = [
  [
    "PERFILE2",
    "perf's own file",
    { hint: "give what `perf script -i FILE --ns -F comm,tid,cpu,time,event,trace` prints" },
  ],
  ["\u0017\bDtracing", "trace-cmd's own file", { hint: "give what `trace-cmd report -i FILE` prints" }],
  ["\u001f\u008b", "compressed", { command: "zcat FILE" }],
  ["(\u00b5/\u00fd", "compressed", { command: "zstdcat FILE" }],
  ["\u00fd7zXZ", "compressed", { command: "xzcat FILE" }],
  ["BZh", "compressed", { command: "bzcat FILE" }],
  ["\u0004\u0022M\u0018", "compressed", { command: "lz4cat FILE" }],
  ["PK\u0003\u0004", "an archive", { command: "unzip -p FILE" }],
  ["LPKSHHRH", "the journal's own file", { command: "journalctl -k --file FILE" }],
  ["\u00ff\u00fe", UTF16, { command: "iconv -f UTF-16 -t UTF-8 FILE" }],
  ["\u00fe\u00ff", UTF16, { command: "iconv -f UTF-16 -t UTF-8 FILE" }],
];

/**
 * What a file is that is no text, by its first bytes, and what to do about it; null where they say nothing of the kind.
 *
 * @param verb which reads the text: `trace`
 */
export function binaryKind(piece: Uint8Array, verb: string): { readonly what: string; readonly hint: string } | null {
  const known = BINARY.find(([start]) => stands(bytesOf(start), piece, 0, piece.length));
  if (known === undefined) return null;
  const [, what, remedy] = known;
  return { what, hint: "hint" in remedy ? remedy.hint : `\`${remedy.command} | seamlock ${verb} -\`` };
}

/** @throws SeamlockError SL7002 when a recording begins as something that is no text */
export function checkText(piece: Uint8Array): void {
  const known = binaryKind(piece, "trace");
  if (known !== null) throw new SeamlockError("SL7002", `this is ${known.what}, not text`, { hint: known.hint });
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
