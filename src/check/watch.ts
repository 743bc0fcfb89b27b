/** The clock and the stop button of one check, shared by everything it does: preparing, searching, shortening, liveness. */
export class Watch {
  readonly #time: number | undefined;
  readonly #started = Date.now();
  #reason: string | null = null;

  /** `time`: how many seconds all of it may take. */
  constructor(time?: number) {
    this.#time = time;
  }

  get seconds(): number {
    return (Date.now() - this.#started) / 1000;
  }

  stop(reason: string): void {
    this.#reason ??= reason;
  }

  /** Why the work must end now; null when it may go on. */
  get reason(): string | null {
    if (this.#time !== undefined && this.seconds >= this.#time)
      this.stop(`the time bound of ${this.#time} s was reached`);
    return this.#reason;
  }
}

/** Work that pauses now and then, so that whoever drives it can look at its watch or let other work run. */
export type Pausing<T> = Generator<void, T>;

/** Do such work without a break. */
export function uninterrupted<T>(work: Pausing<T>): T {
  for (;;) {
    const { value, done } = work.next();
    if (done) return value;
  }
}
