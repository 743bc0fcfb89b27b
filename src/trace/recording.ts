/** A recording, read once from its beginning to its end: text goes in piece by piece, at the end there is the document. */
import type { Catalog } from "../catalog/index.ts";
import { SeamlockError } from "../errors.ts";
import { entriesOf, type HostProfile } from "../host/index.ts";
import { Assembler } from "./assemble.ts";
import { type Blame, blame } from "./blame.ts";
import { bytesOf, stands, textOf } from "./bytes.ts";
import { type Call, statusOf } from "./call.ts";
import type { TraceDocument } from "./document.ts";
import { Episodes } from "./episodes.ts";
import { Expectation } from "./expect.ts";
import { Cursor } from "./formats/cursor.ts";
import { detect, type FormatName, formatNamed } from "./formats/index.ts";
import type { Format, Heard, Input } from "./formats/input.ts";
import { WHILE } from "./gaps.ts";
import { Holders } from "./holders.ts";
import { Interned } from "./interned.ts";
import { Lines } from "./lines.ts";
import { frameKey } from "./objects.ts";
import { Settler } from "./settle.ts";
import { Spans } from "./spans.ts";
import { checkText, unknownText } from "./stated.ts";
import { Tally } from "./tally.ts";
import { Wanted } from "./window.ts";
import { CALLED_LEAVES, ENTER, RECORDED_LEAVES } from "./wrappers.ts";

export interface RecordingOptions {
  readonly catalog: Catalog;
  readonly host?: HostProfile;
  /** Null or absent: found out from the first lines. */
  readonly format?: FormatName;
  /** Only calls that touch this time, in ns of the recording's clock. */
  readonly window?: readonly [number, number];
  /** Only calls of this TD. */
  readonly td?: string;
  /** Only BUSYs of this leaf. */
  readonly leaf?: string;
  /** By how much clocks of two CPUs may differ, in ns. */
  readonly skew?: number;
  /** How many BUSYs and episodes are told one by one. */
  readonly most?: number;
  /** Told of every call and every BUSY, in the order of their ends. */
  readonly onCall?: (call: Call) => void;
  readonly onBlame?: (blame: Blame) => void;
}

