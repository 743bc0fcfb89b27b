/** The command line as facts: what completions of shells and the manual page are made of, and `--help` too. */
import type { Argument, Command, Option } from "commander";

/** What can stand for a value: a list, files, or whatever one likes. */
export type Values = readonly string[] | "file" | null;

export interface OptionFacts {
  /** As typed: `-m`, `--module`. */
  readonly short: string | null;
  readonly long: string;
  readonly summary: string;
  /** What the value is called; null for an option without one. */
  readonly value: string | null;
  readonly values: Values;
}

export interface ArgumentFacts {
  readonly name: string;
  readonly summary: string;
  readonly required: boolean;
  readonly variadic: boolean;
  readonly values: Values;
}

export interface VerbFacts {
  readonly name: string;
  readonly summary: string;
  readonly arguments: readonly ArgumentFacts[];
  readonly options: readonly OptionFacts[];
}

export interface ProgramFacts {
  readonly name: string;
  readonly summary: string;
  readonly version: string;
  /** Options of every verb. */
  readonly options: readonly OptionFacts[];
  readonly verbs: readonly VerbFacts[];
}

/** By what an option's value or an argument is called: the words that can stand there. */
export type Names = Readonly<Record<string, readonly string[]>>;

/** Reads the facts off a command tree whose verbs are all configured. */
export function factsOf(program: Command, names: Names): ProgramFacts {
  const options = (command: Command) =>
    command
      .createHelp()
      .visibleOptions(command)
      .map((one) => optionFacts(one, names));
  return {
    name: program.name(),
    summary: program.description(),
    version: program.version() ?? "",
    options: options(program),
    verbs: program.commands.map((command) => ({
      name: command.name(),
      summary: command.description(),
      arguments: command.registeredArguments.map((one) => argumentFacts(one, names)),
      options: options(command),
    })),
  };
}

function optionFacts(option: Option, names: Names): OptionFacts {
  const value = /<([^>]*)>/.exec(option.flags)?.[1] ?? null;
  return {
    short: option.short ?? null,
    long: option.long ?? "",
    summary: option.description,
    value,
    values: value === null ? null : (option.argChoices ?? valuesOf(value, names)),
  };
}

function argumentFacts(argument: Argument, names: Names): ArgumentFacts {
  const name = argument.name();
  const { description: summary, required, variadic, argChoices } = argument;
  return { name, summary, required, variadic, values: argChoices ?? valuesOf(name, names) };
}

const FILES = ["file", "folder", "folders", "tree", "words"];

function valuesOf(name: string, names: Names): Values {
  if (Object.hasOwn(names, name)) return names[name] ?? null;
  return FILES.includes(name) ? "file" : null;
}
