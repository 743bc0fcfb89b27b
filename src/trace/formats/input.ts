/** What the reader of a format is given, and what it tells. */
import type { Assembler } from "../assemble.ts";
import type { Interned } from "../interned.ts";
import type { Cursor } from "./cursor.ts";

/** What a recording says of itself. */
export interface Heard {
  /** When it began and ended, in ns of its clock. */
  readonly began?: number;
  readonly ended?: number;
  readonly kernel?: string;
  readonly clock?: string;
  /** How many of its events are gone because newer ones took their place. */
  readonly overwritten?: number;
  /** The leaves that it watches. */
  readonly leaves?: readonly string[];
}

export interface Input {
  /** One copy of each name. */
  readonly names: Interned<string>;
  /** A frame number in hexadecimal as the key of a TD or a vCPU; null for what is none. */
  readonly frames: Interned<string | null>;
  readonly statuses: Interned<string | null>;
  readonly assembler: Assembler;
  heard(what: Heard): void;
  /** The line should have been an event of ours and is not: it is counted, and the first ones are shown. */
  unread(reason: string, line: string): void;
  /** The line is none that the format has, and may have been an event of ours before it was damaged. */
  strange(): void;
}

/** One way of writing a recording as text. A reader keeps what it knows of the lines before; one is made for each recording. */
export interface Format {
  readonly name: string;
  /** Times are no more exact than this, in ns. */
  readonly resolution: number;
  /** Events of one CPU come in the order of their times, but for so much, in ns: an interrupt can come while one is printed. */
  readonly late: number;
  /** Reads the line that the cursor is at the beginning of; false: it is about something else. */
  line(cursor: Cursor, input: Input): boolean;
  finish?(input: Input): void;
}
