/** Reads a log line by line: joins what belongs together, and groups what says the same. Its memory does not grow with the log. */
import { type Message, messagesOf, pieces } from "./lines.ts";
import { type Found, type LeafMention, type MessageReading, readMessage } from "./message.ts";
import { frameLeaf } from "./tokens.ts";
import { KERNEL_RELEASES, MODULE_VERSIONS, upperHalf, type Vocabulary } from "./vocabulary.ts";

/** One status of one call, as often as the log has it. */
export interface LogGroup {
  readonly found: Found;
  /** The lines that said it first, as pasted. */
  readonly line: string;
  /** Registers shown with it the first time: name → number. */
  readonly outputs: Readonly<Record<string, string>>;
  readonly count: number;
  /** When it was printed the first and the last time, where the log says. */
  readonly first: string | null;
  readonly last: string | null;
  /** Positions in the log: which status of it was the first and the last of this group. */
  readonly order: { readonly first: number; readonly last: number };
}

export interface LogReading {
  /** In the order of their first lines. */
  readonly groups: readonly LogGroup[];
  /** Further statuses that differ from all of these, beyond what is kept. */
  readonly beyond: number;
  /** Messages without a status: all of a short text, of a log only what concerns TDX; the first ones. */
  readonly unread: readonly string[];
  readonly lines: {
    /** All lines. */
    readonly read: number;
    /** Those that concern TDX. */
    readonly about: number;
    /** Calls that ended well, where the log also has others. */
    readonly good: number;
  };
  /** Version of the module and release of the kernel that the log states last; null when it does not. */
  readonly module: string | null;
  readonly kernel: string | null;
}

/** Lines that are read word by word. Of what follows in a longer log only lines that look like a status or name TDX, and what these wait for. */
const THOROUGH = 2000;
const MAX_GROUPS = 400;
const MAX_UNREAD = 40;
/** A text of more lines is a log: what does not concern TDX is left out of what is told as unread. */
const SHORT = 40;
/** Registers follow their status within so many lines. */
const NEAR = 4;
/** A warning of a kernel is not longer. */
const SPLAT = 70;
/** A record that is wrapped is not longer. */
const MAX_JOINED = 4000;
const MAX_LINES = 8;
/** No record is nothing but a few digits, whatever a logger puts before it. */
const DIGITS = /^[0-9a-f]{1,15}$/i;

const SUBERROR = /\bSuberror: (\d{1,3})\b/i;
/** KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON of `include/uapi/linux/kvm.h`. */
const UNEXPECTED_EXIT = 4;

