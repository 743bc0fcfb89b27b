/** Text in pieces, cut into lines. */

/** No line of a recording is longer; what is, is cut off, so that a file without line ends does not fill the memory. */
const LONGEST = 1 << 16;

/** Is told where each line stands in a text: its end is that of what it says, before `\r\n` or `\n`. */
type Take = (text: string, from: number, end: number) => void;

export class Lines {
  readonly #take: Take;
  #rest = "";
  count = 0;
  /** Lines that were cut off. */
  tooLong = 0;
  #cutting = false;

  constructor(take: Take) {
    this.#take = take;
  }

  push(text: string): void {
    let from = 0;
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", from)) {
      if (this.#cutting) this.#cutting = false;
      else if (this.#rest === "") this.#give(text, from, at);
      else {
        const line = this.#rest + text.slice(from, at);
        this.#rest = "";
        this.#give(line, 0, line.length);
      }
      from = at + 1;
    }
    if (this.#cutting || from >= text.length) return;
    this.#rest += text.slice(from);
    if (this.#rest.length <= LONGEST) return;
    this.#give(this.#rest, 0, this.#rest.length);
    this.#rest = "";
    this.#cutting = true;
  }

  finish(): void {
    if (this.#rest !== "") this.#give(this.#rest, 0, this.#rest.length);
    this.#rest = "";
  }

  #give(text: string, from: number, to: number): void {
    const end = to > from && text.charCodeAt(to - 1) === 13 ? to - 1 : to;
    this.count += 1;
    if (end - from <= LONGEST) return this.#take(text, from, end);
    this.tooLong += 1;
    this.#take(text, from, from + LONGEST);
  }
}
