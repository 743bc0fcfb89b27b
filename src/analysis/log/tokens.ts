/** A message as words and numbers, each told what it may be. One pass; no pattern runs over more than one word. */
import { FUNCTIONS, type NamedStatus, nameKey, type Vocabulary } from "./vocabulary.ts";

export interface NumberToken {
  readonly kind: "number";
  readonly word: string;
  readonly start: number;
  readonly end: number;
  readonly value: bigint;
  /** Digits as written, without prefix, separators and suffix. */
  readonly digits: number;
  readonly base: 10 | 16;
  /** Written with `0x`. */
  readonly prefixed: boolean;
}

export interface WordToken {
  readonly kind: "word";
  readonly word: string;
  readonly lower: string;
  readonly start: number;
  readonly end: number;
}

/** A word that names a call, known to the module or not. */
export interface LeafToken extends Omit<WordToken, "kind"> {
  readonly kind: "leaf";
  /** The leaf's name in the catalogs; null when none of them has it. */
  readonly leaf: string | null;
}

/** A word that names a status. */
export interface StatusToken extends Omit<WordToken, "kind"> {
  readonly kind: "status";
  readonly status: NamedStatus;
}

export type Token = NumberToken | WordToken | LeafToken | StatusToken;

/** A status has 16 digits: where a line goes on in its last one (a serial console has lost the end of a line), the rest is another word. */
const WORD = /0x[0-9A-Fa-f]{16}(?=[G-HJ-KM-TV-Zg-hj-km-tv-z])|[A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*/g;
/** Longer words are no names, and no numbers. */
const MAX_WORD = 128;

const HEX = /^0x([0-9a-f_]+?)(?:_?u64|_?i64|u?l{0,2}|l{0,2}u)?$/i;
const DECIMAL = /^(\d+)(?:_?u64|_?i64|u?l{0,2})?$/i;
const BARE_HEX = /^(?:[0-9a-f]{16}|[0-9a-f]{8}_[0-9a-f]{8})$/i;
/** `80000200000000A9h`, as assemblers and specifications write it. */
const SUFFIXED_HEX = /^0?([0-9a-f]{16})h$/i;
/** A probe of perf on a return is named after the function: `tdh_mem_track__return`. */
const LEAF = /(?:^|_)(td[hg][._][a-z0-9]+(?:[._]{1,2}[a-z0-9]+)*)$/i;
/** A leaf of the module has at least this many parts in its name: `tdh_mng_rd`. */
const MIN_LEAF_PARTS = 3;
/** First parts that other projects give the names of statuses. */
const STATUS_PREFIX = /^(?:(?:tdcall|seamcall|tdxcall|err|error|status|tdx_error|tdx_status)_|TdxExitReason(?=[A-Z]))/i;

export function tokensOf(text: string, vocabulary: Vocabulary): readonly Token[] {
  const tokens: Token[] = [];
  for (const match of text.matchAll(WORD)) {
    const word = match[0];
    const at = { word, start: match.index, end: match.index + word.length };
    const lower = word.length > MAX_WORD ? "" : word.toLowerCase();
    const negative = text[at.start - 1] === "-" && /^$|[\s=:(,"'`]/.test(text[at.start - 2] ?? "");
    tokens.push(
      (lower === ""
        ? null
        : (numberToken(at, negative) ?? leafToken(at, lower, vocabulary) ?? statusToken(at, lower, vocabulary))) ?? {
        kind: "word",
        lower,
        ...at,
      },
    );
  }
  return tokens;
}

type Span = Pick<WordToken, "word" | "start" | "end">;

function numberToken(at: Span, negative: boolean): NumberToken | null {
  const prefixed = HEX.exec(at.word)?.[1];
  const hex = prefixed ?? (BARE_HEX.test(at.word) ? at.word : SUFFIXED_HEX.exec(at.word)?.[1]);
  if (hex !== undefined) {
    const digits = hex.replaceAll("_", "");
    if (digits === "") return null;
    const value = digits.length > 16 ? null : BigInt(`0x${digits}`);
    // More digits than 64 bits have are no status, whatever they are.
    return value === null
      ? null
      : { kind: "number", ...at, value, digits: digits.length, base: 16, prefixed: prefixed !== undefined };
  }
  const decimal = DECIMAL.exec(at.word)?.[1];
  if (decimal === undefined || decimal.length > 20) return null;
  const value = BigInt.asUintN(64, negative ? -BigInt(decimal) : BigInt(decimal));
  return { kind: "number", ...at, value, digits: decimal.length, base: 10, prefixed: false };
}

function leafToken(at: Span, lower: string, { leaves }: Vocabulary): LeafToken | null {
  const spelled = LEAF.exec(lower)?.[1];
  if (spelled === undefined) return null;
  return { kind: "leaf", lower, ...at, leaf: knownLeaf(spelled.replaceAll(".", "_"), leaves) };
}

/** A kernel's function for a leaf may say more in its name: `tdh_phymem_page_wbinvd_tdr`, `tdh_vp_rd_failed`. */
function knownLeaf(name: string, leaves: ReadonlySet<string>): string | null {
  const parts = name.split("_");
  for (let n = parts.length; n >= Math.min(MIN_LEAF_PARTS, parts.length); n--) {
    const shorter = parts.slice(0, n).join("_");
    if (leaves.has(shorter)) return shorter;
  }
  return null;
}

function statusToken(at: Span, lower: string, { byName }: Vocabulary): StatusToken | null {
  const named = lower.startsWith("tdx_") ? at.word : at.word.replace(STATUS_PREFIX, "");
  const isName =
    lower.startsWith("tdx_") || /^[a-z0-9]+_/i.test(named) || /^[A-Z][a-z0-9]+(?:[A-Z][a-z0-9]+)+$/.test(named);
  if (!isName) return null;
  const status = byName.get(nameKey(named));
  return status === undefined ? null : { kind: "status", lower, ...at, status };
}

const FRAME = /\b([A-Za-z_]\w{0,80})\+0x[0-9a-f]{1,8}\/0x[0-9a-f]{1,8}/i;

/** The function that a frame of a kernel's warning names: its leaf (null when one of several), or undefined when it makes no call. */
export function frameLeaf(text: string, vocabulary: Vocabulary): string | null | undefined {
  const name = FRAME.exec(text)?.[1]?.toLowerCase();
  if (name === undefined) return undefined;
  if (FUNCTIONS.has(name)) return FUNCTIONS.get(name);
  const leaf = LEAF.exec(name)?.[1];
  return leaf === undefined ? undefined : (knownLeaf(leaf, vocabulary.leaves) ?? undefined);
}
