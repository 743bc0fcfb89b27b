/** Text in pieces, cut into lines. */
import { NO_BYTES } from "./bytes.ts";

/** No line of a recording is longer; what is, is cut off, so that a file without line ends does not fill the memory. */
const LONGEST = 1 << 16;
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

/** Is told where each line stands in a text: its end is that of what it says, before `\r\n` or `\n`. */
type Take = (bytes: Uint8Array, from: number, end: number) => void;

export class Lines {
  readonly #take: Take;
  /** Of a line whose end has not come: the pieces may be written over. */
  #rest = NO_BYTES;
  count = 0;
  /** Lines that were cut off. */
  tooLong = 0;
  #cutting = false;

  constructor(take: Take) {
    this.#take = take;
  }

  push(bytes: Uint8Array): void {
    let from = 0;
    for (let at = lineEnd(bytes, 0); at >= 0; at = lineEnd(bytes, from)) {
      if (this.#cutting) this.#cutting = false;
      else if (this.#rest.length === 0) this.#give(bytes, from, at);
      else {
        const line = joined(this.#rest, bytes.subarray(from, at));
        this.#rest = NO_BYTES;
        this.#give(line, 0, line.length);
      }
      from = at + 1;
    }
    if (this.#cutting || from >= bytes.length) return;
    this.#rest = joined(this.#rest, bytes.subarray(from));
    if (this.#rest.length <= LONGEST) return;
    this.#give(this.#rest, 0, this.#rest.length);
    this.#rest = NO_BYTES;
    this.#cutting = true;
  }

  /** @param whole false: nobody read on, so that what is left over is a part of a line */
  finish(whole: boolean): void {
    if (whole && this.#rest.length > 0) this.#give(this.#rest, 0, this.#rest.length);
    this.#rest = NO_BYTES;
  }

  #give(bytes: Uint8Array, from: number, to: number): void {
    const end = to > from && bytes[to - 1] === CARRIAGE_RETURN ? to - 1 : to;
    this.count += 1;
    if (end - from <= LONGEST) return this.#take(bytes, from, end);
    this.tooLong += 1;
    this.#take(bytes, from, from + LONGEST);
  }
}

/** Where the next line ends; -1 when that is not in the piece. Lines are short, so that calling what searches takes longer than this. */
function lineEnd(bytes: Uint8Array, from: number): number {
  const { length } = bytes;
  for (let at = from; at < length; at++) if (bytes[at] === LINE_FEED) return at;
  return -1;
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}
