/** What a run of the command line touches, so that tests can run it without a process of its own. */
export interface Io {
  /** Where the document goes; with `--json` nothing else is written here. */
  out(text: string): void;
  /** Where a text for a person goes that may be longer than a screen; {@link out} where there is no pager. */
  page?(text: string): void;
  /** Diagnostics and warnings. */
  err(text: string): void;
  /** A line that is written over again, on a terminal; its words are the program's own. */
  progress?(text: string): void;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly outIsTerminal: boolean;
  readonly errIsTerminal: boolean;
  /** Aborted by the first Ctrl-C if the verb asked to be told; a second one ends the process. */
  readonly signal: AbortSignal;
  /** From here on the first Ctrl-C aborts {@link signal} instead of ending the process, so that a partial result can be printed. */
  handleInterrupt(): void;
}

/** Exit statuses of the contract. */
export const EXIT = { done: 0, finding: 1, usage: 2, inconclusive: 3, interrupted: 130 } as const;
export type ExitStatus = (typeof EXIT)[keyof typeof EXIT];

/** The signals that end a run, and the status that a shell gives for each: Ctrl-C, an end from outside, and a terminal or a connection that is gone. */
export const SIGNALS = { SIGINT: EXIT.interrupted, SIGTERM: 143, SIGHUP: 129 } as const;

/** Tells how far something is, on a terminal, over what was told before. */
export function tellProgress(io: Io, text: string): void {
  if (io.progress === undefined) io.err(text);
  else io.progress(text);
}

/** Shows a text for a person, by the pager where there is one. */
export function show(io: Io, text: string): void {
  if (io.page === undefined) io.out(text);
  else io.page(text);
}
