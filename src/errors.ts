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

  /**
   * @param code `SL` and four digits
   * @param message what is wrong, in one sentence without a full stop
   */
  constructor(code: string, message: string, options: { place?: Place; hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.place = options.place ?? null;
    this.hint = options.hint ?? null;
  }
}