/** What a line of a long log must have to be read: a word of TDX, or a number whose upper half can be a status. */
const CANDIDATE =
  /Suberror|td[xhg]|tdcall|tdvmcall|seam|0x[4-9a-e]0000|\b[4-9a-e]0000[0-9a-f]{3}(?:_?[0-9a-f]{8}\b|['`])|data\[0\]|Linux version|\b\d{19,20}\b|GetQuote/i;

interface Pending {
  readonly message: Message;
  readonly reading: MessageReading;
  /** How many lines it was joined of. */
  readonly lines: number;
  /** A line before it, that says too little alone: its name may go on in this one. */
  readonly before: Pending | null;
}

interface Group extends Omit<LogGroup, "line" | "count" | "last" | "outputs" | "order"> {
  line: string;
  count: number;
  last: string | null;
  outputs: Record<string, string>;
  order: { first: number; last: number };
}

export class LogReader {
  private readonly groups = new Map<string, Group>();
  private readonly unread: string[] = [];
  private readonly vocabulary: Vocabulary;
  private pending: Pending | null = null;
  private recent: { group: Group; isFirst: boolean; line: number } | null = null;
  private splat: { leaf: string | null; until: number } | null = null;
  private suberror: number | null = null;
  private module: string | null = null;
  private kernel: string | null = null;
  private lines = 0;
  private about = 0;
  private good = 0;
  private beyond = 0;
  private statuses = 0;
  /** Is there more than numbers that stand alone? */
  private hasText = false;

  constructor(vocabulary: Vocabulary) {
    this.vocabulary = vocabulary;
  }

  /** Reads one more line, without its end. */
  push(line: string): void {
    this.lines++;
    const isAwaited = this.splat !== null || this.pending !== null;
    if (this.lines > THOROUGH && !isAwaited && !CANDIDATE.test(line)) return;
    for (const piece of pieces(line)) for (const message of messagesOf(piece)) this.take(message);
  }

  /** What the log says so far; further lines may follow. */
  result(): LogReading {
    this.flush();
    const all = [...this.groups.values()];
    const isGood = (g: Group): boolean => g.found.status === 0n;
    const bad = all.filter((g) => !isGood(g));
    const isOnly = !this.hasText;
    const kept = bad.length > 0 ? bad : all.filter((g) => g.found.call !== null || g.found.alone);
    return {
      groups: kept.filter((g) => isOnly || !isStray(g.found)).map((g) => ({ ...g, order: { ...g.order } })),
      beyond: this.beyond,
      unread: this.unread.slice(),
      lines: { read: this.lines, about: this.about, good: bad.length > 0 ? this.good : 0 },
      module: this.module,
      kernel: this.kernel,
    };
  }

  private take(message: Message): void {
    if (message.text === "") return this.flush();
    if (this.isForeignData(message.text)) return this.flush();
    const says = this.noteVersions(message.text);
    const reading = this.read(message.text);
    if (says && reading.found.length === 0) return this.flush();
    if (reading.registersOnly && this.addRegisters(message, reading)) return;
    const next: Pending = { message, reading, lines: 1, before: null };
    const joined = this.pending === null ? null : this.joined(this.pending, next);
    if (joined !== null) {
      this.pending = joined;
      return;
    }
    const before = this.pending;
    // Two lines that say nothing yet may be a record that a third one completes.
    if (before !== null && isDangling(before) && isDangling(next) && !message.begins) {
      if (before.before !== null) this.settle(before.before);
      this.pending = { ...next, before: { ...before, before: null } };
      return;
    }
    this.flush();
    this.pending = next;
    // Only a message that lacks something waits for the next line.
    if (!mayGoOn(next) || (isDangling(next) && !reading.open)) this.flush();
  }

  private read(text: string): MessageReading {
    this.noteSplat(text);
    const reading = readMessage(text, this.vocabulary);
    return this.splat === null ? reading : inSplat(reading, this.splat.leaf, text);
  }

  /** What follows KVM's internal errors, but for one of them, has nothing of TDH.VP.ENTER's. */
  private isForeignData(text: string): boolean {
    const suberror = SUBERROR.exec(text)?.[1];
    if (suberror !== undefined) this.suberror = Number(suberror);
    return this.suberror !== null && this.suberror !== UNEXPECTED_EXIT && /^extra data\[\d/i.test(text);
  }

  /** In a kernel's warning RAX may be the status of the call that the function makes. */
  private noteSplat(text: string): void {
    if (this.splat !== null && this.lines > this.splat.until) this.splat = null;
    if (!/\+0x/i.test(text)) {
      if (/cut here|end trace/i.test(text)) this.splat = null;
      return;
    }
    if (!/\b(?:WARNING|BUG|RIP)\b/i.test(text)) return;
    const leaf = frameLeaf(text, this.vocabulary);
    if (leaf !== undefined) this.splat = { leaf, until: this.lines + SPLAT };
  }

  /** Does the message state a version? */
  private noteVersions(text: string): boolean {
    if (!/version|tdx_|tainted/i.test(text)) return false;
    const find = (patterns: readonly RegExp[]): string | null =>
      patterns.flatMap((pattern) => pattern.exec(text)?.[1] ?? []).at(0) ?? null;
    const [module, kernel] = [find(MODULE_VERSIONS), find(KERNEL_RELEASES)];
    this.module = module ?? this.module;
    this.kernel = kernel ?? this.kernel;
    return module !== null || kernel !== null;
  }

  private addRegisters(message: Message, reading: MessageReading): boolean {
    const pending = this.pending;
    if (pending !== null && pending.reading.found.length > 0) this.flush();
    const recent = this.recent;
    if (recent === null || this.splat !== null || this.lines - recent.line > NEAR) return false;
    if (!recent.isFirst) return true;
    for (const [name, value] of Object.entries(reading.outputs)) recent.group.outputs[name] ??= value;
    if (recent.group.line.length + message.raw.length < MAX_JOINED) recent.group.line += `\n${message.raw}`;
    return true;
  }

  /**
   * A record that a terminal or a mail program has wrapped: joined where the whole says more than its parts. A line that a
   * logger began is no rest of another one.
   */
  private joined(pending: Pending, next: Pending): Pending | null {
    const begins = next.message.begins && !DIGITS.test(next.message.text);
    if (begins || pending.lines > MAX_LINES) return null;
    // A name at the end of a line and its number on the next are one status, not two.
    const least = namesSame(pending, next) ? score(next.reading) : score(pending.reading) + score(next.reading);
    const whole = this.bestOf([pending, next], least);
    if (pending.before === null) return whole;
    const apart = whole === null ? score(pending.reading) + score(next.reading) : score(whole.reading);
    const three = this.bestOf([pending.before, pending, next], apart);
    if (three !== null || whole === null) return three;
    this.settle(pending.before);
    return { ...whole, before: null };
  }

  /** The way to join some lines that says most, where it says more than `least`. */
  private bestOf(parts: readonly Pending[], least: number): Pending | null {
    const [first, ...rest] = parts;
    if (first === undefined || !parts.slice(0, -1).some(mayGoOn)) return null;
    if (parts.reduce((sum, p) => sum + p.message.text.length, 0) > MAX_JOINED) return null;
    let texts = [first.message.text];
    for (const { message } of rest)
      texts = texts.flatMap((text) => [`${withoutSoftBreak(text)}${message.text}`, `${text} ${message.text}`]);
    let best: { text: string; reading: MessageReading } | null = null;
    for (const text of texts) {
      const reading = this.read(text);
      if (score(reading) > (best === null ? least : score(best.reading))) best = { text, reading };
    }
    if (best === null) return null;
    const raw = parts.map((p) => p.message.raw).join("\n");
    const lines = parts.reduce((sum, p) => sum + p.lines, 0);
    return { message: { ...first.message, text: best.text, raw }, reading: best.reading, lines, before: null };
  }

  private flush(): void {
    const { pending } = this;
    this.pending = null;
    if (pending === null) return;
    if (pending.before !== null) this.settle(pending.before);
    this.settle(pending);
  }

  /** Takes over what a message says, for nothing more belongs to it. */
  private settle({ message, reading }: Pending): void {
    this.hasText ||= !reading.found.some((f) => f.alone);
    if (reading.about || reading.found.length > 0) this.about++;
    for (const [i, found] of reading.found.entries()) this.add(message, found, i === 0 ? reading.outputs : {});
    if (reading.found.length === 0) this.addUnread(message.raw, reading.about);
  }

  private add(message: Message, found: Found, outputs: Readonly<Record<string, string>>): void {
    if (found.status === 0n) this.good++;
    const at = this.statuses++;
    const key = groupKey(found);
    const known = this.groups.get(key);
    if (known !== undefined) {
      known.count++;
      known.last = message.time === null ? known.last : copied(message.time);
      known.order.last = at;
      this.recent = { group: known, isFirst: false, line: this.lines };
      return;
    }
    if (this.groups.size >= MAX_GROUPS) {
      this.beyond++;
      this.recent = null;
      return;
    }
    const { time, raw } = message;
    const line = raw.length > MAX_JOINED ? raw.slice(0, MAX_JOINED) : raw;
    const order = { first: at, last: at };
    const first = time === null ? null : copied(time);
    const group: Group = {
      found: { ...found, call: found.call === null ? null : { ...found.call, word: copied(found.call.word) } },
      line: copied(line),
      outputs: Object.fromEntries(Object.entries(outputs).map(([name, value]) => [name, copied(value)])),
      count: 1,
      first,
      last: first,
      order,
    };
    this.groups.set(key, group);
    this.recent = { group, isFirst: true, line: this.lines };
  }

  private addUnread(text: string, about: boolean): void {
    if (this.unread.length >= MAX_UNREAD || (this.lines > SHORT && !about)) return;
    this.unread.push(copied(text.slice(0, 400)));
  }
}

/** A text of its own: a part of a log's text would keep all that was read with it. */
const copied = (text: string): string => text.split("").join("");

/** A mail program that sends quoted-printable ends a line that it wraps with `=`. */
const withoutSoftBreak = (text: string): string => (text.endsWith("=") ? text.slice(0, -1) : text);

/** A number that stands alone and is no status that is known: worth a word where it is all there is, some other number in a text. */
function isStray({ alone, isKnown }: Found): boolean {
  return alone && !isKnown;
}

function groupKey({ status, giver, call, cut }: Found): string {
  return [status ?? "none", giver, call?.leaf ?? call?.word ?? "", call?.version || "", cut ?? ""].join(" ");
}

/** Does a message lack something that the next line may have? */
function mayGoOn({ message, reading }: Pending): boolean {
  return (
    reading.open ||
    reading.found.at(-1)?.upperOnly === true ||
    Object.keys(reading.outputs).length > 0 ||
    /[,(=]$/.test(message.text) ||
    isDangling({ reading })
  );
}

function namesSame({ reading: a }: Pending, { reading: b }: Pending): boolean {
  const [name, number] = [a.found.at(-1), b.found[0]];
  if (name?.upperOnly !== true || number === undefined || number.call !== null || number.upperOnly) return false;
  return name.status !== null && number.status !== null && upperHalf(name.status) === upperHalf(number.status);
}

/** Says nothing that is known alone. */
const isDangling = ({ reading }: Pick<Pending, "reading">): boolean =>
  reading.found.length === 0 && Object.keys(reading.outputs).length === 0;

/** How much a reading says: a joined message must say more than its parts. */
function score({ found, outputs }: MessageReading): number {
  const statuses = found.map((f) => statusScore(f) + callScore(f.call));
  return statuses.reduce((sum, n) => sum + n, 0) + 0.1 * Object.keys(outputs).length;
}

function statusScore({ status, cut, upperOnly, isKnown, giver }: Found): number {
  if (status === null) return 0.5;
  if (cut !== null || (!isKnown && giver === "module")) return 1;
  return upperOnly ? 3 : 4;
}

function callScore(call: LeafMention | null): number {
  if (call === null) return 0;
  if (call.assumed) return 0.2;
  return call.leaf === null && call.loader === null ? 0.5 : 2;
}

/** Of a kernel's warning only RAX can be a status, and only where its upper half is one. */
function inSplat(reading: MessageReading, leaf: string | null, text: string): MessageReading {
  const rax = /\bRAX:\s{0,4}(?:0x)?([0-9a-f]{16})\b/i.exec(text)?.[1];
  if (rax === undefined) return { ...reading, registersOnly: false };
  const status = BigInt(`0x${rax}`);
  const found = reading.found.filter((f) => f.status !== null && upperHalf(f.status) === upperHalf(status));
  const call = leaf === null ? null : { word: leaf, leaf, version: null, assumed: false, loader: null };
  return { ...reading, found: found.map((f) => ({ ...f, call: call ?? f.call, printed: true })), registersOnly: false };
}
