/** Text in pieces, cut into lines. */

/** No line of a recording is longer; what is, is cut off, so that a file without line ends does not fill the memory. */
const LONGEST = 1 << 16;

export class Lines {
  readonly #line: (line: string) => void;
  #rest = "";
  count = 0;
  /** Lines that were cut off. */
  tooLong = 0;
  #cutting = false;

  constructor(line: (line: string) => void) {
    this.#line = line;
  }

  push(text: string): void {
    let from = 0;
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", from)) {
      const end = at > from && text.charCodeAt(at - 1) === 13 ? at - 1 : at;
      if (this.#cutting) this.#cutting = false;
      else if (this.#rest === "") this.#give(text.slice(from, end));
      else {
        const rest = this.#rest;
        this.#rest = "";
        this.#give(rest + text.slice(from, end));
      }
      from = at + 1;
    }
    if (this.#cutting || from >= text.length) return;
    this.#rest += text.slice(from);
    if (this.#rest.length <= LONGEST) return;
    this.#give(this.#rest);
    this.#rest = "";
    this.#cutting = true;
  }

  finish(): void {
    if (this.#rest !== "") this.#give(this.#rest);
    this.#rest = "";
  }

  #give(line: string): void {
    this.count += 1;
    if (line.length <= LONGEST) return this.#line(line);
    this.tooLong += 1;
    this.#line(line.slice(0, LONGEST));
  }
}
