/**
 * The one error type of seamlock: what a person needs to mend their input.
 *
 * Every folder may import this file; it imports nothing. The CLI prints it without a stack trace and maps it to exit status 2.
 */

/** Where the cause stands: a file, and line and column (1-based) when known. */
export interface Place {
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
}

export class SeamlockError extends Error {
  override readonly name = "SeamlockError";
  /** `SL` and four digits, documented in docs/diagnostics.md. */
  readonly code: string;
  readonly place: Place | null;
  /** What to try next; null when the message says all there is. */
  readonly hint: string | null;
  /** What else is wrong with the same input, in the order of the file. */
  readonly others: readonly SeamlockError[];

  /**
   * @param code `SL` and four digits
   * @param message what is wrong, in one sentence without a full stop
   */
  constructor(
    code: string,
    message: string,
    options: { place?: Place; hint?: string; cause?: unknown; others?: readonly SeamlockError[] } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.place = options.place ?? null;
    this.hint = options.hint ?? null;
    this.others = options.others ?? [];
  }

  /** The same error with a place, if it has none: of a reader that is not told where its text is from. */
  at(place: Place): SeamlockError {
    if (this.place !== null) return this;
    return new SeamlockError(this.code, this.message, {
      cause: this,
      place,
      ...(this.hint && { hint: this.hint }),
      others: this.others,
    });
  }

  /** The same error, and the others with it, under other codes: of a reader that serves several kinds of document. */
  recoded(codeOf: (code: string) => string): SeamlockError {
    return new SeamlockError(codeOf(this.code), this.message, {
      cause: this,
      ...(this.place && { place: this.place }),
      ...(this.hint && { hint: this.hint }),
      others: this.others.map((other) => other.recoded(codeOf)),
    });
  }
}
