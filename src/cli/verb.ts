import type { Command } from "commander";
import type { ExitStatus, Io } from "./io.ts";

/** One subcommand. Its file parses, calls and prints; what it computes is the business of the other folders. */
export interface Verb<Options = never> {
  /** What the help text opens with: a command line (without `seamlock `), and what it is for. */
  readonly examples: readonly (readonly [command: string, purpose: string])[];
  /** Declares arguments and options. `--json`, `--color` and `--help` are there already. */
  configure(command: Command): void;
  /**
   * @param whole loads and configures every verb, for those few that speak of the command line itself
   * @throws SeamlockError for input that cannot be used (exit status 2)
   */
  run(
    args: readonly (string | undefined)[],
    options: Options & CommonOptions,
    io: Io,
    whole: () => Promise<Command>,
  ): Promise<ExitStatus>;
}

/** Options of every verb. */
export interface CommonOptions {
  readonly json?: boolean;
}

/** A verb whose options have been checked by its own `configure`. */
export type AnyVerb = Verb<Record<string, never>>;

/** Gives a verb's file its types: `Options` states what `configure` declares. */
export function defineVerb<Options>(verb: Verb<Options>): AnyVerb {
  return verb as unknown as AnyVerb;
}
