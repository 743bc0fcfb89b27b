/**
 * Finding places in JSON text: where it breaks, and where the value of a path stands.
 *
 * `JSON.parse` tells neither in a way that is the same in every engine, and a message without a place is of little use
 * in a file of ten thousand lines. The scanner runs only after something was found wrong.
 */

/** A path into a JSON document, outermost first. */
export type JsonPath = readonly (string | number)[];

export interface JsonFault {
  readonly offset: number;
  /** What was found instead of JSON. */
  readonly message: string;
  /** True when the text ends where more was expected. */
  readonly truncated: boolean;
}

class Fault extends Error {
  readonly offset: number;
  readonly truncated: boolean;
  constructor(offset: number, message: string, truncated: boolean) {
    super(message);
    this.offset = offset;
    this.truncated = truncated;
  }
}

/** Deeper nesting than any document of ours; a bound for the recursion. */
const MAX_DEPTH = 100;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const WORD = /true|false|null/y;
const SPACE = /[ \t\n\r]*/y;

class Scanner {
  private at = 0;
  private readonly text: string;
  private readonly onValue: (path: JsonPath, offset: number) => void;

  constructor(text: string, onValue: (path: JsonPath, offset: number) => void) {
    this.text = text;
    this.onValue = onValue;
  }

  document(): void {
    this.space();
    this.value([]);
    this.space();
    if (this.at < this.text.length) this.fail("more text after the end of the document");
  }

  private value(path: JsonPath): void {
    if (path.length > MAX_DEPTH) this.fail(`nested deeper than ${MAX_DEPTH} levels`);
    this.onValue(path, this.at);
    const c = this.text[this.at];
    if (c === "{") this.object(path);
    else if (c === "[") this.array(path);
    else if (c === '"') this.string();
    else if (this.match(NUMBER) === null && this.match(WORD) === null) this.fail(this.expected("a value"));
  }

  private object(path: JsonPath): void {
    this.at++;
    this.space();
    if (this.take("}")) return;
    for (;;) {
      this.space();
      if (this.text[this.at] !== '"') this.fail(this.expected("a field name in double quotes"));
      const name = JSON.parse(this.string()) as string;
      this.space();
      if (!this.take(":")) this.fail(this.expected("':'"));
      this.space();
      this.value([...path, name]);
      this.space();
      if (this.take("}")) return;
      if (!this.take(",")) this.fail(this.expected("',' or '}'"));
    }
  }

  private array(path: JsonPath): void {
    this.at++;
    this.space();
    if (this.take("]")) return;
    for (let i = 0; ; i++) {
      this.space();
      this.value([...path, i]);
      this.space();
      if (this.take("]")) return;
      if (!this.take(",")) this.fail(this.expected("',' or ']'"));
    }
  }

  /** Character by character: one expression for a whole string would exhaust the stack on a very long one. */
  private string(): string {
    const start = this.at;
    for (this.at++; this.at < this.text.length; ) {
      const c = this.text.charCodeAt(this.at);
      if (c === QUOTE) return this.text.slice(start, ++this.at);
      if (c === BACKSLASH) {
        if (this.match(ESCAPE) === null) this.badString(start);
      } else if (c < 0x20) this.badString(start);
      else this.at++;
    }
    this.fail("the text ends inside a string");
  }

  /** A fault is reported where the string starts; an escape that the end of the text cuts off is a cut-off string. */
  private badString(start: number): never {
    if (/^\\(?:u[0-9a-fA-F]{0,3})?$/.test(this.text.slice(this.at, this.at + 6))) {
      this.at = this.text.length;
      this.fail("the text ends inside a string");
    }
    this.at = start;
    this.fail("a string with a bad character or escape");
  }

  private match(pattern: RegExp): string | null {
    pattern.lastIndex = this.at;
    const m = pattern.exec(this.text);
    if (m === null) return null;
    this.at += m[0].length;
    return m[0];
  }

  private space(): void {
    this.match(SPACE);
  }

  private take(c: string): boolean {
    if (this.text[this.at] !== c) return false;
    this.at++;
    return true;
  }

  private expected(what: string): string {
    return this.at >= this.text.length
      ? `the text ends where ${what} is expected`
      : `${JSON.stringify(this.text[this.at])} where ${what} is expected`;
  }

  private fail(message: string): never {
    throw new Fault(this.at, message, this.at >= this.text.length);
  }
}

/** Where and why `text` is not JSON; null when it is. */
export function findJsonFault(text: string): JsonFault | null {
  try {
    new Scanner(text, () => undefined).document();
    return null;
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { offset: error.offset, message: error.message, truncated: error.truncated };
  }
}

/** The offset at which the value of `path` starts, or of its nearest existing ancestor. `text` must be JSON. */
export function locateJson(text: string, path: JsonPath): number {
  let best = 0;
  let depth = -1;
  const visit = (at: JsonPath, offset: number): void => {
    if (at.length <= depth || at.length > path.length) return;
    if (at.every((step, i) => step === path[i])) {
      best = offset;
      depth = at.length;
    }
  };
  try {
    new Scanner(text, visit).document();
  } catch (error) {
    // Nested too deep to scan: the last place found is the best there is.
    if (!(error instanceof Fault)) throw error;
  }
  return best;
}

/** Line and column, both 1-based, of an offset. */
export function lineAndColumn(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  const line = before.split("\n").length;
  return { line, column: offset - before.lastIndexOf("\n") };
}