const BYTE_ORDER_MARK = bytesOf("\u00ef\u00bb\u00bf");
const ESCAPE = 0x1b;
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is how a terminal is told colours.
const COLOURS = /\u001b\[[\d;]*[A-Za-z]/g;

/** So many lines are kept to find out the format. */
const FIRST_LINES = 200;

/**
 * Reads one recording.
 *
 * @throws SeamlockError SL7002 when the text is no recording that it knows, SL7003 when it is empty
 */
export class Recording {
  /** The module's facts that the recording is read with. */
  readonly catalog: Catalog;
  readonly #options: RecordingOptions;
  readonly #holders: Holders;
  readonly #spans: Spans;
  readonly #assembler: Assembler;
  readonly #settler: Settler;
  readonly #episodes: Episodes;
  readonly #tally: Tally;
  readonly #lines: Lines;
  readonly #input: Input;
  readonly #cursor = new Cursor();
  #format: Format | null;
  #coloured = false;
  #waiting: Uint8Array[] = [];
  /** Lines that have come since the one that is being read. */
  #ahead = 0;
  /** The first line that says something, as long as the format is not known. */
  #first: string | null = null;
  #untouched = true;
  /** Was there anything but empty lines? */
  #isEmpty = true;
  #watched: ReadonlySet<string> | null = null;
  readonly #expectation: Expectation | null;
  readonly #called: ReadonlySet<string>;
  #entersSeen = false;
  #began: number | null = null;
  #ended: number | null = null;
  #kernel: string | null = null;
  #clock: string | null = null;

  constructor(options: RecordingOptions) {
    this.#options = options;
    const { catalog, host, skew = 0 } = options;
    this.catalog = catalog;
    this.#holders = new Holders(catalog, host?.guest?.calls ?? null);
    this.#spans = new Spans(catalog);
    this.#expectation = host === undefined ? null : new Expectation(catalog, host);
    this.#called = new Set(host === undefined ? CALLED_LEAVES : callsOf(host, catalog));
    this.#format = options.format === undefined ? null : formatNamed(options.format);
    this.#tally = new Tally(options, this.#holders);
    this.#assembler = new Assembler(
      (call) => this.#arrived(call),
      (cpu, chain) => this.#settler.lastOf(cpu, chain),
    );
    const self = this;
    this.#settler = new Settler(this.#assembler, {
      get tolerance() {
        return skew + (self.#format?.resolution ?? 0);
      },
      settled: (call, hurried) => this.#settled(call, hurried),
      watches: (leaf) => this.#watches(leaf),
      began: () => this.#began,
      ended: () => this.#ended,
    });
    if (this.#format !== null) this.#assembler.late = this.#format.late;
    this.#episodes = new Episodes(ENTER.leaf, (episode) => {
      this.#expectation?.reaction(episode);
      const { leaf, td, begin, end } = episode;
      if (options.leaf !== undefined && options.leaf !== leaf) return;
      this.#tally.episode(episode, this.#settler.timeOut(td, begin, end), () => this.#settler.around(td, begin, end));
    });
    this.#lines = new Lines((bytes, from, end) => this.#line(bytes, from, end));
    this.#input = {
      names: new Interned((word) => word),
      frames: new Interned(frameKey),
      statuses: new Interned(statusOf),
      assembler: this.#assembler,
      heard: (what) => this.#heard(what),
      unread: (reason, line) => this.#unread(reason, line),
      strange: () => this.#missing(),
    };
  }

  /** The next piece, cut anywhere; nothing of it is kept. A text has a character for each byte; what is not ASCII tells nothing. */
  push(piece: Uint8Array | string): void {
    const bytes = typeof piece === "string" ? bytesOf(piece) : piece;
    this.#coloured ||= bytes.includes(ESCAPE);
    if (this.#untouched) {
      this.#untouched = false;
      checkText(bytes);
      const isMarked = stands(BYTE_ORDER_MARK, bytes, 0, bytes.length);
      this.#lines.push(isMarked ? bytes.subarray(BYTE_ORDER_MARK.length) : bytes);
    } else this.#lines.push(bytes);
  }

  /** @param whole false: the reading was stopped, maybe within a line */
  finish(whole = true): TraceDocument {
    this.#lines.finish(whole);
    if (this.#format === null) this.#decide();
    if (this.#format === null) throw this.#isEmpty ? isEmpty() : unknownText(this.#first ?? "");
    this.#format?.finish?.(this.#input);
    this.#settler.finish();
    this.#episodes.finish();
    const { first, last, lost, headless, endless } = this.#assembler;
    const open = [...this.#assembler.openCalls()];
    return this.#tally.document({
      format: this.#format.name,
      kernel: this.#kernel,
      clock: this.#clock,
      resolution: this.#format?.resolution ?? 0,
      lines: this.#lines.count,
      whole,
      endless: this.#began !== null && this.#ended === null,
      tooLong: this.#lines.tooLong,
      lost,
      unmatched: headless + endless,
      open: open.length,
      late: this.#settler.late,
      hurried: this.#settler.hurried,
      crowded: this.#settler.crowded,
      forgotten: {
        tasks: this.#assembler.forgotten,
        runs: this.#settler.unfollowed,
        episodes: this.#episodes.forgotten,
      },
      from: Number.isFinite(first) ? first : null,
      to: Number.isFinite(last) ? last : null,
      surprises: this.#expectation?.surprises() ?? [],
      neverSeen: this.#expectation?.neverSeen() ?? [],
    });
  }

  #line(bytes: Uint8Array, from: number, end: number): void {
    // Colours, of what was shown on a terminal.
    if (this.#coloured) {
      const line = bytesOf(textOf(bytes, from, end).replaceAll(COLOURS, ""));
      return this.#plain(line, 0, line.length);
    }
    this.#plain(bytes, from, end);
  }

  #plain(bytes: Uint8Array, from: number, end: number): void {
    if (this.#format !== null) {
      this.#cursor.set(bytes, from, end);
      if (!this.#format.line(this.#cursor, this.#input)) this.#tally.passed += 1;
      return;
    }
    this.#waiting.push(new Uint8Array(bytes.subarray(from, end)));
    if (this.#waiting.length >= FIRST_LINES) this.#decide();
  }

  /** Lines of which none tells the form are about something else. */
  #decide(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    const lines = waiting.map((line) => textOf(line, 0, line.length));
    this.#isEmpty &&= lines.every((line) => line.trim() === "");
    this.#format = detect(lines);
    if (this.#format !== null) this.#assembler.late = this.#format.late;
    if (this.#format === null) {
      this.#tally.passed += waiting.length;
      this.#first ??= lines.find((line) => line.trim() !== "" && !line.startsWith("#")) ?? null;
      return;
    }
    // They are read now, and are not the last ones that came.
    this.#ahead = waiting.length;
    for (const line of waiting) {
      this.#ahead -= 1;
      this.#plain(line, 0, line.length);
    }
  }

  /** Such a line told of somebody, and who it was is not known: a call that was printed then. */
  #unread(reason: string, line: string): void {
    this.#tally.unread(reason, line, this.#lines.count - this.#ahead);
    this.#missing();
  }

  #missing(): void {
    const { last, gaps } = this.#assembler;
    gaps.within(last - WHILE, last + WHILE);
  }

  #heard(what: Heard): void {
    if (what.began !== undefined) this.#began = what.began;
    if (what.ended !== undefined) this.#ended = what.ended;
    if (what.overwritten !== undefined) this.#tally.overwritten += what.overwritten;
    if (what.kernel !== undefined) this.#kernel = what.kernel;
    if (what.clock !== undefined) this.#clock = what.clock;
    if (what.leaves !== undefined) this.#watched = new Set(what.leaves);
  }

  /** Leaves that the host never calls need not be watched: those that its profile does not have, or Linux has no function for. */
  #watches(leaf: string): boolean {
    if (!this.#called.has(leaf)) return true;
    if (this.#watched !== null) return this.#watched.has(leaf);
    return leaf === ENTER.leaf ? this.#entersSeen : RECORDED_LEAVES.has(leaf);
  }

  #arrived(call: Call): void {
    if (call.leaf === ENTER.leaf) this.#entersSeen = true;
    // What a leaf takes that the catalog does not have, or whose name is damaged, is not known.
    else if (!this.#holders.knows(call.leaf)) this.#assembler.gaps.within(call.begin, call.end);
    this.#settler.add(call);
  }

  #settled(call: Call, hurried: boolean): void {
    const { window, td, onCall, onBlame, leaf } = this.#options;
    this.#episodes.passed(call.end);
    this.#tally.seen(call);
    if (window !== undefined && (call.end < window[0] || call.begin > window[1])) return;
    if (td !== undefined && call.td !== td) return;
    const { status } = call;
    const busy = status !== null && (this.#holders.isBusy(status) || this.#holders.isHostPriority(status));
    const { tolerance } = this.#settler;
    this.#tally.call(call, busy);
    this.#spans.learn(call, busy);
    onCall?.(call);
    this.#expectation?.meeting(call, this.#settler, tolerance);
    this.#episodes.see(call, busy);
    if (!busy || (leaf !== undefined && leaf !== call.leaf)) return;
    const wanted = this.#holders.refusal(call.leaf, status)?.wanted ?? NOBODY;
    const around = this.#settler.aroundOf(call, hurried, wanted);
    const blamed = blame(call, around, { holders: this.#holders, spans: this.#spans, tolerance });
    this.#tally.blame(blamed);
    this.#expectation?.busy(blamed);
    onBlame?.(blamed);
  }
}

const NOBODY = new Wanted(new Set(), "none");

const isEmpty = (): SeamlockError =>
  new SeamlockError("SL7003", "the recording is empty", {
    hint: "`seamlock record` prints the commands that make one",
  });

/** The leaves that a profile's paths call. */
function callsOf({ paths }: HostProfile, catalog: Catalog): string[] {
  const calls = new Set(paths.flatMap(({ steps }) => steps.map(({ call }) => call)));
  return [...calls].flatMap((call) => entriesOf(catalog, call).map(({ name }) => name));
}
