/** What a pasted log line says: which call failed, with which status and outputs. */

/** A status found in a line, with what stands around it. */
export interface LoggedStatus {
  /** The status as it stands in the line. */
  readonly status: string;
  /** The leaf in the line's own spelling: a name, or a number; null when it names none. */
  readonly leaf: string | null;
  /** True when the leaf is a number. */
  readonly byNumber: boolean;
  /** Leaf version, where a leaf number carries one in bits 23:16. */
  readonly version: number | null;
  /** Output registers of the call, where the line shows them: name → hex number. */
  readonly outputs: Readonly<Record<string, string>>;
}

const HEX = "0x[0-9a-f]{1,16}|[0-9a-f]{16}";
const LEAF = "TD[HG][._][A-Z]+(?:[._][A-Z0-9]+)*";

/**
 * How kernels print a failed SEAMCALL, most telling first. `leaf` is a name, `number` a leaf number.
 * Time stamps, log levels and prefixes before the message are passed over, for nothing is anchored at the line's start.
 */
const FORMATS: readonly RegExp[] = [
  // KVM 6.16: SEAMCALL TDH_MEM_PAGE_REMOVE failed: 0x…  · with outputs: …, rcx 0x…, rdx 0x…, r8 0x…
  new RegExp(`SEAMCALL\\s*\\[?(?<leaf>${LEAF})\\]?\\s*(?:\\([^)]*\\)\\s*)?failed\\b\\W*(?<status>${HEX})`, "i"),
  // arch code: SEAMCALL (11) failed: 0x…, SEAMCALL (0x0000000000000026) failed: 0x…, seamcall leaf 8 failed
  new RegExp(`SEAMCALL\\s*(?:leaf\\s*)?[([]?(?<number>0x[0-9a-f]+|\\d+)[)\\]]?\\s*failed\\b\\W*(?<status>${HEX})`, "i"),
  // first arch code: tdx: SEAMCALL failed: CPU 94: leaf 33, error 0x….
  new RegExp(`SEAMCALL failed:.*?\\bleaf\\s*(?<number>0x[0-9a-f]+|\\d+)\\W+(?:error|status)\\W*(?<status>${HEX})`, "i"),
  // KVM: tdh_vp_enter failed: 0x…, TDH_VP_FLUSH failed 0x…, tdh.mem.track: error 0x…
  new RegExp(
    `\\b(?<leaf>${LEAF})(?:\\(\\))?\\s*(?:SEAMCALL\\s*)?(?:failed|error|returned|returns|status|err)?\\W*(?:with\\W+)?(?:(?:error|status|code|err)\\W*)*(?<status>${HEX})`,
    "i",
  ),
  // trace points: tdx_seamcall_exit: op TDH_MEM_TRACK … err 0x…
  new RegExp(`\\b(?<leaf>${LEAF})\\b.*?\\b(?:err|error|status|ret|rax|lpret)\\W+(?:is\\W+)?(?<status>${HEX})`, "i"),
  // an error of the exit handler: … unexpected/vp_enter_ret/SEAMCALL status 0x…
  new RegExp(
    `\\b(?:vp_enter_ret|SEAMCALL|exit reason|status|error|err|failed|ret)\\b\\W*(?:code\\W*)?(?<status>${HEX})`,
    "i",
  ),
];

const OUTPUT = /\b(rcx|rdx|r8|r9|r10|r11|entry|level_state|ext_err1|ext_err2)\W{1,3}(0x[0-9a-f]+|[0-9a-f]{8,16})\b/gi;

/** The status of a log line; null when it has none. */
export function readLogLine(line: string): LoggedStatus | null {
  for (const format of FORMATS) {
    const groups = format.exec(line)?.groups;
    if (groups?.["status"] === undefined) continue;
    const { leaf = null, number = null, status } = { ...groups } as Record<string, string>;
    const numbered = number === null || number === undefined ? null : Number(number);
    return {
      status: hex(status ?? ""),
      leaf: numbered === null ? (leaf ?? null) : String(numbered & 0xffff),
      byNumber: numbered !== null,
      version: numbered === null ? null : (numbered >>> 16) & 0xff,
      outputs: outputsOf(line),
    };
  }
  const alone = /^\s*(0x[0-9a-f_]{1,21}|[0-9a-f]{16})\s*$/i.exec(line)?.[1] ?? lastStatus(line);
  return alone === null || alone === undefined
    ? null
    : { status: hex(alone), leaf: leafIn(line), byNumber: false, version: null, outputs: outputsOf(line) };
}

/** A 64-bit number of a line that nothing says is a status: the first one that has the error bit or a class. */
function lastStatus(line: string): string | null {
  return /\b0x[048c-f]000[0-9a-f]{12}\b/i.exec(line)?.[0] ?? null;
}

function leafIn(line: string): string | null {
  return new RegExp(`\\b${LEAF}\\b`, "i").exec(line)?.[0] ?? null;
}

function hex(text: string): string {
  return /^0x/i.test(text) ? text : `0x${text}`;
}

function outputsOf(line: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [, name = "", value = ""] of line.matchAll(OUTPUT)) found[name.toLowerCase()] = hex(value);
  return found;
}
