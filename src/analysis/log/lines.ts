/** One line of a log or a mail, as somebody pasted it → the message in it, and when it was printed. */

/** What a line says, without what loggers, terminals and mail programs put around it. */
export interface Message {
  readonly text: string;
  /** When it was printed, as the line writes it: `1234.567890`, `Oct 01 10:11:12`; null when it does not say. */
  readonly time: string | null;
  /** A logger wrote something before it: it begins a record, and is no rest of the line before. */
  readonly begins: boolean;
  /** The line as it was pasted, without colours and blanks at its ends. */
  readonly raw: string;
}

/** A line longer than this is read in pieces, so that one without an end takes no more memory than others. */
export const MAX_LINE = 1 << 16;

/** A piece of a long line is cut at a blank, if there is one near its end. */
const NEAR_END = 256;

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is looked for
const ESCAPES = /\u001b(?:\[[0-9;?]{0,32}[A-Za-z]|\][^\u0007\u001b]{0,200}(?:\u0007|\u001b\\))/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: a log may hold any byte; none of these reaches a terminal
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f]/g;
/** What chat programs and web pages put between letters, to break or join lines there; nobody sees it. */
const UNSEEN = /\u00ad|\u200b|\u200c|\u200d|\u2060|\ufeff/g;
/** `0x80000200'00000092` of C++ and `80000200\`00000092` of WinDbg are one number. */
const SPLIT_DIGITS = /\b(0x[0-9a-f]{1,15}|[0-9a-f]{8})['`](?=[0-9a-f]{1,15}\b)/gi;

/** What stands before a message; `time` is named where it is one. Each is tried again after any of them was found. */
const PREFIXES: readonly { readonly pattern: RegExp; readonly begins: boolean }[] = [
  { pattern: /\s+/y, begins: false },
  // Quoted mail, at any depth.
  { pattern: /(?:>\s?)+/y, begins: false },
  // printk level, caller's thread or CPU: <3>, [T1234], [    C0]
  { pattern: /<\d{1,3}>/y, begins: true },
  // /dev/kmsg: level, number, microseconds, flags
  { pattern: /\d{1,3},\d{1,20},\d{1,20},[^;\s]{1,80};/y, begins: true },
  // dmesg -x
  {
    pattern: /(?:kern|user|daemon|syslog)\s{0,4}:(?:emerg|alert|crit|err|warn|notice|info|debug)\s{0,4}:/y,
    begins: true,
  },
  { pattern: /\[\s{0,8}[TC]\d{1,8}\]:?/iy, begins: true },
  { pattern: /\[\s{0,12}(?<time>\d{1,10}\.\d{1,9})(?:\s<\s{0,12}\d{1,10}\.\d{1,9}>)?\]:?/y, begins: true },
  // dmesg -H, -e: seconds since the line before, or the minute
  { pattern: /\[\s{0,8}\+\d{1,10}\.\d{1,9}\]/y, begins: true },
  { pattern: /\[(?<time>(?:\p{L}{3,5}\.?|\d{1,2}\p{L})\s{1,3}\d{1,2} \d{2}:\d{2})\]/uy, begins: true },
  // dmesg -T, and journalctl and syslog below, in other languages too: [Mi Okt  1 …], [三 10月  1 …]
  {
    pattern: /\[(?<time>\p{L}{1,4}\.? (?:\p{L}{3,5}\.?|\d{1,2}\p{L})\s{1,3}\d{1,2} \d{2}:\d{2}:\d{2}(?: \d{4})?)\]:?/uy,
    begins: true,
  },
  // dmesg --time-format iso, journalctl -o short-iso, rsyslog
  {
    pattern: /\[?(?<time>\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(?:[.,]\d{1,9})?(?:Z|[+-]\d{2}:?\d{2})?)\]?:?(?=\s|$)/y,
    begins: true,
  },
  // syslog: Oct 01 10:11:12, and months of other languages
  {
    pattern: /(?<time>(?:\p{L}{3,5}\.?|\d{1,2}\p{L}) {1,2}\d{1,2} (?:\d{4} )?\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?)(?=\s)/uy,
    begins: true,
  },
  // host and program of syslog
  { pattern: /(?:[\w.-]{1,64}\s)?kernel(?:\[\d{1,8}\])?:/iy, begins: true },
];

/** More prefixes than any logger stacks up. */
const MAX_PREFIXES = 16;

/**
 * Reads a line. One that is a journal's JSON may hold several messages.
 *
 * @param line without its end; longer than {@link MAX_LINE} only if it comes from {@link pieces}
 */
export function messagesOf(line: string): readonly Message[] {
  const text = plain(line);
  const journal = journalEntry(text);
  if (journal === null) return [withoutPrefix(text)];
  return journal.message.split("\n").map((part) => {
    const message = withoutPrefix(plain(part));
    return { ...message, raw: message.text, time: message.time ?? journal.time, begins: true };
  });
}

/** A line in pieces that can be read one by one. */
export function pieces(line: string): readonly string[] {
  if (line.length <= MAX_LINE) return [line];
  const result: string[] = [];
  for (let at = 0; at < line.length; ) {
    const end = Math.min(line.length, at + MAX_LINE);
    const blank = end < line.length ? line.lastIndexOf(" ", end) : -1;
    const cut = blank > end - NEAR_END && blank > at ? blank : end;
    result.push(line.slice(at, cut));
    at = cut;
  }
  return result;
}

function plain(line: string): string {
  const bare = line.includes("\u001b") ? line.replaceAll(ESCAPES, "") : line;
  const text = bare.replaceAll(CONTROL, "").replaceAll(UNSEEN, "");
  return withWholeNumbers(unescaped(text));
}

function withWholeNumbers(text: string): string {
  if (!/['`]/.test(text)) return text;
  let whole = text;
  for (let before = ""; before !== whole; ) {
    before = whole;
    whole = whole.replaceAll(SPLIT_DIGITS, "$1");
  }
  return whole;
}

/** Text that was copied out of the source of a page or of a mail (quoted-printable). */
function unescaped(text: string): string {
  const mail = text.includes("=3D") || text.endsWith("=20") ? text.replaceAll("=3D", "=").replace(/=20$/, "") : text;
  if (!mail.includes("&")) return mail;
  return mail.replaceAll("&gt;", ">").replaceAll("&lt;", "<").replaceAll("&quot;", '"').replaceAll("&amp;", "&");
}

function withoutPrefix(text: string): Message {
  let at = 0;
  let time: string | null = null;
  let begins = false;
  for (let n = 0; n < MAX_PREFIXES; n++) {
    const found = prefixAt(text, at);
    if (found === null) break;
    time ??= found.time;
    begins ||= found.begins;
    at = found.end;
  }
  return { text: text.slice(at).trimEnd(), time, begins, raw: text.trim() };
}

function prefixAt(text: string, at: number): { end: number; time: string | null; begins: boolean } | null {
  for (const { pattern, begins } of PREFIXES) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match !== null) return { end: pattern.lastIndex, time: match.groups?.["time"] ?? null, begins };
  }
  return null;
}

/** `journalctl -o json`: one object a line. A message that is no text is an array of its bytes. */
function journalEntry(text: string): { message: string; time: string | null } | null {
  const start = text.trimStart();
  if (!start.startsWith("{") || !start.includes('"MESSAGE"')) return null;
  try {
    const entry = JSON.parse(start) as Record<string, unknown>;
    const message = messageText(entry["MESSAGE"]);
    return message === null ? null : { message, time: journalTime(entry["__REALTIME_TIMESTAMP"]) };
  } catch {
    return null;
  }
}

function messageText(value: unknown): string | null {
  if (typeof value === "string") return value;
  if (!Array.isArray(value) || !value.every((byte) => Number.isInteger(byte))) return null;
  return new TextDecoder().decode(Uint8Array.from(value as number[]));
}

/** Microseconds since 1970, as ISO 8601. */
function journalTime(value: unknown): string | null {
  const text = String(value);
  if (!/^\d{10,17}$/.test(text)) return null;
  return new Date(Math.floor(Number(text) / 1000)).toISOString();
}
